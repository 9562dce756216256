/** One moment of a race, as the panels want it. */

/** @typedef {import("./player.js").History} History */
/** @typedef {import("./view.js").Moment} Moment */

/**
 * What is shown of the frame at an index.
 * @param {History} history
 * @param {number} index
 * @param {{currency: Moment["currency"], measure: Moment["measure"], run: number}} chosen
 * @returns {Moment}
 */
export function momentAt(history, index, chosen) {
  const metrics = index === history.length - 1 ? history.metrics : history.metrics.slice(0, index + 1);
  const metric = history.metrics[index];
  const temperatures = extremes(history);
  return {
    stage: history.stage,
    metrics,
    metric,
    picture: history.pictureAt(metric.k),
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

/** The coldest and the hottest of plan and fact: the ends of the temperature scale. @param {History} history @returns {[number, number]} */
export function extremes(history) {
  const values = history.stage.lanes.flatMap((/** @type {any} */ lane) => lane.plan ?? []);
  for (const metric of [history.metrics[0], history.metrics.at(-1)]) for (const row of metric?.lanes ?? []) if (row.temperature !== null) values.push(row.temperature);
  const positive = values.filter((/** @type {number} */ value) => value > 0);
  const low = Math.min(...positive);
  const high = Math.max(...positive);
  return low < high ? [low, high] : [1e-3, 1];
}
