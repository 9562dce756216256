/** The edits of cities that can be taken back, and what takes each back. */

/** @typedef {import("../../data/cities.js").CityEdit} CityEdit */

/**
 * Edits, of one kind each. A city that was dropped comes back as the last, and numbers change with
 * it: here each city keeps a key of its own.
 */
export class Edits {
  constructor() {
    this.clear();
  }

  clear() {
    /**
     * @type {{move?: number[][], drop?: number[], add?: number[][]}[]} what takes each back, with
     *   keys in place of numbers; a city that comes back has its own before its place
     */
    this.done = [];
    /** @type {number[]} the cities' keys, by the numbers that they have now */ this.order = [];
    /** @type {number} the key of the next city that is added */ this.next = 0;
    /**
     * @type {{cities: {x: number[], y: number[]}, city: number} | null} a drag that goes on, and
     *   the cities before it
     */
    this.drag = null;
  }

  /** Whether there is nothing to be taken back. */
  get none() {
    return !this.done.length && !this.drag;
  }

  /**
   * Note an edit. A drag is one, from where it began.
   * @param {{x: number[], y: number[]}} cities before it
   * @param {CityEdit} edit
   * @param {boolean} ends
   */
  note(cities, edit, ends = true) {
    const { move = [], drop = [], add = [] } = edit;
    if (move[0]?.[0] !== this.drag?.city) this._release();
    if (this.none) {
      this.order = cities.x.map((_, i) => i);
      this.next = this.order.length;
    }
    if (move.length) {
      this.drag ??= { cities, city: move[0][0] };
      if (ends) this._release();
    } else if (drop.length) {
      this.done.push({ add: drop.map((i) => [this.order[i], cities.x[i], cities.y[i]]) });
      this.order = this.order.filter((_, i) => !drop.includes(i));
    } else {
      const keys = add.map(() => this.next++);
      this.done.push({ drop: keys });
      this.order.push(...keys);
    }
  }

  /** A drag is over, be it that its end was refused. */
  _release() {
    if (!this.drag) return;
    const { cities, city } = this.drag;
    this.drag = null;
    this.done.push({ move: [[this.order[city], cities.x[city], cities.y[city]]] });
  }

  /** The edit that takes the last one back. @returns {CityEdit | null} */
  last() {
    this._release();
    const edit = this.done.at(-1);
    if (!edit) return null;
    const { move = [], drop = [], add = [] } = edit;
    const number = (/** @type {number} */ key) => this.order.indexOf(key);
    if (move.length) return { move: move.map(([key, x, y]) => [number(key), x, y]) };
    if (drop.length) return { drop: drop.map(number) };
    return { add: add.map(([, x, y]) => [x, y]) };
  }

  /**
   * The last edit was taken back.
   * @returns {boolean} whether the cities are what they were at first, in the same order
   */
  pop() {
    const taken = this.done.pop();
    if (!taken) return true;
    const { drop = [], add = [] } = taken;
    this.order = this.order.filter((key) => !drop.includes(key));
    this.order.push(...add.map(([key]) => key));
    return this.none && this.order.every((key, i) => key === i);
  }
}
