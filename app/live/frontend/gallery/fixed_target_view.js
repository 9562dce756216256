/**
 * Two readings of compared recordings as a benchmark: the time to one target, and the share of many
 * targets reached. What is computed is in fixed_target.js.
 */

import { logScale, widthOf } from "../charts/axis_scale.js";
import { Chart, dress, loadPlotly, predress } from "../charts/chart.js";
import { messageFor } from "../data/errors.js";
import { nameParts } from "../data/lane_names.js";
import { download } from "../export/files.js";
import { formatNumber, formatPlain, formatShort, listed, percent, SHAPES } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";
import { linearAxis, logAxis, shareAxis } from "../panels/loss.js";
import { make, plain } from "./dom.js";
import {
  differences,
  measured,
  methodsOf,
  problemsOf,
  repeats,
  runsOf,
  scaleOf,
  shareReached,
  targetsOf,
  timeToTarget,
  usualTarget,
} from "./fixed_target.js";
import { parts } from "./fixed_target_parts.js";
import { fitted, spread } from "./labels.js";
import { csvLines, csvText } from "./table.js";

/**
 * @typedef {import("./fixed_target.js").Run} Run
 * @typedef {import("./fixed_target.js").Problem} Problem
 * @typedef {{name: string, method: string, colour: string, look: number, runs: Run[]}} Shown a
 *   method as it is shown; `look`: which of the markers and dashes
 */

/** Stops of the slider. */
const STOPS = 200;
/** Height of a method's runs, of a line of a label, and of what is not the plot, px. */
const [RUNS, LINE, AROUND] = [36, 15, 58];
const SHARE_HEIGHT = { wide: 400, narrow: 330 };

export class FixedTargetView {
  /**
   * @param {HTMLElement} place
   * @param {any} data what Python handed over
   * @param {import("./selection.js").Selection} selection
   */
  constructor(place, data, selection) {
    this.place = place;
    this.data = data;
    this.selection = selection;
    /** @type {{name: string, series: import("./series.js").Series | null}[]} */ this.compared = [];
    /** Targets that were set, by problem and measure. */
    this.targets = /** @type {Map<string, number>} */ (new Map());
    /** The problem that is shown, and the one that was chosen by hand. */
    this.problem = this.wanted = /** @type {string | null} */ (null);
    /** What the target in the field belongs to. */ this.field = "";
    this.theme = /** @type {import("../charts/theme.js").Theme | null} */ (null);
    this.colours = /** @type {string[]} */ (data.palette.recordings);
    /** @type {Partial<Record<"time" | "share", Chart>>} */ this.charts = {};
    /** @type {Partial<Record<"time" | "share", Promise<void>>>} */ this.mounting = {};
    /** @type {string[][]} */ this.lines = [];
    /** @type {number[]} */ this.stops = [];
    /** Width that all was drawn for, px. */ this.width = 0;
    this.parts = parts(place);
    this._wire();
  }

  _wire() {
    this.parts.choice.onchange = () => {
      this.wanted = this.parts.choice.value;
      this.draw();
    };
    this.parts.number.onchange = () => this._typed();
    this.parts.slider.oninput = () => this._set(this.stops[Number(this.parts.slider.value)]);
    this.parts.reset.onclick = () => this._set(null);
    this.parts.csv.onclick = () =>
      download(
        new Blob([csvLines(this.lines)], { type: "text/csv;charset=utf-8" }),
        this.view === "time" ? "kelvin-time-to-target.csv" : "kelvin-share-of-targets.csv",
      );
    this.resize = new ResizeObserver(() => {
      for (const chart of Object.values(this.charts)) chart?.resize();
      // Labels have the room that the chart's width gives them.
      if (this.place.clientWidth && this.place.clientWidth !== this.width) this.draw();
    });
    this.resize.observe(this.place);
  }

  /** @returns {"time" | "share"} */
  get view() {
    return this.selection.view === "share" ? "share" : "time";
  }

