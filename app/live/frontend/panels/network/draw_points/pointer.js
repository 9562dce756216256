/**
 * The pencil: training points added, moved and taken away on the decision maps, while the race
 * trains on them or for the race to come.
 */

import { pointRadius } from "../../../charts/decision_map.js";
import { t } from "../../../i18n/i18n.js";
import {
  CLASS_NAMES,
  decodePoints,
  lastDrawn,
  LEAST_POINTS,
  MOST_CLASSES,
  MOST_POINTS,
  pointsAt,
  PointSet,
  Throttle,
  toDrawn,
} from "./model.js";
import { DrawSquare } from "./square.js";
import { DrawToolbar } from "./toolbar.js";

/** Points go to the race at most that often while one is dragged, in milliseconds. */
const SENT_MS = 125;
/**
 * How near a pointer must come to a point to take hold of it, in pixels of the page: a mouse, a
 * finger.
 */
const REACH = { mouse: 9, touch: 18 };
/**
 * A finger that stays where it came down adds a point beside another one, if it is further from it
 * than that.
 */
const BESIDE = 7;
/** How far a finger may tremble, in pixels of the page. */
const STILL = 5;
/** After that time a race that has not taken the points will not any more, in milliseconds. */
const TAKEN_MS = 3000;
const STEP = 1 / 50;

export class DrawPointer {
  /**
   * @param {import("../../registry.js").Kit} kit
   * @param {() => void} repaint draws the panel again, soon
   */
  constructor({ place, tools, api, theme, palette }, repaint) {
    this.place = place;
    this.api = api;
    this.theme = theme;
    this.palette = palette;
    this.repaint = repaint;
    this.active = false;
    /** @type {PointSet | null} what is drawn on, or was drawn and is not yet in the race */
    this.sheet = null;
    /** @type {import("../../../data/frame_view.js").FrameView | null} */ this.moment = null;
    this.run = -1;
    this.until = Infinity;
    /** whether the panel fills the board only to be drawn on */ this.enlarged = false;
    /** the class that is drawn, −1 for the eraser */ this.brush = 0;
    this.over = -1;
    /**
     * @type {{index: number, dx: number, dy: number, tap: {x: number, y: number, far: (point: {x:
     *   number, y: number}) => number} | null} | {erase: true} | null}
     */
    this.gesture = null;
    /**
     * @type {{lane: number, x: number, y: number, held: number} | null} where the keyboard points,
     *   in the data's numbers
     */
    this.cross = null;
    this.throttle = new Throttle(SENT_MS, () => this._command());
    this.bar = new DrawToolbar(tools, place, {
      // While a race runs it learns what is drawn on its maps; else there is a square for it.
      start: () => (this.api.live() ? this.start() : this._large()),
      done: () => this.done(),
      clear: () => this._once((sheet) => sheet.clear(), t("touch.draw-cleared")),
      large: () => this._large(),
      undo: () => this._walk("undo"),
      redo: () => this._walk("redo"),
      choose: (brush) => this._choose(brush),
    });
    this.keys = (/** @type {KeyboardEvent} */ event) => this._keyAnywhere(event);
    place.addEventListener("pointerdown", (event) => this._down(event));
    place.addEventListener("pointermove", (event) => this._move(event));
    for (const name of ["pointerup", "pointercancel"])
      place.addEventListener(name, () => this._up());
    place.addEventListener("pointerleave", () => this._hover(-1));
    place.addEventListener("contextmenu", (event) => this.active && event.preventDefault());
    place.addEventListener("keydown", (event) => this._key(event));
    place.addEventListener("focusin", (event) => this._focus(event));
    place.addEventListener("focusout", () => this._cross(null));
  }

  /**
   * Name the canvases for what they are now.
   * @param {HTMLCanvasElement[]} canvases each with its lane's label as data
   */
  label(canvases) {
    for (const canvas of canvases) {
      canvas.setAttribute("role", this.active ? "application" : "img");
      canvas.setAttribute(
        "aria-label",
        t(this.active ? "touch.canvas-draw" : "touch.canvas", { lane: canvas.dataset.label }),
      );
      if (this.active) canvas.tabIndex = 0;
      else canvas.removeAttribute("tabindex");
    }
  }

