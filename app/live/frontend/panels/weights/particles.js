/**
 * The particles under a pointer, a finger or the arrow keys: what each says by itself, and the one
 * that is followed.
 */

import { formatNumber, SHAPES } from "../../i18n/format.js";
import { t } from "../../i18n/i18n.js";
import { asOf, nameOf, ParticlePainter, whyNot } from "../network/particle_prediction.js";

/** @typedef {import("../../data/frame_view.js").FrameView} FrameView */
/**
 * @typedef {{lane: number, particle: number}} One a particle: its lane and its place in the cloud,
 *   from 0
 */
/**
 * @typedef {{box: {left: number, top: number, width: number, height: number}, x: (value: number) =>
 *   number, y: (value: number) => number}} Place
 */

const REACH = { mouse: 9, touch: 20 };
const TRAIL = 40;
const RING = 8.5;

export class Particles {
  /**
   * @param {HTMLElement} element the plot
   * @param {() => Place} place where the plane lies on it now
   * @param {import("../registry.js").Kit} kit
   * @param {() => void} repaint
   */
  constructor(element, place, { api, theme, palette, tools }, repaint) {
    this.element = element;
    this.place = place;
    this.api = api;
    this.theme = theme;
    this.repaint = repaint;
    this.painter = new ParticlePainter(theme, palette);
    /** @type {FrameView | null} */ this.moment = null;
    /** @type {{k: number, clouds: any[]}[]} of the pictures drawn last, on one plane */
    this.seen = [];
    this.plane = "";
    /** @type {One | null} looked at: under the pointer, or chosen by keys */ this.looked = null;
    /** @type {{clientX: number, clientY: number} | null} */ this.pointer = null;
    this.shown = { tip: "", pin: "" };
    this.tip = emptyCard("kv-tip kv-member", "particle-tip");
    this.tip.root.setAttribute("role", "status");
    this.pin = emptyCard("kv-pin kv-member", "particle-pin");
    this.pin.root.setAttribute("role", "group");
    this.pin.root.setAttribute("aria-label", t("touch.followed"));
    this.letGo = document.createElement("button");
    this.letGo.type = "button";
    this.letGo.textContent = "✕";
    this.letGo.dataset.testid = "let-go";
    this.letGo.title = t("touch.let-go");
    this.letGo.setAttribute("aria-label", t("touch.let-go"));
    this.letGo.onclick = () => this._follow(null);
    this.pin.root.append(this.letGo);
    element.append(this.tip.root, this.pin.root);
    element.tabIndex = 0;
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", t("touch.walk"));
    this.tools = tools;
    element.addEventListener(
      "pointermove",
      (event) => event.pointerType === "mouse" && this.hover(event),
    );
    element.addEventListener("pointerleave", () => this.leave());
    element.addEventListener("keydown", (event) => this._key(event));
    element.addEventListener("blur", () => this.pointer || this._look(null));
    this.escape = (/** @type {KeyboardEvent} */ event) => {
      if (
        event.key === "Escape" &&
        !event.defaultPrevented &&
        this.api.follow &&
        this.element.offsetParent
      )
        this._follow(null);
    };
    document.addEventListener("keydown", this.escape);
  }

  /**
   * @param {import("../../charts/theme.js").Theme} theme
   * @param {any} palette
   */
  dress(theme, palette) {
    this.theme = theme;
    this.painter.dress(theme, palette);
    this.shown = { tip: "", pin: "" };
  }

  /**
   * A picture is drawn: remember where everybody is, and keep what is said of the particle up to
   * date.
   * @param {FrameView} moment
   */
  see(moment) {
    const { picture, run } = moment;
    const plane = `${run}/${picture.plane.id}/${picture.plane.kind}`;
    // Places on one plane mean nothing on another, and nothing leads from a later moment to an
    // earlier one.
    if (plane !== this.plane) this.seen = [];
    this.plane = plane;
    while (this.seen.length && this.seen[this.seen.length - 1].k >= picture.k) this.seen.pop();
    this.seen.push({
      k: picture.k,
      clouds: picture.lanes.map((/** @type {any} */ lane) => lane.cloud?.data ?? []),
    });
    if (this.seen.length > TRAIL) this.seen.shift();
    this.moment = moment;
    if (this.pointer) this.hover(this.pointer);
    else this._tell();
    this._pin();
  }

