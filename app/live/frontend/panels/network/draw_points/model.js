/**
 * Points drawn by hand: how they are written, as engine/datasets/hand_drawn.py writes them, and how they
 * are changed.
 *
 * Five characters are one point: two for x, two for y, one for the class, each worth six bits. A
 * coordinate is a whole number n from 0 to 4095 and stands for n / 256 − 8.
 */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const REACH = 8;
const PLACES = 4096;
const CHARACTERS = 5;
/** Half the side of the square that points are drawn in, at least; and its margin. */
const LEAST_HALF = 1.25;
const MARGIN = 1.1;
export const LEAST_POINTS = 4;
export const MOST_POINTS = 800;
export const MOST_CLASSES = 3;
/** What the classes of drawn points are called. */
export const CLASS_NAMES = ["A", "B", "C"];

/** @typedef {{x: number, y: number, label: number}} Point */

/** Halves go to the even neighbour, as they do in Python. @param {number} value */
function rounded(value) {
  const low = Math.floor(value);
  const rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 !== 0) ? low + 1 : low;
}

/** The number of the nearest place along a side. @param {number} value */
function placeOf(value) {
  return Math.min(PLACES - 1, Math.max(0, rounded((value + REACH) * (PLACES / (2 * REACH)))));
}

/** The nearest place to a coordinate, as a coordinate again. @param {number} value */
export function snapped(value) {
  return placeOf(value) * ((2 * REACH) / PLACES) - REACH;
}

/**
 * Points as a text of five characters each; what lies outside the square is put on its edge.
 * @param {Point[]} points
 */
export function encodePoints(points) {
  const two = (/** @type {number} */ n) => ALPHABET[n >> 6] + ALPHABET[n & 63];
  return points
    .map(({ x, y, label }) => two(placeOf(x)) + two(placeOf(y)) + ALPHABET[label])
    .join("");
}

/**
 * The points of a text.
 * @param {string} text
 * @returns {Point[]}
 * @throws {RangeError} it is no such text
 */
export function decodePoints(text) {
  if (text.length % CHARACTERS) throw new RangeError(`points take ${CHARACTERS} characters each`);
  const worth = Array.from(text, (character) => {
    const found = ALPHABET.indexOf(character);
    if (found < 0) throw new RangeError(`${character} is no character of points`);
    return found;
  });
  const value = (/** @type {number} */ at) =>
    (worth[at] * 64 + worth[at + 1]) * ((2 * REACH) / PLACES) - REACH;
  return Array.from({ length: text.length / CHARACTERS }, (_, i) => ({
    x: value(CHARACTERS * i),
    y: value(CHARACTERS * i + 2),
    label: worth[CHARACTERS * i + 4],
  }));
}

/**
 * Points as a stage tells of them, in the square that was there before.
 * @param {Point[]} points
 * @param {number[]} extent
 * @returns {import("../../../charts/decision_map.js").Points}
 */
export function toDrawn(points, extent) {
  return {
    x: { data: points.flatMap(({ x, y }) => [x, y]) },
    y: { data: points.map(({ label }) => label) },
    extent,
  };
}

/**
 * The square to draw points in: around the middle, and large enough for all of them.
 * @param {Point[]} points
 * @returns {[number, number, number, number]} x from, x to, y from, y to
 */
export function squareFor(points) {
  const far = Math.max(0, ...points.flatMap(({ x, y }) => [Math.abs(x), Math.abs(y)]));
  const half = Math.min(REACH, Math.max(LEAST_HALF, far * MARGIN));
  return [-half, half, -half, half];
}

/** How many classes points have, at least two. @param {Point[]} points */
export function classCount(points) {
  return Math.max(2, ...points.map(({ label }) => label + 1));
}

const decoded = { text: "", points: /** @type {Point[]} */ ([]) };

/**
 * The training points of a moment: the stage's, until others were drawn.
 * @param {{stage: any, events: any[]}} moment
 * @returns {import("../../../charts/decision_map.js").Points | null} null for what is not drawn as
 *   points
 */
