// Opus into floats, by the browser's own decoder (WebCodecs). Main thread (and node, given a decoder). Chunks come out
// in the order in which they went in, as many frames as their packets have, so that they join sample for sample.
import { OPUS_PACKET, OPUS_RATE } from './protocol.js';

const CONFIG = { codec: 'opus', sampleRate: OPUS_RATE, numberOfChannels: 2 };
/** A decoder that begins amid a stream needs some 80 ms until it gives what was encoded: RFC 7845, section 4.6. */
export const SETTLING = 0.08 * OPUS_RATE;
/** A decoder from which nothing came for so many ms has failed, silently. */
const PATIENCE = 2000;
/** Microseconds of a packet. */
const PACKET_MICROS = (OPUS_PACKET / OPUS_RATE) * 1e6;

/** Whether this browser decodes our Opus. Only secure pages have a decoder. */
export async function decodesOpus(Decoder = globalThis.AudioDecoder) {
  try {
    return (await Decoder.isConfigSupported(CONFIG)).supported === true;
  } catch {
    return false;
  }
}

/** Decodes chunks. Packets that follow each other run through one decoder; behind a break another one begins. */
export class OpusDecoder {
  /**
   * @param {object} options
   * @param {(chunk: import('./protocol.js').Chunk & {seamless: boolean}) => void} options.onChunk
   * @param {(why: string, next: number | null) => void} options.onFailure it cannot go on, from this chunk
   * @param {typeof AudioDecoder} [options.Decoder]
   */
  constructor({ onChunk, onFailure, Decoder = globalThis.AudioDecoder }) {
    Object.assign(this, { onChunk, onFailure, Decoder });
    /** The first one's chunks come out; those behind it wait until it is through. */
    this.runs = [];
  }

  /** The number of the chunk that would come out next, if any is on its way. */
  get next() {
    return this.runs.find(({ waiting }) => waiting.length > 0)?.waiting[0].index ?? null;
  }

  /**
   * Takes a chunk of packets. `seamless` says that it goes on where the one before ended.
   * @param {import('./protocol.js').Chunk & {seamless: boolean}} chunk
   */
  take(chunk) {
    const now = performance.now();
    const oldest = this.runs[0]?.waiting[0];
    if (oldest && now - oldest.taken > PATIENCE) {
      this.fail('the decoder gives nothing');
      return;
    }
    try {
      if (!chunk.seamless || this.runs.length === 0) this.begin();
      if (chunk.frames > 0) this.runs.at(-1).take(chunk, now);
    } catch (error) {
      this.fail(error.message);
    }
  }

  /** Forgets what is on its way. */
  clear() {
    for (const run of this.runs.splice(0)) run.close();
  }

  begin() {
    const last = this.runs.at(-1);
    const run = new Run(this.Decoder, {
      onSound: () => this.hand(),
      onError: (error) => this.runs.includes(run) && this.fail(error.message),
    });
    this.runs.push(run);
    if (last) last.end(() => this.hand());
  }

  /** Hands out what is complete. */
  hand() {
    for (;;) {
      const [run] = this.runs;
      const chunk = run?.shift();
      if (chunk) this.onChunk(chunk);
      else if (run?.over) this.runs.shift().close();
      else return;
    }
  }

  fail(why) {
    const { next } = this;
    this.clear();
    this.onFailure(why, next);
  }
}

/** Packets without a break, and the decoder that they run through. Frames are counted from the first. */
class Run {
  constructor(Decoder, { onSound, onError }) {
    this.onSound = onSound;
    this.waiting = [];
    this.given = 0;
    this.heard = 0;
    this.over = false;
    this.decoder = new Decoder({ output: (sound) => this.hear(sound), error: onError });
    this.decoder.configure(CONFIG);
  }

  take({ index, micros, rate, frames, packets }, taken) {
    const [left, right] = [new Float32Array(frames), new Float32Array(frames)];
    const start = this.given;
    this.waiting.push({ index, micros, rate, frames, left, right, start, taken });
    for (const data of packets) {
      // Each Opus packet can be decoded by itself; its time tells it again when it comes back.
      const timestamp = (this.given / OPUS_PACKET) * PACKET_MICROS;
      this.decoder.decode(new EncodedAudioChunk({ type: 'key', timestamp, duration: PACKET_MICROS, data }));
      this.given += OPUS_PACKET;
    }
  }

  hear(sound) {
    const start = Math.round((sound.timestamp / 1e6) * OPUS_RATE);
    const frames = sound.numberOfFrames;
    const planes = [0, Math.min(1, sound.numberOfChannels - 1)].map((planeIndex) => {
      const plane = new Float32Array(frames);
      sound.copyTo(plane, { planeIndex, format: 'f32-planar' });
      return plane;
    });
    sound.close();
    fadeIn(planes, start);
    for (const chunk of this.waiting) {
      put(planes[0], start - chunk.start, chunk.left);
      put(planes[1], start - chunk.start, chunk.right);
    }
    this.heard = Math.max(this.heard, start + frames);
    this.onSound();
  }

  /** The first chunk, once all of it was heard; of a run that is over, whatever is left. */
  shift() {
    const [chunk] = this.waiting;
    if (!chunk || (chunk.start + chunk.frames > this.heard && !this.over)) return null;
    this.waiting.shift();
    const { index, micros, rate, frames, left, right, start } = chunk;
    return { index, micros, rate, frames, left, right, seamless: start > 0 };
  }

  /** Nothing more comes in: has the decoder give what it still has. */
  end(done) {
    const over = () => {
      this.over = true;
      done();
    };
    this.decoder.flush().then(over, over);
  }

  close() {
    if (this.decoder.state !== 'closed') this.decoder.close();
  }
}

/** Lets in, little by little, what comes before the decoder has settled. `start` is the run's frame of the first. */
function fadeIn(planes, start) {
  const end = Math.min(planes[0].length, SETTLING - start);
  for (let frame = 0; frame < end; frame += 1) {
    const gain = 0.5 - 0.5 * Math.cos((Math.PI * (start + frame)) / SETTLING);
    for (const plane of planes) plane[frame] *= gain;
  }
}

/** Puts sound at a place of a chunk, as far as it lies in it. */
function put(sound, at, chunk) {
  const from = Math.max(0, -at);
  const to = Math.min(sound.length, chunk.length - at);
  if (to > from) chunk.set(sound.subarray(from, to), at + from);
}
