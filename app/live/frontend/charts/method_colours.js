/**
 * One colour for each method over several races that are shown one after the other: who is red on
 * the first slide is red on the last.
 */

/** How many lanes have colours, and the places of the palette that are cold. */
const COUNT = 4;
/** The palette's places in the order of choice: warm first, and blue first for gradients. */
const [WARM, COLD] = [
  [0, 2, 3, 1],
  [1, 3, 2, 0],
];

/**
 * Of every race the places in the palette that its lanes' colours have, four for each race: those
 * beyond its lanes are what is left over. Methods get theirs by their first appearance; with more
 * methods than colours those share one that never meet in a race, wherever that is possible. Of two
 * lanes of one method in a race the second has a colour of its own, the same in every race.
 * @param {string[][]} races the lanes' methods, race by race
 * @param {Set<string>} cold the methods that use gradients
 * @returns {number[][]}
 */
export function methodColours(races, cold) {
  const named = races.map(distinct);
  const given = withoutConflicts(named, cold) ?? oneAfterTheOther(named, cold);
  return named.map((race) => {
    /** @type {number[]} */ const taken = [];
    for (const lane of race) {
      const own = /** @type {number} */ (given.get(lane));
      const free = choice(lane, cold).find((place) => !taken.includes(place));
      taken.push(taken.includes(own) ? /** @type {number} */ (free) : own);
    }
    for (const place of WARM) if (!taken.includes(place)) taken.push(place);
    return taken;
  });
}

/** Lanes up to which every way to give them colours is looked through. */
const MOST_TRIED = 24;

/**
 * Colours such that no two lanes that meet in a race share one, found by going back on earlier
 * choices; null where there are none, or too many lanes to look through.
 * @param {string[][]} named
 * @param {Set<string>} cold
 * @returns {Map<string, number> | null}
 */
function withoutConflicts(named, cold) {
  const lanes = [...new Set(named.flat())];
  if (lanes.length > MOST_TRIED) return null;
  const met = new Map(
    lanes.map((lane) => [lane, new Set(named.filter((race) => race.includes(lane)).flat())]),
  );
  /** @type {Map<string, number>} */ const given = new Map();
  let tries = 0;
  /** @param {number} at @returns {boolean} */
  const place = (at) => {
    if (at === lanes.length) return true;
    const lane = lanes[at];
    const apart = /** @type {Set<string>} */ (met.get(lane));
    const used = (/** @type {number} */ one) => [...given.values()].filter((its) => its === one);
    const free = choice(lane, cold).filter(
      (one) => ![...given].some(([other, its]) => its === one && apart.has(other)),
    );
    // of those that are free the one that fewest have
    for (const one of free.sort((a, b) => used(a).length - used(b).length)) {
      if (++tries > 20_000) return false;
      given.set(lane, one);
      if (place(at + 1)) return true;
      given.delete(lane);
    }
    return false;
  };
  return place(0) ? given : null;
}

/**
 * Colours in the order of first appearance, each lane's the one that costs least.
 * @param {string[][]} named
 * @param {Set<string>} cold
 */
function oneAfterTheOther(named, cold) {
  /** @type {Map<string, number>} */ const given = new Map();
  for (const lane of named.flat()) {
    if (given.has(lane)) continue;
    const met = new Set(named.filter((race) => race.includes(lane)).flat());
    const cost = (/** @type {number} */ place) =>
      [...given].reduce(
        (sum, [other, its]) => sum + (its === place ? (met.has(other) ? 1000 : 1) : 0),
        0,
      );
    given.set(lane, cheapest(choice(lane, cold), cost));
  }
  return given;
}

/** Lanes by method and how many of it came before: no two alike in a race. @param {string[]} race */
function distinct(race) {
  return race
    .slice(0, COUNT)
    .map((method, i) => `${method}#${race.slice(0, i).filter((other) => other === method).length}`);
}

/**
 * The order in which a lane chooses.
 * @param {string} lane
 * @param {Set<string>} cold
 */
function choice(lane, cold) {
  return cold.has(lane.split("#")[0]) ? COLD : WARM;
}

/**
 * The first of those that cost least.
 * @param {number[]} places
 * @param {(place: number) => number} cost
 */
function cheapest(places, cost) {
  return places.reduce((best, place) => (cost(place) < cost(best) ? place : best));
}
