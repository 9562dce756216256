/**
 * Where the points are: a landscape of two numbers with everybody's path, cloud and estimate, as a
 * map or in relief.
 *
 * The map is the plane of the weights, drawn exactly: contours by Plotly, shaded as if lit from the
 * upper left, and what moves painted over it.
 */

import { linspace, shadow, shapeOf } from "../../charts/hillshade.js";
import { halo } from "../../charts/lane_markers.js";
import { rows } from "../../data/messages.js";
import { formatNumber } from "../../i18n/format.js";
import { t } from "../../i18n/i18n.js";
import { linearAxis } from "../loss.js";
import { WeightsPanel } from "../weights/panel.js";
import { Surface3D } from "./surface3d.js";

/** @typedef {import("../../data/frame_view.js").FrameView} FrameView */

const MODES = /** @type {("map" | "relief")[]} */ (["map", "relief"]);

export class LandscapePanel extends WeightsPanel {
  /** @param {import("../registry.js").Kit} kit */
  constructor(kit) {
    super(kit);
    const { place: element, Plotly, figures, theme, colours, palette, api } = kit;
    this.mode = "map";
    this.due = 0;
    this.landscape = this.view = "";
    /** @type {any} */ this.heights = null;
    /** @type {HTMLCanvasElement | null} */ this.shade = null;
    this.start = (/** @type {number} */ x, /** @type {number} */ y) =>
      api.pick("start", [Number(x.toPrecision(4)), Number(y.toPrecision(4))]);
    const place = document.createElement("div");
    place.className = "kv-plot";
    place.dataset.plot = "relief";
    place.hidden = true;
    element.after(place);
    this.relief = new Surface3D(place, Plotly, figures.relief, theme, colours, palette);
    element.addEventListener("pointermove", () => this._hover());
    /** @type {"map" | "relief" | null} what is shown again once no step is watched */
    this.after = null;
    for (const mode of MODES)
      this._button(mode).onclick = () => {
        this.after = null;
        this.show(mode);
      };
    this._button("map").setAttribute("aria-pressed", "true");
  }

  /** A landscape is its own plane. */
  _planes() {
    return null;
  }

  /** @param {string} mode */
  _button(mode) {
    return /** @type {HTMLElement} */ (this.tools.querySelector(`[data-testid="mode-${mode}"]`));
  }

  /**
   * @param {import("../../charts/theme.js").Theme} theme
   * @param {any} palette
   */
  scale(theme, palette) {
    return theme.dark ? palette.terrainOnDark : palette.terrain;
  }

  /** The map or the relief. @param {"map" | "relief"} mode */
  show(mode) {
    this.mode = mode;
    for (const one of MODES) this._button(one).setAttribute("aria-pressed", String(one === mode));
    this.api.redraw();
    this.chart.element.hidden = mode !== "map";
    this.relief.show(mode === "relief", this.last);
    if (mode === "map") this.chart.resize();
    if (mode === "map" && this.last) this.draw(this.last);
  }

  /** The map while a step is painted over it, and then what was shown. @param {boolean} on */
  watchSteps(on) {
    if (on && this.mode === "relief") {
      this.show("map");
      this.after = "relief";
    } else if (!on && this.after) {
      this.show(this.after);
      this.after = null;
    }
  }

  /**
   * @param {import("../../charts/theme.js").Theme} theme
   * @param {string[]} colours
   * @param {any} palette
   */
  dress(theme, colours, palette) {
    super.dress(theme, colours, palette);
    this.relief.dress(theme, colours, palette);
    this.shade = null;
  }

  /**
   * @param {FrameView} moment
   * @returns {{note: string, summary: string}}
   */
  draw(moment) {
    const { picture, stage } = moment;
    if (!picture) return { note: "", summary: t("panels.ground-nothing") };
    this.last = moment;
    this._survey(moment);
    if (this.mode === "map") {
      this._drawPlane(picture, moment.run);
      this.particles.see(moment);
      this._paint(moment);
      this._hover();
    } else this.relief.draw(moment, this.heights);
    const said = stage.lanes.map((/** @type {any} */ lane, /** @type {number} */ i) =>
      t("panels.ground-stands", {
        label: lane.label,
        place: picture.lanes[i].estimate.map(formatNumber).join(", "),
      }),
    );
    // where no race can be started
    const alone = this.chart.element.closest("[data-offline], .kv-present");
    const hint =
      this.mode === "map"
        ? alone
          ? ""
          : t("panels.ground-hint-map")
        : this.relief.works
          ? t("panels.ground-hint-relief")
          : "";
    const gaps = this.heights.gaps ? t("panels.ground-gaps") : "";
    return {
      note: [hint, gaps].filter(Boolean).join(" · "),
      summary: [`${stage.data.landscape.label}. ${said.join("; ")}.`, gaps && `${gaps}.`]
        .filter(Boolean)
        .join(" "),
    };
  }

