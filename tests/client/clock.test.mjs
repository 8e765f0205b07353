// The station's clock is found through a line that takes its time, now this way and now that.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StationClock } from '../../server/client/clock.js';

/** The station's clock is so far ahead of ours, in ms. */
const AHEAD = 1_700_000_000_000.25;

/** A question that goes out at `sent` and takes so many ms on either way. */
function ask(clock, sent, there, back) {
  clock.pong(sent, sent + there + back, sent + there + AHEAD);
}

test('the shortest round trip tells the clock, the median one is the round trip', () => {
  const clock = new StationClock();
  assert.deepEqual([clock.at(5), clock.roundTrip], [null, null]);
  ask(clock, 0, 400, 20);
  assert.equal(clock.at(0) - AHEAD, 190, 'by one trip it is half of the difference off');
  ask(clock, 4000, 21, 20);
  ask(clock, 8000, 20, 300);
  ask(clock, 12_000, 60, 25);
  ask(clock, 16_000, 22, 500);
  assert.ok(Math.abs(clock.at(20_000) - 20_000 - AHEAD) <= 0.5, `${clock.at(20_000) - 20_000 - AHEAD} ms off`);
  assert.equal(clock.roundTrip, 320);
});

test('trips of long ago are forgotten, since clocks drift', () => {
  const clock = new StationClock();
  ask(clock, 0, 1, 1);
  for (let i = 1; i <= 8; i += 1) clock.pong(i * 4000, i * 4000 + 10, i * 4000 + 5 + AHEAD + 3);
  assert.ok(Math.abs(clock.at(0) - AHEAD - 3) < 0.01);
  clock.reset();
  assert.equal(clock.at(0), null);
});

test('an answer to nothing is none', () => {
  const clock = new StationClock();
  clock.pong(undefined, 10, AHEAD);
  clock.pong(20, 10, AHEAD);
  clock.pong(0, 10, Number.NaN);
  assert.equal(clock.at(0), null);
});
