/**
 * Lines and markers of a chart, painted on a canvas over Plotly's axes.
 *
 * Plotly takes ten milliseconds and more for any change of a trace; the same lines on a canvas take
 * less than one. So Plotly draws axes and grid, which seldom change, and keeps the traces unseen:
 * for exports, where it writes them as vectors.
 */

import { shape } from "./lane_markers.js";
import { mixColours } from "./theme.js";

const DASHES = /** @type {Record<string, number[]>} */ ({ dot: [1.5, 2.5], dash: [6, 4.5] });
const SYMBOLS = ["circle", "square", "diamond", "triangle-up"];

/**
 * @typedef {{left: number, top: number, width: number, height: number, x: (value: number) =>
 *   number, y: (value: number) => number}} Plane where an axis' box lies, px
 */

/**
 * Where the box of two axes lies in a chart, and values of the axes in it.
 * @param {any} layout of Plotly
 * @param {number} width
 * @param {number} height of the chart
 * @param {string} xname
 * @param {string} yname
 * @returns {Plane}
 */
export function planeOf({ margin, ...layout }, width, height, xname = "xaxis", yname = "yaxis") {
  const [xaxis, yaxis] = [layout[xname] ?? {}, layout[yname] ?? {}];
  const [foot, head] = yaxis.domain ?? [0, 1];
  const room = height - margin.t - margin.b;
  const across = width - margin.l - margin.r;
  const top = margin.t + (1 - head) * room;
  const tall = (head - foot) * room;
  const share = (
    /** @type {any} */ { range: [low, high] = [0, 1], type },
    /** @type {number} */ value,
  ) => ((type === "log" ? Math.log10(value) : value) - low) / (high - low);
  return {
    left: margin.l,
    top,
    width: across,
    height: tall,
    x: (value) => margin.l + share(xaxis, value) * across,
    y: (value) => top + (1 - share(yaxis, value)) * tall,
  };
}

/**
 * Paint traces as Plotly describes them: areas below all others, lines, and markers of one look or each of its own.
 * @param {CanvasRenderingContext2D} paint
 * @param {any[]} traces
 * @param {(trace: any) => Plane} plane
 */
export function paintTraces(paint, traces, plane) {
  const areas = traces.filter((trace) => trace.fill === "toself");
  for (const trace of areas.length
    ? [...areas, ...traces.filter((one) => one.fill !== "toself")]
    : traces) {
    if (!trace.x?.length) continue;
    const box = plane(trace);
    paint.save();
    paint.beginPath();
    // Half a line's width beyond the axes: what lies on them is seen whole.
    paint.rect(box.left - 1, box.top - 1, box.width + 2, box.height + 2);
    paint.clip();
    paint.globalAlpha = trace.opacity ?? 1;
    if (trace.fill === "toself") area(paint, trace, box);
    if (trace.mode.includes("lines")) line(paint, trace, box);
    if (trace.mode.includes("markers")) markers(paint, trace, box);
    paint.restore();
  }
}

/**
 * Outlines, filled; a gap begins another one.
 * @param {CanvasRenderingContext2D} paint
 * @param {any} trace
 * @param {Plane} plane
 */
function area(paint, { x, y, fillcolor }, plane) {
  paint.fillStyle = fillcolor;
  paint.beginPath();
  let pen = false;
  for (let i = 0; i < x.length; i++) {
    if (x[i] === null || y[i] === null) {
      paint.closePath();
      pen = false;
      continue;
    }
    const [left, top] = [plane.x(x[i]), Math.max(-1e4, Math.min(1e4, plane.y(y[i])))];
    if (pen) paint.lineTo(left, top);
    else paint.moveTo(left, top);
    pen = true;
  }
  paint.fill();
}

/**
 * @param {CanvasRenderingContext2D} paint
 * @param {any} trace
 * @param {Plane} plane
 */
function line(paint, { x, y, line: look }, plane) {
  paint.strokeStyle = look.color;
  paint.lineWidth = look.width ?? 2;
  paint.lineJoin = "round";
  paint.setLineDash((DASHES[look.dash] ?? []).map((part) => part * Math.max(1, paint.lineWidth)));
  paint.beginPath();
  let pen = false;
  for (let i = 0; i < x.length; i++) {
    const [at, up] = [x[i], y[i]];
    if (at === null || up === null || up === undefined || Number.isNaN(up)) {
      pen = false;
      continue;
    }
    // Far beyond the box is as good as anywhere there.
    const [left, top] = [plane.x(at), Math.max(-1e4, Math.min(1e4, plane.y(up)))];
    if (pen) paint.lineTo(left, top);
    else paint.moveTo(left, top);
    pen = true;
  }
  paint.stroke();
  paint.setLineDash([]);
}

/**
 * @param {CanvasRenderingContext2D} paint
 * @param {any} trace
 * @param {Plane} plane
 */
function markers(paint, { x, y, marker }, plane) {
  const of = (/** @type {any} */ value, /** @type {number} */ i) =>
    Array.isArray(value) ? value[i] : value;
  const heat = (/** @type {number} */ value) =>
    mixColours(marker.colorscale, (value - marker.cmin) / (marker.cmax - marker.cmin || 1));
  for (let i = 0; i < x.length; i++) {
    if (x[i] === null || y[i] === null || y[i] === undefined) continue;
    const colour = of(marker.color, i);
    paint.fillStyle = typeof colour === "number" ? heat(colour) : colour;
    paint.beginPath();
    shape(
      paint,
      Math.max(0, SYMBOLS.indexOf(of(marker.symbol, i))),
      plane.x(x[i]),
      plane.y(y[i]),
      of(marker.size, i) / 2,
    );
    paint.fill();
  }
}

/**
 * Change traces as `Plotly.restyle` does: of a list of values one for each trace, undefined for
 * what stays as it is.
 * @param {any[]} all
 * @param {Record<string, any>} changes by path
 * @param {number[]} traces
 */
export function restyle(all, changes, traces) {
  for (const [path, values] of Object.entries(changes)) {
    const keys = path.split(".");
    const last = /** @type {string} */ (keys.pop());
    traces.forEach((trace, i) => {
      const value = Array.isArray(values) ? values[i % values.length] : values;
      if (value !== undefined) keys.reduce((at, key) => (at[key] ??= {}), all[trace])[last] = value;
    });
  }
}

/**
 * The pairs of axes that traces stand on, each once.
 * @param {any[]} traces
 * @returns {{xaxis: string, yaxis: string}[]}
 */
export function pairs(traces) {
  const found = new Map(
    traces.map(({ xaxis = "x", yaxis = "y" }) => [`${xaxis} ${yaxis}`, { xaxis, yaxis }]),
  );
  return [...found.values()];
}
