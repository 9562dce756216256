/** How far every lane's best answer is from the best that is known, over the chosen currency. */

import { decimate } from "../../charts/decimate.js";
import { gapsOf } from "../../data/gaps.js";
import { t } from "../../i18n/i18n.js";
import { FLOOR, formatGap, lengthWithUnit } from "../../i18n/length.js";
import { endLabels, logAxis, LossPanel, timeAxis } from "../loss.js";

/** @typedef {import("../../data/frame_view.js").FrameView} FrameView */

/** How many times its lowest value an axis reaches up to at least. */
const LEAST_SPAN = 3;

/**
 * A logarithmic scale for gaps, whose floor is one part in a hundred thousand: what is on it is as
 * good as the best that is known.
 * @param {(number | null | undefined)[][]} curves
 * @param {string} text of the floor's tick
 * @returns {import("../../charts/axis_scale.js").Scale}
 */
export function gapScale(curves, text) {
  let [low, high] = [Infinity, 0];
  for (const curve of curves)
    for (const value of curve)
      if (value !== null && value !== undefined && Number.isFinite(value)) {
        low = Math.min(low, Math.max(FLOOR, value));
        high = Math.max(high, value);
      }
  if (low > high) [low, high] = [1e-3, 1e-1];
  if (high < LEAST_SPAN * low) {
    const middle = Math.sqrt(Math.max(low, high) * low);
    const floored = low <= FLOOR;
    low = floored ? low : middle / Math.sqrt(LEAST_SPAN);
    high = floored ? LEAST_SPAN * low : middle * Math.sqrt(LEAST_SPAN);
  }
  const floor = low <= FLOOR ? { at: FLOOR, text } : null;
  const [from, to] = [Math.log10(low), Math.log10(high)];
  const room = 0.06 * (to - from);
  return {
    range: [Math.floor(10 * (from - room)) / 10, Math.ceil(10 * (to + room)) / 10],
    floor,
    place: (value) =>
      value === null || value === undefined || Number.isNaN(value) ? null : Math.max(FLOOR, value),
  };
}

/**
 * An axis of gaps, in per cent.
 * @param {string} axis
 * @param {import("../../charts/axis_scale.js").Scale} scale
 */
export function gapAxis(axis, scale) {
  return {
    ...logAxis(axis, scale),
    [`${axis}.scale`]: { log: true, floor: scale.floor, kind: "share" },
  };
}

/**
 * What gaps are measured from, in words.
 * @param {any} metric
 * @param {any} stage
 */
export function referenceText(metric, stage) {
  const { reference } = metric ?? {};
  if (!reference) return "";
  return t(`routes.above-${String(reference.kind).replaceAll(" ", "-")}`, {
    length: lengthWithUnit(reference.value, stage.data),
  });
}

export class GapPanel extends LossPanel {
  /**
   * A lane's value at a moment, in words.
   * @param {any} row
   * @param {FrameView} moment
   */
  tell(row, { stage }) {
    return [lengthWithUnit(row.loss, stage.data), row.gap === null ? "" : formatGap(row.gap)]
      .filter(Boolean)
      .join(" · ");
  }

  /**
   * Where a lane is drawn on the y axis.
   * @param {any} row
   * @returns {number | null}
   */
  spot(row) {
    const best = this.reference;
    const gap =
      best > 0 && row.loss !== null && row.loss >= best ? (row.loss - best) / best : row.gap;
    return this.scale.place(gap);
  }

  /**
   * @param {FrameView} moment
   * @returns {{note: string, summary: string, nothing?: string}}
   */
  draw(moment) {
    const { metrics, stage, metric, currency } = moment;
    this.reference = metric.reference?.value ?? 0;
    /** @type {any[]} */ const xs = [];
    /** @type {any[]} */ const ys = [];
    /** @type {any[]} */ const heads = [[], []];
    for (let lane = 0; lane < this.lanes; lane++) {
      const there = lane < stage.lanes.length;
      const gaps = there ? gapsOf(moment, lane) : [];
      const curve = decimate(
        there ? metrics.map((one) => one.lanes[lane][currency]) : [],
        gaps,
        this.chart.points,
      );
      xs.push(curve.x, []);
      ys.push(curve.y, []);
      heads[0].push(there ? (metric.lanes[lane][currency] ?? null) : null);
      heads[1].push(there ? (gaps.at(-1) ?? null) : null);
    }
    xs.push(heads[0]);
    ys.push(heads[1]);
    const kind = metric.reference?.kind;
    this.scale = gapScale(ys, t(kind === "optimum" ? "routes.tick-optimum" : "routes.tick-zero"));
    this.apply(
      xs,
      ys.map((y) => y.map(this.scale.place)),
      { ...timeAxis(moment), ...gapAxis("yaxis", this.scale) },
      stage.lanes.length,
      endLabels(stage, (lane) => formatGap(heads[1][lane])),
    );
    const said = stage.lanes.map(
      (/** @type {any} */ { label }, /** @type {number} */ i) =>
        `${label}: ${formatGap(heads[1][i])}`,
    );
    const above = referenceText(metric, stage);
    const bound = Math.max(metric.bound ?? 0, stage.data.bound ?? 0);
    const under =
      bound > 0 &&
      kind !== "optimum" &&
      metric.reference &&
      !moment.events.some(({ kind: one }) => one === "cities")
        ? t("routes.bound", { gap: formatGap((metric.reference.value - bound) / bound) })
        : "";
    return {
      note: [above, under].filter(Boolean).join(" · "),
      summary: `${said.join("; ")}, ${above}.`,
      nothing: metric.reference ? undefined : t("routes.gap-nothing"),
    };
  }
}
