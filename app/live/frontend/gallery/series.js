/** The lines of compared recordings: numbers over a currency, by lane. */

import { decimate } from "../charts/decimate.js";
import { readRecording } from "../data/recording.js";

/** @typedef {"seconds" | "evaluations" | "flops"} Currency */
/** @typedef {"loss" | "test_loss" | "accuracy" | "test_accuracy"} Measure */
/** @typedef {Record<Currency | Measure, (number | null)[]>} Lane */

/**
 * @typedef {object} Series what a comparison needs of a recording
 * @property {Lane[]} lanes
 * @property {string} problem the same text for races on the same data with the same loss function
 * @property {boolean} scored whether answers are right or wrong
 */

export const CURRENCIES = /** @type {Currency[]} */ (["seconds", "evaluations", "flops"]);
export const MEASURES = /** @type {Measure[]} */ ([
  "loss",
  "test_loss",
  "accuracy",
  "test_accuracy",
]);
const MOST_POINTS = 400;

/**
 * @param {Blob} file
 * @returns {Promise<Series>}
 */
export async function readSeries(file) {
  return seriesOf(await readRecording(await file.arrayBuffer()));
}

/**
 * @param {import("../data/history.js").History} history
 * @returns {Series}
 */
export function seriesOf({ stage, metrics }) {
  const lanes = stage.lanes.map((/** @type {any} */ _, /** @type {number} */ lane) => {
    const column = (/** @type {string} */ name) =>
      metrics.map((one) => (Number.isFinite(one.lanes[lane][name]) ? one.lanes[lane][name] : null));
    return Object.fromEntries([...CURRENCIES, ...MEASURES].map((name) => [name, column(name)]));
  });
  const { dataset, loss } = stage.experiment;
  return {
    lanes,
    problem: JSON.stringify([dataset, loss ?? null]),
    scored: !["curve", "function"].includes(stage.data.kind),
  };
}

/**
 * Points of one line, few enough to be drawn.
 * @param {Lane} lane
 * @param {Currency} currency
 * @param {Measure} measure
 */
export function line(lane, currency, measure) {
  return decimate(lane[currency], lane[measure], MOST_POINTS);
}
