/** Values in bins: of a population's losses, and of a layer's weights. */

export const BINS = 28;

import { logScale } from "./axis_scale.js";

/**
 * @typedef {{log: boolean, low: number, high: number, floor?: import("./axis_scale.js").Floor}}
 *   Scale `floor`: where zero stands on a logarithmic one
 */

/**
 * From how many times the lowest to the highest a scale is logarithmic; it stays so until they are
 * much nearer, or it would flicker.
 */
const WIDE = 30;
const NARROW = 12;

/**
 * A scale that holds all values. Its ends are rounded outwards, so that it stands still while the
 * values move a little.
 * @param {number[]} values finite
 * @param {boolean} was whether the scale was logarithmic before
 * @returns {Scale}
 */
export function binScale(values, was = false) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (!(low <= high)) return { log: false, low: 0, high: 1 };
  const lowest =
    low < 0
      ? high
      : values.reduce((least, value) => (value > 0 && value < least ? value : least), Infinity);
  if (high / lowest > (was ? NARROW : WIDE)) {
    const { floor } = logScale([values]);
    const from = floor ? floor.at : lowest;
    const stride = Math.log10(high / from) > 3 ? 0.5 : 0.2;
    const down = 10 ** (Math.floor(Math.log10(from) / stride + 1e-9) * stride);
    return {
      log: true,
      low: down,
      high: 10 ** (Math.ceil(Math.log10(high) / stride - 1e-9) * stride),
      ...(floor ? { floor } : {}),
    };
  }
  const span = high - low || Math.abs(high) * 0.1 || 1;
  const stride = 10 ** Math.floor(Math.log10(span)) / 2;
  const down = Math.floor(low / stride) * stride;
  return {
    log: false,
    low: down,
    high: Math.max(down + stride, Math.ceil(high / stride) * stride),
  };
}

/**
 * How many values lie in each of even bins; the last holds its upper end, too.
 * @param {ArrayLike<number>} values
 * @param {Scale} scale
 * @param {number} bins
 * @returns {{edges: number[], counts: number[]}} one edge more than counts
 */
export function histogram(values, { log, low, high, floor }, bins = BINS) {
  const put = (/** @type {number} */ value) =>
    log ? Math.log10(floor ? Math.max(floor.at, value) : value) : value;
  const [from, to] = [put(low), put(high)];
  const counts = new Array(bins).fill(0);
  for (let i = 0; i < values.length; i++) {
    const at = (put(values[i]) - from) / (to - from);
    if (at >= 0 && at <= 1) counts[Math.min(bins - 1, Math.floor(at * bins))]++;
  }
  const edges = Array.from({ length: bins + 1 }, (_, i) => from + ((to - from) * i) / bins).map(
    (at) => (log ? 10 ** at : at),
  );
  return { edges, counts };
}
