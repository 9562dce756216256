/**
 * Moments marked on a time axis: the one pointed at on any chart, and what was done by hand.
 *
 * A canvas over the chart, aligned with Plotly's axes; Plotly itself is not touched, so that
 * pointing costs next to nothing.
 */

import { groupInterventions, groupText, SIGNS } from "../data/interventions.js";
import { amount, SHAPES } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";
import { shape } from "./lane_markers.js";

/** A flag's cloth, the pole under it, and how near flags of one kind become one. */
const [CLOTH, POLE, ROOM] = [13, 5, 16];
const DOT = 3.6;

/** @typedef {ReturnType<TimeMarkers["_place"]>} Plane */
/**
 * @typedef {{hovered: number | null, hover: (index: number | null) => void, show: (index: number)
 *   => void, history: () => import("../data/history.js").History}} MomentPointer what marks the
 *   same moment on every chart, and shows it
 */

export class TimeMarkers {
  /**
   * @param {HTMLElement} place of the chart
   * @param {any} panel whose chart has a time axis; its `tell(row, moment, lane)` says a lane's
   *   value in words, its `spot(row, moment, lane)` where on the y axis it is drawn
   * @param {MomentPointer} api
   */
  constructor(place, panel, api) {
    this.place = place;
    this.panel = panel;
    this.chart = panel.chart;
    this.api = api;
    /** @type {import("../data/frame_view.js").FrameView | null} */ this.moment = null;
    place.style.position = "relative";
    this.canvas = document.createElement("canvas");
    this.canvas.className = "kv-overlay";
    this.canvas.setAttribute("aria-hidden", "true");
    this.read = document.createElement("div");
    this.read.className = "kv-read";
    this.read.hidden = true;
    place.append(this.canvas, this.read);
    /** @type {any} */ (place).on("plotly_relayout", () => this._paint());
    place.addEventListener("pointermove", (event) => this._move(event));
    place.addEventListener("pointerleave", () => {
      this.here = false;
      api.hover(null);
      this._tell(null);
    });
    this._click();
  }

  /** @param {import("../data/frame_view.js").FrameView} moment */
  draw(moment) {
    this.moment = moment;
    this._paint();
  }

  /** Another moment is pointed at, here or elsewhere. @param {number | null} index */
  point(index) {
    this._paint();
    if (!this.here) this._tell(null);
    else this._tell(index);
  }

  destroy() {
    this.canvas.remove();
    this.read.remove();
  }

  /** The chart's plane in pixels, where values of its axes lie in it, and the other way round. */
  _place() {
    const { layout } = /** @type {any} */ (this.place);
    const { margin, xaxis } = layout;
    const [from, to] = xaxis.range ?? [0, 1];
    const width = this.place.clientWidth - margin.l - margin.r;
    const [top, bottom] = [margin.t, this.place.clientHeight - margin.b];
    return {
      left: margin.l,
      width,
      top,
      bottom,
      x: (/** @type {number} */ value) => margin.l + ((value - from) / (to - from)) * width,
      y: (/** @type {number} */ value, axis = "yaxis") => {
        const { range: [low, high] = [0, 1], domain: [foot, head] = [0, 1], type } = layout[axis];
        const share = ((type === "log" ? Math.log10(value) : value) - low) / (high - low);
        return bottom - (foot + share * (head - foot)) * (bottom - top);
      },
      value: (/** @type {number} */ pixel) => from + ((pixel - margin.l) / width) * (to - from),
    };
  }

  _paint() {
    const { canvas, moment } = this;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const [width, height] = [
      Math.round(this.place.clientWidth * ratio),
      Math.round(this.place.clientHeight * ratio),
    ];
    if (!moment || !width || !height) return;
    if (canvas.width !== width || canvas.height !== height)
      [canvas.width, canvas.height] = [width, height];
    const paint = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    paint.setTransform(ratio, 0, 0, ratio, 0, 0);
    paint.clearRect(0, 0, canvas.width, canvas.height);
    const plane = this._place();
    const style = getComputedStyle(this.place);
    paint.save();
    paint.beginPath();
    paint.rect(
      plane.left - CLOTH,
      plane.top,
      plane.width + 2 * CLOTH,
      plane.bottom - plane.top + CLOTH,
    );
    paint.clip();
    this._paintFlags(paint, plane, style);
    const rows = this.api.hovered === null ? null : this._rowsAt(this.api.hovered);
    if (rows) this._paintMoment(paint, plane, rows, style);
    paint.restore();
  }

