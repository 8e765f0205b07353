// A slider along a curve: shows its value in words, where the sound is meanwhile, and what is about to be. Main thread.
import { positionOf, rounded, valueAt } from './curves.js';
import { el, setText } from './dom.js';
import { Hold } from './hold.js';

/** Steps of the keys along the way: arrow, with shift, page. */
const STEP = 0.01;
const FINE = 0.001;
const PAGE = 0.1;

let numbered = 0;

/** A labelled range input. */
export class Slider {
  /**
   * @param {object} options
   * @param {string} options.label
   * @param {import('./curves.js').Range} options.range
   * @param {(value: number) => string} options.format
   * @param {(value: number) => void} options.onInput
   * @param {number} [options.initial] where a double click or the delete key brings it
   * @param {number} [options.whole] values are multiples of this, and the arrow keys' steps
   * @param {boolean} [options.late] changes take effect later: there is room to say when
   * @param {string} [options.name] for tests and styles
   */
  constructor({ label, range, format, onInput, initial, whole, late, name }) {
    Object.assign(this, { range, format, onInput, initial, whole });
    this.hold = new Hold((value) => value !== this.value && this.draw(value));
    const id = `slider-${(numbered += 1)}`;
    this.output = el('output', { htmlFor: id });
    this.input = el('input', { id, type: 'range', min: 0, max: 1, step: 'any', 'data-control': name });
    this.mark = el('span', { class: 'mark', hidden: true });
    this.pending = el('p', { id: `${id}-pending`, class: 'pending', hidden: !late });
    if (late) this.input.setAttribute('aria-describedby', this.pending.id);
    this.element = el(
      'div',
      { class: 'slider' },
      el('label', { htmlFor: id }, label),
      this.output,
      el('div', { class: 'track' }, this.mark, this.input),
      this.pending,
    );
    this.input.addEventListener('input', () => this.move(this.input.valueAsNumber));
    this.input.addEventListener('keydown', (event) => this.press(event));
    // Of another button the release may never be told: its menu takes it.
    this.input.addEventListener('pointerdown', ({ button }) => button === 0 && this.hold.grasp());
    for (const type of ['pointerup', 'pointercancel', 'lostpointercapture']) {
      this.input.addEventListener(type, () => this.hold.release());
    }
    if (initial !== undefined) this.input.addEventListener('dblclick', () => this.set(initial));
    this.draw(range.min);
  }

  /** The user's hand: to a position. */
  move(position) {
    const { range, whole } = this;
    const raw = valueAt(range, position);
    const tidy = whole ? Math.round(raw / whole) * whole : rounded(raw);
    this.set(Math.min(Math.max(tidy, range.min), range.max));
  }

  /** The user's will: a value. */
  set(value) {
    this.hold.touch();
    this.draw(value);
    this.onInput(value);
  }

  /** What the station says. */
  show(value) {
    this.hold.offer(value);
  }

  /** Where the sound still is while the slider is elsewhere (null: nowhere else), and what will be when, in words. */
  showPending(sounding, text) {
    this.mark.hidden = sounding === null;
    if (sounding !== null) this.mark.style.setProperty('--at', positionOf(this.range, sounding));
    setText(this.pending, text);
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = positionOf(this.range, this.value);
    const arrow = this.whole ? this.whole / (this.range.max - this.range.min) : STEP;
    const step = event.shiftKey && !this.whole ? FINE : arrow;
    const places = {
      ArrowRight: at + step,
      ArrowUp: at + step,
      ArrowLeft: at - step,
      ArrowDown: at - step,
      PageUp: at + PAGE,
      PageDown: at - PAGE,
      Home: 0,
      End: 1,
    };
    if (event.key in places) this.move(places[event.key]);
    else if (event.key === 'Delete' && this.initial !== undefined) this.set(this.initial);
    else return;
    event.preventDefault();
  }

  draw(value) {
    const position = positionOf(this.range, value);
    const text = this.format(value);
    this.value = value;
    this.input.value = position;
    this.input.style.setProperty('--at', position);
    this.input.setAttribute('aria-valuetext', text);
    setText(this.output, text);
  }
}
