import assert from 'node:assert/strict';
import { test } from 'node:test';
import { neighbour, within, wordsFor } from '../../server/client/graph_places.js';
import { middle, nodeAt, offsetOf } from '../../server/client/text_places.js';

test('a place in letters is found in a text that counts otherwise', () => {
  const text = 'a: \u{1f3b9}b\n\u00e7d\n';
  assert.equal(offsetOf(text, 1, 5), 5);
  assert.equal(text.slice(offsetOf(text, 2, 2)), 'd\n');
  assert.ok(offsetOf(text, 9, 9) >= text.length, 'behind the end, which fields take as the end');
});

test('only what differs is put in, and no letter is cut', () => {
  const texts = ['', 'abc', 'abxc', 'aaa', 'aaaa', '\u{1f3b9}\u{1f3b8}', '\u{1f3b9}', 'x\u{1f3b8}', '\u{1f3ba}\u{1f3b8}y'];
  for (const before of texts) {
    for (const after of texts) {
      const { from, to, words } = middle(before, after);
      assert.equal(before.slice(0, from) + words + before.slice(to), after);
      assert.ok(words.isWellFormed?.() ?? true, `${before} to ${after}`);
    }
  }
  assert.deepEqual(middle('one two three', 'one 2 three'), { from: 4, to: 7, words: '2' });
});

test('a line belongs to the node in which it is', () => {
  const nodes = [{ name: 'a', line: 3, end_line: 3 }, { name: 'b', line: 4, end_line: 7 }];
  assert.deepEqual([1, 3, 4, 7, 8].map((line) => nodeAt(nodes, line)), [null, 'a', 'b', 'b', null]);
});

test('arrow keys lead to the nearest node of the next row or of the same', () => {
  const nodes = [[0, 0], [160, 0], [80, 100], [400, 100], [80, 200]].map(([x, y]) => ({ x, y }));
  const go = (at, key) => neighbour(nodes, at, key);
  assert.deepEqual([go(0, 'ArrowDown'), go(3, 'ArrowUp'), go(2, 'ArrowDown')], [2, 1, 4]);
  assert.deepEqual([go(0, 'ArrowRight'), go(1, 'ArrowLeft'), go(2, 'ArrowRight')], [1, 0, 3]);
  assert.deepEqual([go(0, 'ArrowUp'), go(1, 'ArrowRight'), go(4, 'ArrowDown'), go(0, 'x')], [null, null, null, null]);
  assert.deepEqual([go(2, 'Home'), go(2, 'End')], [0, 4]);
});

test('what is out of view is told from what is in it', () => {
  assert.ok(within([0, 0, 10, 10], 5, 5, 20, 20) && within([0, 0, 10, 10], -5, -5, 50, 50));
  assert.ok(!within([0, 0, 10, 10], 11, 0, 20, 5) && !within([0, 0, 10, 10], 0, -9, 5, -1));
});

test('a node is called by all that is to be said of it', () => {
  const links = { from: ['a', 'a', 'b', 'c', 'd', 'e', 'f', 'g'], to: ['out'] };
  const plain = { mistake: undefined, failed: false, level: '' };
  assert.equal(
    wordsFor({ name: 'mix', kind: 'mix', runs: true }, links, plain),
    'mix, mix, from a and b and c and d and e and 2 more, to out',
  );
  assert.equal(
    wordsFor({ name: 'x', kind: 'noise', runs: false }, { from: [], to: [] }, { mistake: 'no', failed: true, level: '-3 dB' }),
    'x, noise, failed and silent, not heard, so it does not run, mistake: no, -3 dB',
  );
});
