/** Curves thinned to what the pixels show. */

/**
 * At most about `most` points: of every stretch the lowest and the highest, in order, and always
 * the ends.
 * @param {(number | null)[]} x
 * @param {(number | null)[]} y
 * @param {number} most
 * @returns {{x: (number | null)[], y: (number | null)[]}}
 */
export function decimate(x, y, most = 400) {
  const n = x.length;
  if (n <= most) return { x, y };
  const buckets = Math.max(1, Math.floor(most / 2) - 1);
  const keep = [0];
  for (let b = 0; b < buckets; b++) {
    const from = 1 + Math.floor((b * (n - 2)) / buckets);
    const to = 1 + Math.floor(((b + 1) * (n - 2)) / buckets);
    let low = -1;
    let high = -1;
    for (let i = from; i < to; i++) {
      const value = y[i];
      if (value === null || value === undefined) continue;
      if (low < 0 || value < /** @type {number} */ (y[low])) low = i;
      if (high < 0 || value > /** @type {number} */ (y[high])) high = i;
    }
    if (low < 0) continue;
    if (low === high) keep.push(low);
    else keep.push(Math.min(low, high), Math.max(low, high));
  }
  keep.push(n - 1);
  return { x: keep.map((i) => x[i]), y: keep.map((i) => y[i]) };
}

/**
 * At most about `most` points at even distances in x, and always the last: for dots that should
 * read as a band.
 * @param {(number | null)[]} x rising
 * @param {(number | null)[]} y
 * @param {number} most
 * @returns {{x: (number | null)[], y: (number | null)[]}}
 */
export function evenlySpaced(x, y, most = 90) {
  const n = x.length;
  if (n <= most) return { x, y };
  const start = x[0] ?? 0;
  const apart = ((x[n - 1] ?? 0) - start) / (most - 1);
  if (!(apart > 0)) return { x: [x[n - 1]], y: [y[n - 1]] };
  const keep = [];
  let due = start;
  for (let i = 0; i < n - 1; i++) {
    const at = x[i] ?? 0;
    if (at < due) continue;
    keep.push(i);
    due += apart * Math.max(1, Math.ceil((at - due) / apart));
  }
  keep.push(n - 1);
  return { x: keep.map((i) => x[i]), y: keep.map((i) => y[i]) };
}

/**
 * Of a lane's marker along its line, so that lines are told apart without colours and stay whole.
 */
const ALONG = 6;

/**
 * Where a lane's marker stands along its line: at even distances on the axis, between those of the
 * other lanes, and not next to the line's head.
 * @param {(number | null)[]} x rising
 * @param {(number | null)[]} y
 * @param {number} end of the axis, which begins at 0
 * @param {number} lane
 * @param {number} lanes how many
 * @returns {{x: number[], y: number[]}}
 */
export function markersAlong(x, y, end, lane, lanes) {
  /** @type {{x: number[], y: number[]}} */ const found = { x: [], y: [] };
  const last = x[x.length - 1] ?? 0;
  let i = 0;
  for (let n = 0; n < ALONG; n++) {
    const at = (end * (n + (lane + 1) / (lanes + 1))) / ALONG;
    if (at > last - end / (3 * ALONG)) break;
    while (i < x.length - 1 && (x[i + 1] ?? 0) <= at) i++;
    const value = y[i];
    // Between samples far apart there is no line to stand on but between both.
    if (value === null || value === undefined || Math.abs((x[i] ?? 0) - at) > end / (2 * ALONG))
      continue;
    found.x.push(/** @type {number} */ (x[i]));
    found.y.push(value);
  }
  return found;
}

/**
 * The heads of all lanes' lines and the markers along them, as one trace.
 * @param {{x: (number | null)[], y: (number | null)[]}} heads by lane
 * @param {{x: (number | null)[], y: (number | null)[]}[]} lines by lane
 * @param {number} end of the axis
 * @param {string[]} colours
 * @param {string[]} symbols of the lanes
 * @returns {Record<string, any[]>}
 */
export function markerTrace(heads, lines, end, colours, symbols) {
  const small = lines.map((line, lane) => markersAlong(line.x, line.y, end, lane, lines.length));
  const lanes = [...heads.x.keys(), ...small.flatMap(({ x }, lane) => x.map(() => lane))];
  return {
    x: [...heads.x, ...small.flatMap(({ x }) => x)],
    y: [...heads.y, ...small.flatMap(({ y }) => y)],
    "marker.size": lanes.map((_, i) => (i < heads.x.length ? 9 : 5.5)),
    "marker.color": lanes.map((lane) => colours[lane]),
    "marker.symbol": lanes.map((lane) => symbols[lane]),
  };
}

/**
 * The end of a time axis: the budget, but no more of it than leaves the curves room while the race
 * is young.
 * @param {number} amount
 * @param {number} progress
 */
export function timeAxisEnd(amount, progress) {
  for (const share of [0.1, 0.2, 0.35, 0.55, 0.8])
    if (progress < share * 0.97) return amount * share;
  return amount;
}
