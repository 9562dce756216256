/**
 * Answers of problems that are no round trips, taken apart: the routes of vehicles, the crews of a
 * roster, the landings on every runway. Nothing here draws or knows of the page.
 */

/**
 * Numbers of a message, or of the page's JSON, as one row.
 * @param {any} array a decoded array, a list, or a list of lists
 * @returns {ArrayLike<number>}
 */
export function numbers(array) {
  if (!array) return [];
  if (array.data) return array.data;
  return Array.isArray(array[0]) ? array.flat() : array;
}

/**
 * The routes of an answer: a row of customers with −1 between two routes.
 * @param {ArrayLike<number>} stops
 * @returns {number[][]} those that visit somebody
 */
export function routesOf(stops) {
  /** @type {number[][]} */ const routes = [[]];
  for (let i = 0; i < stops.length; i++)
    if (stops[i] < 0) routes.push([]);
    else /** @type {number[]} */ (routes.at(-1)).push(stops[i]);
  return routes.filter((route) => route.length);
}

/**
 * What every route carries.
 * @param {number[][]} routes
 * @param {ArrayLike<number>} demand of every place
 */
export function loadsOf(routes, demand) {
  return routes.map((route) => route.reduce((sum, customer) => sum + demand[customer], 0));
}

/**
 * A colour for every route, as a number: that which most of its customers had before, so that
 * routes keep their colours while they change; of those left, the one that fewest have.
 * @param {number[][]} routes
 * @param {Map<number, number>} before colour of every customer, empty at first
 * @param {number} count of colours
 * @returns {number[]}
 */
export function routeColours(routes, before, count) {
  /** @type {{route: number, colour: number, share: number}[]} */ const wishes = [];
  routes.forEach((route, i) => {
    const tally = new Map();
    for (const customer of route) {
      const colour = before.get(customer);
      if (colour !== undefined) tally.set(colour, (tally.get(colour) ?? 0) + 1);
    }
    for (const [colour, share] of tally) wishes.push({ route: i, colour, share });
  });
  wishes.sort((a, b) => b.share - a.share || a.route - b.route || a.colour - b.colour);
  const found = new Array(routes.length).fill(-1);
  const used = new Array(count).fill(0);
  const most = Math.ceil(routes.length / count);
  for (const { route, colour } of wishes)
    if (found[route] < 0 && used[colour] < most) {
      found[route] = colour;
      used[colour]++;
    }
  return found.map((colour) => {
    if (colour >= 0) return colour;
    const rarest = used.indexOf(Math.min(...used));
    used[rarest]++;
    return rarest;
  });
}

/**
 * Columns of a set partitioning problem: the rows that each covers, and what it costs.
 * @typedef {{starts: any, rows: any, costs: any}} Columns
 */

/**
 * The rows that a column covers.
 * @param {Columns} columns
 * @param {number} column
 * @returns {number[]}
 */
export function rowsOf({ starts, rows }, column) {
  const [from, all] = [numbers(starts), numbers(rows)];
  const found = [];
  for (let i = from[column]; i < from[column + 1]; i++) found.push(all[i]);
  return found;
}

/**
 * What a choice of columns covers, each with its rows in order: of legs the order of their starts,
 * and crews by the start of their first leg.
 * @param {ArrayLike<number>} chosen columns
 * @param {any} data of the stage
 * @returns {{crews: {column: number, rows: number[]}[], bare: number[]}} `bare`: rows that none
 *   covers
 */
export function rosterOf(chosen, data) {
  const start = data.legs ? numbers(data.legs.start) : null;
  const at = (/** @type {number} */ row) => (start ? start[row] : row);
  const covered = new Uint8Array(data.rows ?? data.size);
  const crews = Array.from(chosen, (column) => {
    const rows = rowsOf(data.columns, column).sort((a, b) => at(a) - at(b) || a - b);
    for (const row of rows) covered[row] = 1;
    return { column, rows };
  }).filter(({ rows }) => rows.length);
  crews.sort((a, b) => at(a.rows[0]) - at(b.rows[0]) || a.column - b.column);
  return { crews, bare: bareOf(covered, at) };
}

