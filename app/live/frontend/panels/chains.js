/**
 * A population in numbers: its networks by their loss, the rungs of a ladder of temperatures, how
 * often moves are kept, and how far the networks lie apart.
 */

import { logScale } from "../charts/axis_scale.js";
import { Chart, dress, predress } from "../charts/chart.js";
import { decimate } from "../charts/decimate.js";
import { binScale, histogram } from "../charts/histogram.js";
import { formatNumber, formatPlain, formatShort, listed, percent, SHAPES } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";
import { linearAxis, logAxis, shareAxis, timeAxis } from "./loss.js";

const PER_LANE = 3;
const CLEAR = "33";
const ROOMY = 440;
/** From how many times the smallest to the largest spread its axis is logarithmic. */
const STEEP = 5;
/**
 * How far beyond the population, in its own widths, an estimate may lie and is still drawn; what
 * lies farther is told at the edge.
 */
const AIR = 0.6;

/** @typedef {"energy" | "rungs" | "kept" | "spread"} View */

const VIEWS = /** @type {View[]} */ (["energy", "rungs", "kept", "spread"]);
/** What a trace shows where it is not used. */
const EMPTY = { x: [], y: [] };

export class ChainsPanel {
  /** @param {import("./registry.js").Kit} kit */
  constructor({ place, tools, Plotly, figure, theme, colours, api }) {
    this.tools = tools;
    this.api = api;
    this.lanes = (figure.data.length - 1) / PER_LANE;
    const dressed = predress(figure, theme, ["xaxis", "yaxis"], (trace, i) => {
      if (i === PER_LANE * this.lanes)
        Object.assign(trace.marker, {
          color: colours,
          line: { ...trace.marker.line, color: theme.surface },
        });
      else paint(trace, colours[Math.floor(i / PER_LANE)]);
    });
    for (const edge of dressed.layout.annotations) edge.font.color = theme.faint;
    this.chart = new Chart("chains", place, Plotly, dressed);
    /** @type {View} */ this.wanted = "energy";
    /** @type {View} */ this.view = "energy";
    this.offered = "";
    this.before = 0;
    this.log = false;
  }

  /**
   * @param {import("../charts/theme.js").Theme} theme
   * @param {string[]} colours
   */
  dress(theme, colours) {
    const { Plotly, element } = this.chart;
    this.chart.relayout({
      ...dress(theme, ["xaxis", "yaxis"]),
      "annotations[0].font.color": theme.faint,
      "annotations[1].font.color": theme.faint,
    });
    for (let part = 0; part < PER_LANE; part++) {
      const traces = Array.from({ length: this.lanes }, (_, lane) => PER_LANE * lane + part);
      const of = traces.map((_, lane) => colours[lane]);
      Plotly.restyle(
        element,
        part === 0
          ? { "line.color": of, fillcolor: of.map((one) => one + CLEAR) }
          : part === 1
            ? { "line.color": of, "marker.color": of }
            : { "marker.color": of },
        traces,
      );
    }
    Plotly.restyle(element, { "marker.color": [colours], "marker.line.color": [theme.surface] }, [
      PER_LANE * this.lanes,
    ]);
  }

