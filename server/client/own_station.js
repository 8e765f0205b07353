// A station for oneself: what it shall play, and the way there. Its page's address is the station. Main thread.
import { el, setText } from './dom.js';
import { MODES, TONICS, showKey } from './key_picker.js';

/** Where the last wish is kept: whoever's station has ended may want the same again. */
const REMEMBERED = 'auralis.wish';
/** Seeds that are offered lie below this. */
const SEEDS = 1_000_000;
const AS_WRITTEN = 'As written';

/** A button, and the questions behind it. */
export class OwnStation {
  /**
   * @param {HTMLElement} place
   * @param {URL} root where the server's own routes begin
   */
  constructor(place, root) {
    this.place = place;
    this.root = root;
    const options = (words, read = (word) => word) => words.map((value) => el('option', { value }, read(value)));
    const usual = () => el('option', { value: '' }, AS_WRITTEN);
    this.fields = {
      preset: el('select'),
      tonic: el('select', {}, usual(), ...options(TONICS, showKey)),
      mode: el('select', { disabled: true }, ...options(MODES)),
      bpm: el('input', { type: 'number', min: 40, max: 200, step: 1, placeholder: AS_WRITTEN, inputMode: 'numeric' }),
      seed: el('input', { type: 'number', min: 0, step: 1, inputMode: 'numeric' }),
    };
    this.fields.tonic.addEventListener('change', () => this.enable());
    this.fields.mode.value = 'minor';
    this.fields.seed.value = Math.floor(Math.random() * SEEDS);
    const labels = { preset: 'Preset', tonic: 'Key', mode: 'Mode', bpm: 'Tempo', seed: 'Seed' };
    const rows = Object.entries(this.fields).map(([name, field]) => {
      return el('label', { class: 'field' }, el('span', {}, labels[name]), field);
    });
    this.said = el('p', { class: 'pending', role: 'status' });
    const make = el('button', { type: 'submit', class: 'deed' }, 'Make it');
    this.form = el('form', { id: 'own-form', class: 'own-form', hidden: true }, ...rows, make, this.said);
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.make();
    });
    this.button = el('button', { type: 'button', class: 'deed', 'aria-controls': 'own-form' }, 'A station of my own');
    this.button.addEventListener('click', () => this.open(this.form.hidden));
    place.append(this.button, this.form);
    this.open(false);
    this.remember();
  }

  /** Offers these presets, or nothing where there are none. */
  async offer(presets) {
    this.place.hidden = presets.length === 0;
    const list = presets.join();
    if (this.place.hidden || list === this.list) return;
    this.list = list;
    const { names, current } = await this.library();
    const { preset } = this.fields;
    const chosen = preset.value || this.wished?.preset || current;
    preset.replaceChildren(...presets.map((id) => el('option', { value: id }, names.get(id) ?? id)));
    if (presets.includes(chosen)) preset.value = chosen;
  }

  /** What the presets are called, and which one the server's own station plays. */
  async library() {
    try {
      const response = await fetch(new URL('api/v1/presets', this.root));
      const { presets, current } = await response.json();
      return { names: new Map(presets.map(({ id, name }) => [id, name])), current };
    } catch {
      // Then they are called by their ids.
      return { names: new Map() };
    }
  }

  open(open) {
    this.form.hidden = !open;
    this.button.setAttribute('aria-expanded', open);
  }

  enable() {
    this.fields.mode.disabled = this.fields.tonic.value === '';
  }

  /** What is asked for. What is left as it is written is not asked for. */
  get wish() {
    const { preset, tonic, mode, bpm, seed } = this.fields;
    const wish = { preset: preset.value };
    if (seed.value) wish.seed = seed.valueAsNumber;
    if (tonic.value) wish.key = `${tonic.value} ${mode.value}`;
    if (bpm.value) wish.bpm = bpm.valueAsNumber;
    return wish;
  }

  /** Fills in the last wish. */
  remember() {
    try {
      this.wished = JSON.parse(sessionStorage.getItem(REMEMBERED));
    } catch {
      this.wished = null;
    }
    const { key, bpm, seed } = this.wished ?? {};
    if (key) [this.fields.tonic.value, this.fields.mode.value] = [key.split(' ')[0], key.split(' ').slice(1).join(' ')];
    if (bpm) this.fields.bpm.value = bpm;
    if (seed !== undefined) this.fields.seed.value = seed;
    this.enable();
  }

  async make() {
    const { wish } = this;
    setText(this.said, 'It is being made\u2026');
    try {
      const response = await fetch(new URL('api/v1/stations', this.root), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(wish),
      });
      const answer = await response.json();
      if (!response.ok) {
        setText(this.said, `The server declines: ${answer.detail}`);
        return;
      }
      keep(wish);
      location.assign(new URL(`s/${answer.station}/#play`, this.root));
    } catch {
      setText(this.said, 'The server cannot be reached.');
    }
  }
}

function keep(wish) {
  try {
    sessionStorage.setItem(REMEMBERED, JSON.stringify(wish));
  } catch {
    // A browser that keeps nothing begins with an empty form.
  }
}
