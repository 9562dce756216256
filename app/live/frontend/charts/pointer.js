/**
 * Clicks, clicks and double clicks on a chart that may be drawn anew at any moment, and whose first
 * click may have it drawn anew.
 */

const CLICK_PIXELS = 4;
const CLICK_MS = 500;
/** Two clicks within this are a double click: what most systems are set to. */
const DOUBLE_MS = 500;

/**
 * Calls with every click and tap that stays where it came down; Plotly lays a cover over the page
 * while a button is down, so the pointer comes up on that.
 * @param {HTMLElement} element
 * @param {(event: PointerEvent) => void} call
 */
function onClick(element, call) {
  element.addEventListener(
    "pointerdown",
    (down) => {
      if (down.button !== 0) return;
      const at = performance.now();
      const up = (/** @type {PointerEvent} */ event) => {
        removeEventListener("pointerup", up, true);
        removeEventListener("pointercancel", up, true);
        const still =
          Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) <= CLICK_PIXELS &&
          performance.now() - at < CLICK_MS;
        // What matters is what lay under the pointer when it came down, before the cover.
        if (still && event.type === "pointerup") call(down);
      };
      addEventListener("pointerup", up, true);
      addEventListener("pointercancel", up, true);
    },
    true,
  );
}

/**
 * What a click at one place is, single or double: the one answer for all that is done on a chart.
 * Plotly forgets the first click where the chart is drawn in between.
 */
export class ClickRecognizer {
  /**
   * @param {HTMLElement} element
   * @param {object} on
   * @param {() => boolean} on.waits whether a double click means something now, so that a single
   *   one must wait until it is none
   * @param {(event: PointerEvent) => void} on.double
   */
  constructor(element, { waits, double }) {
    /** @type {ReturnType<typeof setTimeout> | undefined} */ this.timer = undefined;
    /** Called with where a single click came down. */
    this.single = (/** @type {PointerEvent} */ _down) => {};
    /** @type {PointerEvent | null} */ let first = null;
    /** @type {PointerEvent | null} */ let due = null;
    const wait = (/** @type {number} */ ms) => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        const down = due;
        due = null;
        if (down) this.single(down);
      }, ms);
    };
    // The button is down again in time: whether that makes a double click is known when it comes
    // up.
    element.addEventListener("pointerdown", () => due && wait(CLICK_MS + 1), true);
    onClick(element, (down) => {
      const second =
        first &&
        down.timeStamp - first.timeStamp < DOUBLE_MS &&
        Math.hypot(down.clientX - first.clientX, down.clientY - first.clientY) <= 2 * CLICK_PIXELS;
      first = second ? null : down;
      if (due && !second) this.single(due);
      due = null;
      clearTimeout(this.timer);
      if (second) double(down);
      else if (!waits()) this.single(down);
      else {
        due = down;
        wait(Math.max(0, DOUBLE_MS - (performance.now() - down.timeStamp)));
      }
    });
  }

  destroy() {
    clearTimeout(this.timer);
  }
}