  /**
   * @param {import("../charts/theme.js").Theme} theme
   * @param {string[]} colours of the methods
   */
  dress(theme, colours) {
    this.theme = theme;
    this.colours = colours;
    for (const chart of Object.values(this.charts))
      chart?.relayout(dress(theme, ["xaxis", "yaxis"]));
  }

  /** @param {{name: string, series: import("./series.js").Series | null}[]} compared */
  show(compared) {
    this.compared = compared;
    this.draw();
  }

  /** @param {"time" | "share"} view */
  async _mount(view) {
    try {
      const Plotly = await loadPlotly(
        `${this.data.base}/kelvin/plotly.min.js?v=${this.data.plotly}`,
      );
      if (!this.place.isConnected || !this.theme) return;
      const place = this.parts.places[view];
      place.replaceChildren();
      this.charts[view] = new Chart(
        view,
        place,
        Plotly,
        predress(this.data.figures[view], this.theme, ["xaxis", "yaxis"], () => {}),
      );
      this.draw();
    } catch (error) {
      delete this.mounting[view];
      this.parts.places[view].textContent = messageFor(error, t("gallery.no-charts"));
    }
  }

  /** A target as it was typed. */
  _typed() {
    const text = this.parts.number.value.trim();
    const typed = Number(text.replace("−", "-"));
    const share = !this.loss;
    const fine = text !== "" && Number.isFinite(typed) && (!share || (typed >= 0 && typed <= 100));
    this.parts.wrong.hidden = fine;
    this.parts.number.setAttribute("aria-invalid", String(!fine));
    if (fine) this._set(share ? typed / 100 : typed);
    else
      this.parts.wrong.textContent = t(`gallery.target-no-${share ? "share" : "number"}`, {
        text: text.slice(0, 40),
      });
  }

  /** @param {number | null} target null: the usual one */
  _set(target) {
    if (target === null) this.targets.delete(this.targetKey);
    else this.targets.set(this.targetKey, target);
    this._right();
    this.charts.time?.forgetZoom();
    this.draw();
  }

  /** What is in the field is no longer wrong. */
  _right() {
    this.parts.wrong.hidden = true;
    this.parts.number.removeAttribute("aria-invalid");
  }

  get loss() {
    return this.selection.measure.endsWith("loss");
  }

  get targetKey() {
    return `${this.selection.measure} ${this.problem}`;
  }

  /** What was spent, as a person reads it. @param {number} cost */
  _cost(cost) {
    if (cost === Infinity) return "∞";
    return this.selection.currency === "seconds" ? formatNumber(cost) : formatShort(cost);
  }

  /** A value of the measure, as a person reads it. @param {number} value */
  _value(value) {
    return this.loss ? formatPlain(value) : `${Number((100 * value).toPrecision(4))}\u202f%`;
  }

  draw() {
    if (this.place.hidden || !this.theme || !this.compared.length) return;
    this.width = this.place.clientWidth;
    const { view } = this;
    const problems = problemsOf(runsOf(this.compared));
    const problem = problems.find(({ key }) => key === this.wanted) ?? problems[0];
    this.problem = problem?.key ?? null;
    this._problems(problems);
    const reading = this.compared.some(({ series }) => !series);
    const methods = problem ? this._methods(problem) : [];
    const runs = methods.flatMap((one) => one.runs);
    const none = !runs.length;
    this.parts.nothing.hidden = !none;
    this.parts.nothing.textContent = !none
      ? ""
      : reading
        ? t("gallery.reading")
        : this.loss
          ? t("gallery.no-numbers", this._names())
          : t("gallery.no-accuracy");
    for (const one of [this.parts.about, this.parts.results, this.parts.note]) one.hidden = none;
    this.parts.key.hidden = none || view !== "time";
    this.parts.control.hidden = none || view !== "time";
    for (const name of /** @type {const} */ (["time", "share"]))
      this.parts.places[name].hidden = name !== view || none;
    if (!problem || none) return;
    if (view === "time") this._time(methods, runs, problem);
    else this._share(methods, runs, problem);
    this._notes(problem, runs);
  }

