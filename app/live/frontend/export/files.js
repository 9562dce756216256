/**
 * What exported files have in common: their names, what they are about, how they reach the visitor.
 */

import { decode } from "../data/messages.js";
import { formatShort } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";

/** @typedef {import("../data/history.js").History} History */

const KEEP_MS = 60_000;

/**
 * A name like `kelvin-spirals-annealing-vs-adam.csv`.
 * @param {any} stage
 * @param {string} ending with its dot, and what comes before it
 */
export function fileName(stage, ending) {
  const lanes = stage.lanes.map((/** @type {any} */ lane) => lane.optimizer).join("-vs-");
  const plain = `kelvin-${stage.data.name}-${lanes}`
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return `${plain.slice(0, 100)}${ending}`;
}

/** What was raced, in one line: "Two spirals: Simulated annealing vs Adam". @param {any} stage */
export function titleOf(stage) {
  return t("gallery.default-name", {
    data: stage.data.landscape?.label ?? stage.data.label,
    lanes: stage.lanes.map((/** @type {any} */ lane) => lane.label).join(t("gallery.vs")),
  });
}

/** What each lane was given: "30 s", "2.00 M evaluations". @param {any} stage */
export function budgetOf({ budget: { currency, amount } }) {
  return t(`export.budget-${currency}`, {
    amount: currency === "seconds" ? Number(amount.toPrecision(4)) : formatShort(amount),
  });
}

/**
 * The experiment as it was begun, and what was done by hand since, in the engine's own form.
 * @param {History} history
 * @returns {{experiment: any, events: any[]}}
 */
export function experimentAndEvents(history) {
  // The stage follows points that are moved; its first bytes do not.
  const { experiment } = decode(history.messages()[0]);
  return { experiment, events: history.events.map(({ at: _, ...event }) => event) };
}

/**
 * Experiment and events as JSON: the experiment alone where nothing was done by hand.
 * @param {History} history
 */
export function experimentJson(history) {
  const { experiment, events } = experimentAndEvents(history);
  return `${JSON.stringify(events.length ? { experiment, events } : experiment, null, 2)}\n`;
}

/**
 * Give the visitor a file.
 * @param {Blob} blob
 * @param {string} name
 */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.hidden = true;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), KEEP_MS);
}

/** Text as it may stand in HTML, SVG and their attributes. @param {string} text */
export function escaped(text) {
  // Characters that XML 1.0 knows nothing of are left out.
  // eslint-disable-next-line no-control-regex
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "")
    .replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
}
