/**
 * Which classes are taken for which: a matrix with a row for every truth and a column for every
 * answer.
 */

import { channels } from "../../charts/theme.js";

/** How high a cell is at least, in pixels of the page, before a number is written in it. */
const FROM = 14;
/** How small it may be written, in pixels of the page. */
const LEAST = 7.5;

/**
 * What a matrix says in short.
 * @param {{data: ArrayLike<number>, shape: number[]}} confusion (K, K)
 * @returns {{total: number, right: number, worst: {truth: number, answer: number, count: number} |
 *   null}} `worst` is the commonest mistake
 */
export function summarizeConfusion({ data, shape: [classes] }) {
  let [total, right] = [0, 0];
  /** @type {{truth: number, answer: number, count: number} | null} */ let worst = null;
  for (let truth = 0; truth < classes; truth++) {
    for (let answer = 0; answer < classes; answer++) {
      const count = data[truth * classes + answer];
      total += count;
      if (truth === answer) right += count;
      else if (count > (worst?.count ?? 0)) worst = { truth, answer, count };
    }
  }
  return { total, right, worst };
}

/**
 * The share of its row of every cell; an empty row has none.
 * @param {{data: ArrayLike<number>, shape: number[]}} confusion
 * @returns {number[]}
 */
export function rowShares({ data, shape: [classes] }) {
  return Array.from({ length: classes * classes }, (_, at) => {
    let row = 0;
    for (let c = 0; c < classes; c++) row += data[at - (at % classes) + c];
    return row ? data[at] / row : 0;
  });
}

