/**
 * Recordings side by side: one chart with a line for every lane, a legend that can be pressed, and
 * the table; and, behind tabs, what it cost to reach targets.
 */

import { highestShown, logScale } from "../charts/axis_scale.js";
import { Chart, dress, loadPlotly, predress } from "../charts/chart.js";
import { messageFor } from "../data/errors.js";
import { tell } from "../core/attributes.js";
import { nameElements } from "../data/lane_names.js";
import { download } from "../export/files.js";
import { amount, formatNumber, percent, SHAPES } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";
import { currencyAxis, linearAxis, logAxis, shareAxis } from "../panels/loss.js";
import { icon, make, plain } from "./dom.js";
import { FixedTargetView } from "./fixed_target_view.js";
import { MOST, VIEWS } from "./selection.js";
import { CURRENCIES, line, MEASURES } from "./series.js";
import { sample } from "./sparkline.js";
import { csv, rowsOf, table } from "./table.js";

/**
 * @typedef {{key: string, name: string, place: number, summary:
 *   import("../data/summary.js").Summary, series: import("./series.js").Series | null}} Compared a
 *   recording in the comparison; `series` is null while it is read
 */

export class Comparison {
  /**
   * @param {HTMLElement} place
   * @param {any} data what Python handed over
   * @param {import("./selection.js").Selection} selection
   * @param {{remove: (key: string) => void, clear: () => void}} deeds
   */
  constructor(place, data, selection, deeds) {
    this.place = place;
    this.data = data;
    this.selection = selection;
    this.deeds = deeds;
    /** @type {Compared[]} */ this.compared = [];
    /** @type {Chart | null} */ this.chart = null;
    /** @type {Promise<void> | null} */ this.mounting = null;
    this.shown = "";
    this.theme = /** @type {import("../charts/theme.js").Theme | null} */ (null);
    this.colours = /** @type {string[]} */ (data.palette.recordings);
    this.get = (/** @type {string} */ name) =>
      /** @type {HTMLElement} */ (place.querySelector(`[data-part="${name}"]`));
    this.fixed = new FixedTargetView(this.get("fixed"), data, selection);
    this._wire();
  }

  _wire() {
    const { selection } = this;
    const choice = (
      /** @type {string} */ part,
      /** @type {readonly string[]} */ names,
      /** @type {(name: any) => void} */ press,
    ) => {
      this.get(part).append(
        ...names.map((name) => {
          const button = make("button", {
            type: "button",
            "data-value": name,
            "data-testid": `${part}-${name}`,
            text: t(part === "measure" ? `gallery.measure-${name}` : `gallery.${name}`),
          });
          button.onclick = () => press(name);
          return button;
        }),
      );
    };
    const set = (/** @type {any} */ how) => {
      selection.set(how);
      for (const chart of [this.chart, ...Object.values(this.fixed.charts)]) chart?.forgetZoom();
      this.draw();
    };
    this._tabs((view) => set({ view }));
    choice("measure", MEASURES, (measure) => set({ measure }));
    choice("currency", CURRENCIES, (currency) => set({ currency }));
    const log = /** @type {HTMLInputElement} */ (this.get("log"));
    log.onchange = () => set({ log: log.checked });
    this.get("clear").onclick = () => this.deeds.clear();
    this.get("csv").onclick = () =>
      download(
        new Blob([csv(this.rows)], { type: "text/csv;charset=utf-8" }),
        "kelvin-comparison.csv",
      );
    this.resize = new ResizeObserver(() => this.chart?.resize());
    this.resize.observe(this.get("chart"));
  }

