/**
 * Where the weights are: the landscape on a plane through weight space, with everybody's path,
 * cloud and estimate.
 *
 * Plotly draws what seldom changes: axes and landscape. What moves in every frame is painted on a
 * canvas over it, aligned with Plotly's axes: a change of any Plotly trace costs ten milliseconds
 * and more however few points it has, a thousand discs on a canvas cost one.
 */

import { sameScale } from "../../charts/axis_scale.js";
import { Chart, dress, predress } from "../../charts/chart.js";
import { halo, shape } from "../../charts/lane_markers.js";
import { heatScale, mixColours } from "../../charts/theme.js";
import { columns, rows } from "../../data/messages.js";
import { formatNumber } from "../../i18n/format.js";
import { t } from "../../i18n/i18n.js";
import { linearAxis } from "../loss.js";
import { Motion } from "./motion.js";
import { Particles } from "./particles.js";
import { PlaneChoice, planeText } from "./plane_choice.js";
import { pointedMarkers } from "./pointed_markers.js";

const DISC = 3;
const HEAD = 6.5;

/** @typedef {{left: number, top: number, width: number, height: number}} Box */
/** @typedef {{right: boolean, below: boolean}} Corner */
/** Height of a note in a corner of the plane, and what it keeps from the edges, px. */
const NOTE = 30;

/**
 * @typedef {(paint: CanvasRenderingContext2D, plane: {x: (value: number) => number, y: (value:
 *   number) => number, moment: import("../../data/frame_view.js").FrameView}) => void} Painter
 */

export class WeightsPanel {
  /** @param {import("../registry.js").Kit} kit */
  constructor(kit) {
    const { place: element, tools, Plotly, figure, theme, colours, palette, api } = kit;
    this.tools = tools;
    this.api = api;
    const dressed = predress(figure, theme, ["xaxis", "yaxis"], (trace) => {
      trace.colorscale = this.scale(theme, palette);
    });
    this.chart = new Chart("weights", element, Plotly, dressed);
    this.palette = palette;
    this.theme = theme;
    this.landscape = "";
    this.view = "";
    /** @type {Corner} of the plane in which the note stands */
    this.corner = {
      right: true,
      below: true,
    };
    /**
     * @type {{x: [number, number], y: [number, number]} | null} the part of the plane that is
     *   shown, where it is not all of it
     */
    this.part = null;
    this.colours = colours;
    /** @type {import("../../data/frame_view.js").FrameView | null} */ this.last = null;
    /** @type {Map<string, Painter>} what others paint over it */ this.overlays = new Map();
    this.motion = new Motion();
    /** @type {any} the picture drawn last */ this.came = null;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "kv-overlay";
    this.canvas.setAttribute("aria-hidden", "true");
    element.append(this.canvas);
    const repaint = () => this.last && this._paint(this.last);
    /** @type {any} */ (element).on("plotly_relayouting", repaint);
    /** @type {any} */ (element).on("plotly_relayout", repaint);
    this.particles = new Particles(element, () => this._place(), kit, repaint);
    this.planes = this._planes(tools);
    this.chart.clicks.single = (/** @type {PointerEvent} */ event) => this._click(event);
  }

  /**
   * The choice of planes.
   * @param {HTMLElement} tools
   * @returns {PlaneChoice | null}
   */
  _planes(tools) {
    return new PlaneChoice(tools, this.api);
  }

  /**
   * A click on a particle follows it.
   * @param {PointerEvent} event
   * @returns {boolean} whether it was one
   */
  _click(event) {
    return this.particles.click(event);
  }

  /**
   * The colours from low to high.
   * @param {import("../../charts/theme.js").Theme} theme
   * @param {any} palette
   */
  scale(theme, palette) {
    return theme.dark ? palette.landscapeOnDark : palette.landscape;
  }

  /**
   * @param {import("../../charts/theme.js").Theme} theme
   * @param {string[]} colours
   * @param {any} palette
   */
  dress(theme, colours, palette) {
    this.colours = colours;
    this.palette = palette;
    this.theme = theme;
    this.particles.dress(theme, palette);
    const { Plotly, element } = this.chart;
    this.chart.relayout(dress(theme, ["xaxis", "yaxis"]));
    Plotly.restyle(element, { colorscale: [this.scale(theme, palette)] }, [0]);
  }

