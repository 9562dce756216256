/**
 * Where the weights are: the landscape on a plane through weight space, with everybody's path, cloud and estimate.
 *
 * Plotly draws what seldom changes: axes, landscape, start. What moves in every frame is painted on a canvas over it, aligned with Plotly's axes: a change of any Plotly trace costs
 * ten milliseconds and more however few points it has, a thousand discs on a canvas cost one.
 */

import { Chart, dress, predress } from "../charts.js";
import { columns, rows } from "../decode.js";
import { small } from "../format.js";
import { mix } from "../theme.js";

const DISC = 3;
const HEAD = 6.5;
const TURN = 2 * Math.PI;

export class WeightsPanel {
  /** @param {HTMLElement} element @param {any} Plotly @param {any} figure @param {import("../theme.js").Theme} theme @param {string[]} colours @param {any} palette */
  constructor(element, Plotly, figure, theme, colours, palette) {
    const dressed = predress(figure, theme, ["xaxis", "yaxis"], (trace, i) => {
      if (i === 0) trace.colorscale = theme.dark ? palette.landscapeOnDark : palette.landscape;
      else Object.assign(trace, { x: [0], y: [0], marker: { ...trace.marker, color: theme.text }, textfont: { color: theme.faint } });
    });
    this.chart = new Chart("weights", element, Plotly, dressed);
    this.palette = palette;
    this.theme = theme;
    this.landscape = "";
    this.view = "";
    this.colours = colours;
    /** @type {import("../view.js").Moment | null} */ this.last = null;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "kv-overlay";
    this.canvas.setAttribute("aria-hidden", "true");
    element.append(this.canvas);
    this.tip = document.createElement("div");
    this.tip.className = "kv-tip";
    this.tip.hidden = true;
    element.append(this.tip);
    const repaint = () => this.last && this._paint(this.last);
    /** @type {any} */ (element).on("plotly_relayouting", repaint);
    /** @type {any} */ (element).on("plotly_relayout", repaint);
    element.addEventListener("mousemove", (event) => this._hover(event));
    element.addEventListener("mouseleave", () => (this.tip.hidden = true));
  }

  /** @param {import("../theme.js").Theme} theme @param {string[]} colours @param {any} palette */
  dress(theme, colours, palette) {
    this.colours = colours;
    this.palette = palette;
    this.theme = theme;
    const { Plotly, element } = this.chart;
    this.chart.relayout(dress(theme, ["xaxis", "yaxis"]));
    Plotly.restyle(element, { colorscale: [theme.dark ? palette.landscapeOnDark : palette.landscape] }, [0]);
    Plotly.restyle(element, { "marker.color": theme.text, "textfont.color": theme.faint }, [1]);
  }

  /** @param {import("../view.js").Moment} moment @returns {{note: string, summary: string}} */
  draw(moment) {
    const { picture, stage, metric } = moment;
    if (!picture) return { note: "", summary: "No weights to show yet." };
    this.last = moment;
    this._drawPlane(picture, moment.run);
    this._paint(moment);
    const plane = picture.plane;
    const how = plane.kind === "pca" && plane.explained !== null ? `PCA plane · ${Math.round(100 * plane.explained)}\u202f% of the spread` : "random plane";
    const off = stage.lanes.map((/** @type {any} */ lane, /** @type {number} */ i) => `${lane.label} lies ${small(picture.lanes[i].off_plane)} off the plane`);
    const step = metric?.lanes.map((/** @type {any} */ lane) => lane.step).join(" and ");
    return { note: how, summary: `${how}, after ${step} steps. ${off.join("; ")}.` };
  }

  /** Axes and landscape, where they are others than before. @param {any} picture @param {number} run */
  _drawPlane({ landscape, plane }, run) {
    const view = `${run} ${plane.x} ${plane.y} ${this.chart.zoomed}`;
    const name = landscape ? `${run}/${landscape.id}` : "";
    if (name === this.landscape && view === this.view) return;
    const layout = { "xaxis.range": plane.x, "yaxis.range": plane.y };
    if (landscape && name !== this.landscape) {
      const z = rows(landscape.z).map((row) => row.map((value) => Math.log10(Math.max(value, 1e-6))));
      const [height, width] = landscape.z.shape;
      const along = (/** @type {[number, number]} */ [from, to], /** @type {number} */ n) => Array.from({ length: n }, (_, i) => from + ((to - from) * i) / (n - 1));
      this.chart.update({ x: [along(landscape.x, width)], y: [along(landscape.y, height)], z: [z] }, layout, [0]);
    } else if (!this.chart.zoomed) this.chart.relayout(layout);
    this.landscape = name;
    this.view = view;
  }

