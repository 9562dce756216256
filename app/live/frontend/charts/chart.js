/** Plotly charts that are mounted once and only ever changed. */

import { ExpectedError } from "../data/errors.js";
import { ticksOf, widthOf } from "./axis_scale.js";
import { crossingsOf, paintLabels } from "./line_labels.js";
import { paintTraces, pairs, planeOf, restyle } from "./canvas_traces.js";
import { enablePinchZoom, hasTouch } from "./pinch_zoom.js";
import { ClickRecognizer } from "./pointer.js";

/** Room a tick on an upright axis wants, px. */
const TICK_ROOM = 24;
/** And on a lying one: "2×10⁻¹⁰". */
const TICK_WIDE = 68;
/** Between a tick and its axis, and in how large steps the room for ticks grows, px. */
const [BESIDE, STRIDE] = [5, 8];

/** Narrower charts have no room for names at the ends of lines, px. */
const LABELLED = 240;

/** What tests and benchmarks read. */
export const stats = {
  mounts: /** @type {Record<string, number>} */ ({}),
  drawn: 0,
  blanks: 0,
  firstDrawnAt: 0,
  drawMs: 0,
};

/** @type {Promise<any> | null} */
let loading = null;

/**
 * plotly.js, loaded once however many views there are.
 * @param {string} address
 * @returns {Promise<any>}
 */
export function loadPlotly(address) {
  if (/** @type {any} */ (window).Plotly)
    return Promise.resolve(/** @type {any} */ (window).Plotly);
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => resolve(/** @type {any} */ (window).Plotly);
    script.onerror = () => {
      loading = null;
      reject(new ExpectedError("plotly.js did not load"));
    };
    document.head.append(script);
  });
  return loading;
}

/**
 * One chart. A zoom made by hand stays until it is undone with a double click or another race
 * begins.
 */
export class Chart {
  /**
   * @param {string} name
   * @param {HTMLElement} element
   * @param {any} Plotly
   * @param {{data: any[], layout: any}} figure
   * @param {{painted?: boolean}} how `painted`: whether lines and markers are painted here, over
   *   Plotly's axes
   */
  constructor(name, element, Plotly, figure, { painted = false } = {}) {
    this.name = name;
    this.element = element;
    this.Plotly = Plotly;
    this.zoomed = false;
    /** Changes of ranges under way that are not a hand's. */ this._own = 0;
    /** @type {Record<string, string>} */ this._set = {};
    /**
     * @type {Record<string, {log: boolean, floor: import("./axis_scale.js").Floor | null, kind?:
     *   "measure" | "count" | "share", whole?: boolean}>} axes whose ticks are written here
     */
    this._scales = {};
    /** @type {import("./line_labels.js").LineLabel[]} names at the ends of lines */
    this.labels = [];
    /** @type {Map<string, boolean>} which of them are under their lines' ends, by colour */
    this._under = new Map();
    /** @type {import("./theme.js").Theme | null} what labels are painted in */ this.theme = null;
    /** Colour of the line under which there is nothing. */ this.faint = "#9a9088";
    stats.mounts[name] = (stats.mounts[name] ?? 0) + 1;
    /** Room at the left that the figure was made with, px. */
    this._left = figure.layout.margin?.l ?? 0;
    /** @type {any[] | null} the traces that are painted here */
    this.painted = painted ? figure.data : null;
    /** @type {Record<string, any>} what the layout was last asked to be */ this._wished = {};
    const blank = { type: "scatter", mode: "lines", x: [null], y: [null], hoverinfo: "skip" };
    const data = painted
      ? [
          ...figure.data.map((trace) => Object.assign(trace, { visible: false })),
          ...pairs(figure.data).map((axes) => ({ ...blank, ...axes })),
        ]
      : figure.data;
    // A finger that drew a zoom could not scroll the page past the chart.
    const fingers = hasTouch() && figure.layout.dragmode === "zoom";
    Plotly.newPlot(
      element,
      data,
      { ...figure.layout, autosize: true, ...(fingers ? { dragmode: false } : {}) },
      { displayModeBar: false, responsive: true, doubleClick: false },
    );
    /** @type {any} */ (element).on("plotly_relayout", (/** @type {any} */ change) => {
      if (this._own) return;
      const keys = Object.keys(change);
      if (keys.some((key) => key.includes("range[") || key.endsWith(".range"))) {
        this._zoom(true);
        this._retick();
      }
      if (keys.some((key) => key.includes("autorange"))) this.forgetZoom();
    });
    if (fingers) enablePinchZoom(element, Plotly);
    this.clicks = new ClickRecognizer(element, {
      waits: () => this.zoomed,
      double: () => this.zoomed && this._whole(),
    });
    if (painted) this._canvas();
  }

