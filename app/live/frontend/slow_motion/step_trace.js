/**
 * One step of every method, a part of it at a time, painted over the picture it starts from: what
 * is asked, what is answered, what moves.
 */

import { shape } from "../charts/lane_markers.js";
import { mixColours } from "../charts/theme.js";
import { persistent } from "../panels/network/particle_prediction.js";

/**
 * @typedef {{points: import("../data/messages.js").Packed | null, values:
 *   import("../data/messages.js").Packed | null, accepted: import("../data/messages.js").Packed |
 *   null}} Part
 */
/** @typedef {{colours: string[], theme: import("../charts/theme.js").Theme}} Dress */

const [MARK, HEAD, LOWEST, CROSS] = [3.8, 6.5, 7.5, 4.2];
const [WASH, LINE, GONE, REFUSED] = [0.45, 0.4, 0.16, 0.85];
/** Methods whose new points come from several old ones: no line tells where from. */
const BRED = new Set(["genetic", "harmony-search", "hybrid", "population-annealing"]);

/**
 * Which of its stages a lane shows while the others are at theirs; a lane with fewer waits at its
 * last.
 * @param {any} lane of the stage message
 * @param {number} at
 */
export function stageOf(lane, at) {
  const last = (lane.stages?.length ?? 0) - 1;
  return { index: Math.min(at, last), waits: at > last };
}

/**
 * The newest part up to a stage that shows what was asked, or the answers to it.
 * @param {any[]} stages of the method
 * @param {Part[]} parts
 * @param {number} index
 * @returns {Part | null}
 */
export function askedUpTo(stages, parts, index) {
  for (let i = index; i >= 0; i--)
    if (stages[i].shows !== "moved" && parts[i].points) return parts[i];
  return null;
}

/**
 * Which of the points asked about were taken, as a stage tells, or the stages before it.
 * @param {any[]} stages of the method
 * @param {Part[]} parts
 * @param {number} index
 * @returns {{taken: number, of: number} | null}
 */
export function acceptedUpTo(stages, parts, index) {
  for (let i = index; i >= 0; i--) {
    const data = stages[i].shows === "asked" ? null : parts[i].accepted?.data;
    if (data) return { taken: Array.from(data).filter(Boolean).length, of: data.length };
  }
  return null;
}

/**
 * The lowest and the highest of the losses that are numbers.
 * @param {ArrayLike<number> | undefined} values
 * @returns {[number, number] | null}
 */
export function extent(values) {
  const finite = Array.from(values ?? []).filter(Number.isFinite);
  return finite.length ? [Math.min(...finite), Math.max(...finite)] : null;
}

/**
 * Where the points asked about come from: the particle of the same row where rows keep their
 * particles, the estimate where they are shaken off it, nowhere else.
 * @param {any} lane of the stage
 * @param {any} picture of the lane
 * @param {number} count
 * @returns {((row: number) => [number, number]) | null}
 */
export function origins(lane, picture, count) {
  const { cloud, estimate } = picture;
  if (cloud && cloud.shape[0] === count && lane.population === count && persistent(lane))
    return (row) => [cloud.data[2 * row], cloud.data[2 * row + 1]];
  return BRED.has(lane.optimizer) || (cloud && persistent(lane)) ? null : () => estimate;
}

/** Around what a step moves there is so much room, as a share of it. */
const ROOM = 0.3;
/**
 * A lane whose step would be smaller than that beside the others, as a share of what is shown, is
 * shown alone.
 */
const LEGIBLE = 1 / 7;

/**
 * The rectangle that holds what a lane's step asks and moves, and where it starts from; null where
 * nothing of it is told.
 * @param {any} message of type "stages"
 * @param {any} lane of the stage
 * @param {any} picture of the lane
 * @returns {[number, number, number, number] | null} left, right, bottom, top
 */
export function reachOf(message, lane, picture) {
  const box = /** @type {[number, number, number, number]} */ ([
    Infinity,
    -Infinity,
    Infinity,
    -Infinity,
  ]);
  const hold = (/** @type {number} */ x, /** @type {number} */ y) => {
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    box[0] = Math.min(box[0], x);
    box[1] = Math.max(box[1], x);
    box[2] = Math.min(box[2], y);
    box[3] = Math.max(box[3], y);
  };
  for (const { points } of message.stages) {
    const count = points?.shape[0] ?? 0;
    const from = count && picture ? origins(lane, picture, count) : null;
    for (let row = 0; row < count; row++) {
      hold(points.data[2 * row], points.data[2 * row + 1]);
      if (from) hold(...from(row));
    }
  }
  return box[0] <= box[1] ? box : null;
}

