/**
 * A small perceptron on a canvas: where its neurons and weights stand, and how they are painted.
 */

import { indexOf } from "./forward.js";

/** Neurons that are drawn of one layer. */
export const MOST = 24;
/** Weights that are drawn; where there are more, the strongest. */
const MOST_EDGES = 420;
const DASH = [4, 3];
const WIDTHS = 5;

/**
 * @typedef {{layer: number, i: number, x: number, y: number, size: number}} Node its middle and its
 *   side
 * @typedef {{layer: number, to: number, from: number, index: number, x1: number, y1: number, x2:
 *   number, y2: number}} Edge
 * @typedef {object} Wiring
 * @property {Node[]} nodes
 * @property {Edge[]} edges
 * @property {{x: number, y: number, count: number}[]} more where neurons are left out, and how many
 * @property {{x: number, y: number, size: number}} answer the picture at the right: its upper left
 *   corner and its side
 */

/**
 * Where everything stands.
 * @param {import("./forward.js").Net} net
 * @param {number} width px
 * @param {number} height px
 * @returns {Wiring}
 */
export function layOut(net, width, height) {
  const shown = net.sizes.map((size) => Math.min(size, MOST));
  const cut = net.sizes.some((size) => size > MOST);
  const [top, room] = [6, height - 12 - (cut ? 14 : 0)];
  const answer = Math.max(56, Math.min(0.25 * width, 0.46 * height, 260));
  const inner = net.sizes.slice(1, -1).length ? Math.max(...shown.slice(1, -1)) : 1;
  const hidden = Math.min(46, room / inner - 2.5);
  const side = shown.map((count, l) =>
    Math.min(
      l && l < shown.length - 1 ? hidden : Math.max(24, 1.5 * hidden),
      room / count - 2.5,
      (0.5 * (width - answer)) / shown.length,
    ),
  );
  const [left, right] = [24 + side[0] / 2, width - answer - 34 - side[side.length - 1] / 2];
  const nodes = shown.flatMap((count, layer) => {
    const pitch = Math.min(room / count, side[layer] * 1.7 + 4);
    const x = left + ((right - left) * layer) / (shown.length - 1);
    return Array.from({ length: count }, (_, i) => ({
      layer,
      i,
      x,
      y: top + room / 2 + (i - (count - 1) / 2) * pitch,
      size: side[layer],
    }));
  });
  const at = (/** @type {number} */ layer, /** @type {number} */ i) =>
    nodes[shown.slice(0, layer).reduce((sum, count) => sum + count, 0) + i];
  const edges = net.layers.flatMap((_, layer) =>
    Array.from({ length: shown[layer + 1] }, (_, to) =>
      Array.from({ length: shown[layer] }, (_, from) => {
        const [a, b] = [at(layer, from), at(layer + 1, to)];
        return {
          layer,
          to,
          from,
          index: indexOf(net, layer, to, from),
          x1: a.x + a.size / 2,
          y1: a.y,
          x2: b.x - b.size / 2,
          y2: b.y,
        };
      }),
    ).flat(),
  );
  const more = net.sizes.flatMap((size, layer) =>
    size > MOST ? [{ x: at(layer, 0).x, y: height - 5, count: size - MOST }] : [],
  );
  return {
    nodes,
    edges,
    more,
    answer: { x: width - answer - 8, y: (height - answer) / 2, size: answer },
  };
}

/**
 * The strongest weights, as many as are drawn.
 * @param {Edge[]} edges
 * @param {ArrayLike<number>} weights
 */
export function strongest(edges, weights) {
  if (edges.length <= MOST_EDGES) return edges;
  return [...edges]
    .sort((a, b) => Math.abs(weights[b.index]) - Math.abs(weights[a.index]))
    .slice(0, MOST_EDGES);
}

/**
 * The size of a weight that is drawn as wide as can be: all but the largest few are at most that.
 * @param {Edge[]} edges
 * @param {ArrayLike<number>} weights
 */
export function strong(edges, weights) {
  const sizes = edges
    .map(({ index }) => Math.abs(weights[index]))
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  return Math.max(1e-9, sizes[Math.floor(0.97 * (sizes.length - 1))] ?? 1);
}

/**
 * Paint the weights: wide where they are large, dashed where they are negative.
 * @param {CanvasRenderingContext2D} paint
 * @param {Edge[]} edges
 * @param {ArrayLike<number>} weights
 * @param {[string, string]} colours negative, positive
 */
export function paintEdges(paint, edges, weights, colours) {
  const full = strong(edges, weights);
  /** @type {Edge[][]} */ const groups = Array.from({ length: 2 * WIDTHS }, () => []);
  for (const edge of edges) {
    const weight = weights[edge.index];
    const share = Math.min(1, Math.abs(weight) / full);
    if (share >= 0.02)
      groups[2 * Math.min(WIDTHS - 1, Math.floor(share * WIDTHS)) + (weight < 0 ? 0 : 1)].push(
        edge,
      );
  }
  paint.save();
  paint.lineCap = "butt";
  // From thin to wide, a stroke for all lines that look alike.
  groups.forEach((group, g) => {
    if (!group.length) return;
    const share = ((g >> 1) + 0.5) / WIDTHS;
    paint.strokeStyle = colours[g % 2];
    paint.setLineDash(g % 2 ? [] : DASH);
    paint.globalAlpha = 0.14 + 0.8 * share ** 1.4;
    paint.lineWidth = 0.5 + 2.4 * share;
    paint.beginPath();
    for (const { x1, y1, x2, y2 } of group) {
      paint.moveTo(x1, y1);
      paint.lineTo(x2, y2);
    }
    paint.stroke();
  });
  paint.restore();
}

/**
 * One weight, so that it stands out.
 * @param {CanvasRenderingContext2D} paint
 * @param {Edge} edge
 * @param {number} weight
 * @param {[string, string]} colours
 * @param {string} halo
 */
export function paintEdge(paint, { x1, y1, x2, y2 }, weight, colours, halo) {
  paint.save();
  paint.beginPath();
  paint.moveTo(x1, y1);
  paint.lineTo(x2, y2);
  paint.strokeStyle = halo;
  paint.lineWidth = 8;
  paint.stroke();
  paint.strokeStyle = colours[weight < 0 ? 0 : 1];
  paint.lineWidth = 3.4;
  paint.setLineDash(weight < 0 ? [7, 4] : []);
  paint.stroke();
  paint.restore();
}

/**
 * The neuron at a place, if there is one.
 * @param {Wiring} wiring
 * @param {number} x
 * @param {number} y
 * @param {number} [air] px around it that still count
 */
export function nodeAt({ nodes }, x, y, air = 1.5) {
  return (
    nodes.find(
      (node) =>
        Math.abs(node.x - x) <= node.size / 2 + air && Math.abs(node.y - y) <= node.size / 2 + air,
    ) ?? null
  );
}

/**
 * The weight drawn nearest to a place.
 * @param {Edge[]} edges
 * @param {number} x
 * @param {number} y
 * @param {number} [most] px
 */
export function edgeAt(edges, x, y, most = 5) {
  /** @type {Edge | null} */ let found = null;
  let nearest = most;
  for (const edge of edges) {
    const { x1, y1, x2, y2 } = edge;
    if (x < x1 || x > x2) continue;
    const [dx, dy] = [x2 - x1, y2 - y1];
    const far = Math.abs(dx * (y - y1) - dy * (x - x1)) / Math.hypot(dx, dy);
    if (far < nearest) [nearest, found] = [far, edge];
  }
  return found;
}