  /**
   * The lanes' rows at a moment, as the panel shows them.
   * @param {number} index
   * @returns {any[] | null}
   */
  _rowsAt(index) {
    const moment = /** @type {import("../data/frame_view.js").FrameView} */ (this.moment);
    if (this.panel.rowsAt) return this.panel.rowsAt(index, moment);
    return moment.metrics[index]?.lanes ?? null;
  }

  /**
   * A thin line at the moment pointed at, or one for every lane where they stand apart, and the
   * lanes' markers on their curves.
   * @param {CanvasRenderingContext2D} paint
   * @param {Plane} plane
   * @param {any[]} rows one for each lane
   * @param {CSSStyleDeclaration} style
   */
  _paintMoment(paint, plane, rows, style) {
    const moment = /** @type {import("../data/frame_view.js").FrameView} */ (this.moment);
    const spots = rows.map((/** @type {any} */ one) => plane.x(one[moment.currency]));
    const together = Math.max(...spots) - Math.min(...spots) < 3;
    paint.lineWidth = 1;
    paint.setLineDash([4, 3]);
    spots.forEach((/** @type {number} */ at, /** @type {number} */ lane) => {
      if (together && lane) return;
      paint.beginPath();
      paint.moveTo(at, plane.top);
      paint.lineTo(at, plane.bottom);
      paint.strokeStyle = style.getPropertyValue(together ? "--kv-faint" : `--lane-${lane}`);
      paint.stroke();
    });
    paint.setLineDash([]);
    paint.strokeStyle = style.getPropertyValue("--kv-surface");
    paint.lineWidth = 1.5;
    spots.forEach((/** @type {number} */ at, /** @type {number} */ lane) => {
      const up = plane.y(
        this.panel.spot?.(rows[lane], moment, lane) ?? Number.NaN,
        this.panel.axis?.(rows[lane]),
      );
      if (!(up >= plane.top && up <= plane.bottom)) return;
      paint.beginPath();
      shape(paint, lane, at, up, DOT);
      paint.fillStyle = style.getPropertyValue(`--lane-${lane}`);
      paint.fill();
      paint.stroke();
    });
  }

  /**
   * Flags on the time axis: the lane's colour and marker at the foot of the pole, a sign for what
   * was done on the cloth.
   * @param {CanvasRenderingContext2D} paint
   * @param {Plane} plane
   * @param {CSSStyleDeclaration} style
   */
  _paintFlags(paint, plane, style) {
    paint.font = `700 11px ${style.fontFamily}`;
    paint.textAlign = "center";
    paint.textBaseline = "middle";
    for (const { lane, at, top, last } of this._flags(plane)) {
      const colour = style.getPropertyValue(lane === null ? "--kv-text" : `--lane-${lane}`);
      paint.strokeStyle = paint.fillStyle = colour;
      paint.lineWidth = 1.5;
      paint.beginPath();
      paint.moveTo(at, top);
      paint.lineTo(at, plane.bottom);
      paint.stroke();
      paint.beginPath();
      if (lane !== null) shape(paint, lane, at, plane.bottom, DOT);
      paint.roundRect(at - 0.75, top, CLOTH, CLOTH, [0, 4, 4, 0]);
      paint.fill();
      paint.fillStyle = style.getPropertyValue("--kv-surface");
      paint.fillText(SIGNS[last.kind] ?? "!", at + CLOTH / 2 - 0.5, top + CLOTH / 2 + 0.5);
    }
  }

  /**
   * What was done by hand and where its flag hangs: over another one where they would cover each
   * other.
   * @param {Plane} plane
   */
  _flags(plane) {
    const { moment } = this;
    if (!moment?.events.length) return [];
    const placed = moment.events.map((event) => {
      const rows = moment.metrics[event.at]?.lanes ?? [];
      const lane = event.lane ?? null;
      const value =
        lane === null
          ? Math.max(...rows.map((/** @type {any} */ row) => row[moment.currency]))
          : rows[lane]?.[moment.currency];
      return { event, lane, at: plane.x(value ?? Number.NaN) };
    });
    /** @type {number[]} where the last flag of every row hangs */ const rows = [];
    return groupInterventions(placed, ROOM)
      .sort((a, b) => a.at - b.at)
      .map((group) => {
        let row = rows.findIndex((at) => group.at - at > CLOTH + 2);
        if (row < 0) row = rows.length < 4 ? rows.length : 3;
        rows[row] = group.at;
        return { ...group, top: plane.bottom - POLE - (row + 1) * CLOTH - row };
      });
  }

