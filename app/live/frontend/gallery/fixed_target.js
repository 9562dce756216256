/**
 * Fixed-target measures of recorded runs: what it cost to reach a value, and how many of a row of
 * values were reached within a cost. Terms and formulas are COCO's (Hansen et al. 2021,
 * https://doi.org/10.1080/10556788.2020.1808977) and IOHprofiler's (Doerr et al. 2018,
 * https://arxiv.org/abs/1810.05281). Nothing here knows the page.
 */

import { laneNames } from "../data/lane_names.js";
import { currencyName, formatShort } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";

/**
 * @typedef {import("./series.js").Currency} Currency
 * @typedef {import("./series.js").Measure} Measure
 * @typedef {import("./series.js").About} About
 *
 * @typedef {object} Run one method on one problem from one seed
 * @property {string} recording its name
 * @property {number} seed
 * @property {About} about
 * @property {string} problem the same text for runs of one problem
 * @property {string} method the same text for runs of one method with equal settings
 * @property {import("./series.js").Settings} settings
 * @property {import("./series.js").Lane} numbers by frame; null or NaN where there is no number
 *
 * @typedef {{key: string, about: About, runs: Run[], recordings: number}} Problem
 * @typedef {{key: string, label: string, changed: boolean, runs: Run[]}} Method `changed`: whether
 *   something was changed by hand during its runs
 *
 * @typedef {object} Scale values between the worst first value and the best one of any run
 * @property {number} worst
 * @property {number} best
 * @property {"log" | "log-zero" | "even"} kind "log-zero": logarithmic down to `lowest`, then 0
 * @property {number} lowest the lowest value above 0
 *
 * @typedef {{run: Run, cost: number | null, spent: number}} Time `cost`: spent until the target was
 *   reached, null where it was not; `spent`: the same, or all that the run spent
 */

/** What makes a problem: runs that differ in one of these are not compared. */
const PARTS = /** @type {const} */ (["dataset", "network", "loss", "training", "start", "moved"]);

/** Targets of a runtime profile. */
export const TARGETS = 31;

