/** The height of every lane's best point over the chosen currency: above the lowest point on a logarithmic axis where that is known, else as it is. */

import { thin } from "../curves.js";
import { currencyName, small } from "../format.js";
import { t } from "../text.js";
import { decades, LossPanel, logRange, xRange } from "./loss.js";

const LEAST = 3e-8;

export class HeightPanel extends LossPanel {
  /** Where a lane is drawn on the y axis. @param {any} row @returns {number | null} */
  spot(row) {
    return this.above?.(row.loss) ?? null;
  }

  /** @param {import("../view.js").Moment} moment @returns {{note: string, summary: string}} */
  draw(moment) {
    const { metrics, stage, currency } = moment;
    const { lowest } = stage.data.landscape;
    /** @type {any[]} */ const xs = [];
    /** @type {any[]} */ const ys = [];
    /** @type {any[]} */ const heads = [[], []];
    // A logarithmic axis needs something above nothing, and below a hundred-millionth of the start there is nothing left to gain.
    const begun = Math.max(...(metrics[0]?.lanes ?? []).map((/** @type {any} */ row) => row.loss ?? 0));
    const least = LEAST * Math.max(begun - (lowest ?? 0), 1e-6);
    const above = this.above = (/** @type {number | null} */ height) => (height === null || lowest === null ? height : Math.max(height - lowest, least));
    for (let lane = 0; lane < this.lanes; lane++) {
      const there = lane < stage.lanes.length;
      const curve = there ? thin(metrics.map((m) => m.lanes[lane][currency]), metrics.map((m) => above(m.lanes[lane].loss)), this.chart.points) : { x: [], y: [] };
      xs.push(curve.x, []);
      ys.push(curve.y, []);
      const last = there ? metrics[metrics.length - 1]?.lanes[lane] : null;
      heads[0].push(last ? last[currency] : null);
      heads[1].push(last ? above(last.loss) : null);
    }
    xs.push(heads[0]);
    ys.push(heads[1]);
    const log = lowest !== null;
    const layout = {
      "xaxis.title.text": currencyName(currency),
      "xaxis.range": xRange(moment),
      "yaxis.type": log ? "log" : "linear",
      "yaxis.tickformat": log && decades(ys) === "D2" ? ".1~g" : "",
      "yaxis.dtick": log ? decades(ys) : null,
      "yaxis.range": log ? logRange(ys) : linearRange(ys),
    };
    this.apply(xs, ys, layout, stage.lanes.length);
    const now = metrics[metrics.length - 1];
    const said = stage.lanes.map((/** @type {any} */ lane, /** @type {number} */ i) => t("panels.height-summary", { label: lane.label, height: small(now?.lanes[i].loss) }));
    return { note: log ? t("panels.height-note") : "", summary: `${said.join("; ")}.` };
  }
}

/** @param {any[][]} ys @returns {[number, number]} */
function linearRange(ys) {
  const values = ys.flat().filter((value) => Number.isFinite(value));
  if (!values.length) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = 0.05 * (high - low || Math.abs(high) || 1);
  return [low - room, high + room];
}
