/** One moment of a race, as the panels want it. */

import { metricsOfSeed, toldUpTo } from "./seeds.js";

/** @typedef {import("./history.js").History} History */

/**
 * @typedef {"seconds" | "evaluations" | "flops"} Currency
 *
 * @typedef {object} FrameView one moment of a race, as the panels want it
 * @property {any} stage
 * @property {SeedsView | null} [seeds] of a race of several seeds
 * @property {any[]} metrics up to the moment
 * @property {any} metric at the moment
 * @property {any} picture the newest not after it
 * @property {any} detail the newest not after it, or null
 * @property {any[]} events done by hand up to the moment, each with `at`, an index of `metrics`
 * @property {number} index of the moment
 * @property {Currency} currency of all time axes
 * @property {"loss" | "accuracy"} measure
 * @property {number} run counts the races this view has shown
 * @property {[number, number]} temperatures the ends of the temperature scale
 * @property {(lane: number) => number | null} heat where on it a lane is, 0 to 1
 */

/**
 * @typedef {object} SeedsView what is shown of several seeds, while panels show one of them
 * @property {number} count
 * @property {number} first the lowest seed
 * @property {number} place of the one shown, from 0
 * @property {any[]} told for each of `metrics` those with the newest numbers of all seeds, or null:
 *   `statisticsOf` tells of them
 */

/**
 * What is shown of the frame at an index.
 * @param {History} history
 * @param {number} index
 * @param {{currency: FrameView["currency"], measure: FrameView["measure"], run: number}} chosen
 * @returns {FrameView}
 */
export function frameViewAt(history, index, chosen) {
  const told = index === history.length - 1 ? history.metrics : history.metrics.slice(0, index + 1);
  const temperatures = temperatureRange(history);
  const seed = history.seedAt(index);
  const { metrics, ...pictures } = seed === null ? whole(history, told) : part(history, told, seed);
  const metric = metrics[index];
  return {
    ...pictures,
    metrics,
    metric,
    index,
    events: history.events.filter((event) => event.at <= index && (event.seed ?? seed) === seed),
    currency: chosen.currency,
    measure: chosen.measure,
    run: chosen.run,
    temperatures,
    heat: (lane) => {
      const value = metric.lanes[lane]?.temperature;
      if (value === null || value === undefined) return null;
      return Math.log(value / temperatures[0]) / Math.log(temperatures[1] / temperatures[0]);
    },
  };
}

/**
 * A race of one seed up to a moment.
 * @param {History} history
 * @param {any[]} metrics up to it
 */
function whole(history, metrics) {
  const { k } = metrics[metrics.length - 1];
  return {
    stage: history.stage,
    metrics,
    picture: history.pictureAt(k),
    detail: history.detailAt(k),
    seeds: null,
  };
}

/**
 * One seed of several up to a moment.
 * @param {History} history
 * @param {any[]} told metrics up to it
 * @param {number} seed its place
 */
function part(history, told, seed) {
  const last = told[told.length - 1];
  const { k } = last;
  const stage = history.stageOf(seed);
  const ended = last.seeds.followed === seed ? null : history.seeds.get(seed)?.last;
  const metrics = metricsOfSeed(told, seed);
  if (ended) metrics[metrics.length - 1] = { ...last, lanes: ended.lanes };
  const own = (/** @type {any} */ message) => (message?.seed === seed ? message : null);
  return {
    stage,
    metrics,
    picture: ended ? ended.picture : own(history.pictureAt(k)),
    detail: ended ? ended.detail : own(history.detailAt(k)),
    seeds: {
      count: stage.experiment.seeds,
      first: stage.experiment.seed,
      place: seed,
      told: toldUpTo(told),
    },
  };
}

/**
 * Names of fields in earlier versions, by the name of the method.
 * @type {Map<string, Record<string, string>>}
 */
const earlier = new Map();

/**
 * Take in what fields were called in earlier versions.
 * @param {Record<string, Record<string, string>>} names method → earlier name → name now
 */
export function setEarlierNames(names) {
  for (const [method, fields] of Object.entries(names)) earlier.set(method, fields);
}

/**
 * A lane's settings under the names that they have now; anything else as it is.
 * @param {any} value
 */
function currentNames(value) {
  const names = earlier.get(value.name);
  if (!names) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [names[key] ?? key, one]));
}

/**
 * Whether a race is the one that is asked for. A race told by an older Kelvin may lack settings
 * there were not then: those it does tell count.
 * @param {any} told its experiment
 * @param {any} asked
 * @returns {boolean}
 */
export function sameRace(told, asked) {
  if (told === null || typeof told !== "object" || asked === null || typeof asked !== "object")
    return told === asked;
  if (Array.isArray(told) && told.length !== asked.length) return false;
  const [one, other] = [currentNames(told), currentNames(asked)];
  return Object.keys(one).every((key) => sameRace(one[key], other[key]));
}

/**
 * The coldest and the hottest of plan and fact: the ends of the temperature scale.
 * @param {History} history
 * @returns {[number, number]}
 */
function temperatureRange(history) {
  const values = history.stage.lanes.flatMap((/** @type {any} */ lane) => lane.plan ?? []);
  for (const metric of [history.metrics[0], history.metrics.at(-1)])
    for (const row of metric?.lanes ?? [])
      if (row.temperature !== null) values.push(row.temperature);
  const positive = values.filter((/** @type {number} */ value) => value > 0);
  const low = Math.min(...positive);
  const high = Math.max(...positive);
  return low < high ? [low, high] : [1e-3, 1];
}
