/** How far the steps taken agree with −∇L: their cosine, step by step and as a running median. */

import { withRoom } from "../charts/axis_scale.js";
import { Chart, dress, predress } from "../charts/chart.js";
import { decimate, evenlySpaced, markerTrace } from "../charts/decimate.js";
import { cosine, formatShort } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";
import { timeAxis } from "./loss.js";

/** Frames over which the median runs. */
const WINDOW = 15;
/** Moments over which the summary takes its means. */
const RECENT = 50;
const DOTS = 90;
/** Room a tick wants, px. */
const TICK = 20;
const BAND = 0.16;
/** Height of the strip under the lines in which it is said what zero means, px. */
const STRIP = 21;
/** Opacity of the paper under the hint, in hexadecimal: lines under it stay visible. */
const SHEER = "b8";

/**
 * The multiples of a step within a range.
 * @param {number} step
 * @param {number} from
 * @param {number} to
 */
export function multiples(step, from, to) {
  const first = Math.ceil(from / step - 1e-9);
  const count = Math.floor(to / step + 1e-9) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, i) => (first + i) * step);
}

export class AgreementPanel {
  /** @param {import("./registry.js").Kit} kit */
  constructor({ place, Plotly, figure, theme, colours, palette }) {
    this.colours = colours;
    /** @type {string[]} */ this.symbols = palette.symbols;
    this.lanes = (figure.data.length - 1) / 2;
    const dressed = predress(figure, theme, ["xaxis", "yaxis"], (trace, i) => {
      if (i === 2 * this.lanes) trace.marker.color = colours;
      else if (i % 2) trace.line.color = colours[i >> 1];
      else trace.marker.color = colours[i >> 1];
    });
    Object.assign(dressed.layout.yaxis, { zerolinecolor: theme.faint });
    Object.assign(dressed.layout.annotations[0], {
      bgcolor: theme.surface + SHEER,
      font: { ...dressed.layout.annotations[0].font, color: theme.faint },
    });
    Object.assign(dressed.layout.shapes[0], { fillcolor: theme.faint, opacity: BAND });
    this.chart = new Chart("agreement", place, Plotly, dressed, { painted: true });
    this.before = 0;
    /** @type {(number | null)[][]} running medians by lane, as far as they are known */
    this.medians = [];
    this.run = -1;
    /** @type {any} */ this.first = null;
  }

  /**
   * @param {import("../charts/theme.js").Theme} theme
   * @param {string[]} colours
   */
  dress(theme, colours) {
    this.chart.relayout({
      ...dress(theme, ["xaxis", "yaxis"]),
      "yaxis.zerolinecolor": theme.faint,
      "annotations[0].font.color": theme.faint,
      "annotations[0].bgcolor": theme.surface + SHEER,
      "shapes[0].fillcolor": theme.faint,
    });
    const all = Array.from({ length: this.lanes }, (_, lane) => lane);
    this.chart.restyle(
      { "marker.color": colours.slice(0, this.lanes) },
      all.map((lane) => 2 * lane),
    );
    this.chart.restyle(
      { "line.color": colours.slice(0, this.lanes) },
      all.map((lane) => 2 * lane + 1),
    );
    this.colours = colours; // the heads take them at the next draw
  }

  /** A lane's value at a moment, in words. @param {any} row */
  tell(row) {
    return cosine(row.agreement);
  }

  /**
   * Where a lane is drawn on the y axis.
   * @param {any} row
   * @returns {number | null}
   */
  spot(row) {
    return row.agreement ?? null;
  }

