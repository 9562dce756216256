/** What networks say, painted: decision maps and areas, and the points they are about. */

import { channels } from "./theme.js";

/** @typedef {{data: ArrayLike<number>, shape: number[]}} Numbers */
/**
 * @typedef {{x: {data: ArrayLike<number>}, y: {data: ArrayLike<number>}, extent: number[]}} Points
 *   training points in the drawn square: x (N, 2), y (N) classes
 */

/**
 * How fine a map is painted at least, in pixels a side: three times its points, and more for the
 * coarsest.
 */
const SHARP = 3;
const FINE = 96;
const SHADES = 256;
/** How far a colour goes towards that of its class. */
const STRENGTH = 0.72;

/** Paints maps, areas and points in a theme, whatever the size of the canvas. */
export class Painter {
  /**
   * @param {import("./theme.js").Theme} theme
   * @param {any} palette
   */
  constructor(theme, palette) {
    this.small = document.createElement("canvas");
    this.theme = theme;
    this.palette = palette;
    this.neutral = channels(theme.dark ? palette.neutralOnDark : palette.neutral);
    /** @type {number[][]} */ this.classes = palette.classes.map(channels);
    this.table = shades(this.neutral, this.classes);
  }

  /**
   * @param {import("./theme.js").Theme} theme
   * @param {any} palette
   */
  dress(theme, palette) {
    this.theme = theme;
    this.palette = palette;
    this.neutral = channels(theme.dark ? palette.neutralOnDark : palette.neutral);
    this.classes = palette.classes.map(channels);
    this.table = shades(this.neutral, this.classes);
  }

  /**
   * Two classes: log-odds.
   * @param {CanvasRenderingContext2D} context
   * @param {Numbers} map
   */
  map(context, map) {
    const side = Math.max(SHARP * map.shape[0], FINE);
    this._through(context, side, 0, (image) => colour(map, image, this.table));
  }

  /**
   * More than two classes: the class given, the paler the less sure.
   * @param {CanvasRenderingContext2D} context
   * @param {Numbers} areas
   */
  areas(context, areas) {
    // The outermost values stand on the edge of the square: half of their pixels lies beyond it.
    this._through(context, areas.shape[1], 0.5, (image) =>
      colourAreas(areas, image, this.neutral, this.classes),
    );
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} side
   * @param {number} beyond pixels that lie outside on every side
   * @param {(image: ImageData) => void} fill
   */
  _through(context, side, beyond, fill) {
    const paint = /** @type {CanvasRenderingContext2D} */ (this.small.getContext("2d"));
    this.small.width = this.small.height = side;
    const image = paint.createImageData(side, side);
    fill(image);
    paint.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = true;
    // The map is fine and smooth by itself: more than straight lines between its pixels costs
    // milliseconds and shows nothing.
    context.imageSmoothingQuality = "low";
    context.drawImage(
      this.small,
      beyond,
      beyond,
      side - 2 * beyond,
      side - 2 * beyond,
      0,
      0,
      context.canvas.width,
      context.canvas.height,
    );
  }

  /**
   * The training points; classes are told apart by shape as well: discs, squares, diamonds.
   * @param {CanvasRenderingContext2D} context
   * @param {Points} points
   */
  points(context, points) {
    const { width, height } = context.canvas;
    const [x0, x1, y0, y1] = points.extent;
    const radius = pointRadius(context.canvas);
    const colours = this.theme.dark ? this.palette.classPointsOnDark : this.palette.classPoints;
    context.strokeStyle = this.theme.dark ? "rgba(0,0,0,0.55)" : "rgba(255,255,255,0.6)";
    context.lineWidth = radius / 4;
    for (let label = 0; label < colours.length; label++) {
      context.fillStyle = colours[label];
      context.beginPath();
      for (let i = 0; i < points.y.data.length; i++) {
        if (points.y.data[i] !== label) continue;
        const x = ((points.x.data[2 * i] - x0) / (x1 - x0)) * width;
        const y = height - ((points.x.data[2 * i + 1] - y0) / (y1 - y0)) * height;
        mark(context, label, x, y, radius);
      }
      context.fill();
      context.stroke();
    }
  }
}

/** The radius of a training point on a canvas, in its pixels. @param {HTMLCanvasElement} canvas */
export function pointRadius({ width, height }) {
  return Math.max(1.8, Math.min(width, height) / 115);
}

