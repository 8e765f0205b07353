// The WebSocket to the station: opened in the best format it grants, watched, and opened again with growing pauses when
// it is lost. Main thread (and node, given a WebSocket). Knows nothing of the page or of playing.
import { StationClock } from './clock.js';
import { microseconds, readAudio, readFrame } from './protocol.js';

/** Formats in the order in which they are tried: with sound, and for a page that is paused. */
const FORMATS = { sound: ['opus', 'pcm16', 'json'], events: ['none', 'json'] };
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
/** WebSocket close codes: the server has no room, and it does not want us. */
const TRY_AGAIN_LATER = 1013;
const POLICY = 1008;
/** HTTP status: it wants a token, and not this one; there is no such station; and from here on, that it cannot answer. */
const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
const NOT_FOUND = 404;
const BROKEN = 500;

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
  /** For good: the station turned us away, or there is none any more. */
  REFUSED: 'refused',
  ENDED: 'ended',
});

/** Where nothing happens by itself. */
const AT_REST = [Link.CLOSED, Link.REFUSED, Link.ENDED];

/** One connection, for as long as the page lives. */
export class Connection {
  /**
   * @param {object} options
   * @param {URL} options.base where the station's routes begin
   * @param {string[]} [options.formats] formats for sound, instead of the usual
   * @param {() => number | null} options.resume the chunk to go on from, if any
   * @param {(chunk: import('./protocol.js').Chunk) => void} options.onChunk given sound, or packets of it
   * @param {(message: object) => void} options.onMessage
   * @param {() => void} options.onChange
   */
  constructor({ base, formats, resume, onChunk, onMessage, onChange }) {
    Object.assign(this, { base, resume, onChunk, onMessage, onChange });
    this.formats = { ...FORMATS, ...(formats && { sound: formats }) };
    this.link = Link.CLOSED;
    this.mode = 'events';
    this.format = null;
    /** What the station does not send, and what it may not. */
    this.refused = new Set();
    this.doubted = null;
    this.attempt = 0;
    this.retryAt = 0;
    this.clock = new StationClock();
    /** Whether the station had no room, or why it turned us away, in its words. */
    this.full = false;
    this.reason = '';
    this.bytes = 0;
    this.malformed = 0;
    this.reconnects = 0;
    globalThis.addEventListener?.('online', () => this.hurry());
  }

  /** Opens in a mode, `sound` or `events`; does nothing where that is so already. */
  open(mode) {
    if (this.mode === mode && !AT_REST.includes(this.link)) return;
    this.mode = mode;
    this.attempt = 0;
    this.connect();
  }

  /** Does without a format for sound from now on: this browser cannot play it. */
  forgo(format) {
    const { sound } = this.formats;
    const others = (formats) => formats.filter((other) => other !== format);
    // Where only that one was wished for, the usual ones are better than none.
    this.formats.sound = others(sound.length > 1 ? sound : FORMATS.sound);
    if (this.mode === 'sound' && this.format === format && !AT_REST.includes(this.link)) this.connect();
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
    socket.onclose = current(({ code, reason }) => this.lost(code, reason));
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
    this.full = false;
    this.doubted = null;
    this.clock.reset();
    this.set(Link.OPEN);
    this.ping();
    this.pings = setInterval(() => this.ping(), PING);
  }

  ping() {
    // The watchdog looks at connections that are not open yet as well.
    if (this.link !== Link.OPEN) return;
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

  pong({ client_time: sent, server_time: time }) {
    this.clock.pong(sent, performance.now(), microseconds(String(time)) / 1000);
  }

  async lost(code, reason) {
    const { format, socket } = this;
    const refused = this.link === Link.CONNECTING;
    if (this.link === Link.OPEN) this.reconnects += 1;
    this.drop();
    if (code === POLICY) {
      this.rest(Link.REFUSED, reason);
      return;
    }
    this.full = code === TRY_AGAIN_LATER;
    const pause = pauseBefore(this.full ? this.attempt + 4 : this.attempt, Math.random());
    this.attempt += 1;
    this.retryAt = performance.now() + pause;
    this.retry = setTimeout(() => this.connect(), pause);
    this.set(Link.WAITING);
    if (refused && socket) await this.enquire(format);
  }

  /** Finds out why a format was refused, by another question: browsers do not tell the answer to a WebSocket. */
  async enquire(format) {
    const { status, detail } = await this.ask();
    if (this.link !== Link.WAITING && this.link !== Link.CONNECTING) return;
    if (status === NOT_FOUND) {
      this.rest(Link.ENDED);
    } else if (status === UNAUTHORIZED || status === FORBIDDEN) {
      this.rest(Link.REFUSED, detail);
    } else if (status < BROKEN && this.doubted !== format) {
      // It may have come back just now.
      this.doubted = format;
    } else if (status < BROKEN) {
      // A station that answers, but not to this, does not know the format; one that does not answer is away.
      this.refused.add(format);
      this.hurry();
    }
  }

  /** What the station answers to one who may listen: the HTTP status, and the detail of a refusal. */
  async ask() {
    try {
      const response = await fetch(new URL('api/v1/controls', this.base), { cache: 'no-store' });
      const { detail } = await response.json();
      return { status: response.status, detail };
    } catch {
      return { status: BROKEN };
    }
  }

  /** Does nothing more by itself. */
  rest(link, reason = '') {
    this.drop();
    this.reason = reason;
    this.set(link);
  }
}
