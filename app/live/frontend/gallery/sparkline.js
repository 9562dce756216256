/** The small picture of a recording: the loss of every lane, as an SVG. */

import { highestShown, logScale } from "../charts/axis_scale.js";

const WIDTH = 300;
const HEIGHT = 72;
const ROOM = 6;
const MARKS = [
  (/** @type {number} */ x, /** @type {number} */ y) =>
    `M${x - 3.4} ${y}a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0 -6.8 0z`,
  (/** @type {number} */ x, /** @type {number} */ y) => `M${x - 3} ${y - 3}h6v6h-6z`,
  (/** @type {number} */ x, /** @type {number} */ y) =>
    `M${x} ${y - 4.2}l4.2 4.2l-4.2 4.2l-4.2 -4.2z`,
  (/** @type {number} */ x, /** @type {number} */ y) => `M${x} ${y - 3.8}l3.9 6.8h-7.8z`,
];
export const DASHES = ["", "9 3", "2 3", "9 3 2 3"];

/**
 * Lines from left to right, as points of a `width` × `height` picture. The scale is logarithmic
 * where no loss is negative, as it is in the explorer; zero then has its floor.
 * @param {(number | null)[][]} spark losses by lane, at the same moments
 * @param {number} width
 * @param {number} height
 * @returns {{lines: ([number, number] | null)[][], floor: number | null}} null where a lane has no
 *   number; `floor`: how far down the floor is, where there is one
 */
export function places(spark, width = WIDTH, height = HEIGHT) {
  const numbers = /** @type {number[]} */ (spark.flat().filter((value) => value !== null));
  const straight = !(Math.min(...numbers) >= 0) || !(Math.max(...numbers) > 0);
  const most = straight ? Infinity : highestShown(spark);
  const { floor, place } = straight ? { floor: null, place: null } : logScale(spark, most);
  const scale = (/** @type {number} */ value) =>
    place ? Math.log(Math.min(most, /** @type {number} */ (place(value)))) : value;
  const scaled = numbers.map(scale);
  const [low, high] = [Math.min(...scaled), Math.max(...scaled)];
  const down = (/** @type {number} */ value) =>
    tenth(height - ROOM - (high > low ? (value - low) / (high - low) : 0.5) * (height - 2 * ROOM));
  const lines = spark.map((line) =>
    line.map((value, i) => {
      if (value === null) return null;
      const across = line.length > 1 ? i / (line.length - 1) : 0.5;
      return /** @type {[number, number]} */ ([
        tenth(ROOM + across * (width - 2 * ROOM)),
        down(scale(value)),
      ]);
    }),
  );
  return { lines, floor: floor ? down(Math.log(floor.at)) : null };
}

/** @param {number} value */
function tenth(value) {
  return Math.round(10 * value) / 10;
}

/**
 * The path of a line; where there is no number it breaks off.
 * @param {([number, number] | null)[]} points
 */
export function path(points) {
  let pen = "M";
  let made = "";
  for (const point of points) {
    if (point) made += `${pen}${point[0]} ${point[1]}`;
    pen = point ? "L" : "M";
  }
  return made;
}

/**
 * @param {(number | null)[][]} spark
 * @param {string[]} colours of the lanes
 * @param {string} label what it says to those who do not see it
 */
export function sparkline(spark, colours, label) {
  const picture = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    role: "img",
    "aria-label": label,
    class: "kg-spark",
  });
  const { lines, floor } = places(spark);
  if (floor !== null)
    picture.append(
      svg("path", {
        d: `M${ROOM} ${floor}H${WIDTH - ROOM}`,
        class: "kg-floor",
        fill: "none",
        "stroke-width": "1",
        "stroke-dasharray": "1.5 3",
      }),
    );
  lines.forEach((points, lane) => {
    picture.append(
      svg("path", {
        d: path(points),
        fill: "none",
        stroke: colours[lane],
        "stroke-width": "2",
        "stroke-linejoin": "round",
      }),
    );
  });
  lines.forEach((points, lane) => {
    const last = points.filter(Boolean).at(-1);
    if (last)
      picture.append(svg("path", { d: MARKS[lane](last[0], last[1]), fill: colours[lane] }));
  });
  return picture;
}

/**
 * How a lane's line looks, for a legend.
 * @param {number} lane
 * @param {string} colour
 */
export function sample(lane, colour) {
  const picture = svg("svg", {
    viewBox: "0 0 34 12",
    width: "34",
    height: "12",
    "aria-hidden": "true",
  });
  picture.append(
    svg("path", {
      d: "M1 6H33",
      fill: "none",
      stroke: colour,
      "stroke-width": "2",
      "stroke-dasharray": DASHES[lane],
    }),
    svg("path", { d: MARKS[lane](17, 6), fill: colour }),
  );
  return picture;
}

/**
 * @param {string} name
 * @param {Record<string, string>} attributes
 */
export function svg(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
