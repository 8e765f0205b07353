// The pauses between tries; all else of the connection is tested in a real browser, against a real station.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pauseBefore } from '../../server/client/connection.js';

test('pauses begin short, double, are spread by chance and have an end', () => {
  assert.ok(pauseBefore(0, 0.999) < 150);
  for (let attempt = 1; attempt < 12; attempt += 1) {
    const [least, most] = [pauseBefore(attempt, 0), pauseBefore(attempt, 0.999)];
    assert.ok(least >= 250 && most <= 15_000 && most > 1.9 * least, `${attempt}: ${least} to ${most} ms`);
    assert.ok(least >= pauseBefore(attempt - 1, 0));
  }
  assert.ok(Math.abs(pauseBefore(3, 0) - 2 * pauseBefore(2, 0)) < 1e-9);
  assert.equal(pauseBefore(1000, 1), 15_000);
});
