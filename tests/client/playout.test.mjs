// The ring and its fades, heard: chunks of a pure tone go in along a simulated clock, and what comes out is looked at
// sample by sample. A click is a step that the tone itself cannot make.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MOST_TRIM, Phase, Playout } from '../../server/client/playout.js';

const IN = 44_100;
const OUT = 48_000;
const TONE = 207.3;
const LOUD = 0.5;
/** The steepest step of the tone itself, and a little for the slope of a fade. */
const STEEPEST = (LOUD * 2 * Math.PI * TONE) / OUT + 0.001;

/** A chunk of 100 ms of the tone. `phase` sets it apart from its neighbours; `seamless` says that it is not. */
function chunk(index, { seamless = true, phase = 0, rate = IN } = {}) {
  const length = rate / 10;
  const left = Float32Array.from({ length }, (_, i) => {
    return LOUD * Math.sin((2 * Math.PI * TONE * (index * length + i)) / rate + phase);
  });
  return { index, micros: index * 100_000, rate, left, right: left.slice(), seamless };
}

/** Runs a playout in blocks; `events` are [second, what to do]. Everything that came out. */
function run(playout, seconds, events, block = 128) {
  const blocks = Math.round((seconds * OUT) / block);
  const output = new Float32Array(blocks * block);
  const right = new Float32Array(block);
  const queue = [...events].sort((a, b) => a[0] - b[0]);
  for (let i = 0; i < blocks; i += 1) {
    while (queue.length > 0 && queue[0][0] <= (i * block) / OUT) queue.shift()[1]();
    playout.process(output.subarray(i * block, (i + 1) * block), right);
  }
  return output;
}

/** A station that sends four chunks at once and then one each 100 ms, from a second on. */
function station(playout, { from = 0, count, start = 0, options = {}, interval = 0.1 }) {
  return Array.from({ length: count }, (_, i) => {
    const first = i === 0 ? options : {};
    const whole = { ...options, seamless: true, ...first };
    return [start + Math.max(0, i - 3) * interval, () => playout.push(chunk(from + i, whole))];
  });
}

function steepest(output) {
  let most = 0;
  for (let i = 1; i < output.length; i += 1) most = Math.max(most, Math.abs(output[i] - output[i - 1]));
  return most;
}

/** Milliseconds of silence of 5 ms or more, between the first sound and the last. */
function silences(output) {
  const heard = output.findIndex((x) => Math.abs(x) > 0.01);
  const last = output.findLastIndex((x) => Math.abs(x) > 0.01);
  let [quiet, total] = [0, 0];
  for (let i = heard; i <= last; i += 1) {
    quiet = Math.abs(output[i]) < 0.01 ? quiet + 1 : 0;
    if (quiet === 0.005 * OUT) total += 0.005 * OUT;
    else if (quiet > 0.005 * OUT) total += 1;
  }
  return (total / OUT) * 1000;
}

function listening(targetMs = 250) {
  const playout = new Playout(OUT);
  playout.take({ want: true, target: targetMs });
  return playout;
}

test('playing begins once the target lies ready, with the target in the buffer, without a click', () => {
  const playout = listening();
  const output = run(playout, 3, station(playout, { count: 40 }));
  const start = output.findIndex((x) => x !== 0) / OUT;
  assert.ok(start > 0.05 && start < 0.2, `began after ${start} s`);
  assert.ok(steepest(output) < STEEPEST);
  assert.equal(silences(output), 0);
  const { averageMs, underruns, gaps, phase, played } = playout.stats();
  assert.ok(Math.abs(averageMs - 250) < 60, `${averageMs} ms lie ready`);
  assert.deepEqual([underruns, gaps, phase], [0, 0, Phase.PLAYING]);
  assert.ok(played >= 29 && played <= 32, `chunk ${played} plays`);
  const { heard } = playout.stats();
  assert.ok(heard >= played * 100_000 && heard < (played + 1) * 100_000, `${heard} us in chunk ${played}`);
});

test('nothing plays, and nothing is kept, where nobody wants it', () => {
  const playout = new Playout(OUT);
  const output = run(playout, 1, station(playout, { count: 10 }));
  assert.ok(output.every((x) => x === 0));
  playout.want(true);
  assert.equal(playout.stats().levelMs, 0, 'what came before is stale');
});

test('the tone comes out at its pitch and level', () => {
  const playout = listening();
  const output = run(playout, 4, station(playout, { count: 50 })).slice(2 * OUT);
  const peak = output.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  assert.ok(Math.abs(peak - LOUD) < 0.001, `${peak}`);
  let crossings = 0;
  for (let i = 1; i < output.length; i += 1) crossings += output[i - 1] < 0 && output[i] >= 0 ? 1 : 0;
  assert.ok(Math.abs(crossings / 2 - TONE) <= TONE * MOST_TRIM + 0.5, `${crossings / 2} Hz`);
});

