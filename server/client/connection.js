// The WebSocket to the station: opened in the best format it grants, watched, and opened again with growing pauses when
// it is lost. Main thread (and node, given a WebSocket). Knows nothing of the page or of playing.
import { readAudio, readFrame } from './protocol.js';

/** Formats in the order in which they are tried: with sound, and for a page that is paused. */
const FORMATS = { sound: ['pcm16', 'json'], events: ['none', 'json'] };
/** Pauses before a new try, in ms: the first is short, since most breaks are; then they double up to the longest. */
const FIRST_PAUSE = 120;
const SECOND_PAUSE = 500;
const LONGEST_PAUSE = 15_000;
/** A connection that held for so many ms was good: the pauses begin anew. */
const GOOD_AFTER = 5000;
/** Silence in ms after which a connection is in doubt, with sound and without; and what an answer may take then. (The
 * timers of a page in the background fire once a minute: silence alone proves nothing.) */
const SILENCE = { sound: 2500, events: 12_000 };
const ANSWER = 3000;
/** Milliseconds between two pings. */
const PING = 4000;
/** Round trips that the shown latency is the median of. */
const TRIPS = 5;
/** WebSocket close code: the server has no room. */
const TRY_AGAIN_LATER = 1013;

/**
 * The pause before try number `attempt` (from 0), in ms. Half of it and more is chance, so that listeners who lost a
 * station together do not come back all at once.
 * @param {number} chance from 0 to 1
 */
export function pauseBefore(attempt, chance) {
  if (attempt === 0) return FIRST_PAUSE * chance;
  const longest = Math.min(SECOND_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE);
  return longest * (0.5 + 0.5 * chance);
}

/** Where the connection stands. */
export const Link = Object.freeze({
  CLOSED: 'closed',
  CONNECTING: 'connecting',
  OPEN: 'open',
  WAITING: 'waiting',
});

/** One connection, for as long as the page lives. */
export class Connection {
  /**
   * @param {object} options
   * @param {URL} options.base where the station's routes begin
   * @param {string[]} [options.formats] formats for sound, instead of the usual
   * @param {() => number | null} options.resume the chunk to go on from, if any
   * @param {(chunk: import('./protocol.js').Chunk) => void} options.onChunk
   * @param {(message: object) => void} options.onMessage
   * @param {() => void} options.onChange
   */
  constructor({ base, formats, resume, onChunk, onMessage, onChange }) {
    Object.assign(this, { base, resume, onChunk, onMessage, onChange });
    this.formats = { ...FORMATS, ...(formats && { sound: formats }) };
    this.link = Link.CLOSED;
    this.mode = 'events';
    this.format = null;
    this.refused = new Set();
    this.attempt = 0;
    this.retryAt = 0;
    this.trips = [];
    this.bytes = 0;
    this.malformed = 0;
    this.reconnects = 0;
    globalThis.addEventListener?.('online', () => this.hurry());
  }

  /** Opens in a mode, `sound` or `events`; does nothing where that is so already. */
  open(mode) {
    if (this.mode === mode && this.link !== Link.CLOSED) return;
    this.mode = mode;
    this.attempt = 0;
    this.connect();
  }

  /** Does not wait any longer for the next try. */
  hurry() {
    if (this.link === Link.WAITING) this.connect();
  }

  /** Ends the connection for good. */
  close() {
    this.drop();
    this.set(Link.CLOSED);
  }

  /** Sends a message, if the connection is open. Returns whether it was. */
  send(message) {
    if (this.link !== Link.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** Time to the station and back in ms; null before it was measured. */
  get roundTrip() {
    const sorted = [...this.trips].sort((a, b) => a - b);
    return sorted.length === 0 ? null : sorted[sorted.length >> 1];
  }

  connect() {
    this.drop();
    const formats = this.formats[this.mode];
    if (formats.every((format) => this.refused.has(format))) this.refused.clear();
    this.format = formats.find((format) => !this.refused.has(format));
    const url = new URL('ws/stream', this.base);
    url.protocol = url.protocol.replace('http', 'ws');
    url.searchParams.set('format', this.format);
    const from = this.mode === 'sound' ? this.resume() : null;
    if (from !== null) url.searchParams.set('from', from);
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    const current = (act) => (event) => this.socket === socket && act(event);
    socket.onopen = current(() => this.opened());
    socket.onmessage = current(({ data }) => this.hear(data));
    socket.onclose = current(({ code }) => this.lost(code));
    this.set(Link.CONNECTING);
    this.watch(SILENCE.events);
  }

  /** Lets go of the socket, without a word to anybody. */
  drop() {
    clearTimeout(this.retry);
    clearTimeout(this.watchdog);
    clearInterval(this.pings);
    const { socket } = this;
    this.socket = null;
    socket?.close();
  }

  set(link) {
    this.link = link;
    this.onChange();
  }

  opened() {
    this.openedAt = performance.now();
    this.trips = [];
    this.set(Link.OPEN);
    this.ping();
    this.pings = setInterval(() => this.ping(), PING);
  }

  ping() {
    this.send({ type: 'ping', client_time: performance.now() });
    this.send({ type: 'status_request' });
    if (performance.now() - this.openedAt > GOOD_AFTER) this.attempt = 0;
  }

  /** Asks whether anybody is there unless something is heard within some ms, and then does not wait for long. */
  watch(ms) {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => {
      this.ping();
      this.watchdog = setTimeout(() => this.lost(), ANSWER);
    }, ms);
  }

  hear(data) {
    this.watch(SILENCE[this.mode]);
    this.bytes += data.byteLength ?? data.length;
    let message;
    try {
      message = typeof data === 'string' ? JSON.parse(data) : { type: 'audio', chunk: readFrame(data) };
      if (message.type === 'audio') message.chunk ??= readAudio(message);
    } catch {
      // What cannot be read is passed over, and counted.
      this.malformed += 1;
      return;
    }
    if (message.type === 'audio') this.sound(message.chunk);
    else if (message.type === 'pong') this.pong(message);
    else this.onMessage(message);
  }

  sound(chunk) {
    if (this.mode === 'sound') this.onChunk(chunk);
  }

  pong({ client_time: sent }) {
    this.trips.push(performance.now() - sent);
    if (this.trips.length > TRIPS) this.trips.shift();
  }

  async lost(code) {
    const { format, socket } = this;
    const refused = this.link === Link.CONNECTING;
    if (this.link === Link.OPEN) this.reconnects += 1;
    this.drop();
    const pause = pauseBefore(code === TRY_AGAIN_LATER ? this.attempt + 4 : this.attempt, Math.random());
    this.attempt += 1;
    this.retryAt = performance.now() + pause;
    this.retry = setTimeout(() => this.connect(), pause);
    this.set(Link.WAITING);
    // A station that answers, but not to this, does not know the format; one that does not answer is away.
    if (refused && socket && (await this.answers())) this.refused.add(format);
  }

  async answers() {
    try {
      await fetch(new URL('api/v1/health', this.base), { cache: 'no-store' });
      return true;
    } catch {
      return false;
    }
  }
}
