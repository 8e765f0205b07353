// That a feed begins again where browsers give up, with pauses; the rest is tested in a real browser.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { EventFeed } from '../../server/client/event_feed.js';

/** As browsers make them, in the test's hand. */
class Source extends EventTarget {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSED = 2;
  static made = [];

  constructor() {
    super();
    this.readyState = Source.CONNECTING;
    Source.made.push(this);
  }

  turn(type, readyState) {
    this.readyState = readyState;
    this.dispatchEvent(new Event(type));
  }

  close() {
    this.readyState = Source.CLOSED;
  }
}

test('a feed that a refusal has ended begins again, with growing pauses, until it is closed', () => {
  globalThis.EventSource = Source;
  mock.timers.enable({ apis: ['setTimeout'] });
  const [events, states] = [[], []];
  const feed = new EventFeed('figures', (event) => events.push(event), (state) => states.push(state));
  const refuse = () => Source.made.at(-1).turn('error', Source.CLOSED);
  const tries = () => Source.made.length;
  refuse();
  mock.timers.tick(150);
  assert.equal(tries(), 2);
  refuse();
  mock.timers.tick(240);
  assert.equal(tries(), 2, 'the second pause is longer');
  mock.timers.tick(300);
  assert.equal(tries(), 3);

  Source.made.at(-1).turn('open', Source.OPEN);
  Source.made.at(-1).dispatchEvent(Object.assign(new Event('message'), { data: '{"level":1}' }));
  assert.deepEqual(events, [{ level: 1 }]);
  Source.made.at(-1).turn('error', Source.CONNECTING);
  mock.timers.tick(60_000);
  assert.equal(tries(), 3, 'after a break the browser does it');
  assert.deepEqual(states, [2, 2, 1, 0]);

  refuse();
  mock.timers.tick(150);
  assert.equal(tries(), 4, 'what was good begins anew with a short pause');
  refuse();
  feed.close();
  mock.timers.tick(60_000);
  assert.equal(tries(), 4);
  mock.timers.reset();
});
