/** One step of every method, a part of it at a time, painted over the picture it starts from: what is asked, what is answered, what moves. */

import { mix } from "../theme.js";
import { persistent } from "./members.js";
import { shape } from "./shapes.js";

/** @typedef {{points: import("../decode.js").Packed | null, values: import("../decode.js").Packed | null, accepted: import("../decode.js").Packed | null}} Part */
/** @typedef {{colours: string[], theme: import("../theme.js").Theme}} Dress */

const [MARK, HEAD, LOWEST] = [3.8, 6.5, 7.5];
const [WASH, LINE, GONE, REFUSED] = [0.45, 0.4, 0.16, 0.85];
/** Methods whose new points come from several old ones: no line tells where from. */
const BRED = new Set(["genetic", "harmony-search", "hybrid", "population-annealing"]);

/** Which of its stages a lane shows while the others are at theirs; a lane with fewer waits at its last. @param {any} lane of the stage message @param {number} at */
export function stageOf(lane, at) {
  const last = (lane.stages?.length ?? 0) - 1;
  return { index: Math.min(at, last), waits: at > last };
}

/** The newest part up to a stage that shows what was asked, or the answers to it. @param {any[]} stages of the method @param {Part[]} parts @param {number} index @returns {Part | null} */
export function askedUpTo(stages, parts, index) {
  for (let i = index; i >= 0; i--) if (stages[i].shows !== "moved" && parts[i].points) return parts[i];
  return null;
}

/**
 * Which of the points asked about were taken, as a stage tells, or the stages before it.
 * @param {any[]} stages of the method @param {Part[]} parts @param {number} index @returns {{taken: number, of: number} | null}
 */
export function acceptedUpTo(stages, parts, index) {
  for (let i = index; i >= 0; i--) {
    const data = stages[i].shows === "asked" ? null : parts[i].accepted?.data;
    if (data) return { taken: Array.from(data).filter(Boolean).length, of: data.length };
  }
  return null;
}

/** The lowest and the highest of the losses that are numbers. @param {ArrayLike<number> | undefined} values @returns {[number, number] | null} */
export function extent(values) {
  const finite = Array.from(values ?? []).filter(Number.isFinite);
  return finite.length ? [Math.min(...finite), Math.max(...finite)] : null;
}

/** Where the points asked about come from: the particle of the same row where rows keep their particles, the estimate where they are shaken off it, nowhere else. @param {any} lane of the stage @param {any} picture of the lane @param {number} count @returns {((row: number) => [number, number]) | null} */
export function origins(lane, picture, count) {
  const { cloud, estimate } = picture;
  if (cloud && cloud.shape[0] === count && lane.population === count && persistent(lane)) return (row) => [cloud.data[2 * row], cloud.data[2 * row + 1]];
  return BRED.has(lane.optimizer) || (cloud && persistent(lane)) ? null : () => estimate;
}

/**
 * @param {any[]} told the `stages` message of every lane that takes this step
 * @param {number} at the stage
 * @param {Dress} dress of the panel, as it is when it paints
 * @param {() => number} progress of what moves between two stages, 0 to 1
 * @returns {import("./weights.js").Painter}
 */
export function onestep(told, at, dress, progress) {
  return (paint, { x, y, moment }) => {
    const place = (/** @type {ArrayLike<number>} */ data, /** @type {number} */ row) => /** @type {[number, number]} */ ([x(data[2 * row]), y(data[2 * row + 1])]);
    paint.globalAlpha = WASH;
    paint.fillStyle = dress.theme.surface;
    paint.fillRect(0, 0, paint.canvas.width, paint.canvas.height);
    paint.globalAlpha = 1;
    for (const message of told) {
      if (!message) continue;
      const lane = moment.stage.lanes[message.lane];
      const picture = moment.picture.lanes[message.lane];
      if (!lane.stages?.length || !picture) continue;
      const { index, waits } = stageOf(lane, at);
      const brush = new Brush(paint, message.lane, dress, waits ? 1 : progress());
      const part = message.stages[index];
      const count = part.points?.shape[0] ?? 0;
      const from = origins(lane, picture, count);
      const start = (/** @type {number} */ row) => {
        const [left, up] = from ? from(row) : [part.points.data[2 * row], part.points.data[2 * row + 1]];
        return /** @type {[number, number]} */ ([x(left), y(up)]);
      };
      const end = (/** @type {number} */ row) => place(part.points.data, row);
      if (lane.stages[index].shows === "asked") brush.asked(count, start, end, Boolean(from));
      else if (lane.stages[index].shows === "answered") brush.answered(count, end, part.values?.data);
      else {
        const asked = askedUpTo(lane.stages, message.stages, index);
        if (asked?.points) brush.judged(asked.points.shape[0], (row) => place(/** @type {any} */ (asked.points).data, row), asked.accepted?.data);
        brush.moved(count, start, end, count === 1);
      }
    }
    paint.globalAlpha = 1;
  };
}

