// What this page's user may do at the station, and how the page shows it. Main thread. The station itself holds to it; the
// page only offers nothing that would be refused.
import { byId } from './dom.js';

/** Everything that there is to be allowed: what a station that says nothing of rights allows. */
const ALL = ['listen', 'status', 'metrics', 'control', 'edit'];

/** Events: `change`. */
export class Rights extends EventTarget {
  /** @param {URL} base where the station's routes begin */
  constructor(base) {
    super();
    this.base = base;
    /** What is allowed, in the station's order; nothing is known yet. */
    this.all = null;
  }

  /** Whether something is allowed. */
  may(right) {
    return this.all.includes(right);
  }

  /** Asks the station; where it is away, what was known stays. */
  async load() {
    const before = this.all;
    try {
      const response = await fetch(new URL('api/v1/me', this.base), { cache: 'no-store' });
      this.all = response.ok ? (await response.json()).may : ALL;
    } catch {
      this.all ??= ALL;
    }
    if (this.all.join() === before?.join()) return;
    this.show();
    this.dispatchEvent(new CustomEvent('change'));
  }

  show() {
    const controls = this.may('control');
    for (const section of document.querySelectorAll('[data-takes=control]')) section.inert = !controls;
    byId('controls-note').hidden = controls || !this.may('listen');
    byId('listen-note').hidden = this.may('listen');
  }
}
