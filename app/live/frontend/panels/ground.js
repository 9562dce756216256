/**
 * Where the points are: a landscape of two numbers with everybody's path, cloud and estimate, as a map or in relief.
 *
 * The map is the plane of the weights, drawn exactly: contours by Plotly, shaded as if lit from the upper left, and what moves painted over it.
 */

import { rows } from "../decode.js";
import { small } from "../format.js";
import { along, shapeOf, shadow } from "../terrain.js";
import { Relief } from "./relief.js";
import { WeightsPanel, halo } from "./weights.js";

/** @typedef {import("../view.js").Moment} Moment */

const CLICK_PIXELS = 4;
const CLICK_MS = 500;
const SECOND_CLICK_MS = 260;

export class GroundPanel extends WeightsPanel {
  /** @param {HTMLElement} element @param {any} Plotly @param {any} figure @param {import("../theme.js").Theme} theme @param {string[]} colours @param {any} palette @param {any} figures of all panels */
  constructor(element, Plotly, figure, theme, colours, palette, figures) {
    super(element, Plotly, figure, theme, colours, palette);
    this.mode = "map";
    /** @type {any} */ this.heights = null;
    /** @type {HTMLCanvasElement | null} */ this.shade = null;
    this.start = (/** @type {number} */ _x, /** @type {number} */ _y) => {};
    const place = document.createElement("div");
    place.className = "kv-plot";
    place.dataset.plot = "relief";
    place.hidden = true;
    element.after(place);
    this.relief = new Relief(place, Plotly, figures.relief, theme, colours, palette);
    this._listen(element);
  }

  /** @param {import("../theme.js").Theme} theme @param {any} palette */
  scale(theme, palette) {
    return theme.dark ? palette.terrainOnDark : palette.terrain;
  }

  /** The map or the relief. @param {"map" | "relief"} mode */
  show(mode) {
    this.mode = mode;
    this.chart.element.hidden = mode !== "map";
    this.relief.show(mode === "relief", this.last);
    if (mode === "map") this.chart.resize();
    if (mode === "map" && this.last) this.draw(this.last);
  }

  /** @param {import("../theme.js").Theme} theme @param {string[]} colours @param {any} palette */
  dress(theme, colours, palette) {
    super.dress(theme, colours, palette);
    this.relief.dress(theme, colours, palette);
    this.shade = null;
  }

  /** @param {Moment} moment @returns {{note: string, summary: string}} */
  draw(moment) {
    const { picture, stage } = moment;
    if (!picture) return { note: "", summary: "No points to show yet." };
    this.last = moment;
    this._survey(moment);
    if (this.mode === "map") {
      this._drawPlane(picture, moment.run);
      this._paint(moment);
    } else this.relief.draw(moment, this.heights);
    const said = stage.lanes.map((/** @type {any} */ lane, /** @type {number} */ i) => `${lane.label} stands at ${picture.lanes[i].estimate.map(small).join(", ")}`);
    const hint = this.mode === "map" ? "click to start there" : this.relief.works ? "drag to turn" : "";
    return { note: hint, summary: `${stage.data.landscape.label}. ${said.join("; ")}.` };
  }

  /** The heights under this moment, and how they are shown. @param {Moment} moment */
  _survey({ picture, stage, run }) {
    const site = stage.data.landscape;
    const wide = picture.landscape;
    const id = `${run}/${wide ? wide.id : "own"}`;
    if (this.heights?.id === id) return;
    const [x0, x1, y0, y1] = wide ? [...wide.x, ...wide.y] : site.extent;
    // How heights are shown is settled by the landscape's own rectangle, however far somebody walks off it.
    this.heights = { id, x: [x0, x1], y: [y0, y1], z: (wide ?? site).z, shape: shapeOf(site.z.data, site.lowest) };
    this.shade = null;
  }

  /** @param {any} picture @param {number} run */
  _drawPlane({ plane }, run) {
    const view = `${run} ${plane.x} ${plane.y} ${this.chart.zoomed}`;
    const { id, x, y, z, shape } = this.heights;
    if (id === this.landscape && view === this.view) return;
    const layout = { "xaxis.range": plane.x, "yaxis.range": plane.y };
    if (id !== this.landscape) {
      const lifted = rows(z).map((row) => row.map((value) => (Number.isFinite(value) ? shape.lift(value) : null)));
      this.chart.update({ x: [along(x, z.shape[1])], y: [along(y, z.shape[0])], z: [lifted] }, layout, [0]);
    } else if (!this.chart.zoomed) this.chart.relayout(layout);
    this.landscape = id;
    this.view = view;
  }

