// Charts: their scale and how numbers are shown.

import assert from 'node:assert/strict';
import test from 'node:test';
import { ceiling, short } from '../../server/client/chart.js';

test('a scale ends at a round number that holds all values', () => {
  for (const [value, top] of [
    [0, 1],
    [0.003, 0.005],
    [1, 1],
    [1.1, 2],
    [4.2, 5],
    [7, 10],
    [230, 500],
    [1000, 1000],
    [NaN, 1],
  ]) {
    assert.ok(Math.abs(ceiling(value) - top) < 1e-9, `${value}: ${ceiling(value)}`);
  }
});

test('numbers are short, and what is not known is a dash', () => {
  assert.deepEqual([0, 3.14159, 12345.6, null, undefined].map(short), ['0', '3.14', '12,346', '–', '–']);
});
