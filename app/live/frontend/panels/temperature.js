/** Temperature and acceptance, plan and fact; of a method without a temperature the size of its steps, where it adapts that. */

import { Chart, dress, predress } from "../charts.js";
import { spaced, thin } from "../curves.js";
import { currencyName, listed, percent, SHAPES, small } from "../format.js";
import { t } from "../text.js";
import { tenths, xRange } from "./loss.js";

const PER_LANE = 5;
const DOTS = 90;

export class TemperaturePanel {
  /** @param {import("../panels.js").Kit} kit */
  constructor({ place, Plotly, figure, theme, colours }) {
    const dressed = predress(figure, theme, ["xaxis", "yaxis", "yaxis2"], (trace, i) => {
      if (i % PER_LANE !== 1) trace.line.color = i % PER_LANE ? colours[Math.floor(i / PER_LANE)] : theme.faint;
    });
    this.chart = new Chart("temperature", place, Plotly, dressed);
    this.lanes = figure.data.length / PER_LANE;
    this.before = 0;
    this.traces = figure.data.map((/** @type {any} */ _, /** @type {number} */ i) => i);
  }

  /** @param {import("../theme.js").Theme} theme @param {string[]} colours */
  dress(theme, colours) {
    this.chart.relayout(dress(theme, ["xaxis", "yaxis", "yaxis2"]));
    for (let lane = 0; lane < this.lanes; lane++) {
      this.chart.Plotly.restyle(this.chart.element, { "line.color": theme.faint }, [PER_LANE * lane]);
      this.chart.Plotly.restyle(this.chart.element, { "line.color": colours[lane] }, [PER_LANE * lane + 2, PER_LANE * lane + 3, PER_LANE * lane + 4]);
    }
  }

  /** A lane's value at a moment, in words. @param {any} row @param {import("../view.js").Moment} moment @param {number} lane */
  tell(row, { stage }, lane) {
    if (row.temperature !== null) return t("temperature.tell", { temperature: small(row.temperature), share: percent(row.acceptance) });
    const name = stepSize(stage.lanes[lane], [row]);
    return name ? `${name} ${small(row.extra[name])}` : "–";
  }

  /** Where a lane is drawn on the left axis. @param {any} row @param {import("../view.js").Moment} moment @param {number} lane @returns {number | null} */
  spot(row, { stage }, lane) {
    return row.temperature ?? row.extra?.[stepSize(stage.lanes[lane], [row])] ?? null;
  }