  /**
   * The points to show at a moment: those that are being drawn, else those of the race.
   * @param {import("../../../data/frame_view.js").FrameView} moment
   * @returns {import("../../../charts/decision_map.js").Points | null}
   */
  see(moment) {
    const { data } = moment.stage;
    const offered = data.kind === "points" && data.classes.length <= MOST_CLASSES;
    const shown = pointsAt(moment);
    const other = moment.run !== this.run;
    this.moment = moment;
    this.run = moment.run;
    if (other || !offered) this.sheet = null;
    if (this.active && !offered) this.done();
    this.bar.button.hidden = !offered || this.active;
    if (!shown || !offered) return shown;
    if (this.active && !this.sheet) {
      this.sheet = new PointSet(shown);
      this._fill();
    }
    if (this.active) this.bar.tell(this.api.live(), this.sheet?.left ?? 0);
    // What was drawn stays on the screen until the race tells of it.
    if (
      this.sheet &&
      !this.active &&
      (lastDrawn(moment.events) === this.sheet.text || performance.now() > this.until)
    )
      this.sheet = null;
    return this.sheet ? toDrawn(this.sheet.points, data.points.extent) : shown;
  }

  /**
   * What stands beside the panel's title, null where the pencil has nothing to say.
   * @returns {string | null}
   */
  get note() {
    if (!this.sheet) return null;
    if (!this.active) return this.until < Infinity ? null : t("touch.drawn-next");
    const count = this.sheet.points.length;
    return t(
      count < LEAST_POINTS
        ? "touch.draw-few"
        : count >= MOST_POINTS
          ? "touch.draw-full"
          : "touch.draw-count",
      { count, least: LEAST_POINTS },
    );
  }

  start() {
    if (!this.moment) return;
    const shown = pointsAt(this.moment);
    if (!shown) return;
    this.sheet ??= new PointSet(shown);
    this.active = true;
    this.enlarged = this._enlarge(true);
    this._sketching(true);
    this.bar.show(true);
    document.addEventListener("keydown", this.keys, true);
    this._fill();
    /** @type {HTMLElement} */ (this.bar.element.querySelector("button")).focus({
      preventScroll: true,
    });
    this.repaint();
  }

  /** Draw on one large square; what is drawn there counts once it is used. */
  _large() {
    const shown = this.moment && pointsAt(this.moment);
    if (!this.moment || !shown) return;
    const live = this.api.live();
    new DrawSquare(/** @type {HTMLElement} */ (this.place.closest(".kelvin")), {
      theme: this.theme,
      palette: this.palette,
      points: (this.sheet ?? new PointSet(shown)).text,
      // A race that runs keeps its classes.
      classes: live ? this.moment.stage.data.classes : CLASS_NAMES,
      use: (text, groups) => this._use(text, groups),
    });
  }

  /**
   * @param {string} text points drawn on the large square
   * @param {number} groups
   */
  _use(text, groups) {
    const shown = this.moment && pointsAt(this.moment);
    if (!shown) return;
    this.sheet ??= new PointSet(shown);
    this.sheet.begin();
    this.sheet.points = decodePoints(text);
    this.sheet.end();
    this._keep(t("touch.draw-points", { count: this.sheet.points.length }), groups);
    if (!this.active) this.until = this.api.live() ? performance.now() + TAKEN_MS : Infinity;
    this.repaint();
  }

  /**
   * Let the panel fill the board, or go back: on small maps no point can be hit.
   * @param {boolean} whole
   * @returns {boolean} whether anything changed
   */
  _enlarge(whole) {
    const button = /** @type {HTMLElement | null | undefined} */ (
      this.place.closest(".kv-panel")?.querySelector("[data-do=enlarge]")
    );
    if (!button || (button.getAttribute("aria-pressed") === "true") === whole) return false;
    button.click();
    return true;
  }

  /** @param {boolean} active */
  _sketching(active) {
    this.place.classList.toggle("kv-drawing", active);
    this.place.closest(".kelvin")?.classList.toggle("kv-sketching", active);
  }