  /**
   * @param {import("../data/frame_view.js").FrameView} moment
   * @returns {{note: string, summary: string, nothing?: string, idle?: boolean}}
   */
  draw(moment) {
    const { stage, metric, metrics } = moment;
    const views = viewsOf(stage, metric, moment.picture);
    // What was asked for is taken up again as soon as there is something of it to draw.
    const view = views.includes(this.wanted) ? this.wanted : views[0];
    if (views.length && view !== this.view) this._turn(view);
    this._offer(views);
    const noun = nounOf(stage, metric, moment.picture);
    const members = stage.lanes.map((/** @type {any} */ _, /** @type {number} */ i) =>
      populationSize(stage, moment.picture, i),
    );
    const single = stage.lanes
      .filter((/** @type {any} */ _, /** @type {number} */ i) => members[i] <= 1)
      .map((/** @type {any} */ lane) => lane.label);
    const alone = single.length
      ? t(
          `panels.chains-single${noun === "point" ? "-point" : ""}${single.length > 1 ? "-many" : ""}`,
          { label: listed(single) },
        )
      : "";
    const untold = stage.lanes
      .filter((/** @type {any} */ _, /** @type {number} */ i) => members[i] > 1)
      .map((/** @type {any} */ lane) => lane.label);
    if (!views.length)
      return {
        note: "",
        summary: alone,
        nothing: [alone, untold.length ? t("panels.chains-untold", { label: listed(untold) }) : ""]
          .filter(Boolean)
          .join("\n"),
        idle: single.length === stage.lanes.length,
      };
    /**
     * @type {{traces: any[], heads?: {x: any[], y: any[]}, said: string[], layout: Record<string,
     *   unknown>}}
     */
    const shown =
      this.view === "spread"
        ? this._spread(moment)
        : this.view === "rungs"
          ? this._rungs(moment)
          : this._bars(moment, noun);
    const there = Math.max(stage.lanes.length, this.before);
    this.before = stage.lanes.length;
    /** @type {Record<string, any[]>} */
    const data = {
      x: [],
      y: [],
      text: [],
      mode: [],
      hovertemplate: [],
      hoverinfo: [],
    };
    for (let i = 0; i < PER_LANE * there; i++) {
      const one = shown.traces[i] ?? EMPTY;
      data.x.push(one.x);
      data.y.push(one.y);
      data.text.push(one.text ?? "");
      data.mode.push(one.mode ?? (i % PER_LANE === 2 ? "markers" : "lines"));
      data.hovertemplate.push(one.hover ?? "");
      data.hoverinfo.push(one.hover ? "all" : "skip");
    }
    const heads = shown.heads ?? EMPTY;
    data.x.push(heads.x);
    data.y.push(heads.y);
    data.text.push(
      this.view === "energy"
        ? metric.lanes.map((/** @type {any} */ row) => formatNumber(row.loss))
        : "",
    );
    data.mode.push("markers");
    data.hovertemplate.push(
      this.view === "energy" ? `%{text}<extra>${t("panels.chains-hover-estimate")}</extra>` : "",
    );
    data.hoverinfo.push(this.view === "energy" ? "all" : "skip");
    this.chart.update(data, shown.layout, [
      ...Array(PER_LANE * there).keys(),
      PER_LANE * this.lanes,
    ]);
    // Between a title and three buttons there is no room for it on a small panel.
    const room = views.length < 3 || this.chart.element.clientWidth > ROOMY;
    return {
      note: metrics.length && room ? noteOf(moment, noun) : "",
      summary: [shown.said.length ? `${shown.said.join("; ")}.` : "", alone]
        .filter(Boolean)
        .join(" "),
    };
  }

  /**
   * Losses of the networks, or the shares of their moves that are kept, as outlines.
   * @param {import("../data/frame_view.js").FrameView} moment
   * @param {"chain" | "network" | "point"} noun
   */
  _bars({ stage, metric, picture }, noun) {
    const energy = this.view === "energy";
    const values = stage.lanes.map((/** @type {any} */ _, /** @type {number} */ lane) => {
      const packed = energy
        ? picture.lanes[lane].cloud_loss
        : metric.lanes[lane].vectors?.acceptance;
      return packed ? Array.from(packed.data).filter(Number.isFinite) : [];
    });
    const estimates = energy ? metric.lanes.map((/** @type {any} */ row) => row.loss) : [];
    const scale = energy
      ? around(values.flat(), estimates.filter(Number.isFinite), this.log)
      : { log: false, low: 0, high: 1 };
    this.log = scale.log;
    const sizes = values
      .filter((/** @type {number[]} */ one) => one.length)
      .map((/** @type {number[]} */ one) => one.length);
    // Populations of several sizes are compared by their shares.
    const shares = new Set(sizes).size > 1;
    const put = (/** @type {number} */ value) => (scale.log ? Math.log10(value) : value);
    const sunk = (/** @type {number} */ value) =>
      scale.floor ? Math.max(scale.floor.at, value) : value;
    /** @type {any[]} */ const traces = [];
    const said = [];
    let top = 0;
    for (let lane = 0; lane < stage.lanes.length; lane++) {
      const { edges, counts } = histogram(values[lane], scale);
      const y = shares ? counts.map((count) => count / Math.max(1, values[lane].length)) : counts;
      top = Math.max(top, ...y);
      traces.push(
        values[lane].length ? { x: [edges[0], ...edges], y: [0, ...y, 0] } : EMPTY,
        EMPTY,
        EMPTY,
      );
      if (!values[lane].length) continue;
      const sorted = [...values[lane]].sort((a, b) => a - b);
      const { label } = stage.lanes[lane];
      const [low, middle, high] = [
        sorted[0],
        sorted[sorted.length >> 1],
        sorted[sorted.length - 1],
      ];
      if (energy)
        said.push(
          t("panels.chains-summary-energy", {
            label,
            count: sorted.length,
            many: t(`panels.chains-${noun}-many`),
            low: formatNumber(low),
            high: formatNumber(high),
            middle: formatNumber(middle),
            estimate: formatNumber(estimates[lane]),
          }),
        );
      else
        said.push(
          t("panels.chains-summary-kept", { label, low: percent(low), high: percent(high) }),
        );
      const infinite = energy ? picture.lanes[lane].cloud_loss.data.length - sorted.length : 0;
      if (infinite) said.push(t("panels.chains-infinite", { count: infinite }));
    }
    const ends = [put(scale.low), put(scale.high)];
    const air = 0.03 * (ends[1] - ends[0]);
    const one = t(`panels.chains-${noun}`);
    const beyond = (/** @type {(value: number) => boolean} */ test) =>
      estimates
        .flatMap((/** @type {number} */ value, /** @type {number} */ lane) =>
          Number.isFinite(value) && test(sunk(value))
            ? [`${SHAPES[lane]} ${formatNumber(value)}`]
            : [],
        )
        .join("  ");
    const [left, right] = [
      beyond((value) => value < scale.low),
      beyond((value) => value > scale.high),
    ];
    return {
      traces,
      heads: {
        x: estimates
          .map(sunk)
          .map((/** @type {number} */ value) =>
            value >= scale.low && value <= scale.high ? value : null,
          ),
        y: estimates.map(() => 0),
      },
      said,
      layout: {
        ...(energy
          ? valueAxis("xaxis", scale, [ends[0] - air, ends[1] + air])
          : shareAxis("xaxis", [-0.02, 1.02])),
        "annotations[0].text": left ? `← ${left}` : "",
        "annotations[1].text": right ? `${right} →` : "",
        "xaxis.title.text": !energy
          ? t("panels.chains-kept-axis")
          : t(
              stage.data.kind === "function"
                ? "panels.chains-height-axis"
                : "panels.chains-loss-axis",
              { one },
            ),
        ...(shares
          ? shareAxis("yaxis", [0, steady(top, true)])
          : countAxis([0, steady(top, false)])),
        "yaxis.title.text": shares
          ? t("panels.chains-share-axis")
          : t("panels.chains-count-axis", { many: t(`panels.chains-${noun}-many`) }),
      },
    };
  }

