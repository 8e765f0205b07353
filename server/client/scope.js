// A spectrogram that flows by like a river: pitch upwards, the last minute to the left, this moment at the edge. Main
// thread. Draws only while it is seen and something plays; with reduced motion it stands still, renewed now and then.
import { palette } from './palette.js';

/** Pitches that are shown, in Hz, bottom and top. */
const LOWEST = 40;
const HIGHEST = 12_000;
/** Rows and columns of the picture; it is scaled to the canvas. */
const ROWS = 224;
const COLUMNS = 750;
/** Milliseconds between two columns: 750 of them are a minute. */
const COLUMN = 80;
/** Columns between two pictures: where no graphics card helps, showing one costs more than all else.
 * Where motion is not wanted, six seconds. */
const PICTURE = 2;
const STILL = 75;
/** Columns over which the picture comes out of the dark after a start. */
const DAWN = 24;
/** Decibels from the darkest to the brightest. */
const SPAN = 62;
/** Lift of what is high, in dB an octave above 1 kHz: music falls off upwards, and should be seen nevertheless. */
const LIFT = 2.5;
/** The brightest level follows the music: time constants in columns, upwards and downwards. */
const RISE = 12;
const FALL = 500;
/** Lines at these notes: C2, C3, … as MIDI keys. */
const LINES = [36, 48, 60, 72, 84, 96];
/** Right of this moment the spectrum stands as it is now: CSS pixels, at most this part of the width. */
const EDGE = 84;
const EDGE_PART = 0.14;

const INK = '236, 230, 218';

/** Frequency of a MIDI key in Hz. */
function frequencyOf(key) {
  return 440 * 2 ** ((key - 69) / 12);
}

/** Where a frequency stands: 0 at the bottom, 1 at the top. */
function heightOf(frequency) {
  return Math.log(frequency / LOWEST) / Math.log(HIGHEST / LOWEST);
}

