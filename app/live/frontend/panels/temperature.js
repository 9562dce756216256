/**
 * Temperature and acceptance, plan and fact; of a method without a temperature the size of its
 * steps, where it adapts that. Each in a box of its own.
 */

import { logScale, withRoom } from "../charts/axis_scale.js";
import { Chart, dress, predress } from "../charts/chart.js";
import { decimate, evenlySpaced } from "../charts/decimate.js";
import { heatScale } from "../charts/theme.js";
import { sought } from "../data/layouts.js";
import { formatNumber, listed, percent, SHAPES } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";
import { logAxis, timeAxis } from "./loss.js";

const PER_LANE = 5;
const DOTS = 90;
/** Opacity of the paper under the boxes' names, in hexadecimal. */
const SHEER = "b8";
/**
 * Share of the highest temperature, or step size, that still has its own place: schedules go deeper
 * than losses.
 */
const DEEPEST = 1e-15;
/**
 * What stands between two boxes, as a share of the height, and how high each is beside the others.
 */
const [GAP, HEIGHTS] = [0.09, { yaxis: 1.5, yaxis3: 1.5, yaxis2: 1 }];
const AXES = /** @type {const} */ (["yaxis", "yaxis3", "yaxis2"]);
/** Height of a box's name, px; and the range of the shares that are accepted. */
const NAME = 19;
const KEPT = /** @type {[number, number]} */ ([0, 1.04]);
/** The axis of each of a lane's traces. */
const AXIS_OF = /** @type {const} */ (["yaxis", "yaxis", "yaxis2", "yaxis2", "yaxis3"]);

export class TemperaturePanel {
  /** @param {import("./registry.js").Kit} kit */
  constructor({ place, Plotly, figure, theme, colours }) {
    const dressed = predress(figure, theme, ["xaxis", ...AXES], (trace, i) => {
      const colour = colours[Math.floor(i / PER_LANE)];
      if (i % PER_LANE === 1) trace.marker.colorscale = heatScale(colour, theme);
      else trace.line.color = i % PER_LANE ? colour : theme.faint;
    });
    for (const name of dressed.layout.annotations)
      Object.assign(name, {
        bgcolor: theme.surface + SHEER,
        font: { ...name.font, color: theme.faint },
      });
    this.chart = new Chart("temperature", place, Plotly, dressed, { painted: true });
    this.lanes = figure.data.length / PER_LANE;
    this.before = 0;
    this.traces = figure.data.map((/** @type {any} */ _, /** @type {number} */ i) => i);
    this.chart.faint = theme.faint;
    this.scales = { yaxis: logScale([]), yaxis3: logScale([]) };
  }

  /**
   * @param {import("../charts/theme.js").Theme} theme
   * @param {string[]} colours
   */
  dress(theme, colours) {
    this.chart.faint = theme.faint;
    const names = AXES.flatMap((_, i) => [
      [`annotations[${i}].bgcolor`, theme.surface + SHEER],
      [`annotations[${i}].font.color`, theme.faint],
    ]);
    this.chart.relayout({ ...dress(theme, ["xaxis", ...AXES]), ...Object.fromEntries(names) });
    for (let lane = 0; lane < this.lanes; lane++) {
      this.chart.restyle({ "line.color": theme.faint }, [PER_LANE * lane]);
      this.chart.restyle({ "marker.colorscale": [heatScale(colours[lane], theme)] }, [
        PER_LANE * lane + 1,
      ]);
      this.chart.restyle({ "line.color": colours[lane] }, [
        PER_LANE * lane + 2,
        PER_LANE * lane + 3,
        PER_LANE * lane + 4,
      ]);
    }
  }

  /**
   * A lane's value at a moment, in words.
   * @param {any} row
   * @param {import("../data/frame_view.js").FrameView} moment
   * @param {number} lane
   */
  tell(row, { stage }, lane) {
    if (row.temperature !== null)
      return t("temperature.tell", {
        temperature: formatNumber(row.temperature * heatUnit(stage)),
        share: percent(row.acceptance),
      });
    const name = stepSize(stage.lanes[lane], [row]);
    return name ? `${name} ${formatNumber(row.extra[name])}` : "–";
  }

  /**
   * Where a lane is drawn on its axis.
   * @param {any} row
   * @param {import("../data/frame_view.js").FrameView} moment
   * @param {number} lane
   * @returns {number | null}
   */
  spot(row, { stage }, lane) {
    if (row.temperature !== null) return this.scales.yaxis.place(row.temperature * heatUnit(stage));
    return this.scales.yaxis3.place(row.extra?.[stepSize(stage.lanes[lane], [row])]);
  }

  /** The axis that is. @param {any} row */
  axis(row) {
    return row.temperature === null ? "yaxis3" : "yaxis";
  }

