// Places in a text: lines, columns, and what two texts differ in. Needs no browser.

/** Where a line and column (from 1, in letters) begin, as text fields count: in UTF-16. */
export function offsetOf(text, line, column) {
  const lines = text.split('\n');
  const letters = [...(lines[line - 1] ?? '')].slice(0, column - 1).join('');
  return lines.slice(0, line - 1).reduce((sum, before) => sum + before.length + 1, 0) + letters.length;
}

/** What to put in the place of which stretch of a text to make it another. */
export function middle(before, after) {
  const most = Math.min(before.length, after.length);
  let from = 0;
  while (from < most && before[from] === after[from]) from += 1;
  // No letter of two halves is cut.
  if (from > 0 && isHigh(before.charCodeAt(from - 1))) from -= 1;
  let same = 0;
  while (same < most - from && before[before.length - 1 - same] === after[after.length - 1 - same]) same += 1;
  if (same > 0 && isLow(before.charCodeAt(before.length - same))) same -= 1;
  return { from, to: before.length - same, words: after.slice(from, after.length - same) };
}

function isHigh(code) {
  return code >= 0xd800 && code < 0xdc00;
}

function isLow(code) {
  return code >= 0xdc00 && code < 0xe000;
}

/** The node in which a line is, of nodes with their lines; null where there is none. */
export function nodeAt(nodes, line) {
  return nodes.findLast((node) => node.line <= line && line <= node.end_line)?.name ?? null;
}
