// The listener: joins connection, decoder, buffer and output into one thing that plays a station. Main thread. Knows
// nothing of the page; whoever shows it listens to its events.
import { Connection, Link } from './connection.js';
import { OpusDecoder, decodesOpus } from './decoder.js';
import { ElementOutput } from './element_output.js';
import { BufferTarget } from './jitter.js';
import { Output } from './output.js';
import { Phase } from './playout.js';
import { broken, follows, seamOf } from './protocol.js';

/** Milliseconds between two reports to the station. */
const REPORT = 5000;

/** By what the sound is played. */
export const Way = Object.freeze({
  /** Chunks over the WebSocket, through this page's own buffer: close behind the station, and without a seam. */
  WEB_AUDIO: 'web audio',
  /** An HTTP stream through the browser's own player, which goes on behind a locked screen. */
  ELEMENT: 'element',
});

/**
 * Events: `change` (playing, connection), `generation` and `fault` (the station's messages), `resumed` (with
 * `seamless`: whether the sound goes on where it was), `silent` (no sound begins: with `failure`, which is null where
 * it is the browser that does not let it), `reconnecting`.
 */
export class AuralisClient extends EventTarget {
  /**
   * @param {URL} base where the station's routes begin
   * @param {object} [options]
   * @param {string[]} [options.formats] formats for sound, instead of the usual
   * @param {string} [options.way] one of `Way`; the usual where none is given
   */
  constructor(base, { formats, way } = {}) {
    super();
    this.playing = false;
    /** The latest call of `play`. */
    this.turn = null;
    /** Whether the station would not let this listener in. */
    this.locked = false;
    this.chunks = 0;
    this.clients = null;
    this.figures = null;
    this.seam = null;
    this.delay = null;
    this.decodeErrors = 0;
    /** When the station that is heard was started. */
    this.started = null;
    this.target = new BufferTarget();
    // Without a secure origin there is no worklet, and the page's own thread is a poor player.
    this.way = way ?? (globalThis.isSecureContext && globalThis.AudioWorkletNode ? Way.WEB_AUDIO : Way.ELEMENT);
    this.output = new Output((figures) => this.hearFigures(figures), () => this.interrupted());
    this.element = new ElementOutput(base, () => this.emit('change'), () => this.pause());
    this.decoder = new OpusDecoder({
      onChunk: (chunk) => this.buffer(chunk),
      onFailure: (why, next) => this.decodeNoMore(why, next),
    });
    this.connection = new Connection({
      base,
      formats,
      // After a break it goes on where it was, if the station still has that; after a pause with what is new.
      resume: () => this.seam?.next ?? null,
      onChunk: (chunk) => this.hearChunk(chunk),
      onMessage: (message) => this.hearMessage(message),
      onChange: () => this.hearLink(),
    });
    this.prepared = decodesOpus().then((decodes) => {
      if (decodes) return;
      this.connection.forgo('opus');
      // The browser's own player takes Opus wherever there is any: a tenth of the bytes.
      if (!way && navigator.connection?.saveData) this.way = Way.ELEMENT;
    });
    setInterval(() => this.reportToStation(), REPORT);
  }

  /** Connects for events: what plays, and what others change. Where the station would refuse, it does not try. */
  start(locked = false) {
    this.locked = locked;
    if (locked) {
      this.pause();
      this.connection.close();
    } else if (this.connection.link === Link.CLOSED) {
      this.connection.open(this.playing ? 'sound' : 'events');
    }
  }

  /** Begins to play. Call it from a gesture of the user. */
  async play() {
    if (this.playing || this.locked) return;
    const turn = (this.turn = {});
    this.playing = true;
    this.seam = null;
    this.emit('change');
    let running = false;
    let failure = null;
    try {
      running = await this.begin();
    } catch (error) {
      console.error(error);
      failure = error;
    }
    // Who paused and plays again meanwhile waits for a call of his own.
    if (turn !== this.turn) return;
    if (!this.playing) {
      this.sleep();
    } else if (!running) {
      this.pause();
      this.emit('silent', { failure });
    } else {
      this.connection.open(this.way === Way.ELEMENT ? 'events' : 'sound');
    }
  }

  /** Opens the output. Returns whether it runs.
   * @throws {Error} where it cannot be opened */
  async begin() {
    if (this.way === Way.ELEMENT) {
      try {
        return await this.element.open();
      } catch (error) {
        console.warn(`the browser's own player: ${error.message}`);
        this.element.sleep();
      }
    }
    await Promise.all([this.output.open(), this.prepared]);
    const { running } = this.output;
    if (running) {
      // Where neither can be opened the station is away, and the choice stays.
      this.way = Way.WEB_AUDIO;
      this.output.send({ want: true, target: this.target.ms(performance.now()) });
    }
    return running;
  }

