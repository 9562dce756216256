/**
 * One step of every method, a part of it at a time, painted over the picture it starts from: what
 * is asked, what is answered, what moves, dies, swaps or takes another shape.
 */

import { shape } from "../charts/lane_markers.js";
import { mixColours } from "../charts/theme.js";
import { formatNumber } from "../i18n/format.js";
import { rows } from "../data/messages.js";
import { persistent } from "../panels/network/particle_prediction.js";

/** @typedef {import("../data/messages.js").Packed} Packed */
/**
 * @typedef {{points: Packed | null, values: Packed | null, accepted: Packed | null, absent?:
 *   boolean, from?: Packed, along?: boolean, known?: boolean, estimate?: Packed, stayed?: Packed,
 *   died?: number, copied?: number, members?: number, traded?: Packed, temperatures?: Packed,
 *   swapped?: number, tried?: number, ellipses?: Packed, growth?: number}} Part
 */
/** @typedef {{colours: string[], theme: import("../charts/theme.js").Theme}} Dress */

const [MARK, HEAD, LOWEST, CROSS] = [3.8, 6.5, 7.5, 4.2];
const [WASH, LINE, GONE, REFUSED] = [0.45, 0.4, 0.16, 0.85];
/** How far an arc between two replicas stands off the line between them, as a share of it. */
const BULGE = 0.22;
/** More pairs, or more copied members, are not labelled. */
const LABELLED = 8;
/** Methods whose new points come from several old ones: no line tells where from. */
const BRED = new Set(["genetic", "harmony-search", "hybrid", "population-annealing"]);
/** Methods whose rows go on from step to step, though another start may take a row's place. */
const IN_ROWS = new Set(["multistart"]);

/**
 * Which of its stages a lane's step has, in their order.
 * @param {any} lane of the stage message
 * @param {Part[]} [parts] of the step; all stages where they are not told
 * @returns {number[]}
 */
export function stagesOf(lane, parts) {
  return [...(lane.stages ?? []).keys()].filter((index) => !parts?.[index]?.absent);
}

/**
 * Which of its stages a lane shows while the others are at theirs; a lane with fewer waits at its
 * last.
 * @param {any} lane of the stage message
 * @param {number} at
 * @param {Part[]} [parts] of the step
 */
export function stageOf(lane, at, parts) {
  const stages = stagesOf(lane, parts);
  const last = stages.length - 1;
  return { index: stages[Math.min(at, last)] ?? -1, waits: at > last };
}

/**
 * The newest part up to a stage that shows what was asked, or the answers to it, and after which
 * nothing has moved yet.
 * @param {any[]} stages of the method
 * @param {Part[]} parts
 * @param {number} index
 * @returns {Part | null}
 */
export function askedUpTo(stages, parts, index) {
  for (let i = index; i >= 0 && (i === index || stages[i].shows !== "moved"); i--)
    if (["asked", "answered"].includes(stages[i].shows) && parts[i].points) return parts[i];
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
  if (cloud && cloud.shape[0] === count && lane.population === count && inRows(lane))
    return (row) => [cloud.data[2 * row], cloud.data[2 * row + 1]];
  return BRED.has(lane.optimizer) || (cloud && inRows(lane)) ? null : () => estimate;
}

/** Whether a lane's rows are the same particles after a step. @param {any} lane of the stage */
const inRows = (lane) => persistent(lane) || IN_ROWS.has(lane.optimizer);

/**
 * Where the points of a part come from, as it tells itself, or as the picture does.
 * @param {Part} part
 * @param {any} lane of the stage
 * @param {any} picture of the lane
 * @returns {((row: number) => [number, number]) | null}
 */