  /**
   * Swap rates between the rungs of a ladder, and how often each chain's moves are kept, over the
   * temperature.
   * @param {import("../data/frame_view.js").FrameView} moment
   */
  _rungs({ stage, metric }) {
    /** @type {any[]} */ const traces = [];
    /** @type {string[]} */ const said = [];
    /** @type {number[]} */ const all = [];
    let top = 0;
    stage.lanes.forEach((/** @type {any} */ { label }, /** @type {number} */ lane) => {
      const { temperature, acceptance, "swap rate": swaps } = metric.lanes[lane].vectors ?? {};
      const heat = metric.lanes[lane].temperature;
      const hot = temperature
        ? Array.from(temperature.data)
        : acceptance && heat !== null
          ? new Array(acceptance.data.length).fill(heat)
          : [];
      const ladder = temperature ? [...hot].sort((a, b) => a - b) : [];
      // Of a long ladder an even choice is told, of its swaps too: each lies where its share of the
      // way up is.
      const rates =
        swaps &&
        ladder.length > 1 &&
        (swaps.data.length === ladder.length - 1 || metric.lanes[lane].lengths?.["swap rate"])
          ? Array.from(swaps.data)
          : [];
      const between = rates.map((_, i) => onLadder(ladder, (i + 0.5) / rates.length));
      all.push(...hot);
      top = Math.max(top, ...rates, ...(acceptance ? acceptance.data : []));
      traces.push(EMPTY);
      traces.push({
        x: between,
        y: rates,
        mode: "lines+markers",
        text: between.map(formatPlain),
        hover: `T %{text}: %{y:.0%}<extra>${t("panels.chains-hover-swap")}</extra>`,
      });
      traces.push(
        acceptance && acceptance.data.length === hot.length
          ? {
              x: hot,
              y: Array.from(acceptance.data),
              text: hot.map(formatPlain),
              hover: `T %{text}: %{y:.0%}<extra>${t("panels.chains-hover-kept")}</extra>`,
            }
          : EMPTY,
      );
      if (!rates.length) return;
      const swap = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
      said.push(
        t("panels.chains-summary-rungs", {
          label,
          count: formatShort(metric.lanes[lane].lengths?.temperature ?? ladder.length),
          low: formatNumber(ladder[0]),
          high: formatNumber(ladder[ladder.length - 1]),
          swap: percent(swap),
        }),
      );
    });
    return {
      traces,
      said,
      layout: {
        ...logAxis("xaxis", logScale([all])),
        "annotations[0].text": "",
        "annotations[1].text": "",
        "xaxis.title.text": t("panels.chains-temperature-axis"),
        ...shareAxis("yaxis", [0, steady(top, true)]),
        "yaxis.title.text": t("panels.chains-rate-axis"),
      },
    };
  }