  /**
   * The nearest moment to a place on the axis: of the lane that comes nearest.
   * @param {number} value
   */
  _nearest(value) {
    const { metrics, currency, stage } = /** @type {import("../data/frame_view.js").FrameView} */ (
      this.moment
    );
    let best = 0;
    let far = Infinity;
    for (let lane = 0; lane < stage.lanes.length; lane++) {
      let low = 0;
      let high = metrics.length - 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((metrics[middle].lanes[lane]?.[currency] ?? 0) < value) low = middle + 1;
        else high = middle;
      }
      for (const index of [low - 1, low]) {
        const off =
          index < 0
            ? Infinity
            : Math.abs((metrics[index].lanes[lane]?.[currency] ?? Infinity) - value);
        if (off < far) [best, far] = [index, off];
      }
    }
    return best;
  }

  /** @param {PointerEvent} event */
  _move(event) {
    if (!this.moment?.metrics.length) return;
    const bounds = this.place.getBoundingClientRect();
    const [left, top] = [event.clientX - bounds.left, event.clientY - bounds.top];
    const plane = this._place();
    this.here =
      left >= plane.left - 4 &&
      left <= plane.left + plane.width + 4 &&
      top >= plane.top &&
      top <= plane.bottom + DOT;
    if (!this.here) {
      this.api.hover(null);
      return this._tell(null);
    }
    const flag = this._flags(plane).find(
      (one) =>
        left >= one.at - 4 &&
        left <= one.at + CLOTH + 2 &&
        top >= one.top - 2 &&
        top <= one.top + CLOTH + POLE,
    );
    const index = flag ? flag.last.at : this._nearest(plane.value(left));
    this.api.hover(index);
    this.read.classList.toggle("kv-read-right", left < plane.left + plane.width / 2);
    this._tell(index, flag);
  }

  /**
   * @param {number | null} index
   * @param {import("../data/interventions.js").InterventionGroup} [group] done by hand, to be told
   *   instead
   */
  _tell(index, group) {
    const { moment, read } = this;
    const there = index === null || !moment ? null : moment.metrics[index];
    read.hidden = !there;
    if (index === null || !there || !moment) return;
    if (group) {
      read.textContent =
        `${SIGNS[group.last.kind] ?? ""} ${groupText(group, moment.stage, this.api.history().events)}`.trim();
      return;
    }
    /** @type {any[]} */ const rows = this._rowsAt(index) ?? there.lanes;
    const each = (/** @type {(one: any) => string} */ tell) =>
      [...new Set(rows.map(tell))].join(" / ");
    const spent = t(`time.${moment.currency}`, {
      amount: each((one) => amount(one[moment.currency], moment.currency)),
    });
    const when = document.createElement("b");
    when.textContent = `${spent} · ${t("time.step", { steps: each((one) => Math.round(one.step).toLocaleString("en")) })}`;
    const values = rows.map((one, lane) => {
      const value = document.createElement("span");
      const marker = document.createElement("i");
      marker.textContent = SHAPES[lane];
      marker.style.color = `var(--lane-${lane})`;
      value.append(marker, ` ${this.panel.tell?.(one, moment, lane) ?? ""}`);
      return value;
    });
    read.replaceChildren(when, ...values);
  }

  /**
   * A click shows that moment everywhere; what is a click, and not half of two, is told by the
   * chart.
   */
  _click() {
    // Plotly lays a cover over the whole page while a button is down: what was pointed at is known
    // only before.
    /** @type {WeakMap<Event, number>} */ const pointed = new WeakMap();
    this.place.addEventListener(
      "pointerdown",
      (event) => {
        this._move(event); // a finger comes without moving first
        if (this.here && this.api.hovered !== null) pointed.set(event, this.api.hovered);
      },
      true,
    );
    this.chart.clicks.single = (/** @type {PointerEvent} */ down) => {
      const index = pointed.get(down);
      if (index !== undefined) this.api.show(index);
    };
  }
}
