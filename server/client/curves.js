// Where a control's value stands on its slider, and how it reads. Main thread (and node). The same curves as the
// presets' own (graph/src/param.rs).

/**
 * @typedef {object} Range
 * @property {number} min
 * @property {number} max
 * @property {string} curve `lin`, `exp`, or the exponent of a power as a number
 */

/** The value at a position from 0 to 1. */
export function valueAt({ min, max, curve }, position) {
  const n = Math.min(Math.max(position, 0), 1);
  if (n === 0) return min;
  if (n === 1) return max;
  if (curve === 'lin') return min + (max - min) * n;
  if (curve === 'exp') return min * (max / min) ** n;
  return min + (max - min) * n ** Number(curve);
}

/** The position from 0 to 1 of a value. */
export function positionOf({ min, max, curve }, value) {
  if (max === min) return 0;
  const linear = (value - min) / (max - min);
  let position = linear;
  if (curve === 'exp') position = Math.log(Math.max(value, 1e-9) / min) / Math.log(max / min);
  else if (curve !== 'lin') position = Math.max(linear, 0) ** (1 / Number(curve));
  return Math.min(Math.max(position, 0), 1);
}

/** The nearest number that reads short: a slider gives no more digits than a hand can mean. */
export function rounded(value, digits = 4) {
  return Number(value.toPrecision(digits));
}

/** A number with so many decimals and a real minus sign; never "−0". */
function number(value, decimals) {
  const text = value.toFixed(decimals);
  return Number(text) === 0 ? text.replace('-', '') : text.replace('-', '\u2212');
}

/** Three significant digits, as many decimals as that takes. */
function significant(value) {
  const size = Math.abs(value);
  if (size >= 100 || value === 0) return number(value, 0);
  return number(value, size >= 10 ? 1 : 2);
}

const NARROW_SPACE = '\u202f';

/** A value in its unit, as one reads it on an instrument: 2.40 kHz, −6.0 dB, 120 ms, 35 %. */
export function formatValue(value, unit, range) {
  const join = (text, suffix) => text + NARROW_SPACE + suffix;
  switch (unit) {
    case 'Hz':
      return Math.abs(value) >= 1000 ? join(significant(value / 1000), 'kHz') : join(significant(value), 'Hz');
    case 's':
      return Math.abs(value) < 1 ? join(significant(value * 1000), 'ms') : join(significant(value), 's');
    case 'dB':
      return join(number(value, 1), 'dB');
    case 'st':
      return join((value > 0.005 ? '+' : '') + number(value, 2), 'st');
    case '':
      return range && range.min >= 0 && range.max <= 1 ? join(number(value * 100, 0), '%') : significant(value);
    default:
      return join(significant(value), unit);
  }
}
