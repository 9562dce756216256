/** Clicks, taps and double clicks on a chart that may be drawn anew at any moment, and whose first click may have it drawn anew. */

const CLICK_PIXELS = 4;
const CLICK_MS = 500;

/** Calls with every click and tap that stays where it came down; Plotly lays a cover over the page while a button is down, so the pointer comes up on that. @param {HTMLElement} element @param {(event: PointerEvent) => void} call */
export function clicks(element, call) {
  element.addEventListener("pointerdown", (down) => {
    if (down.button !== 0) return;
    const at = performance.now();
    const up = (/** @type {PointerEvent} */ event) => {
      removeEventListener("pointerup", up, true);
      removeEventListener("pointercancel", up, true);
      const still = Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) <= CLICK_PIXELS && performance.now() - at < CLICK_MS;
      // What matters is what lay under the pointer when it came down, before the cover.
      if (still && event.type === "pointerup") call(down);
    };
    addEventListener("pointerup", up, true);
    addEventListener("pointercancel", up, true);
  }, true);
}

/** Calls with every second of two clicks at one place. Plotly forgets the first where the chart is drawn in between. @param {HTMLElement} element @param {(event: PointerEvent) => void} call */
export function doubleClicks(element, call) {
  /** @type {PointerEvent | null} */ let first = null;
  clicks(element, (down) => {
    const second = first && down.timeStamp - first.timeStamp < CLICK_MS && Math.hypot(down.clientX - first.clientX, down.clientY - first.clientY) <= 2 * CLICK_PIXELS;
    first = second ? null : down;
    if (second) call(down);
  });
}
