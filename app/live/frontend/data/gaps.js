/** How far tours are from the best that is known, and which that is. */

/** What is known now holds for frames since a visitor last changed the cities. */

/**
 * The index of the first metrics with the cities of the last ones.
 * @param {any[]} events up to the moment, each with `at`
 */
export function sameCitiesSince(events) {
  return events.reduce((at, event) => (event.kind === "cities" ? event.at : at), 0);
}

/**
 * A lane's gap at every moment, from what is known at the last: the best of a race is known only in
 * the end.
 * @param {{metrics: any[], events: any[]}} moment
 * @param {number} lane
 * @returns {(number | null)[]}
 */
export function gapsOf({ metrics, events }, lane) {
  const best = metrics.at(-1)?.reference?.value;
  const since = sameCitiesSince(events);
  return metrics.map(({ lanes }, i) => {
    const { loss, gap } = lanes[lane];
    if (loss === null || loss === undefined) return null;
    if (i < since || !(best > 0)) return gap ?? null;
    return Math.max(0, (loss - best) / best);
  });
}