/** A text that does not depend on the order of an object's fields. @param {unknown} value */
function canonical(value) {
  return JSON.stringify(value, (_, part) =>
    part && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/**
 * @template T
 * @param {T[]} all
 * @param {(one: T) => string} key
 * @returns {Map<string, T[]>} in the order in which the keys come
 */
function groups(all, key) {
  const found = new Map();
  for (const one of all) {
    const group = found.get(key(one));
    if (group) group.push(one);
    else found.set(key(one), [one]);
  }
  return found;
}

/**
 * The runs that recordings hold: one for every lane and seed.
 * @param {{name: string, series: import("./series.js").Series | null}[]} recordings those that are
 *   not read yet have no runs
 * @returns {Run[]}
 */
export function runsOf(recordings) {
  return recordings.flatMap(({ name, series }) =>
    (series?.seeds ?? []).flatMap(({ seed, lanes }) =>
      lanes.map((numbers, lane) => {
        const { about, settings } = /** @type {import("./series.js").Series} */ (series);
        const { values, method, byHand, budget } = settings[lane];
        return {
          recording: name,
          seed,
          about,
          problem: canonical(PARTS.map((part) => about[part])),
          method: canonical([values, method, byHand, budget]),
          settings: settings[lane],
          numbers,
        };
      }),
    ),
  );
}

/**
 * The problems of runs, the one that most of them share first.
 * @param {Run[]} runs
 * @returns {Problem[]}
 */
export function problemsOf(runs) {
  const found = [...groups(runs, ({ problem }) => problem)].map(([key, all]) => ({
    key,
    about: all[0].about,
    runs: all,
    recordings: new Set(all.map(({ about }) => about)).size,
  }));
  return found.sort((a, b) => b.recordings - a.recordings);
}

/**
 * In what problems differ.
 * @param {About[]} problems
 * @returns {{part: typeof PARTS[number], fields: string[]}[]} `fields`: which of
 *   its settings, where all have the same name
 */
export function differences(problems) {
  return PARTS.flatMap((part) => {
    const all = problems.map((one) => one[part]);
    if (new Set(all.map(canonical)).size < 2) return [];
    const objects = all.map((one) =>
      one && typeof one === "object" && !Array.isArray(one)
        ? /** @type {Record<string, unknown>} */ (one)
        : {},
    );
    const fields = [...new Set(objects.flatMap(Object.keys))].filter(
      (field) => new Set(objects.map((one) => canonical(one[field] ?? null))).size > 1,
    );
    return [{ part, fields: fields.includes("name") ? [] : fields }];
  });
}

/**
 * Runs by method: those with equal settings together, in the order in which they come.
 * @param {Run[]} runs of one problem
 * @returns {Method[]} whose labels differ, but for those changed by hand
 */
export function methodsOf(runs) {
  const kinds = groups(runs, ({ settings }) => kind(settings));
  const first = [...kinds.values()].map(([{ settings }]) => settings);
  const names = laneNames({
    lanes: first.map(({ method, knobs }) => ({
      label: method,
      knobs: [...knobs, { name: "budget", label: t("gallery.budget-knob") }],
    })),
    experiment: {
      lanes: first.map(({ values, budget }) => ({ ...values, budget: amountOf(budget) })),
    },
  });
  const order = [...kinds.keys()];
  return [...groups(runs, ({ method }) => method)].map(([key, all]) => ({
    key,
    label: names[order.indexOf(kind(all[0].settings))],
    changed: all[0].settings.byHand.length > 0,
    runs: all,
  }));
}

/** @param {import("./series.js").Settings} settings */
function kind({ method, values, budget }) {
  return canonical([method, values, budget]);
}

/** @param {any} budget */
function amountOf(budget) {
  return budget ? `${formatShort(budget.amount)} ${currencyName(budget.currency)}` : null;
}

/**
 * Whether a value is as good as a target. Recordings hold float32 numbers, in which 0.95 is
 * 0.94999999: what is equal there is equal.
 * @param {number} value
 * @param {number} target
 * @param {Measure} measure
 */
export function reaches(value, target, measure) {
  const [low, high] = measure.endsWith("loss") ? [value, target] : [target, value];
  return low <= high || (Math.fround(low) === Math.fround(high) && Math.fround(high) !== 0);
}

/** @param {number | null} value @returns {value is number} */
function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/** More numbers than a function may have arguments. @param {number[]} all */
const least = (all) => all.reduce((low, value) => Math.min(low, value), Infinity);
/** @param {number[]} all */
const most = (all) => all.reduce((high, value) => Math.max(high, value), -Infinity);

/**
 * The frames of a run that have both numbers.
 * @param {Run} run
 * @param {Measure} measure
 * @param {Currency} currency
 * @returns {{value: number, cost: number}[]}
 */
function frames({ numbers }, measure, currency) {
  return numbers[measure].flatMap((value, i) => {
    const cost = numbers[currency][i];
    return isNumber(value) && isNumber(cost) ? [{ value, cost }] : [];
  });
}

/**
 * The runs that have numbers of a measure and of a currency at all.
 * @param {Run[]} runs
 * @param {Measure} measure
 * @param {Currency} currency
 */
export function measured(runs, measure, currency) {
  return runs.filter((run) => frames(run, measure, currency).length > 0);
}

/**
 * What a run spent until the first recorded frame at which each target holds.
 * @param {Run} run that is measured
 * @param {Measure} measure
 * @param {Currency} currency
 * @param {number[]} targets
 * @returns {(number | null)[]} null where a target was not reached
 */
export function costsOf(run, measure, currency, targets) {
  const all = frames(run, measure, currency);
  return targets.map(
    (target) => all.find(({ value }) => reaches(value, target, measure))?.cost ?? null,
  );
}

/**
 * All that a run spent, the frames at which its loss was no number included.
 * @param {Run} run
 * @param {Currency} currency
 */
function spentBy({ numbers }, currency) {
  return most(numbers[currency].filter(isNumber));
}

/**
 * How a method's runs reached a target.
 * @param {Run[]} runs that are measured
 * @param {Measure} measure
 * @param {Currency} currency
 * @param {number} target
 * @returns {{times: Time[], reached: number, ert: number, median: number}} `ert`: the expected
 *   running time, what all runs spent over the number of those that reached it; `median`: the cost
 *   within which half of the runs had reached it. Infinity where none did, or fewer than half
 */
export function timeToTarget(runs, measure, currency, target) {
  const times = runs.map((run) => {
    const [cost] = costsOf(run, measure, currency, [target]);
    return { run, cost, spent: cost ?? spentBy(run, currency) };
  });
  const costs = times.flatMap(({ cost }) => cost ?? []).sort((a, b) => a - b);
  const spent = times.reduce((sum, time) => sum + time.spent, 0);
  return {
    times,
    reached: costs.length,
    ert: costs.length ? spent / costs.length : Infinity,
    median: costs[Math.ceil(runs.length / 2) - 1] ?? Infinity,
  };
}

/**
 * The values between the worst first one and the best of any run.
 * @param {Run[]} runs
 * @param {Measure} measure
 * @param {Currency} currency
 * @returns {Scale | null} null where there are no numbers
 */
export function scaleOf(runs, measure, currency) {
  const all = runs.map((run) => frames(run, measure, currency).map(({ value }) => value));
  const there = all.filter(({ length }) => length);
  if (!there.length) return null;
  const firsts = there.map(([first]) => first);
  const values = there.flat();
  if (!measure.endsWith("loss"))
    return {
      worst: least(firsts),
      best: most(values),
      kind: "even",
      lowest: 0,
    };
  const [worst, best] = [most(firsts), least(values)];
  const lowest = least(values.filter((value) => value > 0));
  const zero = best === 0 && lowest < worst;
  return { worst, best, lowest, kind: best > 0 ? "log" : zero ? "log-zero" : "even" };
}

/**
 * Targets from the worst to the best: log-spaced for losses above 0, evenly spaced for accuracies
 * and for losses that fall below 0. Where the best is a loss of 0, it is the last target and the
 * others are log-spaced down to the lowest loss above it.
 * @param {Scale} scale
 * @param {number} count
 * @returns {number[]} fewer where the worst is the best
 */
export function targetsOf({ worst, best, kind, lowest }, count = TARGETS) {
  if (worst === best) return [best];
  if (kind === "log-zero") return [...spaced(worst, lowest, count - 1, true), 0];
  return spaced(worst, best, count, kind === "log");
}

/**
 * @param {number} from
 * @param {number} to
 * @param {number} count
 * @param {boolean} log
 */
function spaced(from, to, count, log) {
  return Array.from({ length: count }, (_, i) => {
    const share = i / (count - 1);
    // The ends themselves, not what they are after a logarithm and back.
    if (i === 0 || i === count - 1) return i ? to : from;
    return log ? from * (to / from) ** share : from + (to - from) * share;
  });
}

/**
 * A target that about half of the runs reach, in few digits: a loss in two, an accuracy in tenths
 * of a percent, rounded to the easier side.
 * @param {Run[]} runs
 * @param {Measure} measure
 * @param {Currency} currency
 * @returns {number | null} null where there are no numbers
 */
export function usualTarget(runs, measure, currency) {
  const loss = measure.endsWith("loss");
  const bests = runs
    .map((run) => frames(run, measure, currency).map(({ value }) => value))
    .filter(({ length }) => length)
    .map((values) => (loss ? least(values) : most(values)))
    .sort((a, b) => (loss ? a - b : b - a));
  if (!bests.length) return null;
  const half = bests[Math.ceil(bests.length / 2) - 1];
  if (!loss) return Math.max(0, Math.floor(1000 * half + 1e-4) / 1000);
  if (half === 0) return 0;
  const step = 10 ** (Math.floor(Math.log10(Math.abs(half))) - 1);
  const rounded = Math.ceil(half / step - 1e-6) * step;
  return Number(rounded.toPrecision(3));
}

/**
 * The runtime profile of a method (IOHprofiler: ECDF over targets): the share of all pairs of a run
 * and a target that were reached within a cost.
 * @param {Run[]} runs that are measured
 * @param {Measure} measure
 * @param {Currency} currency
 * @param {number[]} targets
 * @returns {{steps: {cost: number, share: number}[], end: number, share: number}} `steps`: where it
 *   rises, and to what; `end`: the most that a run spent, after which nothing is known; `share`:
 *   reached by then
 */
export function shareReached(runs, measure, currency, targets) {
  const costs = runs
    .flatMap((run) => costsOf(run, measure, currency, targets))
    .filter((cost) => cost !== null)
    .sort((a, b) => a - b);
  const pairs = runs.length * targets.length;
  const steps = costs.flatMap((cost, i) =>
    cost === costs[i + 1] ? [] : [{ cost, share: (i + 1) / pairs }],
  );
  return {
    steps,
    end: Math.max(...runs.map((run) => spentBy(run, currency))),
    share: costs.length / pairs,
  };
}

/**
 * How many runs repeat another one step by step, as the same race raced or imported twice does:
 * they tell nothing new about chance.
 * @param {Run[]} runs
 */
export function repeats(runs) {
  const seen = new Set(
    runs.map(({ problem, method, seed, numbers }) =>
      JSON.stringify([problem, method, seed, numbers.evaluations, numbers.loss]),
    ),
  );
  return runs.length - seen.size;
}
