import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Meter, decode, heightOf, readLevel } from '../../server/client/levels.js';

test('levels are half decibels in bytes, and nothing is silence', () => {
  const levels = decode(Buffer.from([0, 231, 207, 255, 1]).toString('base64'));
  assert.deepEqual([...levels], [-Infinity, 0, -12, 12, -115]);
  assert.deepEqual([...decode('')], []);
});

test('a meter rises at once, falls slowly, and keeps the highest level for a while', () => {
  const meter = new Meter();
  meter.take(-12, 0.05);
  assert.deepEqual([meter.level, meter.peak], [-12, -12]);
  meter.take(-Infinity, 0.5);
  assert.deepEqual([meter.level, meter.peak], [-25, -12]);
  meter.take(-20, 0.5);
  assert.deepEqual([meter.level, meter.peak], [-20, -12]);
  meter.take(-Infinity, 0.75);
  assert.ok(meter.peak < -12 && meter.peak >= meter.level, `${meter.peak}`);
  for (let i = 0; i < 10; i += 1) meter.take(-Infinity, 0.5);
  assert.deepEqual([meter.level, meter.peak], [-Infinity, -Infinity]);
  meter.take(3, 0.05);
  assert.deepEqual([meter.level, meter.peak], [3, 3]);
});

test('levels are shown from -60 to +6 dB, and read as whole decibels', () => {
  assert.deepEqual([-Infinity, -80, -60, -27, 6, 20].map(heightOf), [0, 0, 0, 0.5, 1, 1]);
  assert.deepEqual([-Infinity, -60, -12.3, 0, 2.6].map(readLevel), ['', '', '\u221212\u202fdB', '0\u202fdB', '3\u202fdB']);
});