  done() {
    const had =
      this.bar.element.contains(document.activeElement) ||
      this.place.contains(document.activeElement);
    this.active = false;
    this.gesture = null;
    this.over = -1;
    this._cross(null);
    if (this.enlarged) this._enlarge(false);
    this.enlarged = false;
    this._sketching(false);
    this.bar.show(false);
    this.label([...this.place.querySelectorAll("canvas")]);
    document.removeEventListener("keydown", this.keys, true);
    if (this.sheet && !this.sheet.past.length && !this.sheet.future.length) this.sheet = null;
    this.until = this.api.live() ? performance.now() + TAKEN_MS : Infinity;
    if (had) this.bar.button.focus({ preventScroll: true });
    this.repaint();
  }

  destroy() {
    this.throttle.cancel();
    document.removeEventListener("keydown", this.keys, true);
  }

  /** The tools, for the race and the sheet that are there now. */
  _fill() {
    const classes = this.moment?.stage.data.classes ?? [];
    this.bar.fill(classes);
    this.bar.tell(this.api.live(), this.sheet?.left ?? 0);
    if (this.sheet) this.bar.ways(this.sheet);
    this._choose(Math.min(this.brush, classes.length - 1));
    this.label([...this.place.querySelectorAll("canvas")]);
  }

  /** @param {number} brush */
  _choose(brush) {
    this.brush = brush;
    this.bar.mark(brush);
    this.place.classList.toggle("kv-erasing", brush < 0);
  }

  /** @param {"undo" | "redo"} way */
  _walk(way) {
    if (!this.sheet || this.gesture || !this.sheet[way]()) return;
    if (this.cross) this.cross.held = -1;
    this._changed();
    this._keep(t(`touch.draw-did-${way}`, { count: this.sheet.points.length }));
  }

  /**
   * One change from beginning to end.
   * @param {(sheet: PointSet) => void} change
   * @param {string} said
   */
  _once(change, said) {
    if (!this.sheet) return;
    this.sheet.begin();
    change(this.sheet);
    this._changed();
    if (this.sheet.end()) this._keep(said);
  }

  /** Something is another than a moment ago, and may be yet another in a moment. */
  _changed() {
    this.repaint();
    if (this.gesture || (this.cross && this.cross.held >= 0)) this.throttle.ask();
  }

  _command() {
    if (this.sheet && this.sheet.points.length >= LEAST_POINTS && this.api.live())
      this.api.command({ do: "points", points: this.sheet.text });
  }

  /**
   * A change is over: the race, the controls and the address learn of it.
   * @param {string} said
   * @param {number} [groups] how many classes there are, if they are others than the race's
   */
  _keep(said, groups) {
    this.throttle.cancel();
    if (this.sheet) this.bar.ways(this.sheet);
    this.bar.say(said);
    if (this.sheet && this.sheet.points.length >= LEAST_POINTS)
      this.api.setPoints(this.sheet.text, groups);
  }

  /**
   * Where an event lies on a map: in the data's numbers, and how far points are from it in pixels
   * of the page.
   * @param {HTMLCanvasElement} canvas
   * @param {{clientX: number, clientY: number}} event
   */
  _at(canvas, event) {
    const [x0, x1, y0, y1] = this._extent;
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const [across, up] = [(x1 - x0) / width, (y1 - y0) / height];
    const x = x0 + (event.clientX - left) * across;
    const y = y1 - (event.clientY - top) * up;
    return {
      x,
      y,
      far: (/** @type {{x: number, y: number}} */ point) =>
        Math.hypot((point.x - x) / across, (point.y - y) / up),
    };
  }

  /** The drawn square. @returns {[number, number, number, number]} */
  get _extent() {
    return this.moment?.stage.data.points.extent;
  }

  /** Where the keyboard begins: in the middle. @param {HTMLCanvasElement} canvas */
  _middle(canvas) {
    const [x0, x1, y0, y1] = this._extent;
    return {
      lane: [...this.place.querySelectorAll("canvas")].indexOf(canvas),
      x: (x0 + x1) / 2,
      y: (y0 + y1) / 2,
      held: -1,
    };
  }

  /**
   * Kept in the square.
   * @param {number} x
   * @param {number} y
   * @returns {[number, number]}
   */
  _inside(x, y) {
    const [x0, x1, y0, y1] = this._extent;
    return [Math.max(x0, Math.min(x1, x)), Math.max(y0, Math.min(y1, y))];
  }