export function pointsAt({ stage, events }) {
  const own = stage.data.points;
  const text = own && lastDrawn(events);
  if (!text) return own ?? null;
  if (decoded.text !== text) Object.assign(decoded, { text, points: decodePoints(text) });
  return toDrawn(decoded.points, own.extent);
}

/**
 * The points drawn last, as they were written, or null.
 * @param {any[]} events
 * @returns {string | null}
 */
export function lastDrawn(events) {
  return events.findLast((event) => event.kind === "points")?.value ?? null;
}

/**
 * A sheet of points that is drawn on, with a way back. A change is between `begin` and `end`; a
 * change that changes nothing leaves no trace.
 */
export class PointSet {
  /**
   * @param {import("../../../charts/decision_map.js").Points} from at most so many of them as a
   *   sheet may hold, evenly chosen
   */
  constructor({ x, y }) {
    const count = y.data.length;
    const kept = Math.min(count, MOST_POINTS);
    /** @type {Point[]} */
    this.points = Array.from({ length: kept }, (_, n) => {
      const i = Math.floor((n * count) / kept);
      return { x: snapped(x.data[2 * i]), y: snapped(x.data[2 * i + 1]), label: y.data[i] };
    });
    this.left = count - kept;
    /** @type {string[]} */ this.past = [];
    /** @type {string[]} */ this.future = [];
    this._begun = "";
  }

  get text() {
    return encodePoints(this.points);
  }

  begin() {
    this._begun = this.text;
  }

  /** @returns {boolean} whether anything is another than before */
  end() {
    if (this._begun === this.text) return false;
    this.past.push(this._begun);
    this.future = [];
    return true;
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} label
   * @returns {number} the new point's index, −1 where the sheet is full
   */
  add(x, y, label) {
    if (this.points.length >= MOST_POINTS) return -1;
    return this.points.push({ x: snapped(x), y: snapped(y), label }) - 1;
  }

  /**
   * @param {number} index
   * @param {number} x
   * @param {number} y
   */
  move(index, x, y) {
    this.points[index] = { ...this.points[index], x: snapped(x), y: snapped(y) };
  }

  /** @param {number} index */
  remove(index) {
    this.points.splice(index, 1);
  }

  /**
   * Remove all points near a place.
   * @param {(point: Point) => number} distance
   * @param {number} reach
   * @returns {number} how many were
   */
  erase(distance, reach) {
    const before = this.points.length;
    this.points = this.points.filter((point) => distance(point) > reach);
    return before - this.points.length;
  }

  clear() {
    this.points = [];
  }

  /** @returns {boolean} whether there was anything to take back */
  undo() {
    return this._walk(this.past, this.future);
  }

  redo() {
    return this._walk(this.future, this.past);
  }

  /**
   * @param {string[]} from
   * @param {string[]} to
   */
  _walk(from, to) {
    const text = from.pop();
    if (text === undefined) return false;
    to.push(this.text);
    this.points = decodePoints(text);
    return true;
  }

  /**
   * The point nearest to a place, −1 where none is within reach.
   * @param {(point: Point) => number} distance
   * @param {number} reach
   */
  nearest(distance, reach) {
    let [found, least] = [-1, reach];
    this.points.forEach((point, i) => {
      const far = distance(point);
      if (far <= least) [found, least] = [i, far];
    });
    return found;
  }
}

/** Calls at most once in so many milliseconds, the last time always. */
export class Throttle {
  /**
   * @param {number} every ms
   * @param {() => void} call
   */
  constructor(every, call) {
    this.every = every;
    this.call = call;
    this.timer = 0;
    this.at = -Infinity;
  }

  ask() {
    if (this.timer) return;
    const wait = this.at + this.every - performance.now();
    if (wait <= 0) this._now();
    else this.timer = /** @type {any} */ (setTimeout(() => this._now(), wait));
  }

  cancel() {
    clearTimeout(this.timer);
    this.timer = 0;
  }

  _now() {
    this.timer = 0;
    this.at = performance.now();
    this.call();
  }
}