export function sources({ from, points, traded }, lane, picture) {
  if (traded) return null;
  if (from) return (row) => [from.data[2 * row], from.data[2 * row + 1]];
  return origins(lane, picture, points?.shape[0] ?? 0);
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
  for (const part of message.stages) {
    const { points, ellipses, estimate } = part;
    const count = points?.shape[0] ?? 0;
    const from = count && picture ? sources(part, lane, picture) : null;
    for (let row = 0; row < count; row++) {
      hold(points.data[2 * row], points.data[2 * row + 1]);
      if (from) hold(...from(row));
    }
    for (let row = 0; row < (estimate?.shape[0] ?? 0); row++)
      hold(estimate.data[2 * row], estimate.data[2 * row + 1]);
    for (const [x, y, ax, ay, bx, by] of ellipses ? rows(ellipses) : [])
      for (const side of [-1, 1])
        hold(x + side * Math.hypot(ax, bx), y + side * Math.hypot(ay, by));
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
      const { index, waits } = stageOf(lane, at, message.stages);
      if (index < 0) continue;
      const brush = new Brush(paint, message.lane, dress, waits ? 1 : progress());
      const part = message.stages[index];
      const { shows } = lane.stages[index];
      const count = part.points?.shape[0] ?? 0;
      const from = sources(part, lane, picture);
      const start = (/** @type {number} */ row) => {
        const [left, up] = from
          ? from(row)
          : [part.points.data[2 * row], part.points.data[2 * row + 1]];
        return /** @type {[number, number]} */ ([x(left), y(up)]);
      };
      const end = (/** @type {number} */ row) => place(part.points.data, row);
      if (shows === "asked") brush.asked(count, start, end, Boolean(from));
      else if (shows === "answered") brush.answered(count, end, part.values?.data);
      else if (shows === "improved") {
        brush.judged(count, end, part.accepted?.data, false);
        if (part.estimate) brush.moved(1, ...ends(part.estimate, place), true);
      } else if (shows === "resampled") brush.resampled(count, start, end, part.stayed?.data);
      else if (shows === "swapped") brush.swapped(part, end);
      else if (shows === "reshaped") {
        const asked = lane.stages.findLastIndex(
          (/** @type {any} */ stage, /** @type {number} */ i) =>
            i < index && stage.shows === "answered" && message.stages[i].points,
        );
        const samples = message.stages[asked]?.points;
        if (samples) brush.faded(samples.shape[0], (row) => place(samples.data, row));
        if (part.ellipses) brush.reshaped(rows(part.ellipses), x, y);
      } else {
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

/**
 * Both ends of one move, as the brush takes them.
 * @param {Packed} pair (2, 2)
 * @param {(data: ArrayLike<number>, row: number) => [number, number]} place
 * @returns {[() => [number, number], () => [number, number]]}
 */
const ends = (pair, place) => [() => place(pair.data, 0), () => place(pair.data, 1)];

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
   * @param {boolean} refused whether the others were: else they stay where they are
   */
  judged(count, at, accepted, refused = true) {
    this._path(count, (row) => (accepted?.[row] ? null : at(row)), MARK);
    this._outline(refused ? REFUSED + (GONE - REFUSED) * this.progress : REFUSED);
    if (!accepted) return;
    if (refused) this._crosses(count, (row) => (accepted[row] ? null : at(row)));
    this._path(count, (row) => (accepted[row] ? at(row) : null), MARK);
    this._fill();
  }

  /**
   * What was asked about, long past.
   * @param {number} count
   * @param {(row: number) => [number, number]} at
   */
  faded(count, at) {
    this._path(count, at, MARK);
    this._outline(2 * GONE);
  }

  /**
   * Members that died are crossed out, and lines lead from where their copies come from; a member
   * that was copied tells how often it is there now.
   * @param {number} count
   * @param {(row: number) => [number, number]} before
   * @param {(row: number) => [number, number]} now
   * @param {ArrayLike<number> | undefined} stayed
   */
  resampled(count, before, now, stayed) {
    const died = Array.from({ length: count }, (_, row) => row).filter((row) => !stayed?.[row]);
    const copy = (/** @type {number} */ i) => now(died[i]);
    this._lines(died.length, copy, (i) => this._between(copy(i), before(died[i])));
    this._path(died.length, (i) => before(died[i]), MARK);
    this._outline(REFUSED + (GONE - REFUSED) * this.progress);
    this._crosses(died.length, (i) => before(died[i]));
    this._path(count, (row) => (stayed?.[row] ? now(row) : null), MARK);
    this._fill();
    /** @type {Map<string, {spot: [number, number], times: number}>} */ const copied = new Map();
    for (const row of died) {
      const spot = now(row);
      const seen = copied.get(String(spot)) ?? { spot, times: 1 };
      copied.set(String(spot), { spot, times: seen.times + 1 });
    }
    const most = [...copied.values()].sort((a, b) => b.times - a.times);
    this._path(most.length, (i) => most[i].spot, HEAD);
    this._fill();
    for (const { spot, times } of most.slice(0, LABELLED)) this._label(`×${times}`, spot);
  }

  /**
   * Arcs between the replicas that traded temperatures, thin lines between those that tried to.
   * @param {Part} part
   * @param {(row: number) => [number, number]} at
   */
  swapped({ traded, temperatures }, at) {
    const { paint } = this;
    const pairs = traded?.shape[0] ?? 0;
    const swaps = (/** @type {number} */ i) => Boolean(traded?.data[i]);
    paint.setLineDash([3, 4]);
    const tried = Array.from({ length: pairs }, (_, i) => i).filter((i) => !swaps(i));
    this._lines(
      tried.length,
      (i) => at(2 * tried[i]),
      (i) => at(2 * tried[i] + 1),
    );
    paint.setLineDash([]);
    paint.beginPath();
    for (let i = 0; i < pairs; i++) {
      if (!swaps(i)) continue;
      const [[x0, y0], [x1, y1]] = [at(2 * i), at(2 * i + 1)];
      const middle = /** @type {[number, number]} */ ([
        (x0 + x1) / 2 + BULGE * (y1 - y0),
        (y0 + y1) / 2 - BULGE * (x1 - x0),
      ]);
      const other = /** @type {[number, number]} */ ([
        (x0 + x1) / 2 - BULGE * (y1 - y0),
        (y0 + y1) / 2 + BULGE * (x1 - x0),
      ]);
      this._arc([x0, y0], middle, [x1, y1]);
      this._arc([x1, y1], other, [x0, y0]);
    }
    this._outline(1);
    this._path(2 * pairs, (row) => (swaps(row >> 1) ? null : at(row)), MARK);
    this._outline(REFUSED);
    this._path(2 * pairs, (row) => (swaps(row >> 1) ? at(row) : null), HEAD);
    this._fill();
    if (!temperatures || pairs > LABELLED) return;
    for (let row = 0; row < 2 * pairs; row++) {
      const pair = temperatures.data.subarray(2 * (row >> 1), 2 * (row >> 1) + 2);
      const [own, others] = row % 2 ? [pair[1], pair[0]] : [pair[0], pair[1]];
      const text = formatNumber(own);
      this._label(swaps(row >> 1) ? `T ${text} → ${formatNumber(others)}` : `T ${text}`, at(row));
    }
  }

  /**
   * Part of a curve, up to where it has come, with a head.
   * @param {[number, number]} from
   * @param {[number, number]} over
   * @param {[number, number]} to
   */
  _arc(from, over, to) {
    const { paint, progress } = this;
    const near = this._between(from, over);
    const far = this._between(over, to);
    const tip = this._between(near, far);
    paint.moveTo(...from);
    paint.quadraticCurveTo(...near, ...tip);
    const angle = Math.atan2(far[1] - near[1], far[0] - near[0]);
    if (progress < 1 || Math.hypot(to[0] - from[0], to[1] - from[1]) < 4 * HEAD) return;
    // the head stands before the marker
    const base = [tip[0] - HEAD * Math.cos(angle), tip[1] - HEAD * Math.sin(angle)];
    for (const side of [-1, 1]) {
      paint.moveTo(base[0], base[1]);
      paint.lineTo(
        base[0] - HEAD * Math.cos(angle + side * 0.5),
        base[1] - HEAD * Math.sin(angle + side * 0.5),
      );
    }
  }

  /**
   * The distribution's ellipse before the step, dashed, and as it is now, about its mean.
   * @param {number[][]} ellipses centre and half-axes, of both
   * @param {(value: number) => number} x
   * @param {(value: number) => number} y
   */
  reshaped([before, after], x, y) {
    const { paint } = this;
    const trace = (/** @type {number[]} */ [left, up, ax, ay, bx, by]) => {
      paint.beginPath();
      for (let i = 0; i <= 72; i++) {
        const [cos, sin] = [Math.cos((i * Math.PI) / 36), Math.sin((i * Math.PI) / 36)];
        const spot = /** @type {[number, number]} */ ([
          x(left + cos * ax + sin * bx),
          y(up + cos * ay + sin * by),
        ]);
        if (i) paint.lineTo(...spot);
        else paint.moveTo(...spot);
      }
    };
    trace(before);
    paint.setLineDash([5, 5]);
    this._outline(REFUSED);
    paint.setLineDash([]);
    trace(this._halfway(before, after));
    this._outline(1);
    const now = /** @type {[number, number]} */ ([x(after[0]), y(after[1])]);
    this._path(1, () => now, HEAD);
    this._fill();
  }

  /**
   * An ellipse on its way to another: of the axes of the other those that lie nearest.
   * @param {number[]} before
   * @param {number[]} after
   */
  _halfway(before, after) {
    let [x, y, ax, ay, bx, by] = after;
    const along = (/** @type {number} */ left, /** @type {number} */ up) =>
      before[2] * left + before[3] * up;
    if (Math.abs(along(bx, by)) > Math.abs(along(ax, ay))) [ax, ay, bx, by] = [bx, by, ax, ay];
    if (along(ax, ay) < 0) [ax, ay] = [-ax, -ay];
    if (before[4] * bx + before[5] * by < 0) [bx, by] = [-bx, -by];
    return [x, y, ax, ay, bx, by].map(
      (value, i) => before[i] + (value - before[i]) * this.progress,
    );
  }

  /**
   * Words beside a marker, on paper.
   * @param {string} text
   * @param {[number, number]} at
   */
  _label(text, [left, up]) {
    const { paint, theme } = this;
    paint.globalAlpha = 1;
    paint.font = `600 11px ${theme.font}`;
    paint.textAlign = "left";
    paint.lineJoin = "round";
    paint.strokeStyle = theme.surface;
    paint.lineWidth = 4;
    paint.strokeText(text, left + HEAD + 3, up - 4);
    paint.fillStyle = theme.text;
    paint.fillText(text, left + HEAD + 3, up - 4);
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