/** Relative luminance, as WCAG has it. @param {number[]} rgb */
function luminance(rgb) {
  const [r, g, b] = rgb.map((value) =>
    value <= 10 ? value / 3294 : ((value / 255 + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/**
 * The contrast of two colours, 1 to 21, as WCAG has it.
 * @param {number[]} one
 * @param {number[]} other
 */
export function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/**
 * The ink that is read best on a colour: contrast at least 4.5 on every one.
 * @param {number[]} rgb
 * @returns {number[]}
 */
export function inkOn(rgb) {
  const [black, white] = [
    [0, 0, 0],
    [255, 255, 255],
  ];
  return contrast(rgb, black) >= contrast(rgb, white) ? black : white;
}

/**
 * The colour of a cell: grey towards the ink for what is right, hot for what is wrong, the stronger
 * the larger its share of the row.
 * @param {number} share
 * @param {boolean} right
 * @param {import("../../charts/theme.js").Theme} theme
 * @param {string} wrong
 * @returns {number[]}
 */
export function cellColour(share, right, theme, wrong) {
  const paper = channels(theme.surface);
  const towards = channels(right ? theme.faint : wrong);
  const much = share > 0 ? 0.1 + 0.8 * share ** 0.7 : 0;
  return paper.map((value, c) => Math.round(value + much * (towards[c] - value)));
}

/**
 * Where the cells lie on a canvas of that size, in its pixels.
 * @param {number} width
 * @param {number} height
 * @param {number} classes
 * @param {number} ratio pixels of the canvas a pixel of the page
 * @param {number} label width of the widest name
 */
export function cellGrid(width, height, classes, ratio, label) {
  const left = Math.min(0.3 * width, label + 8 * ratio);
  const top = 17 * ratio;
  let [w, h] = [(width - left - ratio) / classes, (height - top - ratio) / classes];
  w = Math.min(w, 1.7 * h);
  h = Math.min(h, 1.7 * w);
  return { left: left + (width - left - w * classes) / 2, top, w, h };
}

/**
 * Paint a matrix.
 * @param {CanvasRenderingContext2D} context
 * @param {{data: ArrayLike<number>, shape: number[]}} confusion
 * @param {string[]} names of the classes
 * @param {import("../../charts/theme.js").Theme} theme
 * @param {string} wrong the colour of mistakes
 */
export function paintConfusion(context, confusion, names, theme, wrong) {
  const { width, height, clientWidth } = context.canvas;
  const ratio = width / Math.max(1, clientWidth);
  const classes = confusion.shape[0];
  const small = 11 * ratio;
  context.clearRect(0, 0, width, height);
  context.font = `${small}px ${theme.font}`;
  const { left, top, w, h } = placed(context, names);
  const share = rowShares(confusion);
  context.textBaseline = "middle";
  const number = Math.min(13 * ratio, Math.max(8.5 * ratio, 0.42 * h));
  for (let truth = 0; truth < classes; truth++) {
    for (let answer = 0; answer < classes; answer++) {
      const at = truth * classes + answer;
      const rgb = cellColour(share[at], truth === answer, theme, wrong);
      const [x, y] = [left + answer * w, top + truth * h];
      context.fillStyle = `rgb(${rgb.join(",")})`;
      context.fillRect(x + ratio / 2, y + ratio / 2, w - ratio, h - ratio);
      const count = String(confusion.data[at]);
      if (count === "0") continue;
      if (h < FROM * ratio) continue;
      const weight = truth === answer ? 650 : 500;
      context.font = `${weight} ${number}px ${theme.font}`;
      const size = Math.min(number, (number * (w - 2 * ratio)) / context.measureText(count).width);
      if (size < LEAST * ratio) continue; // what cannot be read is not written
      context.font = `${weight} ${size}px ${theme.font}`;
      context.textAlign = "center";
      context.fillStyle = `rgb(${inkOn(rgb).join(",")})`;
      context.fillText(count, x + w / 2, y + h / 2 + 0.04 * number);
    }
  }
  context.strokeStyle = theme.grid;
  context.lineWidth = ratio;
  context.strokeRect(left, top, w * classes, h * classes);
  context.fillStyle = theme.faint;
  // Every name that has room, and where there is none every second or third.
  const every = Math.max(1, Math.ceil((0.95 * small) / h));
  context.font = `${small}px ${theme.font}`;
  const widest = Math.max(...names.map((name) => context.measureText(name).width));
  const apart = widest <= w ? 1 : Math.ceil((small * 0.8) / w);
  names.forEach((name, i) => {
    if (i % every === 0) {
      context.textAlign = "right";
      context.fillText(name, left - 4 * ratio, top + (i + 0.5) * h, left - 5 * ratio);
    }
    if (i % apart === 0) {
      context.textAlign = "center";
      context.fillText(
        widest <= w ? name : clipped(context, name, apart * w),
        left + (i + 0.5) * w,
        top - 0.6 * small,
      );
    }
  });
  context.textBaseline = "alphabetic";
}

/**
 * As much of a name as fits.
 * @param {CanvasRenderingContext2D} context
 * @param {string} name
 * @param {number} room
 */
function clipped(context, name, room) {
  let text = name;
  while (text.length > 1 && context.measureText(text).width > room) text = text.slice(0, -1);
  return text;
}

/**
 * Where the cells of a matrix with those names lie.
 * @param {CanvasRenderingContext2D} context
 * @param {string[]} names
 */
function placed(context, names) {
  const { width, height, clientWidth } = context.canvas;
  const widest = Math.max(...names.map((name) => context.measureText(name).width));
  return cellGrid(width, height, names.length, width / Math.max(1, clientWidth), widest);
}

/**
 * The cell under a place on a canvas, or null.
 * @param {HTMLCanvasElement} canvas
 * @param {string[]} names
 * @param {import("../../charts/theme.js").Theme} theme
 * @param {number} x pixels of the page from its left
 * @param {number} y from its top
 */
export function cellAt(canvas, names, theme, x, y) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const ratio = canvas.width / Math.max(1, canvas.clientWidth);
  context.font = `${11 * ratio}px ${theme.font}`;
  const { left, top, w, h } = placed(context, names);
  const [answer, truth] = [Math.floor((x * ratio - left) / w), Math.floor((y * ratio - top) / h)];
  return answer < 0 || truth < 0 || answer >= names.length || truth >= names.length
    ? null
    : { truth, answer };
}
