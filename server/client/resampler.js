// Windowed-sinc resampling by any ratio, which may change while it runs. Pure arithmetic: runs on the audio thread
// (and in node). Never allocates after construction.

/** Zeroth-order modified Bessel function of the first kind, by its series. */
function bessel0(x) {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-12; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** Taps on the input at its own rate; more where the output is slower, so that the slope stays as steep. */
const TAPS = 64;
/** Steps between two input frames at which the kernel is tabulated; between them it is interpolated linearly,
 * which is wrong by (pi / PHASES)^2 / 8 at most: -106 dB. */
const PHASES = 512;
/** Attenuation of the stop band in dB. The slope is then 3.9 kHz wide around the lower of both Nyquist frequencies
 * at 44.1 kHz: flat to 20 kHz. */
const ATTENUATION = 90;

/**
 * The low-pass of one pair of rates: for every phase, the weights of the input frames around a position.
 * Kaiser's window and his formulas for its shape: Oppenheim and Schafer, Discrete-Time Signal Processing, 7.5.3.
 */
export class Resampler {
  /**
   * @param {number} inputRate frames per second that come
   * @param {number} outputRate frames per second that go
   */
  constructor(inputRate, outputRate) {
    const narrowing = Math.min(1, outputRate / inputRate);
    this.step = inputRate / outputRate;
    /** Input frames that one output frame is made of. */
    this.taps = 2 * Math.ceil(TAPS / narrowing / 2);
    const half = this.taps / 2;
    const beta = 0.1102 * (ATTENUATION - 8.7);
    const scale = bessel0(beta);
    this.weights = new Float32Array((PHASES + 1) * this.taps);
    for (let phase = 0; phase <= PHASES; phase += 1) {
      const row = this.weights.subarray(phase * this.taps, (phase + 1) * this.taps);
      let sum = 0;
      for (let tap = 0; tap < this.taps; tap += 1) {
        const distance = tap - (half - 1) - phase / PHASES;
        const angle = Math.PI * distance * narrowing;
        const sinc = Math.abs(angle) < 1e-9 ? 1 : Math.sin(angle) / angle;
        const place = distance / half;
        const window = Math.abs(place) >= 1 ? 0 : bessel0(beta * Math.sqrt(1 - place * place)) / scale;
        row[tap] = sinc * window;
        sum += row[tap];
      }
      // Every phase passes 0 Hz at exactly 1, or a constant input would hum at the beat of the two rates.
      for (let tap = 0; tap < this.taps; tap += 1) row[tap] /= sum;
    }
  }

  /** Input frames before a position that its output frame needs. */
  get before() {
    return this.taps / 2 - 1;
  }

  /** Input frames after a position that its output frame needs. */
  get after() {
    return this.taps / 2;
  }

  /**
   * One output frame at `fraction` (0 to 1) past an input frame. The first frame that takes part stands at `first`
   * in both channels; `taps` frames from there must lie in one piece. The result is left in `out` (2 numbers).
   */
  frame(left, right, first, fraction, out) {
    const at = fraction * PHASES;
    const phase = Math.min(at | 0, PHASES - 1);
    const way = at - phase;
    const { taps, weights } = this;
    let a = phase * taps;
    let b = a + taps;
    let sumLeft = 0;
    let sumRight = 0;
    for (let i = first, end = first + taps; i < end; i += 1, a += 1, b += 1) {
      const weight = weights[a] + way * (weights[b] - weights[a]);
      sumLeft += weight * left[i];
      sumRight += weight * right[i];
    }
    out[0] = sumLeft;
    out[1] = sumRight;
  }
}
