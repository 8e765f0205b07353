// The browser's audio: a context, the playout on its audio thread, an analyser and the volume. Main thread. Opened by a
// gesture of the user and never before, as browsers demand.
import { Playout } from './playout.js';

/** Frames in a block where no worklet can be had: the page's own thread plays then, and needs room. */
const SCRIPT_BLOCK = 4096;
/** Frames that the analyser looks at: 5 Hz apart at 44.1 kHz, fine enough for the lowest notes. */
const WINDOW = 8192;
/** Time constant of a change of the volume, in seconds. */
const VOLUME_GLIDE = 0.02;
/** A pause fades out before the context is put to sleep: milliseconds for that. */
const FADING = 150;

/**
 * Where the sound goes. `report` gets the playout's figures about ten times a second; `interrupted` is called when
 * the system takes the audio away: a call, another program, a lock screen.
 */
export class Output {
  constructor(report, interrupted) {
    this.report = report;
    this.interrupted = interrupted;
    this.level = 1;
    this.context = null;
    this.backend = 'none';
    this.running = false;
    /** The latest call of `open`, until it is put to sleep. */
    this.turn = null;
  }

  /** Opens the context (the first time) and lets it run, unless it is put to sleep or opened anew meanwhile. Call it from
   * a gesture. Whether it runs then says `running`: the browser may not let it.
   * @throws {DOMException} an AbortError where the worklet's script cannot be fetched */
  async open() {
    const turn = (this.turn = {});
    this.opening ??= this.build().catch((error) => {
      // The next gesture tries again.
      this.context?.close();
      this.context = this.opening = null;
      throw error;
    });
    await this.opening;
    if (turn !== this.turn) return;
    clearTimeout(this.sleeping);
    // A context that may not run yet stays pending: whoever plays must not wait for it for ever.
    await Promise.race([this.context.resume(), new Promise((done) => setTimeout(done, 1000))]);
    if (turn === this.turn) this.running = this.context.state === 'running';
  }

  async build() {
    // Sound for hours: large hardware buffers, little work.
    this.context = new AudioContext({ latencyHint: 'playback' });
    const source = this.context.audioWorklet ? await this.worklet() : this.script();
    this.analyser = new AnalyserNode(this.context, { fftSize: WINDOW, smoothingTimeConstant: 0 });
    this.gain = new GainNode(this.context, { gain: loudness(this.level) });
    source.connect(this.analyser).connect(this.gain).connect(this.context.destination);
    this.samples = new Float32Array(this.analyser.fftSize);
    this.context.addEventListener('statechange', () => {
      if (this.running && this.context.state !== 'running') this.interrupted();
    });
  }

  async worklet() {
    this.backend = 'worklet';
    await this.context.audioWorklet.addModule(new URL('./audio_worklet_processor.js', import.meta.url));
    const node = new AudioWorkletNode(this.context, 'auralis-playout', {
      numberOfInputs: 0,
      outputChannelCount: [2],
    });
    node.port.onmessage = ({ data }) => this.report(data);
    this.post = (message, transfer) => node.port.postMessage(message, transfer);
    return node;
  }

  /** Browsers have worklets on secure pages only; a station in the local network is often none (plain http). */
  script() {
    this.backend = 'script';
    const playout = new Playout(this.context.sampleRate);
    const node = this.context.createScriptProcessor(SCRIPT_BLOCK, 0, 2);
    node.onaudioprocess = ({ outputBuffer }) => {
      playout.process(outputBuffer.getChannelData(0), outputBuffer.getChannelData(1));
      this.report(playout.stats());
    };
    this.post = (message) => playout.take(message);
    return node;
  }

  /** Milliseconds from the playout to the ear, as far as the browser knows. */
  get latencyMs() {
    return (this.context?.outputLatency || this.context?.baseLatency || 0) * 1000;
  }

  /** Sends a message to the playout: see `Playout.take`. */
  send(message, transfer = []) {
    this.post?.(message, transfer);
  }

  /** Puts the context to sleep once the sound has faded out. */
  sleep() {
    this.turn = null;
    this.running = false;
    clearTimeout(this.sleeping);
    this.sleeping = setTimeout(() => this.context?.suspend(), FADING);
  }

  /** The volume as the position of its slider, 0 to 1. */
  set volume(position) {
    this.level = Math.min(Math.max(position, 0), 1);
    this.gain?.gain.setTargetAtTime(loudness(this.level), this.context.currentTime, VOLUME_GLIDE);
  }

  /** Level of what plays, before the volume: root mean square of the analyser's window, 1 is full scale. */
  rms() {
    if (!this.analyser || this.context.state !== 'running') return 0;
    this.analyser.getFloatTimeDomainData(this.samples);
    let sum = 0;
    for (const sample of this.samples) sum += sample * sample;
    return Math.sqrt(sum / this.samples.length);
  }
}

/** A slider's position as a factor: cubed, about as loudness is felt. */
export function loudness(position) {
  return position ** 3;
}
