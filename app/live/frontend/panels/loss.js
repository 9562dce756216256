/** Loss or accuracy, train and test, over the chosen currency. */

import { highestShown, logScale } from "../charts/axis_scale.js";
import { FILLS, outline, PARTS, seedCurves } from "../charts/bands.js";
import { Chart, dress, predress } from "../charts/chart.js";
import { decimate, markerTrace, timeAxisEnd } from "../charts/decimate.js";
import { hasAccuracy } from "../charts/lane_cards.js";
import { shortName } from "../charts/line_labels.js";
import { nameParts } from "../data/lane_names.js";
import { statisticsOf } from "../data/seeds.js";
import { currencyName, formatNumber, percent, SHAPES } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";

/** @typedef {import("../data/frame_view.js").FrameView} FrameView */

export class LossPanel {
  /** @param {import("./registry.js").Kit} kit */
  constructor({ place, Plotly, figure, theme, colours, palette }) {
    this.colours = colours;
    /** @type {string[]} */ this.symbols = palette.symbols;
    const last = figure.data.length - 1;
    const dressed = predress(figure, theme, ["xaxis", "yaxis"], (trace, i) => {
      if (i === last) trace.marker.color = colours;
      else trace.line.color = colours[i >> 1];
    });
    this.lanes = (figure.data.length - 1) / 2;
    this.traces = figure.data.map((/** @type {any} */ _, /** @type {number} */ i) => i);
    // After them two bands of each lane, which are painted below; empty in a race of one seed.
    const bands = bandTraces(this.lanes, colours);
    this.bands = bands.map((_, i) => this.traces.length + i);
    this.banded = false;
    dressed.data.push(...bands);
    this.chart = new Chart("loss", place, Plotly, dressed, { painted: true });
    this.before = 0;
    this.chart.faint = theme.faint;
    this.chart.theme = theme;
    /** Where a loss is drawn. */ this.scale = logScale([]);
  }

  /**
   * @param {import("../charts/theme.js").Theme} theme
   * @param {string[]} colours
   */
  dress(theme, colours) {
    this.chart.faint = theme.faint;
    this.chart.theme = theme;
    this.chart.relayout(dress(theme, ["xaxis", "yaxis"]));
    this.colours = colours; // the heads take them at the next draw
    const lines = colours.flatMap((colour) => [colour, colour]);
    this.chart.restyle({ "line.color": lines }, this.traces.slice(0, -1));
    const fills = this.bands.map((_, i) => colours[Math.floor(i / PARTS.length)]);
    this.chart.restyle({ fillcolor: fills }, this.bands);
  }

  /**
   * Give the traces new points: two traces a lane, then the heads.
   * @param {any[]} xs
   * @param {any[]} ys
   * @param {any} layout
   * @param {number} count of lanes
   * @param {string[]} names what stands at the lines' ends
   */
  apply(xs, ys, layout, count, names = []) {
    // Lanes that are not there have no traces to change, unless they had in the race before.
    const lastTrace = this.traces.length - 1;
    const lanes = Math.max(count, this.before);
    this.before = count;
    const changed = this.traces.filter(
      (/** @type {number} */ i) => i < 2 * lanes || i === lastTrace,
    );
    const lines = Array.from({ length: count }, (_, lane) => ({
      x: xs[2 * lane],
      y: ys[2 * lane],
    }));
    const heads = markerTrace(
      { x: xs[lastTrace].slice(0, count), y: ys[lastTrace].slice(0, count) },
      lines,
      layout["xaxis.range"][1],
      this.colours,
      this.symbols,
    );
    this.chart.labels = names.map((text, lane) => ({
      x: xs[lastTrace][lane],
      y: ys[lastTrace][lane],
      text,
      colour: this.colours[lane],
    }));
    /** @type {Record<string, any[]>} */
    const data = {
      x: changed.map((/** @type {number} */ i) => xs[i]),
      y: changed.map((/** @type {number} */ i) => ys[i]),
    };
    // Of the lines themselves the markers' looks are left as they are: what is undefined changes
    // nothing.
    for (const [key, values] of Object.entries(heads))
      (data[key] ??= changed.map(() => undefined))[changed.length - 1] = values;
    this.chart.update(data, layout, changed);
  }

  /**
   * Draw the bands of several seeds, or none.
   * @param {(ReturnType<typeof seedCurves> | null)[]} curves by lane
   * @param {(value: number | null) => number | null} place
   * @param {number} beyond where an infinite edge is drawn
   */
  _drawBands(curves, place, beyond) {
    const there = curves.some(Boolean);
    if (!there && !this.banded) return;
    this.banded = there;
    const parts = curves.flatMap((curve) =>
      PARTS.map((part) =>
        curve ? outline(curve.x, curve[part], place, beyond) : { x: [], y: [] },
      ),
    );
    this.chart.restyle(
      { x: parts.map((part) => part.x), y: parts.map((part) => part.y) },
      this.bands,
    );
  }

