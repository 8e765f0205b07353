// Server-sent events for as long as they are wanted. After a break the browser itself connects anew; after an answer
// that is an error, as of a proxy whose station is away, it gives up: then this begins again. Main thread (and node,
// given an EventSource).
import { pauseBefore } from './connection.js';

/** One address that events are pushed from, until it is closed. */
export class EventFeed {
  /**
   * @param {URL} url
   * @param {(event: object) => void} onEvent
   * @param {(state: number) => void} onState given `EventSource.OPEN`, `CONNECTING`, or `CLOSED` while it waits to
   *   begin again
   */
  constructor(url, onEvent, onState) {
    Object.assign(this, { url, onEvent, onState });
    this.attempt = 0;
    this.open();
  }

  open() {
    this.source = new EventSource(this.url);
    this.source.addEventListener('open', () => {
      this.attempt = 0;
      this.onState(this.source.readyState);
    });
    this.source.addEventListener('message', ({ data }) => this.onEvent(JSON.parse(data)));
    this.source.addEventListener('error', () => this.broken());
  }

  broken() {
    const { readyState } = this.source;
    if (readyState === EventSource.CLOSED) {
      this.retry = setTimeout(() => this.open(), pauseBefore(this.attempt, Math.random()));
      this.attempt += 1;
    }
    this.onState(readyState);
  }

  close() {
    clearTimeout(this.retry);
    this.source.close();
  }
}
