// Chunks of Opus through a decoder that stands in for the browser's: what comes out is counted frame by frame. (The
// browser's own is heard in tests/tests/browser_listening.rs.)
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { OpusDecoder, SETTLING, decodesOpus } from '../../server/client/decoder.js';

const PACKET = 960;

globalThis.EncodedAudioChunk = class {
  constructor(init) {
    Object.assign(this, init);
  }
};

/** All decoders that were made. */
let made = [];
/** What the next packets do: come out at once, later, never, or break. */
let mood = 'prompt';

beforeEach(() => {
  made = [];
  mood = 'prompt';
});

/** A packet of one byte `n` sounds as 960 frames of n / 1000 on the left and its negative on the right. */
class Decoder {
  static async isConfigSupported(config) {
    return { supported: config.codec === 'opus' && config.sampleRate === 48_000 };
  }

  constructor({ output, error }) {
    Object.assign(this, { output, error, state: 'unconfigured', held: [], packets: 0 });
    made.push(this);
  }

  configure() {
    this.state = 'configured';
  }

  decode({ timestamp, data }) {
    if (mood === 'refuse') throw new TypeError('no');
    this.packets += 1;
    const give = () => this.output(sound(timestamp, data[0]));
    if (mood === 'prompt') give();
    else if (mood === 'late') this.held.push(give);
    else if (mood === 'broken') {
      this.state = 'closed';
      queueMicrotask(() => this.error(new Error('a broken packet')));
    }
  }

  async flush() {
    await null;
    for (const give of this.held.splice(0)) give();
  }

  close() {
    assert.notEqual(this.state, 'closed', 'to close what is closed is an error');
    this.state = 'closed';
  }
}

function sound(timestamp, value) {
  return {
    timestamp,
    numberOfFrames: PACKET,
    numberOfChannels: 2,
    copyTo: (plane, { planeIndex }) => plane.fill(planeIndex === 0 ? value / 1000 : -value / 1000),
    close: () => {},
  };
}

/** A chunk of packets, of which each has the value of its number. */
function chunk(index, values, seamless = true) {
  const packets = values.map((value) => Uint8Array.of(value));
  return { index, micros: index * 1e5, rate: 48_000, frames: values.length * PACKET, packets, seamless };
}

function decoding() {
  const [heard, failures] = [[], []];
  const onFailure = (why, next) => failures.push([why, next]);
  const decoder = new OpusDecoder({ onChunk: (chunk) => heard.push(chunk), onFailure, Decoder });
  return { decoder, heard, failures };
}

/** The values of the packets in what came out, beyond what had to settle. */
function values(heard) {
  const left = heard.flatMap((chunk) => [...chunk.left]);
  const right = heard.flatMap((chunk) => [...chunk.right]);
  left.forEach((x, i) => assert.equal(x, -right[i] + 0));
  return left.map((x) => Math.round(x * 1000 * 1e3) / 1e3);
}

test('chunks of four, five and six packets come out whole, in order, sample for sample', () => {
  const { decoder, heard, failures } = decoding();
  decoder.take(chunk(5, [1, 2, 3, 4], false));
  decoder.take(chunk(6, [5, 6, 7, 8, 9, 10]));
  decoder.take(chunk(7, [11, 12, 13, 14, 15]));
  assert.deepEqual(heard.map(({ index, frames, seamless }) => [index, frames, seamless]), [
    [5, 4 * PACKET, false],
    [6, 6 * PACKET, true],
    [7, 5 * PACKET, true],
  ]);
  assert.deepEqual(heard.map(({ micros, rate }) => [micros, rate])[1], [600_000, 48_000]);
  const all = values(heard);
  for (let frame = SETTLING; frame < all.length; frame += 1) {
    assert.equal(all[frame], Math.floor(frame / PACKET) + 1, `frame ${frame}`);
  }
  assert.equal(made.length, 1, 'one decoder, which knows what was before');
  assert.deepEqual(failures, []);
});

test('what a decoder gives before it has settled fades in', () => {
  const { decoder, heard } = decoding();
  decoder.take(chunk(1, [100, 100, 100, 100, 100], false));
  const all = values(heard);
  assert.equal(all[0], 0);
  for (let frame = 1; frame < all.length; frame += 1) assert.ok(all[frame] >= all[frame - 1], `frame ${frame}`);
  assert.ok(Math.abs(all[SETTLING / 2] - 50) < 0.01 && all[SETTLING - 1] > 99.99 && all[SETTLING] === 100);
});