  /**
   * The rows that are marked at a moment pointed at: of several seeds the medians.
   * @param {number} index
   * @param {FrameView} moment
   */
  rowsAt(index, { seeds, metrics }) {
    return statisticsOf(seeds?.told[index])?.lanes ?? metrics[index]?.lanes ?? null;
  }

  /**
   * A lane's value at a moment, in words.
   * @param {any} row
   * @param {FrameView} moment
   */
  tell(row, { measure }) {
    const show = measure === "loss" ? formatNumber : percent;
    if (!row.band) return show(row[measure]);
    const [low, high] = row.band[measure].quartiles;
    return t("panels.loss-quartiles", {
      median: show(row[measure]),
      low: show(low),
      high: show(high),
    });
  }

  /**
   * Where a lane is drawn on the y axis.
   * @param {any} row
   * @param {FrameView} moment
   * @returns {number | null}
   */
  spot(row, { measure }) {
    return measure === "loss" ? this.scale.place(row.loss) : row.accuracy;
  }

  /**
   * @param {FrameView} moment
   * @returns {{title?: string, term?: string, note: string, summary: string}}
   */
  draw(moment) {
    const { metrics, stage, currency, measure, seeds } = moment;
    const [train, test] =
      measure === "loss" ? ["loss", "test_loss"] : ["accuracy", "test_accuracy"];
    /** @type {any[]} */ const xs = [];
    /** @type {any[]} */ const ys = [];
    /** @type {any[]} */ const heads = [[], []];
    const curves = Array.from({ length: this.lanes }, (_, lane) =>
      seeds && lane < stage.lanes.length
        ? seedCurves(seeds.told, lane, currency, measure, this.chart.points)
        : null,
    );
    for (let lane = 0; lane < this.lanes; lane++) {
      const there = lane < stage.lanes.length;
      const several = curves[lane];
      if (several) {
        xs.push(several.x, several.x);
        ys.push(several.median, several.test);
        heads[0].push(several.x.at(-1) ?? null);
        heads[1].push(several.median.at(-1) ?? null);
        continue;
      }
      const own = there ? metrics.map((m) => m.lanes[lane]) : [];
      for (const key of [train, test]) {
        const curve = decimate(...fromZero(own, currency, key), this.chart.points);
        xs.push(curve.x);
        ys.push(curve.y);
      }
      const last = there && metrics.length ? metrics[metrics.length - 1].lanes[lane] : null;
      heads[0].push(last ? last[currency] : null);
      heads[1].push(last ? last[train] : null);
    }
    xs.push(heads[0]);
    ys.push(heads[1]);
    /** @type {any} */
    const layout = timeAxis(moment);
    const edges = curves.flatMap((curve) => (curve ? [curve.range.flat()] : []));
    if (measure === "loss") {
      this.scale = logScale([...edges, ...ys], highestShown(ys.slice(0, -1)));
      Object.assign(layout, logAxis("yaxis", this.scale));
    } else
      Object.assign(
        layout,
        shareAxis("yaxis", [Math.max(0, Math.min(0.95, lowest([...edges, ...ys])) - 0.03), 1.01]),
      );
    const place = measure === "loss" ? this.scale.place : asItIs;
    const beyond = measure === "loss" ? 10 ** (layout["yaxis.range"][1] + 1) : 1;
    this._drawBands(curves, place, beyond);
    const now = statisticsOf(seeds?.told.at(-1)) ?? metrics[metrics.length - 1];
    const shown = measure === "loss" ? formatNumber : percent;
    this.apply(
      xs,
      measure === "loss" ? ys.map((y) => y.map(this.scale.place)) : ys,
      layout,
      stage.lanes.length,
      endLabels(stage, (lane) => shown(now?.lanes[lane]?.[train])),
    );
    const summary = stage.lanes.map((/** @type {any} */ lane, /** @type {number} */ i) => {
      const row = now?.lanes[i];
      if (!row) return lane.label;
      const told = {
        label: lane.label,
        loss: formatNumber(row.loss),
        accuracy: percent(row.test_accuracy),
        test: formatNumber(row.test_loss),
      };
      return t(
        hasAccuracy(stage) ? "panels.loss-summary-accuracy" : "panels.loss-summary-test",
        told,
      );
    });
    const told = `${summary.join("; ")}.`;
    const title = t(measure === "loss" ? "live.panel-loss" : "live.panel-accuracy");
    const about = { title, term: `panel-${measure}` };
    if (!seeds) return { ...about, note: t("panels.loss-note"), summary: told };
    const { count } = seeds;
    return {
      ...about,
      note: t("panels.loss-note-seeds", { count }),
      summary: `${t("panels.loss-summary-seeds", { count })} ${told}`,
    };
  }
}