test('pause and play fade, and play begins with what is new', () => {
  const playout = listening();
  const later = station(playout, { from: 500, start: 2.5, count: 30, options: { phase: 1 } });
  const output = run(playout, 5, [
    ...station(playout, { count: 25 }),
    [2, () => playout.want(false)],
    [2.45, () => playout.want(true)],
    ...later,
  ]);
  assert.ok(steepest(output) < STEEPEST);
  assert.ok(output.slice(2.1 * OUT, 2.5 * OUT).every((x) => x === 0));
  assert.ok(playout.stats().played >= 500);
  assert.equal(playout.stats().underruns, 0);
  assert.equal(playout.stats().gaps, 0, 'a pause is no gap');
});

test('a line that stands still is one underrun, faded, and play goes on when the target lies ready again', () => {
  const playout = listening();
  const output = run(playout, 6, [
    ...station(playout, { count: 20 }),
    ...station(playout, { from: 20, start: 3, count: 40 }),
  ]);
  assert.equal(playout.stats().underruns, 1);
  assert.ok(steepest(output) < STEEPEST, `${steepest(output)}`);
  const gap = silences(output);
  assert.ok(gap > 800 && gap < 1400, `${gap} ms of silence`);
  assert.equal(playout.stats().phase, Phase.PLAYING);
});

test('chunks that do not belong together are joined without a click or a silence', () => {
  const playout = listening(400);
  const output = run(playout, 5, [
    ...station(playout, { count: 20 }),
    [1.75, () => playout.push(chunk(90, { seamless: false, phase: 2 }))],
    ...Array.from({ length: 30 }, (_, i) => [1.8 + i / 10, () => playout.push(chunk(91 + i, { phase: 2 }))]),
  ]);
  assert.ok(steepest(output) < STEEPEST + 0.5 * (Math.PI / 2 / (0.01 * OUT)), `${steepest(output)}`);
  assert.ok(silences(output) < 15, `${silences(output)} ms`);
  assert.deepEqual([playout.stats().gaps, playout.stats().underruns], [1, 0]);
});

test('a station that comes back with another rate is heard at its pitch, after a fade', () => {
  const playout = listening();
  const output = run(playout, 5, [
    ...station(playout, { count: 20 }),
    ...station(playout, { from: 3, start: 1.6, count: 40, options: { rate: 48_000, seamless: false } }),
  ]);
  assert.ok(steepest(output) < STEEPEST, `${steepest(output)}`);
  assert.equal(playout.stats().inputRate, 48_000);
  assert.equal(playout.stats().phase, Phase.PLAYING);
});

for (const [words, drift] of [
  ['fast', -0.0003],
  ['slow', 0.0003],
]) {
  test(`a station whose clock is ${words} is followed by resampling alone`, () => {
    const playout = listening(200);
    const interval = 0.1 * (1 + drift);
    const output = run(playout, 120, station(playout, { count: 1300, interval }));
    const { averageMs, trim, underruns, gaps, skips } = playout.stats();
    assert.ok(Math.abs(averageMs - 200) < 30, `${averageMs} ms lie ready`);
    assert.ok(Math.abs(trim + drift) < 0.0001, `corrected by ${trim}`);
    assert.deepEqual([underruns, gaps, skips], [0, 0, 0]);
    assert.ok(steepest(output) < STEEPEST);
    assert.equal(silences(output), 0);
  });
}

test('no level asks for a correction that could be heard', () => {
  for (const targetMs of [150, 2000]) {
    const playout = listening(150);
    run(playout, 2, station(playout, { count: 30 }));
    playout.take({ target: targetMs });
    for (let second = 0; second < 10; second += 1) {
      run(playout, 1, station(playout, { from: 30 + 10 * second, count: 10 }));
      assert.ok(Math.abs(playout.stats().trim) <= MOST_TRIM);
    }
  }
});

test('after the audio stood still, what is old is skipped', () => {
  const playout = listening();
  run(playout, 2, station(playout, { count: 25 }));
  for (let i = 25; i < 65; i += 1) playout.push(chunk(i));
  const output = run(playout, 2, []);
  assert.equal(playout.stats().skips, 1);
  assert.ok(playout.stats().played >= 60, `chunk ${playout.stats().played} plays`);
  assert.ok(steepest(output) < STEEPEST);
  for (let i = 65; i < 400; i += 1) playout.push(chunk(i));
  assert.ok(playout.stats().levelMs < 12_000, 'the ring has an end');
});

test('long blocks, where no worklet can be had, do not run dry', () => {
  const playout = listening(150);
  const output = run(playout, 20, station(playout, { count: 205 }), 4096);
  assert.equal(playout.stats().underruns, 0);
  assert.equal(silences(output), 0);
  assert.ok(steepest(output) < STEEPEST);
});
