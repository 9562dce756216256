/** A knob as a slider: which values it runs over, and which value a place on it is. */

import { formatPlain } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";

/** Places on a slider. */
export const PLACES = 400;
/**
 * How far a slider reaches on either side of what a knob was set to at first, as a factor; the
 * number field reaches all of its range.
 */
const REACH = 100;
const WIDE = 25;

/**
 * @typedef {object} Knob as a stage tells of it
 * @property {string} name
 * @property {string} label
 * @property {unknown} value
 * @property {"number" | "integer" | "boolean" | "string"} type
 * @property {number} [minimum]
 * @property {number} [maximum]
 * @property {number} [above] what a value must be more than
 * @property {number} [below] what a value must be less than
 * @property {"log" | "linear"} [scale]
 * @property {number} [step]
 * @property {string} [unit]
 * @property {string} [help]
 * @property {string[]} [options]
 * @property {boolean} [optional] whether it may be left to the method
 * @property {boolean} [advanced]
 * @property {string} [metric] the number that tells what the method has made of it by itself
 */

/**
 * The slider of a knob that is a number.
 * @param {Knob} knob
 * @param {number} about a value that it should reach well: what the knob is set to, or what the
 *   method has made of it
 * @returns {{low: number, high: number, place: (value: number) => number, value: (place: number) =>
 *   number}}
 */
export function sliderScale(knob, about) {
  const { minimum = -Infinity, maximum = Infinity } = knob;
  const log = knob.scale === "log";
  const middle = Number.isFinite(about)
    ? about
    : Math.max(minimum > 0 ? minimum : 0, log ? 1e-3 : 0);
  let [low, high] = [minimum, maximum];
  if (log) {
    const from = middle > 0 ? middle : 0.01;
    [low, high] = [Math.max(minimum, from / REACH), Math.min(maximum, from * REACH)];
  } else if (!(high - low <= WIDE * Math.max(Math.abs(middle), 1))) {
    const reach = 3 * Math.max(Math.abs(middle), 10 * (knob.step ?? 0.1));
    [low, high] = [Math.max(minimum, middle - reach), Math.min(maximum, middle + reach)];
  }
  if (!(high > low)) high = low + 1;
  const bent = log ? Math.log : (/** @type {number} */ value) => value;
  const straight = log ? Math.exp : (/** @type {number} */ value) => value;
  const span = bent(high) - bent(low);
  return {
    low,
    high,
    place: (value) =>
      Math.round(
        PLACES *
          Math.min(
            1,
            Math.max(0, (bent(Math.max(value, log ? low : -Infinity)) - bent(low)) / span),
          ),
      ),
    value: (place) => {
      if (place <= 0 || place >= PLACES) return place <= 0 ? fit(knob, low) : fit(knob, high);
      return fit(knob, straight(bent(low) + (span * place) / PLACES));
    },
  };
}

/**
 * A value that the knob can have: whole where it must be, of its steps where it has some, else of
 * three digits.
 * @param {Knob} knob
 * @param {number} value
 */
export function fit(knob, value) {
  const { minimum = -Infinity, maximum = Infinity, step } = knob;
  let fitted = value;
  if (knob.type === "integer") fitted = Math.round(value);
  else if (step && knob.scale !== "log")
    fitted = Number((Math.round(value / step) * step).toPrecision(12));
  else fitted = Number(value.toPrecision(3));
  return Math.min(maximum, Math.max(minimum, fitted));
}

/**
 * What was typed into a number field: a number within the knob's range, null where the field is
 * empty and may be, undefined where it is neither.
 * @param {Knob} knob
 * @param {string} text
 * @returns {number | null | undefined}
 */
export function parseTyped(knob, text) {
  if (text.trim() === "") return knob.optional ? null : undefined;
  const powers = text
    .replace(/^([−-]?)10(?=[⁻⁰¹²³⁴⁵⁶⁷⁸⁹])/u, "$11×10")
    .replace(
      /\s*[×x]\s*10(⁻?)([⁰¹²³⁴⁵⁶⁷⁸⁹]+)$/u,
      (_, sign, digits) =>
        `e${sign && "-"}${[...digits].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(digit)).join("")}`,
    );
  const number = Number(powers.replaceAll("−", "-").replace(",", "."));
  const value = knob.type === "integer" ? Math.round(number) : number;
  const { minimum = -Infinity, maximum = Infinity, above = -Infinity, below = Infinity } = knob;
  return value >= minimum && value <= maximum && value > above && value < below ? value : undefined;
}

/**
 * What may be typed into a number field, in words: "a whole number from 1 to 4096".
 * @param {Knob} knob
 */
export function acceptedRange({ type, minimum, maximum, above, below }) {
  const kind = t(type === "integer" ? "time.knob-whole" : "time.knob-number");
  const low =
    above !== undefined
      ? t("time.knob-above", { number: formatPlain(above) })
      : minimum !== undefined
        ? t("time.knob-least", { number: formatPlain(minimum) })
        : "";
  const high =
    below !== undefined
      ? t("time.knob-below", { number: formatPlain(below) })
      : maximum !== undefined
        ? t(low ? "time.knob-most" : "time.knob-most-alone", { number: formatPlain(maximum) })
        : "";
  return [kind, [low, high].filter(Boolean).join(t("time.knob-and"))].filter(Boolean).join(" ");
}

/**
 * At most so many calls a second; the last one is always made.
 * @template {unknown[]} A
 * @param {(...values: A) => void} call
 * @param {number} ms between two calls
 * @returns {((...values: A) => void) & {now: () => void}} `now` makes the call that waits
 */
export function throttle(call, ms) {
  let last = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ let timer;
  /** @type {A | null} */ let waiting = null;
  const make = () => {
    clearTimeout(timer);
    timer = undefined;
    if (!waiting) return;
    const values = waiting;
    waiting = null;
    last = performance.now();
    call(...values);
  };
  const throttled = (/** @type {A} */ ...values) => {
    waiting = values;
    const left = last + ms - performance.now();
    if (left <= 0) make();
    else timer ??= setTimeout(make, left);
  };
  return Object.assign(throttled, { now: make });
}
