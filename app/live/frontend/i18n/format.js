/** Numbers and lanes as people read them. */

import { t } from "./i18n.js";

/** The marker of every lane, as text. */
export const SHAPES = ["●", "■", "◆", "▲"];

const STEPS = [
  [1e18, "E"],
  [1e15, "P"],
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** 41300000 → "41.3 M". @param {number | null | undefined} value */
export function formatShort(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  for (const [size, letter] of /** @type {[number, string][]} */ (STEPS)) {
    if (Math.abs(value) >= size * 0.9995) return `${digits(value / size)}\u202f${letter}`;
  }
  return Number.isInteger(value) ? String(value) : digits(value);
}

/** Three digits that matter. @param {number} value */
function digits(value) {
  const size = Math.abs(value);
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}

/** From here on down, and from here on up, a number is told by its power of ten. */
const [LEAST, MOST] = [0.0009995, 999_500];
const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** "−12" → "⁻¹²". @param {number} power */
function raised(power) {
  return `${power < 0 ? "⁻" : ""}${[...String(Math.abs(power))].map((digit) => RAISED[Number(digit)]).join("")}`;
}

/**
 * A number as people write it, with three digits that count: 0.184, 0.00120, 12.3, 41,300,
 * 1.20×10⁻⁶. Zero is 0.
 * @param {number | null | undefined} value
 */
export function formatNumber(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= LEAST && size < MOST)
    return (size < 999.5 ? value.toPrecision(3) : Math.round(value).toLocaleString("en")).replace(
      "-",
      "−",
    );
  const [digits, power] = value.toExponential(2).split("e");
  return `${digits}×10${raised(Number(power))}`.replace("-", "−");
}

/** A count without zeros at its end, as it stands at a tick: 200 T, 2.5 k. @param {number} value */
export function formatShortPlain(value) {
  return formatShort(value)
    .replace(/(\.\d*?)0+(?=\D|$)/, "$1")
    .replace(/\.(?=\D|$)/, "")
    .replace("-", "−");
}

/**
 * The same without zeros at its end: a number that was set, or stands at a tick. 0.5, 0.002, 10⁻⁶,
 * 2×10⁻⁶.
 * @param {number | null | undefined} value
 */
export function formatPlain(value) {
  const [digits, power] = formatNumber(value).split("×");
  const bare = digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
  return power === undefined
    ? bare
    : bare === "1"
      ? power
      : bare === "−1"
        ? `−${power}`
        : `${bare}×${power}`;
}

/**
 * A sentence of the engine's, its numbers written as they are everywhere on the page: "2.69e+31" →
 * "2.69×10³¹".
 * @param {string} sentence
 */
export function tidyNumbers(sentence) {
  return sentence.replace(
    /(?<![\w.])([-−]?\d+(?:\.\d+)?)e([+-]?\d+)(?!\w)/g,
    (_, digits, power) => {
      const times = digits === "1" ? "" : `${digits.replace("-", "−")}×`;
      return `${times}10${raised(Number(power))}`;
    },
  );
}

/** A number between −1 and 1 with two places. @param {number | null | undefined} value */
export function cosine(value) {
  return value === null || value === undefined || !Number.isFinite(value)
    ? "–"
    : value
        .toFixed(2)
        .replace(/^-(?=0\.00$)/, "")
        .replace("-", "−");
}

/** ["a", "b", "c"] → "a, b and c". @param {string[]} names */
export function listed(names) {
  return names.length > 1
    ? t("live.listed", {
        names: names.slice(0, -1).join(t("live.listed-comma")),
        last: names.at(-1),
      })
    : (names[0] ?? "");
}

/** 0.9423 → "94.2 %". @param {number | null | undefined} value */
export function percent(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return `${(100 * value).toFixed(1)}\u202f%`;
}

/** The texts that name a currency on an axis. */
const CURRENCIES = {
  seconds: "live.seconds",
  evaluations: "live.evaluations",
  flops: "live.flops",
};

/** A currency as an axis names it. @param {keyof typeof CURRENCIES} currency */
export function currencyName(currency) {
  return t(CURRENCIES[currency]);
}

/** @param {number} value */
function seconds(value) {
  return value < 100 ? value.toFixed(1) : value.toFixed(0);
}

/**
 * What was spent of a currency, without its name.
 * @param {number} value
 * @param {string} currency
 */
export function amount(value, currency) {
  return currency === "seconds" ? seconds(value) : formatShort(value);
}

/**
 * How much of the budget is spent by the lane that has spent most: "21.6 / 30 s", "3.20 M / 50.0 M
 * evaluations".
 * @param {{seconds: number, evaluations: number, flops: number}[]} lanes
 * @param {{currency: "seconds" | "evaluations" | "flops", amount: number}} budget
 */
export function spent(lanes, { currency, amount }) {
  const most = Math.max(...lanes.map((lane) => lane[currency] ?? 0));
  const timed = currency === "seconds";
  return t(`live.spent-${currency}`, {
    spent: timed ? seconds(most) : formatShort(most),
    amount: timed ? Number(amount.toPrecision(4)) : formatShort(amount),
  });
}

/**
 * A time as people say it: "30 s", "a minute", "12 minutes".
 * @param {number} seconds
 */
export function duration(seconds) {
  const whole = Number.isInteger(seconds) ? seconds : amount(seconds, "seconds");
  if (seconds < 55) return t("status.duration-seconds", { count: whole });
  const minutes = Math.round(seconds / 60);
  if (minutes === 1) return t("status.duration-minute");
  if (minutes < 100) return t("status.duration-minutes", { count: minutes });
  return t("status.duration-hours", { count: Math.round(minutes / 60) });
}
