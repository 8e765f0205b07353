// The last hour at a glance: how loud it was and how bright. Main thread. Fed a few times a second, while the page is
// hidden too; drawn only when it is seen.
import { palette } from './palette.js';

/** Milliseconds of one sample, and of all. */
const SAMPLE = 4000;
const HOUR = 3_600_000;
/** Decibels from nothing to the whole height. */
const FLOOR = -54;
const CEILING = -6;
/** Centre of the spectrum in Hz that is shown dark, and bright. */
const DARK = 150;
const BRIGHT = 3000;

/** A canvas and the samples of an hour, each with its time: in a pause there are none. */
export class Hour {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d');
    this.colours = palette();
    this.samples = [];
    this.gathered = { since: null, power: 0, centre: 0, count: 0 };
    new ResizeObserver(() => this.draw()).observe(canvas);
    document.addEventListener('visibilitychange', () => this.draw());
    // Time goes on in a pause as well.
    setInterval(() => this.draw(), SAMPLE);
  }

  /** Takes the level (root mean square) of this moment, and the spectrum for how bright it is. */
  record(now, rms, analyser) {
    const { gathered } = this;
    this.levels ??= new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(this.levels);
    gathered.since ??= now;
    gathered.power += rms * rms;
    gathered.centre += centreOf(this.levels, analyser.context.sampleRate / analyser.fftSize);
    gathered.count += 1;
    if (now - gathered.since < SAMPLE) return;
    const { power, centre, count } = gathered;
    this.samples.push({ time: now, rms: Math.sqrt(power / count), centre: centre / count });
    this.gathered = { since: now, power: 0, centre: 0, count: 0 };
  }

  draw() {
    const now = performance.now();
    this.samples = this.samples.filter(({ time }) => now - time < HOUR);
    if (document.hidden) return;
    const { canvas, context } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const density = Math.min(devicePixelRatio, 2);
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(height * density);
    context.scale(density, density);
    const place = (time) => width * (1 - (now - time) / HOUR);
    const step = (width * SAMPLE) / HOUR;
    context.font = '11px system-ui, sans-serif';
    context.fillStyle = 'rgba(236, 230, 218, 0.5)';
    const oldest = this.samples[0]?.time ?? now;
    if (now - oldest < HOUR / 2) context.fillText('an hour ago', 9, height / 2 + 4);
    for (const { time, rms, centre } of this.samples) {
      const loud = Math.min(Math.max((20 * Math.log10(rms + 1e-9) - FLOOR) / (CEILING - FLOOR), 0.02), 1);
      const bright = Math.log(Math.max(centre, DARK) / DARK) / Math.log(BRIGHT / DARK);
      const colour = Math.round(Math.min(0.5 + 0.45 * bright, 1) * 255) * 4;
      const [red, green, blue] = this.colours.subarray(colour, colour + 3);
      context.fillStyle = `rgb(${red} ${green} ${blue})`;
      const size = loud * height;
      context.fillRect(place(time) - step, (height - size) / 2, Math.max(step * 0.7, 0.5), size);
    }
  }
}

/** The centre of a spectrum in Hz, weighed by power; levels in dB. */
export function centreOf(levels, hertzPerBin) {
  let power = 0;
  let sum = 0;
  for (let bin = 1; bin < levels.length; bin += 1) {
    const strength = 10 ** (levels[bin] / 10);
    power += strength;
    sum += strength * bin * hertzPerBin;
  }
  return power > 0 ? sum / power : 0;
}
