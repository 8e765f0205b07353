// How loud the nodes are: the station's pushed levels, and how a meter shows them. Main thread; the arithmetic needs no
// browser.
import { EventFeed } from './event_feed.js';

/** The lowest and the highest level that a meter shows, in dB. */
export const FLOOR = -60;
export const CEILING = 6;
/** How fast a meter falls, in dB a second; how long the highest level stands before it falls, in seconds. */
const FALL = 26;
const HOLD = 1.5;

/** Levels in dB from the station's text: a byte each, in half dB; 0 is silence. */
export function decode(text) {
  return Float32Array.from(atob(text), (letter) => {
    const byte = letter.charCodeAt(0);
    return byte === 0 ? -Infinity : byte / 2 - 115.5;
  });
}

/** Where a level stands between the floor (0) and the ceiling (1). */
export function heightOf(level) {
  return Math.min(Math.max((level - FLOOR) / (CEILING - FLOOR), 0), 1);
}

/** A level as one reads it: `−12 dB`, and nothing below the floor. */
export function readLevel(level) {
  const whole = Math.round(level);
  return whole <= FLOOR || !Number.isFinite(whole) ? '' : `${String(whole).replace('-', '\u2212')}\u202fdB`;
}

/** A meter: it rises at once and falls slowly, and keeps the highest level for a while. */
export class Meter {
  constructor() {
    [this.level, this.peak, this.since] = [-Infinity, -Infinity, 0];
  }

  /** Takes the level that comes so many seconds after the one before. */
  take(level, seconds) {
    this.level = settle(Math.max(level, this.level - FALL * seconds));
    this.since += seconds;
    if (level >= this.peak) {
      [this.peak, this.since] = [level, 0];
    } else if (this.since > HOLD) {
      this.peak = settle(Math.max(this.level, this.peak - FALL * seconds));
    }
  }
}

/** What lies under the floor is silence. */
function settle(level) {
  return level < FLOOR ? -Infinity : level;
}

/** The station's levels, for as long as it runs. */
export class LevelFeed {
  /**
   * @param {URL} base where the station's routes begin
   * @param {() => number} delay milliseconds from the station's clock to the ear
   * @param {(frame: object) => void} onLevels given what was pushed, when it is heard
   * @param {() => void} onRest when nothing more comes, for now or for good
   */
  constructor(base, delay, onLevels, onRest) {
    Object.assign(this, { base, delay, onLevels, onRest });
  }

  run(running) {
    if (running === Boolean(this.feed)) return;
    if (!running) {
      this.feed.close();
      this.feed = null;
      this.onRest();
      return;
    }
    const hear = (frame) => {
      frame.levels = decode(frame.levels);
      setTimeout(() => this.feed === feed && this.onLevels(frame), this.delay());
    };
    const rest = (state) => state !== EventSource.OPEN && this.onRest();
    const feed = new EventFeed(new URL('api/v1/levels', this.base), hear, rest);
    this.feed = feed;
  }
}