  /** A canvas over the axes, painted again whenever Plotly has drawn them. */
  _canvas() {
    this.canvas = document.createElement("canvas");
    this.canvas.className = "kv-overlay";
    this.canvas.dataset.traces = "";
    this.canvas.setAttribute("aria-hidden", "true");
    this.element.style.position = "relative";
    this.element.append(this.canvas);
    const paint = () => this._paint();
    for (const event of ["plotly_afterplot", "plotly_relayouting", "plotly_relayout"])
      /** @type {any} */ (this.element).on(event, paint);
  }

  _paint() {
    const { canvas, element, painted } = this;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const [width, height] = [element.clientWidth, element.clientHeight];
    if (!canvas || !painted || !width || !height) return;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio))
      Object.assign(canvas, {
        width: Math.round(width * ratio),
        height: Math.round(height * ratio),
      });
    const paint = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    paint.setTransform(ratio, 0, 0, ratio, 0, 0);
    paint.clearRect(0, 0, width, height);
    const { layout } = /** @type {any} */ (element);
    const axis = (/** @type {string} */ name) => `${name[0]}axis${name.slice(1)}`;
    paintTraces(paint, painted, ({ xaxis = "x", yaxis = "y" }) =>
      planeOf(layout, width, height, axis(xaxis), axis(yaxis)),
    );
    if (this.labels.length && this.theme && width >= LABELLED) {
      const plane = planeOf(layout, width, height);
      const how = { crossings: crossingsOf(painted, plane), under: this._under };
      paintLabels(paint, plane, this.labels, this.theme, how);
    }
  }

  /** The zoom is undone. */
  _whole() {
    if (!this.painted) return this.Plotly.relayout(this.element, this._autorange());
    this.forgetZoom();
    return this.update({}, this._wished, []);
  }

  /**
   * Change the looks of traces.
   * @param {Record<string, any>} changes
   * @param {number[]} traces
   */
  restyle(changes, traces) {
    if (!this.painted) return this.Plotly.restyle(this.element, changes, traces);
    restyle(this.painted, changes, traces);
    this._paint();
  }

  /**
   * Change traces and layout in one draw; axis ranges are left alone while zoomed by hand.
   * @param {any} data
   * @param {Record<string, any>} layout where "yaxis.scale" says `{log, floor, kind, whole}` of an
   *   axis whose ticks are to be written as numbers are everywhere
   * @param {number[]} traces
   */
  update(data, { ...layout }, traces) {
    this._wished = { ...this._wished, ...layout };
    for (const key of Object.keys(layout).filter((one) => one.endsWith(".scale"))) {
      const axis = key.slice(0, -".scale".length);
      if (layout[key]) this._scales[axis] = layout[key];
      else delete this._scales[axis];
      delete layout[key];
    }
    Object.assign(layout, this._ticks(layout));
    // What the layout has already is not set again: every change of it is another pass over the
    // whole chart.
    const wanted = Object.fromEntries(
      Object.entries(layout).filter(
        ([key, value]) =>
          !(this.zoomed && key.includes("range")) && this._set[key] !== JSON.stringify(value),
      ),
    );
    for (const key of Object.keys(wanted)) this._set[key] = JSON.stringify(wanted[key]);
    if (this.painted) {
      restyle(this.painted, data, traces);
      if (Object.keys(wanted).length) this._ours(this.Plotly.relayout(this.element, wanted));
      this._paint();
    } else if (Object.keys(wanted).length)
      this._ours(this.Plotly.update(this.element, data, wanted, traces));
    else this.Plotly.restyle(this.element, data, traces);
    this._count();
    if (!this.element.querySelector(".main-svg")) stats.blanks++;
  }

  /**
   * The ticks of the axes that are written here, and the line of a floor.
   * @param {Record<string, any>} layout that is to be, over the one there is
   * @returns {Record<string, any>}
   */
  _ticks(layout) {
    const now = /** @type {any} */ (this.element).layout ?? {};
    /** @type {Record<string, any>} */ const ticks = {};
    const floors = [];
    let beside = 0;
    for (const [axis, { log, floor, kind, whole }] of Object.entries(this._scales)) {
      const range = (this.zoomed ? null : layout[`${axis}.range`]) ?? now[axis]?.range;
      if (!range) continue;
      const share = (now[axis]?.domain ?? [0, 1]).reduce(
        (/** @type {number} */ from, /** @type {number} */ to) => to - from,
      );
      const room = axis.startsWith("y")
        ? Math.max(2, Math.floor((share * (this.element.clientHeight - 40)) / TICK_ROOM))
        : Math.max(2, Math.floor((this.element.clientWidth - 60) / TICK_WIDE));
      const { tickvals, ticktext } = ticksOf(
        range,
        log,
        floor,
        Math.min(whole ? Math.ceil(Math.abs(range[1] - range[0])) : 8, 8, room),
        kind,
      );
      Object.assign(ticks, {
        [`${axis}.tickmode`]: "array",
        [`${axis}.tickvals`]: tickvals,
        [`${axis}.ticktext`]: ticktext,
      });
      if (axis.startsWith("y")) beside = Math.max(beside, ...ticktext.map(widthOf));
      if (floor && axis.startsWith("y"))
        floors.push({
          type: "line",
          xref: "x domain",
          yref: axis.replace("axis", ""),
          x0: 0,
          x1: 1,
          y0: floor.at,
          y1: floor.at,
          line: { color: this.faint, width: 1, dash: "dot" },
          layer: "below",
        });
    }
    // Ticks longer than the figure has room for, such as −2.5×10³², would lose their beginning.
    const left = Math.max(this._left, Math.ceil((beside + BESIDE) / STRIDE) * STRIDE);
    if (now.margin && now.margin.l !== left) ticks["margin.l"] = left;
    if (floors.length || this._floored) ticks.shapes = floors;
    this._floored = floors.length > 0;
    return ticks;
  }

  /** A hand has zoomed: other ticks. */
  _retick() {
    const { shapes: _, ...ticks } = this._ticks({});
    if (Object.keys(ticks).length) this.relayout(ticks);
  }

  /** What frees every axis: the next draw sets the ranges that are set at all. */
  _autorange() {
    const axes = Object.keys(/** @type {any} */ (this.element)._fullLayout).filter((key) =>
      /^[xy]axis\d*$/.test(key),
    );
    return Object.fromEntries(axes.map((axis) => [`${axis}.autorange`, true]));
  }

  /** @param {any} layout */
  relayout(layout) {
    this._ours(this.Plotly.relayout(this.element, layout));
  }

  /**
   * Plotly tells of a change once it is done, which is later than the call.
   * @param {Promise<any> | undefined} change
   */
  _ours(change) {
    this._own++;
    const done = () => this._own--;
    Promise.resolve(change).then(done, done);
  }

  /** How many points of a curve the chart's width has room for. */
  get points() {
    const width = /** @type {any} */ (this.element)._fullLayout?.width ?? 400;
    return Math.max(160, Math.min(600, Math.round(0.75 * width)));
  }

  /** The chart's place has another size than before, or is seen again. */
  resize() {
    const { clientWidth: width, clientHeight: height } = this.element;
    const now = /** @type {any} */ (this.element)._fullLayout;
    if (width && height && now && (now.width !== width || now.height !== height))
      this.Plotly.Plots.resize(this.element);
  }

  /** Another race: the zoom of the last one means nothing to it. */
  forgetZoom() {
    this._under.clear();
    this._zoom(false);
    this._set = {};
  }

  /** @param {boolean} zoomed whether a hand has zoomed */
  _zoom(zoomed) {
    this.zoomed = zoomed;
    this.element.toggleAttribute("data-zoomed", zoomed);
  }

  /** Say how many points every trace has. */
  _count() {
    const traces = this.painted ?? /** @type {any} */ (this.element).data ?? [];
    const counts = traces.map((/** @type {any} */ { x, z }) => (x ?? z)?.length ?? 0).join();
    if (this.element.dataset.points !== counts) this.element.dataset.points = counts;
  }

  destroy() {
    this.canvas?.remove();
    this.clicks.destroy();
    this.Plotly.purge(this.element);
  }
}