  /** The heights under this moment, and how they are shown. @param {FrameView} moment */
  _survey({ picture, stage, run }) {
    const site = stage.data.landscape;
    const wide = picture.landscape;
    const id = `${run}/${wide ? wide.id : "own"}`;
    if (this.heights?.id === id) return;
    const [x0, x1, y0, y1] = wide ? [...wide.x, ...wide.y] : site.extent;
    // How heights are shown is settled by the landscape's own rectangle, however far somebody walks
    // off it.
    const { z } = wide ?? site;
    this.heights = {
      id,
      x: [x0, x1],
      y: [y0, y1],
      z,
      shape: shapeOf(site.z.data, site.lowest),
      gaps: hasGaps(z.data),
    };
    this.shade = null;
  }

  /** @param {{x: [number, number], y: [number, number]} | null} part */
  near(part) {
    if (!this.heights)
      this.part = part; // of another race: nothing of it is drawn yet
    else if (this.mode === "map" || !part) super.near(part);
  }

  /**
   * @param {any} picture
   * @param {number} run
   */
  _drawPlane({ plane }, run) {
    const part = this.part ? this.fitted(this.part) : plane;
    const view = `${run} ${part.x} ${part.y} ${this.chart.zoomed}`;
    const { id, x, y, z, shape } = this.heights;
    if (id === this.landscape && view === this.view) return;
    const layout = { ...linearAxis("xaxis", part.x), ...linearAxis("yaxis", part.y) };
    if (id !== this.landscape) {
      const lifted = rows(z).map((row) =>
        row.map((value) => (Number.isFinite(value) ? shape.lift(value) : null)),
      );
      this.chart.update(
        { x: [linspace(x, z.shape[1])], y: [linspace(y, z.shape[0])], z: [lifted] },
        layout,
        [0],
      );
    } else if (!this.chart.zoomed) this.chart.update({}, layout, [0]);
    this.landscape = id;
    this.view = view;
  }

  /**
   * Light and shadow, and the lowest points that are known.
   * @param {CanvasRenderingContext2D} paint
   * @param {any} _box
   * @param {(v: number) => number} x
   * @param {(v: number) => number} y
   */
  _under(paint, _box, x, y) {
    if (!this.heights) return;
    this.shade ??= shadow(this.heights.z, this.heights.shape, Boolean(this.theme?.dark));
    const [x0, x1] = this.heights.x;
    const [y0, y1] = this.heights.y;
    // A grid's outermost values stand on the rectangle's edge, a picture's outermost pixels within
    // it: half a step more on every side.
    const [dx, dy] = [
      (x1 - x0) / (this.shade.width - 1) / 2,
      (y1 - y0) / (this.shade.height - 1) / 2,
    ];
    paint.imageSmoothingEnabled = true;
    paint.imageSmoothingQuality = "high";
    paint.drawImage(
      this.shade,
      x(x0 - dx),
      y(y1 + dy),
      x(x1 + dx) - x(x0 - dx),
      y(y0 - dy) - y(y1 + dy),
    );
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

  /**
   * A click on a particle follows it, any other starts a race there.
   * @param {PointerEvent} event
   * @returns {boolean}
   */
  _click(event) {
    if (super._click(event)) return true;
    const place = this._under_pointer(event);
    if (!place) return false;
    this.start(place.x, place.y); // half a double click, which undoes a zoom, does not come here
    return true;
  }

  /**
   * The landscape's coordinates under the pointer, or null beside the map.
   * @param {{clientX: number, clientY: number}} event
   */
  _under_pointer(event) {
    const bounds = this.chart.element.getBoundingClientRect();
    const { box } = this._place();
    const [left, top] = [
      event.clientX - bounds.left - box.left,
      event.clientY - bounds.top - box.top,
    ];
    if (left < 0 || top < 0 || left > box.width || top > box.height) return null;
    const { xaxis, yaxis } = /** @type {any} */ (this.chart.element).layout;
    const at = (/** @type {[number, number]} */ [from, to], /** @type {number} */ share) =>
      from + (to - from) * share;
    return { x: at(xaxis.range, left / box.width), y: at(yaxis.range, 1 - top / box.height) };
  }

  /** The height under the pointer, where no particle tells its own. */
  _hover() {
    const { pointer, looked } = this.particles;
    const place = pointer && !looked ? this._under_pointer(pointer) : null;
    const height = place && this.heights?.shape.at(this.heights, place.x, place.y);
    if (!pointer || !place || (height ?? null) === null) return;
    this.particles.say(
      t("touch.height-at", {
        x: formatNumber(place.x),
        y: formatNumber(place.y),
        height: formatNumber(height),
      }),
      pointer,
    );
  }

  reset() {
    super.reset();
    this.heights = this.shade = null;
  }

  destroy() {
    super.destroy();
    this.relief.destroy();
  }
}

/** Whether there are places without a height. @param {ArrayLike<number>} heights */
export function hasGaps(heights) {
  return Array.prototype.some.call(heights, (height) => !Number.isFinite(height));
}

/**
 * A star of five points.
 * @param {CanvasRenderingContext2D} paint
 * @param {number} x
 * @param {number} y
 * @param {number} size
 */
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
