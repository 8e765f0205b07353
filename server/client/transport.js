// Play, pause, volume and mute: by hand and by key. Main thread.
import { formatValue } from './curves.js';
import { byId } from './dom.js';
import { Slider } from './slider.js';

/** Where the volume is remembered. */
const REMEMBERED = 'auralis.volume';
const USUAL = 0.8;
/** Elements that have a use of their own for the space bar. */
const TAKES_SPACE = 'button, select, textarea, summary, a, input:not([type=range])';
/** Elements that letters are typed into, or that letters find words in. */
const TAKES_LETTERS = 'select, textarea, input:not([type=range], [type=radio], [type=checkbox])';

const RANGE = { min: 0, max: 1, curve: 'lin' };

/** The row with the play button. */
export class Transport {
  /** @param {import('./audio_client_worklet.js').AuralisClient} client */
  constructor(client) {
    this.client = client;
    this.button = byId('play');
    this.muted = false;
    this.button.addEventListener('click', () => client.toggle());
    this.slider = new Slider({
      label: 'Volume',
      name: 'volume',
      range: RANGE,
      initial: USUAL,
      format: (value) => (this.muted ? 'muted' : formatValue(value, '', RANGE)),
      onInput: (value) => this.setVolume(value),
    });
    byId('volume').append(this.slider.element);
    this.setVolume(remembered());
    document.addEventListener('keydown', (event) => this.press(event));
  }

  setVolume(value) {
    this.muted = false;
    this.client.volume = value;
    this.slider.draw(value);
    try {
      localStorage.setItem(REMEMBERED, value);
    } catch {
      // A browser that keeps nothing keeps no volume either.
    }
  }

  mute() {
    this.muted = !this.muted;
    this.client.volume = this.muted ? 0 : this.slider.value;
    this.slider.draw(this.slider.value);
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.key === ' ' && !event.target.matches(TAKES_SPACE)) {
      event.preventDefault();
      this.client.toggle();
    } else if (event.key.toLowerCase() === 'm' && !event.target.matches(TAKES_LETTERS)) {
      this.mute();
    }
  }

  /** Shows whether it plays, and how far the phrase has come (0 to 1). */
  show({ playing, progress }) {
    const word = playing ? 'Pause' : 'Play';
    if (this.button.getAttribute('aria-label') !== word) {
      this.button.setAttribute('aria-label', word);
      this.button.dataset.playing = playing;
    }
    this.button.style.setProperty('--way', progress.toFixed(3));
  }
}

function remembered() {
  try {
    const value = Number.parseFloat(localStorage.getItem(REMEMBERED));
    return value >= 0 && value <= 1 ? value : USUAL;
  } catch {
    return USUAL;
  }
}
