// A chart of the last minutes on a canvas: a few lines over time, with their values now below. Main thread.

import { el, setText } from './dom.js';

/** Values that are kept: one a second. */
const KEPT = 300;
const COLOURS = ['--aurora', '--amber', '--rose', '--dim'];

/** The least round number that is not below `value`: 1, 2 or 5 times a power of ten. */
export function ceiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((round) => round >= value * (1 - 1e-9));
}

/** A number in few figures. */
export function short(value) {
  if (value === null || value === undefined) return '–';
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en');
  return Number(value.toPrecision(3)).toString();
}

export class Chart {
  /** `lines` are names; the unit stands behind each value. */
  constructor(title, unit, lines) {
    this.unit = unit;
    this.lines = lines;
    this.values = lines.map(() => []);
    this.canvas = el('canvas', { role: 'img', 'aria-label': `${title} over the last five minutes` });
    this.names = lines.map(() => el('span'));
    this.element = el(
      'figure',
      { class: 'chart' },
      el('figcaption', {}, title),
      this.canvas,
      el('div', { class: 'legend' }, ...this.names),
    );
  }

  /** Takes one value for each line; null is a gap. */
  push(values) {
    this.values.forEach((kept, line) => {
      kept.push(values[line] ?? null);
      if (kept.length > KEPT) kept.shift();
      setText(this.names[line], `${this.lines[line]} ${short(values[line])} ${this.unit}`.trim());
    });
    this.draw();
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(this.canvas.clientWidth * ratio);
    const height = Math.round(this.canvas.clientHeight * ratio);
    if (width === 0 || height === 0) return;
    // To set a size clears the canvas.
    this.canvas.width = width;
    this.canvas.height = height;
    const context = this.canvas.getContext('2d');
    const style = getComputedStyle(this.canvas);
    const top = ceiling(Math.max(...this.values.flat().map((value) => value ?? 0)));
    context.font = `${11 * ratio}px ${style.fontFamily}`;
    context.fillStyle = style.getPropertyValue('--dim');
    context.fillText(`${short(top)} ${this.unit}`.trim(), 0, 11 * ratio);
    context.strokeStyle = style.getPropertyValue('--line');
    context.lineWidth = ratio;
    context.strokeRect(0, height - ratio / 2, width, 0);
    context.lineWidth = 1.5 * ratio;
    context.lineJoin = 'round';
    this.values.forEach((kept, line) => {
      context.strokeStyle = style.getPropertyValue(COLOURS[line]);
      context.beginPath();
      let open = false;
      kept.forEach((value, place) => {
        if (value === null) {
          open = false;
          return;
        }
        const x = ((KEPT - kept.length + place + 1) / KEPT) * width;
        const y = height - ratio - (value / top) * (height - 16 * ratio);
        if (open) context.lineTo(x, y);
        else context.moveTo(x, y);
        open = true;
      });
      context.stroke();
    });
  }
}