  /**
   * @param {import("../../data/frame_view.js").FrameView} moment
   * @returns {{note: string, summary: string}}
   */
  draw(moment) {
    const { picture, stage, metric } = moment;
    if (!picture) return { note: "", summary: t("touch.no-weights") };
    this.last = moment;
    this._drawPlane(picture, moment.run);
    this.particles.see(moment);
    this._paint(moment);
    this.planes?.show(picture.plane);
    const off = stage.lanes.map((/** @type {any} */ lane, /** @type {number} */ i) =>
      t("touch.off-plane", { lane: lane.label, off: formatNumber(picture.lanes[i].off_plane) }),
    );
    const step = metric?.lanes.map((/** @type {any} */ lane) => lane.step).join(", ");
    // Beside the title the choice of the plane says it; the note is for where there is no choice.
    return {
      note: planeText(picture.plane),
      summary: `${t("touch.after", { plane: planeText(picture.plane), steps: step })} ${off.join("; ")}.`,
    };
  }

  /** Between two pictures: move the particles on. @param {number} now ms */
  tween(now) {
    if (!this.last?.picture || !this.motion.from || this.overlays.has("stages")) return;
    if (!this.motion.moving(now)) this.motion.stop();
    const began = performance.now();
    this._paint(this.last);
    this.motion.took(performance.now() - began);
  }

  /**
   * Axes and landscape, where they are others than before.
   * @param {any} picture
   * @param {number} run
   */
  _drawPlane({ landscape, plane }, run) {
    const { x, y } = this.part ? this.fitted(this.part) : plane;
    const view = `${run} ${x} ${y} ${this.chart.zoomed}`;
    const name = landscape ? `${run}/${landscape.id}` : "";
    if (name === this.landscape && view === this.view) return;
    const layout = { ...linearAxis("xaxis", x), ...linearAxis("yaxis", y) };
    if (landscape && name !== this.landscape) {
      const z = rows(landscape.z).map((row) =>
        row.map((value) => Math.log10(Math.max(value, 1e-6))),
      );
      const [height, width] = landscape.z.shape;
      const along = (/** @type {[number, number]} */ [from, to], /** @type {number} */ n) =>
        Array.from({ length: n }, (_, i) => from + ((to - from) * i) / (n - 1));
      this.chart.update(
        { x: [along(landscape.x, width)], y: [along(landscape.y, height)], z: [z] },
        layout,
        [0],
      );
    } else if (!this.chart.zoomed) this.chart.update({}, layout, [0]);
    this.landscape = name;
    this.view = view;
  }

  /**
   * Show a part of the plane, or all of it again.
   * @param {{x: [number, number], y: [number, number]} | null} part
   */
  near(part) {
    if (JSON.stringify(part) === JSON.stringify(this.part)) return;
    this.part = part;
    if (!this.last?.picture) return;
    this._drawPlane(this.last.picture, this.last.run);
    this._paint(this.last);
  }