  /**
   * The ranges of the boxes, with room above everything drawn for the box's name, and the ticks of
   * a low one.
   * @param {Record<string, any>} stood where they stand
   * @returns {Record<string, any>}
   */
  _room(stood) {
    const ranges = {
      yaxis: this.scales.yaxis.range,
      yaxis3: this.scales.yaxis3.range,
      yaxis2: KEPT,
    };
    const height = Math.max(1, this.chart.element.clientHeight - 40);
    const kept = stood["yaxis2.domain"] ?? [0, 0];
    const marks = (kept[1] - kept[0]) * height < 3 * NAME ? [0, 1] : [0, 0.5, 1];
    const ticks = {
      "yaxis2.tickvals": marks,
      "yaxis2.ticktext": marks.map((share) => (share ? `${100 * share}\u202f%` : "0")),
    };
    const roomy = AXES.filter((axis) => stood[`${axis}.domain`]).map((axis) => {
      const [from, to] = stood[`${axis}.domain`];
      return [
        `${axis}.range`,
        withRoom(ranges[axis], NAME / Math.max(1, (to - from) * height), "above"),
      ];
    });
    return { ...Object.fromEntries(roomy), ...ticks };
  }

  /**
   * @param {import("../data/frame_view.js").FrameView} moment
   * @returns {{title: string, term: string, note: string, noteTerm: string, summary: string,
   *   nothing?: string, idle?: boolean}}
   */
  draw(moment) {
    const { metrics, stage, currency, metric } = moment;
    const unit = heatUnit(stage);
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
      if (unit !== 1) plan.y = plan.y.map((value) => value * unit);
      const fact = hot
        ? evenlySpaced(
            along,
            rows.map((row) => row.temperature * unit),
            DOTS,
          )
        : { x: [], y: [] };
      const accepted = rows.some((row) => row.acceptance !== null)
        ? decimate(
            along,
            rows.map((row) => row.acceptance),
            160,
          )
        : { x: [], y: [] };
      const aimed = rows.some((row) => row.target !== null)
        ? decimate(
            along,
            rows.map((row) => row.target),
            30,
          )
        : { x: [], y: [] };
      const sized = hot ? "" : stepSize(stage.lanes[lane], rows);
      const size = sized
        ? decimate(
            along,
            rows.map((row) => row.extra?.[sized] ?? null),
            160,
          )
        : { x: [], y: [] };
      for (const curve of [plan, fact, accepted, aimed, size]) {
        x.push(curve.x);
        y.push(curve.y);
        heat.push(
          curve === fact
            ? fact.y.map((value) =>
                Math.log10(Math.max(/** @type {number} */ (value), Number.MIN_VALUE)),
              )
            : [],
        );
      }
      if (lane >= stage.lanes.length) continue;
      const label = stage.lanes[lane].label;
      const now = metric?.lanes[lane];
      if (hot && now)
        said.push(
          t("temperature.summary", {
            label,
            temperature: formatNumber(now.temperature * unit),
            share: percent(now.acceptance),
          }),
        );
      else if (sized && now) sizes.push(`${label}: ${sized} ${formatNumber(now.extra?.[sized])}`);
      else cold.push(label);
    }
    const [low, high] = moment.temperatures.map((one) => one * unit);
    // Lanes that are not there have no traces to change, unless they had in the race before.
    const traces = this.traces.slice(0, PER_LANE * Math.max(stage.lanes.length, this.before));
    this.before = stage.lanes.length;
    const of = (/** @type {string} */ axis) => y.filter((_, i) => AXIS_OF[i % PER_LANE] === axis);
    this.scales = {
      yaxis: logScale(of("yaxis"), Infinity, DEEPEST),
      yaxis3: logScale(of("yaxis3"), Infinity, DEEPEST),
    };
    y.forEach((curve, i) => {
      const axis = AXIS_OF[i % PER_LANE];
      if (axis !== "yaxis2") y[i] = curve.map(this.scales[axis].place);
    });
    const stood = layoutBoxes(AXES.filter((axis) => of(axis).some((curve) => curve.length > 0)));
    const coldest = traces.map(() => Math.log10(low));
    const hottest = traces.map(() => Math.log10(high));
    this.chart.update(
      {
        x: x.slice(0, traces.length),
        y: y.slice(0, traces.length),
        "marker.color": heat.slice(0, traces.length),
        "marker.cmin": coldest,
        "marker.cmax": hottest,
      },
      {
        ...timeAxis(moment),
        ...logAxis("yaxis", this.scales.yaxis),
        ...logAxis("yaxis3", this.scales.yaxis3),
        ...stood,
        ...this._room(stood),
      },
      traces,
    );
    const none = t(cold.length === 1 ? "temperature.none" : "temperature.none-each", {
      lanes: listed(cold),
    });
    const all = [...said, ...sizes];
    const has = (/** @type {"plan" | "target"} */ name) =>
      metric?.lanes.some((/** @type {any} */ row) => row[name] !== null);
    const there = AXES.filter((axis) => of(axis).some((curve) => curve.length > 0));
    const own = sought(stage.data.kind) ? "panel-tour-temperature" : "panel-temperature";
    return {
      title: titleOf(there),
      term: there.length === 1 && there[0] === "yaxis3" ? "panel-step-size" : own,
      noteTerm: there.includes("yaxis2") ? "acceptance" : "",
      note: [has("plan") && t("temperature.plan"), has("target") && t("temperature.aim")]
        .filter(Boolean)
        .join(" · "),
      summary: all.length ? `${all.join("; ")}.` : none,
      nothing: all.length
        ? undefined
        : [none, ...optimizerNumbers(stage.lanes, metrics)].join("\n"),
      idle: !all.length,
    };
  }
}

