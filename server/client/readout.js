// What the page says: the piece, the connection, the figures, and what happened. Main thread.
import { Link } from './connection.js';
import { byId, el, setText } from './dom.js';
import { showKey } from './key_picker.js';
import { Phase } from './playout.js';

/** Milliseconds for which a notice stays. */
const NOTICE = 7000;

const FIGURES = {
  buffer: 'Buffer',
  jitter: 'Jitter',
  latency: 'Round trip',
  delay: 'Behind the station',
  underruns: 'Underruns',
  listeners: 'Listeners',
  sound: 'Sound',
};

/** The words of the page. */
export class Readout {
  constructor() {
    this.values = new Map();
    for (const [name, label] of Object.entries(FIGURES)) {
      const value = el('dd', { id: `figure-${name}` }, '\u2013');
      this.values.set(name, value);
      byId('figures').append(el('div', {}, el('dt', {}, label), value));
    }
  }

  /** Shows what plays. */
  piece({ preset_name: name, key, bpm, phrase_id: phrase }) {
    setText(byId('name'), name);
    document.title = `${name} \u2013 Auralis`;
    const number = Number(phrase.replace('phrase_', '')) + 1;
    setText(byId('facts'), `${showKey(key)}  \u00b7  ${tempo(bpm)}  \u00b7  phrase ${number}`);
  }

  /** Says that the station is no more. */
  ended() {
    setText(byId('name'), 'Gone');
    setText(byId('facts'), 'This station has ended');
    this.announce('This station has ended');
  }

  /** Shows the time to the next phrase; nothing where nobody knows (null). */
  countdown(dueIn) {
    setText(byId('next'), dueIn === null ? '\u2013' : seconds(dueIn));
  }

  /** Shows how the connection is. */
  link(stats, connection) {
    const [lamp, text] = describe(stats, connection);
    const element = byId('link');
    if (element.dataset.link !== lamp) element.dataset.link = lamp;
    setText(byId('link-text'), text);
  }

  /** Shows that the station lets only others in. */
  locked() {
    byId('link').dataset.link = 'lost';
    setText(byId('link-text'), 'For guests with a token');
  }

  /** Shows the figures of this moment. */
  figures(stats) {
    const put = (name, text) => setText(this.values.get(name), text);
    const ms = (value) => `${Math.round(value)}\u202fms`;
    const ours = stats.playing && stats.mode === 'sound';
    put('buffer', ours ? `${ms(stats.averageMs)} of ${ms(stats.targetMs)}` : stats.playing ? ms(stats.bufferMs) : '\u2013');
    put('jitter', ours ? `\u00b1\u202f${ms(stats.jitterMs)}` : '\u2013');
    put('delay', stats.delayMs === null ? '\u2013' : ms(stats.delayMs).replace('-', '\u2212'));
    put('latency', stats.latencyMs === null ? '\u2013' : stats.latencyMs < 1 ? '<\u202f1\u202fms' : ms(stats.latencyMs));
    put('underruns', String(stats.underruns));
    put('listeners', stats.listeners === null ? '\u2013' : String(stats.listeners));
    put('sound', sound(stats));
  }

  /** Says something to those who see, and to those who listen. */
  notice(text) {
    const element = byId('notice');
    element.hidden = false;
    setText(element, text);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      element.hidden = true;
      this.announce('');
    }, NOTICE);
    this.announce(text);
  }

  /** Says something to those who listen to the page. */
  announce(text) {
    setText(byId('announcer'), text);
  }
}

/** A tempo as one writes it. */
export function tempo(bpm) {
  return `${Math.round(bpm * 10) / 10}\u202fbpm`;
}

/** Milliseconds as whole seconds to come. */
export function seconds(ms) {
  const whole = Math.max(1, Math.ceil(ms / 1000));
  if (whole < 100) return `${whole}\u202fs`;
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** The formats as one calls them. */
const FORMATS = {
  opus: 'Opus',
  pcm16: 'PCM',
  json: 'PCM in JSON',
  'stream.opus': 'Opus',
  'stream.flac': 'FLAC',
  'stream.wav': 'PCM',
};

/** Which way the sound takes. */
function sound({ playing, format, backend, inputRate, outputRate }) {
  const name = FORMATS[format];
  if (!playing || !name) return '\u2013';
  if (backend === 'element') return `${name}, the browser\u2019s player`;
  const khz = (rate) => String(Math.round(rate / 100) / 10);
  return inputRate ? `${name} ${khz(inputRate)} \u2192 ${khz(outputRate)}\u202fkHz` : name;
}

function describe({ connection, playing, phase }, { retryAt, full }) {
  if (connection === Link.ENDED) return ['lost', 'Ended'];
  if (connection === Link.REFUSED) return ['lost', 'Turned away'];
  if (connection === Link.WAITING) {
    const wait = Math.ceil((retryAt - performance.now()) / 1000);
    const again = wait > 1 ? ` in ${wait}\u202fs` : '';
    return ['lost', full ? `Full, trying again${again}` : `Reconnecting${again}`];
  }
  if (connection !== Link.OPEN) return ['connecting', 'Connecting'];
  if (!playing) return ['open', 'Connected'];
  return phase === Phase.PLAYING ? ['live', 'Live'] : ['connecting', 'Buffering'];
}