test('a decoder that takes its time changes nothing but the time', async () => {
  const { decoder, heard } = decoding();
  mood = 'late';
  decoder.take(chunk(1, [1, 2, 3, 4, 5], false));
  decoder.take(chunk(2, [6, 7, 8, 9, 10]));
  const [first] = made;
  first.held.splice(0, 7).forEach((give) => give());
  assert.deepEqual(heard.map(({ index }) => index), [1], 'the second is not complete');
  assert.equal(decoder.next, 2);
  first.held.splice(0).forEach((give) => give());
  assert.deepEqual(heard.map(({ index }) => index), [1, 2]);
  assert.equal(decoder.next, null);
  assert.deepEqual(values(heard).slice(-PACKET).every((x) => x === 10), true);
});

test('behind a break another decoder begins, and the one before is heard to its end', async () => {
  const { decoder, heard } = decoding();
  mood = 'late';
  decoder.take(chunk(1, [1, 2, 3, 4, 5], false));
  mood = 'prompt';
  decoder.take(chunk(9, [50, 50, 50, 50, 50, 50], false));
  assert.deepEqual(heard, [], 'the first is on its way still');
  await new Promise((done) => setTimeout(done, 5));
  assert.deepEqual(heard.map(({ index, seamless }) => [index, seamless]), [
    [1, false],
    [9, false],
  ]);
  assert.equal(heard[1].left[0], 0, 'the second one fades in anew');
  assert.deepEqual(made.map(({ state }) => state), ['closed', 'configured']);
  decoder.take(chunk(10, [60, 60, 60, 60]));
  assert.equal(heard[2].seamless, true);
  assert.deepEqual(made.map(({ packets }) => packets), [5, 10]);
});

test('a chunk without packets is no break', () => {
  const { decoder, heard } = decoding();
  decoder.take(chunk(1, [], false));
  decoder.take(chunk(2, [1, 2]));
  decoder.take(chunk(3, []));
  decoder.take(chunk(4, [3, 4]));
  assert.deepEqual(heard.map(({ index, seamless }) => [index, seamless]), [
    [2, false],
    [4, true],
  ]);
  assert.equal(made.length, 1);
});

for (const how of ['broken', 'refuse']) {
  test(`a decoder that fails (${how}) is given up, and it is told which chunk is missing`, async () => {
    const { decoder, heard, failures } = decoding();
    decoder.take(chunk(1, [1, 2, 3, 4, 5], false));
    mood = how;
    decoder.take(chunk(2, [6, 7, 8, 9, 10]));
    await null;
    assert.deepEqual(failures, [[how === 'broken' ? 'a broken packet' : 'no', 2]]);
    assert.deepEqual(heard.map(({ index }) => index), [1]);
    assert.equal(made[0].state, 'closed');
  });
}

test('a decoder that gives nothing is given up', (t) => {
  const { decoder, failures } = decoding();
  let now = 1000;
  t.mock.method(performance, 'now', () => now);
  mood = 'never';
  for (let index = 0; index < 15; index += 1, now += 100) decoder.take(chunk(index, [1, 1, 1, 1, 1], index > 0));
  assert.deepEqual(failures, []);
  now = 3101;
  decoder.take(chunk(15, [1, 1, 1, 1, 1]));
  assert.deepEqual(failures, [['the decoder gives nothing', 0]]);
});

test('a pause forgets what is on its way', async () => {
  const { decoder, heard, failures } = decoding();
  mood = 'late';
  decoder.take(chunk(1, [1, 2, 3], false));
  decoder.take(chunk(5, [1, 2, 3], false));
  decoder.clear();
  await new Promise((done) => setTimeout(done, 5));
  assert.deepEqual([heard, failures, decoder.next], [[], [], null]);
  assert.deepEqual(made.map(({ state }) => state), ['closed', 'closed']);
});

test('a browser without a decoder says so', async () => {
  assert.equal(await decodesOpus(undefined), false);
  assert.equal(await decodesOpus(Decoder), true);
  assert.equal(await decodesOpus({ isConfigSupported: async () => ({ supported: false }) }), false);
});
