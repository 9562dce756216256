/**
 * Axes of values: their range, their ticks, and on a logarithmic one the floor, on which goes on
 * what has no place above it.
 */

import { formatPlain, formatShortPlain } from "../i18n/format.js";

/**
 * Where what is zero, or next to it, is drawn on a logarithmic axis.
 * @typedef {object} Floor
 * @property {number} at the place, as a value of the axis
 * @property {string} text of its tick: "0", or "≤ 10⁻⁹" where some of it is not zero
 *
 * @typedef {object} Scale
 * @property {[number, number]} range in powers of ten
 * @property {Floor | null} floor null where everything has its own place
 * @property {(value: number | null | undefined) => number | null} place where a value is drawn
 */

/** What lies deeper below the highest value than this is all the same: solved. */
const DEEPEST = 1e-8;
/** An axis that spans less, in powers of ten, may miss 1, 2 and 5. */
const NARROW = 0.45;

/**
 * A range in steps of a tenth: an axis that changes makes Plotly draw the whole chart again, so it
 * should change seldom.
 * @param {number} low
 * @param {number} high
 * @returns {[number, number]}
 */
function roundedRange(low, high) {
  return [Math.floor(low * 10) / 10, Math.ceil(high * 10) / 10];
}

/**
 * A range with a strip kept free at one end, for words that must not lie on what is drawn.
 * @param {[number, number]} range
 * @param {number} share of the axis that the strip takes
 * @param {"above" | "below"} end
 * @returns {[number, number]}
 */
export function withRoom([low, high], share, end) {
  const part = Math.min(0.4, share);
  const more = ((high - low) * part) / (1 - part);
  return end === "above" ? [low, high + more] : [low - more, high];
}

/**
 * A lane that explodes leaves the axis at this many times where it started, so that the others can
 * still be seen.
 */
const EXPLODED = 1e4;

/**
 * The highest value that need be seen of curves.
 * @param {(number | null | undefined)[][]} curves
 */
export function highestShown(curves) {
  const first = curves.flatMap(
    (curve) => curve.find((value) => typeof value === "number" && Number.isFinite(value)) ?? [],
  );
  return EXPLODED * Math.max(0, ...first) || Infinity;
}

/**
 * A logarithmic scale that holds values; those that are zero, below it, or too deep below the
 * highest lie on its floor.
 * @param {(number | null | undefined)[][]} curves
 * @param {number} most that need be seen
 * @param {number} deepest share of the highest value that still has its own place
 * @returns {Scale}
 */
