/**
 * A recording in short: what was raced, how it ended, and a thinned curve for its small picture.
 * The server tells the same of the recordings it ships (app/live/shipped.py).
 */

import { t } from "../i18n/i18n.js";
import { seedCount, statisticsOf, toldUpTo } from "./seeds.js";

/**
 * @typedef {object} Result how a lane stood at the end; null for what there is no number of
 * @property {number | null} loss
 * @property {number | null} accuracy
 * @property {number | null} test_loss
 * @property {number | null} test_accuracy
 * @property {number | null} evaluations
 * @property {number | null} flops
 * @property {number | null} seconds
 *
 * @typedef {object} Summary
 * @property {string} dataset its name
 * @property {string} label of the dataset or the landscape, as people read it
 * @property {string} kind of the data: points, images, curve, table or function
 * @property {string} network
 * @property {{optimizer: string, label: string, method?: string}[]} lanes `label`: no two alike;
 *   `method`: what its method is called, where that is not the label
 * @property {{currency: "seconds" | "evaluations" | "flops", amount: number}} budget
 * @property {number} seed
 * @property {number} [seeds] how many, if several; results are medians over them then
 * @property {Result[]} results one for each lane
 */

export const SPARK_POINTS = 60;
const MOST_TEXT = 120;
const MOST_LANES = 4;
const CURRENCIES = ["seconds", "evaluations", "flops"];
const NUMBERS = /** @type {(keyof Result)[]} */ ([
  "loss",
  "accuracy",
  "test_loss",
  "test_accuracy",
  "evaluations",
  "flops",
  "seconds",
]);

/**
 * What a recording is about. Throws where the history does not hold what a recording must: a file
 * may hold anything.
 * @param {import("./history.js").History} history
 * @returns {Summary}
 */
export function summaryOf(history) {
  const { stage } = history;
  const seeds = seedCount(stage);
  const rows = rowsOf(history)(history.metrics.length - 1)?.lanes;
  const { lanes, data, budget, experiment } = stage;
  if (!Array.isArray(lanes) || !lanes.length || lanes.length > MOST_LANES)
    throw new Error("it has no lanes");
  if (
    !history.metrics.every((one) => Array.isArray(one.lanes) && one.lanes.length === lanes.length)
  )
    throw new Error("a moment tells of other lanes");
  if (!CURRENCIES.includes(budget.currency) || !(budget.amount > 0))
    throw new Error("it has no budget");
  return {
    dataset: words(data.name),
    label: words(data.landscape?.label ?? data.label ?? data.name),
    kind: words(data.kind),
    network: words(stage.network ?? experiment.network?.name ?? ""),
    lanes: lanes.map((lane) => ({
      optimizer: words(lane.optimizer),
      label: words(lane.label),
      ...(lane.method && lane.method !== lane.label ? { method: words(lane.method) } : {}),
    })),
    budget: { currency: budget.currency, amount: Number(budget.amount) },
    seed: number(experiment.seed) ?? 0,
    ...(seeds > 1 ? { seeds } : {}),
    results: rows.map((/** @type {any} */ row) =>
      Object.fromEntries(NUMBERS.map((name) => [name, number(row[name])])),
    ),
  };
}

/**
 * What finds the metrics at an index, with a row for each lane; of several seeds their medians.
 * @param {import("./history.js").History} history
 * @returns {(index: number) => any}
 */
export function rowsOf({ stage, metrics }) {
  if (seedCount(stage) < 2) return (index) => metrics[index];
  const told = toldUpTo(metrics);
  return (index) => statisticsOf(told[index]) ?? metrics[index];
}

/**
 * The training loss of every lane at evenly spaced moments, the first and the last among them.
 * @param {import("./history.js").History} history
 * @returns {(number | null)[][]}
 */
export function sparklineOf(history) {
  const { stage, metrics } = history;
  const rows = rowsOf(history);
  const count = Math.min(SPARK_POINTS, metrics.length);
  const at = Array.from({ length: count }, (_, i) =>
    count > 1 ? Math.floor((i * (metrics.length - 1)) / (count - 1) + 0.5) : 0,
  );
  return stage.lanes.map((/** @type {any} */ _, /** @type {number} */ lane) =>
    at.map((index) => number(rows(index).lanes[lane].loss)),
  );
}

/**
 * What a recording is called until somebody names it: "Two spirals: Simulated annealing vs Adam".
 * @param {Summary} summary
 */
export function nameOf({ label, lanes }) {
  return t("gallery.default-name", {
    data: label,
    lanes: lanes.map((lane) => lane.label).join(t("gallery.vs")),
  });
}

/**
 * @param {unknown} value
 * @returns {number | null}
 */
function number(value) {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** @param {unknown} value */
function words(value) {
  if (typeof value !== "string") throw new Error("a name is no text");
  return value.slice(0, MOST_TEXT);
}