  _names() {
    const { measure, currency } = this.selection;
    return { measure: t(`gallery.measure-${measure}`), currency: t(`gallery.${currency}`) };
  }

  /** Which problem is shown, where there are several. @param {Problem[]} problems */
  _problems(problems) {
    const several = problems.length > 1;
    this.parts.picker.hidden = !several;
    this.parts.differ.hidden = !several;
    if (!several) return;
    const parts = differences(problems.map(({ about }) => about)).map(({ part, fields }) =>
      fields.length
        ? t("gallery.part-fields", {
            part: t(`gallery.part-${part}`),
            fields: listed(fields.map((field) => field.replaceAll("_", " "))),
          })
        : t(`gallery.part-${part}`),
    );
    this.parts.differ.textContent = t("gallery.problems-differ", { parts: listed(parts) });
    const all = this.compared.length;
    const names = problemNames(problems);
    this.parts.choice.replaceChildren(
      ...problems.map(({ key, recordings }, i) => {
        const option = make("option", {
          value: key,
          text: t("gallery.problem-count", {
            name: names[i],
            count: recordings,
            all,
          }),
        });
        option.selected = key === this.problem;
        return option;
      }),
    );
  }

  /** The methods whose runs have numbers. @param {Problem} problem @returns {Shown[]} */
  _methods(problem) {
    const { measure, currency } = this.selection;
    /** @type {Map<string, number>} */ const times = new Map();
    return methodsOf(problem.runs).flatMap(({ label, changed, runs }, i) => {
      const wanted = changed ? t("gallery.changed", { label }) : label;
      const time = (times.get(wanted) ?? 0) + 1;
      times.set(wanted, time);
      const shown = {
        name: time > 1 ? `${wanted} ${time}` : wanted,
        method: runs[0].settings.method,
        colour: this.colours[i % this.colours.length],
        look: Math.floor(i / this.colours.length) % SHAPES.length,
        runs: measured(runs, measure, currency),
      };
      return shown.runs.length ? [shown] : [];
    });
  }

  /**
   * What is to be known of the numbers shown.
   * @param {Problem} problem
   * @param {Run[]} runs
   */
  _notes(problem, runs) {
    const counts = runs.map(({ numbers }) => numbers.seconds.length);
    const [least, most] = [Math.min(...counts), Math.max(...counts)];
    const left = problem.runs.length - runs.length;
    const again = repeats(runs);
    this.parts.note.textContent = [
      this.compared.some(({ series }) => !series) && t("gallery.reading"),
      t(`gallery.${this.view}-note`),
      t("gallery.frames-note", {
        frames: least === most ? most : t("gallery.frames-range", { least, most }),
      }),
      left && t("gallery.left-out", { ...this._names(), count: left, all: problem.runs.length }),
      again && t("gallery.repeated", { count: again }),
    ]
      .filter(Boolean)
      .join(" ");
  }

  /**
   * The chart of a view, once it is there.
   * @param {"time" | "share"} view
   * @param {number} height
   * @returns {Chart | undefined}
   */
  _chart(view, height) {
    const place = this.parts.places[view];
    place.style.height = `${height}px`;
    this.charts[view]?.resize();
    this.mounting[view] ??= this._mount(view);
    return this.charts[view];
  }

