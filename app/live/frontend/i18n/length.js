/** Lengths of tours and how far they are from the best that is known, as people read them. */

import { formatNumber } from "./format.js";

/** Gaps below this are all the same: one part in a hundred thousand. */
export const FLOOR = 1e-5;

/**
 * A length without its unit: 7,542; 21.4.
 * @param {number | null | undefined} value as the engine counts it
 * @param {{scale?: number}} data of the stage
 */
export function formatLength(value, { scale = 1 }) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const length = value * scale;
  if (Math.abs(length) >= 1e9) return formatNumber(length);
  const digits = Math.abs(length) >= 1000 || Number.isInteger(length) ? 0 : length >= 10 ? 1 : 3;
  return length.toLocaleString("en", { maximumFractionDigits: digits }).replace("-", "−");
}

/**
 * The same with its unit: 41,300 km.
 * @param {number | null | undefined} value
 * @param {{scale?: number, unit?: string}} data
 */
export function lengthWithUnit(value, data) {
  const text = formatLength(value, data);
  return data.unit && text !== "–" ? `${text}\u202f${data.unit}` : text;
}

/**
 * A gap: 4.33 %, 0.06 %, 0.
 * @param {number | null | undefined} gap a share
 */
export function formatGap(gap) {
  if (gap === null || gap === undefined || !Number.isFinite(gap)) return "–";
  if (gap === 0) return "0\u202f%";
  const size = Math.abs(gap);
  if (size < FLOOR) return `<\u202f0.001\u202f%`;
  const digits = size >= 0.0995 ? 1 : size >= 0.000995 ? 2 : 3;
  return `${(100 * gap).toFixed(digits).replace("-", "−")}\u202f%`;
}