  /**
   * The particle's place in the newest picture, or null where it is not there any more.
   * @param {One | null} one
   * @returns {[number, number] | null}
   */
  _whereOf(one) {
    const cloud = one && this.moment?.picture.lanes[one.lane]?.cloud?.data;
    return cloud && 2 * one.particle < cloud.length
      ? [cloud[2 * one.particle], cloud[2 * one.particle + 1]]
      : null;
  }

  /**
   * The particle nearest to a pointer, if one is within reach.
   * @param {{clientX: number, clientY: number, pointerType?: string}} event
   * @returns {One | null}
   */
  at(event) {
    if (!this.moment) return null;
    const bounds = this.element.getBoundingClientRect();
    const [left, top] = [event.clientX - bounds.left, event.clientY - bounds.top];
    const { box, x, y } = this.place();
    if (
      left < box.left ||
      top < box.top ||
      left > box.left + box.width ||
      top > box.top + box.height
    )
      return null;
    /** @type {One | null} */ let found = null;
    let nearest = (event.pointerType === "touch" ? REACH.touch : REACH.mouse) ** 2;
    this.moment.picture.lanes.forEach(
      (/** @type {any} */ { cloud }, /** @type {number} */ lane) => {
        for (let n = 0; n < (cloud?.data.length ?? 0); n += 2) {
          const far = (x(cloud.data[n]) - left) ** 2 + (y(cloud.data[n + 1]) - top) ** 2;
          if (far < nearest) [nearest, found] = [far, { lane, particle: n / 2 }];
        }
      },
    );
    return found;
  }

  /**
   * @param {{clientX: number, clientY: number, target?: EventTarget | null, buttons?: number}}
   *   event
   * @returns {boolean} whether a particle is there
   */
  hover(event) {
    const { clientX, clientY } = event;
    const covered = event.target instanceof Element && event.target.closest(".kv-pin");
    this.pointer = covered || event.buttons ? null : { clientX, clientY };
    this._look(this.pointer ? this.at(event) : null);
    return this.looked !== null;
  }

  leave() {
    this.pointer = null;
    this._look(null);
  }

  /**
   * A click, or a tap: follow the particle there, or let it go.
   * @param {PointerEvent} event
   * @returns {boolean} whether it was one on a particle or on what is pinned
   */
  click(event) {
    if (/** @type {Element} */ (event.target).closest?.(".kv-pin")) return true;
    const one = this.at(event);
    if (!one) return false;
    this._toggle(one);
    return true;
  }

  /** @param {One} one */
  _toggle(one) {
    const { follow } = this.api;
    this._follow(follow?.lane === one.lane && follow.particle === one.particle ? null : one);
  }

  /** @param {One | null} one */
  _follow(one) {
    const focused = this.pin.root.contains(document.activeElement);
    this.api.setFollow(one);
    this._pin();
    this._tell();
    if (!one && focused) this.element.focus({ preventScroll: true });
    this.repaint();
  }

  /** @param {One | null} one */
  _look(one) {
    const other = one?.lane !== this.looked?.lane || one?.particle !== this.looked?.particle;
    this.looked = one;
    this.element.classList.toggle("kv-over", one !== null);
    this._tell();
    if (other) this.repaint();
  }

