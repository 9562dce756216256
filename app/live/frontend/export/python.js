/** Lines of Python that repeat a race with the engine. */

import { t } from "../i18n/i18n.js";
import { sought } from "../data/layouts.js";
import { seedCount } from "../data/seeds.js";
import { budgetOf, experimentAndEvents, titleOf } from "./files.js";

/** @typedef {import("../data/history.js").History} History */

const WIDE = 100;
const RESULTS = [
  "for lane, result in zip(experiment.lanes, race.results(), strict=True):",
  "    print(lane.label, {name: value for name, value in result.items() if value is not None})",
];
const SEED_RESULTS = [
  "for seed in race.seed_results():",
  '    for lane, result in zip(experiment.lanes, seed["lanes"], strict=True):',
  "        told = {name: value for name, value in result.items() if value is not None}",
  '        print("seed", seed["seed"], lane.label, told)',
];

/**
 * A JSON value as Python writes it, in several lines where one would be long.
 * @param {any} value
 * @param {string} indent of the line it stands in
 * @returns {string}
 */
export function literal(value, indent = "") {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const list = Array.isArray(value);
  const write = (/** @type {string} */ inner) =>
    list
      ? value.map((one) => literal(one, inner))
      : Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${literal(one, inner)}`);
  const [open, close] = list ? "[]" : "{}";
  const short = `${open}${write(indent).join(", ")}${close}`;
  if (short.length + indent.length <= WIDE && !short.includes("\n")) return short;
  const inner = `${indent}    `;
  return `${open}\n${write(inner)
    .map((one) => `${inner}${one},\n`)
    .join("")}${indent}${close}`;
}

/**
 * A comment: one line, whatever is in it.
 * @param {string} what
 * @param {Record<string, unknown>} values
 */
function comment(what, values = {}) {
  return `# ${t(`export.python-${what}`, values).replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")}`;
}

/** What a race of tours needs. @param {boolean} events whether something was done by hand */
function tourImports(events) {
  return [
    "from engine.combinatorial.experiment import CombinatorialExperiment",
    ...(events ? ["from engine.combinatorial.interventions import parse_events"] : []),
    "from engine.combinatorial.race import CombinatorialRace",
  ];
}

/**
 * @param {History} history
 * @param {string} name of the file, as it is to be run
 * @returns {string}
 */
export function pythonCode(history, name) {
  const { stage } = history;
  const { experiment, events } = experimentAndEvents(history);
  const timed = experiment.budget.currency === "seconds";
  const seeds = seedCount(stage);
  const tour = sought(stage.data.kind);
  const race = tour ? "CombinatorialRace" : seeds > 1 ? "SeedRaces" : "Race";
  const kind = tour ? "CombinatorialExperiment" : "Experiment";
  const lines = [
    comment(seeds > 1 ? "head-seeds" : "head", {
      title: titleOf(stage),
      budget: budgetOf(stage),
      seed: experiment.seed,
      last: experiment.seed + seeds - 1,
    }),
    comment("run", { name }),
    ...(timed ? [comment("timed")] : []),
    "import sys",
    "",
    `sys.path.insert(0, ".")  ${comment("folder")}`,
    ...(tour
      ? tourImports(events.length > 0)
      : [`from engine import Experiment, ${race}${events.length ? ", parse_events" : ""}`]),
    "",
    `experiment = ${kind}.parse(${literal(experiment)})`,
    ...(events.length ? ["", comment("events"), `events = parse_events(${literal(events)})`] : []),
    "",
    events.length
      ? `race = ${race}(experiment, pictures=False, events=events)`
      : `race = ${race}(experiment, pictures=False)`,
    "for frame in race:",
    `    pass  ${comment("frames")}`,
    "",
    ...(seeds > 1 ? SEED_RESULTS : RESULTS),
  ];
  return `${lines.join("\n")}\n`;
}
