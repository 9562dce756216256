/** What the server tells of the races it keeps, as it is listed. */

import { t } from "../i18n/i18n.js";

/**
 * @typedef {import("../data/layouts.js").Layout} Layout
 *
 * @typedef {object} Kept what the server tells of a race
 * @property {string} token
 * @property {boolean} own whether this browser's visitor began it; somebody else may have run the
 *   same experiment just then
 * @property {any} experiment
 * @property {string} state that was told last
 * @property {number} created Unix time in seconds
 * @property {number} used
 * @property {{label: string, loss: number | null, test_loss: number | null}[]} results
 * @property {number} bytes
 * @property {boolean} pinned
 *
 * @typedef {Kept & {title: string, layout: Layout, standing: "done" | "open" | "ended"}} KeptItem
 */

/**
 * The races to list, the newest first.
 * @param {Kept[]} races
 * @param {import("../data/asked_races.js").Asked[]} asked what this browser knows of them
 * @returns {KeptItem[]}
 */
export function keptItems(races, asked) {
  const titles = new Map(asked.map(({ token, title }) => [token, title]));
  return races
    .map((race) => ({
      ...race,
      title: titles.get(race.token) || namedByLanes(race),
      layout: pageOf(race.experiment),
      standing: standing(race.state),
    }))
    .sort((a, b) => b.created - a.created);
}

/** A race that told nothing of itself before its page was closed. @param {Kept} race */
function namedByLanes({ results }) {
  return results.map(({ label }) => label).join(t("gallery.vs")) || t("kept.untitled");
}

/**
 * How a race stands.
 * @param {string} state
 * @returns {KeptItem["standing"]}
 */
export function standing(state) {
  return state === "done" ? "done" : state === "ended" ? "ended" : "open";
}

/**
 * The board that races of its kind are shown on.
 * @param {any} experiment
 * @returns {Layout}
 */
export function pageOf(experiment) {
  if (experiment.instance) return "tour";
  return experiment.dataset?.name === "landscape" ? "landscape" : "network";
}

/**
 * What is told of each lane: of a network two losses, of others one number.
 * @param {KeptItem} item
 * @returns {{name: "loss" | "test_loss", head: string}[]}
 */
export function columnsOf({ layout, results }) {
  if (layout !== "network")
    return [{ name: "loss", head: t(layout === "tour" ? "kept.best" : "kept.height") }];
  const tested = results.some((row) => row.test_loss !== null);
  return [
    { name: "loss", head: t("kept.train-loss") },
    ...(tested ? [{ name: /** @type {const} */ ("test_loss"), head: t("kept.test-loss") }] : []),
  ];
}

/** Whether a race has a text in its title or its lanes. @param {KeptItem} item @param {string} text */
export function isFound({ title, results }, text) {
  const all = [title, ...results.map(({ label }) => label)].join("\n").toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}
