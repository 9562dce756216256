/** Bands around the medians of several seeds. */

import { statisticsOf } from "../data/seeds.js";

/** @typedef {import("../data/seeds.js").Value} Value */

/** How strongly a band is filled: between the quartiles, and from the lowest to the highest. */
export const FILLS = { quartiles: 0.24, range: 0.09 };
/** Traces of a lane's bands, the wider one below. */
export const PARTS = /** @type {const} */ (["range", "quartiles"]);

/**
 * The outline of one band: along its lower edge and back along the upper one, with a gap after
 * every stretch. Where an edge does not exist, as when a loss is infinite in a quarter of the seeds,
 * the band reaches to `beyond`.
 * @param {number[]} x
 * @param {[Value, Value][]} edges lower and upper one at each x
 * @param {(value: Value) => Value} place where a value is drawn
 * @param {number} beyond what stands for an upper edge that is infinite
 * @returns {{x: Value[], y: Value[]}}
 */
export function outline(x, edges, place, beyond) {
  /** @type {{x: Value[], y: Value[]}} */ const found = { x: [], y: [] };
  /** @type {{x: number, low: Value, high: Value}[]} */ let stretch = [];
  const close = () => {
    if (stretch.length > 1) {
      found.x.push(...stretch.map((one) => one.x), ...stretch.map((one) => one.x).reverse(), null);
      found.y.push(...stretch.map((one) => one.low));
      found.y.push(...stretch.map((one) => one.high).reverse(), null);
    }
    stretch = [];
  };
  edges.forEach(([low, high], i) => {
    if (low === null) close();
    else stretch.push({ x: x[i], low: place(low), high: place(high ?? beyond) });
  });
  close();
  return found;
}

/**
 * Some of n places, evenly spaced, with the last. As n grows, those that were chosen stay so or
 * every second one goes: what was computed of them serves again.
 * @param {number} n
 * @param {number} most
 * @returns {number[]}
 */
export function evenPlaces(n, most) {
  let stride = 1;
  while (n / stride > most) stride *= 2;
  const places = [];
  for (let i = 0; i < n - 1; i += stride) places.push(i);
  if (n) places.push(n - 1);
  return places;
}

/**
 * A lane's curves over all seeds: medians, and the edges of the bands.
 * @param {any[]} told metrics with all seeds, in order; those that follow each other may be the same
 * @param {number} lane
 * @param {"seconds" | "evaluations" | "flops"} currency
 * @param {"loss" | "accuracy"} measure
 * @param {number} most points
 */
export function seedCurves(told, lane, currency, measure, most) {
  const fresh = told.filter((one, i) => one && one !== told[i - 1]);
  const rows = evenPlaces(fresh.length, most).map(
    (i) =>
      /** @type {import("../data/seeds.js").Statistics} */ (statisticsOf(fresh[i])).lanes[lane],
  );
  return {
    x: rows.map((row) => row[currency]),
    median: rows.map((row) => row[measure]),
    test: rows.map((row) => row[measure === "loss" ? "test_loss" : "test_accuracy"]),
    quartiles: rows.map((row) => row.band[measure].quartiles),
    range: rows.map((row) => row.band[measure].range),
  };
}