  /**
   * @param {import("../data/frame_view.js").FrameView} moment
   * @returns {{note: string, summary: string, nothing?: string, idle?: boolean}}
   */
  draw(moment) {
    const { metrics, stage, currency } = moment;
    if (this.first !== metrics[0] || this.run !== moment.run) this.reset();
    this.first = metrics[0];
    this.run = moment.run;
    const count = Math.min(stage.lanes.length, this.lanes);
    const there = Math.max(count, this.before);
    this.before = count;
    /** @type {any[]} */ const xs = [];
    /** @type {any[]} */ const ys = [];
    /** @type {any[]} */ const heads = [[], []];
    let [low, high] = [0, 0];
    let told = false;
    for (let lane = 0; lane < there; lane++) {
      const rows = lane < count ? metrics.map((m) => m.lanes[lane]) : [];
      const x = rows.map((row) => row[currency]);
      const values = rows.map((row) => row.agreement ?? null);
      const medians = (this.medians[lane] = runningMedian(values, this.medians[lane] ?? []));
      const moved = values.flatMap((value, i) => (value === null ? [] : [i]));
      told ||= moved.length > 0;
      for (const i of moved) {
        low = Math.min(low, /** @type {number} */ (values[i]));
        high = Math.max(high, /** @type {number} */ (values[i]));
      }
      const dots = evenlySpaced(
        moved.map((i) => x[i]),
        moved.map((i) => values[i]),
        DOTS,
      );
      const line = decimate(x, medians.slice(0, rows.length), 300);
      xs.push(dots.x, line.x);
      ys.push(dots.y, line.y);
      const last = rows.length ? medians[rows.length - 1] : null;
      heads[0].push(last === null ? null : x[rows.length - 1]);
      heads[1].push(last);
    }
    if (!told)
      return {
        note: "",
        summary: t("panels.agreement-nothing"),
        nothing: t(
          metrics.some((m) => m.lanes.some((/** @type {any} */ row) => "agreement" in row)) &&
            metrics.length < 2 * WINDOW
            ? "panels.agreement-wait"
            : "panels.agreement-nothing",
        ),
        idle: metrics.length >= 2 * WINDOW,
      };
    const chance = 1 / Math.sqrt(Math.max(1, stage.dimension));
    const said = { dimension: formatShort(stage.dimension), spread: chance.toPrecision(2) };
    /** @type {Record<string, any>} */
    const layout = { ...timeAxis(moment), "yaxis.range": cosineRange(low, high) };
    const [bottom, top] = layout["yaxis.range"];
    // The words stand in a strip of their own under everything drawn.
    layout["yaxis.range"] = withRoom(
      layout["yaxis.range"],
      STRIP / Math.max(1, this.chart.element.clientHeight - 40),
      "below",
    );
    const step = ((top - bottom) / 0.2) * TICK > this.chart.element.clientHeight - 40 ? 0.5 : 0.2;
    // None beside the words.
    layout["yaxis.tickvals"] = multiples(step, bottom, top);
    Object.assign(layout, {
      "shapes[0].y0": -chance,
      "shapes[0].y1": chance,
      "annotations[0].text": t("panels.agreement-hint"),
      "annotations[0].hovertext": t("panels.agreement-band", said),
    });
    const traces = [...Array(2 * there).keys(), 2 * this.lanes];
    const lines = Array.from({ length: count }, (_, lane) => ({
      x: xs[2 * lane + 1],
      y: ys[2 * lane + 1],
    }));
    const ends = markerTrace(
      { x: heads[0].slice(0, count), y: heads[1].slice(0, count) },
      lines,
      layout["xaxis.range"][1],
      this.colours,
      this.symbols,
    );
    /** @type {Record<string, any[]>} */ const data = { x: xs, y: ys };
    const place = traces.length - 1;
    for (const [key, values] of Object.entries(ends))
      (data[key] ??= Array(place).fill(undefined))[place] = values;
    this.chart.update(data, layout, traces);
    return { note: t("panels.agreement-note"), summary: this._summary(moment, said) };
  }

  /**
   * @param {import("../data/frame_view.js").FrameView} moment
   * @param {{dimension: string, spread: string}} said
   */
  _summary({ metrics, stage }, said) {
    const recent = metrics.slice(-RECENT);
    const lanes = stage.lanes.map((/** @type {any} */ { label }, /** @type {number} */ lane) => {
      const values = recent
        .map((m) => m.lanes[lane].agreement ?? null)
        .filter((value) => value !== null);
      if (!values.length) return t("panels.agreement-still", { label });
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      return t("panels.agreement-lane", { label, mean: cosine(mean) });
    });
    return t("panels.agreement-summary", {
      count: recent.length,
      lanes: lanes.join(", "),
      ...said,
    });
  }

  reset() {
    this.medians = [];
    this.run = -1;
    this.first = null;
  }
}

/**
 * The running median over the last frames in which the estimate moved; null where it stood still in
 * all of them. What was told before stays.
 * @param {(number | null)[]} values
 * @param {(number | null)[]} known medians of the first values, taken up and added to
 * @param {number} window
 * @returns {(number | null)[]}
 */
export function runningMedian(values, known = [], window = WINDOW) {
  for (let i = known.length; i < values.length; i++) {
    const near = values
      .slice(Math.max(0, i - window + 1), i + 1)
      .filter((value) => value !== null && value !== undefined);
    const sorted = /** @type {number[]} */ (near).sort((a, b) => a - b);
    const half = sorted.length >> 1;
    known.push(
      sorted.length
        ? sorted.length % 2
          ? sorted[half]
          : (sorted[half - 1] + sorted[half]) / 2
        : null,
    );
  }
  return known;
}

/**
 * A range of cosines that holds what there is, in steps so that it seldom changes.
 * @param {number} low
 * @param {number} high
 * @returns {[number, number]}
 */
export function cosineRange(low, high) {
  const top = [0.4, 0.6, 0.8].find((end) => high < end - 0.04) ?? 1.04;
  const bottom = [-0.2, -0.4, -0.6, -0.8].find((end) => low > end) ?? -1;
  return [bottom - 0.05, top]; // a tick in the corner would stand on that of the other axis
}