  /**
   * @param {Event} event
   * @returns {HTMLCanvasElement | null}
   */
  _canvas(event) {
    return this.active && this.sheet
      ? /** @type {HTMLElement} */ (event.target).closest("canvas")
      : null;
  }

  /** @param {PointerEvent} event */
  _down(event) {
    const canvas = this._canvas(event);
    if (!canvas || !this.sheet || this.gesture || ![0, 2].includes(event.button)) return;
    const place = this._at(canvas, event);
    const found = this.sheet.nearest(
      place.far,
      event.pointerType === "mouse" ? REACH.mouse : REACH.touch,
    );
    canvas.setPointerCapture(event.pointerId);
    this.cross = null;
    this.sheet.begin();
    if (event.button === 2 || this.brush < 0) {
      this.gesture = { erase: true };
      this._erase(found);
      return;
    }
    const index =
      found >= 0 ? found : this.sheet.add(...this._inside(place.x, place.y), this.brush);
    if (index < 0) return this.repaint(); // the sheet is full, and its note says so
    const { x, y } = this.sheet.points[index];
    const tap =
      found >= 0 && event.pointerType !== "mouse" && place.far(this.sheet.points[found]) > BESIDE
        ? place
        : null;
    this.gesture = {
      index,
      dx: found >= 0 ? x - place.x : 0,
      dy: found >= 0 ? y - place.y : 0,
      tap,
    };
    this.over = index;
    this.repaint(); // the race learns of it when the pointer comes up, or moves on
  }

  /** @param {PointerEvent} event */
  _move(event) {
    const canvas = this._canvas(event);
    if (!canvas || !this.sheet) return;
    const place = this._at(canvas, event);
    const reach = event.pointerType === "mouse" ? REACH.mouse : REACH.touch;
    if (!this.gesture)
      return this._hover(event.pointerType === "mouse" ? this.sheet.nearest(place.far, reach) : -1);
    if ("erase" in this.gesture) return this._erase(this.sheet.nearest(place.far, reach));
    const { index, dx, dy, tap } = this.gesture;
    if (tap && tap.far(place) < STILL) return;
    this.gesture.tap = null;
    this.sheet.move(index, ...this._inside(place.x + dx, place.y + dy));
    this._changed();
  }

  _up() {
    if (!this.gesture || !this.sheet) return;
    if ("tap" in this.gesture && this.gesture.tap)
      this.sheet.add(...this._inside(this.gesture.tap.x, this.gesture.tap.y), this.brush);
    this.gesture = null;
    if (this.sheet.end()) this._keep(t("touch.draw-points", { count: this.sheet.points.length }));
    this.repaint();
  }

  /** @param {number} index */
  _erase(index) {
    if (index < 0) return;
    this.sheet?.remove(index);
    this.over = -1;
    this._changed();
  }

  /** @param {number} index */
  _hover(index) {
    if (this.gesture || index === this.over) return;
    this.over = index;
    this.place.classList.toggle("kv-grab", index >= 0);
    this.repaint();
  }

  /** @param {FocusEvent} event */
  _focus(event) {
    const canvas = this._canvas(event);
    if (canvas?.matches(":focus-visible")) this._cross(this._middle(canvas));
  }

  /** @param {DrawPointer["cross"]} cross */
  _cross(cross) {
    if (this.cross && this.cross.held >= 0 && this.sheet?.end())
      this._keep(t("touch.draw-points", { count: this.sheet.points.length }));
    this.cross = cross;
    if (this.active) this.repaint();
  }

