/**
 * The height of every lane's best point over the chosen currency: above the lowest point on a
 * logarithmic axis where that is known, else as it is.
 */

import { logScale } from "../../charts/axis_scale.js";
import { decimate } from "../../charts/decimate.js";
import { formatNumber } from "../../i18n/format.js";
import { t } from "../../i18n/i18n.js";
import { endLabels, fromZero, linearAxis, logAxis, LossPanel, timeAxis } from "../loss.js";

export class LandscapeLossPanel extends LossPanel {
  /**
   * Where a lane is drawn on the y axis.
   * @param {any} row
   * @returns {number | null}
   */
  spot(row) {
    return this.above ? this.scale.place(this.above(row.loss)) : null;
  }

  /**
   * A lane's height as the axis has it, in words.
   * @param {any} row
   */
  tell(row) {
    return formatNumber(this.above ? this.above(row.loss) : row.loss);
  }

  /**
   * @param {import("../../data/frame_view.js").FrameView} moment
   * @returns {{note: string, summary: string}}
   */
  draw(moment) {
    const { metrics, stage, currency } = moment;
    const { lowest } = stage.data.landscape;
    /** @type {any[]} */ const xs = [];
    /** @type {any[]} */ const ys = [];
    /** @type {any[]} */ const heads = [[], []];
    const above = (this.above = (/** @type {number | null} */ height) =>
      height === null || lowest === null ? height : height - lowest);
    for (let lane = 0; lane < this.lanes; lane++) {
      const there = lane < stage.lanes.length;
      const curve = there
        ? decimate(
            ...fromZero(
              metrics.map((m) => m.lanes[lane]),
              currency,
              "loss",
              above,
            ),
            this.chart.points,
          )
        : { x: [], y: [] };
      xs.push(curve.x, []);
      ys.push(curve.y, []);
      const last = there ? metrics[metrics.length - 1]?.lanes[lane] : null;
      heads[0].push(last ? last[currency] : null);
      heads[1].push(last ? above(last.loss) : null);
    }
    xs.push(heads[0]);
    ys.push(heads[1]);
    const log = lowest !== null;
    this.scale = log
      ? logScale(ys)
      : {
          range: linearRange(ys),
          floor: null,
          place: (/** @type {number | null | undefined} */ height) => height ?? null,
        };
    const axis = log ? logAxis("yaxis", this.scale) : linearAxis("yaxis", this.scale.range);
    const now = metrics[metrics.length - 1];
    this.apply(
      xs,
      ys.map((y) => y.map(this.scale.place)),
      { ...timeAxis(moment), ...axis },
      stage.lanes.length,
      endLabels(stage, (lane) => (now ? this.tell(now.lanes[lane]) : "")),
    );
    const said = stage.lanes.map((/** @type {any} */ lane, /** @type {number} */ i) =>
      t("panels.height-summary", { label: lane.label, height: formatNumber(now?.lanes[i].loss) }),
    );
    return { note: log ? t("panels.height-note") : "", summary: `${said.join("; ")}.` };
  }
}

/**
 * @param {any[][]} ys
 * @returns {[number, number]}
 */
function linearRange(ys) {
  const values = ys.flat().filter((value) => Number.isFinite(value));
  if (!values.length) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = 0.05 * (high - low || Math.abs(high) || 1);
  return [low - room, high + room];
}
