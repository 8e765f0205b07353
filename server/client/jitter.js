// How unevenly chunks arrive, and how much sound should lie ready because of it. Main thread (and node). The tracker
// follows the formulas of the station's own (nodes/src/ring_buffer/jitter.rs).

/** Standard deviations that a normal distribution exceeds 1 time in 100, one-sided. */
const P99 = 2.326;
/** Standard deviations that a normal distribution exceeds 5 times in 100, one-sided. */
const P95 = 1.645;

/** Follows intervals between arrivals: an exponential moving average and a sliding window. All times in ms. */
export class JitterTracker {
  constructor(smoothing = 0.1, length = 100) {
    this.smoothing = Math.min(Math.max(smoothing, 0), 1);
    this.length = Math.max(length, 2);
    this.reset();
  }

  /** Starts anew: the connection is another one. */
  reset() {
    this.window = [];
    this.average = 0;
    this.arrivals = 0;
    this.underruns = 0;
  }

  /** Notes an interval between two arrivals. */
  arrival(interval) {
    this.average = this.arrivals === 0 ? interval : this.average + this.smoothing * (interval - this.average);
    this.arrivals += 1;
    if (this.window.length === this.length) this.window.shift();
    this.window.push(interval);
  }

  /** Notes that nothing was there when it was due. */
  underrun() {
    this.underruns += 1;
  }

  /** Mean of the window. */
  get mean() {
    const { window } = this;
    return window.length === 0 ? 0 : window.reduce((sum, x) => sum + x, 0) / window.length;
  }

  /** Variance of the window. */
  get variance() {
    const { window, mean } = this;
    return window.length === 0 ? 0 : window.reduce((sum, x) => sum + (x - mean) ** 2, 0) / window.length;
  }

  /** Standard deviation of the window. */
  get deviation() {
    return Math.sqrt(this.variance);
  }

  /** Underruns for each arrival. */
  get underrunRate() {
    return this.arrivals === 0 ? 0 : this.underruns / this.arrivals;
  }

  /** How much should lie ready: one interval and the spread that is not exceeded 95 (or 99) times in 100. */
  recommended(confidence = 99) {
    return this.mean + (confidence === 95 ? P95 : P99) * this.deviation;
  }
}

/** Least sound that lies ready, in ms. */
export const LEAST_TARGET = 150;
/** Most sound that lies ready, in ms. */
export const MOST_TARGET = 2000;
/** What lies ready before anything was measured, in ms. */
const FIRST_TARGET = 300;
/** Intervals after which the window says something. */
const ENOUGH = 10;
/** For the pauses of browser and system, which come too rarely for the window to know them, in ms. */
const MARGIN = 120;
/** An underrun raises the target by this factor, and time lets it sink again: e-fold in so many ms. */
const RAISE = 1.5;
const FORGETTING = 600_000;
/** The chunks that a station sends at once to whoever comes say nothing of the line: they are not measured. */
const WELCOME = 500;

/** How much sound should lie ready: by measured jitter, and more after underruns. */
export class BufferTarget {
  constructor() {
    this.tracker = new JitterTracker();
    this.floor = 0;
    this.floorSince = 0;
    this.chunkMs = 100;
    this.connected();
  }

  /** A new connection: what was measured on the old one is forgotten, what underruns taught is not. */
  connected() {
    this.tracker.reset();
    this.first = null;
    this.last = null;
  }

  /** A chunk of so many ms arrived at a time. */
  arrival(now, chunkMs) {
    this.chunkMs = chunkMs;
    this.first ??= now;
    if (this.last !== null && now - this.first > WELCOME) this.tracker.arrival(now - this.last);
    this.last = now;
  }

  /** The buffer ran empty. */
  underrun(now) {
    this.tracker.underrun();
    this.floor = Math.min(this.ms(now) * RAISE, MOST_TARGET);
    this.floorSince = now;
  }

  /** The target in ms: what lies ready on average, between two arrivals. */
  ms(now) {
    const measured =
      this.tracker.arrivals < ENOUGH ? FIRST_TARGET : this.tracker.recommended(99) + this.chunkMs / 2 + MARGIN;
    const taught = this.floor * Math.exp((this.floorSince - now) / FORGETTING);
    return Math.min(Math.max(measured, taught, LEAST_TARGET), MOST_TARGET);
  }
}
