/**
 * Moments of a race and the share of its budget that is spent at each: what the timeline is long.
 */

/** The share of the budget spent by the lane that has spent most, 0 to 1. @param {any} metric */
export function spentShare(metric) {
  return Math.min(1, Math.max(0, ...metric.lanes.map((/** @type {any} */ row) => row.progress)));
}

/**
 * The last moment at which no more than that share is spent; the first where there is none.
 * @param {any[]} metrics
 * @param {number} share
 */
export function frameAtShare(metrics, share) {
  let low = 0;
  let high = metrics.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (spentShare(metrics[middle]) <= share) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}