  /**
   * How far the networks lie apart, over the currency.
   * @param {import("../data/frame_view.js").FrameView} moment
   */
  _spread(moment) {
    const { stage, metrics, currency } = moment;
    /** @type {any[]} */ const traces = [];
    const heads = { x: /** @type {any[]} */ ([]), y: /** @type {any[]} */ ([]) };
    /** @type {string[]} */ const said = [];
    stage.lanes.forEach((/** @type {any} */ { label }, /** @type {number} */ lane) => {
      const rows = metrics.map((m) => m.lanes[lane]);
      const spread = rows.map((row) => row.extra?.spread ?? null);
      const there = spread.some((value) => value !== null);
      const curve = there
        ? decimate(
            rows.map((row) => row[currency]),
            spread,
            300,
          )
        : EMPTY;
      traces.push(
        EMPTY,
        {
          ...curve,
          text: curve.y.map(formatNumber),
          hover: there ? `%{text}<extra>${t("panels.chains-hover-spread")}</extra>` : undefined,
        },
        EMPTY,
      );
      heads.x.push(there ? rows[rows.length - 1][currency] : null);
      heads.y.push(there ? spread[spread.length - 1] : null);
      if (there)
        said.push(
          t("panels.chains-summary-spread", {
            label,
            now: formatNumber(spread[spread.length - 1]),
            first: formatNumber(spread.find((value) => value !== null)),
          }),
        );
    });
    const ys = traces.map(({ y }) => y);
    const all = ys.flat().filter((value) => value > 0);
    const most = Math.max(...all);
    // A spread that hardly changes is seen better from zero.
    const log = all.length > 0 && most > STEEP * Math.min(...all);
    const scale = logScale(ys);
    for (const trace of traces) if (log) trace.y = trace.y.map(scale.place);
    if (log) heads.y = heads.y.map(scale.place);
    return {
      traces,
      heads,
      said,
      layout: {
        ...timeAxis(moment),
        "annotations[0].text": "",
        "annotations[1].text": "",
        ...(log ? logAxis("yaxis", scale) : linearAxis("yaxis", [-0.03 * most, 1.08 * most])),
        "yaxis.title.text": t("panels.chains-spread-axis"),
      },
    };
  }

  /** Another view: a zoom in the one before means nothing to it. @param {View} view */
  _turn(view) {
    this.view = view;
    this.chart.forgetZoom();
    for (const button of this.tools.querySelectorAll("button"))
      button.setAttribute("aria-pressed", String(button.dataset.view === view));
  }

  /** Buttons for what can be drawn, where that is more than one thing. @param {View[]} views */
  _offer(views) {
    if (views.join() === this.offered) return;
    this.offered = views.join();
    const group = document.createElement("span");
    group.className = "kv-choice";
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", t("panels.chains-view"));
    for (const view of views) {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.view = view;
      button.dataset.testid = `chains-${view}`;
      button.textContent = t(`panels.chains-${view}`);
      button.title = t(`panels.chains-${view}-hint`);
      button.setAttribute("aria-pressed", String(view === this.view));
      button.onclick = () => {
        this.wanted = view;
        this.api.redraw();
      };
      group.append(button);
    }
    this.tools.replaceChildren(...(views.length > 1 ? [group] : []));
  }

  reset() {
    this.log = false;
  }
}

/**
 * @param {any} trace
 * @param {string} colour
 */
function paint(trace, colour) {
  if (trace.line) trace.line.color = colour;
  if (trace.marker) trace.marker.color = colour;
  if (trace.fill) trace.fillcolor = colour + CLEAR;
}

/**
 * What there is to draw of the populations.
 * @param {any} stage
 * @param {any} metric
 * @param {any} picture
 * @returns {View[]}
 */
export function viewsOf(stage, metric, picture) {
  const has = (/** @type {(row: any, lane: number) => unknown} */ test) =>
    stage.lanes.some(
      (/** @type {any} */ _, /** @type {number} */ lane) =>
        metric?.lanes[lane] && test(metric.lanes[lane], lane),
    );
  const ladder = has((row) => row.vectors?.temperature);
  const there = {
    energy: has((_, lane) => picture?.lanes[lane]?.cloud_loss),
    rungs: ladder,
    kept: !ladder && has((row) => row.vectors?.acceptance),
    spread: has((row) => Number.isFinite(row.extra?.spread)),
  };
  return VIEWS.filter((view) => there[view]);
}

