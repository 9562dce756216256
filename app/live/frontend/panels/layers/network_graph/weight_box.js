/**
 * A small box in which one weight is set: a slider, a number, and why it cannot be moved where that
 * is so.
 */

import { t } from "../../../i18n/i18n.js";

/** Commands sent in a second at most. */
const PER_SECOND = 10;
/**
 * How long after the last move of a hand the slider stays with it before it follows the training
 * again, ms.
 */
const HOLD = 900;

export class WeightBox {
  /**
   * @param {HTMLElement} place
   * @param {() => void} closed
   */
  constructor(place, closed) {
    this.place = place;
    this.closed = closed;
    this.set = (/** @type {number} */ _value) => {};
    this.sentAt = this.movedAt = -Infinity;
    /** @type {number | null} */ this.due = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */ this.timer = undefined;
    this.box = document.createElement("div");
    this.box.className = "kv-weightbox";
    this.box.setAttribute("role", "dialog");
    this.box.dataset.testid = "weight-box";
    this.box.hidden = true;
    this.box.innerHTML = `<header><b></b><button type="button" aria-label="${t("panels.neurons-close")}">✕</button></header>
      <div><input type="range" data-testid="weight-slide" aria-label="${t("panels.neurons-slide")}"><input type="number" step="any" data-testid="weight-number" aria-label="${t("panels.neurons-set")}"></div><p role="note"></p>`;
    const get = (/** @type {string} */ selector) =>
      /** @type {HTMLElement} */ (this.box.querySelector(selector));
    this.title = get("b");
    this.why = get("p");
    this.slide = /** @type {HTMLInputElement} */ (get("[type=range]"));
    this.number = /** @type {HTMLInputElement} */ (get("[type=number]"));
    get("button").onclick = () => this.close();
    this.slide.oninput = () => this._move(Number(this.slide.value), this.slide);
    this.number.oninput = () => {
      if (Number.isFinite(this.number.valueAsNumber))
        this._move(this.number.valueAsNumber, this.number);
    };
    this.box.onkeydown = (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.close();
    };
    place.append(this.box);
  }

  get open() {
    return !this.box.hidden;
  }

  /** Whether a hand is on it, or was a moment ago. */
  get held() {
    return performance.now() - this.movedAt < HOLD;
  }

  /**
   * @param {string} title
   * @param {number} value
   * @param {string} refusal why it cannot be set; empty where it can
   * @param {number} x px
   * @param {number} y px
   * @param {(value: number) => void} set
   */
  show(title, value, refusal, x, y, set) {
    this._send();
    this.set = set;
    this.movedAt = -Infinity;
    this.title.textContent = title;
    this.box.setAttribute("aria-label", title);
    const most = Math.max(3, 2 * Math.abs(value));
    Object.assign(this.slide, { min: String(-most), max: String(most), step: String(most / 600) });
    this.box.hidden = false;
    this.follow(value, refusal);
    const { clientWidth, clientHeight } = this.place;
    this.box.style.left = `${Math.max(4, Math.min(x - this.box.offsetWidth / 2, clientWidth - this.box.offsetWidth - 4))}px`;
    this.box.style.top = `${Math.max(4, Math.min(y + 12, clientHeight - this.box.offsetHeight - 4))}px`;
    /** @type {HTMLElement} */ (refusal ? this.box.querySelector("button") : this.slide).focus({
      preventScroll: true,
    });
  }

  /**
   * The weight as it is now, unless a hand is on it.
   * @param {number} value
   * @param {string} refusal
   */
  follow(value, refusal) {
    this.slide.disabled = this.number.disabled = Boolean(refusal);
    const why = refusal || t("panels.neurons-live");
    if (this.why.textContent !== why) this.why.textContent = why;
    if (this.held) return;
    this.slide.value = String(value);
    if (document.activeElement !== this.number) this.number.value = value.toFixed(3);
  }

  close() {
    if (this.box.hidden) return;
    this._send();
    this.box.hidden = true;
    this.closed();
  }

  destroy() {
    clearTimeout(this.timer);
    this.box.remove();
  }

  /**
   * @param {number} value
   * @param {HTMLInputElement} by
   */
  _move(value, by) {
    this.movedAt = performance.now();
    if (by === this.slide) this.number.value = value.toFixed(3);
    else this.slide.value = String(value);
    this.due = value;
    const wait = this.sentAt + 1000 / PER_SECOND - this.movedAt;
    clearTimeout(this.timer);
    if (wait <= 0) this._send();
    else this.timer = setTimeout(() => this._send(), wait);
  }

  /** The newest value goes, however quickly it came after the one before. */
  _send() {
    clearTimeout(this.timer);
    if (this.due === null) return;
    this.sentAt = performance.now();
    const value = this.due;
    this.due = null;
    this.set(value);
  }
}