  /**
   * @param {Shown[]} methods
   * @param {Run[]} runs
   * @param {Problem} problem
   */
  _time(methods, runs, problem) {
    const { measure, currency } = this.selection;
    const names = this._names();
    const scale = /** @type {import("./fixed_target.js").Scale} */ (
      scaleOf(runs, measure, currency)
    );
    const target =
      this.targets.get(this.targetKey) ??
      /** @type {number} */ (usualTarget(runs, measure, currency));
    this._target(scale, target);
    this.parts.about.textContent = t("gallery.time-about");
    const found = methods.map((one) => timeToTarget(one.runs, measure, currency, target));
    this._timeTable(methods, found);
    this.lines = [
      "data,network,loss,quantity,target,currency,method,runs,reached,expected_running_time,median".split(
        ",",
      ),
      ...methods.map(({ name, runs: all }, i) => [
        ...problemCells(problem),
        measure,
        String(target),
        currency,
        csvText(name),
        String(all.length),
        String(found[i].reached),
        number(found[i].ert),
        number(found[i].median),
      ]),
    ];
    const room = this.parts.places.time.clientWidth - 60;
    const labels = methods.map(({ name, method, runs: all }, i) => {
      const score = t("gallery.reached-of", { reached: found[i].reached, runs: all.length });
      // Bold letters are wider.
      const left = 0.9 * room - widthOf(score);
      const { apart } = nameParts({ label: name, method });
      if (widthOf(name) <= left || !apart)
        return { first: fitted(name, method, left, 1)[0], score, others: [] };
      const others = fitted(name, method, room, 2).slice(1);
      return { first: fitted(method, method, left, 1)[0], score, others };
    });
    const row = RUNS + LINE * Math.max(...labels.map(({ others }) => 1 + others.length));
    const chart = this._chart("time", methods.length * row + AROUND);
    if (!chart) return;
    /** Where the runs of a method are, in the middle. */
    const level = (/** @type {number} */ i) => -i - 0.5 + RUNS / 2 / row;
    const costs = found.map(({ times, ert }) => [
      ...times.map(({ spent }) => spent),
      ...(Number.isFinite(ert) ? [ert] : []),
    ]);
    const axis = logScale(costs, Infinity, 1e-12);
    const most = this.data.figures.time.data.length - 1;
    /** @type {Record<string, any[]>} */
    const traces = { x: [], y: [], text: [], "marker.symbol": [], "marker.color": [] };
    for (let i = 0; i < most; i++) {
      const { times } = found[i] ?? { times: [] };
      // Runs that spent the same are not on top of each other.
      const apart = Math.min(RUNS - 14, 7 * times.length);
      const symbol = this.data.palette.symbols[methods[i]?.look ?? 0];
      traces.x.push(times.map(({ spent }) => axis.place(spent)));
      traces.y.push(
        times.map(
          (_, n) =>
            level(i) + (apart / row) * (0.5 - (times.length > 1 ? n / (times.length - 1) : 0.5)),
        ),
      );
      traces.text.push(
        times.map(({ run, cost, spent }) => {
          const told = { cost: this._cost(spent), currency: names.currency };
          return [
            `<b>${plain(methods[i].name)}</b>`,
            plain(t("gallery.run-of", { name: run.recording, seed: run.seed })),
            t(cost === null ? "gallery.not-reached-by" : "gallery.reached-at", told),
          ].join("<br>");
        }),
      );
      traces["marker.symbol"].push(
        times.map(({ cost }) => (cost === null ? `${symbol}-open` : symbol)),
      );
      traces["marker.color"].push(methods[i]?.colour ?? this.colours[0]);
    }
    const expected = found.flatMap(({ ert }, i) => (Number.isFinite(ert) ? [{ ert, i }] : []));
    traces.x.push(expected.map(({ ert }) => axis.place(ert)));
    traces.y.push(expected.map(({ i }) => level(i)));
    traces.text.push(
      expected.map(({ ert, i }) =>
        [
          `<b>${plain(methods[i].name)}</b>`,
          t("gallery.ert-is", { cost: this._cost(ert), currency: names.currency }),
        ].join("<br>"),
      ),
    );
    traces["marker.symbol"].push(expected.map(() => "line-ns-open"));
    traces["marker.color"].push(expected.map(({ i }) => methods[i].colour));
    const { theme } = this;
    chart.update(
      traces,
      {
        ...currencyLog(axis, currency),
        "xaxis.title.text": t("gallery.time-axis", {
          ...names,
          sign: this.loss ? "≤" : "≥",
          target: this._value(target),
        }),
        ...linearAxis("yaxis", [-methods.length + 0.5, 0.5]),
        "yaxis.scale": null,
        "yaxis.tickmode": "array",
        "yaxis.tickvals": methods.slice(1).map((_, i) => -i - 0.5),
        "yaxis.ticktext": methods.slice(1).map(() => ""),
        annotations: methods.map(({ colour, look }, i) => {
          const { first, score, others } = labels[i];
          const head = `<span style="color:${colour}">${SHAPES[look]}</span> <b>${plain(first)}</b>  ${score}`;
          return {
            xref: "paper",
            x: 0,
            xanchor: "left",
            y: -i + 0.5,
            yanchor: "top",
            yshift: -3,
            borderpad: 0,
            align: "left",
            showarrow: false,
            text: [head, ...others.map((text) => `    ${plain(text)}`)].join("<br>"),
            font: { size: 12.5, color: theme?.text },
          };
        }),
      },
      traces.x.map((_, i) => i),
    );
    this.parts.places.time.setAttribute(
      "aria-label",
      t("gallery.time-label", { ...names, count: methods.length }),
    );
  }