export function logScale(curves, most = Infinity, deepest = DEEPEST) {
  let [low, high] = [Infinity, -Infinity];
  let sunk = false;
  for (const curve of curves) {
    for (const value of curve) {
      if (value === null || value === undefined || !Number.isFinite(value)) continue;
      if (value <= 0) sunk = true;
      else {
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
  }
  if (!(low <= high)) {
    if (!sunk) return { range: [-1, 0.5], floor: null, place: (value) => value ?? null };
    [low, high] = [1, 1];
  }
  high = Math.max(low, Math.min(high, most));
  const deep = low < high * deepest;
  low = Math.max(low, high * deepest);
  /** @type {Floor | null} */ let floor = null;
  if (deep || sunk) {
    let power = Math.floor(Math.log10(low));
    // Zero is no neighbour of the lowest value that is one.
    if (!deep && Math.log10(low) - power < 0.4) power--;
    const at = Number(`1e${power}`);
    floor = { at, text: deep ? `≤ ${formatPlain(at)}` : "0" };
    low = at;
  }
  const room = Math.max(0.05, 0.04 * Math.log10(high / low));
  const place = (/** @type {number | null | undefined} */ value) =>
    value === null || value === undefined || Number.isNaN(value)
      ? null
      : floor && value <= floor.at
        ? floor.at
        : value;
  return { range: roundedRange(Math.log10(low) - room, Math.log10(high) + room), floor, place };
}

/**
 * A tick that near the low end, as a share of the axis, would stand on those of the axis across.
 */
const CORNER = 0.04;

/**
 * Ticks of an axis, written as numbers are everywhere.
 * @param {[number, number]} range in powers of ten where the axis is logarithmic
 * @param {boolean} log
 * @param {Floor | null} floor
 * @param {number} most there is room for
 * @param {"measure" | "count" | "share"} kind of what is written: measures as 41,300 and 1.2×10⁷,
 *   counts as 41.3 k and 12 M, shares as 5 %
 * @returns {{tickvals: number[], ticktext: string[]}}
 */
export function ticksOf(range, log, floor = null, most = 7, kind = "measure") {
  const [low, high] = range[0] <= range[1] ? range : [range[1], range[0]];
  const all = log ? logTicks(low, high, most) : linearTicks(low, high, most);
  // An axis that begins at nothing says so.
  const clear = all.filter(
    (value) =>
      (log ? Math.log10(value) : value) > low + CORNER * (high - low) ||
      (!log && value === 0 && (low === 0 || kind !== "measure")),
  );
  const values = clear.length ? clear : all;
  if (!log || !floor) return { tickvals: values, ticktext: values.map(WRITTEN[kind]) };
  // A tick just above the floor would stand on its text.
  const above = values.filter((value) => Math.log10(value / floor.at) > 0.055 * (high - low));
  const seen = Math.log10(floor.at) >= low - 1e-9;
  return {
    tickvals: [...(seen ? [floor.at] : []), ...above],
    ticktext: [...(seen ? [floor.text] : []), ...above.map(WRITTEN[kind])],
  };
}

/**
 * Width of a tick's text in the figures' letters, px, a little more rather than less.
 * @param {string} text
 */
export function widthOf(text) {
  const wide = (/** @type {string} */ sign) =>
    /[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]/u.test(sign)
      ? 5.7
      : /[−×≤]/u.test(sign)
        ? 10.2
        : /[.,\s]/u.test(sign)
          ? 4.2
          : 7.9;
  return [...text].reduce((sum, sign) => sum + wide(sign), 0);
}

/** How ticks are written. */
const WRITTEN = {
  measure: exact,
  count: counted,
  share: (/** @type {number} */ value) => `${exact(Number((100 * value).toPrecision(12)))}\u202f%`,
};

/**
 * A tick that counts, in full where three digits would not tell it from its neighbour.
 * @param {number} value
 */
function counted(value) {
  return value && Number(value.toPrecision(3)) !== value ? exact(value) : formatShortPlain(value);
}

/**
 * A tick in words: ticks that lie close together far from zero need more digits than numbers do.
 * @param {number} value
 */
function exact(value) {
  return Number(value.toPrecision(3)) === value
    ? formatPlain(value)
    : value.toLocaleString("en", { maximumSignificantDigits: 12 }).replace("-", "−");
}

/**
 * Powers of ten where there are many; 1, 2 and 5 of each where there is room; else even steps.
 * @param {number} low
 * @param {number} high in powers of ten
 * @param {number} most
 */
function logTicks(low, high, most) {
  const span = high - low;
  if (span <= NARROW) return linearTicks(10 ** low, 10 ** high, most).filter((value) => value > 0);
  const digits = 3 * span <= 1.15 * most ? [1, 2, 5] : [1];
  const stride = digits.length > 1 ? 1 : Math.max(1, Math.ceil(span / most));
  const found = [];
  for (let power = Math.floor(low); power <= Math.ceil(high); power++) {
    if (((power % stride) + stride) % stride) continue;
    for (const digit of digits) {
      const at = power + Math.log10(digit);
      if (at >= low - 1e-9 && at <= high + 1e-9) found.push(Number(`${digit}e${power}`));
    }
  }
  return found;
}

/**
 * @param {number} low
 * @param {number} high
 * @param {number} most
 */
function linearTicks(low, high, most) {
  const rough = (high - low) / most;
  if (!(rough > 0) || !Number.isFinite(rough)) return Number.isFinite(low) ? [low] : [];
  const power = Math.floor(Math.log10(rough));
  const step = Number(
    `${[1, 2, 5].find((digit) => digit * 10 ** power >= rough * (1 - 1e-9)) ?? 10}e${power}`,
  );
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i <= Math.floor(high / step + 1e-9); i++)
    found.push(Number((i * step).toPrecision(12)));
  return found;
}

/**
 * Ranges of two axes with the same scale, of which the given ones are the middle.
 * @param {{x: [number, number], y: [number, number]}} part
 * @param {number} width pixels of the x axis
 * @param {number} height of the y axis
 * @returns {{x: [number, number], y: [number, number]}}
 */
export function sameScale({ x, y }, width, height) {
  if (!(width > 0 && height > 0)) return { x, y };
  const unit = Math.max((x[1] - x[0]) / width, (y[1] - y[0]) / height);
  const about = (/** @type {[number, number]} */ [from, to], /** @type {number} */ pixels) => {
    const [middle, half] = [(from + to) / 2, (unit * pixels) / 2];
    return /** @type {[number, number]} */ ([middle - half, middle + half]);
  };
  return { x: about(x, width), y: about(y, height) };
}