  /** Light and shadow, and the lowest points that are known. @param {CanvasRenderingContext2D} paint @param {any} box @param {(v: number) => number} x @param {(v: number) => number} y */
  _under(paint, box, x, y) {
    if (!this.heights) return;
    this.shade ??= shadow(this.heights.z, this.heights.shape, Boolean(this.theme?.dark));
    const [x0, x1] = this.heights.x;
    const [y0, y1] = this.heights.y;
    // A grid's outermost values stand on the rectangle's edge, a picture's outermost pixels within it: half a step more on every side.
    const [dx, dy] = [(x1 - x0) / (this.shade.width - 1) / 2, (y1 - y0) / (this.shade.height - 1) / 2];
    paint.imageSmoothingEnabled = true;
    paint.imageSmoothingQuality = "high";
    paint.drawImage(this.shade, x(x0 - dx), y(y1 + dy), x(x1 + dx) - x(x0 - dx), y(y0 - dy) - y(y1 + dy));
    if (!this.theme || !this.last) return;
    for (const [atX, atY] of this.last.stage.data.landscape.minima) {
      paint.beginPath();
      star(paint, x(atX), y(atY), 7.5);
      paint.lineJoin = "round";
      halo(paint, this.theme, 4.5, 1.8);
    }
  }

  /** Nobody is off this plane. */
  _notes() {}

  /** @param {HTMLElement} element */
  _listen(element) {
    let due = 0;
    element.addEventListener("pointerdown", (down) => {
      const at = performance.now();
      // Plotly lays a cover over the whole page while a button is down, so the pointer comes up on that and not here.
      window.addEventListener("pointerup", (up) => {
        const still = Math.hypot(up.clientX - down.clientX, up.clientY - down.clientY) <= CLICK_PIXELS && performance.now() - at < CLICK_MS;
        const place = still && up.button === 0 ? this._under_pointer(up) : null;
        if (!place) return;
        clearTimeout(due);
        // A second click undoes a zoom; it starts nothing, and neither did the first.
        due = due ? 0 : window.setTimeout(() => {
          due = 0;
          this.start(place.x, place.y);
        }, SECOND_CLICK_MS);
      }, { once: true, capture: true });
    }, true);
  }

  /** The landscape's coordinates under the pointer, or null beside the map. @param {MouseEvent} event */
  _under_pointer(event) {
    const bounds = this.chart.element.getBoundingClientRect();
    const { box } = this._place();
    const [left, top] = [event.clientX - bounds.left - box.left, event.clientY - bounds.top - box.top];
    if (left < 0 || top < 0 || left > box.width || top > box.height) return null;
    const { xaxis, yaxis } = /** @type {any} */ (this.chart.element).layout;
    const at = (/** @type {[number, number]} */ [from, to], /** @type {number} */ share) => from + (to - from) * share;
    return { x: at(xaxis.range, left / box.width), y: at(yaxis.range, 1 - top / box.height) };
  }

  /** A particle's height, or the height under the pointer. @param {MouseEvent} event */
  _hover(event) {
    super._hover(event);
    const place = this.tip.hidden ? this._under_pointer(event) : null;
    if (!place || !this.heights) return;
    const height = this.heights.shape.at(this.heights, place.x, place.y);
    if (height === null) return;
    const bounds = this.chart.element.getBoundingClientRect();
    this.tip.textContent = `(${small(place.x)}, ${small(place.y)}): height ${small(height)}`;
    this.tip.style.left = `${Math.min(event.clientX - bounds.left + 12, bounds.width - 190)}px`;
    this.tip.style.top = `${Math.max(4, event.clientY - bounds.top - 30)}px`;
    this.tip.hidden = false;
  }

  reset() {
    super.reset();
    this.heights = this.shade = null;
  }

  destroy() {
    this.relief.destroy();
  }
}

/** A star of five points. @param {CanvasRenderingContext2D} paint @param {number} x @param {number} y @param {number} size */
function star(paint, x, y, size) {
  for (let i = 0; i < 10; i++) {
    const reach = i % 2 ? size * 0.42 : size;
    const angle = -Math.PI / 2 + (i * Math.PI) / 5;
    const [dx, dy] = [reach * Math.cos(angle), reach * Math.sin(angle)];
    if (i) paint.lineTo(x + dx, y + dy);
    else paint.moveTo(x + dx, y + dy);
  }
  paint.closePath();
}