  /**
   * The target in its field and on its slider.
   * @param {import("./fixed_target.js").Scale} scale
   * @param {number} target
   */
  _target(scale, target) {
    const names = this._names();
    this.parts.label.textContent = t(`gallery.target-at-${this.loss ? "most" : "least"}`, names);
    this.parts.number.setAttribute("aria-label", this.parts.label.textContent ?? "");
    this.parts.unit.hidden = this.loss;
    const digits = (/** @type {number} */ value) => Number(value.toPrecision(3));
    this.stops = targetsOf(scale, STOPS + 1).map(digits);
    // Rounded, the best value might be one that no run reached.
    this.stops[this.stops.length - 1] = scale.best;
    this.parts.slider.max = String(this.stops.length - 1);
    this.parts.slider.disabled = this.stops.length < 2;
    const far = this.stops.map((stop) =>
      scale.kind === "even" || target <= 0 || stop <= 0
        ? Math.abs(stop - target)
        : Math.abs(Math.log(stop / target)),
    );
    this.parts.slider.value = String(far.indexOf(Math.min(...far)));
    this.parts.slider.setAttribute("aria-valuetext", this._value(target));
    if (this.field !== this.targetKey) this._right();
    this.field = this.targetKey;
    if (this.parts.wrong.hidden)
      this.parts.number.value = String(Number((this.loss ? target : 100 * target).toPrecision(5)));
    this.parts.reset.disabled = !this.targets.has(this.targetKey);
  }

  /**
   * @param {Shown[]} methods
   * @param {ReturnType<typeof timeToTarget>[]} found
   */
  _timeTable(methods, found) {
    const names = this._names();
    const shown = found.map(({ ert }) => this._cost(ert));
    const least = Math.min(...found.map(({ ert }) => ert));
    const told = new Set(shown).size > 1 && Number.isFinite(least);
    this.parts.table.setAttribute("aria-label", t("gallery.time-table"));
    this.parts.table.replaceChildren(
      table(
        t("gallery.time-table"),
        ["method", "reached", "ert", "median"].map((name) => t(`gallery.column-${name}`, names)),
        methods,
        found.map(({ reached, median, times }, i) => [
          { text: t("gallery.reached-count", { reached, runs: times.length }) },
          { text: shown[i], best: told && shown[i] === this._cost(least) },
          { text: this._cost(median) },
        ]),
      ),
    );
  }

