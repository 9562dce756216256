/**
 * Where cities lie on a map: their plane, or the Earth laid flat; which part of it is seen, and how
 * large.
 */

/** Room around the outermost cities, px. */
const PAD = 14;
/** How far a map may be enlarged. */
const MOST = 200;

/**
 * A plane that cities are drawn in: right and up, in one unit.
 * @typedef {object} Flat
 * @property {boolean} geographic
 * @property {(x: number, y: number) => [number, number]} forth from the cities' coordinates
 * @property {(u: number, v: number) => [number, number]} back
 * @property {number} turn what a whole turn around the Earth is; 0 on a plane
 *
 * @typedef {{u0: number, u1: number, v0: number, v1: number}} Extent
 * @typedef {{zoom: number, u: number, v: number}} View how much enlarged, and what is in the middle
 */

/**
 * The plane for cities. The Earth is cut where the widest stretch without a city is, and degrees of
 * longitude are as wide as they are at the cities' mean latitude: equirectangular.
 * @param {{x: number[], y: number[]}} cities
 * @param {boolean} geographic
 * @returns {Flat}
 */
export function flatten({ x, y }, geographic) {
  if (!geographic)
    return {
      geographic: false,
      forth: (atX, atY) => [atX, atY],
      back: (u, v) => [u, v],
      turn: 0,
    };
  const cut = widestGap(x);
  // Right where most cities are, on either side of the equator.
  const middle = Math.min(
    70,
    y.reduce((sum, one) => sum + Math.abs(one), 0) / Math.max(1, y.length),
  );
  const narrow = Math.cos((middle * Math.PI) / 180);
  const around = (/** @type {number} */ lon) => (((lon - cut) % 360) + 360) % 360;
  return {
    geographic: true,
    forth: (lon, lat) => [around(lon) * narrow, lat],
    back: (u, v) => [
      Number(((((u / narrow + cut + 180) % 360) + 360) % 360) - 180),
      Math.max(-90, Math.min(90, v)),
    ],
    turn: 360 * narrow,
  };
}

/**
 * The middle of the widest stretch of longitude without a city.
 * @param {number[]} longitudes
 */
export function widestGap(longitudes) {
  const sorted = [...longitudes].map((one) => ((one % 360) + 360) % 360).sort((a, b) => a - b);
  if (!sorted.length) return -180;
  let [cut, widest] = [-180, -1];
  sorted.forEach((one, i) => {
    const next = i + 1 < sorted.length ? sorted[i + 1] : sorted[0] + 360;
    if (next - one > widest) [cut, widest] = [(one + next) / 2, next - one];
  });
  return cut;
}

/**
 * The cities' places on the plane.
 * @param {{x: number[], y: number[]}} cities
 * @param {Flat} flat
 */
export function placesOn({ x, y }, flat) {
  const u = new Float64Array(x.length);
  const v = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) [u[i], v[i]] = flat.forth(x[i], y[i]);
  return { u, v };
}

/**
 * The rectangle that holds places; never without area.
 * @param {{u: ArrayLike<number>, v: ArrayLike<number>}} places
 * @returns {Extent}
 */
export function extentOf({ u, v }) {
  let [u0, u1, v0, v1] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < u.length; i++) {
    if (u[i] < u0) u0 = u[i];
    if (u[i] > u1) u1 = u[i];
    if (v[i] < v0) v0 = v[i];
    if (v[i] > v1) v1 = v[i];
  }
  if (!(u0 <= u1)) return { u0: 0, u1: 1, v0: 0, v1: 1 };
  const least = 1e-9 + 0.02 * Math.max(u1 - u0, v1 - v0, Math.abs(u0) * 1e-6, 1e-6);
  const wide = (/** @type {number} */ low, /** @type {number} */ high) =>
    high - low < least ? [(low + high - least) / 2, (low + high + least) / 2] : [low, high];
  [u0, u1] = wide(u0, u1);
  [v0, v1] = wide(v0, v1);
  return { u0, u1, v0, v1 };
}

/**
 * From the plane to pixels of a canvas, and back: everything as large as it fits, times the zoom.
 * @param {Extent} extent
 * @param {View | null} view null for all of it
 * @param {number} width px
 * @param {number} height
 */
export function fit({ u0, u1, v0, v1 }, view, width, height) {
  const pad = Math.min(PAD, width / 8, height / 8);
  const whole = Math.min((width - 2 * pad) / (u1 - u0), (height - 2 * pad) / (v1 - v0));
  const scale = whole * (view?.zoom ?? 1);
  const [u, v] = view ? [view.u, view.v] : [(u0 + u1) / 2, (v0 + v1) / 2];
  return {
    scale,
    left: (/** @type {number} */ at) => width / 2 + (at - u) * scale,
    top: (/** @type {number} */ at) => height / 2 - (at - v) * scale,
    u: (/** @type {number} */ left) => u + (left - width / 2) / scale,
    v: (/** @type {number} */ top) => v - (top - height / 2) / scale,
  };
}

/**
 * A view enlarged around a place, which stays where it is.
 * @param {Extent} extent
 * @param {View | null} view
 * @param {number} factor
 * @param {number} u
 * @param {number} v
 * @returns {View | null} null once all is seen again
 */
export function zoomed({ u0, u1, v0, v1 }, view, factor, u, v) {
  const before = view ?? { zoom: 1, u: (u0 + u1) / 2, v: (v0 + v1) / 2 };
  const zoom = Math.min(MOST, before.zoom * factor);
  if (zoom <= 1.001) return null;
  const by = before.zoom / zoom;
  return { zoom, u: u + (before.u - u) * by, v: v + (before.v - v) * by };
}
