/** The brush of the large square: where a stroke leaves points, and how many. */

/**
 * Lengths are shares of the square's side, so a brush is the same on every screen.
 * @typedef {object} Brush
 * @property {"one" | "few" | "many"} name
 * @property {number} points of one dab
 * @property {number} radius within which they lie
 * @property {number} spacing between two dabs of a stroke
 * @property {number} eraser radius within which the eraser removes points
 */

/** @type {Brush[]} */
export const BRUSHES = [
  { name: "one", points: 1, radius: 0, spacing: 0.03, eraser: 0.018 },
  { name: "few", points: 3, radius: 0.035, spacing: 0.045, eraser: 0.04 },
  { name: "many", points: 8, radius: 0.075, spacing: 0.085, eraser: 0.085 },
];

/**
 * Points of one dab, evenly likely everywhere within its radius.
 * @param {Brush} brush
 * @param {() => number} random from 0 to 1
 * @returns {[number, number][]} shares of the side, from the dab's middle
 */
export function dabOf({ points, radius }, random) {
  return Array.from({ length: points }, () => {
    const [far, turn] = [radius * Math.sqrt(random()), 2 * Math.PI * random()];
    return [far * Math.cos(turn), far * Math.sin(turn)];
  });
}

/** The places of a stroke's dabs: evenly spaced, however fast the hand moves. */
export class Stroke {
  /** @param {number} spacing */
  constructor(spacing) {
    this.spacing = spacing;
    /** @type {[number, number] | null} the last dab */ this.last = null;
  }

  /**
   * The hand has moved to a place.
   * @param {number} x
   * @param {number} y
   * @returns {[number, number][]} the dabs since the last one
   */
  to(x, y) {
    if (!this.last) {
      this.last = [x, y];
      return [this.last];
    }
    const [x0, y0] = this.last;
    const far = Math.hypot(x - x0, y - y0);
    const count = Math.floor(far / this.spacing + 1e-9);
    /** @type {[number, number][]} */ const dabs = [];
    for (let i = 1; i <= count; i++) {
      const share = (i * this.spacing) / far;
      dabs.push([x0 + share * (x - x0), y0 + share * (y - y0)]);
    }
    this.last = dabs.at(-1) ?? this.last;
    return dabs;
  }
}
