/**
 * One large square to draw training points on, with a brush. Nothing is changed until the points
 * are used.
 */

import { Painter, fitCanvas } from "../../../charts/decision_map.js";
import { t } from "../../../i18n/i18n.js";
import { BRUSHES, dabOf, Stroke } from "./brush.js";
import {
  classCount,
  CLASS_NAMES,
  decodePoints,
  LEAST_POINTS,
  MOST_POINTS,
  PointSet,
  squareFor,
  toDrawn,
} from "./model.js";
import { fillClasses, ICONS, make } from "./toolbar.js";

/** A step of the arrow keys, as a share of the side; a quarter of it with Shift. */
const STEP = 1 / 40;
const ARROWS = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
});

/**
 * @typedef {object} SquareOptions
 * @property {import("../../../charts/theme.js").Theme} theme
 * @property {any} palette
 * @property {string} points that are there at first, as text
 * @property {string[]} [classes] names of the classes that can be drawn
 * @property {(points: string, groups: number) => void} use is given the points, and how many classes
 *   they have
 */

export class DrawSquare {
  /**
   * Open the square as a dialog.
   * @param {HTMLElement} root that the dialog is put into
   * @param {SquareOptions} options
   */
  constructor(root, { theme, palette, points, classes = CLASS_NAMES, use }) {
    this.use = use;
    this.classes = classes;
    this.theme = theme;
    this.painter = new Painter(theme, palette);
    const first = decodePoints(points);
    this.extent = squareFor(first);
    this.sheet = new PointSet(toDrawn(first, this.extent));
    /** the class that is drawn, −1 for the eraser */ this.label = 0;
    this.brush = BRUSHES[1];
    /** @type {Stroke | null} */ this.stroke = null;
    /** @type {[number, number] | null} where the pointer is, in the data's numbers */ this.over =
      null;
    /** @type {[number, number] | null} where the keyboard points */ this.cross = null;
    this.before = /** @type {HTMLElement | null} */ (document.activeElement);
    this.dialog = document.createElement("dialog");
    this.canvas = document.createElement("canvas");
    this.hint = document.createElement("p");
    this.said = document.createElement("span");
    this.sizes = document.createElement("span");
    this.brushes = fillClasses(this.classes, (label) => this._choose(label));
    this.undo = make("square-undo", () => this._walk("undo"), t("touch.draw-undo"), ICONS.undo);
    this.redo = make("square-redo", () => this._walk("redo"), t("touch.draw-redo"), ICONS.redo);
    this.done = make("square-use", () => this._use(), t("touch.square-use"), "");
    this._build(palette);
    root.append(this.dialog);
    this.dialog.showModal();
    this.resize = new ResizeObserver(() => this._paint());
    this.resize.observe(this.canvas);
    this._choose(0);
    this._size(BRUSHES[1]);
    this._told();
    this.canvas.focus({ preventScroll: true });
  }

  /** @param {any} palette */
  _build(palette) {
    const { dialog } = this;
    dialog.className = "kd-square";
    dialog.dataset.testid = "draw-square";
    dialog.classList.toggle("kd-dark", this.theme.dark);
    dialog.setAttribute("aria-labelledby", "kd-square-title");
    const colours = this.theme.dark ? palette.classPointsOnDark : palette.classPoints;
    colours.forEach((/** @type {string} */ colour, /** @type {number} */ i) =>
      dialog.style.setProperty(`--kv-class-${i}`, colour),
    );
    const title = document.createElement("h2");
    title.id = "kd-square-title";
    title.textContent = t("touch.square-title");

    this.sizes.className = "kd-choice";
    this.sizes.setAttribute("role", "group");
    this.sizes.setAttribute("aria-label", t("touch.square-size"));
    for (const brush of BRUSHES) {
      const name = t(`touch.square-${brush.name}`);
      const button = make(
        `square-${brush.name}`,
        () => this._size(brush),
        t("touch.square-per-dab", { count: brush.points }),
        `<b class="kd-dab" data-size="${brush.name}" aria-hidden="true"></b>`,
      );
      button.append(name);
      button.dataset.size = brush.name;
      this.sizes.append(button);
    }
    const clear = make("square-clear", () => this._clear(), t("touch.draw-clear-name"), "");
    clear.textContent = t("touch.draw-clear");
    const tools = document.createElement("div");
    tools.className = "kd-tools";
    tools.setAttribute("role", "toolbar");
    tools.setAttribute("aria-label", t("touch.draw-tools"));
    tools.append(this.brushes, this.sizes, this.undo, this.redo, clear);

    this.canvas.tabIndex = 0;
    this.canvas.dataset.testid = "square-canvas";
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", t("touch.square-canvas"));
    this._listen();

    this.hint.dataset.testid = "square-note";
    this.said.className = "kd-sr";
    this.said.setAttribute("role", "status");
    const cancel = make("square-cancel", () => this.close(), t("touch.square-cancel-name"), "");
    cancel.textContent = t("touch.square-cancel");
    this.done.textContent = t("touch.square-use");
    this.done.className = "kd-primary";
    const foot = document.createElement("footer");
    foot.append(this.hint, cancel, this.done, this.said);
    dialog.append(title, tools, this.canvas, foot);
    dialog.addEventListener("close", () => this._closed());
    dialog.addEventListener("keydown", (event) => this._key(event));
  }