  /**
   * Arrows walk from the best particle to the worst and from lane to lane, Enter follows.
   * @param {KeyboardEvent} event
   */
  _key(event) {
    if (
      event.target !== this.element ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      !this.moment
    )
      return;
    const stride = /** @type {Record<string, number>} */ ({
      ArrowRight: 1,
      ArrowLeft: -1,
      Home: -Infinity,
      End: Infinity,
    })[event.key];
    const turn = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowUp: -1 })[event.key];
    if (stride !== undefined || turn !== undefined) {
      this.pointer = null;
      this._look(nextParticle(this.moment.picture.lanes, this.looked, stride ?? 0, turn ?? 0));
    } else if ((event.key === "Enter" || event.key === " ") && this.looked)
      this._toggle(this.looked);
    else if (event.key === "Escape" && (this.looked || this.api.follow)) {
      if (this.api.follow) this._follow(null);
      else this._look(null);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /**
   * What is said of a particle.
   * @param {One} one
   * @returns {{name: string, loss: string, line: string}}
   */
  _words({ lane, particle }) {
    const moment = /** @type {FrameView} */ (this.moment);
    const loss = moment.picture.lanes[lane].cloud_loss?.data[particle];
    const name = `${SHAPES[lane]} ${nameOf(moment.stage.lanes[lane], particle)}`;
    const ground = moment.stage.data.kind === "function";
    const said =
      loss === undefined
        ? ""
        : t(ground ? "touch.height" : "touch.loss", { loss: formatNumber(loss) });
    const why = whyNot(moment, lane, particle, this.api.live());
    return { name, loss: said, line: why || (ground ? "" : asOf(moment, lane)) };
  }

  /**
   * Paint a card's picture where it is another than before, and write its words.
   * @param {ReturnType<typeof emptyCard>} card
   * @param {"tip" | "pin"} which
   * @param {One} one
   */
  _fill(card, which, one) {
    const moment = /** @type {FrameView} */ (this.moment);
    card.root.hidden = false;
    const words = this._words(one);
    // The tip has its loss beside the name, the narrow pin under the picture.
    const [title, line] =
      which === "tip"
        ? [[words.name, words.loss], [words.line]]
        : [[words.name], [words.loss, words.line]];
    for (const [place, parts, between] of /** @type {[HTMLElement, string[], string][]} */ ([
      [card.title, title, " · "],
      [card.line, line, "\n"],
    ])) {
      const text = parts.filter(Boolean).join(between);
      if (place.textContent !== text) place.textContent = text;
      place.hidden = !text;
    }
    card.root.style.setProperty("--lane", `var(--lane-${one.lane})`);
    const key = `${moment.run} ${one.lane} ${one.particle} ${moment.detail?.k} ${moment.events.length}`;
    if (key === this.shown[which]) return;
    this.shown[which] = key;
    card.canvas.hidden = false;
    this.painter.paint(card.canvas, moment, one.lane, one.particle);
  }

  /** The tip beside the particle that is looked at. */
  _tell() {
    const where = this._whereOf(this.looked);
    const { follow } = this.api;
    const pinned =
      this.looked && follow?.lane === this.looked.lane && follow.particle === this.looked.particle;
    if (!this.looked || !where || pinned) {
      this.tip.root.hidden = true;
      return;
    }
    this._fill(this.tip, "tip", this.looked);
    const { x, y } = this.place();
    this._put(x(where[0]), y(where[1]));
  }

  /**
   * Say something where no particle is.
   * @param {string} text
   * @param {{clientX: number, clientY: number}} event
   */
  say(text, event) {
    const bounds = this.element.getBoundingClientRect();
    this.shown.tip = "";
    this.tip.root.hidden = false;
    this.tip.canvas.hidden = this.tip.line.hidden = true;
    this.tip.title.textContent = text;
    this._put(event.clientX - bounds.left, event.clientY - bounds.top);
  }

  /**
   * Beside a place and within the panel.
   * @param {number} left
   * @param {number} top
   */
  _put(left, top) {
    const { root } = this.tip;
    const { clientWidth, clientHeight } = this.element;
    const right = left + 14 + root.offsetWidth < clientWidth - 2;
    root.style.left = `${Math.max(2, right ? left + 14 : left - 14 - root.offsetWidth)}px`;
    root.style.top = `${Math.max(2, Math.min(top - root.offsetHeight / 2, clientHeight - root.offsetHeight - 2))}px`;
  }

  /**
   * The followed particle's card in a corner, and in the other one where it would lie on the
   * particle.
   */
  _pin() {
    const { follow } = this.api;
    const where = this.moment && this._whereOf(follow);
    const { root } = this.pin;
    if (!follow || !where) {
      root.hidden = true;
      this.shown.pin = "";
      return;
    }
    this._fill(this.pin, "pin", follow);
    const { x, y } = this.place();
    const [left, top] = [x(where[0]), y(where[1])];
    const { clientWidth } = this.element;
    const reach = root.offsetWidth + 24;
    if (top < root.offsetHeight + 24 && left < reach) root.dataset.side = "right";
    else if (
      root.dataset.side !== "right" ||
      (top < root.offsetHeight + 24 && left > clientWidth - reach)
    )
      root.dataset.side = "left";
  }

  /**
   * The trail under everything else.
   * @param {CanvasRenderingContext2D} paint
   * @param {(v: number) => number} x
   * @param {(v: number) => number} y
   */
  paintTrail(paint, x, y) {
    const { follow } = this.api;
    if (!follow) return;
    const trail = this.seen
      .map(({ clouds }) => clouds[follow.lane] ?? [])
      .filter((cloud) => 2 * follow.particle < cloud.length);
    for (const [colour, wide] of /** @type {[string, number][]} */ ([
      [this.theme.surface, 4],
      [this.theme.text, 1.7],
    ])) {
      paint.strokeStyle = colour;
      paint.lineWidth = wide;
      paint.lineCap = paint.lineJoin = "round";
      for (let n = 1; n < trail.length; n++) {
        paint.globalAlpha = 0.2 + (0.75 * n) / trail.length;
        paint.beginPath();
        paint.moveTo(
          x(trail[n - 1][2 * follow.particle]),
          y(trail[n - 1][2 * follow.particle + 1]),
        );
        paint.lineTo(x(trail[n][2 * follow.particle]), y(trail[n][2 * follow.particle + 1]));
        paint.stroke();
      }
    }
    paint.globalAlpha = 1;
  }

  /**
   * Rings over everything else: around the one that is followed, and a thinner one around the one
   * looked at.
   * @param {CanvasRenderingContext2D} paint
   * @param {(v: number) => number} x
   * @param {(v: number) => number} y
   */
  paintRings(paint, x, y) {
    for (const [one, over] of /** @type {[One | null, number][]} */ ([
      [this.looked, 1.4],
      [this.api.follow, 2.4],
    ])) {
      const where = this._whereOf(one);
      if (!where) continue;
      paint.beginPath();
      paint.arc(x(where[0]), y(where[1]), RING, 0, 7);
      paint.strokeStyle = this.theme.surface;
      paint.lineWidth = over + 2.6;
      paint.stroke();
      paint.strokeStyle = this.theme.text;
      paint.lineWidth = over;
      paint.stroke();
    }
  }

  reset() {
    this.seen = [];
    this.plane = "";
    this.looked = this.moment = null;
    this.shown = { tip: "", pin: "" };
    this.tip.root.hidden = this.pin.root.hidden = true;
  }

  destroy() {
    document.removeEventListener("keydown", this.escape);
  }
}

