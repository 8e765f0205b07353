// The audio thread's end: plays what the page sends, and tells it how that goes. Never waits for the page.
import { Playout } from './playout.js';

/** Seconds between two reports to the page. */
const REPORT = 0.1;

/** Messages in: {chunk}, {want}, {target}; out: the figures of `Playout.stats`. */
class AuralisPlayout extends AudioWorkletProcessor {
  constructor() {
    super();
    this.playout = new Playout(sampleRate);
    this.reported = -Infinity;
    this.port.onmessage = ({ data }) => this.playout.take(data);
  }

  process(_inputs, [[left, right]]) {
    this.playout.process(left, right);
    if (currentTime - this.reported >= REPORT) {
      this.reported = currentTime;
      this.port.postMessage(this.playout.stats());
    }
    return true;
  }
}

registerProcessor('auralis-playout', AuralisPlayout);
