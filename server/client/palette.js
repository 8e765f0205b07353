// Colours of levels: night, deep water, northern light. Main thread (and node).

/** Stops from silent to loud: place, red, green, blue, opacity. */
const STOPS = [
  [0, 7, 10, 16, 0],
  [0.18, 14, 30, 58, 0.55],
  [0.4, 18, 74, 104, 0.85],
  [0.62, 42, 138, 132, 0.95],
  [0.82, 143, 211, 165, 1],
  [1, 250, 243, 208, 1],
];

/** 256 colours of four bytes each, silent first. */
export function palette() {
  const colours = new Uint8ClampedArray(256 * 4);
  for (let i = 0; i < 256; i += 1) {
    const place = i / 255;
    const above = Math.max(1, STOPS.findIndex(([stop]) => stop >= place));
    const [from, to] = [STOPS[above - 1], STOPS[above]];
    const way = (place - from[0]) / (to[0] - from[0]);
    const mix = (channel) => from[channel] + (to[channel] - from[channel]) * way;
    colours.set([mix(1), mix(2), mix(3), 255 * mix(4)], i * 4);
  }
  return colours;
}
