// Values, their places on a slider and their words; and how moves become messages.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { formatValue, positionOf, rounded, valueAt } from '../../server/client/curves.js';
import { Hold } from '../../server/client/hold.js';
import { readKey, showKey } from '../../server/client/key_picker.js';
import { Sender, merged } from '../../server/client/sender.js';

test('curves meet their ends exactly and come back from every place', () => {
  for (const curve of ['lin', 'exp', '3', '0.5']) {
    const range = { min: 20, max: 20_000, curve };
    assert.equal(valueAt(range, 0), 20);
    assert.equal(valueAt(range, 1), 20_000);
    assert.equal(valueAt(range, 7), 20_000);
    for (let n = 0; n <= 1; n += 0.01) {
      assert.ok(Math.abs(positionOf(range, valueAt(range, n)) - n) < 1e-9, `${curve} at ${n}`);
    }
    assert.equal(positionOf(range, -5), 0);
    assert.equal(positionOf(range, 1e6), 1);
  }
  assert.equal(positionOf({ min: 1, max: 1, curve: 'lin' }, 1), 0);
});

test('curves spread values as the presets do', () => {
  assert.equal(valueAt({ min: -60, max: 0, curve: 'lin' }, 0.5), -30);
  assert.ok(Math.abs(valueAt({ min: 20, max: 20_000, curve: 'exp' }, 0.5) - Math.sqrt(20 * 20_000)) < 1e-9);
  assert.ok(Math.abs(valueAt({ min: 0, max: 8, curve: '3' }, 0.5) - 1) < 1e-12);
});

test('values read as on an instrument', () => {
  const plain = (value, unit, range) => formatValue(value, unit, range).replace('\u202f', ' ');
  for (const [value, unit, text] of [
    [2400, 'Hz', '2.40 kHz'],
    [440, 'Hz', '440 Hz'],
    [0.05, 'Hz', '0.05 Hz'],
    [-6, 'dB', '\u22126.0 dB'],
    [-0.01, 'dB', '0.0 dB'],
    [0.12, 's', '120 ms'],
    [1.5, 's', '1.50 s'],
    [3, 'st', '+3.00 st'],
    [12.34, 'wobbles', '12.3 wobbles'],
    [150, '', '150'],
  ]) {
    assert.equal(plain(value, unit), text);
  }
  assert.equal(plain(0.35, '', { min: 0, max: 1 }), '35 %');
  assert.equal(rounded(0.123_456), 0.1235);
});

test('keys are read however they are spelled', () => {
  assert.deepEqual(readKey('A minor'), { tonic: 9, mode: 'minor' });
  assert.deepEqual(readKey('F# harmonic minor'), { tonic: 6, mode: 'harmonic minor' });
  assert.deepEqual(readKey('Gb dorian'), { tonic: 6, mode: 'dorian' });
  assert.deepEqual(readKey('Cb major'), { tonic: 11, mode: 'major' });
  assert.equal(showKey('Bb minor'), 'B\u266d minor');
  assert.equal(showKey('B minor'), 'B minor');
});

test('a fast hand makes few messages, and the last value of each control arrives', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const sent = [];
  const sender = new Sender((change) => sent.push(change) > 0);
  for (let i = 0; i < 1000; i += 1) {
    sender.wish({ params: { level: i } });
    if (i === 500) sender.wish({ bpm: 90, params: { space: 0.5 } });
    mock.timers.tick(1);
  }
  mock.timers.tick(1000);
  assert.ok(sent.length >= 19 && sent.length <= 22, `${sent.length} messages in a second`);
  assert.equal(sent.at(-1).params.level, 999);
  assert.deepEqual(sent[0], { params: { level: 0 } }, 'the first goes at once');
  const middle = sent.find((change) => change.bpm === 90);
  assert.equal(middle.params.space, 0.5);
  mock.timers.reset();
});

test('changes wait for the connection, newest last', () => {
  let open = false;
  const sent = [];
  const sender = new Sender((change) => open && sent.push(change) > 0);
  sender.wish({ key: 'C minor', params: { a: 1, b: 2 } });
  sender.wish({ key: 'D minor', params: { b: 3 } });
  assert.equal(sent.length, 0);
  open = true;
  sender.flush();
  assert.deepEqual(sent, [{ key: 'D minor', params: { a: 1, b: 3 } }]);
  sender.flush();
  assert.equal(sent.length, 1);
  assert.deepEqual(merged({ bpm: 1 }, { key: 'C minor' }), { bpm: 1, key: 'C minor' });
});

test('a control in the hand is not taken away, and shows what is true once it is let go', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const shown = [];
  const hold = new Hold((value) => shown.push(value));
  hold.offer(1);
  hold.grasp();
  hold.offer(2);
  hold.offer(3);
  mock.timers.tick(60_000);
  assert.deepEqual(shown, [1]);
  hold.release();
  hold.offer(4);
  mock.timers.tick(790);
  assert.deepEqual(shown, [1]);
  mock.timers.tick(20);
  assert.deepEqual(shown, [1, 4]);
  hold.offer(5);
  assert.deepEqual(shown, [1, 4, 5]);
  mock.timers.reset();
});
