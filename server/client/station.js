// What the page knows of the station: what plays, what is about to, its controls and presets. Main thread. Follows the
// station's own messages, so that every listener's page shows the same.
import { Sender } from './sender.js';

/**
 * Events: `playing` (what plays changed), `controls` (another set of controls), `presets` (another list),
 * `refused` (with the station's words).
 */
export class Station extends EventTarget {
  /**
   * @param {import('./audio_client_worklet.js').AuralisClient} client
   * @param {URL} base where the station's routes begin
   */
  constructor(client, base) {
    super();
    this.client = client;
    this.base = base;
    this.playing = null;
    this.controls = [];
    this.presets = [];
    this.mayChoose = false;
    this.nextAt = 0;
    /** The controls that were asked for: the preset's name and theirs. */
    this.surface = null;
    this.sender = new Sender((change) => client.control(change));
    client.addEventListener('generation', ({ detail }) => this.follow(detail));
    client.addEventListener('change', () => this.sender.flush());
    // It may have been started anew, with other presets or another text of the same.
    client.addEventListener('reconnecting', () => {
      this.surface = null;
    });
  }

  /** Asks for a change of key, bpm, intensity or params. */
  wish(change) {
    this.sender.wish(change);
  }

  /** Milliseconds until the next phrase is heard. */
  get dueIn() {
    return Math.max(0, this.nextAt - performance.now() + this.client.delayMs);
  }

  /** How far the phrase has come, 0 to 1. */
  get progress() {
    const length = this.playing?.phrase_ms;
    return length > 0 ? Math.min(Math.max(1 - this.dueIn / length, 0), 1) : 0;
  }

  follow(update) {
    this.playing = update;
    this.nextAt = performance.now() + update.next_phrase_in_ms;
    const surface = [update.preset, update.edition, ...Object.keys(update.params)].join();
    if (surface !== this.surface) {
      this.surface = surface;
      this.load();
    }
    this.emit('playing');
  }

  /** Fetches the controls and presets, and tells of what is new; of two calls the later one counts. */
  async load() {
    const load = (this.loading = {});
    const [controls, presets] = await Promise.all([this.get('controls'), this.get('presets')]);
    if (load !== this.loading) return;
    // Whoever has a hand on a control keeps it where only values changed: those come with what plays.
    const shape = (list) => JSON.stringify(list.map(({ value, ...rest }) => rest));
    if (controls && shape(controls.controls) !== shape(this.controls)) {
      this.controls = controls.controls;
      this.emit('controls');
    }
    if (presets) {
      this.presets = presets.presets;
      this.mayChoose = presets.may_choose;
      this.emit('presets');
    }
  }

  async get(route) {
    try {
      const response = await fetch(new URL(`api/v1/${route}`, this.base));
      return response.ok ? await response.json() : null;
    } catch {
      // The connection says that the station is away; when it is back, this is asked again.
      return null;
    }
  }

  /** Asks for another preset. Loading may take a while: over HTTP nobody's sound waits for it. */
  async choose(preset) {
    try {
      const response = await fetch(new URL('api/v1/control', this.base), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ preset }),
      });
      if (!response.ok) this.emit('refused', (await response.json()).detail);
    } catch {
      this.emit('refused', 'the station cannot be reached');
    }
  }

  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
