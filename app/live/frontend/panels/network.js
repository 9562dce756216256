/** What the network says: decision maps side by side, or a wall of samples for images. */

import { stats } from "../charts.js";
import { percent, SHAPES, short } from "../format.js";
import { channels } from "../theme.js";
import { drawCurve } from "./curve.js";

export class NetworkPanel {
  /** @param {HTMLElement} element @param {any} palette @param {import("../theme.js").Theme} theme */
  constructor(element, palette, theme) {
    this.element = element;
    this.theme = theme;
    this.palette = palette;
    /** @type {HTMLCanvasElement[]} */ this.canvases = [];
    /** @type {HTMLCanvasElement[]} */ this.tiles = [];
    this.small = document.createElement("canvas");
    this.run = -1;
    stats.mounts.network = (stats.mounts.network ?? 0) + 1;
  }

  /** @param {import("../theme.js").Theme} theme */
  dress(theme) {
    this.theme = theme;
    this.tiles = [];
  }

  /** @param {import("../view.js").Moment} moment @returns {{note: string, summary: string}} */
  draw(moment) {
    const { stage, picture } = moment;
    if (!picture) return { note: "", summary: "Nothing to show yet." };
    this._arrange(stage.lanes, moment.run);
    const { points, curve } = stage.data;
    /** @type {string[]} */ const said = [];
    stage.lanes.forEach((/** @type {any} */ lane, /** @type {number} */ i) => {
      const canvas = this.canvases[i];
      const context = fit(canvas);
      if (!context) return;
      const drawn = picture.lanes[i];
      const count = /** @type {HTMLElement} */ (/** @type {HTMLElement} */ (canvas.parentElement).querySelector("figcaption span"));
      let right = "";
      if (points && drawn.map) {
        this._map(context, drawn.map, points);
        said.push(`${lane.label} gives ${percent(share(drawn.map.data))} of the square to class ${stage.data.classes[1]}`);
      } else if (points && drawn.areas) {
        this._areas(context, drawn.areas, points);
        said.push(`${lane.label} gives ${stage.data.classes.map((/** @type {string} */ name, /** @type {number} */ c) => `${percent(part(drawn.areas, c))} to ${name}`).join(", ")}`);
      } else if (curve && drawn.curve) {
        const off = drawCurve(context, curve, drawn.curve.data, this.theme, `--lane-${i}`, this.element);
        said.push(`${lane.label}'s curve is ${short(off)} off the points on average`);
      } else if (drawn.wall) {
        right = this._wall(context, drawn.wall, stage.data);
        said.push(`${lane.label}: ${right}`);
      }
      if (count.textContent !== right) count.textContent = right;
    });
    const classes = stage.data.classes;
    const note = points ? `classes ${classes.join(classes.length > 2 ? ", " : " and ")}` : curve ? "points to meet, curve given" : "wrong ones outlined, with the answer given";
    return { note, summary: `${said.join("; ")}.` };
  }

  /** One canvas per lane, made once per race. @param {any[]} lanes @param {number} run */
  _arrange(lanes, run) {
    if (run === this.run && this.canvases.length === lanes.length) return;
    this.run = run;
    this.tiles = [];
    this.element.dataset.lanes = String(lanes.length);
    while (this.canvases.length > lanes.length) this.canvases.pop()?.parentElement?.remove();
    while (this.canvases.length < lanes.length) {
      const figure = document.createElement("figure");
      const canvas = document.createElement("canvas");
      canvas.setAttribute("role", "img");
      const caption = document.createElement("figcaption");
      caption.append(document.createElement("b"), document.createElement("span"));
      figure.append(canvas, caption);
      this.element.append(figure);
      this.canvases.push(canvas);
    }
    lanes.forEach((lane, i) => {
      const figure = /** @type {HTMLElement} */ (this.canvases[i].parentElement);
      /** @type {HTMLElement} */ (figure.querySelector("figcaption b")).textContent = `${SHAPES[i]} ${lane.label}`;
      figure.style.setProperty("--lane", `var(--lane-${i})`);
      this.canvases[i].setAttribute("aria-label", `What ${lane.label}'s network says`);
    });
  }

