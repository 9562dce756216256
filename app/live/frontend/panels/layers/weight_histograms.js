/**
 * How the weights of every layer are spread, of all lanes over each other, and how they were spread
 * at the start.
 */

import { histogram } from "../../charts/histogram.js";
import { formatNumber } from "../../i18n/format.js";
import { t } from "../../i18n/i18n.js";
import { fit } from "./network_graph/cells.js";

/** Histograms drawn; where there would be more, the biases are left out. */
const MOST = 8;
const DASHES = [[], [7, 2.5], [3, 2.5], [7, 2.5, 2, 2.5]];
const BINS = 24;

/**
 * One lane's weights in one tensor.
 * @typedef {{edges: number[], heights: number[], low: number, high: number}} Spread `heights` are
 *   densities
 * @typedef {{name: string, start: number | null, lanes: (Spread | null)[], low: number, high:
 *   number}} Tensor `start`: the first weights lie evenly from −start to start
 */

/**
 * The tensors that are drawn, and whether biases are left out.
 * @param {any} stage
 * @returns {{shown: number[], cut: boolean}}
 */
export function chosen(stage) {
  const all = stage.layers.map((/** @type {any} */ _, /** @type {number} */ i) => i);
  const matrices = all.filter((/** @type {number} */ i) => !/bias/.test(stage.layers[i].name));
  return all.length > MOST && matrices.length
    ? { shown: matrices.slice(0, 12), cut: true }
    : { shown: all, cut: false };
}

/** What a tensor is called. @param {string} name such as "0.weight" */
export function nameOf(name) {
  const found = name.match(/^(\d+)\.(weight|bias)$/);
  return found ? t(`panels.layers-${found[2]}-name`, { layer: Number(found[1]) + 1 }) : name;
}

/**
 * Half the width of the even distribution the first weights were drawn from; null where they were
 * not.
 * @param {any} stage
 * @param {number} i
 */
export function startOf(stage, i) {
  const { name } = stage.experiment.network ?? {};
  const bias = /bias/.test(stage.layers[i].name);
  const shape = bias ? stage.layers[i - 1]?.shape : stage.layers[i].shape;
  if (!shape || shape.length < 2) return null;
  const per = shape
    .slice(2)
    .reduce((/** @type {number} */ product, /** @type {number} */ n) => product * n, 1);
  if (name === "rere-cnn") return bias ? null : Math.sqrt(6 / (per * (shape[0] + shape[1])));
  return 1 / Math.sqrt(per * shape[1]);
}

/**
 * All that is drawn at a moment; null where its weights are told neither whole nor counted.
 * @param {import("../../data/frame_view.js").FrameView} moment
 * @returns {Tensor[] | null}
 */
export function tensorsOf({ stage, picture, detail }) {
  const told = stage.lanes.map(
    (/** @type {any} */ _, /** @type {number} */ lane) =>
      picture?.lanes[lane]?.weights?.data ?? detail?.lanes[lane]?.histograms ?? null,
  );
  if (!stage.layers || told.every((/** @type {any} */ one) => one === null)) return null;
  return chosen(stage).shown.map((i) => {
    const start = startOf(stage, i);
    const lanes = told.map((/** @type {any} */ one) =>
      one === null
        ? null
        : one.counts
          ? counted(one, i)
          : measured(one.subarray(stage.layers[i].start, stage.layers[i].stop)),
    );
    const low = Math.min(-(start ?? 0), ...lanes.map((/** @type {any} */ one) => one?.low ?? 0));
    const high = Math.max(start ?? 0, ...lanes.map((/** @type {any} */ one) => one?.high ?? 0));
    return {
      name: nameOf(stage.layers[i].name),
      start,
      lanes,
      low,
      high: high > low ? high : low + 1,
    };
  });
}

/**
 * From the weights themselves.
 * @param {Float32Array} values
 * @returns {Spread | null}
 */
function measured(values) {
  const finite = values.filter(Number.isFinite);
  if (!finite.length) return null;
  const [low, high] = [
    finite.reduce((a, b) => Math.min(a, b)),
    finite.reduce((a, b) => Math.max(a, b)),
  ];
  const ends = low < high ? { low, high } : { low: low - 0.5, high: high + 0.5 };
  const bins = Math.max(4, Math.min(BINS, Math.ceil(2 * Math.sqrt(finite.length))));
  const { edges, counts } = histogram(finite, { log: false, ...ends }, bins);
  return {
    edges,
    heights: counts.map((count) => (count * bins) / (finite.length * (ends.high - ends.low))),
    low: ends.low,
    high: ends.high,
  };
}

/**
 * From counts in even bins.
 * @param {any} histograms
 * @param {number} i
 * @returns {Spread | null}
 */
