/**
 * How long every edge of a tour has been in it, from pictures that follow each other: a tour that
 * cools is seen to freeze.
 *
 * A city has two neighbours in a tour; both are kept with the moment since when, so that a tour of
 * a hundred thousand cities takes some milliseconds.
 */

/** Ages that are told apart, as shares of the budget: younger than the first, …, older than all. */
export const AGES = [0.005, 0.02, 0.06, 0.2];

/**
 * The bucket of an age.
 * @param {number} age share of the budget
 */
export function bucketOf(age) {
  let bucket = 0;
  while (bucket < AGES.length && age >= AGES[bucket]) bucket++;
  return bucket;
}

export class EdgeAges {
  constructor() {
    this.n = 0;
    /** Neighbours of each city, two places a city, −1 for none. */
    this.near = new Int32Array(0);
    this.since = new Float64Array(0);
    this.before = { near: new Int32Array(0), since: new Float64Array(0) };
  }

  /** Forget all tours. */
  clear() {
    this.n = 0;
  }

  /**
   * The tour of the next picture.
   * @param {ArrayLike<number>} tour
   * @param {number} at share of the budget spent
   */
  see(tour, at) {
    const n = tour.length;
    const fresh = n !== this.n;
    if (fresh) {
      // Other cities: nothing is known of their edges.
      this.n = n;
      this.near = new Int32Array(2 * n).fill(-1);
      this.since = new Float64Array(2 * n);
      this.before = { near: new Int32Array(2 * n), since: new Float64Array(2 * n) };
    }
    const old = { near: this.near, since: this.since };
    const { near, since } = this.before;
    near.fill(-1);
    for (let i = 0; i < n; i++) {
      const one = tour[i];
      const other = tour[(i + 1) % n];
      let born = at;
      if (!fresh) {
        if (old.near[2 * one] === other) born = old.since[2 * one];
        else if (old.near[2 * one + 1] === other) born = old.since[2 * one + 1];
      }
      put(near, since, one, other, born);
      put(near, since, other, one, born);
    }
    this.near = near;
    this.since = since;
    this.before = old;
  }

  /**
   * Since when an edge has been in the tour; null where it is not.
   * @param {number} one
   * @param {number} other
   * @returns {number | null}
   */
  born(one, other) {
    if (this.near[2 * one] === other) return this.since[2 * one];
    if (this.near[2 * one + 1] === other) return this.since[2 * one + 1];
    return null;
  }
}

/**
 * @param {Int32Array} near
 * @param {Float64Array} since
 * @param {number} one
 * @param {number} other
 * @param {number} born
 */
function put(near, since, one, other, born) {
  const place = near[2 * one] < 0 ? 2 * one : 2 * one + 1;
  near[place] = other;
  since[place] = born;
}

/**
 * The edges of a tour as a set of neighbours: whether two cities are next to each other in it.
 * @param {ArrayLike<number>} tour
 * @returns {(one: number, other: number) => boolean}
 */
export function edgesOf(tour) {
  const ages = new EdgeAges();
  ages.see(tour, 0);
  return (one, other) => ages.born(one, other) !== null;
}