/**
 * The part of the plane in which a step is seen, as wide and high to each other as the plane is: of
 * all lanes where each is then large enough, else of the one with most networks.
 * @param {any[]} told the `stages` message of every lane that takes this step
 * @param {import("../data/frame_view.js").FrameView} moment it starts from
 * @param {"step" | number} of all lanes, or of one
 * @returns {{x: [number, number], y: [number, number], lane: number | null} | null} null where the
 *   plane itself is as near; `lane`: the one that is shown
 */
export function stepBounds(told, { stage, picture }, of) {
  const { x: across, y: up } = picture.plane;
  const unit = [across[1] - across[0], up[1] - up[0]];
  const lanes = told.flatMap((message) => {
    const box =
      message && stage.lanes[message.lane]
        ? reachOf(message, stage.lanes[message.lane], picture.lanes[message.lane])
        : null;
    return box ? [{ lane: message.lane, box }] : [];
  });
  const size = (/** @type {number[]} */ box) =>
    Math.max((box[1] - box[0]) / unit[0], (box[3] - box[2]) / unit[1]);
  const around = (/** @type {{box: number[]}[]} */ some) =>
    some.reduce(
      (all, { box }) => [
        Math.min(all[0], box[0]),
        Math.max(all[1], box[1]),
        Math.min(all[2], box[2]),
        Math.max(all[3], box[3]),
      ],
      [Infinity, -Infinity, Infinity, -Infinity],
    );
  let some = of === "step" ? lanes : lanes.filter(({ lane }) => lane === of);
  if (!some.length) return null;
  if (some.length > 1 && some.some(({ box }) => size(box) < LEGIBLE * size(around(some)))) {
    const many = (/** @type {{lane: number}} */ { lane }) =>
      Math.max(
        ...told
          .find((message) => message?.lane === lane)
          .stages.map((/** @type {Part} */ part) => part.points?.shape[0] ?? 0),
      );
    some = [some.reduce((most, one) => (many(one) > many(most) ? one : most))];
  }
  const box = around(some);
  const share = (1 + ROOM) * size(box);
  if (!(share > 0) || share > 0.7) return null;
  const [x, y] = [(box[0] + box[1]) / 2, (box[2] + box[3]) / 2];
  return {
    x: [x - (share * unit[0]) / 2, x + (share * unit[0]) / 2],
    y: [y - (share * unit[1]) / 2, y + (share * unit[1]) / 2],
    lane: some.length === 1 ? some[0].lane : null,
  };
}

/**
 * @param {any[]} told the `stages` message of every lane that takes this step
 * @param {number} at the stage
 * @param {Dress} dress of the panel, as it is when it paints
 * @param {() => number} progress of what moves between two stages, 0 to 1
 * @returns {import("../panels/weights/panel.js").Painter}
 */
export function paintStep(told, at, dress, progress) {
  return (paint, { x, y, moment }) => {
    const place = (/** @type {ArrayLike<number>} */ data, /** @type {number} */ row) =>
      /** @type {[number, number]} */ ([x(data[2 * row]), y(data[2 * row + 1])]);
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
        const [left, up] = from
          ? from(row)
          : [part.points.data[2 * row], part.points.data[2 * row + 1]];
        return /** @type {[number, number]} */ ([x(left), y(up)]);
      };
      const end = (/** @type {number} */ row) => place(part.points.data, row);
      if (lane.stages[index].shows === "asked") brush.asked(count, start, end, Boolean(from));
      else if (lane.stages[index].shows === "answered")
        brush.answered(count, end, part.values?.data);
      else {
        const asked = askedUpTo(lane.stages, message.stages, index);
        if (asked?.points)
          brush.judged(
            asked.points.shape[0],
            (row) => place(/** @type {any} */ (asked.points).data, row),
            asked.accepted?.data,
          );
        brush.moved(count, start, end, count === 1);
      }
    }
    paint.globalAlpha = 1;
  };
}

/** Paints the points of one lane. */
class Brush {
  /**
   * @param {CanvasRenderingContext2D} paint
   * @param {number} lane
   * @param {Dress} dress
   * @param {number} progress
   */
  constructor(paint, lane, { colours, theme }, progress) {
    this.paint = paint;
    this.lane = lane;
    this.colour = colours[lane];
    this.theme = theme;
    this.progress = progress;
  }