function counted({ counts, low, high }, i) {
  const bins = counts.shape[1];
  const row = Array.from(counts.data.subarray(i * bins, (i + 1) * bins));
  const total = row.reduce((sum, count) => sum + count, 0);
  if (!total || !Number.isFinite(low[i]) || !(high[i] > low[i])) return null;
  const edges = Array.from(
    { length: bins + 1 },
    (_, n) => low[i] + ((high[i] - low[i]) * n) / bins,
  );
  return {
    edges,
    heights: row.map((count) => (count * bins) / (total * (high[i] - low[i]))),
    low: low[i],
    high: high[i],
  };
}

/**
 * Draw them side by side.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width px
 * @param {number} height px
 * @param {Tensor[]} tensors
 * @param {import("../../charts/theme.js").Theme} theme
 * @param {string[]} colours
 */
export function paintHistograms(canvas, width, height, tensors, theme, colours) {
  const paint = fit(canvas, width, height);
  paint.clearRect(0, 0, width, height);
  const columns = Math.max(
    1,
    Math.min(tensors.length, Math.round(Math.sqrt((tensors.length * width) / height / 1.25))),
  );
  const rows = Math.ceil(tensors.length / columns);
  const [across, down] = [(width - 12) / columns, (height - 4) / rows];
  tensors.forEach((tensor, n) => {
    const [left, top] = [8 + (n % columns) * across, Math.floor(n / columns) * down];
    one(
      paint,
      tensor,
      { left: left + 4, top: top + 17, width: across - 14, height: down - 36 },
      theme,
      colours,
    );
  });
}

/**
 * @param {CanvasRenderingContext2D} paint
 * @param {Tensor} tensor
 * @param {{left: number, top: number, width: number, height: number}} box
 * @param {import("../../charts/theme.js").Theme} theme
 * @param {string[]} colours
 */
function one(
  paint,
  { name, start, lanes, low, high },
  { left, top, width, height },
  theme,
  colours,
) {
  const x = (/** @type {number} */ value) => left + ((value - low) / (high - low)) * width;
  // The lanes fill the picture. Where one of them has nearly all its weights in one bin, its height
  // is cut, or the others would lie flat.
  const tallest = Math.max(1e-12, ...lanes.flatMap((lane) => lane?.heights ?? []));
  const full = start ? Math.min(tallest, 5 * (0.5 / start)) : tallest;
  const y = (/** @type {number} */ value) => top + height * (1 - Math.min(1, value / full));
  paint.textAlign = "left";
  paint.font = `600 11px ${theme.font}`;
  paint.fillStyle = theme.text;
  paint.fillText(name, left, top - 5, width);
  paint.strokeStyle = theme.grid;
  paint.lineWidth = 1;
  paint.beginPath();
  paint.moveTo(left, top + height + 0.5);
  paint.lineTo(left + width, top + height + 0.5);
  paint.moveTo(x(0), top);
  paint.lineTo(x(0), top + height + 3);
  paint.stroke();
  lanes.forEach((lane, i) => {
    if (!lane) return;
    paint.beginPath();
    paint.moveTo(x(lane.edges[0]), y(0));
    lane.heights.forEach((value, n) => {
      paint.lineTo(x(lane.edges[n]), y(value));
      paint.lineTo(x(lane.edges[n + 1]), y(value));
    });
    paint.lineTo(x(lane.edges[lane.edges.length - 1]), y(0));
    paint.globalAlpha = 0.14;
    paint.fillStyle = paint.strokeStyle = colours[i];
    paint.fill();
    paint.globalAlpha = 1;
    paint.setLineDash(DASHES[i % DASHES.length]);
    paint.lineWidth = 1.4;
    paint.stroke();
    paint.setLineDash([]);
  });
  if (start) {
    paint.strokeStyle = theme.text;
    paint.lineWidth = 1.2;
    paint.setLineDash([2, 2.5]);
    paint.beginPath();
    paint.moveTo(x(-start), top + height);
    paint.lineTo(x(-start), y(0.5 / start));
    // Wider spread by now: the start's top lies above the picture.
    if (0.5 / start <= full) paint.lineTo(x(start), y(0.5 / start));
    else paint.moveTo(x(start), top);
    paint.lineTo(x(start), top + height);
    paint.stroke();
    paint.setLineDash([]);
  }
  paint.font = `11px ${theme.font}`;
  paint.fillStyle = theme.faint;
  paint.fillText(formatNumber(low), left, top + height + 13);
  paint.textAlign = "right";
  paint.fillText(formatNumber(high), left + width, top + height + 13);
  if (x(0) > left + 34 && x(0) < left + width - 34) {
    paint.textAlign = "center";
    paint.fillText("0", x(0), top + height + 13);
  }
}
