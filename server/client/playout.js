// From chunks to the sound card: a ring of frames that is kept at its target by resampling a hair faster or slower,
// and that fades where sound begins and ends. Runs on the audio thread (and in node); never waits.
import { Resampler } from './resampler.js';

/** Sound that the ring can hold, in seconds. */
const CAPACITY = 12;
/** Length of a fade at start, stop and underrun, in seconds. */
const FADE = 0.04;
/** Length of the fades that hide a seam between chunks that do not belong together, in seconds. */
const SEAM = 0.01;
/** Most that playing goes faster or slower to correct drift: 3.5 cents. */
export const MOST_TRIM = 0.002;
/** Distance from the target, in ms, at which the correction is at its most. */
const FULL_TRIM_AT = 50;
/** Time constants in seconds: of the level's average (chunks make it a saw-tooth), and of the correction. */
const LEVEL_TIME = 2;
const TRIM_TIME = 1;
/** The station sends a few chunks at once to whoever comes: for so many seconds playing waits for the rest of them. */
const SETTLED = 0.06;
/** More than this above the target, in ms, is no drift: the audio stood still. It is skipped, between two fades. */
const MOST_EXCESS = 3000;

/** What the ring does. */
export const Phase = Object.freeze({
  /** Silent: sound is being gathered, or nobody wants any. */
  FILLING: 'filling',
  /** Playing, or fading in. */
  PLAYING: 'playing',
  /** Fading out: paused, run dry, or about to skip. */
  ENDING: 'ending',
});

/** The ring and what plays from it. Frames are counted from the first that was ever written. */
export class Playout {
  /** @param {number} outputRate frames per second of the sound card */
  constructor(outputRate) {
    this.outputRate = outputRate;
    this.wanted = false;
    this.targetMs = 250;
    this.underruns = 0;
    this.gaps = 0;
    this.skips = 0;
    this.phase = Phase.FILLING;
    /** Way through the fade, 0 silent to 1 full, and its step for each frame. */
    this.fade = 0;
    this.fadeStep = 1 / (FADE * outputRate);
    this.trim = 0;
    this.played = -1;
    this.heard = null;
    this.pair = new Float32Array(2);
    /** Chunks of another rate, until the present one has faded out. */
    this.next = [];
    this.prepare(44_100);
  }

  /** Makes room for frames of a rate; what was held is gone. */
  prepare(rate) {
    this.rate = rate;
    this.resampler = new Resampler(rate, this.outputRate);
    this.capacity = Math.ceil(CAPACITY * rate);
    // The first frames stand a second time behind the last, so that every stretch of `taps` lies in one piece.
    this.left = new Float32Array(this.capacity + this.resampler.taps);
    this.right = new Float32Array(this.capacity + this.resampler.taps);
    this.clear();
  }

  /** Forgets what is held. */
  clear() {
    this.written = 0;
    this.position = 0;
    this.fraction = 0;
    this.chunks = [];
    this.chunkMs = 0;
    this.readyFor = 0;
    this.average = null;
  }

  /** Milliseconds of sound that lie ready. */
  get levelMs() {
    return (Math.max(0, this.available) / this.rate) * 1000;
  }

  /** Input frames that can be played. */
  get available() {
    return this.written - this.position - this.resampler.after;
  }

  /** Takes a message of the page: a chunk, whether sound is wanted, or the target in ms. */
  take({ chunk, want, target }) {
    if (target !== undefined) this.targetMs = target;
    if (want !== undefined) this.want(want);
    if (chunk !== undefined) this.push(chunk);
  }

  /**
   * Takes a chunk. `seamless` says that it goes on where the last one ended; else both ends are faded.
   * @param {import('./protocol.js').Chunk & {seamless: boolean}} chunk
   */
  push(chunk) {
    const { index, micros, rate, left, right, seamless } = chunk;
    if (rate !== this.rate || this.next.length > 0) {
      if (this.phase !== Phase.FILLING) {
        // What plays fades out first.
        this.next.push(chunk);
        this.phase = Phase.ENDING;
        return;
      }
      this.prepare(rate);
    }
    if (this.written - this.position + left.length > this.capacity - this.resampler.taps) {
      // Nobody plays: the audio stands still. What is new will be wanted, what is old not.
      this.skips += 1;
      this.clear();
      this.phase = Phase.FILLING;
      this.fade = 0;
    }
    if (!seamless && this.chunks.length > 0) {
      this.gaps += 1;
      this.fadeOutEnd();
    }
    const fadeIn = seamless ? 0 : Math.min(Math.round(SEAM * rate), left.length);
    this.chunks.push({ index, micros, start: this.written });
    for (let frame = 0; frame < left.length; frame += 1) {
      const gain = frame < fadeIn ? raisedCosine(frame / fadeIn) : 1;
      this.store(this.written + frame, left[frame] * gain, right[frame] * gain);
    }
    this.written += left.length;
    this.chunkMs = (left.length / rate) * 1000;
  }

  store(frame, left, right) {
    const at = frame % this.capacity;
    this.left[at] = left;
    this.right[at] = right;
    if (at < this.resampler.taps) {
      this.left[this.capacity + at] = left;
      this.right[this.capacity + at] = right;
    }
  }

  /** Fades the last frames that were written and not yet played. */
  fadeOutEnd() {
    const length = Math.min(Math.round(SEAM * this.rate), this.written - this.position);
    for (let back = 0; back < length; back += 1) {
      const frame = this.written - 1 - back;
      const gain = raisedCosine(back / length);
      const at = frame % this.capacity;
      this.store(frame, this.left[at] * gain, this.right[at] * gain);
    }
  }

