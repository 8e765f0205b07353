// The browser's own player: an <audio> element on one of the station's HTTP streams. It goes on where browsers silence
// Web Audio: behind a locked screen, on pages without a secure origin. Main thread.
import { pauseBefore } from './connection.js';
import { loudness } from './output.js';
import { Phase } from './playout.js';

/** What is tried, in this order, by its address and its type. */
const STREAMS = [
  ['stream.opus', 'audio/ogg; codecs=opus'],
  ['stream.flac', 'audio/flac'],
  ['stream.wav', 'audio/wav'],
];

/**
 * Where the sound goes, if not through Web Audio. `changed` is called when it begins, stops or runs dry, `interrupted`
 * when the system pauses it: by its own buttons, or for another program.
 */
export class ElementOutput {
  /** @param {URL} base where the station's routes begin */
  constructor(base, changed, interrupted) {
    Object.assign(this, { base, changed });
    this.audio = new Audio();
    this.wanted = false;
    this.phase = Phase.FILLING;
    this.underruns = 0;
    this.attempt = 0;
    this.stream = null;
    /** The latest call of `open`, until it is put to sleep. */
    this.turn = null;
    this.audio.addEventListener('playing', () => this.set(Phase.PLAYING));
    this.audio.addEventListener('waiting', () => this.runDry());
    this.audio.addEventListener('ended', () => this.again());
    this.audio.addEventListener('error', () => this.again());
    this.audio.addEventListener('pause', () => this.wanted && !this.audio.ended && !this.audio.error && interrupted());
  }

  /** Begins to play what is new. Call it from a gesture. Returns whether the browser lets it; false as well where it was
   * put to sleep or opened anew meanwhile.
   * @throws {Error} where no stream can be played */
  async open() {
    const turn = (this.turn = {});
    const streams = STREAMS.filter(([, type]) => this.audio.canPlayType(type));
    let refused = new Error('this browser plays none of the streams');
    for (const [stream] of streams) {
      try {
        await this.load(stream);
        if (turn !== this.turn) return false;
        this.wanted = true;
        this.attempt = 0;
        return true;
      } catch (error) {
        // A try that was broken off says nothing of the stream.
        if (turn !== this.turn || error.name === 'NotAllowedError') return false;
        refused = error;
      }
    }
    throw refused;
  }

  load(stream) {
    this.stream = stream;
    this.audio.src = new URL(stream, this.base);
    return this.audio.play();
  }

  /** Stops, and lets go of the stream. */
  sleep() {
    clearTimeout(this.retry);
    this.turn = null;
    this.wanted = false;
    this.audio.pause();
    this.audio.removeAttribute('src');
    this.audio.load();
    this.set(Phase.FILLING);
  }

  set volume(position) {
    this.audio.volume = loudness(position);
    // Where the volume is the device's own (iOS), this is all that is heeded.
    this.audio.muted = position === 0;
  }

  set(phase) {
    if (phase === Phase.PLAYING) this.attempt = 0;
    this.phase = phase;
    this.changed();
  }

  runDry() {
    if (this.phase === Phase.PLAYING) this.underruns += 1;
    this.set(Phase.FILLING);
  }

  /** The stream is broken: opens it again, with growing pauses. */
  again() {
    if (!this.wanted) return;
    this.runDry();
    clearTimeout(this.retry);
    this.retry = setTimeout(() => {
      // Where it fails, the element says so by its event.
      this.load(this.stream).catch(() => {});
    }, pauseBefore(this.attempt, Math.random()));
    this.attempt += 1;
  }

  /** The figures of this moment, as `Playout.stats` has them. */
  figures() {
    const { buffered, currentTime } = this.audio;
    const levelMs = buffered.length === 0 ? 0 : Math.max(0, buffered.end(buffered.length - 1) - currentTime) * 1000;
    return { phase: this.phase, levelMs, averageMs: levelMs, underruns: this.underruns, playedMs: currentTime * 1000 };
  }
}
