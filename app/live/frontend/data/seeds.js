/**
 * A race of several seeds: what metrics tell of each, and the statistics over them. The numbers of
 * all seeds travel in a block beside the rows of the seed that is followed (ARCHITECTURE.md,
 * Messages); a race of one seed has none.
 */

/** @typedef {number | null} Value */
/**
 * @typedef {object} LaneStatistics a lane over all seeds; the medians stand where a row of metrics
 *   has the lane's numbers, so that it can be drawn as one
 * @property {Value} loss
 * @property {Value} accuracy
 * @property {Value} test_loss
 * @property {Value} test_accuracy
 * @property {Value} temperature
 * @property {number} step
 * @property {number} evaluations
 * @property {number} flops
 * @property {number} seconds
 * @property {number} progress
 * @property {boolean} finished whether it has ended in every seed
 * @property {Record<"loss" | "accuracy", {quartiles: [Value, Value], range: [Value, Value]}>} band
 * @property {number} wins seeds in which it has the lowest loss
 * @property {number} failed seeds in which it failed
 * @property {number} stopped seeds in which a stop rule ended it
 * @property {string | null} trouble why it failed in the first seed in which it did
 *
 * @typedef {{lanes: LaneStatistics[]}} Statistics
 */

/** How a lane stands in a seed, as engine/race/seed_races.py writes it. */
const [RUNNING, , STOPPED, FAILED] = [0, 1, 2, 3];
const MEDIANS = [
  "step",
  "evaluations",
  "flops",
  "seconds",
  "progress",
  "temperature",
  "test_loss",
  "test_accuracy",
];
/** Numbers of a row that the block has, too. */
const TOLD = [
  "step",
  "evaluations",
  "flops",
  "seconds",
  "progress",
  "loss",
  "accuracy",
  "test_loss",
  "test_accuracy",
  "temperature",
  "acceptance",
];

/**
 * A quantile, interpolated between neighbours as NumPy does. A value that is missing counts as the
 * worst, so that a seed that diverged is not left out.
 * @param {(Value | undefined)[]} values
 * @param {number} share 0 to 1
 * @param {number} worst Infinity where lower is better, −Infinity where higher is
 * @returns {Value} null where it is not finite
 */
export function quantile(values, share, worst = Infinity) {
  if (!values.length) return null;
  const known = values.map((value) =>
    value === null || value === undefined || Number.isNaN(value) ? worst : value,
  );
  return at(
    known.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)),
    share,
  );
}

/**
 * In how many seeds each lane has the lowest loss; ties count for none of them.
 * @param {(Value | undefined)[][]} losses of every seed, one for each lane
 * @returns {number[]} one for each lane
 */
export function wins(losses) {
  const found = new Array(losses[0]?.length ?? 0).fill(0);
  for (const row of losses) {
    const known = row.map((loss) =>
      loss === null || loss === undefined || Number.isNaN(loss) ? Infinity : loss,
    );
    const best = Math.min(...known);
    const first = known.indexOf(best);
    if (known.length > 1 && best < Infinity && first === known.lastIndexOf(best)) found[first]++;
  }
  return found;
}

/** How many seeds a race has. @param {any} stage */
export function seedCount(stage) {
  return stage?.experiment?.seeds ?? 1;
}

/**
 * The place of the seed that metrics have the rows of; null in a race of one seed.
 * @param {any} metric
 * @returns {number | null}
 */
export function followedIn(metric) {
  return metric?.seeds?.followed ?? null;
}

/**
 * A number of the block; null where there is none.
 * @param {any} seeds the block
 * @param {number} seed its place
 * @param {number} lane
 * @param {string} name
 * @returns {Value}
 */
export function numberOf({ fields, values }, seed, lane, name) {
  const field = fields.indexOf(name);
  const [, lanes, count] = values.shape;
  const value = field < 0 ? Number.NaN : values.data[(seed * lanes + lane) * count + field];
  return Number.isFinite(value) ? value : null;
}

/** Whether metrics tell of all seeds. @param {any} metric */
export const hasBlock = (metric) => Boolean(metric?.seeds?.values);

/** @type {WeakMap<any, Statistics>} */
const known = new WeakMap();

/**
 * The statistics over all seeds; null where metrics have no block.
 * @param {any} metric
 * @returns {Statistics | null}
 */
export function statisticsOf(metric) {
  if (!metric || !hasBlock(metric)) return null;
  let found = known.get(metric);
  if (!found) known.set(metric, (found = computed(metric.seeds)));
  return found;
}

