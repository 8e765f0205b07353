// Chunks are read alike from binary frames and from JSON, and what is no chunk is refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { broken, follows, fromBase64, microseconds, planar, readAudio, readFrame, seamOf } from '../../server/client/protocol.js';

const SAMPLES = [0, 1, -1, 32_767, -32_768, 258];

function pcm() {
  const bytes = new Uint8Array(SAMPLES.length * 2);
  const view = new DataView(bytes.buffer);
  SAMPLES.forEach((sample, i) => view.setInt16(2 * i, sample, true));
  return bytes;
}

function frame({ version = 1, format = 1, rate = 44_100, index = 7n, micros = 1_700_000_000_123_456n } = {}) {
  const buffer = new ArrayBuffer(24 + SAMPLES.length * 2);
  const view = new DataView(buffer);
  view.setUint8(0, version);
  view.setUint8(1, format);
  view.setUint16(2, 1, true);
  view.setUint32(4, rate, true);
  view.setBigUint64(8, index, true);
  view.setBigUint64(16, micros, true);
  new Uint8Array(buffer, 24).set(pcm());
  return buffer;
}

function message(changes = {}) {
  return {
    type: 'audio',
    data: Buffer.from(pcm()).toString('base64'),
    timestamp: '2023-11-14T22:13:20.123456Z',
    chunk_index: 7,
    sample_rate: 44_100,
    channels: 2,
    format: 'int16_le',
    ...changes,
  };
}

test('a binary frame and a JSON message give the same chunk', () => {
  const binary = readFrame(frame());
  const text = readAudio(message());
  assert.deepEqual(binary, text);
  assert.equal(binary.index, 7);
  assert.equal(binary.rate, 44_100);
  assert.equal(binary.micros, 1_700_000_000_123_456);
  assert.deepEqual([...binary.left], [0, -1 / 32_768, -1]);
  assert.deepEqual([...binary.right], [1 / 32_768, 32_767 / 32_768, 258 / 32_768]);
});

function opus(packets, { count = packets.length, rate = 48_000, more = 0 } = {}) {
  const buffer = new ArrayBuffer(24 + packets.reduce((sum, { length }) => sum + 2 + length, 0) + more);
  new Uint8Array(buffer).set(new Uint8Array(frame({ format: 2, rate }), 0, 24));
  const view = new DataView(buffer);
  view.setUint16(2, count, true);
  let at = 24;
  for (const packet of packets) {
    view.setUint16(at, packet.length, true);
    new Uint8Array(buffer, at + 2).set(packet);
    at += 2 + packet.length;
  }
  return buffer;
}

test('a frame of Opus is its packets, each of 20 ms', () => {
  const read = readFrame(opus([[1, 2, 3], [], [4, 5]]));
  assert.deepEqual(read.packets.map((packet) => [...packet]), [[1, 2, 3], [], [4, 5]]);
  assert.deepEqual([read.index, read.rate, read.frames, read.micros], [7, 48_000, 2880, 1_700_000_000_123_456]);
  assert.deepEqual(readFrame(opus([])).packets, []);
  // The next chunk's first packet is due when the last of this one ends.
  assert.ok(follows({ ...read, index: 8, micros: read.micros + 60_000 }, seamOf(read)));
});

test('packets that do not fill their frame are refused', () => {
  for (const wrong of [
    opus([[1, 2, 3]], { count: 2 }),
    opus([[1, 2, 3], [4]], { count: 1 }),
    opus([[1, 2, 3]], { more: 1 }),
    opus([[1, 2, 3]]).slice(0, -1),
    opus([[1, 2, 3]], { rate: 44_100 }),
  ]) {
    assert.throws(() => readFrame(wrong), RangeError);
  }
});

test('one channel is heard on both sides', () => {
  const { left, right } = planar(pcm(), 1);
  assert.equal(left.length, SAMPLES.length);
  assert.deepEqual(left, right);
});

test('what is no chunk is refused', () => {
  for (const wrong of [
    () => readFrame(new ArrayBuffer(23)),
    () => readFrame(frame({ version: 2 })),
    () => readFrame(frame({ format: 9 })),
    () => readFrame(frame({ rate: 0 })),
    () => readAudio(message({ sample_rate: 1e9 })),
    () => readAudio(message({ sample_rate: undefined })),
    () => readAudio(message({ format: 'opus' })),
  ]) {
    assert.throws(wrong, RangeError);
  }
  assert.throws(() => readAudio(message({ data: '***' })));
});

test('base64 and times are read to the last digit', () => {
  assert.deepEqual([...fromBase64('AAEC/w==')], [0, 1, 2, 255]);
  assert.equal(microseconds('1970-01-01T00:00:01.000002Z'), 1_000_002);
  assert.equal(microseconds('1970-01-01T00:00:01.5Z'), 1_500_000);
  assert.equal(microseconds('1970-01-01T00:00:01Z'), 1_000_000);
});

test('a chunk follows another by number and by the clock of one station', () => {
  const chunk = (index, seconds, rate = 44_100) => ({
    index,
    micros: seconds * 1e6,
    rate,
    frames: rate / 10,
  });
  const seam = seamOf(chunk(10, 100));
  assert.ok(follows(chunk(11, 100.1), seam));
  assert.ok(follows(chunk(11, 100.3), seam), 'a clock that is read late is no other clock');
  assert.ok(!follows(chunk(12, 100.2), seam), 'a chunk is missing');
  assert.ok(!follows(chunk(10, 100.1), seam), 'the same chunk again');
  assert.ok(!follows(chunk(11, 103), seam), 'another station that happens to be at this number');
  assert.ok(!follows(chunk(11, 100.1, 48_000), seam), 'another rate');
  assert.ok(!follows(chunk(11, 100.1), null), 'the first of all');
  assert.ok(!follows(chunk(11, 100.1), broken(seam)), 'the same station, started anew');
  assert.equal(broken(seam).next, 11);
  assert.equal(broken(null), null);
});