  /**
   * @param {Shown[]} methods
   * @param {Run[]} runs
   * @param {Problem} problem
   */
  _share(methods, runs, problem) {
    const { measure, currency } = this.selection;
    const names = this._names();
    const scale = /** @type {import("./fixed_target.js").Scale} */ (
      scaleOf(runs, measure, currency)
    );
    const targets = targetsOf(scale);
    this.parts.about.textContent = t("gallery.share-about", {
      ...names,
      count: targets.length,
      worst: this.loss ? formatNumber(scale.worst) : percent(scale.worst),
      best: this.loss ? formatNumber(scale.best) : percent(scale.best),
    });
    const found = methods.map((one) => shareReached(one.runs, measure, currency, targets));
    const half = found.map(
      ({ steps }) => steps.find(({ share }) => share >= 0.5)?.cost ?? Infinity,
    );
    this.parts.table.setAttribute("aria-label", t("gallery.share-table"));
    this.parts.table.replaceChildren(
      table(
        t("gallery.share-table"),
        ["method", "runs", "share", "half"].map((name) => t(`gallery.column-${name}`, names)),
        methods,
        found.map(({ share }, i) => [
          { text: String(methods[i].runs.length) },
          { text: percent(share) },
          { text: this._cost(half[i]) },
        ]),
      ),
    );
    this.lines = [
      "data,network,loss,quantity,targets,currency,method,runs,cost,share".split(","),
      ...methods.flatMap(({ name, runs: all }, i) => {
        const { steps, end, share } = found[i];
        const last = steps.at(-1)?.cost === end ? [] : [{ cost: end, share }];
        return [...steps, ...last].map((step) => [
          ...problemCells(problem),
          measure,
          String(targets.length),
          currency,
          csvText(name),
          String(all.length),
          String(step.cost),
          String(step.share),
        ]);
      }),
    ];
    const width = this.parts.places.share.clientWidth;
    const usual = width < 560 ? SHARE_HEIGHT.narrow : SHARE_HEIGHT.wide;
    const widest = Math.min(230, 0.37 * width);
    const labels = methods.map(({ name, method }) => fitted(name, method, widest - 26, 3));
    const needed = labels.reduce((sum, lines) => sum + LINE * lines.length + 3, 0);
    const height = Math.max(usual, needed + AROUND);
    const chart = this._chart("share", height);
    if (!chart) return;
    const axis = logScale(
      found.map(({ steps, end }) => [...steps.map(({ cost }) => cost), end]),
      Infinity,
      1e-12,
    );
    const most = (this.data.figures.share.data.length - 1) / 2;
    const [left, right] = axis.range.map((power) => 10 ** power);
    /** @type {Record<string, any[]>} */
    const traces = { x: [], y: [], text: [], "line.color": [], visible: [] };
    const add = (
      /** @type {(number | null)[]} */ x,
      /** @type {number[]} */ y,
      /** @type {string[]} */ text,
      /** @type {string} */ colour,
    ) => {
      traces.x.push(x);
      traces.y.push(y);
      traces.text.push(text);
      traces["line.color"].push(colour);
      traces.visible.push(x.length > 0);
    };
    for (let i = 0; i < most; i++) {
      if (!methods[i]) {
        add([], [], [], this.colours[0]);
        continue;
      }
      const { steps, end, share } = found[i];
      const points = [{ cost: left, share: 0 }, ...steps, { cost: end, share }];
      add(
        points.map(({ cost }) => axis.place(cost)),
        points.map((one) => one.share),
        points.map((one) =>
          [
            `<b>${plain(methods[i].name)}</b>`,
            t("gallery.share-at", {
              share: percent(one.share),
              cost: one.cost === left ? "0" : this._cost(one.cost),
              currency: names.currency,
            }),
          ].join("<br>"),
        ),
        methods[i].colour,
      );
    }
    for (let i = 0; i < most; i++)
      if (methods[i]) {
        const { end, share } = found[i];
        add([axis.place(end), right], [share, share], ["", ""], methods[i].colour);
      } else add([], [], [], this.colours[0]);
    add(
      found.map(({ end }) => axis.place(end)),
      found.map(({ share }) => share),
      [],
      this.colours[0],
    );
    traces["marker.color"] = [
      ...Array.from({ length: 2 * most }, () => undefined),
      methods.map(({ colour }) => colour),
    ];
    const top = 1.03;
    const unit = top / (height - AROUND + 4);
    const places = spread(
      found.map(({ share }, i) => ({ at: share, size: (LINE * labels[i].length + 3) * unit })),
      0,
      top,
    );
    const { theme } = this;
    const beside = Math.max(...labels.flat().map(widthOf)) + 26;
    chart.update(
      traces,
      {
        ...currencyLog(axis, currency),
        "xaxis.title.text": names.currency,
        ...shareAxis("yaxis", [0, top]),
        "yaxis.title.text": t("gallery.share-axis"),
        "margin.r": Math.ceil(Math.min(widest, beside)),
        annotations: methods.map(({ colour, look }, i) => ({
          xref: "paper",
          x: 1,
          xanchor: "left",
          xshift: 4,
          y: places[i],
          yanchor: "middle",
          align: "left",
          showarrow: false,
          borderpad: 0,
          text: `<span style="color:${colour}">${SHAPES[look]}</span> ${labels[i].map(plain).join("<br>    ")}`,
          font: { size: 12, color: theme?.text },
        })),
      },
      traces.x.map((_, i) => i),
    );
    this.parts.places.share.setAttribute(
      "aria-label",
      t("gallery.share-label", { ...names, count: methods.length }),
    );
  }