  /** @param {CanvasRenderingContext2D} context @param {any} map @param {any} points */
  _map(context, map, points) {
    const { width, height } = context.canvas;
    const paint = /** @type {CanvasRenderingContext2D} */ (this.small.getContext("2d"));
    const neutral = channels(this.theme?.dark ? this.palette.neutralOnDark : this.palette.neutral);
    this.small.width = this.small.height = SHARP * map.shape[0];
    const image = paint.createImageData(this.small.width, this.small.height);
    colour(map, image, shades(neutral, this.palette.classes.map(channels)));
    paint.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.small, 0, 0, width, height);
    this._points(context, points);
  }

  /** More than two classes: the class given, the paler the less sure. @param {CanvasRenderingContext2D} context @param {any} areas @param {any} points */
  _areas(context, areas, points) {
    const paint = /** @type {CanvasRenderingContext2D} */ (this.small.getContext("2d"));
    const [, side] = areas.shape;
    this.small.width = this.small.height = side;
    const image = paint.createImageData(side, side);
    const neutral = channels(this.theme?.dark ? this.palette.neutralOnDark : this.palette.neutral);
    colourAreas(areas, image, neutral, this.palette.classes.map(channels));
    paint.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.small, 0, 0, context.canvas.width, context.canvas.height);
    this._points(context, points);
  }

  /** The training points; classes are told apart by shape as well: discs, squares, diamonds. @param {CanvasRenderingContext2D} context @param {any} points */
  _points(context, points) {
    const { width, height } = context.canvas;
    const [x0, x1, y0, y1] = points.extent;
    const radius = Math.max(1.8, Math.min(width, height) / 115);
    const colours = this.theme?.dark ? this.palette.classPointsOnDark : this.palette.classPoints;
    for (let label = 0; label < colours.length; label++) {
      context.fillStyle = colours[label];
      context.strokeStyle = this.theme?.dark ? "rgba(0,0,0,0.55)" : "rgba(255,255,255,0.6)";
      context.lineWidth = radius / 4;
      context.beginPath();
      for (let i = 0; i < points.y.data.length; i++) {
        if (points.y.data[i] !== label) continue;
        const x = ((points.x.data[2 * i] - x0) / (x1 - x0)) * width;
        const y = height - ((points.x.data[2 * i + 1] - y0) / (y1 - y0)) * height;
        if (label === 0) {
          context.moveTo(x + radius, y);
          context.arc(x, y, radius, 0, 7);
        } else if (label === 1) context.rect(x - radius * 0.9, y - radius * 0.9, radius * 1.8, radius * 1.8);
        else {
          context.moveTo(x, y - radius * 1.3);
          for (const [dx, dy] of [[1.3, 0], [0, 1.3], [-1.3, 0]]) context.lineTo(x + dx * radius, y + dy * radius);
          context.closePath();
        }
      }
      context.fill();
      context.stroke();
    }
  }

  /** @param {CanvasRenderingContext2D} context @param {any} wall @param {any} data @returns {string} */
  _wall(context, wall, data) {
    const { width, height } = context.canvas;
    const [count, rowsCount, columnsCount] = data.wall.images.shape;
    if (this.tiles.length !== count) this._cut(data.wall.images);
    // As many columns as make the tiles largest.
    let across = 1;
    let side = 0;
    for (let columns = 1; columns <= count; columns++) {
      const tile = Math.min(width / columns, height / Math.ceil(count / columns));
      if (tile > side) [side, across] = [tile, columns];
    }
    const down = Math.ceil(count / across);
    const left = (width - side * across) / 2;
    const top = (height - side * down) / 2;
    const gap = Math.max(2, side * 0.09);
    context.clearRect(0, 0, width, height);
    context.imageSmoothingEnabled = rowsCount > 16;
    let right = 0;
    for (let i = 0; i < count; i++) {
      const x = left + (i % across) * side;
      const y = top + Math.floor(i / across) * side;
      const correct = wall.predicted.data[i] === data.wall.labels.data[i];
      right += correct ? 1 : 0;
      context.globalAlpha = correct ? 0.9 : 1;
      context.drawImage(this.tiles[i], x + gap / 2, y + gap / 2, side - gap, side - gap);
      context.globalAlpha = 1;
      if (correct) continue;
      context.strokeStyle = this.palette.wrong;
      context.lineWidth = Math.max(2, side / 16);
      context.strokeRect(x + gap / 2, y + gap / 2, side - gap, side - gap);
      const answer = data.classes[wall.predicted.data[i]];
      const size = Math.max(9, side * 0.3);
      context.font = `700 ${size}px ${this.theme?.font ?? "sans-serif"}`;
      const text = answer.length > 2 ? answer.slice(0, 3) : answer;
      const plate = context.measureText(text).width + size * 0.5;
      context.fillStyle = this.palette.wrong;
      context.fillRect(x + side - gap / 2 - plate, y + side - gap / 2 - size * 1.15, plate, size * 1.15);
      context.fillStyle = "#ffffff";
      context.fillText(text, x + side - gap / 2 - plate + size * 0.25, y + side - gap / 2 - size * 0.22);
    }
    return `${right} of ${count} right`;
  }

  /** The images as canvases, made once per race. @param {any} images */
  _cut(images) {
    const [count, height, width] = images.shape;
    this.tiles = Array.from({ length: count }, (_, i) => {
      const tile = document.createElement("canvas");
      tile.width = width;
      tile.height = height;
      const paint = /** @type {CanvasRenderingContext2D} */ (tile.getContext("2d"));
      const image = paint.createImageData(width, height);
      for (let p = 0; p < width * height; p++) {
        // Ink on paper, chalk on slate by night.
        const value = images.data[i * width * height + p];
        const ink = this.theme?.dark ? 40 + value * 0.84 : 255 - value;
        image.data.set([ink, ink, ink, 255], 4 * p);
      }
      paint.putImageData(image, 0, 0);
      return tile;
    });
  }

  reset() {
    this.run = -1;
  }
}

