// What the user's hand does, as few messages: the last value of each thing, about twenty times a second. Main thread
// (and node).

/** Milliseconds between two messages. */
const INTERVAL = 50;

/** One change on top of another: what is newer wins, exposed controls each by its name. */
export function merged(older, newer) {
  const params = older.params || newer.params ? { params: { ...older.params, ...newer.params } } : {};
  return { ...older, ...newer, ...params };
}

/** Gathers changes and sends them. */
export class Sender {
  /** @param {(change: object) => boolean} send sends now; false where that cannot be, then the change is kept */
  constructor(send) {
    this.send = send;
    this.waiting = null;
    this.timer = null;
  }

  /** Adds a change: at once if nothing was sent lately, else with the next message. */
  wish(change) {
    this.waiting = merged(this.waiting ?? {}, change);
    if (this.timer === null) this.flush();
  }

  /** Sends what waits. Call it too when sending becomes possible again. */
  flush() {
    clearTimeout(this.timer);
    this.timer = null;
    if (this.waiting === null || !this.send(this.waiting)) return;
    this.waiting = null;
    this.timer = setTimeout(() => this.flush(), INTERVAL);
  }
}