  /** Says whether sound is wanted. What was left from before a pause is not played after it. */
  want(wanted) {
    if (wanted && !this.wanted && this.phase === Phase.FILLING) this.clear();
    this.wanted = wanted;
  }

  /** What the level is steered to, in ms: the target, or what a long block and a chunk need at least. */
  goalMs(needed) {
    return Math.max(this.targetMs, (needed / this.rate) * 1000 + this.chunkMs);
  }

  /** Plays into two channels of the same length; zeros where there is nothing. */
  process(left, right) {
    const frames = left.length;
    const seconds = frames / this.outputRate;
    // What this block and a whole fade need.
    const needed = (frames + FADE * this.outputRate) * this.resampler.step * (1 + MOST_TRIM);
    const goal = this.goalMs(needed);
    this.turn(needed, goal, seconds);
    let frame = 0;
    if (this.phase !== Phase.FILLING) {
      this.correct(goal, seconds);
      frame = this.play(left, right);
      this.note();
    }
    left.fill(0, frame);
    right.fill(0, frame);
  }

  /** Plays until the channels are full, the fade has ended or nothing is left. Returns the frames played. */
  play(left, right) {
    const { resampler, capacity, pair } = this;
    const advance = resampler.step * (1 + this.trim);
    const direction = this.phase === Phase.PLAYING ? this.fadeStep : -this.fadeStep;
    for (let frame = 0; frame < left.length; frame += 1) {
      if (this.available <= 0 || (this.fade <= 0 && direction < 0)) return frame;
      const first = (this.position + capacity - resampler.before) % capacity;
      resampler.frame(this.left, this.right, first, this.fraction, pair);
      this.fade = Math.min(Math.max(this.fade + direction, 0), 1);
      const gain = this.fade === 1 ? 1 : raisedCosine(this.fade);
      left[frame] = pair[0] * gain;
      right[frame] = pair[1] * gain;
      this.fraction += advance;
      const whole = Math.floor(this.fraction);
      this.position += whole;
      this.fraction -= whole;
    }
    return left.length;
  }

  /** What to do next: the one place where playing begins and ends. `needed` is in frames, `goal` in ms. */
  turn(needed, goal, seconds) {
    if (this.phase === Phase.ENDING && (this.fade <= 0 || this.available <= 0)) this.rest();
    if (this.phase === Phase.FILLING) {
      const ready = this.wanted && this.levelMs >= goal;
      this.readyFor = ready ? this.readyFor + seconds : 0;
      if (this.readyFor >= SETTLED) this.begin(goal);
    } else if (this.phase === Phase.PLAYING) {
      this.mayEnd(needed, goal);
    }
  }

  /** Begins to fade out where that must be. */
  mayEnd(needed, goal) {
    const dry = this.available < needed;
    const skip = this.levelMs > goal + MOST_EXCESS;
    if (this.wanted && !dry && !skip) return;
    if (this.wanted && dry) this.underruns += 1;
    if (this.wanted && !dry) this.skips += 1;
    this.phase = Phase.ENDING;
  }

  /** Begins to play, with the goal in the buffer: what is older is left out, since nobody has heard it begin. */
  begin(goal) {
    const excess = Math.floor(((this.levelMs - goal - this.chunkMs / 2) / 1000) * this.rate);
    if (excess > 0) this.position += excess;
    this.fraction = 0;
    this.fade = 0;
    this.trim = 0;
    this.average = null;
    this.readyFor = 0;
    this.phase = Phase.PLAYING;
  }

  /** Silent after a fade. */
  rest() {
    this.phase = Phase.FILLING;
    this.fade = 0;
    const next = this.next.splice(0);
    for (const chunk of next) this.push(chunk);
    // A later start begins with what is new then.
    if (!this.wanted) this.clear();
  }

  /** Steers the level towards its goal. */
  correct(goal, seconds) {
    const level = this.levelMs;
    this.average ??= level;
    this.average += (level - this.average) * Math.min(1, seconds / LEVEL_TIME);
    const distance = (this.average - goal) / FULL_TRIM_AT;
    const wish = MOST_TRIM * Math.min(Math.max(distance, -1), 1);
    this.trim += (wish - this.trim) * Math.min(1, seconds / TRIM_TIME);
  }

  /** Notes which chunk plays, and when the station's clock says it should. */
  note() {
    while (this.chunks.length > 0 && this.chunks[0].start <= this.position) {
      const { index, micros, start } = this.chunks[0];
      this.played = index;
      this.heard = micros + ((this.position - start) / this.rate) * 1e6;
      if (this.chunks.length === 1 || this.chunks[1].start > this.position) break;
      this.chunks.shift();
    }
  }

  /** The figures of this moment. */
  stats() {
    return {
      phase: this.phase,
      levelMs: this.levelMs,
      averageMs: this.average ?? this.levelMs,
      targetMs: this.targetMs,
      trim: this.phase === Phase.PLAYING ? this.trim : 0,
      ratio: 1 / (this.resampler.step * (1 + this.trim)),
      underruns: this.underruns,
      gaps: this.gaps,
      skips: this.skips,
      played: this.played,
      heard: this.heard,
      outputRate: this.outputRate,
      inputRate: this.rate,
    };
  }
}

/** From 0 to 1 without a corner at either end. */
function raisedCosine(way) {
  return 0.5 - 0.5 * Math.cos(Math.PI * way);
}