/** A canvas and the minute that it shows. */
export class Scope {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {() => AnalyserNode | null} source
   */
  constructor(canvas, source) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d');
    this.source = source;
    this.colours = palette();
    this.reel = document.createElement('canvas');
    [this.reel.width, this.reel.height] = [COLUMNS, ROWS];
    this.film = this.reel.getContext('2d');
    this.column = this.film.createImageData(1, ROWS);
    /** How bright each row is now, 0 to 1. */
    this.now = new Float32Array(ROWS);
    this.count = 0;
    this.since = 0;
    this.top = -40;
    this.marks = [];
    this.running = false;
    this.stillness = matchMedia('(prefers-reduced-motion: reduce)');
    new ResizeObserver(() => this.fit()).observe(canvas);
    document.addEventListener('visibilitychange', () => this.turn());
    this.fit();
  }

  /** Lets the river flow, or stops it. */
  run(running) {
    if (running === this.running) return;
    this.running = running;
    this.now.fill(0);
    this.draw();
    this.turn();
  }

  turn() {
    clearInterval(this.timer);
    if (!this.running || document.hidden) return;
    this.since = this.count;
    this.timer = setInterval(() => this.step(), COLUMN);
  }

  /** Marks this moment with a word. */
  mark(text) {
    this.marks.push({ at: this.count, text });
    if (this.marks.length > 16) this.marks.shift();
  }

  /** Takes the canvas's size. */
  fit() {
    const { canvas } = this;
    const density = Math.min(devicePixelRatio, 2);
    [this.width, this.height] = [canvas.clientWidth, canvas.clientHeight];
    canvas.width = Math.round(this.width * density);
    canvas.height = Math.round(this.height * density);
    this.context.setTransform(density, 0, 0, density, 0, 0);
    this.shore = Math.round(this.width - Math.min(EDGE, this.width * EDGE_PART));
    this.draw();
  }

  step() {
    const analyser = this.source();
    if (!analyser) return;
    this.expose(analyser);
    if (this.count % (this.stillness.matches ? STILL : PICTURE) === 0) this.draw();
  }

  /** Puts the spectrum of this moment on the reel. */
  expose(analyser) {
    if (this.rate !== analyser.context.sampleRate) this.tune(analyser);
    analyser.getFloatFrequencyData(this.levels);
    const { bins, colours, column, levels, lifts, now } = this;
    const dawn = Math.min((this.count - this.since) / DAWN, 1);
    let loudest = -120;
    for (let row = 0; row < ROWS; row += 1) {
      const level = levelBetween(levels, bins[row], bins[row + 1]) + lifts[row];
      loudest = Math.max(loudest, level);
      now[row] = dawn * Math.min(Math.max(1 + (level - this.top) / SPAN, 0), 1);
      const colour = Math.round(now[row] * 255) * 4;
      column.data.set(colours.subarray(colour, colour + 4), (ROWS - 1 - row) * 4);
    }
    const wish = Math.min(Math.max(loudest, -75), -15);
    this.top += (wish - this.top) / (wish > this.top ? RISE : FALL);
    this.film.putImageData(column, this.count % COLUMNS, 0);
    this.count += 1;
  }

  /** Finds the bins of every row. */
  tune(analyser) {
    this.rate = analyser.context.sampleRate;
    this.levels = new Float32Array(analyser.frequencyBinCount);
    const edges = Array.from({ length: ROWS + 1 }, (_, row) => LOWEST * (HIGHEST / LOWEST) ** (row / ROWS));
    this.bins = edges.map((frequency) => (frequency / this.rate) * analyser.fftSize);
    this.lifts = edges.map((frequency) => LIFT * Math.max(0, Math.log2(frequency / 1000)));
  }

  draw() {
    const { context, width, height } = this;
    context.clearRect(0, 0, width, height);
    context.font = '11px system-ui, sans-serif';
    this.drawReel();
    this.drawLines();
    this.drawMarks();
    this.drawNow();
  }

  /** The reel in its order, the newest column at the shore. */
  drawReel() {
    const { context, reel, shore, height } = this;
    const cut = this.count % COLUMNS;
    const older = COLUMNS - cut;
    const seam = (older / COLUMNS) * shore;
    if (this.count >= COLUMNS) context.drawImage(reel, cut, 0, older, ROWS, 0, 0, seam, height);
    if (cut > 0) context.drawImage(reel, 0, 0, cut, ROWS, seam, 0, shore - seam, height);
  }

  drawLines() {
    const { context, width, height } = this;
    context.textAlign = 'right';
    LINES.forEach((key, index) => {
      const y = Math.round(height * (1 - heightOf(frequencyOf(key)))) + 0.5;
      context.fillStyle = `rgba(${INK}, 0.07)`;
      context.fillRect(0, y, width - 30, 1);
      context.fillStyle = `rgba(${INK}, 0.5)`;
      context.fillText(`C${index + 2}`, width - 9, y + 4);
    });
  }

  drawMarks() {
    const { context, shore } = this;
    context.textAlign = 'left';
    for (const { at, text } of this.marks) {
      const x = Math.round(shore * (1 - (this.count - at) / COLUMNS)) + 0.5;
      if (x < -150) continue;
      context.fillStyle = `rgba(${INK}, 0.16)`;
      context.fillRect(x, 0, 1, this.height);
      // Its name comes to light once it is clear of the shore.
      context.fillStyle = `rgba(${INK}, ${Math.min(Math.max((shore - x - 70) / 60, 0), 0.65)})`;
      context.fillText(text, x + 8, 62);
    }
  }

  /** The spectrum of this moment, as a comb at the shore. */
  drawNow() {
    const { context, shore, colours, height, now } = this;
    const reach = (this.width - shore) * 0.62;
    const step = height / ROWS;
    for (let row = 0; row < ROWS; row += 2) {
      const bright = Math.max(now[row], now[row + 1]);
      if (bright < 0.05) continue;
      const colour = Math.round(bright * 255) * 4;
      const [red, green, blue] = colours.subarray(colour, colour + 3);
      context.fillStyle = `rgb(${red} ${green} ${blue} / ${0.35 + 0.65 * bright})`;
      context.fillRect(shore + 3, height - (row + 2) * step, reach * bright * bright, 1.2);
    }
    context.fillStyle = `rgba(${INK}, ${this.running ? 0.4 : 0.15})`;
    context.fillRect(shore, 0, 1, height);
  }
}

/** The level in dB between two places of a spectrum: interpolated where they are close, else the loudest between. */
function levelBetween(levels, from, to) {
  const first = Math.floor(from);
  if (to - from < 1) {
    const way = from - first;
    return levels[first] * (1 - way) + levels[first + 1] * way;
  }
  let loudest = -Infinity;
  for (let bin = first; bin < to; bin += 1) loudest = Math.max(loudest, levels[bin]);
  return loudest;
}