  destroy() {
    this.resize?.disconnect();
    for (const chart of Object.values(this.charts)) chart?.destroy();
  }
}

/**
 * A logarithmic axis of seconds, evaluations or FLOPs.
 * @param {import("../charts/axis_scale.js").Scale} scale
 * @param {import("./series.js").Currency} currency
 */
function currencyLog(scale, currency) {
  return {
    ...logAxis("xaxis", scale),
    "xaxis.scale": {
      log: true,
      floor: scale.floor,
      kind: currency === "seconds" ? "measure" : "count",
    },
  };
}

/**
 * What problems are called, no two alike.
 * @param {Problem[]} problems
 * @returns {string[]}
 */
export function problemNames(problems) {
  const short = problems.map(({ about }) =>
    [about.label, about.networkLabel, typeof about.loss === "string" ? about.loss : ""]
      .filter(Boolean)
      .join(" · "),
  );
  const told = short.map((name, i) => {
    const alike = problems.filter((_, n) => short[n] === name);
    if (alike.length < 2) return name;
    const apart = differences(alike.map(({ about }) => about)).flatMap(({ part, fields }) => {
      const { about } = problems[i];
      if (part === "moved") return about.moved.length ? [t("gallery.moved")] : [];
      const values = /** @type {Record<string, unknown>} */ (about[part] ?? {});
      return fields.map(
        (field) =>
          `${field.replaceAll("_", " ")} ${[values[field] ?? "–"].flat().join(", ").slice(0, 24)}`,
      );
    });
    return [name, ...apart].join(" · ");
  });
  return told.map((name, i) => {
    const before = told.slice(0, i).filter((other) => other === name).length;
    return before ? `${name} ${before + 1}` : name;
  });
}

/** A problem in three cells of CSV. @param {Problem} problem */
function problemCells({ about }) {
  return [about.label, about.networkLabel, String(about.loss ?? "")].map(csvText);
}

/** As Python and spreadsheets read it. @param {number} value */
function number(value) {
  return value === Infinity ? "inf" : String(value);
}

/**
 * @param {string} caption
 * @param {string[]} head
 * @param {Shown[]} methods
 * @param {{text: string, best?: boolean}[][]} rows
 */
function table(caption, head, methods, rows) {
  return make(
    "table",
    { class: "kg-table kg-methods", "data-testid": "fixed-results" },
    make("caption", { class: "kg-sr", text: caption }),
    make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col", text })))),
    make(
      "tbody",
      {},
      ...methods.map(({ name, colour, look }, i) =>
        make(
          "tr",
          {},
          make(
            "th",
            { scope: "row", title: name },
            make("i", { style: `color: ${colour}`, "aria-hidden": "true", text: SHAPES[look] }),
            `\u00a0${name}`,
          ),
          ...rows[i].map(({ text, best }) =>
            make(
              "td",
              { "data-best": best },
              text,
              best && make("span", { class: "kg-sr", text: ` ${t("gallery.best")}` }),
            ),
          ),
        ),
      ),
    ),
  );
}
