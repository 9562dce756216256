/**
 * The numbers of a race as CSV (RFC 4180): one row for every frame and lane; of several seeds one for
 * every frame, seed and lane.
 */

import { sought } from "../data/layouts.js";
import { followedIn, hasBlock, metricsOfSeed, seedCount } from "../data/seeds.js";

/** @typedef {import("../data/history.js").History} History */

/** Keys of a lane's row in the metrics, and what heads their column. */
const COLUMNS = {
  step: "step",
  evaluations: "evaluations (samples through one network)",
  flops: "flops (FLOP)",
  seconds: "seconds (s)",
  progress: "progress (share of the budget)",
  memory: "memory (bytes)",
  loss: "loss",
  accuracy: "accuracy (share)",
  test_loss: "test_loss",
  test_accuracy: "test_accuracy (share)",
  temperature: "temperature",
  plan: "planned_temperature",
  acceptance: "acceptance (share)",
  target: "target_acceptance (share)",
  agreement: "agreement (cosine with the negative gradient)",
  finished: "finished (0 or 1)",
};

/** The same of a race of tours. */
const TOUR_COLUMNS = {
  step: "step",
  evaluations: "evaluations (prices looked up)",
  moves: "moves (tried)",
  accepted: "accepted (moves)",
  seconds: "seconds (s of processor time)",
  progress: "progress (share of the budget)",
  memory: "memory (bytes)",
  loss: "length",
  current: "current_length",
  gap: "gap (share above the best known)",
  shared: "shared (share of edges in the best known tour)",
  temperature: "temperature",
  plan: "planned_temperature",
  acceptance: "acceptance (share)",
  target: "target_acceptance (share)",
  finished: "finished (0 or 1)",
};

/** The same of a race for routes, a roster or landings. */
const ANSWER_COLUMNS = {
  ...TOUR_COLUMNS,
  loss: "price (of the best answer that keeps all rules)",
  current: "current_price (with what broken rules cost)",
  shared: "shared (share of edges in the best known answer)",
  violation: "violation (overload, rows not covered, or lateness of the present answer)",
};

/** One field: quoted where it must be. @param {unknown} value */
function field(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  if (typeof value === "boolean") return value ? "1" : "0";
  // A text that a spreadsheet would run as a formula is shown as a text.
  const text = /^[=+\-@\t\r]/.test(String(value)) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Which entry of the whole row of numbers is the i-th that is told: all of a short one, an even
 * choice of a long one.
 * @param {any} row
 * @param {string} name
 * @param {number} i
 */
function entryOf(row, name, i) {
  const length = row.lengths?.[name];
  const told = row.vectors[name].data.length;
  return length && told > 1 ? Math.floor((i * (length - 1)) / (told - 1)) : i;
}

/**
 * @param {any} row
 * @param {(readonly [string, number])[]} entries
 */
function valuesOf(row, entries) {
  const told = new Map();
  for (const [name, values] of Object.entries(row.vectors ?? {}))
    values.data.forEach((/** @type {number} */ value, /** @type {number} */ i) =>
      told.set(`${name}[${entryOf(row, name, i)}]`, value),
    );
  return entries.map(([name, i]) => told.get(`${name}[${i}]`));
}

/**
 * @param {History} history
 * @returns {string}
 */
export function metricsCsv(history) {
  const { lanes, data } = history.stage;
  const columns =
    data?.kind === "tour" ? TOUR_COLUMNS : sought(data?.kind) ? ANSWER_COLUMNS : COLUMNS;
  // What methods tell besides differs from one to the other: a column for each that any lane ever
  // told.
  const extras = new Set();
  /** @type {Map<string, Set<number>>} of every row of numbers the entries that are told */
  const vectors = new Map();
  for (const { lanes: rows } of history.metrics) {
    for (const row of rows) {
      for (const name of Object.keys(row.extra ?? {})) extras.add(name);
      for (const [name, values] of Object.entries(row.vectors ?? {})) {
        const told = vectors.get(name) ?? new Set();
        vectors.set(name, told);
        values.data.forEach((/** @type {number} */ _, /** @type {number} */ i) =>
          told.add(entryOf(row, name, i)),
        );
      }
    }
  }
  const entries = [...vectors].flatMap(([name, told]) =>
    [...told].sort((a, b) => a - b).map((i) => /** @type {const} */ ([name, i])),
  );
  const several = seedCount(history.stage);
  const first = history.stage.experiment?.seed ?? 0;
  const head = [
    ...(several > 1 ? ["seed"] : []),
    "frame",
    "clock (s, all lanes)",
    "lane (from 0)",
    "optimizer",
    "label",
    ...Object.values(columns),
    ...[...extras],
    ...entries.map(([name, i]) => `${name}[${i}]`),
    "trouble",
    "stopped",
    "note",
  ];
  // Of a seed that was not followed there are the frames that tell of all seeds.
  const frames =
    several > 1
      ? Array.from({ length: several }, (_, seed) =>
          metricsOfSeed(history.metrics, seed)
            .filter((_, i) => {
              const told = history.metrics[i];
              return hasBlock(told) || followedIn(told) === seed;
            })
            .map((frame) => ({ frame, seed })),
        )
          .flat()
          .sort((a, b) => a.frame.k - b.frame.k || a.seed - b.seed)
      : history.metrics.map((frame) => ({ frame, seed: 0 }));
  const table = frames.flatMap(({ frame, seed }) =>
    frame.lanes.map((/** @type {any} */ row, /** @type {number} */ i) => [
      ...(several > 1 ? [first + seed] : []),
      frame.k,
      frame.clock,
      i,
      lanes[i].optimizer,
      lanes[i].label,
      ...Object.keys(columns).map((key) => row[key]),
      ...[...extras].map((name) => row.extra?.[name]),
      ...valuesOf(row, entries),
      row.trouble,
      row.stopped,
      row.note,
    ]),
  );
  return [head, ...table].map((row) => `${row.map(field).join(",")}\r\n`).join("");
}