/**
 * A figure in a theme before it is mounted: dressing it afterwards would cost a pass over the whole
 * chart for every trace.
 * @param {{data: any[], layout: any}} figure
 * @param {import("./theme.js").Theme} theme
 * @param {string[]} axes
 * @param {(trace: any, index: number) => void} paint gives a trace its colours
 */
export function predress(figure, theme, axes, paint) {
  const copy = structuredClone(figure);
  for (const [path, value] of Object.entries(dress(theme, axes))) {
    const keys = path.split(".");
    const last = /** @type {string} */ (keys.pop());
    keys.reduce((at, key) => (at[key] ??= {}), copy.layout)[last] = value;
  }
  copy.data.forEach(paint);
  return copy;
}

/**
 * Layout changes that dress a chart in a theme.
 * @param {import("./theme.js").Theme} theme
 * @param {string[]} axes
 * @returns {any}
 */
export function dress(theme, axes) {
  /** @type {any} */
  const layout = {
    "font.color": theme.faint,
    "font.family": theme.font,
    "hoverlabel.bgcolor": theme.surface,
    "hoverlabel.font.color": theme.text,
  };
  for (const axis of axes) {
    layout[`${axis}.gridcolor`] = theme.grid;
    layout[`${axis}.linecolor`] = theme.grid;
    layout[`${axis}.tickfont.color`] = theme.faint;
    layout[`${axis}.title.font.color`] = theme.faint;
  }
  return layout;
}
