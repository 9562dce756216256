/**
 * The cities of a travelling salesman problem at any moment: those of the stage, and what was done
 * to them by a visitor since. The engine applies the same (engine/combinatorial/interventions.py).
 */

/**
 * What is done to cities at once, in this order: moved, dropped with the numbers that they have
 * then, added at the end.
 * @typedef {object} CityEdit
 * @property {number[][]} [move] [city, x, y]
 * @property {number[]} [drop]
 * @property {number[][]} [add] [x, y]
 *
 * @typedef {object} Cities
 * @property {number[]} x to the right; degrees of longitude if they are places on the Earth
 * @property {number[]} y up; degrees of latitude
 * @property {(string | null)[] | null} names null where none has a name
 * @property {boolean} edited whether a hand has changed them, so that nothing is known of them
 */

/** Digits of a coordinate that count: those of a 32-bit number, and beside an origin those of both. */
const DIGITS = 7;
const DIGITS_BESIDE = 12;

/**
 * The cities that a stage tells.
 * @param {any} data of the stage
 * @returns {Cities}
 */
export function citiesOf({ points, names, origin }) {
  const n = points.shape[0];
  const x = new Array(n);
  const y = new Array(n);
  for (let i = 0; i < n; i++) {
    x[i] = beside(points.data[2 * i], origin?.[0]);
    y[i] = beside(points.data[2 * i + 1], origin?.[1]);
  }
  return { x, y, names: names ?? null, edited: false };
}

/**
 * A coordinate as it was before it was told in 32 bits.
 * @param {number} told
 * @param {number} [origin] what it is counted from
 */
function beside(told, origin = 0) {
  const value = Number(told.toPrecision(DIGITS));
  return origin ? Number((origin + value).toPrecision(DIGITS_BESIDE)) : value;
}

/**
 * The same cities after an edit.
 * @param {Cities} cities
 * @param {CityEdit} edit
 * @returns {Cities}
 */
export function editCities({ x: xs, y: ys, names: called }, { move = [], drop = [], add = [] }) {
  const x = [...xs];
  const y = [...ys];
  for (const [i, atX, atY] of move)
    if (i in x) {
      x[i] = atX;
      y[i] = atY;
    }
  const gone = new Set(drop);
  const stays = (/** @type {unknown} */ _, /** @type {number} */ i) => !gone.has(i);
  return {
    x: [...x.filter(stays), ...add.map((one) => one[0])],
    y: [...y.filter(stays), ...add.map((one) => one[1])],
    names: called && [...called.filter(stays), ...add.map(() => null)],
    edited: true,
  };
}

/** Edits of cities among events. @param {any[]} events */
export function cityEvents(events) {
  return events.filter((event) => event.kind === "cities");
}

/**
 * The cities after events.
 * @param {any} data of the stage
 * @param {any[]} events of any kind, in order
 * @returns {Cities}
 */
export function citiesAfter(data, events) {
  return cityEvents(events).reduce(editCities, citiesOf(data));
}

/**
 * Where cities are measured and how: places on the Earth are degrees; on a plane they are counted
 * in parts of a unit.
 * @typedef {{geographic: boolean, scale?: number, origin?: number[] | null}} Measured
 */

/**
 * Cities as the instance `own` holds them: "x,y;x,y;…", in units.
 * @param {{x: number[], y: number[]}} cities
 * @param {Measured} data of the stage
 */
export function citiesText({ x, y }, { geographic, scale = 1, origin }) {
  const digits = origin ? DIGITS_BESIDE : DIGITS;
  const written = (/** @type {number} */ value) =>
    String(Number((geographic ? value : value * scale).toPrecision(digits)));
  return x.map((at, i) => `${written(at)},${written(y[i])}`).join(";");
}

/**
 * The instance that cities are, as an experiment names it.
 * @param {{x: number[], y: number[]}} cities
 * @param {Measured} data of the stage
 */
export function ownInstance(cities, data) {
  return { name: "own", cities: citiesText(cities, data), geographic: Boolean(data.geographic) };
}

/**
 * How many cities stand in the place of each, itself among them.
 * @param {{x: number[], y: number[]}} cities
 * @returns {Map<string, number[]>} by place those of which there are several
 */
export function duplicates({ x, y }) {
  /** @type {Map<string, number[]>} */ const found = new Map();
  x.forEach((at, i) => {
    const key = `${at} ${y[i]}`;
    const there = found.get(key);
    if (there) there.push(i);
    else found.set(key, [i]);
  });
  for (const [key, there] of found) if (there.length < 2) found.delete(key);
  return found;
}