  /**
   * Keys on a map: the arrows point, Enter adds, space takes hold, Delete takes away.
   * @param {KeyboardEvent} event
   */
  _key(event) {
    const canvas = this._canvas(event);
    if (!canvas || !this.sheet || event.ctrlKey || event.metaKey || event.altKey) return;
    this.cross ??= this._middle(canvas);
    const { cross, sheet } = this;
    const moves = /** @type {Record<string, [number, number]>} */ ({
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, 1],
      ArrowDown: [0, -1],
    })[event.key];
    const under = () => {
      const [x0, x1, y0, y1] = this._extent;
      return sheet.nearest(
        (point) =>
          Math.hypot(
            ((point.x - cross.x) / (x1 - x0)) * canvas.clientWidth,
            ((point.y - cross.y) / (y1 - y0)) * canvas.clientHeight,
          ),
        REACH.touch,
      );
    };
    if (moves) {
      const [x0, x1, y0, y1] = this._extent;
      const step = event.shiftKey ? STEP / 4 : STEP;
      [cross.x, cross.y] = this._inside(
        cross.x + moves[0] * step * (x1 - x0),
        cross.y + moves[1] * step * (y1 - y0),
      );
      if (cross.held >= 0) sheet.move(cross.held, cross.x, cross.y);
      this._changed();
    } else if (event.key === "Enter" && this.brush >= 0) {
      if (cross.held < 0)
        this._once(
          (one) => one.add(cross.x, cross.y, this.brush),
          t("touch.draw-added", {
            name: this.moment?.stage.data.classes[this.brush],
            count: Math.min(MOST_POINTS, sheet.points.length + 1),
          }),
        );
    } else if (event.key === " ") {
      if (cross.held >= 0) {
        cross.held = -1;
        if (sheet.end()) this._keep(t("touch.draw-dropped"));
      } else if ((cross.held = under()) >= 0) {
        sheet.begin();
        [cross.x, cross.y] = [sheet.points[cross.held].x, sheet.points[cross.held].y];
        this.bar.say(t("touch.draw-held"));
      }
      this.repaint();
    } else if (["Delete", "Backspace", "Enter"].includes(event.key)) {
      const index = cross.held >= 0 ? cross.held : under();
      cross.held = -1;
      if (index >= 0)
        this._once(
          (one) => one.remove(index),
          t("touch.draw-removed", { count: sheet.points.length - 1 }),
        );
    } else if (
      /^[1-3]$/.test(event.key) &&
      Number(event.key) <= (this.moment?.stage.data.classes.length ?? 0)
    )
      this._choose(Number(event.key) - 1);
    else if (event.key === "e") this._choose(-1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Undo, redo and the end, wherever the focus is. @param {KeyboardEvent} event */
  _keyAnywhere(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (
      target.closest?.('input:not([type="range"]), textarea, [contenteditable="true"]') ||
      document.querySelector(".kv-popup, dialog[open]")
    )
      return;
    const letter = (event.ctrlKey || event.metaKey) && !event.altKey ? event.key.toLowerCase() : "";
    if (letter === "z") this._walk(event.shiftKey ? "redo" : "undo");
    else if (letter === "y") this._walk("redo");
    else if (event.key === "Escape") this.done();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /**
   * What the pencil points at, over the points.
   * @param {CanvasRenderingContext2D} context
   * @param {number} lane
   */
  paint(context, lane) {
    if (!this.active || !this.sheet) return;
    const { width, height } = context.canvas;
    const [x0, x1, y0, y1] = this._extent;
    const across = (/** @type {number} */ x) => ((x - x0) / (x1 - x0)) * width;
    const up = (/** @type {number} */ y) => height - ((y - y0) / (y1 - y0)) * height;
    const ratio = width / Math.max(1, context.canvas.clientWidth);
    const stroke = () => {
      for (const [colour, wide] of /** @type {[string, number][]} */ ([
        [this.theme.surface, 4],
        [this.theme.text, 1.8],
      ])) {
        context.strokeStyle = colour;
        context.lineWidth = wide * ratio;
        context.stroke();
      }
    };
    const point =
      this.sheet.points[this.cross && this.cross.held >= 0 ? this.cross.held : this.over];
    if (point) {
      context.beginPath();
      context.arc(across(point.x), up(point.y), pointRadius(context.canvas) + 4 * ratio, 0, 7);
      stroke();
    }
    if (this.cross?.lane !== lane) return;
    const [x, y] = [across(this.cross.x), up(this.cross.y)];
    context.beginPath();
    for (const [dx, dy] of [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ]) {
      context.moveTo(x + 4 * ratio * dx, y + 4 * ratio * dy);
      context.lineTo(x + 13 * ratio * dx, y + 13 * ratio * dy);
    }
    stroke();
  }
}