  /**
   * A part of the plane with as much more of it as the panel has room for: a step that goes as far
   * to the right as up is drawn so.
   * @param {{x: [number, number], y: [number, number]}} part
   */
  fitted(part) {
    const { width, height } = this._place().box;
    return sameScale(part, width, height);
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

  /** @param {import("../../data/frame_view.js").FrameView} moment */
  _paint(moment) {
    const { picture } = moment;
    const now = performance.now();
    if (picture !== this.came)
      this.motion.come(picture, `${moment.run}/${picture.plane.id}/${picture.plane.kind}`, now);
    this.came = picture;
    const { element } = this.chart;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const [width, height] = [element.clientWidth, element.clientHeight];
    if (!width || !height) return;
    if (
      this.canvas.width !== Math.round(width * ratio) ||
      this.canvas.height !== Math.round(height * ratio)
    ) {
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
    this._under(paint, box, x, y);
    this.particles.paintTrail(paint, x, y);
    moment.picture.lanes.forEach((/** @type {any} */ lane, /** @type {number} */ i) => {
      const path = columns(lane.path);
      paint.beginPath();
      path.x.forEach((at, n) =>
        n ? paint.lineTo(x(at), y(path.y[n])) : paint.moveTo(x(at), y(path.y[n])),
      );
      paint.strokeStyle = this.colours[i];
      paint.globalAlpha = 0.7;
      paint.lineWidth = 1.8;
      paint.lineJoin = "round";
      paint.stroke();
    });
    const places = moment.picture.lanes.map((/** @type {any} */ _, /** @type {number} */ i) =>
      this.motion.at(i, now),
    );
    moment.picture.lanes.forEach((/** @type {any} */ lane, /** @type {number} */ i) => {
      if (!lane.cloud) return;
      const heat = moment.heat(i);
      const cloud = places[i].data;
      const disc = lane.cloud.shape[0] > 100 ? DISC : DISC + 0.7;
      paint.globalAlpha = 0.85;
      paint.fillStyle =
        heat === null ? this.colours[i] : mixColours(heatScale(this.colours[i], this.theme), heat);
      paint.beginPath();
      for (let n = 0; n < cloud.length; n += 2) {
        shape(paint, i, x(cloud[n]), y(cloud[n + 1]), disc);
      }
      paint.fill();
    });
    paint.globalAlpha = 1;
    this._start(paint, moment.picture.lanes[0].path.data, x, y, box);
    places.forEach((/** @type {any} */ { estimate }, /** @type {number} */ i) => {
      paint.beginPath();
      shape(paint, i, x(estimate[0]), y(estimate[1]), HEAD);
      paint.fillStyle = this.colours[i];
      paint.strokeStyle = surface;
      paint.lineWidth = 2;
      paint.fill();
      paint.stroke();
    });
    for (const painter of this.overlays.values()) painter(paint, { x, y, moment });
    this.particles.paintRings(paint, x, y);
    this._notes(paint, moment.picture.lanes, box, x, y);
    paint.restore();
  }

  /**
   * Let somebody paint over everything, or no longer.
   * @param {string} name
   * @param {Painter | null} painter
   */
  overlay(name, painter) {
    if (painter) this.overlays.set(name, painter);
    else if (!this.overlays.delete(name)) return;
    if (this.last) this._paint(this.last);
  }

  /** A moment is pointed at: rings where everybody was then. @param {number | null} index */
  mark(index) {
    this.overlay("spots", index === null ? null : pointedMarkers(this.api.history(), index, this));
  }

  /**
   * A cross where all lanes began.
   * @param {CanvasRenderingContext2D} paint
   * @param {ArrayLike<number>} path
   * @param {(v: number) => number} x
   * @param {(v: number) => number} y
   * @param {Box} box
   */
  _start(paint, path, x, y, box) {
    if (path.length < 2 || !this.theme) return;
    const [at, up] = [x(path[0]), y(path[1])];
    const arm = 4.5;
    paint.beginPath();
    paint.moveTo(at - arm, up - arm);
    paint.lineTo(at + arm, up + arm);
    paint.moveTo(at - arm, up + arm);
    paint.lineTo(at + arm, up - arm);
    paint.lineCap = "round";
    halo(paint, this.theme, 5.5, 2.6);
    paint.font = `600 11px ${this.theme.font}`;
    paint.textAlign = "center";
    paint.lineWidth = 3;
    const word = t("touch.start");
    const place = beside(at, up, paint.measureText(word).width, box);
    paint.strokeText(word, place.x, place.y);
    paint.fillStyle = this.theme.text;
    paint.fillText(word, place.x, place.y);
  }

  /**
   * What lies under everything that moves.
   * @param {CanvasRenderingContext2D} _paint
   * @param {any} _box
   * @param {(v: number) => number} _x
   * @param {(v: number) => number} _y
   */
  _under(_paint, _box, _x, _y) {}

  /**
   * In a corner, best one without particles, how far from the plane every lane's weights lie: what
   * the picture does not show.
   * @param {CanvasRenderingContext2D} paint
   * @param {any[]} lanes
   * @param {Box} box
   * @param {(v: number) => number} x
   * @param {(v: number) => number} y
   */
  _notes(paint, lanes, box, x, y) {
    if (!this.theme) return;
    paint.font = `11px ${this.theme.font}`;
    paint.textAlign = "left";
    const words = lanes.map((lane) => formatNumber(lane.off_plane));
    const gap = 20;
    const seen = (/** @type {[number, number][]} */ pairs) =>
      pairs.map(([left, top]) => [x(left), y(top)]);
    const points = seen(lanes.flatMap(({ cloud }) => pairsOf(cloud?.data ?? [])));
    const heads = seen([
      ...lanes.map(({ estimate }) => estimate),
      ...pairsOf(lanes[0]?.path?.data?.slice(0, 2) ?? []),
    ]);
    // The numbers alone where the whole note would lie on a mark or the start; nothing where they would, too.
    const placed = [t("touch.off-lead"), t("touch.off-short")]
      .map((lead) => {
        const widths = [lead, ...words].map((text) => paint.measureText(text).width);
        const total = widths.reduce((sum, width) => sum + width + gap, 4);
        const corner =
          total > box.width ? null : freeCorner(points, box, total, this.corner, heads);
        return { lead, widths, total, corner };
      })
      .find(({ corner }) => corner);
    if (!placed?.corner) return;
    const { lead, widths, total } = placed;
    this.corner = placed.corner;
    let at = this.corner.right ? box.left + box.width - total : box.left + 4;
    const base = this.corner.below ? box.top + box.height - 9 : box.top + 17;
    paint.globalAlpha = 0.8;
    paint.fillStyle = this.theme.surface;
    paint.beginPath();
    paint.roundRect(at - 2, base - 13, total - 4, 19, 6);
    paint.fill();
    paint.globalAlpha = 1;
    paint.fillStyle = this.theme.faint;
    paint.fillText(lead, at + 6, base);
    at += widths[0] + gap;
    words.forEach((text, i) => {
      paint.fillStyle = this.colours[i];
      paint.beginPath();
      shape(paint, i, at, base - 4, 3.4);
      paint.fill();
      paint.fillStyle = /** @type {import("../../charts/theme.js").Theme} */ (this.theme).text;
      paint.fillText(text, at + 7, base);
      at += widths[i + 1] + gap;
    });
  }

  reset() {
    this.part = null;
    this.landscape = this.view = "";
    this.particles.reset();
  }

  destroy() {
    this.particles.destroy();
  }
}

/**
 * Where a word stands beside a mark: over it, under it where it would be cut, and never over an
 * edge.
 * @param {number} at
 * @param {number} up of the mark
 * @param {number} width of the word
 * @param {Box} box
 * @returns {{x: number, y: number}} of the middle of its baseline
 */
export function beside(at, up, width, box) {
  const half = width / 2 + 3;
  const x = Math.max(box.left + half, Math.min(box.left + box.width - half, at));
  return { x, y: up - 10 < box.top + 11 ? up + 18 : up - 10 };
}

/**
 * @param {ArrayLike<number>} flat
 * @returns {[number, number][]}
 */
function pairsOf(flat) {
  return Array.from({ length: flat.length >> 1 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);
}

const CORNERS = /** @type {Corner[]} */ ([
  { right: true, below: true },
  { right: false, below: true },
  { right: true, below: false },
  { right: false, below: false },
]);

/** Half the width of the mark of an estimate, with its halo, in pixels. */
const MARK = 10;

/**
 * The corner in which a note covers the fewest points, and none of the marks that must be seen; the
 * one it stands in, unless another one covers fewer.
 * @param {number[][]} points
 * @param {Box} box
 * @param {number} width of the note
 * @param {Corner} now
 * @param {number[][]} [heads] what must be seen
 * @returns {Corner | null} null where every corner would cover one of them
 */
export function freeCorner(points, box, width, now, heads = []) {
  const covered = (/** @type {number[][]} */ all, /** @type {Corner} */ corner, margin = 0) =>
    all.filter(
      ([x, y]) =>
        (corner.right
          ? x > box.left + box.width - width - 6 - margin
          : x < box.left + width + 6 + margin) &&
        (corner.below ? y > box.top + box.height - NOTE - margin : y < box.top + NOTE + margin),
    ).length;
  const free = [now, ...CORNERS].filter((corner) => !covered(heads, corner, MARK));
  return free.reduce(
    (/** @type {Corner | null} */ best, one) =>
      best && covered(points, best) <= covered(points, one) ? best : one,
    null,
  );
}
