/** What one particle of a cloud says by itself: its own small map, curve or wall. */

import { fitCanvas, Painter } from "../../charts/decision_map.js";
import { drawCurve } from "../../charts/regression_curve.js";
import { t } from "../../i18n/i18n.js";
import { pointsAt } from "./draw_points/model.js";
import { SampleGrid } from "./sample_grid.js";

/** @typedef {import("../../data/frame_view.js").FrameView} FrameView */

/**
 * Methods whose particle 17 is the same one from step to step. The others sort or draw their
 * population anew, so that only the place in it has a number.
 */
const PERSISTENT = new Set([
  "annealing",
  "parallel-tempering",
  "pso",
  "eki",
  "enkf",
  "cbo",
  "differential-evolution",
  "langevin",
]);

/** Whether a lane's particles keep their numbers. @param {any} lane of the stage */
export function persistent(lane) {
  return lane.persistent ?? PERSISTENT.has(lane.optimizer);
}

/**
 * "particle 17", or "slot 17" where another one may stand there in the next step.
 * @param {any} lane of the stage
 * @param {number} particle from 0
 */
export function nameOf(lane, particle) {
  return t(persistent(lane) ? "touch.particle" : "touch.slot", { number: particle + 1 });
}

/**
 * One particle's answer out of those of all.
 * @param {any} members of a lane in a detail
 * @param {number} index
 * @returns {{kind: "maps" | "areas" | "curves" | "predicted", data: ArrayLike<number>, shape:
 *   number[]} | null} null where it was not asked
 */
export function memberOf(members, index) {
  for (const kind of /** @type {const} */ (["maps", "areas", "curves", "predicted"])) {
    const all = members?.[kind];
    if (!all) continue;
    const [count, ...shape] = all.shape;
    const size = shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);
    return index < count
      ? { kind, data: all.data.subarray(index * size, (index + 1) * size), shape }
      : null;
  }
  return null;
}

/**
 * Why there is no picture of a particle's answer, in words; "" where there is one, and on a
 * landscape, where there is nothing to answer.
 * @param {FrameView} moment
 * @param {number} lane
 * @param {number} particle
 * @param {boolean} live
 */
export function whyNot({ stage, detail }, lane, particle, live) {
  if (stage.data.kind === "function") return "";
  const members = detail?.lanes[lane]?.members;
  if (memberOf(members, particle)) return "";
  if (!detail) return t(live ? "touch.member-soon" : "touch.member-none");
  if (!members) return t("touch.member-dear");
  return t("touch.member-few", { count: Object.values(members).find((one) => one)?.shape[0] });
}

/**
 * The steps a lane had taken when its particles were asked: "as of step 1,203".
 * @param {FrameView} moment
 * @param {number} lane
 */
export function asOf({ detail }, lane) {
  return detail?.steps ? t("touch.as-of", { step: detail.steps[lane].toLocaleString("en") }) : "";
}

/** Paints the answers of single particles on small canvases. */
export class ParticlePainter {
  /**
   * @param {import("../../charts/theme.js").Theme} theme
   * @param {any} palette
   */
  constructor(theme, palette) {
    this.theme = theme;
    this.painter = new Painter(theme, palette);
    this.wall = new SampleGrid(theme, palette);
  }

  /**
   * @param {import("../../charts/theme.js").Theme} theme
   * @param {any} palette
   */
  dress(theme, palette) {
    this.theme = theme;
    this.painter.dress(theme, palette);
    this.wall.dress(theme, palette);
  }

  /**
   * @param {HTMLCanvasElement} canvas that can be seen
   * @param {FrameView} moment
   * @param {number} lane
   * @param {number} particle
   * @returns {boolean} whether there was anything to paint
   */
  paint(canvas, moment, lane, particle) {
    const { data } = moment.stage;
    const member = memberOf(moment.detail?.lanes[lane]?.members, particle);
    canvas.hidden = !member;
    const context = member && fitCanvas(canvas);
    if (!member || !context) return false;
    if (member.kind === "predicted") this.wall.paint(context, member.data, data);
    else if (member.kind === "curves")
      drawCurve(
        context,
        { ...data.curve, at: { data: spread(data.curve.at.data, member.data.length) } },
        member.data,
        this.theme,
        `--lane-${lane}`,
        canvas,
      );
    else {
      const points = pointsAt(moment);
      if (member.kind === "maps") this.painter.map(context, member);
      else this.painter.areas(context, member);
      if (points) this.painter.points(context, points);
    }
    return true;
  }
}

/**
 * So many numbers evenly from the first to the last of others.
 * @param {ArrayLike<number>} at
 * @param {number} count
 */
function spread(at, count) {
  const [from, to] = [at[0], at[at.length - 1]];
  return Array.from({ length: count }, (_, i) => from + ((to - from) * i) / Math.max(1, count - 1));
}
