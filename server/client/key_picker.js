// The key: twelve tonics and a mode. Main thread.
import { el, setText } from './dom.js';
import { Hold } from './hold.js';

/** The tonics as the station names them. */
export const TONICS = ['C', 'C#', 'D', 'Eb', 'E', 'F', 'F#', 'G', 'Ab', 'A', 'Bb', 'B'];
const NATURALS = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };

/** The modes as the station names them. */
export const MODES = [
  'major',
  'dorian',
  'phrygian',
  'lydian',
  'mixolydian',
  'minor',
  'locrian',
  'harmonic minor',
  'melodic minor',
  'major pentatonic',
  'minor pentatonic',
];

/** Tonic (0 is C) and mode of a key's name, such as `F# dorian`. */
export function readKey(text) {
  const [tonic, ...mode] = text.split(' ');
  const sign = { '#': 1, b: -1 }[tonic[1]] ?? 0;
  return { tonic: (NATURALS[tonic[0]] + sign + 12) % 12, mode: mode.join(' ') };
}

/** A key's name with real accidentals, for the eye. */
export function showKey(text) {
  return text.replace(/^([A-G])#/, '$1\u266f').replace(/^([A-G])b/, '$1\u266d');
}

/** A note's name in words, for the ear of a screen reader. */
function spoken(tonic) {
  return tonic.replace('#', ' sharp').replace('b', ' flat');
}

/** Twelve buttons of which one is chosen, and the mode's list. */
export class KeyPicker {
  /** @param {(key: string) => void} onInput */
  constructor(onInput) {
    this.onInput = onInput;
    /** The key as it was last said, by the station or here: its spelling there, its tonic and its mode. */
    this.wanted = null;
    this.key = null;
    this.hold = new Hold((key) => this.draw(key));
    this.tonics = TONICS.map((tonic, index) => {
      const input = el('input', { type: 'radio', name: 'tonic', value: tonic, 'aria-label': spoken(tonic) });
      input.addEventListener('change', () => this.choose({ tonic }));
      const accidental = tonic.length > 1 ? ' accidental' : '';
      const label = el('label', { class: `tonic${accidental}` }, input, el('span', {}, showKey(tonic)));
      return { index, input, label };
    });
    this.mode = el('select', { id: 'mode' }, ...MODES.map((mode) => el('option', { value: mode }, mode)));
    this.mode.addEventListener('change', () => this.choose({ mode: this.mode.value }));
    this.pending = el('p', { id: 'key-pending', class: 'pending' });
    this.mode.setAttribute('aria-describedby', this.pending.id);
    this.element = el(
      'div',
      { class: 'key' },
      el(
        'fieldset',
        { class: 'tonics', 'aria-describedby': this.pending.id },
        el('legend', { class: 'hidden' }, 'Tonic'),
        ...this.tonics.map(({ label }) => label),
      ),
      el('div', { class: 'mode' }, el('label', { htmlFor: 'mode' }, 'Mode'), this.mode),
      this.pending,
    );
  }

  /** The user's will: another tonic or another mode. What somebody else chose of the other is left as it is. */
  choose(half) {
    if (this.key === null) return;
    this.key = { ...this.key, ...half };
    this.hold.touch();
    this.onInput(`${this.key.tonic} ${this.key.mode}`);
  }

  /** Shows the key that is wanted, the one that sounds, and when the one becomes the other, in words. */
  show(wanted, sounding, text) {
    // Said again it is no news: the user may have chosen since.
    if (wanted !== this.wanted) {
      const { tonic, mode } = readKey(wanted);
      this.wanted = wanted;
      this.key = { tonic: TONICS[tonic], mode };
    }
    this.hold.offer(wanted);
    const now = readKey(sounding).tonic;
    for (const { index, label } of this.tonics) label.classList.toggle('sounding', index === now);
    setText(this.pending, text);
  }

  draw(wanted) {
    const { tonic, mode } = readKey(wanted);
    for (const { index, input } of this.tonics) input.checked = index === tonic;
    if (this.mode.value !== mode && !isOpen(this.mode)) this.mode.value = mode;
  }
}

/** Whether a list is open, as far as the browser tells. The focus tells nothing: it stays when the list is closed. */
function isOpen(list) {
  return CSS.supports('selector(:open)') && list.matches(':open');
}
