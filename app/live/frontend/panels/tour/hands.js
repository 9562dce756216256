/**
 * Cities moved, added and dropped on a map by hand: with a pointer, a finger or the keyboard.
 *
 * A drag is told as it goes, at most ten times a second, and once more at its end.
 */

/** From here on a press is a drag; and how near a city is meant: px. */
const STILL = 4;
const NEAR = 10;
const NEAR_FINGER = 20;
const LONG_MS = 550;
const EVERY_MS = 100;
/** How far a key moves a city: a share of what is seen. */
const STRIDE = 0.02;

/**
 * @typedef {object} Hand what the map says and does for hands
 * @property {() => boolean} editable whether cities may be changed now
 * @property {(canvas: HTMLCanvasElement, event: {clientX: number, clientY: number}, reach: number)
 *   => number | null} cityAt the nearest city within so many pixels
 * @property {(canvas: HTMLCanvasElement, event: {clientX: number, clientY: number}) => [number,
 *   number]} placeAt the cities' coordinates there
 * @property {(i: number) => [number, number]} place of a city, in the same coordinates
 * @property {() => number} count of cities
 * @property {() => number} span the width of what is seen, in the same coordinates
 * @property {(from: number | null, dx: number, dy: number) => number | null} next the city that
 *   lies nearest in a direction
 * @property {(edit: import("../../data/cities.js").CityEdit, ends: boolean) => void} edit
 * @property {(i: number | null) => void} select
 * @property {(dx: number, dy: number) => void} pan px
 */

const ARROWS = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
});

export class Hands {
  /** @param {Hand} hand */
  constructor(hand) {
    this.hand = hand;
    /** @type {number | null} the city that keys act on */ this.selected = null;
    /** Whether a pointer moves a city now. */ this.dragging = false;
    this.toldAt = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */ this.press = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */ this.later = undefined;
    this._stop = () => {};
  }

  /** @param {HTMLCanvasElement} canvas */
  wire(canvas) {
    canvas.addEventListener("pointerdown", (event) => this._down(canvas, event));
    canvas.addEventListener("contextmenu", (event) => {
      if (!this.hand.editable()) return;
      const city = this.hand.cityAt(canvas, event, NEAR);
      event.preventDefault();
      if (city !== null && !this.dragging) this.drop(city);
    });
    canvas.addEventListener("keydown", (event) => this._key(event));
    // A finger on a city moves it; elsewhere it scrolls the page.
    canvas.addEventListener(
      "touchstart",
      (event) => {
        const [touch] = event.touches;
        if (
          event.touches.length === 1 &&
          this.hand.editable() &&
          this.hand.cityAt(canvas, touch, NEAR_FINGER) !== null
        )
          event.preventDefault();
      },
      { passive: false },
    );
  }

  /** @param {number} city */
  drop(city) {
    if (this.hand.count() < 2) return;
    this.select(null);
    this.hand.edit({ drop: [city] }, true);
  }

  /** @param {number | null} city */
  select(city) {
    this.selected = city;
    this.hand.select(city);
  }

  /** Other cities are shown: what was begun is over. */
  forget() {
    this._stop();
    clearTimeout(this.press);
    clearTimeout(this.later);
    this.dragging = false;
    this.selected = null;
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {PointerEvent} down
   */
  _down(canvas, down) {
    if (down.button !== 0) return;
    const { hand } = this;
    const finger = down.pointerType === "touch";
    const editable = hand.editable();
    const city = hand.cityAt(canvas, down, finger ? NEAR_FINGER : NEAR);
    const moves = editable && city !== null;
    let [lastX, lastY] = [down.clientX, down.clientY];
    let far = false;
    if (moves && finger)
      this.press = setTimeout(() => {
        if (far) return;
        this._stop();
        this.drop(city);
      }, LONG_MS);
    const move = (/** @type {PointerEvent} */ event) => {
      if (event.pointerId !== down.pointerId) return;
      if (!far && Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) < STILL)
        return;
      far = true;
      clearTimeout(this.press);
      if (moves) {
        this.dragging = true;
        this._drag(city, hand.placeAt(canvas, event), false);
      } else if (!finger) hand.pan(event.clientX - lastX, event.clientY - lastY);
      [lastX, lastY] = [event.clientX, event.clientY];
    };
    const up = (/** @type {PointerEvent} */ event) => {
      if (event.pointerId !== down.pointerId) return;
      this._stop();
      const cancelled = event.type === "pointercancel";
      if (this.dragging && moves) {
        this.dragging = false;
        this._drag(
          city,
          hand.placeAt(canvas, cancelled ? { clientX: lastX, clientY: lastY } : event),
          true,
        );
      } else if (!far && !cancelled) {
        if (city !== null) this.select(city);
        else if (editable) hand.edit({ add: [hand.placeAt(canvas, event)] }, true);
      }
    };
    this._stop = () => {
      clearTimeout(this.press);
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", up);
      removeEventListener("pointercancel", up);
      this._stop = () => {};
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", up);
    addEventListener("pointercancel", up);
  }

  /**
   * Move a city, and tell of it now or soon.
   * @param {number} city
   * @param {[number, number]} place
   * @param {boolean} ends
   */
  _drag(city, [x, y], ends) {
    clearTimeout(this.later);
    const tell = () => {
      this.toldAt = performance.now();
      this.hand.edit({ move: [[city, x, y]] }, ends);
    };
    const wait = this.toldAt + EVERY_MS - performance.now();
    if (ends || wait <= 0) tell();
    else this.later = setTimeout(tell, wait);
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    const { hand, selected } = this;
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const arrow = ARROWS[event.key];
    let done = true;
    if (arrow && event.shiftKey && selected !== null && hand.editable()) {
      const [x, y] = hand.place(selected);
      const stride = STRIDE * hand.span();
      hand.edit({ move: [[selected, x + arrow[0] * stride, y + arrow[1] * stride]] }, true);
    } else if (arrow) this.select(hand.next(selected, ...arrow));
    else if (["Delete", "Backspace"].includes(event.key) && selected !== null && hand.editable())
      this.drop(selected);
    else if (event.key === "Insert" && hand.editable()) {
      const [x, y] = hand.place(selected ?? 0);
      hand.edit({ add: [[x + 2 * STRIDE * hand.span(), y]] }, true);
    } else if (event.key === "Escape" && selected !== null) this.select(null);
    else done = false;
    if (!done) return;
    event.preventDefault();
    event.stopPropagation(); // these keys belong to the page elsewhere
  }
}
