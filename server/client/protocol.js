// The station's messages: audio as binary frames or as base64 in JSON, both into the same chunk of floats, or of
// packets that are yet to be decoded. Main thread (and node). Never trusts what it reads.

/** Bytes before the samples of a binary frame. */
const HEADER = 24;
const VERSION = 1;
const FORMAT_PCM16 = 1;
const FORMAT_OPUS = 2;
/** Opus: frames per second, and frames in a packet (20 ms). */
export const OPUS_RATE = 48_000;
export const OPUS_PACKET = 960;

/**
 * Sound as floats in `left` and `right`, or as Opus in `packets`.
 * @typedef {object} Chunk
 * @property {number} index number of the chunk since position 0 of the station
 * @property {number} micros when the station plays its first frame, in microseconds since the Unix epoch, by its own clock
 * @property {number} rate frames per second
 * @property {number} frames how many it has
 * @property {Float32Array} [left]
 * @property {Float32Array} [right]
 * @property {Uint8Array[]} [packets]
 */

/** Two channels of floats from interleaved 16-bit samples, little-endian. */
export function planar(bytes, channels) {
  const frames = Math.floor(bytes.byteLength / 2 / channels);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const left = new Float32Array(frames);
  const right = new Float32Array(frames);
  const second = channels > 1 ? 2 : 0;
  for (let frame = 0, at = 0; frame < frames; frame += 1, at += 2 * channels) {
    left[frame] = view.getInt16(at, true) / 32768;
    right[frame] = view.getInt16(at + second, true) / 32768;
  }
  return { frames, left, right };
}

/**
 * Reads a binary frame: u8 version, u8 format, u16 packet count, u32 sample rate, u64 chunk index, u64 microseconds,
 * all little-endian, then the samples, or packets each with a u16 length.
 * @param {ArrayBuffer} buffer
 * @returns {Chunk}
 * @throws {RangeError} what is wrong with it
 */
export function readFrame(buffer) {
  if (buffer.byteLength < HEADER) throw new RangeError(`a frame of ${buffer.byteLength} bytes is too short`);
  const view = new DataView(buffer);
  const [version, format] = [view.getUint8(0), view.getUint8(1)];
  const head = {
    index: Number(view.getBigUint64(8, true)),
    micros: Number(view.getBigUint64(16, true)),
    rate: legalRate(view.getUint32(4, true)),
  };
  if (version === VERSION && format === FORMAT_PCM16) return { ...head, ...planar(new Uint8Array(buffer, HEADER), 2) };
  if (version === VERSION && format === FORMAT_OPUS && head.rate === OPUS_RATE) {
    const packets = packetsOf(view);
    return { ...head, frames: packets.length * OPUS_PACKET, packets };
  }
  throw new RangeError(`a frame of version ${version}, format ${format} at ${head.rate} Hz cannot be read`);
}

/** The packets of a frame, which fill it. */
function packetsOf(view) {
  const packets = [];
  let at = HEADER;
  for (let count = view.getUint16(2, true); count > 0; count -= 1) {
    // Beyond the end, both of these throw a RangeError.
    const length = view.getUint16(at, true);
    packets.push(new Uint8Array(view.buffer, at + 2, length));
    at += 2 + length;
  }
  if (at !== view.byteLength) throw new RangeError(`a frame of ${view.byteLength} bytes has packets up to ${at}`);
  return packets;
}

function legalRate(rate) {
  if (!(rate >= 8000 && rate <= 192_000)) throw new RangeError(`a sample rate of ${rate} Hz cannot be played`);
  return rate;
}

/** The bytes that a base64 text stands for. */
export function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/**
 * Reads an `audio` message.
 * @returns {Chunk}
 * @throws {RangeError} what is wrong with it
 */
export function readAudio(message) {
  if (message.format !== 'int16_le') throw new RangeError(`audio of format ${message.format} cannot be read`);
  const channels = message.channels === 1 ? 1 : 2;
  return {
    index: Number(message.chunk_index),
    micros: microseconds(message.timestamp),
    rate: legalRate(message.sample_rate),
    ...planar(fromBase64(message.data), channels),
  };
}

/** Microseconds since the Unix epoch of an ISO 8601 time with up to six decimals; `Date` keeps three of them. */
export function microseconds(text) {
  const decimals = /\.(\d{1,6})/.exec(text)?.[1] ?? '';
  const whole = Date.parse(text.replace(/\.\d+/, ''));
  return whole * 1000 + Number(decimals.padEnd(6, '0'));
}

/** How far, in microseconds, the clock of a station that goes on may seem to leap from one chunk to the next. */
const SAME_STATION = 1_000_000;

/** What is remembered of a chunk once its samples were handed on. */
export function seamOf({ index, micros, rate, frames }) {
  return { next: index + 1, due: micros + (frames / rate) * 1e6, rate };
}

/** A seam that nothing follows: the station was started anew, and what rang then does not ring now. */
export function broken(seam) {
  return seam && { ...seam, rate: 0 };
}

/**
 * Whether a chunk goes on where another ended: the next number, and due when it should be. (A station that was
 * started anew may count from 0 and happen to be at the number that is awaited.)
 */
export function follows(chunk, seam) {
  if (!seam || chunk.index !== seam.next || chunk.rate !== seam.rate) return false;
  return Math.abs(chunk.micros - seam.due) < SAME_STATION;
}
