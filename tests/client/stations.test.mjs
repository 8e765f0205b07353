// Which station a page is of, by its address, wherever the server stands.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stationOf } from '../../server/client/stations.js';

test('the address of a page names its station', () => {
  const name = (address) => stationOf(new URL(address));
  assert.equal(name('http://radio:8000/'), null);
  assert.equal(name('http://radio:8000/s/rain/'), 'rain');
  assert.equal(name('https://example.org/music/s/0f3a/'), '0f3a');
  assert.equal(name('https://example.org/music/'), null);
  assert.equal(name('https://example.org/s/'), null);
});
