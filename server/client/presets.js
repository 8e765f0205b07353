// The list of presets, of which one plays. Main thread. Whoever may not choose sees what there is, and why not.
import { el } from './dom.js';

/** A button for each, with its description. */
export class Presets {
  /**
   * @param {HTMLElement} place
   * @param {HTMLElement} note where it says who may choose
   * @param {(id: string) => void} onChoose
   */
  constructor(place, note, onChoose) {
    Object.assign(this, { place, note, onChoose });
    this.current = null;
    this.buttons = new Map();
  }

  /** Shows these presets instead of those that were there. */
  build(presets, mayChoose) {
    const list = JSON.stringify([presets, mayChoose]);
    if (list === this.list) return;
    this.list = list;
    this.buttons.clear();
    for (const { id, name, description, tags } of presets) {
      const about = [el('strong', {}, name)];
      if (description) about.push(el('span', { class: 'about' }, description));
      if (tags.length > 0) about.push(el('span', { class: 'tags' }, tags.join(' \u00b7 ')));
      const button = el('button', { type: 'button', class: 'preset', 'data-preset': id }, ...about);
      button.setAttribute('aria-disabled', !mayChoose);
      button.addEventListener('click', () => id !== this.current && this.choose(id));
      this.buttons.set(id, button);
    }
    this.place.replaceChildren(...[...this.buttons.values()].map((button) => el('li', {}, button)));
    this.note.hidden = mayChoose;
    this.show(this.current);
  }

  async choose(id) {
    const button = this.buttons.get(id);
    button.setAttribute('aria-busy', 'true');
    await this.onChoose(id);
    button.removeAttribute('aria-busy');
  }

  /** Marks the one that plays. */
  show(id) {
    this.current = id;
    for (const [key, button] of this.buttons) {
      if (key === id) button.setAttribute('aria-current', 'true');
      else button.removeAttribute('aria-current');
    }
  }
}