  /**
   * Add markers to one path.
   * @param {number} count
   * @param {(row: number) => [number, number] | null} at
   * @param {number} size
   */
  _path(count, at, size) {
    this.paint.beginPath();
    for (let row = 0; row < count; row++) {
      const spot = at(row);
      if (spot) shape(this.paint, this.lane, spot[0], spot[1], size);
    }
  }

  /**
   * Outlines in the lane's colour on paper, so that they are seen on everything.
   * @param {number} alpha
   */
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

  /**
   * @param {number} count
   * @param {(row: number) => [number, number]} start
   * @param {(row: number) => [number, number]} end
   */
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

  /**
   * On the way from one place to another.
   * @param {[number, number]} from
   * @param {[number, number]} to
   * @returns {[number, number]}
   */
  _between([left, up], [right, down]) {
    return [left + (right - left) * this.progress, up + (down - up) * this.progress];
  }

  /**
   * Hollow markers leave the particles they come from.
   * @param {number} count
   * @param {(row: number) => [number, number]} start
   * @param {(row: number) => [number, number]} end
   * @param {boolean} lines
   */
  asked(count, start, end, lines) {
    const now = (/** @type {number} */ row) => this._between(start(row), end(row));
    if (lines) this._lines(count, start, now);
    this._path(count, now, MARK);
    this._outline(1);
  }

  /**
   * The lower its loss, the fuller a marker is of the lane's colour; the lowest has a ring.
   * @param {number} count
   * @param {(row: number) => [number, number]} at
   * @param {ArrayLike<number> | undefined} values
   */
  answered(count, at, values) {
    const { paint } = this;
    const [low, high] = extent(values) ?? [0, 0];
    const scale = /** @type {[number, string][]} */ ([
      [0, this.colour],
      [1, this.theme.surface],
    ]);
    const share = (/** @type {number} */ value) =>
      Number.isFinite(value) ? (high > low ? (value - low) / (high - low) : 0) : 1;
    this._path(count, at, MARK);
    this._outline(1);
    paint.globalAlpha = this.progress;
    for (let row = 0; row < count && values; row++) {
      this._path(1, () => at(row), MARK);
      paint.fillStyle = mixColours(scale, Math.sqrt(share(values[row])));
      paint.fill();
    }
    const best = values ? Array.from(values).findIndex((value) => value === low) : -1;
    if (best < 0 || count < 2) return;
    this._path(1, () => at(best), LOWEST);
    paint.strokeStyle = this.theme.text;
    paint.lineWidth = 2;
    paint.stroke();
  }

  /**
   * Of the points asked about those taken are filled and those refused crossed out; where nothing
   * was refused or taken all fade.
   * @param {number} count
   * @param {(row: number) => [number, number]} at
   * @param {ArrayLike<number> | undefined} accepted
   */
  judged(count, at, accepted) {
    this._path(count, (row) => (accepted?.[row] ? null : at(row)), MARK);
    this._outline(REFUSED + (GONE - REFUSED) * this.progress);
    if (!accepted) return;
    this._crosses(count, (row) => (accepted[row] ? null : at(row)));
    this._path(count, (row) => (accepted[row] ? at(row) : null), MARK);
    this._fill();
  }

  /**
   * @param {number} count
   * @param {(row: number) => [number, number] | null} at
   */
  _crosses(count, at) {
    const { paint } = this;
    paint.beginPath();
    for (let row = 0; row < count; row++) {
      const spot = at(row);
      if (!spot) continue;
      const [left, up] = spot;
      paint.moveTo(left - CROSS, up - CROSS);
      paint.lineTo(left + CROSS, up + CROSS);
      paint.moveTo(left - CROSS, up + CROSS);
      paint.lineTo(left + CROSS, up - CROSS);
    }
    paint.globalAlpha = this.progress;
    paint.lineCap = "round";
    paint.strokeStyle = this.theme.surface;
    paint.lineWidth = 4;
    paint.stroke();
    paint.strokeStyle = this.colour;
    paint.lineWidth = 1.8;
    paint.stroke();
  }

  /**
   * The new population, or the new estimate, goes to where it stands now.
   * @param {number} count
   * @param {(row: number) => [number, number]} start
   * @param {(row: number) => [number, number]} end
   * @param {boolean} alone
   */
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
