/** The lines of compared recordings: numbers over a currency, by lane. */

import { decimate } from "../charts/decimate.js";
import { sought } from "../data/layouts.js";
import { readRecording } from "../data/recording.js";
import { metricsOfSeed, seedCount } from "../data/seeds.js";
import { rowsOf } from "../data/summary.js";

/** @typedef {"seconds" | "evaluations" | "flops"} Currency */
/** @typedef {"loss" | "test_loss" | "accuracy" | "test_accuracy"} Measure */
/** @typedef {Record<Currency | Measure, (number | null)[]>} Lane */

/**
 * @typedef {object} About what was raced on
 * @property {unknown} dataset with its settings
 * @property {unknown} network with its settings
 * @property {unknown} loss
 * @property {unknown} training which samples, with which labels; null for all of them as they are
 * @property {unknown} start the law of the first weights; null for the network's own
 * @property {unknown[]} moved what points were put in the place of others during the race, and when
 * @property {string} label of the data, as people read it
 * @property {string} networkLabel
 *
 * @typedef {object} Settings of one lane
 * @property {string} method as people read it
 * @property {Record<string, unknown>} values of its hyperparameters at the start
 * @property {unknown} budget where the method's course is planned over it, else null
 * @property {{name: string, label: string}[]} knobs what hyperparameters are called
 * @property {unknown[]} byHand what was changed during the race, and when
 *
 * @typedef {object} Series what a comparison needs of a recording
 * @property {Lane[]} lanes of several seeds the medians
 * @property {{seed: number, lanes: Lane[]}[]} seeds each seed by itself
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
  const rows = rowsOf(history);
  const metrics = history.metrics.map((_, index) => rows(index));
  const {
    dataset = stage.experiment.instance,
    network,
    loss,
    training,
    start,
    budget,
  } = stage.experiment;
  const lanes = columnsOf(stage, metrics);
  const first = Number.isFinite(stage.experiment.seed) ? stage.experiment.seed : 0;
  const count = seedCount(stage);
  return {
    lanes,
    seeds:
      count < 2
        ? [{ seed: first, lanes }]
        : Array.from({ length: count }, (_, seed) => ({
            seed: first + seed,
            lanes: columnsOf(stage, metricsOfSeed(history.metrics, seed)),
          })),
    problem: JSON.stringify([dataset, loss ?? null, training ?? null, start ?? null]),
    scored: !["curve", "function"].includes(stage.data.kind) && !sought(stage.data.kind),
    about: {
      dataset: dataset ?? null,
      network: network ?? null,
      loss: loss ?? null,
      training: training ?? null,
      start: start ?? null,
      moved: changes(metrics, ({ kind }) => MOVED.includes(kind)),
      label: text(stage.data.landscape?.label ?? stage.data.label ?? stage.data.name),
      networkLabel: text(stage.network ?? network?.name),
    },
    settings: stage.lanes.map((/** @type {any} */ lane, /** @type {number} */ i) => ({
      method: text(lane.method ?? lane.label),
      values: stage.experiment.lanes?.[i] ?? { name: lane.optimizer },
      budget: isPlanned(stage.experiment.lanes?.[i] ?? {}) ? (budget ?? null) : null,
      knobs: Array.isArray(lane.knobs) ? lane.knobs : [],
      byHand: changes(metrics, (event) => !MOVED.includes(event.kind) && event.lane === i),
    })),
    seed: first,
  };
}

/**
 * What each lane spent and scored, by frame.
 * @param {any} stage
 * @param {any[]} metrics
 * @returns {Lane[]}
 */
function columnsOf(stage, metrics) {
  return stage.lanes.map((/** @type {any} */ _, /** @type {number} */ lane) => {
    const column = (/** @type {string} */ name) =>
      metrics.map((one) => (Number.isFinite(one.lanes[lane][name]) ? one.lanes[lane][name] : null));
    return Object.fromEntries([...CURRENCIES, ...MEASURES].map((name) => [name, column(name)]));
  });
}

/**
 * Whether a method's course is planned over its budget, so that what it has reached half-way
 * through a long one is not what it reaches with a short one.
 * @param {Record<string, unknown>} values of its hyperparameters
 */
export function isPlanned(values) {
  if ("initial_temperature" in values || "doublings" in values || values.expand) return true;
  if ("schedule" in values) return values.schedule !== "constant";
  return "final_fraction" in values && values.final_fraction !== 1;
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
