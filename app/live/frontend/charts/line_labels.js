/**
 * Names at the ends of lines, in their colours: nobody has to look up a legend.
 */

const SIZE = 12;
const LINE = 15;
const AWAY = 11;
const MOST = 24;

/**
 * @typedef {object} LineLabel
 * @property {number | null | undefined} x of the line's end, in the axes' numbers
 * @property {number | null | undefined} y
 * @property {string} text
 * @property {string} colour
 *
 * @typedef {{left: number, top: number, width: number, height: number}} Box px
 * @typedef {{text: string, colour: string, right: boolean, x: number, y: number}} Placed where a
 *   label's end is and its middle, px
 */

/**
 * A name, short enough to stand in a chart.
 * @param {string} name
 */
export function shortName(name) {
  return name.length > MOST ? `${name.slice(0, MOST - 1).trimEnd()}…` : name;
}

/**
 * Place labels over their lines' ends, inside the box, none over another.
 * @param {LineLabel[]} labels
 * @param {import("./canvas_traces.js").Plane} plane
 * @param {(text: string) => number} widthOf a text, px
 * @returns {Placed[]}
 */
export function placeLabels(labels, plane, widthOf) {
  const bottom = plane.top + plane.height;
  const placed = labels
    .filter(({ x, y }) => typeof x === "number" && typeof y === "number")
    .map(({ x, y, text, colour }) => {
      const width = widthOf(text);
      const at = plane.x(/** @type {number} */ (x));
      const up = Math.max(plane.top, Math.min(bottom, plane.y(/** @type {number} */ (y))));
      const room = plane.left + plane.width - at;
      const right = room < width; // it ends where the line ends, or begins there
      const left = Math.max(
        plane.left,
        right ? Math.min(at, plane.left + plane.width) - width : at,
      );
      const over = up - AWAY - LINE / 2 > plane.top;
      return {
        text,
        colour,
        right,
        x: right ? left + width : left,
        y: over ? up - AWAY : up + AWAY + 2,
        left,
        width,
      };
    })
    .sort((a, b) => a.y - b.y);
  // From the top down, each under those it would meet; then from the bottom up, back into the box.
  const meet = (/** @type {typeof placed[0]} */ a, /** @type {typeof placed[0]} */ b) =>
    a.left < b.left + b.width + 4 && b.left < a.left + a.width + 4;
  for (let i = 1; i < placed.length; i++)
    for (let j = 0; j < i; j++)
      if (meet(placed[i], placed[j]) && placed[i].y - placed[j].y < LINE)
        placed[i].y = placed[j].y + LINE;
  let low = bottom - LINE / 2;
  for (const one of [...placed].reverse()) {
    if (one.y > low) one.y = low;
    if (one.y > low - LINE) low = one.y - LINE;
  }
  return placed.map(({ text, colour, right, x, y }) => ({ text, colour, right, x, y }));
}

/**
 * @param {CanvasRenderingContext2D} paint
 * @param {import("./canvas_traces.js").Plane} plane
 * @param {LineLabel[]} labels
 * @param {{font: string, surface: string}} theme
 */
export function paintLabels(paint, plane, labels, theme) {
  paint.save();
  paint.font = `650 ${SIZE}px ${theme.font}`;
  paint.textBaseline = "middle";
  paint.lineJoin = "round";
  for (const one of placeLabels(labels, plane, (text) => paint.measureText(text).width)) {
    paint.textAlign = one.right ? "right" : "left";
    paint.strokeStyle = theme.surface;
    paint.lineWidth = 4;
    paint.strokeText(one.text, one.x, one.y);
    paint.fillStyle = one.colour;
    paint.fillText(one.text, one.x, one.y);
  }
  paint.restore();
}