/**
 * Add the mark of a class to the path.
 * @param {CanvasRenderingContext2D} context
 * @param {number} label
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 */
function mark(context, label, x, y, radius) {
  if (label === 0) {
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, 7);
  } else if (label === 1)
    context.rect(x - radius * 0.9, y - radius * 0.9, radius * 1.8, radius * 1.8);
  else {
    context.moveTo(x, y - radius * 1.3);
    for (const [dx, dy] of [
      [1.3, 0],
      [0, 1.3],
      [-1.3, 0],
    ])
      context.lineTo(x + dx * radius, y + dy * radius);
    context.closePath();
  }
}

/**
 * A canvas as large as it is shown, in device pixels; null while it is not seen.
 * @param {HTMLCanvasElement} canvas
 */
export function fitCanvas(canvas) {
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (!width || !height) return null;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  return canvas.getContext("2d");
}

/**
 * The share of a decision map that is given to the second class.
 * @param {ArrayLike<number>} map log-odds, 0 to 255
 */
export function secondClassShare(map) {
  let second = 0;
  for (let i = 0; i < map.length; i++) if (map[i] > 127) second++;
  return second / map.length;
}

/**
 * The share of the square that is given to a class.
 * @param {Numbers} areas
 * @param {number} chosen
 */
export function classShare(areas, chosen) {
  const count = areas.shape[1] * areas.shape[2];
  let given = 0;
  for (let i = 0; i < count; i++) if (areas.data[i] === chosen) given++;
  return given / count;
}

/**
 * Paint which class is given where; the less sure, the nearer to the neutral colour.
 * @param {Numbers} areas first which class, then how sure (0 to 255); row 0 at the low end of y
 * @param {{data: Uint8ClampedArray, width: number, height: number}} image of the same size, row 0
 *   at the top
 * @param {number[]} neutral
 * @param {number[][]} classes
 */
export function colourAreas(areas, image, neutral, classes) {
  const [, rows, columns] = areas.shape;
  const even = 255 / classes.length;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      const share =
        STRENGTH * Math.max(0, (areas.data[rows * columns + at] - even) / (255 - even)) ** 0.8;
      const colour = classes[areas.data[at] % classes.length];
      const to = 4 * ((rows - 1 - row) * columns + column);
      for (let c = 0; c < 3; c++)
        image.data[to + c] = neutral[c] + share * (colour[c] - neutral[c]);
      image.data[to + 3] = 255;
    }
  }
}

/**
 * The colours from surely the first class to surely the second.
 * @param {number[]} neutral
 * @param {number[][]} classes
 * @returns {Uint8ClampedArray}
 */
export function shades(neutral, [first, second]) {
  const table = new Uint8ClampedArray(3 * SHADES);
  for (let i = 0; i < SHADES; i++) {
    const odds = (i / (SHADES - 1)) * 16 - 8;
    const sure = 2 / (1 + Math.exp(-odds)) - 1;
    const towards = sure < 0 ? first : second;
    const share = STRENGTH * Math.abs(sure) ** 0.8;
    for (let c = 0; c < 3; c++) table[3 * i + c] = neutral[c] + share * (towards[c] - neutral[c]);
  }
  return table;
}

/**
 * Paint log-odds with straight lines between the map's points: the boundary is then smooth although
 * the map is coarse. The map's outermost points stand on the edge of the image.
 * @param {Numbers} map row 0 at the low end of y
 * @param {{data: Uint8ClampedArray, width: number, height: number}} image row 0 at the top
 * @param {Uint8ClampedArray} table
 */
export function colour(map, image, table) {
  const [rows, columns] = map.shape;
  const { width, height, data } = image;
  for (let y = 0; y < height; y++) {
    const v = ((height - 0.5 - y) / height) * (rows - 1);
    const row = Math.min(rows - 2, Math.floor(v));
    const down = v - row;
    for (let x = 0; x < width; x++) {
      const u = ((x + 0.5) / width) * (columns - 1);
      const column = Math.min(columns - 2, Math.floor(u));
      const right = u - column;
      const at = row * columns + column;
      const low = map.data[at] + right * (map.data[at + 1] - map.data[at]);
      const high =
        map.data[at + columns] + right * (map.data[at + columns + 1] - map.data[at + columns]);
      const shade = 3 * Math.round(low + down * (high - low));
      const to = 4 * (y * width + x);
      data[to] = table[shade];
      data[to + 1] = table[shade + 1];
      data[to + 2] = table[shade + 2];
      data[to + 3] = 255;
    }
  }
}
