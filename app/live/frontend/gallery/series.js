/** The lines of compared recordings: numbers over a currency, by lane. */

import { decimate } from "../charts/decimate.js";
import { sought } from "../data/layouts.js";
import { readRecording } from "../data/recording.js";
import { rowsOf } from "../data/summary.js";

/** @typedef {"seconds" | "evaluations" | "flops"} Currency */
/** @typedef {"loss" | "test_loss" | "accuracy" | "test_accuracy"} Measure */
/** @typedef {Record<Currency | Measure, (number | null)[]>} Lane */

/**
 * @typedef {object} About what was raced on
 * @property {unknown} dataset with its settings
 * @property {unknown} network with its settings
 * @property {unknown} loss
 * @property {unknown[]} moved what points were put in the place of others during the race, and when
 * @property {string} label of the data, as people read it
 * @property {string} networkLabel
 *
 * @typedef {object} Settings of one lane
 * @property {string} method as people read it
 * @property {Record<string, unknown>} values of its hyperparameters at the start
 * @property {{name: string, label: string}[]} knobs what hyperparameters are called
 * @property {unknown[]} byHand what was changed during the race, and when
 *
 * @typedef {object} Series what a comparison needs of a recording
 * @property {Lane[]} lanes
 * @property {string} problem the same text for races on the same data with the same loss function
 * @property {boolean} scored whether answers are right or wrong
 * @property {About} about
 * @property {Settings[]} settings by lane
 * @property {number} seed
 */

export const CURRENCIES = /** @type {Currency[]} */ (["seconds", "evaluations", "flops"]);
export const MEASURES = /** @type {Measure[]} */ ([
  "loss",
  "test_loss",
  "accuracy",
  "test_accuracy",
]);
const MOST_POINTS = 400;
/** Events that change what is raced on, and not a lane. */
const MOVED = ["points", "cities"];

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
export function seriesOf(history) {
  const { stage } = history;
  // of several seeds the medians
  const rows = rowsOf(history);
  const metrics = history.metrics.map((_, index) => rows(index));
  const lanes = stage.lanes.map((/** @type {any} */ _, /** @type {number} */ lane) => {
    const column = (/** @type {string} */ name) =>
      metrics.map((one) => (Number.isFinite(one.lanes[lane][name]) ? one.lanes[lane][name] : null));
    return Object.fromEntries([...CURRENCIES, ...MEASURES].map((name) => [name, column(name)]));
  });
  const { dataset = stage.experiment.instance, network, loss, seed } = stage.experiment;
  return {
    lanes,
    problem: JSON.stringify([dataset, loss ?? null]),
    scored: !["curve", "function"].includes(stage.data.kind) && !sought(stage.data.kind),
    about: {
      dataset: dataset ?? null,
      network: network ?? null,
      loss: loss ?? null,
      moved: changes(metrics, ({ kind }) => MOVED.includes(kind)),
      label: text(stage.data.landscape?.label ?? stage.data.label ?? stage.data.name),
      networkLabel: text(stage.network ?? network?.name),
    },
    settings: stage.lanes.map((/** @type {any} */ lane, /** @type {number} */ i) => ({
      method: text(lane.method ?? lane.label),
      values: stage.experiment.lanes?.[i] ?? { name: lane.optimizer },
      knobs: Array.isArray(lane.knobs) ? lane.knobs : [],
      byHand: changes(metrics, (event) => !MOVED.includes(event.kind) && event.lane === i),
    })),
    seed: Number.isFinite(seed) ? seed : 0,
  };
}

/**
 * What was done by hand during a race.
 * @param {any[]} metrics
 * @param {(event: any) => boolean} wanted
 * @returns {unknown[]}
 */
function changes(metrics, wanted) {
  return metrics.flatMap((one) => (one.events ?? []).filter(wanted));
}

/** @param {unknown} value */
function text(value) {
  return typeof value === "string" ? value.slice(0, 120) : "";
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