/**
 * What stands at the end of each lane's line: its shape, its name and where it is.
 * @param {any} stage
 * @param {(lane: number) => string} value
 */
export function endLabels(stage, value) {
  return stage.lanes.map(
    (/** @type {any} */ lane, /** @type {number} */ i) =>
      `${SHAPES[i]} ${shortName(nameParts(lane).apart || lane.label)} ${value(i)}`,
  );
}

/**
 * A lane's curve over what it spent. What a method spends before its first step, to measure a
 * temperature for instance, is drawn too: its loss stays what it is until there.
 * @param {any[]} rows of the lane
 * @param {string} currency
 * @param {string} key of the number that is drawn
 * @param {(value: any) => any} [place]
 * @returns {[number[], any[]]}
 */
export function fromZero(rows, currency, key, place = (value) => value) {
  const x = rows.map((row) => row[currency]);
  const y = rows.map((row) => place(row[key]));
  if (rows[0]?.step !== 0 || !(x[0] > 0)) return [x, y];
  return [
    [0, ...x],
    [y[0], ...y],
  ];
}

/** @param {number | null} value */
const asItIs = (value) => value;

/**
 * The traces of all lanes' bands, empty.
 * @param {number} lanes
 * @param {string[]} colours
 */
function bandTraces(lanes, colours) {
  return Array.from({ length: lanes }).flatMap((_, lane) =>
    PARTS.map((part) => ({
      type: "scatter",
      mode: "none",
      fill: "toself",
      fillcolor: colours[lane],
      opacity: FILLS[part],
      zorder: -1,
      hoverinfo: "skip",
      showlegend: false,
      x: [],
      y: [],
    })),
  );
}

/**
 * The time axis: up to the budget when it is drawn in the budget's own currency.
 * @param {FrameView} moment
 * @returns {[number, number]}
 */
function xRange({ metrics, stage, currency, seeds }) {
  const last = statisticsOf(seeds?.told.at(-1)) ?? metrics[metrics.length - 1];
  if (!last) return [0, 1];
  const spent = Math.max(...last.lanes.map((/** @type {any} */ lane) => lane[currency] ?? 0));
  if (currency !== stage.budget.currency) return [0, spent * 1.04 || 1];
  const progress = Math.max(...last.lanes.map((/** @type {any} */ lane) => lane.progress ?? 0));
  return [0, Math.max(timeAxisEnd(stage.budget.amount, progress), spent) * 1.03];
}

/**
 * A logarithmic axis as a chart takes it.
 * @param {string} axis
 * @param {import("../charts/axis_scale.js").Scale} scale
 * @returns {Record<string, any>}
 */
export function logAxis(axis, { range, floor }) {
  return {
    [`${axis}.type`]: "log",
    [`${axis}.range`]: range,
    [`${axis}.tickformat`]: "",
    [`${axis}.scale`]: { log: true, floor },
  };
}

/**
 * A linear one.
 * @param {string} axis
 * @param {[number, number]} range
 * @returns {Record<string, any>}
 */
export function linearAxis(axis, range) {
  return {
    [`${axis}.type`]: "linear",
    [`${axis}.range`]: range,
    [`${axis}.tickformat`]: "",
    [`${axis}.scale`]: { log: false, floor: null },
  };
}

/**
 * An axis of shares, 0 to 1, written as percentages.
 * @param {string} axis
 * @param {[number, number]} range
 * @returns {Record<string, any>}
 */
export function shareAxis(axis, range) {
  return {
    ...linearAxis(axis, range),
    [`${axis}.scale`]: { log: false, floor: null, kind: "share" },
  };
}

/**
 * The time axis with its name and its ticks.
 * @param {FrameView} moment
 * @returns {Record<string, any>} with `xaxis.range` among them
 */
export function timeAxis(moment) {
  return {
    "xaxis.title.text": currencyName(moment.currency),
    ...currencyAxis(moment.currency, xRange(moment)),
  };
}

/**
 * An axis of seconds, evaluations or FLOPs.
 * @param {"seconds" | "evaluations" | "flops"} currency
 * @param {[number, number]} range
 * @returns {Record<string, any>}
 */
export function currencyAxis(currency, range) {
  return {
    ...linearAxis("xaxis", range),
    "xaxis.scale": { log: false, floor: null, kind: currency === "seconds" ? "measure" : "count" },
  };
}

/** @param {any[][]} ys */
function lowest(ys) {
  let low = 1;
  for (const y of ys) for (const value of y) if (value !== null && value < low) low = value;
  return low;
}
