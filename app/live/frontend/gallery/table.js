/**
 * The table under a comparison: how every lane of every recording ended, the best of each column,
 * and the same as CSV.
 */

import { formatNumber, formatShort, percent, SHAPES } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";
import { make } from "./dom.js";

/**
 * @typedef {import("../data/summary.js").Result} Result
 * @typedef {{recording: string, label: string, lane: number, colour: string, first: boolean, lanes:
 *   number, result: Result}} Row one lane; `first` of the `lanes` of its recording
 * @typedef {{name: keyof Result, show: (value: number | null) => string, sign: 1 | -1}} Column
 *   `sign` 1 where more is better
 */

/** @type {Column[]} */
export const COLUMNS = [
  { name: "loss", show: formatNumber, sign: -1 },
  { name: "test_loss", show: formatNumber, sign: -1 },
  { name: "test_accuracy", show: percent, sign: 1 },
  { name: "evaluations", show: formatShort, sign: -1 },
  { name: "flops", show: formatShort, sign: -1 },
  {
    name: "seconds",
    show: (value) => (value === null ? "–" : value.toFixed(value < 100 ? 1 : 0)),
    sign: -1,
  },
];

/**
 * @param {{name: string, colour: string, summary: import("../data/summary.js").Summary}[]}
 *   recordings
 * @returns {Row[]}
 */
export function rowsOf(recordings) {
  return recordings.flatMap(({ name, colour, summary }) =>
    summary.lanes.map(({ label }, lane) => ({
      recording: name,
      label,
      lane,
      colour,
      first: lane === 0,
      lanes: summary.lanes.length,
      result: summary.results[lane],
    })),
  );
}

/**
 * The rows that are best in a column, as far as can be read off it; none where all read the same.
 * @param {Row[]} rows
 * @param {Column} column
 * @returns {Set<number>}
 */
export function best(rows, { name, show, sign }) {
  const numbers = rows.map(({ result }) => result[name]);
  const there = numbers
    .filter((value) => value !== null)
    .map((value) => sign * /** @type {number} */ (value));
  const shown = numbers.map(show);
  if (!there.length || new Set(shown).size < 2) return new Set();
  const winner = show(sign * Math.max(...there));
  return new Set(shown.flatMap((text, i) => (text === winner ? [i] : [])));
}

/**
 * @param {Row[]} rows
 * @param {boolean} comparable whether the losses of these rows may be compared
 */
export function table(rows, comparable) {
  const winners = COLUMNS.map((column) => (comparable ? best(rows, column) : new Set()));
  const head = ["recording", "lane", ...COLUMNS.map(({ name }) => name)].map((name) =>
    make("th", { scope: "col", text: t(`gallery.column-${name}`) }),
  );
  const body = rows.map((row, i) => {
    const cells = COLUMNS.map(({ name, show }, c) => {
      const won = winners[c].has(i);
      return make(
        "td",
        { "data-column": name, "data-best": won },
        show(row.result[name]),
        won && make("span", { class: "kg-sr", text: ` ${t("gallery.best")}` }),
      );
    });
    const recording =
      row.first &&
      make(
        "th",
        { scope: "rowgroup", rowspan: String(row.lanes), title: row.recording },
        make("i", {
          class: "kg-swatch",
          style: `background: ${row.colour}`,
          "aria-hidden": "true",
        }),
        make("span", { text: row.recording }),
      );
    return make(
      "tr",
      { "data-first": row.first },
      recording,
      make(
        "th",
        { scope: "row" },
        make("i", { style: `color: ${row.colour}`, "aria-hidden": "true", text: SHAPES[row.lane] }),
        ` ${row.label}`,
      ),
      ...cells,
    );
  });
  return make(
    "table",
    { class: "kg-table", "data-testid": "results" },
    make("caption", { class: "kg-sr", text: t("gallery.table") }),
    make("thead", {}, make("tr", {}, ...head)),
    make("tbody", {}, ...body),
  );
}

/** The same numbers, whole, as RFC 4180 has it. @param {Row[]} rows */
export function csv(rows) {
  const head = ["recording", "lane", ...COLUMNS.map(({ name }) => name)];
  const lines = rows.map(({ recording, label, result }) => [
    csvText(recording),
    csvText(label),
    ...COLUMNS.map(({ name }) => String(result[name] ?? "")),
  ]);
  return csvLines([head, ...lines]);
}

/** @param {string[][]} lines whose texts are made safe already */
export function csvLines(lines) {
  return `${lines.map((line) => line.join(",")).join("\r\n")}\r\n`;
}

/**
 * A spreadsheet takes what begins with one of = + - @ for a formula: a name never is one.
 * @param {string} value
 */
export function csvText(value) {
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