/**
 * How many networks a lane has: of a method that draws them afresh in every step, those of the step
 * that is shown.
 * @param {any} stage
 * @param {any} picture
 * @param {number} lane
 * @returns {number}
 */
export function populationSize(stage, picture, lane) {
  return Math.max(stage.lanes[lane].population, picture?.lanes[lane]?.cloud?.shape[0] ?? 0);
}

/**
 * What the members of the populations are called: chains where all are, otherwise networks, or
 * points on a landscape.
 * @param {any} stage
 * @param {any} metric
 * @param {any} picture
 * @returns {"chain" | "network" | "point"}
 */
export function nounOf(stage, metric, picture = null) {
  const many = stage.lanes.flatMap((/** @type {any} */ _, /** @type {number} */ i) =>
    populationSize(stage, picture, i) > 1 ? [i] : [],
  );
  if (many.length && many.every((/** @type {number} */ i) => metric?.lanes[i].vectors?.acceptance))
    return "chain";
  return stage.data.kind === "function" ? "point" : "network";
}

/**
 * "256 chains", "256 of 1,000 networks", "● 16  ◆ 64 networks"; "" where nobody has more than one.
 * @param {Pick<import("../data/frame_view.js").FrameView, "stage" | "picture">} moment
 * @param {string} noun
 */
export function noteOf({ stage, picture }, noun) {
  const many = t(`panels.chains-${noun}-many`);
  const lanes = stage.lanes.flatMap((/** @type {any} */ _, /** @type {number} */ i) => {
    const all = populationSize(stage, picture, i);
    return all > 1
      ? [{ shape: SHAPES[i], all, count: picture?.lanes[i]?.cloud?.shape[0] ?? all }]
      : [];
  });
  if (!lanes.length) return "";
  if (lanes.length > 1)
    return t("panels.chains-note-several", {
      lanes: lanes
        .map((/** @type {any} */ one) => `${one.shape} ${formatShort(one.all)}`)
        .join("  "),
      many,
    });
  const [{ all, count }] = lanes;
  return count < all
    ? t("panels.chains-note-some", { count, all: formatShort(all), many })
    : t("panels.chains-note-all", { count: all, many });
}

/**
 * The temperature at a share of the way up a ladder, between two rungs their geometric mean.
 * @param {number[]} ladder rising
 * @param {number} share
 */
function onLadder(ladder, share) {
  const place = share * (ladder.length - 1);
  const below = Math.min(ladder.length - 2, Math.floor(place));
  return ladder[below] ** (1 - (place - below)) * ladder[below + 1] ** (place - below);
}

/**
 * An axis of losses.
 * @param {string} axis
 * @param {import("../charts/histogram.js").Scale} scale
 * @param {[number, number]} range
 */
function valueAxis(axis, { log, floor = undefined }, range) {
  return log
    ? logAxis(axis, { range, floor: floor ?? null, place: (value) => value ?? null })
    : linearAxis(axis, range);
}

/**
 * The upright axis of a histogram, in whole numbers.
 * @param {[number, number]} range
 * @returns {Record<string, any>}
 */
function countAxis(range) {
  return {
    ...linearAxis("yaxis", range),
    "yaxis.scale": { log: false, floor: null, kind: "count", whole: true },
  };
}

/**
 * An end of the axis that holds a height and seldom changes.
 * @param {number} top
 * @param {boolean} shares
 */
function steady(top, shares) {
  const stride = 10 ** Math.floor(Math.log10(Math.max(top, shares ? 0.05 : 4))) / 2;
  const end = (Math.floor(top / stride) + 1) * stride;
  return shares ? Math.min(end, 1.03) : end;
}

/**
 * A scale that holds a population, and the estimates that are not far from it.
 * @param {number[]} values
 * @param {number[]} estimates
 * @param {boolean} was logarithmic
 */
function around(values, estimates, was) {
  const scale = binScale(values, was);
  const put = (/** @type {number} */ value) => (scale.log ? Math.log10(value) : value);
  const air = AIR * (put(scale.high) - put(scale.low));
  const near = estimates.filter(
    (value) => put(value) >= put(scale.low) - air && put(value) <= put(scale.high) + air,
  );
  return near.length ? binScale([...values, ...near], scale.log) : scale;
}