/** What a temperature of 1 is worth: that of tours is a length. @param {any} stage */
export function heatUnit(stage) {
  return sought(stage.data.kind) ? (stage.data.scale ?? 1) : 1;
}

/** What the panel is called by the boxes that are there. @param {readonly string[]} there */
export function titleOf(there) {
  const [hot, sized, kept] = AXES.map((axis) => there.includes(axis));
  return t(
    hot && sized
      ? "temperature.title-both"
      : sized
        ? "temperature.title-step"
        : kept
          ? "temperature.title-kept"
          : "temperature.title",
  );
}

/**
 * The number that tells how large a method's steps are, where it adapts that; "" where it has none.
 * @param {any} lane of the stage
 * @param {any[]} rows
 */
function stepSize(lane, rows) {
  const last = rows.at(-1)?.extra ?? {};
  const named = (lane?.knobs ?? []).map((/** @type {any} */ knob) => knob.metric).filter(Boolean);
  return (
    [...named, "sigma", "step size", "mutation", "bandwidth", "spread", "diameter"].find(
      (name) => last[name] > 0,
    ) ?? ""
  );
}

/**
 * What lanes without a temperature tell of themselves instead, a line each: "● CMA-ES: sigma 0.012
 * · condition 340".
 * @param {any[]} lanes
 * @param {any[]} metrics up to the moment shown
 * @returns {string[]}
 */
export function optimizerNumbers(lanes, metrics) {
  return lanes.flatMap((lane, i) => {
    const row = metrics.at(-1)?.lanes[i];
    const numbers = Object.entries(row?.extra ?? {}).map(
      ([name, value]) => `${name} ${formatNumber(/** @type {number} */ (value))}`,
    );
    return numbers.length ? [`${SHAPES[i]} ${lane.label}: ${numbers.join(" · ")}`] : [];
  });
}

/**
 * Return the planned temperatures at equal shares of the budget; after an intervention, those
 * planned from then on.
 * @param {number[]} plan of the start
 * @param {any[]} rows
 * @returns {number[]}
 */
export function currentPlan(plan, rows) {
  const n = plan.length - 1;
  return rows
    .filter((row) => row.planned)
    .reduce(
      (stored, row) =>
        stored.map((/** @type {number} */ value, /** @type {number} */ i) =>
          i / n >= row.progress ? row.planned[i] : value,
        ),
      plan,
    );
}

/**
 * The scheduled temperature over the whole budget, in the currency drawn.
 * @param {any} lane
 * @param {any} stage
 * @param {string} currency
 * @param {any[]} rows
 */
function planned(lane, stage, currency, rows) {
  if (!lane?.plan) return { x: [], y: [] };
  const last = rows[rows.length - 1];
  // In another currency than the budget's, the budget ends where today's pace leads.
  const end =
    currency === stage.budget.currency
      ? stage.budget.amount
      : last?.progress > 0.01
        ? last[currency] / last.progress
        : null;
  if (end === null) return { x: [], y: [] };
  const n = lane.plan.length - 1;
  return {
    x: lane.plan.map((/** @type {number} */ _, /** @type {number} */ i) => (end * i) / n),
    y: currentPlan(lane.plan, rows),
  };
}

/**
 * Where the boxes that are there stand, one over the other.
 * @param {readonly (keyof typeof HEIGHTS)[]} there from above
 * @returns {Record<string, any>}
 */
export function layoutBoxes(there) {
  /** @type {Record<string, any>} */ const layout = {};
  const all = there.reduce((sum, axis) => sum + HEIGHTS[axis], 0);
  let top = 1;
  for (const axis of AXES) {
    const name = `annotations[${AXES.indexOf(axis)}]`;
    layout[`${axis}.visible`] = layout[`${name}.visible`] = there.includes(axis);
    if (!there.includes(axis)) continue;
    layout[`${name}.y`] = Number(top.toFixed(4));
    const height = ((1 - GAP * (there.length - 1)) * HEIGHTS[axis]) / all;
    layout[`${axis}.domain`] = [
      Math.max(0, Number((top - height).toFixed(4))),
      Number(top.toFixed(4)),
    ];
    top -= height + GAP;
  }
  return layout;
}