  /** Where the plane lies on the canvas: Plotly's axis ranges and the figure's own margins. */
  _place() {
    const { element } = this.chart;
    const { margin, xaxis, yaxis } = /** @type {any} */ (element).layout;
    const width = element.clientWidth - margin.l - margin.r;
    const height = element.clientHeight - margin.t - margin.b;
    const [x0, x1] = xaxis.range;
    const [y0, y1] = yaxis.range;
    return {
      box: { left: margin.l, top: margin.t, width, height },
      x: (/** @type {number} */ value) => margin.l + ((value - x0) / (x1 - x0)) * width,
      y: (/** @type {number} */ value) => margin.t + height - ((value - y0) / (y1 - y0)) * height,
    };
  }

  /** @param {import("../view.js").Moment} moment */
  _paint(moment) {
    const { element } = this.chart;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const [width, height] = [element.clientWidth, element.clientHeight];
    if (!width || !height) return;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    const paint = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    paint.setTransform(ratio, 0, 0, ratio, 0, 0);
    paint.clearRect(0, 0, width, height);
    const { box, x, y } = this._place();
    paint.save();
    paint.beginPath();
    paint.rect(box.left, box.top, box.width, box.height);
    paint.clip();
    const surface = this.theme?.surface ?? "#ffffff";
    moment.picture.lanes.forEach((/** @type {any} */ lane, /** @type {number} */ i) => {
      const path = columns(lane.path);
      paint.beginPath();
      path.x.forEach((at, n) => (n ? paint.lineTo(x(at), y(path.y[n])) : paint.moveTo(x(at), y(path.y[n]))));
      paint.strokeStyle = this.colours[i];
      paint.globalAlpha = 0.7;
      paint.lineWidth = 1.8;
      paint.lineJoin = "round";
      paint.stroke();
    });
    moment.picture.lanes.forEach((/** @type {any} */ lane, /** @type {number} */ i) => {
      if (!lane.cloud) return;
      const heat = moment.heat(i);
      const cloud = lane.cloud.data;
      const disc = lane.cloud.shape[0] > 100 ? DISC : DISC + 0.7;
      paint.globalAlpha = 0.85;
      paint.fillStyle = heat === null ? this.colours[i] : mix(this.palette.temperature, heat);
      paint.beginPath();
      for (let n = 0; n < cloud.length; n += 2) {
        const [at, up] = [x(cloud[n]), y(cloud[n + 1])];
        paint.moveTo(at + disc, up);
        paint.arc(at, up, disc, 0, TURN);
      }
      paint.fill();
    });
    paint.globalAlpha = 1;
    moment.picture.lanes.forEach((/** @type {any} */ lane, /** @type {number} */ i) => {
      head(paint, i, x(lane.estimate[0]), y(lane.estimate[1]));
      paint.fillStyle = this.colours[i];
      paint.strokeStyle = surface;
      paint.lineWidth = 2;
      paint.fill();
      paint.stroke();
    });
    paint.restore();
  }

  /** The loss of the particle under the pointer. @param {MouseEvent} event */
  _hover(event) {
    this.tip.hidden = true;
    if (!this.last) return;
    const bounds = this.chart.element.getBoundingClientRect();
    const [left, top] = [event.clientX - bounds.left, event.clientY - bounds.top];
    const { x, y } = this._place();
    let nearest = 64;
    this.last.picture.lanes.forEach((/** @type {any} */ lane, /** @type {number} */ i) => {
      const cloud = lane.cloud?.data ?? [];
      for (let n = 0; n < cloud.length; n += 2) {
        const far = (x(cloud[n]) - left) ** 2 + (y(cloud[n + 1]) - top) ** 2;
        if (far >= nearest) continue;
        nearest = far;
        const loss = lane.cloud_loss?.data[n / 2];
        this.tip.textContent = `${this.last?.stage.lanes[i].label}, particle ${n / 2 + 1}${loss === undefined ? "" : `: loss ${small(loss)}`}`;
        this.tip.style.left = `${Math.min(left + 12, bounds.width - 190)}px`;
        this.tip.style.top = `${Math.max(4, top - 30)}px`;
        this.tip.hidden = false;
      }
    });
  }

  reset() {
    this.landscape = this.view = "";
  }
}

/** The marker of a lane: circle, square, diamond, triangle. @param {CanvasRenderingContext2D} paint @param {number} lane @param {number} x @param {number} y */
function head(paint, lane, x, y) {
  paint.beginPath();
  if (lane === 0) paint.arc(x, y, HEAD, 0, TURN);
  else if (lane === 1) paint.rect(x - HEAD * 0.88, y - HEAD * 0.88, HEAD * 1.76, HEAD * 1.76);
  else {
    const corners = lane === 2 ? [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]] : [[0, -1.2], [1.15, 0.85], [-1.15, 0.85]];
    corners.forEach(([dx, dy], i) => (i ? paint.lineTo(x + dx * HEAD, y + dy * HEAD) : paint.moveTo(x + dx * HEAD, y + dy * HEAD)));
    paint.closePath();
  }
}