  /** @param {import("../view.js").Moment} moment @returns {{note: string, summary: string, nothing?: string}} */
  draw(moment) {
    const { metrics, stage, currency, metric } = moment;
    /** @type {any[]} */ const x = [];
    /** @type {any[]} */ const y = [];
    /** @type {any[]} */ const heat = [];
    const said = [];
    const cold = [];
    const sizes = [];
    for (let lane = 0; lane < this.lanes; lane++) {
      const rows = lane < stage.lanes.length ? metrics.map((m) => m.lanes[lane]) : [];
      const along = rows.map((row) => row[currency]);
      const hot = rows.some((row) => row.temperature !== null);
      const plan = planned(stage.lanes[lane], stage, currency, rows);
      const fact = hot ? spaced(along, rows.map((row) => row.temperature), DOTS) : { x: [], y: [] };
      const accepted = rows.some((row) => row.acceptance !== null) ? thin(along, rows.map((row) => row.acceptance), 160) : { x: [], y: [] };
      const aimed = rows.some((row) => row.target !== null) ? thin(along, rows.map((row) => row.target), 30) : { x: [], y: [] };
      const sized = hot ? "" : stepSize(stage.lanes[lane], rows);
      const size = sized ? thin(along, rows.map((row) => row.extra?.[sized] ?? null), 160) : { x: [], y: [] };
      for (const curve of [plan, fact, accepted, aimed, size]) {
        x.push(curve.x);
        y.push(curve.y);
        heat.push(curve === fact ? fact.y.map((value) => Math.log10(/** @type {number} */ (value))) : []);
      }
      if (lane >= stage.lanes.length) continue;
      const label = stage.lanes[lane].label;
      const now = metric?.lanes[lane];
      if (hot && now) said.push(t("temperature.summary", { label, temperature: small(now.temperature), share: percent(now.acceptance) }));
      else if (sized && now) sizes.push(`${label}: ${sized} ${small(now.extra?.[sized])}`);
      else cold.push(label);
    }
    const [low, high] = moment.temperatures;
    const span = range(y);
    const wide = span[1] - span[0] > 2.2;
    // Lanes that are not there have no traces to change, unless they had in the race before.
    const traces = this.traces.slice(0, PER_LANE * Math.max(stage.lanes.length, this.before));
    this.before = stage.lanes.length;
    const coldest = traces.map(() => Math.log10(low));
    const hottest = traces.map(() => Math.log10(high));
    this.chart.update(
      { x: x.slice(0, traces.length), y: y.slice(0, traces.length), "marker.color": heat.slice(0, traces.length), "marker.cmin": coldest, "marker.cmax": hottest },
      { "yaxis2.visible": y.some((curve, i) => i % PER_LANE === 2 && curve.length > 0), "yaxis.title.text": [said.length ? t("temperature.temperature") : "", sizes.length ? t("temperature.step") : ""].filter(Boolean).join(" · "), "xaxis.title.text": currencyName(currency), "xaxis.range": xRange(moment), "yaxis.range": span, "yaxis.dtick": wide ? Math.ceil((span[1] - span[0]) / 6) : "D2", "yaxis.tickformat": wide ? "" : ".1~g" },
      traces,
    );
    const aim = metric?.lanes.some((/** @type {any} */ row) => row.target !== null);
    const none = t(cold.length === 1 ? "temperature.none" : "temperature.none-each", { lanes: listed(cold) });
    const all = [...said, ...sizes];
    return {
      note: [said.length && t("temperature.plan"), metric?.lanes.some((/** @type {any} */ row) => row.acceptance !== null) && t("temperature.acceptance"), aim && t("temperature.aim"), sizes.length && t("temperature.size")].filter(Boolean).join(" · "),
      summary: all.length ? `${all.join("; ")}.` : none,
      nothing: all.length ? undefined : [none, ...told(stage.lanes, metrics)].join("\n"),
    };
  }
}

/** The number that tells how large a method's steps are, where it adapts that; "" where it has none. @param {any} lane of the stage @param {any[]} rows */
function stepSize(lane, rows) {
  const last = rows.at(-1)?.extra ?? {};
  const named = (lane?.knobs ?? []).map((/** @type {any} */ knob) => knob.metric).filter(Boolean);
  return [...named, "sigma", "step size", "mutation", "bandwidth", "spread", "diameter"].find((name) => last[name] > 0) ?? "";
}

/**
 * What lanes without a temperature tell of themselves instead, a line each: "● CMA-ES: sigma 0.012 · condition 340".
 * @param {any[]} lanes @param {any[]} metrics up to the moment shown @returns {string[]}
 */
export function told(lanes, metrics) {
  return lanes.flatMap((lane, i) => {
    const row = metrics.at(-1)?.lanes[i];
    const numbers = Object.entries(row?.extra ?? {}).map(([name, value]) => `${name} ${small(/** @type {number} */ (value))}`);
    return numbers.length ? [`${SHAPES[i]} ${lane.label}: ${numbers.join(" · ")}`] : [];
  });
}

/** The scheduled temperature over the whole budget, in the currency drawn. @param {any} lane @param {any} stage @param {string} currency @param {any[]} rows */
function planned(lane, stage, currency, rows) {
  if (!lane?.plan) return { x: [], y: [] };
  const last = rows[rows.length - 1];
  // In another currency than the budget's, the budget ends where today's pace leads.
  const end = currency === stage.budget.currency ? stage.budget.amount : last?.progress > 0.01 ? last[currency] / last.progress : null;
  if (end === null) return { x: [], y: [] };
  const n = lane.plan.length - 1;
  return { x: lane.plan.map((/** @type {number} */ _, /** @type {number} */ i) => (end * i) / n), y: lane.plan };
}

/** A range that holds plan and fact. @param {any[]} y @returns {[number, number]} */
function range(y) {
  let low = Infinity;
  let high = 0;
  for (let i = 0; i < y.length; i++)
    if (i % PER_LANE < 2 || i % PER_LANE === 4)
      for (const value of y[i])
        if (value > 0) {
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
  if (!(low <= high)) return [-4, 0];
  return tenths(Math.log10(low) - 0.15, Math.log10(high) + 0.15);
}
