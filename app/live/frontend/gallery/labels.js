/** Labels beside lines and rows: short enough for their room, and none over another. */

import { widthOf } from "../charts/axis_scale.js";
import { nameParts } from "../data/lane_names.js";

/** Letters at most that are kept at the end of a setting that is shortened: its value. */
const TAIL = 7;

/**
 * A method's name in a width: what tells it from others of its method keeps its end, where the
 * value is.
 * @param {string} name
 * @param {string} method
 * @param {number} width px
 * @param {number} most lines
 * @returns {string[]} lines
 */
export function fitted(name, method, width, most) {
  if (widthOf(name) <= width) return [name];
  const { method: first, between, apart } = nameParts({ label: name, method });
  if (!apart) return [shortened(first, width, 0)];
  if (most > 1) {
    const settings = apart.split(", ");
    const last = settings.slice(most - 2).join(", ");
    const lines = [...settings.slice(0, most - 2), last];
    return [shortened(first, width, 0), ...lines.map((line) => shortened(line, width, TAIL))];
  }
  const left = width - widthOf(between + apart);
  return left > widthOf("Adam…")
    ? [`${shortened(first, left, 0)}${between}${apart}`]
    : [shortened(name, width, TAIL)];
}

/**
 * @param {string} text
 * @param {number} width px
 * @param {number} tail how many letters at its end are kept
 */
function shortened(text, width, tail) {
  if (widthOf(text) <= width) return text;
  const letters = [...text];
  const end = tail ? ending(letters, tail) : "";
  let kept = letters.length - [...end].length;
  while (kept > 1 && widthOf(`${letters.slice(0, kept).join("")}…${end}`) > width) kept--;
  return `${letters.slice(0, kept).join("").trimEnd()}…${end}`;
}

/**
 * The last letters of a text, whole words where there are any.
 * @param {string[]} letters
 * @param {number} most
 */
function ending(letters, most) {
  const end = letters.slice(-most).join("");
  return letters.at(-most - 1) === " " ? end : end.slice(end.indexOf(" ") + 1);
}

/**
 * Places for labels near where they belong, no two over each other.
 * @param {{at: number, size: number}[]} labels
 * @param {number} low
 * @param {number} high
 * @returns {number[]} middles, in the order of the labels
 */
export function spread(labels, low, high) {
  const order = labels.map((_, i) => i).sort((a, b) => labels[b].at - labels[a].at || a - b);
  const places = labels.map(({ at }) => at);
  let roof = high;
  for (const i of order) {
    places[i] = Math.min(places[i], roof - labels[i].size / 2);
    roof = places[i] - labels[i].size / 2;
  }
  let floor = low;
  for (const i of order.reverse()) {
    places[i] = Math.max(places[i], floor + labels[i].size / 2);
    floor = places[i] + labels[i].size / 2;
  }
  return places;
}