  /**
   * The views as tabs: arrow keys go from one to the next.
   * @param {(view: import("./selection.js").View) => void} press
   */
  _tabs(press) {
    const tabs = VIEWS.map((view) => {
      const tab = make("button", {
        type: "button",
        role: "tab",
        id: `kg-tab-${view}`,
        "aria-controls": view === "curves" ? "kg-curves" : "kg-fixed",
        "data-value": view,
        "data-testid": `view-${view}`,
        text: t(`gallery.view-${view}`),
      });
      tab.onclick = () => press(view);
      return tab;
    });
    this.get("views").append(...tabs);
    this.get("views").onkeydown = (event) => {
      const at = tabs.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
      /** @type {Record<string, number>} */
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 };
      if (at < 0 || !(event.key in to)) return;
      event.preventDefault();
      const tab = tabs[(to[event.key] + tabs.length) % tabs.length];
      tab.focus();
      tab.click();
    };
  }

  /**
   * @param {import("../charts/theme.js").Theme} theme
   * @param {string[]} colours of the recordings
   */
  dress(theme, colours) {
    this.theme = theme;
    this.colours = colours;
    this.shown = "";
    if (this.chart) this.chart.relayout(dress(theme, ["xaxis", "yaxis"]));
    this.fixed.dress(theme, colours);
    if (this.compared.length) this.show(this.compared);
  }

  /** @param {Compared[]} compared in the order of their places */
  show(compared) {
    const as = JSON.stringify(
      compared.map(({ key, name, place, series }) => [key, name, place, Boolean(series)]),
    );
    if (as === this.shown) return;
    this.shown = as;
    const others =
      compared.map(({ key }) => key).join() !== this.compared.map(({ key }) => key).join();
    this.compared = compared;
    tell(this.place, { empty: !compared.length });
    this.get("count").textContent = compared.length
      ? t("gallery.compared-count", { count: compared.length })
      : "";
    if (compared.length) this._show(others);
    tell(this.place, { compared: compared.filter(({ series }) => series).length });
  }

  /** Draw what is compared. @param {boolean} others whether other recordings were before */
  _show(others) {
    const { compared } = this;
    if (others) this.chart?.forgetZoom();
    this._legend();
    this.get("table").replaceChildren(table(this.rows, this.comparable));
    const different = !this.comparable && compared.every(({ series }) => series);
    this.get("different").hidden = !different;
    this.draw();
  }

  get rows() {
    return rowsOf(
      this.compared.map(({ name, place, summary }) => ({
        name,
        summary,
        colour: this.colours[place],
      })),
    );
  }

  /** Whether all had the same data and loss function; not before all are read. */
  get comparable() {
    return this.compared.every(
      ({ series }) => series && series.problem === this.compared[0].series?.problem,
    );
  }

  async _mount() {
    try {
      const Plotly = await loadPlotly(
        `${this.data.base}/kelvin/plotly.min.js?v=${this.data.plotly}`,
      );
      if (!this.place.isConnected || !this.theme) return;
      const place = this.get("chart");
      place.replaceChildren();
      this.chart = new Chart(
        "compare",
        place,
        Plotly,
        predress(this.data.figure, this.theme, ["xaxis", "yaxis"], () => {}),
      );
      this.draw();
    } catch (error) {
      this.mounting = null;
      this.get("chart").textContent = messageFor(error, t("gallery.no-charts"));
    }
  }

  /** The chart and the switches, as the selection has them. */
  draw() {
    const { measure, currency, log, view } = this.selection;
    for (const tab of this.get("views").querySelectorAll("button")) {
      const chosen = tab.dataset.value === view;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    }
    const curves = view === "curves";
    this.get("curves").hidden = this.get("log-box").hidden = !curves;
    this.get("fixed").hidden = curves;
    this.get("curves").setAttribute("aria-labelledby", "kg-tab-curves");
    this.get("fixed").setAttribute("aria-labelledby", `kg-tab-${view}`);
    for (const [part, value] of [
      ["measure", measure],
      ["currency", currency],
    ])
      for (const button of this.get(part).querySelectorAll("button"))
        button.setAttribute("aria-pressed", String(button.dataset.value === value));
    if (!curves) return this.fixed.show(this.compared);
    if (this.compared.length) this.mounting ??= this._mount();
    const box = /** @type {HTMLInputElement} */ (this.get("log"));
    const loss = measure.endsWith("loss");
    // What is below zero has no place on a logarithmic axis.
    const below =
      loss &&
      this.compared.some(({ series }) =>
        series?.lanes.some((lane) => lane[measure].some((value) => value !== null && value < 0)),
      );
    box.checked = log && loss && !below;
    box.disabled = !loss || below;
    this._tellMissing(measure);
    const reading = this.compared.some(({ series }) => !series);
    const none = !loss && !reading && this.compared.every(({ series }) => !series?.scored);
    const nothing = this.get("nothing");
    nothing.textContent = none ? t("gallery.no-accuracy") : reading ? t("gallery.reading") : "";
    nothing.hidden = !none && !reading;
    if (this.chart && this.compared.length) this._lines(this.chart, log && loss && !below);
  }

  /**
   * Say in the legend which recordings have no curve of a measure: a round trip has no test loss.
   * @param {import("./selection.js").Measure} measure
   */
  _tellMissing(measure) {
    this.compared.forEach(({ series }, i) => {
      const place = this.get("legend").children[i]?.querySelector(".kg-no-curve");
      const there =
        !series || series.lanes.some((lane) => lane[measure].some((value) => value !== null));
      if (place)
        place.textContent = there
          ? ""
          : t("gallery.no-curve", { measure: t(`gallery.measure-${measure}`) });
    });
  }

  /**
   * @param {Chart} chart
   * @param {boolean} log
   */
  _lines(chart, log) {
    const { measure, currency, hidden } = this.selection;
    const loss = measure.endsWith("loss");
    const lanes = this.data.lanes;
    /** @type {Record<string, any[]>} */
    const traces = {
      x: [],
      y: [],
      text: [],
      visible: [],
      name: [],
      hovertemplate: [],
      "line.color": [],
      "marker.color": [],
    };
    let count = 0;
    for (let i = 0; i < MOST * lanes; i++) {
      const [place, lane] = [Math.floor(i / lanes), i % lanes];
      const one = this.compared.find((other) => other.place === place);
      const numbers = loss || one?.series?.scored ? one?.series?.lanes[lane] : undefined;
      const seen = Boolean(one && numbers && !hidden.has(`${one.key}#${lane}`));
      const points = one && numbers && seen ? line(numbers, currency, measure) : { x: [], y: [] };
      if (seen) count++;
      traces.x.push(points.x);
      traces.y.push(points.y);
      traces.text.push(
        points.x.map(
          (spent, n) =>
            `${(loss ? formatNumber : percent)(points.y[n])}<br>${spent === null ? "–" : amount(spent, currency)} ${t(`gallery.${currency}`)}`,
        ),
      );
      traces.visible.push(seen);
      traces.name.push(one ? `${SHAPES[lane]} ${one.summary.lanes[lane]?.label ?? ""}` : "");
      traces.hovertemplate.push(
        `<b>${one ? plain(one.name) : ""}</b><br>%{fullData.name}<br>${t(`gallery.measure-${measure}`)} %{text}<extra></extra>`,
      );
      traces["line.color"].push(this.colours[place]);
      traces["marker.color"].push(this.colours[place]);
    }
    /** @type {any} */
    const layout = { "xaxis.title.text": t(`gallery.${currency}`) };
    if (log) {
      const scale = logScale(traces.y, highestShown(traces.y));
      traces.y = traces.y.map((y) => y.map(scale.place));
      Object.assign(layout, logAxis("yaxis", scale));
    } else if (loss) Object.assign(layout, linearAxis("yaxis", around(traces.y)));
    else Object.assign(layout, shareAxis("yaxis", around(traces.y)));
    Object.assign(
      layout,
      currencyAxis(currency, [
        0,
        1.03 * Math.max(...traces.x.flat().filter(Number.isFinite), 1e-9),
      ]),
    );
    chart.update(
      traces,
      layout,
      traces.x.map((_, i) => i),
    );
    this.get("chart").setAttribute(
      "aria-label",
      t("gallery.chart-label", {
        measure: t(`gallery.measure-${measure}`),
        currency: t(`gallery.${currency}`),
        lines: count,
      }),
    );
  }

  _legend() {
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.legend;
    this.get("legend").replaceChildren(
      ...this.compared.map(({ key, name, place, summary }) => {
        const away = make(
          "button",
          {
            type: "button",
            class: "kg-icon",
            "data-legend": key,
            "aria-label": t("gallery.take-out", { name }),
            title: t("gallery.take-out", { name }),
          },
          icon("close"),
        );
        away.onclick = () => this.deeds.remove(key);
        const buttons = summary.lanes.map((named, lane) => {
          const { label } = named;
          const id = `${key}#${lane}`;
          const button = make(
            "button",
            {
              type: "button",
              "data-legend": id,
              "data-testid": "legend-lane",
              "aria-pressed": String(!this.selection.hidden.has(id)),
              title: label,
            },
            /** @type {any} */ (sample(lane, this.colours[place])),
            make("span", { class: "kg-lane" }, ...nameElements(named)),
          );
          button.onclick = () => {
            this.selection.toggle(key, lane);
            button.setAttribute("aria-pressed", String(!this.selection.hidden.has(id)));
            this.draw();
          };
          button.onpointerenter = button.onfocus = () =>
            this._stress(place * this.data.lanes + lane);
          button.onpointerleave = button.onblur = () => this._stress(null);
          return button;
        });
        const title = make(
          "div",
          { class: "kg-legend-name" },
          make("i", {
            class: "kg-swatch",
            style: `background: ${this.colours[place]}`,
            "aria-hidden": "true",
          }),
          make("b", { text: name, title: name }),
          away,
        );
        return make(
          "li",
          {},
          title,
          make("div", { class: "kg-legend-lanes", role: "group", "aria-label": name }, ...buttons),
          make("p", { class: "kg-no-curve" }),
        );
      }),
    );
    if (focused)
      /** @type {HTMLElement | null} */ (
        [...this.get("legend").querySelectorAll("[data-legend]")].find(
          (one) => /** @type {HTMLElement} */ (one).dataset.legend === focused,
        )
      )?.focus();
  }

  /** One line before the others, while its name is pointed at. @param {number | null} trace */
  _stress(trace) {
    if (!this.chart) return;
    const all = Array.from({ length: MOST * this.data.lanes }, (_, i) => i);
    this.chart.Plotly.restyle(
      this.chart.element,
      { opacity: all.map((i) => (trace === null || i === trace ? 1 : 0.22)) },
      all,
    );
  }

  destroy() {
    this.resize?.disconnect();
    this.chart?.destroy();
    this.fixed.destroy();
  }
}

/**
 * A range that holds values, with some air.
 * @param {(number | null)[][]} curves
 * @returns {[number, number]}
 */
function around(curves) {
  const [low, high] = curves
    .flat()
    .reduce(
      ([from, to], value) =>
        value === null || !Number.isFinite(value)
          ? [from, to]
          : [Math.min(from, value), Math.max(to, value)],
      [Infinity, -Infinity],
    );
  if (!(low <= high)) return [0, 1];
  const air = 0.05 * (high - low || Math.abs(high) || 1);
  return [low - air, high + air];
}
