// The listener: joins connection, buffer and output into one thing that plays a station. Main thread. Knows nothing of
// the page; whoever shows it listens to its events.
import { Connection, Link } from './connection.js';
import { BufferTarget } from './jitter.js';
import { Output } from './output.js';
import { Phase } from './playout.js';
import { broken, follows, seamOf } from './protocol.js';

/** Milliseconds between two reports to the station. */
const REPORT = 5000;

/**
 * Events: `change` (playing, connection), `generation` and `fault` (the station's messages), `resumed` (with
 * `seamless`: whether the sound goes on where it was), `silent` (the browser lets no sound begin),
 * `reconnecting`.
 */
export class AuralisClient extends EventTarget {
  /**
   * @param {URL} base where the station's routes begin
   * @param {string[]} [formats] formats for sound, instead of the usual
   */
  constructor(base, formats) {
    super();
    this.playing = false;
    this.chunks = 0;
    this.clients = null;
    this.aheadMs = 0;
    this.figures = null;
    this.seam = null;
    /** When the station that is heard was started. */
    this.started = null;
    this.target = new BufferTarget();
    this.output = new Output((figures) => this.hearFigures(figures), () => this.pause());
    this.connection = new Connection({
      base,
      formats,
      // After a break it goes on where it was, if the station still has that; after a pause with what is new.
      resume: () => this.seam?.next ?? null,
      onChunk: (chunk) => this.hearChunk(chunk),
      onMessage: (message) => this.hearMessage(message),
      onChange: () => this.hearLink(),
    });
    setInterval(() => this.reportToStation(), REPORT);
  }

  /** Connects for events: what plays, and what others change. */
  start() {
    this.connection.open('events');
  }

  /** Begins to play. Call it from a gesture of the user. */
  async play() {
    if (this.playing) return;
    this.playing = true;
    this.seam = null;
    this.emit('change');
    let running = false;
    try {
      running = await this.output.open();
    } catch (error) {
      console.error(error);
    }
    if (!this.playing) {
      this.output.sleep();
      return;
    }
    if (!running) {
      this.pause();
      this.emit('silent');
      return;
    }
    this.output.send({ want: true, target: this.target.ms(performance.now()) });
    this.connection.open('sound');
  }

  /** Fades out and stops. */
  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.output.send({ want: false });
    this.output.sleep();
    this.connection.open('events');
    this.emit('change');
  }

  /** Plays or pauses. */
  toggle() {
    return this.playing ? this.pause() : this.play();
  }

  /** Sends a control message. Returns whether the connection was open. */
  control(change) {
    return this.connection.send({ type: 'control', ...change, timestamp: new Date().toISOString() });
  }

  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  hearLink() {
    if (this.connection.link === Link.CONNECTING) {
      this.target.connected();
      this.firstOfConnection = true;
    }
    if (this.connection.link === Link.WAITING) this.emit('reconnecting');
    this.emit('change');
  }

  hearChunk(chunk) {
    const now = performance.now();
    this.chunks += 1;
    this.target.arrival(now, (chunk.left.length / chunk.rate) * 1000);
    const seamless = follows(chunk, this.seam);
    if (this.firstOfConnection && this.seam !== null) this.emit('resumed', { seamless });
    this.firstOfConnection = false;
    this.seam = seamOf(chunk);
    const { index, rate, left, right } = chunk;
    const message = { chunk: { index, rate, left, right, seamless }, target: this.target.ms(now) };
    this.output.send(message, [left.buffer, right.buffer]);
  }

  hearMessage(message) {
    if (message.type === 'generation_update') this.emit('generation', message);
    if (message.type === 'error') this.emit('fault', message);
    if (message.type === 'status') {
      if (message.started !== this.started) this.seam = broken(this.seam);
      this.started = message.started;
      this.clients = message.active_clients;
      this.aheadMs = message.buffer_depth_ms;
    }
  }

  hearFigures(figures) {
    if (this.figures !== null && figures.underruns > this.figures.underruns) {
      this.target.underrun(performance.now());
    }
    this.figures = figures;
  }

  reportToStation() {
    if (!this.playing || this.figures === null) return;
    this.connection.send({
      type: 'report',
      buffer_ms: this.figures.levelMs,
      underruns: this.figures.underruns,
      played_chunk_index: Math.max(0, this.figures.played),
      client_time: performance.now(),
    });
  }

  /** Milliseconds by which the ear is behind the station's clock, as far as the browser knows. */
  get delayMs() {
    if (!this.playing || this.figures === null) return 0;
    const { context } = this.output;
    const device = (context.outputLatency || context.baseLatency || 0) * 1000;
    // Chunks are sent as they are made, and so ahead of the clock.
    return Math.max(0, this.figures.levelMs + device - this.aheadMs);
  }

  /** All figures of this moment: read-only, for tests and the debug page. */
  stats() {
    const { connection, figures, output, target } = this;
    return {
      playing: this.playing,
      connection: connection.link,
      mode: connection.mode,
      format: connection.format,
      reconnects: connection.reconnects,
      malformed: connection.malformed,
      bytes: connection.bytes,
      chunks: this.chunks,
      latencyMs: connection.roundTrip,
      jitterMs: target.tracker.deviation,
      listeners: this.clients,
      backend: output.backend,
      rms: output.rms(),
      bufferMs: figures?.levelMs ?? 0,
      averageMs: figures?.averageMs ?? 0,
      targetMs: figures?.targetMs ?? target.ms(performance.now()),
      phase: figures?.phase ?? Phase.FILLING,
      underruns: figures?.underruns ?? 0,
      gaps: figures?.gaps ?? 0,
      skips: figures?.skips ?? 0,
      played: figures?.played ?? -1,
      trim: figures?.trim ?? 0,
      ratio: figures?.ratio ?? 1,
      inputRate: figures?.inputRate ?? 0,
      outputRate: figures?.outputRate ?? 0,
    };
  }
}
