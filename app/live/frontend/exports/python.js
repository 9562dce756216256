/** Lines of Python that repeat a race with the engine. */

import { budgetOf, titleOf, told } from "./files.js";

/** @typedef {import("../player.js").History} History */

const WIDE = 100;

/** A JSON value as Python writes it, in several lines where one would be long. @param {any} value @param {string} indent of the line it stands in @returns {string} */
export function literal(value, indent = "") {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const list = Array.isArray(value);
  const write = (/** @type {string} */ inner) => (list ? value.map((one) => literal(one, inner)) : Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${literal(one, inner)}`));
  const [open, close] = list ? "[]" : "{}";
  const short = `${open}${write(indent).join(", ")}${close}`;
  if (short.length + indent.length <= WIDE && !short.includes("\n")) return short;
  const inner = `${indent}    `;
  return `${open}\n${write(inner).map((one) => `${inner}${one},\n`).join("")}${indent}${close}`;
}

/** A comment's text: one line, whatever is in it. @param {string} text */
function line(text) {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
}

/** @param {History} history @param {string} name of the file, as it is to be run @returns {string} */
export function pythonCode(history, name) {
  const { stage } = history;
  const { experiment, events } = told(history);
  const timed = experiment.budget.currency === "seconds";
  const lines = [
    `# ${line(titleOf(stage))}. ${line(budgetOf(stage))} for each lane, seed ${line(String(experiment.seed))}.`,
    "# From Kelvin's folder, with its Python environment: python " + name,
    ...(timed ? ["# Its budget is in seconds: how far a lane gets in them depends on the machine. With evaluations or FLOPs every number comes out the same."] : []),
    "import sys",
    "",
    'sys.path.insert(0, ".")  # Kelvin\'s folder, wherever this file lies',
    "from engine import Experiment, Race",
    ...(events.length ? ["from engine.events import parse_events"] : []),
    "",
    `experiment = Experiment.parse(${literal(experiment)})`,
    ...(events.length ? ["", "# What was done by hand while it ran.", `events = parse_events(${literal(events)})`] : []),
    "",
    events.length ? "race = Race(experiment, pictures=False, events=events)" : "race = Race(experiment, pictures=False)",
    "for frame in race:",
    "    pass  # frame.metrics holds every number of this moment",
    "",
    "for lane, result in zip(experiment.lanes, race.results(), strict=True):",
    '    print(lane.label, {name: value for name, value in result.items() if value is not None})',
  ];
  return `${lines.join("\n")}\n`;
}
