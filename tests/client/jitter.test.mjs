// The tracker agrees with the station's own; the target follows what the line does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BufferTarget, JitterTracker, LEAST_TARGET, MOST_TARGET } from '../../server/client/jitter.js';

test('figures follow the intervals, as the station computes them', () => {
  // The same numbers as in nodes/src/ring_buffer/jitter.rs.
  const tracker = new JitterTracker(0.1, 4);
  for (const interval of [500, 90, 110, 90, 110]) tracker.arrival(interval);
  assert.deepEqual([tracker.mean, tracker.variance, tracker.deviation], [100, 100, 10]);
  assert.ok(Math.abs(tracker.recommended(95) - 116.45) < 1e-9);
  assert.ok(Math.abs(tracker.recommended(99) - 123.26) < 1e-9);
  assert.ok(tracker.average > 300, 'the average remembers what the window forgot');
  tracker.underrun();
  assert.equal(tracker.underrunRate, 0.2);
  tracker.reset();
  assert.deepEqual([tracker.mean, tracker.average, tracker.underrunRate], [0, 0, 0]);
});

/** What a quiet line needs, in ms, where a chunk has 100. */
const QUIET = 275;

/** A line on which chunks of 100 ms arrive with delays. Returns the target at the end, and the time. */
function listen(target, start, chunks, delay) {
  let now = start;
  for (let i = 0; i < chunks; i += 1) {
    now = Math.max(now, start + i * 100 + delay(i));
    target.arrival(now, 100);
  }
  return { now, ms: target.ms(now) };
}

test('a quiet line needs little, a stuttering one more, and the bounds hold', () => {
  assert.ok(listen(new BufferTarget(), 0, 200, () => 0).ms <= QUIET);
  const rough = listen(new BufferTarget(), 0, 200, (i) => (i % 7) * 30).ms;
  const worse = listen(new BufferTarget(), 0, 200, (i) => (i % 20 < 10 ? 1000 : 0)).ms;
  assert.ok(rough > QUIET + 50 && rough < 600, `${rough}`);
  assert.ok(worse > rough, `${worse}`);
  const dreadful = listen(new BufferTarget(), 0, 400, (i) => (i % 100 === 50 ? 9900 : 0)).ms;
  assert.equal(dreadful, MOST_TARGET);
});

test('chunks of the welcome, all at once, are no jitter', () => {
  const target = new BufferTarget();
  for (let i = 0; i < 5; i += 1) target.arrival(i, 100);
  const { ms } = listen(target, 100, 100, () => 0);
  assert.ok(ms <= QUIET, `${ms}`);
});

test('an underrun raises the target, and time lets it sink again', () => {
  const target = new BufferTarget();
  const { now, ms } = listen(target, 0, 100, () => 0);
  target.underrun(now);
  assert.ok(Math.abs(target.ms(now) - 1.5 * ms) < 1e-6);
  target.connected();
  assert.ok(target.ms(now) >= 1.4 * ms, 'a new connection does not forget it');
  for (let i = 0; i < 10; i += 1) target.underrun(now);
  assert.equal(target.ms(now), MOST_TARGET);
  const later = now + 10 * 3_600_000;
  const { ms: calm } = listen(target, later, 200, () => 0);
  assert.ok(calm <= QUIET && calm >= LEAST_TARGET, `${calm}`);
});
