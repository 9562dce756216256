/** The link of a slide, for those who watch: what opens it in the explorer. */

import { isOwn } from "../data/recording_source.js";

/** Settings that name something which is only there where it was given. */
const LOCAL = ["file", "folder"];

/** What an experiment is where its link says nothing. */
const USUAL = { device: "auto", precision: "float32", threads: 1, seeds: 1 };

/**
 * What fields are where a link says nothing, by dataset, network and method; a code with fewer
 * words is read from further away.
 * @typedef {Record<"dataset" | "network" | "lane", Record<string, Record<string, any>>>} Defaults
 */

/**
 * @param {string} home address of the server, without a slash at its end
 * @param {string} recording
 * @param {any} experiment of the recording
 * @param {Defaults} [defaults]
 * @returns {string | null} a shipped recording itself, else the experiment that runs it again; null
 *   where its data are a file of the visitor's own
 */
export function slideLink(home, recording, experiment, defaults) {
  const page = experiment.dataset.name === "landscape" ? "/landscapes" : "/";
  if (!isOwn(recording)) return `${home}${page}?recording=${encodeURIComponent(recording)}`;
  if (LOCAL.some((field) => experiment.dataset[field])) return null;
  return `${home}${page}?${new URLSearchParams(flat(experiment, defaults))}`;
}

/**
 * An experiment with one text per key, as engine/experiment/query_string.py reads it.
 * @param {any} experiment
 * @param {Defaults} [defaults]
 * @returns {Record<string, string>}
 */
export function flat({ dataset, network, lanes, budget, ...others }, defaults) {
  const names = lanes.map((/** @type {any} */ lane) => lane.name);
  /** @type {Record<string, string>} */
  const found = { dataset: dataset.name };
  if (network.name !== "point") found.network = network.name;
  found.lanes = names.join(",");
  found[budget.currency] = String(budget.amount);
  const group = (
    /** @type {string} */ place,
    /** @type {Record<string, any>} */ fields,
    /** @type {Record<string, any>} */ usual = {},
  ) => {
    for (const [field, value] of Object.entries(fields))
      if (field !== "name" && !(field in usual && same(value, usual[field])))
        found[`${place}.${field}`] = written(value);
  };
  for (const [name, value] of Object.entries(others))
    if (value !== null && typeof value === "object")
      group(name, value, name === "stop" ? { target: null, patience: null } : {});
    else if (!same(value, USUAL[/** @type {keyof typeof USUAL} */ (name)]))
      found[name] = written(value);
  group("dataset", dataset, defaults?.dataset[dataset.name]);
  // The layers of a network, and a method's settings on a landscape, are suggested by the data.
  const { hidden: _, ...layers } = defaults?.network[network.name] ?? {};
  group("network", network, layers);
  lanes.forEach((/** @type {any} */ lane, /** @type {number} */ i) =>
    group(
      names.filter((/** @type {string} */ name) => name === lane.name).length > 1
        ? `lane${i + 1}`
        : lane.name,
      lane,
      dataset.name === "landscape" ? {} : defaults?.lane[lane.name],
    ),
  );
  return found;
}

/** @param {any} value @returns {string} */
function written(value) {
  if (value === null || (Array.isArray(value) && !value.length)) return "none";
  return Array.isArray(value) ? value.map(written).join(",") : String(value);
}

/**
 * @param {any} one
 * @param {any} other
 */
function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}