/** @param {any} block @returns {Statistics} */
function computed({ fields, values, troubles }) {
  const [count, lanes] = values.shape;
  /** @param {number} lane @param {string} name @returns {Float32Array} NaN for none */
  const column = (lane, name) => {
    const [field, width] = [fields.indexOf(name), fields.length];
    const found = new Float32Array(count).fill(Number.NaN);
    for (let seed = 0; field >= 0 && seed < count; seed++)
      found[seed] = values.data[(seed * lanes + lane) * width + field];
    return found;
  };
  const columns = Array.from({ length: lanes }, (_, lane) => column(lane, "loss"));
  const won = wins(
    Array.from({ length: count }, (_, seed) => columns.map((losses) => losses[seed])),
  );
  return {
    lanes: columns.map((losses, lane) => {
      const state = column(lane, "state");
      const how = (/** @type {number} */ wanted) => state.filter((one) => one === wanted).length;
      const loss = bandOf(ordered(losses, Infinity));
      const accuracy = bandOf(ordered(column(lane, "accuracy"), -Infinity));
      const medians = Object.fromEntries(
        MEDIANS.map((name) => {
          const told = column(lane, name);
          if (told.every(Number.isNaN)) return [name, null];
          return [name, at(ordered(told, name === "test_accuracy" ? -Infinity : Infinity), 0.5)];
        }),
      );
      return /** @type {LaneStatistics} */ (
        /** @type {unknown} */ ({
          ...medians,
          loss: loss.median,
          accuracy: accuracy.median,
          band: { loss, accuracy },
          wins: won[lane],
          failed: how(FAILED),
          stopped: how(STOPPED),
          finished: how(RUNNING) === 0,
          trouble: troubles?.[lane] ?? null,
        })
      );
    }),
  };
}

/**
 * Numbers in order, those that are missing as the worst.
 * @param {Float32Array} values
 * @param {number} worst
 */
function ordered(values, worst) {
  return values.map((value) => (Number.isNaN(value) ? worst : value)).sort();
}

/**
 * A quantile of numbers in order.
 * @param {ArrayLike<number>} values
 * @param {number} share
 * @returns {Value}
 */
function at(values, share) {
  const place = share * (values.length - 1);
  const low = Math.floor(place);
  const below = values[low];
  const found = place === low ? below : below + (place - low) * (values[low + 1] - below);
  return Number.isFinite(found) ? found : null;
}

/** @param {Float32Array} values in order */
function bandOf(values) {
  return {
    median: at(values, 0.5),
    quartiles: /** @type {[Value, Value]} */ ([at(values, 0.25), at(values, 0.75)]),
    range: /** @type {[Value, Value]} */ ([at(values, 0), at(values, 1)]),
  };
}

/**
 * For every one of these metrics those that tell of all seeds: itself, or the ones before it; null
 * where there are none. `statisticsOf` computes from them what is looked at.
 * @param {any[]} metrics
 * @returns {any[]}
 */
export function toldUpTo(metrics) {
  /** @type {any} */ let last = null;
  return metrics.map((metric) => (hasBlock(metric) ? (last = metric) : last));
}

/** @type {WeakMap<any, Map<number, any>>} metrics as those of another seed */
const turned = new WeakMap();

/**
 * Metrics with the rows of a seed that may not be the one that was followed then: of another one
 * they have what the block tells.
 * @param {any[]} metrics
 * @param {number} seed its place
 * @returns {any[]} one for each
 */
export function metricsOfSeed(metrics, seed) {
  /** @type {any} */ let last = null;
  return metrics.map((metric) => {
    if (followedIn(metric) === seed) return (last = metric);
    let own = turned.get(metric);
    if (!own) turned.set(metric, (own = new Map()));
    let found = own.get(seed);
    if (!found) {
      const lanes = hasBlock(metric)
        ? metric.lanes.map((/** @type {any} */ _, /** @type {number} */ lane) =>
            rowOf(metric.seeds, seed, lane),
          )
        : (last ?? metric).lanes;
      own.set(seed, (found = { ...metric, lanes }));
    }
    return (last = found);
  });
}

/**
 * A lane's row in a seed that was not followed.
 * @param {any} block
 * @param {number} seed
 * @param {number} lane
 */
function rowOf(block, seed, lane) {
  const state = numberOf(block, seed, lane, "state");
  const reason = block.reasons?.find(
    (/** @type {[number, number, string]} */ [place, number]) => place === seed && number === lane,
  )?.[2];
  return {
    ...Object.fromEntries(TOLD.map((name) => [name, numberOf(block, seed, lane, name)])),
    memory: null,
    plan: null,
    target: null,
    agreement: null,
    finished: state !== RUNNING,
    trouble: state === FAILED ? (reason ?? block.troubles?.[lane] ?? "") : null,
    stopped: state === STOPPED ? (reason ?? "") : null,
    note: null,
    extra: {},
    vectors: {},
  };
}
