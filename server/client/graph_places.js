// Where one comes to in a drawing of a graph, and how a node is called. Needs no browser.

/** Names that are read out for one side of a node, at most. */
const MOST_NAMES = 5;

/** Whether two stretches of the plane have something in common. */
export function within([left, top, right, bottom], fromX, fromY, toX, toY) {
  return fromX <= right && toX >= left && fromY <= bottom && toY >= top;
}

/** The node to which a key leads from another: the nearest of the next row, or of the same; null where there is none. */
export function neighbour(nodes, at, key) {
  const here = nodes[at];
  if (key === 'Home') return 0;
  if (key === 'End') return nodes.length - 1;
  const way = { ArrowUp: -1, ArrowDown: 1, ArrowLeft: -1, ArrowRight: 1 }[key];
  if (way === undefined) return null;
  const upright = key === 'ArrowUp' || key === 'ArrowDown';
  let best = null;
  let least = Infinity;
  nodes.forEach(({ x, y }, index) => {
    const ahead = upright ? (y - here.y) * way : (x - here.x) * way;
    if (ahead <= 0 || (!upright && y !== here.y)) return;
    // Rows come first, then what is nearest in the row.
    const distance = upright ? ahead * 1e6 + Math.abs(x - here.x) : ahead;
    if (distance < least) [best, least] = [index, distance];
  });
  return best;
}

/** A node in words: what it is, what leads to it and where it leads, and what is to be said of it. */
export function wordsFor({ name, kind, runs }, { from, to }, { mistake, failed, level }) {
  const parts = [name, kind];
  if (from.length > 0) parts.push(`from ${list(from)}`);
  if (to.length > 0) parts.push(`to ${list(to)}`);
  if (failed) parts.push('failed and silent');
  if (!runs) parts.push('not heard, so it does not run');
  if (mistake) parts.push(`mistake: ${mistake}`);
  if (level) parts.push(level);
  return parts.join(', ');
}

function list(names) {
  const known = [...new Set(names)];
  const more = known.length - MOST_NAMES;
  return known.slice(0, MOST_NAMES).join(' and ') + (more > 0 ? ` and ${more} more` : '');
}