  /** Fades out and stops. */
  pause() {
    if (!this.playing) return;
    this.stop();
    this.connection.open('events');
  }

  stop() {
    this.playing = false;
    this.sleep();
    this.emit('change');
  }

  sleep() {
    this.output.send({ want: false });
    this.output.sleep();
    this.element.sleep();
    this.decoder.clear();
    this.delay = null;
  }

  /** Plays by another way from now on. Call it from a gesture of the user. */
  async choose(way) {
    if (way === this.way) return;
    const { playing } = this;
    this.pause();
    this.way = way;
    this.emit('change');
    if (playing) await this.play();
  }

  /** The system took Web Audio away. Behind a locked screen the browser's own player may still be heard. */
  async interrupted() {
    if (!this.playing) return;
    if (document.hidden) await this.choose(Way.ELEMENT);
    else this.pause();
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
    const { link } = this.connection;
    if (link === Link.CONNECTING) {
      this.target.connected();
      this.firstOfConnection = true;
    }
    if (link === Link.WAITING) this.emit('reconnecting');
    // Nothing comes any more: what was meant to play need not wait for it.
    if (this.playing && (link === Link.REFUSED || link === Link.ENDED)) this.stop();
    else this.emit('change');
  }

  hearChunk(chunk) {
    this.chunks += 1;
    if (chunk.frames > 0) this.target.arrival(performance.now(), (chunk.frames / chunk.rate) * 1000);
    const seamless = follows(chunk, this.seam);
    if (this.firstOfConnection && this.seam !== null) this.emit('resumed', { seamless });
    this.firstOfConnection = false;
    this.seam = seamOf(chunk);
    if (chunk.packets) this.decoder.take({ ...chunk, seamless });
    else this.buffer({ ...chunk, seamless });
  }

  buffer(chunk) {
    this.output.send({ chunk, target: this.target.ms(performance.now()) }, [chunk.left.buffer, chunk.right.buffer]);
  }

  /** The browser cannot decode what it said it can: goes on with PCM from the chunk that is missing. */
  decodeNoMore(why, next) {
    console.warn(`Opus: ${why}`);
    this.decodeErrors += 1;
    this.seam = next === null ? this.seam : { ...broken(this.seam), next };
    this.connection.forgo('opus');
  }

  hearMessage(message) {
    if (message.type === 'generation_update') this.emit('generation', message);
    if (message.type === 'error') this.emit('fault', message);
    if (message.type === 'status') {
      if (message.started !== this.started) this.seam = broken(this.seam);
      this.started = message.started;
      this.clients = message.active_clients;
    }
  }

  hearFigures(figures) {
    const now = performance.now();
    if (this.figures !== null && figures.underruns > this.figures.underruns) this.target.underrun(now);
    this.figures = figures;
    const clock = this.connection.clock.at(now);
    const known = clock !== null && this.playing && figures.phase === Phase.PLAYING && figures.heard !== null;
    this.delay = known ? clock - figures.heard / 1000 + this.output.latencyMs : null;
  }

  reportToStation() {
    if (!this.playing) return;
    const { bufferMs, underruns, played } = this.stats();
    this.connection.send({
      type: 'report',
      buffer_ms: bufferMs,
      underruns,
      played_chunk_index: played < 0 ? undefined : played,
      client_time: performance.now(),
      round_trip_ms: this.connection.clock.roundTrip ?? undefined,
      delay_ms: this.delay ?? undefined,
    });
  }

  /** Milliseconds by which the ear is behind the station's clock, as it was measured; 0 before that. Below zero where it
   * is ahead: chunks are sent as soon as they are rendered. */
  get delayMs() {
    return this.delay ?? 0;
  }

  /** The volume as the position of its slider, 0 to 1. */
  set volume(position) {
    this.output.volume = position;
    this.element.volume = position;
  }

  /** All figures of this moment: read-only, for tests and the debug page. */
  stats() {
    const { connection, output, target, way } = this;
    const figures = way === Way.ELEMENT ? this.element.figures() : this.figures;
    return {
      playing: this.playing,
      connection: connection.link,
      mode: connection.mode,
      format: way === Way.ELEMENT && this.playing ? this.element.stream : connection.format,
      reconnects: connection.reconnects,
      malformed: connection.malformed,
      decodeErrors: this.decodeErrors,
      bytes: connection.bytes,
      chunks: this.chunks,
      latencyMs: connection.clock.roundTrip,
      delayMs: this.delay,
      jitterMs: target.tracker.deviation,
      listeners: this.clients,
      backend: way === Way.ELEMENT ? 'element' : output.backend,
      playedMs: figures?.playedMs ?? 0,
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
