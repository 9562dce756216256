/** Touch on charts: one finger scrolls the page past them, two fingers zoom. */

/** Fingers nearer than this along an axis say nothing of its scale; pixels. */
const NEAR = 24;
/** How far two fingers may zoom in one go. */
const MOST = 20;

/** Whether fingers are what this device is mostly used with. */
export function hasTouch() {
  return typeof matchMedia === "function" && matchMedia("(pointer: coarse)").matches;
}

/**
 * The range of an axis after two fingers moved on it: what lay under each of them lies there still.
 * @param {[number, number]} range at the axis's begin and end
 * @param {number} length of the axis in pixels
 * @param {[number, number]} from where the fingers were, in pixels from its begin
 * @param {[number, number]} to where they are
 * @returns {[number, number]} the same range where they were too near each other to say
 */
export function pinchedRange(range, length, from, to) {
  const [a, b] = range;
  const apart = from[1] - from[0];
  const now = to[1] - to[0];
  if (Math.abs(apart) < NEAR || Math.abs(now) < NEAR || apart * now < 0) return range;
  const factor = Math.min(MOST, Math.max(1 / MOST, apart / now));
  const scale = ((b - a) / length) * factor;
  const begin = a + ((b - a) / length) * from[0] - scale * to[0];
  return [begin, begin + scale * length];
}

/**
 * Two fingers zoom a chart.
 * @param {HTMLElement} element a Plotly chart with axes
 * @param {any} Plotly
 */
export function enablePinchZoom(element, Plotly) {
  /** @type {{x: [number, number], y: [number, number], spots: [number, number][]} | null} */
  let begun = null;
  let due = 0;
  const spots = (/** @type {TouchEvent} */ event) => {
    const { left, top } = element.getBoundingClientRect();
    const { margin } = /** @type {any} */ (element).layout;
    const bottom = element.clientHeight - margin.b;
    return [...event.touches]
      .slice(0, 2)
      .map(
        ({ clientX, clientY }) =>
          /** @type {[number, number]} */ ([clientX - left - margin.l, bottom - (clientY - top)]),
      );
  };
  element.addEventListener(
    "touchstart",
    (event) => {
      const { xaxis, yaxis } = /** @type {any} */ (element).layout;
      begun =
        event.touches.length === 2 && xaxis?.range && yaxis?.range
          ? { x: xaxis.range.slice(), y: yaxis.range.slice(), spots: spots(event) }
          : null;
      if (begun) event.preventDefault();
    },
    { passive: false },
  );
  element.addEventListener(
    "touchmove",
    (event) => {
      if (!begun || event.touches.length !== 2) return;
      event.preventDefault();
      const {
        x,
        y,
        spots: [one, other],
      } = begun;
      const [here, there] = spots(event);
      const { margin } = /** @type {any} */ (element).layout;
      const [width, height] = [
        element.clientWidth - margin.l - margin.r,
        element.clientHeight - margin.t - margin.b,
      ];
      const wide = pinchedRange(x, width, [one[0], other[0]], [here[0], there[0]]);
      const high = pinchedRange(y, height, [one[1], other[1]], [here[1], there[1]]);
      cancelAnimationFrame(due);
      due = requestAnimationFrame(() =>
        Plotly.relayout(element, {
          "xaxis.range[0]": wide[0],
          "xaxis.range[1]": wide[1],
          "yaxis.range[0]": high[0],
          "yaxis.range[1]": high[1],
        }),
      );
    },
    { passive: false },
  );
}