/** The share of a decision map that is given to the second class. @param {ArrayLike<number>} map log-odds, 0 to 255 */
export function share(map) {
  let second = 0;
  for (let i = 0; i < map.length; i++) if (map[i] > 127) second++;
  return second / map.length;
}

/** The share of the square that is given to a class. @param {{data: ArrayLike<number>, shape: number[]}} areas @param {number} chosen */
export function part(areas, chosen) {
  const count = areas.shape[1] * areas.shape[2];
  let given = 0;
  for (let i = 0; i < count; i++) if (areas.data[i] === chosen) given++;
  return given / count;
}

/**
 * Paint which class is given where; the less sure, the nearer to the neutral colour.
 * @param {{data: ArrayLike<number>, shape: number[]}} areas first which class, then how sure (0 to 255); row 0 at the low end of y
 * @param {{data: Uint8ClampedArray, width: number, height: number}} image of the same size, row 0 at the top
 * @param {number[]} neutral @param {number[][]} classes
 */
export function colourAreas(areas, image, neutral, classes) {
  const [, rows, columns] = areas.shape;
  const even = 255 / classes.length;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      const share = 0.72 * Math.max(0, (areas.data[rows * columns + at] - even) / (255 - even)) ** 0.8;
      const colour = classes[areas.data[at] % classes.length];
      const to = 4 * ((rows - 1 - row) * columns + column);
      for (let c = 0; c < 3; c++) image.data[to + c] = neutral[c] + share * (colour[c] - neutral[c]);
      image.data[to + 3] = 255;
    }
  }
}

/** How much finer than the map it is painted. */
const SHARP = 3;
const SHADES = 256;

/** The colours from surely the first class to surely the second. @param {number[]} neutral @param {number[][]} classes @returns {Uint8ClampedArray} */
export function shades(neutral, [first, second]) {
  const table = new Uint8ClampedArray(3 * SHADES);
  for (let i = 0; i < SHADES; i++) {
    const odds = (i / (SHADES - 1)) * 16 - 8;
    const sure = 2 / (1 + Math.exp(-odds)) - 1;
    const towards = sure < 0 ? first : second;
    const share = 0.72 * Math.abs(sure) ** 0.8;
    for (let c = 0; c < 3; c++) table[3 * i + c] = neutral[c] + share * (towards[c] - neutral[c]);
  }
  return table;
}

/**
 * Paint log-odds with straight lines between the map's points: the boundary is then smooth although the map is coarse.
 * @param {{data: ArrayLike<number>, shape: number[]}} map row 0 at the low end of y
 * @param {{data: Uint8ClampedArray, width: number, height: number}} image row 0 at the top
 * @param {Uint8ClampedArray} table
 */
export function colour(map, image, table) {
  const [rows, columns] = map.shape;
  const { width, height, data } = image;
  for (let y = 0; y < height; y++) {
    const v = Math.max(0, Math.min(rows - 1, ((height - 0.5 - y) / height) * rows - 0.5));
    const row = Math.min(rows - 2, Math.floor(v));
    const down = v - row;
    for (let x = 0; x < width; x++) {
      const u = Math.max(0, Math.min(columns - 1, ((x + 0.5) / width) * columns - 0.5));
      const column = Math.min(columns - 2, Math.floor(u));
      const right = u - column;
      const at = row * columns + column;
      const low = map.data[at] + right * (map.data[at + 1] - map.data[at]);
      const high = map.data[at + columns] + right * (map.data[at + columns + 1] - map.data[at + columns]);
      const shade = 3 * Math.round(low + down * (high - low));
      const to = 4 * (y * width + x);
      data[to] = table[shade];
      data[to + 1] = table[shade + 1];
      data[to + 2] = table[shade + 2];
      data[to + 3] = 255;
    }
  }
}

/** A canvas as large as it is shown, in device pixels. @param {HTMLCanvasElement} canvas */
function fit(canvas) {
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
