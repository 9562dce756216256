/**
 * Routes, rosters and landings as files: CVRPLIB's `.sol`, and tables. The engine writes the same
 * (engine/combinatorial/answers.py).
 */

import { clockTime, landingsOf, numbers, rosterOf, routesOf, rowsOf } from "../data/answers.js";
import { indexOfFrame } from "../data/thinned_log.js";

/** @typedef {import("../data/history.js").History} History */

/**
 * A lane's best answer at a moment.
 * @typedef {{lane: number, row: any, values: number[]}} Best
 */

/**
 * The lanes' best answers in the picture shown at a moment.
 * @param {History} history
 * @param {number} moment index of the metrics
 * @returns {Best[]} those lanes that have one
 */
export function answersAt(history, moment) {
  const metrics = history.metrics[moment];
  const picture = metrics && history.pictureAt(metrics.k);
  if (!picture) return [];
  const row = history.metrics[indexOfFrame(history.metrics, picture.k)];
  return picture.lanes.flatMap((/** @type {any} */ { best }, /** @type {number} */ lane) =>
    best ? [{ lane, row: row.lanes[lane], values: Array.from(numbers(best)) }] : [],
  );
}

/**
 * The file of an answer.
 * @param {any} stage
 * @param {Best} answer
 * @returns {{text: string, suffix: string, type: string}}
 */
export function answerFile({ data }, { row, values }) {
  if (data.kind === "routes")
    return { text: solution(values, row?.loss), suffix: ".sol", type: "text/plain" };
  const rows = data.kind === "pairing" ? rosterRows(values, data) : landingRows(values, data);
  const text = rows.map((cells) => `${cells.map(cell).join(",")}\n`).join("");
  return { text, suffix: ".csv", type: "text/csv" };
}

/**
 * Routes as CVRPLIB writes them: customers numbered from 1, without the depot.
 * @param {number[]} values
 * @param {number | null | undefined} price
 */
function solution(values, price) {
  const lines = routesOf(values).map((route, i) => `Route #${i + 1}: ${route.join(" ")}`);
  return `${[...lines, `Cost ${price ?? "unknown"}`].join("\n")}\n`;
}

/**
 * The rows of a table of crews: of a timetable every leg with its crew, else every column with its
 * rows, both counted from 1.
 * @param {number[]} values
 * @param {any} data
 * @returns {(string | number)[][]}
 */
function rosterRows(values, data) {
  const costs = numbers(data.columns.costs);
  if (!data.legs)
    return [
      ["column", "cost", "rows"],
      ...values.map((column) => [
        column + 1,
        inUnits(costs[column], data.scale),
        rowsOf(data.columns, column)
          .map((one) => one + 1)
          .join(" "),
      ]),
    ];
  const [start, end, from, to] = ["start", "end", "from", "to"].map((name) =>
    numbers(data.legs[name]),
  );
  return [
    ["crew", "leg", "from", "to", "start", "end"],
    ...rosterOf(values, data).crews.flatMap(({ rows }, crew) =>
      rows.map((leg) => [
        crew + 1,
        leg + 1,
        data.places[from[leg]],
        data.places[to[leg]],
        clockTime(start[leg]),
        clockTime(end[leg]),
      ]),
    ),
  ];
}

/**
 * The rows of a table of landings in their order, planes and runways counted from 1, in the file's
 * units.
 * @param {number[]} values
 * @param {any} data
 * @returns {(string | number)[][]}
 */
function landingRows(values, data) {
  const windows = numbers(data.windows);
  const time = (/** @type {number} */ one) => inUnits(one, data.time_scale);
  return [
    ["plane", "runway", "time", "target", "cost"],
    ...landingsOf(values, data).flatMap((landings, runway) =>
      landings.map((one) => [
        one.plane + 1,
        runway + 1,
        time(one.time),
        time(windows[3 * one.plane + 1]),
        inUnits(one.cost, data.scale),
      ]),
    ),
  ];
}

/**
 * A whole number of the engine in the unit that people count in, without what rounding adds.
 * @param {number} value
 * @param {number} scale
 */
function inUnits(value, scale = 1) {
  return Number((value * scale).toPrecision(10));
}

/** A cell: quoted where it must be, and never run as a formula. @param {string | number} value */
function cell(value) {
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
