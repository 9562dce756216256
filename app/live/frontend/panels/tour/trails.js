/**
 * Two charts that are no curves over time: how alike tours are to the best that is known, and the
 * replicas of tempering by their temperature. Both are lines with dots, one a lane, and heads.
 */

import { logScale } from "../../charts/axis_scale.js";
import { Chart, dress, predress } from "../../charts/chart.js";
import { decimate } from "../../charts/decimate.js";
import { gapsOf, sameCitiesSince } from "../../data/gaps.js";
import { measured } from "../../data/layouts.js";
import { formatNumber, listed, percent, SHAPES } from "../../i18n/format.js";
import { t } from "../../i18n/i18n.js";
import { formatGap, formatLength } from "../../i18n/length.js";
import { linearAxis, logAxis, shareAxis } from "../loss.js";
import { gapAxis, gapScale } from "./gap.js";

/** @typedef {import("../../data/frame_view.js").FrameView} FrameView */

const MOST = 140;

class TrailPanel {
  /** @param {import("../registry.js").Kit} kit */
  constructor({ name, place, Plotly, figure, theme, colours }) {
    this.lanes = figure.data.length - 1;
    const dressed = predress(figure, theme, ["xaxis", "yaxis"], (trace, i) => {
      if (i === this.lanes) trace.marker.color = colours;
      else trace.line.color = trace.marker.color = colours[i];
    });
    this.chart = new Chart(name, place, Plotly, dressed, { painted: true });
    this.chart.faint = theme.faint;
    this.chart.theme = theme;
    this.colours = colours;
  }

  /**
   * @param {import("../../charts/theme.js").Theme} theme
   * @param {string[]} colours
   */
  dress(theme, colours) {
    this.chart.faint = theme.faint;
    this.chart.theme = theme;
    this.colours = colours;
    this.chart.relayout(dress(theme, ["xaxis", "yaxis"]));
    const lanes = Array.from({ length: this.lanes }, (_, i) => i);
    const own = lanes.map((lane) => colours[lane]);
    this.chart.restyle({ "line.color": own, "marker.color": own }, lanes);
    this.chart.restyle({ "marker.color": [colours] }, [this.lanes]);
  }

  /**
   * @param {{x: (number | null)[], y: (number | null)[]}[]} trails by lane
   * @param {{x: (number | null)[], y: (number | null)[]}} heads
   * @param {Record<string, any>} layout
   * @param {string[]} names at the heads
   */
  apply(trails, heads, layout, names) {
    const all = Array.from({ length: this.lanes }, (_, i) => trails[i] ?? { x: [], y: [] });
    this.chart.labels = names.map((text, lane) => ({
      x: heads.x[lane],
      y: heads.y[lane],
      text,
      colour: this.colours[lane],
    }));
    this.chart.update(
      { x: [...all.map(({ x }) => x), heads.x], y: [...all.map(({ y }) => y), heads.y] },
      layout,
      [...all.keys(), this.lanes],
    );
  }
}