  _listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this._down(event));
    canvas.addEventListener("pointermove", (event) => this._move(event));
    for (const name of ["pointerup", "pointercancel"])
      canvas.addEventListener(name, () => this._up());
    canvas.addEventListener("pointerleave", () => {
      this.over = null;
      this._paint();
    });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("focus", () => {
      if (!canvas.matches(":focus-visible")) return;
      this.cross ??= [(this.extent[0] + this.extent[1]) / 2, (this.extent[2] + this.extent[3]) / 2];
      this._paint();
    });
    canvas.addEventListener("blur", () => {
      this.cross = null;
      this._paint();
    });
  }

  /** The side of the square, in the data's numbers. */
  get side() {
    return this.extent[1] - this.extent[0];
  }

  /** Where an event lies, kept inside. @param {PointerEvent} event @returns {[number, number]} */
  _at(event) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    return this._inside(
      this.extent[0] + ((event.clientX - left) / width) * this.side,
      this.extent[3] - ((event.clientY - top) / height) * this.side,
    );
  }

  /**
   * @param {number} x
   * @param {number} y
   * @returns {[number, number]}
   */
  _inside(x, y) {
    const [x0, x1, y0, y1] = this.extent;
    return [Math.max(x0, Math.min(x1, x)), Math.max(y0, Math.min(y1, y))];
  }

  /** @param {PointerEvent} event */
  _down(event) {
    if (this.stroke || ![0, 2].includes(event.button)) return;
    event.preventDefault(); // the focus stays, and a finger does not scroll
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.focus({ preventScroll: true });
    this.cross = null;
    this.erasing = this.label < 0 || event.button === 2;
    this.sheet.begin();
    this.stroke = new Stroke(
      (this.erasing ? this.brush.eraser / 2 : this.brush.spacing) * this.side,
    );
    this._drag(event);
  }

  /** @param {PointerEvent} event */
  _move(event) {
    this.over = event.pointerType === "touch" && !this.stroke ? null : this._at(event);
    if (this.stroke) this._drag(event);
    else this._paint();
  }

  /** @param {PointerEvent} event */
  _drag(event) {
    // All places since the last event: a fast hand makes several of them in one frame.
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event])
      for (const place of this.stroke?.to(...this._at(one)) ?? [])
        if (this.erasing) this._erase(place);
        else this._dab(place);
    this._told();
    this._paint();
  }

  _up() {
    if (!this.stroke) return;
    this.stroke = null;
    this.sheet.end();
    this._told(t("touch.draw-points", { count: this.sheet.points.length }));
    this._paint();
  }

  /** @param {[number, number]} place */
  _dab([x, y]) {
    for (const [dx, dy] of dabOf(this.brush, Math.random))
      this.sheet.add(...this._inside(x + dx * this.side, y + dy * this.side), this.label);
  }

  /** @param {[number, number]} place */
  _erase([x, y]) {
    return this.sheet.erase(
      (point) => Math.hypot(point.x - x, point.y - y),
      this.brush.eraser * this.side,
    );
  }

  /** One change from beginning to end. @param {() => void} change */
  _once(change) {
    this.sheet.begin();
    change();
    this.sheet.end();
    this._told(t("touch.draw-points", { count: this.sheet.points.length }));
    this._paint();
  }

  _clear() {
    this._once(() => this.sheet.clear());
  }

  /** @param {"undo" | "redo"} way */
  _walk(way) {
    if (this.stroke || !this.sheet[way]()) return;
    this._told(t(`touch.draw-did-${way}`, { count: this.sheet.points.length }));
    this._paint();
  }

  /** @param {number} label */
  _choose(label) {
    this.label = label;
    for (const button of this.brushes.querySelectorAll("button"))
      button.setAttribute("aria-pressed", String(button.dataset.brush === String(label)));
    this._paint();
  }

  /** @param {import("./brush.js").Brush} brush */
  _size(brush) {
    this.brush = brush;
    for (const button of this.sizes.querySelectorAll("button"))
      button.setAttribute("aria-pressed", String(button.dataset.size === brush.name));
    this._paint();
  }

  /** What is there now. @param {string} [said] for those who do not see it */
  _told(said) {
    const { sheet, hint, done, undo, redo } = this;
    const count = sheet.points.length;
    const few = count < LEAST_POINTS;
    const full = count >= MOST_POINTS;
    const how = matchMedia("(hover: none)").matches
      ? "touch.square-hint-finger"
      : "touch.square-hint";
    hint.textContent = t(few ? "touch.draw-few" : full ? "touch.draw-full" : how, {
      count,
      least: LEAST_POINTS,
    });
    done.disabled = few;
    undo.disabled = !sheet.past.length;
    redo.disabled = !sheet.future.length;
    if (said) this.said.textContent = said;
  }

  /** Keys: the arrows point, Enter or space paints, Delete erases. @param {KeyboardEvent} event */
  _key(event) {
    event.stopPropagation(); // the page's own keys are not meant
    const letter = (event.ctrlKey || event.metaKey) && !event.altKey ? event.key.toLowerCase() : "";
    if (letter === "z") this._walk(event.shiftKey ? "redo" : "undo");
    else if (letter === "y") this._walk("redo");
    else if (letter || event.altKey || event.target !== this.canvas) return;
    else if (ARROWS[event.key]) {
      const [dx, dy] = ARROWS[event.key];
      const step = this.side * (event.shiftKey ? STEP / 4 : STEP);
      const [x, y] = this.cross ?? [0, 0];
      this.cross = this._inside(x + dx * step, y + dy * step);
      this._paint();
    } else if (event.key === "Enter" || event.key === " ") {
      const place = (this.cross ??= [0, 0]);
      this._once(() => (this.label < 0 ? this._erase(place) : this._dab(place)));
    } else if (event.key === "Delete" || event.key === "Backspace") {
      const place = (this.cross ??= [0, 0]);
      this._once(() => this._erase(place));
    } else if (/^[1-3]$/.test(event.key) && Number(event.key) <= this.classes.length)
      this._choose(Number(event.key) - 1);
    else if (event.key === "e") this._choose(-1);
    else return;
    event.preventDefault();
  }

  _use() {
    if (this.sheet.points.length < LEAST_POINTS) return;
    this.use(this.sheet.text, classCount(this.sheet.points));
    this.close();
  }

  close() {
    this.dialog.close();
  }

  _closed() {
    this.resize.disconnect();
    this.dialog.remove();
    if (this.before?.isConnected) this.before.focus({ preventScroll: true });
  }

  _paint() {
    const context = fitCanvas(this.canvas);
    if (!context) return;
    const { width, height } = context.canvas;
    const [x0, , y0] = this.extent;
    const across = (/** @type {number} */ x) => ((x - x0) / this.side) * width;
    const up = (/** @type {number} */ y) => height - ((y - y0) / this.side) * height;
    const ratio = width / Math.max(1, context.canvas.clientWidth);
    context.fillStyle = this.theme.surface;
    context.fillRect(0, 0, width, height);
    context.strokeStyle = this.theme.grid;
    context.lineWidth = ratio;
    context.beginPath();
    context.moveTo(across(0), 0);
    context.lineTo(across(0), height);
    context.moveTo(0, up(0));
    context.lineTo(width, up(0));
    context.stroke();
    this.painter.points(context, toDrawn(this.sheet.points, this.extent));
    const place = this.cross ?? this.over;
    if (!place) return;
    const [x, y] = [across(place[0]), up(place[1])];
    const erasing = this.stroke ? this.erasing : this.label < 0;
    const radius = Math.max(
      (erasing ? this.brush.eraser : this.brush.radius) * width,
      (this.cross ? 9 : 6) * ratio,
    );
    const outline = () => {
      for (const [colour, wide] of /** @type {[string, number][]} */ ([
        [this.theme.surface, 3.5],
        [this.theme.text, 1.5],
      ])) {
        context.strokeStyle = colour;
        context.lineWidth = wide * ratio;
        context.stroke();
      }
    };
    context.setLineDash(erasing ? [5 * ratio, 4 * ratio] : []);
    context.beginPath();
    context.arc(x, y, radius, 0, 7);
    outline();
    context.setLineDash([]);
    if (!this.cross) return;
    context.beginPath();
    for (const [dx, dy] of Object.values(ARROWS)) {
      context.moveTo(x + dx * 3 * ratio, y + dy * 3 * ratio);
      context.lineTo(x + dx * (radius + 6 * ratio), y + dy * (radius + 6 * ratio));
    }
    outline();
  }
}
