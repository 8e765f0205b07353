// The resampler is measured by what it adds to and takes from pure tones.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Resampler } from '../../server/client/resampler.js';

/** A second of input as `tone` gives it, resampled; the edges, where the input ends, are left out. */
function convert(inputRate, outputRate, tone, trim = 0) {
  const resampler = new Resampler(inputRate, outputRate);
  const input = Float32Array.from({ length: inputRate }, (_, frame) => tone(frame / inputRate));
  const output = [];
  const pair = new Float32Array(2);
  const step = resampler.step * (1 + trim);
  for (let position = resampler.before; position + resampler.after < input.length - 1; position += step) {
    const frame = Math.floor(position);
    resampler.frame(input, input, frame - resampler.before, position - frame, pair);
    output.push(pair[0]);
  }
  return output;
}

/** Amplitude of a frequency (in cycles for each frame), and what is left without it, in dB below the amplitude 1. */
function measure(signal, frequency) {
  // A window keeps the fit from being pulled by what is not the tone.
  let [sine, cosine, weight] = [0, 0, 0];
  const window = (i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / signal.length);
  signal.forEach((sample, i) => {
    const phase = 2 * Math.PI * frequency * i;
    sine += 2 * window(i) * sample * Math.sin(phase);
    cosine += 2 * window(i) * sample * Math.cos(phase);
    weight += window(i);
  });
  [sine, cosine] = [sine / weight, cosine / weight];
  let rest = 0;
  signal.forEach((sample, i) => {
    const phase = 2 * Math.PI * frequency * i;
    rest += window(i) * (sample - sine * Math.sin(phase) - cosine * Math.cos(phase)) ** 2;
  });
  const decibels = (power) => 10 * Math.log10(Math.max(power, 1e-20));
  return { level: decibels(sine ** 2 + cosine ** 2), rest: decibels((2 * rest) / weight) };
}

function measureTone(inputRate, outputRate, frequency, trim = 0) {
  const output = convert(inputRate, outputRate, (time) => Math.sin(2 * Math.PI * frequency * time), trim);
  return measure(output, (frequency / outputRate) * (1 + trim));
}

const TONES = [20, 100, 440, 997, 3000, 7000, 10_000, 12_000, 15_000, 17_000, 18_000];

for (const [from, to] of [
  [44_100, 48_000],
  [44_100, 44_100],
  [48_000, 44_100],
  [44_100, 96_000],
  [96_000, 48_000],
]) {
  test(`${from} to ${to} Hz is flat within 0.1 dB to 18 kHz, and adds nothing above -80 dB`, () => {
    for (const tone of TONES) {
      const { level, rest } = measureTone(from, to, tone);
      assert.ok(Math.abs(level) < 0.1, `${tone} Hz comes out at ${level.toFixed(3)} dB`);
      assert.ok(rest < -80, `${tone} Hz brings ${rest.toFixed(1)} dB of what it is not`);
    }
  });
}

test('a ratio that is trimmed to correct drift is as clean', () => {
  for (const trim of [-0.002, -0.000_37, 0.001, 0.002]) {
    for (const tone of TONES) {
      const { level, rest } = measureTone(44_100, 48_000, tone, trim);
      assert.ok(Math.abs(level) < 0.1 && rest < -80, `${tone} Hz at ${trim}: ${level} dB, ${rest} dB`);
    }
  }
});

test('what the slower side cannot carry does not come back as another tone', () => {
  for (const tone of [25_000, 30_000, 40_000, 47_000]) {
    const output = convert(96_000, 44_100, (time) => Math.sin(2 * Math.PI * tone * time));
    const power = output.reduce((sum, x) => sum + x * x, 0) / output.length;
    assert.ok(10 * Math.log10(2 * power) < -80, `${tone} Hz leaves ${10 * Math.log10(2 * power)} dB`);
  }
});

test('a constant stays a constant, to the last step between two phases', () => {
  for (const trim of [0, 0.001_234]) {
    for (const sample of convert(44_100, 48_000, () => 0.5, trim)) {
      assert.ok(Math.abs(sample - 0.5) < 1e-6, `${sample}`);
    }
  }
});

test('both channels go through alike and apart', () => {
  const resampler = new Resampler(44_100, 48_000);
  const left = Float32Array.from({ length: resampler.taps }, (_, i) => Math.sin(i));
  const right = left.map((x) => -2 * x);
  const pair = new Float32Array(2);
  resampler.frame(left, right, 0, 0.3, pair);
  assert.ok(pair[0] !== 0 && Math.abs(pair[1] + 2 * pair[0]) < 1e-6);
});