export class AlikePanel extends TrailPanel {
  /**
   * @param {FrameView} moment
   * @returns {{note: string, summary: string, nothing?: string, idle?: boolean}}
   */
  draw(moment) {
    const { metrics, stage, events } = moment;
    if (!measured(stage.data.kind)) {
      const none = t("answers.no-edges");
      return { note: "", summary: none, nothing: none, idle: true };
    }
    const since = sameCitiesSince(events);
    const trails = stage.lanes.map((/** @type {any} */ _, /** @type {number} */ lane) => {
      const gaps = gapsOf(moment, lane).slice(since);
      const shared = metrics.slice(since).map((one) => one.lanes[lane].shared ?? null);
      const there = shared.flatMap((one, i) => (one !== null && gaps[i] !== null ? [i] : []));
      return decimate(
        there.map((i) => shared[i]),
        there.map((i) => gaps[i]),
        MOST,
      );
    });
    const scale = gapScale(
      trails.map((/** @type {any} */ { y }) => y),
      t("routes.tick-zero"),
    );
    const placed = trails.map((/** @type {any} */ { x, y }) => ({ x, y: y.map(scale.place) }));
    const low = Math.min(0.9, ...trails.flatMap((/** @type {any} */ { x }) => x));
    const heads = {
      x: placed.map((/** @type {any} */ { x }) => x.at(-1) ?? null),
      y: placed.map((/** @type {any} */ { y }) => y.at(-1) ?? null),
    };
    this.apply(
      placed,
      heads,
      {
        ...shareAxis("xaxis", [Math.max(0, Math.floor(20 * low - 0.5) / 20), 1.01]),
        ...gapAxis("yaxis", scale),
        "xaxis.title.text": t("routes.alike-axis"),
      },
      stage.lanes.map((/** @type {any} */ _, /** @type {number} */ i) =>
        heads.x[i] === null ? "" : `${SHAPES[i]} ${percent(heads.x[i])}`,
      ),
    );
    const said = stage.lanes.flatMap((/** @type {any} */ { label }, /** @type {number} */ i) =>
      heads.x[i] === null
        ? []
        : [
            t("routes.alike-lane", {
              label,
              share: percent(heads.x[i]),
              gap: formatGap(trails[i].y.at(-1)),
            }),
          ],
    );
    return {
      note: t("routes.alike-note"),
      summary: `${said.join("; ")}.`,
      nothing: said.length ? undefined : t("routes.alike-nothing"),
    };
  }
}

export class ReplicasPanel extends TrailPanel {
  /**
   * @param {FrameView} moment
   * @returns {{note: string, summary: string, nothing?: string}}
   */
  draw({ stage, metric }) {
    const { scale: unit = 1 } = stage.data;
    const ladders = stage.lanes.map((/** @type {any} */ _, /** @type {number} */ lane) => {
      const { energies, temperature } = metric.lanes[lane].vectors ?? {};
      if (!energies || energies.data.length !== temperature?.data.length) return { x: [], y: [] };
      const rungs = Array.from(
        temperature.data,
        (/** @type {number} */ heat, /** @type {number} */ i) => ({
          heat: heat * unit,
          length: energies.data[i] * unit,
        }),
      ).sort((a, b) => a.heat - b.heat);
      return { x: rungs.map(({ heat }) => heat), y: rungs.map(({ length }) => length) };
    });
    const single = stage.lanes.flatMap((/** @type {any} */ { label }, /** @type {number} */ i) =>
      ladders[i].x.length ? [] : [label],
    );
    const alone = single.length
      ? t(single.length > 1 ? "routes.replicas-single-many" : "routes.replicas-single", {
          label: listed(single),
        })
      : "";
    const axis = logScale(ladders.map((/** @type {any} */ { x }) => x));
    const values = ladders.flatMap((/** @type {any} */ { y }) => y);
    const best = metric.lanes.map((/** @type {any} */ { loss }, /** @type {number} */ i) =>
      ladders[i].x.length && loss !== null ? loss * unit : null,
    );
    const known = [...values, ...best].filter((one) => one !== null);
    const [low, high] = known.length ? [Math.min(...known), Math.max(...known)] : [0, 1];
    const room = 0.08 * (high - low || 1);
    this.apply(
      ladders,
      {
        x: ladders.map((/** @type {any} */ { x }) => x[0] ?? null),
        y: best,
      },
      {
        ...logAxis("xaxis", axis),
        ...linearAxis("yaxis", [low - room, high + room]),
        "xaxis.title.text": t("routes.replicas-axis"),
      },
      best.map((/** @type {number | null} */ one, /** @type {number} */ i) =>
        one === null
          ? ""
          : `${SHAPES[i]} ${t("routes.replicas-best", { length: formatLength(metric.lanes[i].loss, stage.data) })}`,
      ),
    );
    const said = stage.lanes.flatMap((/** @type {any} */ { label }, /** @type {number} */ i) => {
      const { x, y } = ladders[i];
      return x.length
        ? [
            t("routes.replicas-lane", {
              label,
              count: x.length,
              low: formatNumber(Math.min(...y)),
              high: formatNumber(Math.max(...y)),
            }),
          ]
        : [];
    });
    return {
      note: "",
      summary: [said.join("; "), alone].filter(Boolean).join(". "),
      nothing: said.length ? undefined : alone,
    };
  }
}
