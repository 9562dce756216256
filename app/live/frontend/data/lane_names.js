/**
 * What the lanes of a race are called: by their methods, and where several share one by what
 * differs in their settings. Python does the same (engine/experiment/lane_names.py) for the stages
 * it sends.
 */

import { formatValue } from "./interventions.js";

const MOST = 2;
const LAST = ["batch"];

/** "Step size" within a sentence; "MCMC" and "β₁" as they are. @param {string} label */
function lower(label) {
  return /^.(\p{Ll}|\s)/u.test(label) ? label[0].toLowerCase() + label.slice(1) : label;
}

/**
 * What a lane calls a setting.
 * @param {any} lane of a stage
 * @param {string} field
 */
function called(lane, field) {
  const knob = lane.knobs?.find((/** @type {any} */ one) => one.name === field);
  return knob ? lower(knob.label) : field.replaceAll("_", " ");
}

/**
 * @param {unknown} value
 * @returns {string}
 */
function said(value) {
  return Array.isArray(value) ? value.map(said).join(", ") : formatValue(value);
}

/**
 * The fewest settings that tell all apart, or the first few where those are too many.
 * @param {string[]} different
 * @param {Record<string, unknown>[]} settings
 */
function telling(different, settings) {
  const apart = (/** @type {string[]} */ chosen) =>
    new Set(settings.map((one) => JSON.stringify(chosen.map((field) => one[field] ?? null))))
      .size === settings.length;
  const single = different.find((field) => apart([field]));
  if (single) return [single];
  for (const [i, one] of different.entries())
    for (const other of different.slice(i + 1)) if (apart([one, other])) return [one, other];
  return different.slice(0, MOST);
}

/**
 * A name for every lane of a stage, no two alike: "Adam", "SGD with momentum, step size 0.7",
 * "Langevin dynamics 2".
 * @param {any} stage whose labels may be those of the methods alone
 * @returns {string[]}
 */
export function laneNames({ lanes, experiment }) {
  const settings = lanes.map((/** @type {any} */ _, /** @type {number} */ i) =>
    experiment?.lanes?.[i] && typeof experiment.lanes[i] === "object" ? experiment.lanes[i] : {},
  );
  const names = lanes.map((/** @type {any} */ lane) => lane.label);
  for (const label of new Set(names)) {
    const alike = lanes.flatMap((/** @type {any} */ lane, /** @type {number} */ i) =>
      lane.label === label ? [i] : [],
    );
    if (alike.length < 2) continue;
    const fields = Object.keys(settings[alike[0]]).filter((field) => field !== "name");
    const different = fields.filter(
      (field) =>
        new Set(alike.map((/** @type {number} */ i) => JSON.stringify(settings[i][field] ?? null)))
          .size > 1,
    );
    different.sort((a, b) => Number(LAST.includes(a)) - Number(LAST.includes(b)));
    const chosen =
      different.length <= MOST
        ? different
        : telling(
            different,
            alike.map((/** @type {number} */ i) => settings[i]),
          );
    const told = alike.map((/** @type {number} */ i) =>
      chosen.map((field) => `, ${called(lanes[i], field)} ${said(settings[i][field])}`).join(""),
    );
    alike.forEach((/** @type {number} */ i, /** @type {number} */ n) => {
      const same = told.flatMap((/** @type {string} */ text, /** @type {number} */ other) =>
        text === told[n] ? [other] : [],
      );
      names[i] = `${label}${same.length > 1 ? ` ${same.indexOf(n) + 1}` : ""}${told[n]}`;
    });
  }
  return names;
}

/**
 * A stage, or a summary of one, whose lanes have names of their own as labels; what their methods
 * are called is kept beside.
 * @param {any} stage
 * @returns {any}
 */
export function withLaneNames(stage) {
  const names =
    Array.isArray(stage.lanes) &&
    stage.lanes.every((/** @type {any} */ lane) => typeof lane?.label === "string")
      ? laneNames(stage)
      : null;
  if (!names || names.every((name, i) => name === stage.lanes[i].label)) return stage;
  return {
    ...stage,
    lanes: stage.lanes.map((/** @type {any} */ lane, /** @type {number} */ i) => ({
      ...lane,
      label: names[i],
      method: lane.method ?? lane.label,
    })),
  };
}

/**
 * A lane's name in two parts: its method, and what tells it from the other lanes of that method; ""
 * where nothing need.
 * @param {{label: string, method?: string}} lane
 * @returns {{method: string, between: string, apart: string}} which together are its name
 */
export function nameParts({ label, method = label }) {
  if (label === method || !label.startsWith(method))
    return { method: label, between: "", apart: "" };
  const rest = label.slice(method.length);
  const [between] = /** @type {RegExpMatchArray} */ (rest.match(/^,?\s*/));
  return { method, between, apart: rest.slice(between.length) };
}

/**
 * The name as elements. Where there is too little room for all of it, style sheets shorten the
 * method and leave what tells the lane from the others of its kind.
 * @param {{label: string, method?: string}} lane
 * @param {string} lead before it
 * @returns {HTMLElement[]}
 */
export function nameElements(lane, lead = "") {
  const { method, between, apart } = nameParts(lane);
  const parts = [
    ["kv-method", lead + method],
    ["kv-between", between],
    ["kv-apart", apart],
  ];
  return parts.flatMap(([className, text]) =>
    text ? [Object.assign(document.createElement("i"), { className, textContent: text })] : [],
  );
}
