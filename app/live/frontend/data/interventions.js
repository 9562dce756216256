/**
 * What was done by hand to a race: in words, and where several things follow closely, told as one.
 */

import { formatNumber, formatPlain } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";

/**
 * A sign for every kind: heat, a knob, a pen, points, crossed ways. All in the text's own style, none as a
 * picture in colours.
 */
export const SIGNS = /** @type {Record<string, string>} */ ({
  reheat: "♨\ufe0e",
  turn: "↻",
  weight: "✎\ufe0e",
  points: "∴",
  cities: "∴",
  kick: "⤨",
});

/**
 * Events that follow each other closely, of one kind and one lane.
 * @typedef {object} InterventionGroup
 * @property {any} first
 * @property {any} last
 * @property {number} count
 * @property {number | null} lane
 * @property {number} at where the last one is, in whatever the place is measured
 */

/** A knob's value as people read it. @param {unknown} value */
export function formatValue(value) {
  if (value === null || value === undefined) return t("time.not-set");
  if (typeof value === "boolean") return t(value ? "time.on" : "time.off");
  if (typeof value !== "number") return String(value);
  // As it may be typed into a field: without commas, which are a decimal point to some.
  return Number.isInteger(value) && Math.abs(value) < 1e6
    ? String(value).replace("-", "−")
    : formatPlain(value).replaceAll(",", "");
}

/**
 * What a knob was set to before an event: by the last one that turned it, or from the start.
 * @param {any} event
 * @param {any[]} events in order
 * @param {any} stage
 */
function before(event, events, stage) {
  const earlier = events
    .slice(0, events.indexOf(event))
    .findLast((one) => one.kind === "turn" && one.lane === event.lane && one.field === event.field);
  return earlier ? earlier.value : knobOf(event, stage)?.value;
}

/**
 * @param {any} event
 * @param {any} stage
 */
function knobOf(event, stage) {
  return stage.lanes[event.lane]?.knobs?.find((/** @type {any} */ one) => one.name === event.field);
}

/**
 * What a knob is set to after these events.
 * @param {any} knob
 * @param {number} lane
 * @param {any[]} events in order
 */
export function currentSetting(knob, lane, events) {
  const turned = events.findLast(
    (one) => one.kind === "turn" && one.lane === lane && one.field === knob.name,
  );
  return turned ? turned.value : knob.value;
}

/**
 * One event, or several as one, in words.
 * @param {any} event as metrics tell it
 * @param {any} stage
 * @param {any[]} events all of the race, in order
 * @param {any} first the first of several, of which `event` is the last
 */
export function interventionText(event, stage, events = [], first = event) {
  const lane = stage.lanes[event.lane]?.label ?? "";
  const step = Number(event.step ?? Math.max(0, ...(event.steps ?? [0]))).toLocaleString("en");
  if (event.kind === "reheat") {
    const heats = events
      .slice(events.indexOf(first), events.indexOf(event) + 1)
      .filter((one) => one.kind === "reheat" && one.lane === event.lane);
    const factor = heats.reduce(
      (product, one) => product * one.value,
      heats.length ? 1 : event.value,
    );
    return t(factor >= 1 ? "time.reheated" : "time.cooled", {
      lane,
      step,
      factor: formatValue(factor >= 1 ? factor : 1 / factor),
    });
  }
  if (event.kind === "turn") {
    const knob = knobOf(event, stage);
    const was = before(first, events.includes(first) ? events : [first], stage);
    const key = knob || events.includes(first) ? "time.turned" : "time.set";
    return t(key, {
      lane,
      step,
      knob: knob?.label ?? event.field,
      was: formatValue(was),
      value: formatValue(event.value),
    });
  }
  if (event.kind === "weight")
    return t("time.weight", { lane, step, index: event.index, value: formatNumber(event.value) });
  if (event.kind === "points") return t("time.points", { step });
  if (event.kind === "kick") return t("time.kicked", { lane, step });
  if (event.kind === "cities") {
    const { move = [], drop = [], add = [] } = event;
    const [what, count] = add.length
      ? ["added", add.length]
      : drop.length
        ? ["dropped", drop.length]
        : ["moved", move.length];
    return t(`time.cities-${what}${count === 1 ? "" : "-many"}`, { step, count });
  }
  return event.kind;
}

/**
 * Events in order of their places; those of one kind and one lane that lie closer than `room`
 * become one.
 * @param {{event: any, lane: number | null, at: number}[]} placed
 * @param {number} room
 * @returns {InterventionGroup[]}
 */
export function groupInterventions(placed, room) {
  /** @type {InterventionGroup[]} */ const found = [];
  for (const { event, lane, at } of placed) {
    const same = found.findLast(
      (one) => one.last.kind === event.kind && one.lane === lane && one.last.field === event.field,
    );
    if (same && Math.abs(at - same.at) < room)
      Object.assign(same, { last: event, count: same.count + 1, at });
    else found.push({ first: event, last: event, count: 1, lane, at });
  }
  return found;
}

/**
 * A group in words.
 * @param {InterventionGroup} group
 * @param {any} stage
 * @param {any[]} events all of the race, in order
 */
export function groupText({ first, last, count }, stage, events) {
  const text = interventionText(last, stage, events, first);
  return count > 1 && last.kind !== "reheat" ? t("time.times", { text, count }) : text;
}
