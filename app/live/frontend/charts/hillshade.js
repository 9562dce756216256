/**
 * How heights become a picture: levels between 0 and 1, light and shadow, the height anywhere on a
 * grid.
 */

/** @typedef {{data: ArrayLike<number>, shape: number[]}} Grid rows are y, row 0 at the low end */
/**
 * @typedef {{floor: number, top: number, power: number, lift: (height: number) => number, at:
 *   (heights: {x: number[], y: number[], z: Grid}, x: number, y: number) => number | null}} Shape
 */

const STEEPEST = 1;
const FLATTEST = 0.12;
const ROUND = 0.0015;
const LIGHT = [-0.55, 0.62, 0.56];
const RELIEF = 0.45;
const STEEP_SHARE = 0.85;
const STEEP_LIGHT = 0.9;

/**
 * How the heights of a landscape are shown: by a power of their share of the range, chosen so that
 * half the area lies in the lower half of the picture. A bowl stays a bowl, and a valley between
 * cliffs is still seen as a valley.
 * @param {ArrayLike<number>} heights
 * @param {number | null} lowest where it is known
 * @returns {Shape}
 */
export function shapeOf(heights, lowest) {
  const finite = Array.from(heights)
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  const quantile = (/** @type {number} */ share) =>
    finite[Math.min(finite.length - 1, Math.floor(share * finite.length))] ?? 0;
  const floor = Math.min(lowest ?? Infinity, finite[0] ?? 0);
  const top = Math.max(quantile(0.995), floor + 1e-12);
  const middle = (quantile(0.5) - floor) / (top - floor);
  // A little added on keeps the bottom of a valley round: a root has no slope to end on at nothing.
  const level = (/** @type {number} */ share, /** @type {number} */ exponent) =>
    ((share + ROUND) ** exponent - ROUND ** exponent) /
    ((1 + ROUND) ** exponent - ROUND ** exponent);
  let [low, high] = [FLATTEST, STEEPEST];
  for (let i = 0; i < 30; i++) {
    const half = (low + high) / 2;
    if (level(middle, half) < 0.5) high = half;
    else low = half;
  }
  const power = (low + high) / 2;
  const lift = (/** @type {number} */ height) =>
    Math.min(1.15, level(Math.max(0, (height - floor) / (top - floor)), power));
  return { floor, top, power, lift, at: heightAt };
}

/**
 * The height between the points of a grid, or null where there is none.
 * @param {{x: number[], y: number[], z: Grid}} heights
 * @param {number} x
 * @param {number} y
 */
export function heightAt({ x: [x0, x1], y: [y0, y1], z }, x, y) {
  const [height, width] = z.shape;
  const column = ((x - x0) / (x1 - x0)) * (width - 1);
  const row = ((y - y0) / (y1 - y0)) * (height - 1);
  if (!(column >= 0 && column <= width - 1 && row >= 0 && row <= height - 1)) return null;
  const [c, r] = [Math.min(width - 2, Math.floor(column)), Math.min(height - 2, Math.floor(row))];
  const [right, up] = [column - c, row - r];
  const at = r * width + c;
  const low = z.data[at] + right * (z.data[at + 1] - z.data[at]);
  const high = z.data[at + width] + right * (z.data[at + width + 1] - z.data[at + width]);
  const value = low + up * (high - low);
  return Number.isFinite(value) ? value : null;
}

/**
 * n numbers from one to the other.
 * @param {number[]} ends
 * @param {number} n
 */
export function linspace([from, to], n) {
  return Array.from({ length: n }, (_, i) => from + ((to - from) * i) / (n - 1));
}

/**
 * How much lighter or darker than flat ground a slope is, −1 to 1, with the sun in the upper left.
 * @param {number} east rise of the level per share of the width
 * @param {number} north and of the depth
 * @param {number} relief how much heights are exaggerated
 */
export function light(east, north, relief = RELIEF) {
  const [ex, ny] = [-east * relief, -north * relief];
  const size = Math.hypot(ex, ny, 1);
  const shine = (ex * LIGHT[0] + ny * LIGHT[1] + LIGHT[2]) / size;
  return Math.max(-1, Math.min(1, (shine - LIGHT[2]) * 1.5));
}

/**
 * Rise of the level to the east and to the north at every point of a grid, per share of its width
 * and depth.
 * @param {Grid} z
 * @param {Shape} shape
 */
export function slopes(z, shape) {
  const [height, width] = z.shape;
  const level = Float32Array.from(z.data, (value) =>
    Number.isFinite(value) ? shape.lift(value) : Number.NaN,
  );
  const east = new Float32Array(level.length);
  const north = new Float32Array(level.length);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [west, right] = [Math.max(0, column - 1), Math.min(width - 1, column + 1)];
      const [south, up] = [Math.max(0, row - 1), Math.min(height - 1, row + 1)];
      east[row * width + column] =
        ((level[row * width + right] - level[row * width + west]) / (right - west)) * width;
      north[row * width + column] =
        ((level[up * width + column] - level[south * width + column]) / (up - south)) * height;
    }
  }
  return { east, north };
}

/**
 * Light and shadow on a landscape as a picture to lay over it, row 0 at the top.
 * @param {Grid} z
 * @param {Shape} shape
 * @param {boolean} dark
 * @returns {HTMLCanvasElement}
 */
export function shadow(z, shape, dark) {
  const [height, width] = z.shape;
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const paint = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = paint.createImageData(width, height);
  const { east, north } = slopes(z, shape);
  const steep = Array.from(east, (rise, i) => Math.hypot(rise, north[i]))
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  // Where everything is steep, heights are exaggerated less, or it would all be glare and gloom.
  const relief = Math.min(
    RELIEF,
    STEEP_LIGHT / (steep[Math.floor(STEEP_SHARE * steep.length)] || 1),
  );
  const [sun, shade] = dark
    ? [
        [255, 240, 215, 0.2],
        [0, 8, 12, 0.5],
      ]
    : [
        [255, 253, 244, 0.6],
        [52, 66, 74, 0.36],
      ];
  for (let i = 0; i < east.length; i++) {
    const lit = light(east[i], north[i], relief);
    if (!Number.isFinite(lit)) continue;
    const [r, g, b, most] = lit > 0 ? sun : shade;
    const row = Math.floor(i / width);
    image.data.set(
      [r, g, b, Math.round(255 * Math.abs(lit) * most)],
      4 * ((height - 1 - row) * width + (i % width)),
    );
  }
  paint.putImageData(image, 0, 0);
  return canvas;
}