/**
 * Another particle: so many further from the best to the worst of a lane, or the best of the next
 * lane that has a cloud.
 * @param {any[]} lanes of a picture
 * @param {One | null} from
 * @param {number} stride
 * @param {number} turn
 * @returns {One | null} null where no lane has a cloud
 */
export function nextParticle(lanes, from, stride, turn) {
  const there = lanes.flatMap((lane, i) => (lane.cloud?.shape[0] ? [i] : []));
  if (!there.length) return null;
  const at = there.indexOf(from?.lane ?? -1);
  const lane = at < 0 ? there[0] : there[(at + turn + there.length) % there.length];
  const losses = lanes[lane].cloud_loss?.data;
  const order = Array.from({ length: lanes[lane].cloud.shape[0] }, (_, i) => i);
  if (losses) order.sort((a, b) => losses[a] - losses[b] || a - b);
  const place =
    from?.lane === lane
      ? order.indexOf(from.particle) + stride
      : stride === Infinity
        ? Infinity
        : 0;
  return { lane, particle: order[Math.max(0, Math.min(order.length - 1, place))] };
}

/**
 * A small card: a picture with a title and a line.
 * @param {string} className
 * @param {string} id
 */
function emptyCard(className, id) {
  const root = document.createElement("div");
  root.className = className;
  root.dataset.testid = id;
  root.hidden = true;
  const canvas = document.createElement("canvas");
  canvas.setAttribute("aria-hidden", "true");
  const title = document.createElement("b");
  const line = document.createElement("span");
  root.append(title, canvas, line);
  return { root, canvas, title, line };
}