/**
 * @param {Uint8Array} covered
 * @param {(row: number) => number} at
 */
function bareOf(covered, at) {
  const bare = [];
  for (let row = 0; row < covered.length; row++) if (!covered[row]) bare.push(row);
  return bare.sort((a, b) => at(a) - at(b) || a - b);
}

/**
 * Rows one under the other in which intervals do not overlap, the first that is free for each.
 * @param {number[]} items in the order of their starts
 * @param {(item: number) => number} start
 * @param {(item: number) => number} end
 * @returns {number[][]}
 */
export function stacked(items, start, end) {
  /** @type {number[][]} */ const rows = [];
  for (const item of items) {
    const free = rows.find((row) => end(/** @type {number} */ (row.at(-1))) <= start(item));
    if (free) free.push(item);
    else rows.push([item]);
  }
  return rows;
}

/**
 * One landing.
 * @typedef {object} Landing
 * @property {number} plane
 * @property {number} time
 * @property {number} off how long after its target; before it if negative
 * @property {number} cost of that
 * @property {number} late how long after its window; before it if negative; 0 within
 * @property {number | null} near a plane before it on its runway that it is too near to
 */

/**
 * The landings on every runway, in their order.
 * @param {ArrayLike<number>} answer the times of all planes, then their runways
 * @param {any} data of the stage
 * @returns {Landing[][]} by runway
 */
export function landingsOf(answer, data) {
  const n = data.size;
  const [windows, prices, apart] = [
    numbers(data.windows),
    numbers(data.penalties),
    numbers(data.separation),
  ];
  /** @type {Landing[][]} */ const runways = Array.from({ length: data.runways }, () => []);
  for (let plane = 0; plane < n; plane++) {
    const time = answer[plane];
    const [earliest, target, latest] = [0, 1, 2].map((i) => windows[3 * plane + i]);
    const off = time - target;
    runways[answer[n + plane]]?.push({
      plane,
      time,
      off,
      cost: off < 0 ? -off * prices[2 * plane] : off * prices[2 * plane + 1],
      late: time > latest ? time - latest : Math.min(0, time - earliest),
      near: null,
    });
  }
  let widest = 0;
  for (let i = 0; i < n * n; i++) if (i % (n + 1) && apart[i] > widest) widest = apart[i];
  for (const landings of runways) {
    landings.sort((a, b) => a.time - b.time || a.plane - b.plane);
    landings.forEach((one, i) => {
      for (let j = i - 1; j >= 0 && one.time - landings[j].time < widest; j--) {
        const other = landings[j];
        let asked = apart[n * other.plane + one.plane];
        // who lands first of two at one time is not said
        if (one.time === other.time) asked = Math.min(asked, apart[n * one.plane + other.plane]);
        if (one.time - other.time < asked) {
          one.near = other.plane;
          break;
        }
      }
    });
  }
  return runways;
}

/**
 * A time of day in minutes as people read it; after 24:00 it is the next day.
 * @param {number} minutes after midnight
 */
export function clockTime(minutes) {
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  return `${two(Math.floor(minutes / 60))}:${two(Math.round(minutes % 60))}`;
}

/**
 * Ticks at round steps, about so many pixels apart.
 * @param {number} low
 * @param {number} high
 * @param {number} width px
 * @param {number[]} steps to choose from, rising
 * @param {number} room px
 */
export function ticks(low, high, width, steps, room) {
  const most = Math.max(1, width / room);
  const step =
    steps.find((one) => (high - low) / one <= most) ?? /** @type {number} */ (steps.at(-1));
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) found.push(at);
  return found;
}

/** A whole number as people read it: 1,234. @param {number} value */
export function whole(value) {
  return Math.round(value).toLocaleString("en").replace("-", "−");
}

/**
 * How full something is, in whole per cent; what is too full is never rounded down to full.
 * @param {number} share
 */
export function filled(share) {
  const rounded = share > 1 ? Math.max(101, Math.round(100 * share)) : Math.round(100 * share);
  return `${rounded}\u202f%`;
}
