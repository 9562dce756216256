/**
 * Names at the ends of lines, in their colours: nobody has to look up a legend.
 */

const SIZE = 12;
const LINE = 15;
const AWAY = 11;
const MOST = 24;
/** A label changes sides only for so many crossings fewer, or it would jump to and fro. */
const CALM = 3;
/** Pixels from one look at a line to the next. */
const STRIDE = 4;

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
 *
 * @typedef {(left: number, right: number, middle: number) => number} Crossings how often lines are
 *   met in a label's place, px
 */

/**
 * A name, short enough to stand in a chart.
 * @param {string} name
 */
export function shortName(name) {
  return name.length > MOST ? `${name.slice(0, MOST - 1).trimEnd()}…` : name;
}

/**
 * Place labels over their lines' ends, or under them where they cover less, inside the box, none
 * over another.
 * @param {LineLabel[]} labels
 * @param {import("./canvas_traces.js").Plane} plane
 * @param {(text: string) => number} widthOf a text, px
 * @param {object} [how]
 * @param {Crossings} [how.crossings]
 * @param {Map<string, boolean>} [how.under] colours of labels, and whether each was last under its
 *   line's end; it is kept up to date
 * @returns {Placed[]}
 */
export function placeLabels(
  labels,
  plane,
  widthOf,
  { crossings = () => 0, under = new Map() } = {},
) {
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
      const [above, below] = [up - AWAY, up + AWAY + 2];
      const gain = crossings(left, left + width, above) - crossings(left, left + width, below);
      const low = gain > (under.get(colour) ? -CALM : CALM);
      const over = below + LINE / 2 > bottom || (!low && above - LINE / 2 > plane.top);
      under.set(colour, low);
      return {
        text,
        colour,
        right,
        x: right ? left + width : left,
        y: over ? above : below,
        over,
        up,
        left,
        width,
      };
    })
    .sort((a, b) => a.y - b.y);
  // From the top down, each under those it would meet; then from the bottom up, back into the box.
  const meet = (/** @type {typeof placed[0]} */ a, /** @type {typeof placed[0]} */ b) =>
    a.left < b.left + b.width + 4 && b.left < a.left + a.width + 4;
  // Those over their lines' ends go up where they meet another, or it would cover its own line.
  for (let i = placed.length - 2; i >= 0; i--)
    for (let j = i + 1; j < placed.length; j++)
      if (placed[i].over && meet(placed[i], placed[j]) && placed[j].y - placed[i].y < LINE)
        placed[i].y = placed[j].y - LINE;
  for (const one of placed) one.y = Math.max(one.y, plane.top + LINE / 2);
  for (let i = 1; i < placed.length; i++)
    for (let j = 0; j < i; j++)
      if (meet(placed[i], placed[j]) && placed[i].y - placed[j].y < LINE)
        placed[i].y = placed[j].y + LINE;
  // One that was pushed onto its own line's end goes under it.
  for (const one of placed) if (Math.abs(one.y - one.up) < AWAY - 1) one.y = one.up + AWAY + 2;
  let low = bottom - LINE / 2;
  for (const one of [...placed].reverse()) {
    if (one.y > low) one.y = low;
    if (one.y > low - LINE) low = one.y - LINE;
  }
  return placed.map(({ text, colour, right, x, y }) => ({ text, colour, right, x, y }));
}

/**
 * A function that counts how often lines are met in a place.
 * @param {any[]} traces as Plotly describes them
 * @param {import("./canvas_traces.js").Plane} plane
 * @returns {Crossings}
 */
export function crossingsOf(traces, plane) {
  const lines = traces.filter(
    ({ mode, fill, xaxis = "x", yaxis = "y" }) =>
      mode?.includes("lines") && fill !== "toself" && xaxis === "x" && yaxis === "y",
  );
  return (left, right, middle) => {
    let met = 0;
    for (const { x, y } of lines) {
      let i = 0;
      for (let at = left; at <= right; at += STRIDE) {
        while (i + 1 < x.length && (x[i + 1] === null || plane.x(x[i + 1]) <= at)) i++;
        if (i + 1 >= x.length) break;
        const [from, to] = [plane.x(x[i]), plane.x(x[i + 1])];
        if (y[i] === null || y[i + 1] === null || from > at) continue;
        const share = to > from ? (at - from) / (to - from) : 0;
        const up = plane.y(y[i]) * (1 - share) + plane.y(y[i + 1]) * share;
        if (Math.abs(up - middle) < LINE / 2) met++;
      }
    }
    return met;
  };
}

/**
 * @param {CanvasRenderingContext2D} paint
 * @param {import("./canvas_traces.js").Plane} plane
 * @param {LineLabel[]} labels
 * @param {{font: string, surface: string}} theme
 * @param {Parameters<typeof placeLabels>[3]} [how]
 */
export function paintLabels(paint, plane, labels, theme, how) {
  paint.save();
  paint.font = `650 ${SIZE}px ${theme.font}`;
  paint.textBaseline = "middle";
  paint.lineJoin = "round";
  const widthOf = (/** @type {string} */ text) => paint.measureText(text).width;
  for (const one of placeLabels(labels, plane, widthOf, how)) {
    paint.textAlign = one.right ? "right" : "left";
    paint.strokeStyle = theme.surface;
    paint.lineWidth = 4;
    paint.strokeText(one.text, one.x, one.y);
    paint.fillStyle = one.colour;
    paint.fillText(one.text, one.x, one.y);
  }
  paint.restore();
}
