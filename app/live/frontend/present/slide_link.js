/** The link of a slide, for those who watch: what opens it in the explorer. */

import { isOwn } from "../data/recording_source.js";

/** Settings that name something which is only there where it was given. */
const LOCAL = ["file", "folder"];

/** What an experiment is where its link says nothing. */
const USUAL = { device: "auto", precision: "float32", threads: 1, seeds: 1, start: "auto" };
const STOPS = { target: null, patience: null, gap: null, length: null };

/**
 * What fields are where a link says nothing, by dataset, network, instance and method; a code with fewer
 * words is read from further away.
 * @typedef {Record<"dataset" | "network" | "lane", Record<string, Record<string, any>>> &
 *   Partial<Record<"instance" | "method", Record<string, Record<string, any>>>>} Defaults of methods
 *   on networks as "lane", on tours as "method"
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
  const subject = experiment.instance ?? experiment.dataset;
  const page = experiment.instance ? "/routes" : subject.name === "landscape" ? "/landscapes" : "/";
  if (!isOwn(recording)) return `${home}${page}?recording=${encodeURIComponent(recording)}`;
  if (LOCAL.some((field) => subject[field])) return null;
  return `${home}${page}?${new URLSearchParams(flat(experiment, defaults))}`;
}

/**
 * An experiment with one text per key, as engine/experiment/query_string.py reads it.
 * @param {any} experiment
 * @param {Defaults} [defaults]
 * @returns {Record<string, string>}
 */
export function flat({ dataset, network, instance, lanes, budget, ...others }, defaults) {
  const names = lanes.map((/** @type {any} */ lane) => lane.name);
  /** @type {Record<string, string>} */
  const found = instance ? { instance: instance.name } : { dataset: dataset.name };
  if (network && network.name !== "point") found.network = network.name;
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
      group(name, value, name === "stop" ? STOPS : {});
    else if (!same(value, USUAL[/** @type {keyof typeof USUAL} */ (name)]))
      found[name] = written(value);
  if (instance) group("instance", instance, defaults?.instance?.[instance.name]);
  else group("dataset", dataset, defaults?.dataset[dataset.name]);
  // The layers of a network, and a method's settings on a landscape, are suggested by the data.
  const { hidden: _, ...layers } = defaults?.network[network?.name] ?? {};
  if (network) group("network", network, layers);
  const methods = instance ? defaults?.method : defaults?.lane;
  lanes.forEach((/** @type {any} */ lane, /** @type {number} */ i) =>
    group(
      names.filter((/** @type {string} */ name) => name === lane.name).length > 1
        ? `lane${i + 1}`
        : lane.name,
      lane,
      dataset?.name === "landscape" ? {} : methods?.[lane.name],
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