/** Paints the points of one lane. */
class Brush {
  /** @param {CanvasRenderingContext2D} paint @param {number} lane @param {Dress} dress @param {number} progress */
  constructor(paint, lane, { colours, theme }, progress) {
    this.paint = paint;
    this.lane = lane;
    this.colour = colours[lane];
    this.theme = theme;
    this.progress = progress;
  }

  /** Add markers to one path. @param {number} count @param {(row: number) => [number, number] | null} at @param {number} size */
  _path(count, at, size) {
    this.paint.beginPath();
    for (let row = 0; row < count; row++) {
      const spot = at(row);
      if (spot) shape(this.paint, this.lane, spot[0], spot[1], size);
    }
  }

  /** Outlines in the lane's colour on paper, so that they are seen on everything. @param {number} alpha */
  _outline(alpha) {
    const { paint } = this;
    paint.globalAlpha = alpha;
    paint.strokeStyle = this.theme.surface;
    paint.lineWidth = 3.6;
    paint.stroke();
    paint.strokeStyle = this.colour;
    paint.lineWidth = 1.6;
    paint.stroke();
  }

  /** @param {number} count @param {(row: number) => [number, number]} start @param {(row: number) => [number, number]} end */
  _lines(count, start, end) {
    const { paint } = this;
    paint.globalAlpha = LINE;
    paint.strokeStyle = this.colour;
    paint.lineWidth = 1;
    paint.beginPath();
    for (let row = 0; row < count; row++) {
      paint.moveTo(...start(row));
      paint.lineTo(...end(row));
    }
    paint.stroke();
  }

  /** On the way from one place to another. @param {[number, number]} from @param {[number, number]} to @returns {[number, number]} */
  _between([left, up], [right, down]) {
    return [left + (right - left) * this.progress, up + (down - up) * this.progress];
  }

  /** Hollow markers leave the particles they come from. @param {number} count @param {(row: number) => [number, number]} start @param {(row: number) => [number, number]} end @param {boolean} lines */
  asked(count, start, end, lines) {
    const now = (/** @type {number} */ row) => this._between(start(row), end(row));
    if (lines) this._lines(count, start, now);
    this._path(count, now, MARK);
    this._outline(1);
  }

  /** The lower its loss, the fuller a marker is of the lane's colour; the lowest has a ring. @param {number} count @param {(row: number) => [number, number]} at @param {ArrayLike<number> | undefined} values */
  answered(count, at, values) {
    const { paint } = this;
    const [low, high] = extent(values) ?? [0, 0];
    const scale = /** @type {[number, string][]} */ ([[0, this.colour], [1, this.theme.surface]]);
    const share = (/** @type {number} */ value) => (Number.isFinite(value) ? (high > low ? (value - low) / (high - low) : 0) : 1);
    this._path(count, at, MARK);
    this._outline(1);
    paint.globalAlpha = this.progress;
    for (let row = 0; row < count && values; row++) {
      this._path(1, () => at(row), MARK);
      paint.fillStyle = mix(scale, Math.sqrt(share(values[row])));
      paint.fill();
    }
    const best = values ? Array.from(values).findIndex((value) => value === low) : -1;
    if (best < 0 || count < 2) return;
    this._path(1, () => at(best), LOWEST);
    paint.strokeStyle = this.theme.text;
    paint.lineWidth = 2;
    paint.stroke();
  }

  /** Of the points asked about those taken are filled and those refused fade; where nothing was refused or taken all fade. @param {number} count @param {(row: number) => [number, number]} at @param {ArrayLike<number> | undefined} accepted */
  judged(count, at, accepted) {
    this._path(count, (row) => (accepted?.[row] ? null : at(row)), MARK);
    this._outline(REFUSED + (GONE - REFUSED) * this.progress);
    if (!accepted) return;
    this._path(count, (row) => (accepted[row] ? at(row) : null), MARK);
    this._fill();
  }

  /** The new population, or the new estimate, goes to where it stands now. @param {number} count @param {(row: number) => [number, number]} start @param {(row: number) => [number, number]} end @param {boolean} alone */
  moved(count, start, end, alone) {
    const now = (/** @type {number} */ row) => this._between(start(row), end(row));
    if (alone) this._lines(count, start, now);
    this._path(count, now, alone ? HEAD : MARK);
    this._fill();
  }

  _fill() {
    const { paint } = this;
    paint.globalAlpha = 1;
    // Paper first: where many stand close together nobody's rim covers the others.
    paint.strokeStyle = this.theme.surface;
    paint.lineWidth = 2.4;
    paint.stroke();
    paint.fillStyle = this.colour;
    paint.fill();
  }
}
