/**
 * Particles that move smoothly from one picture to the next: each picture is begun where the one
 * before ended, and takes as long as pictures are apart.
 */

/** Pictures nearer than this need nothing between them; farther apart, they are no motion; ms. */
const [LEAST_MS, MOST_MS] = [24, 260];
/** What painting may take on average, in ms: a machine that needs longer shows pictures only. */
const AFFORDABLE_MS = 4;
/** Particles of all lanes together. */
const MOST = 800;

/** @typedef {{data: ArrayLike<number>, estimate: [number, number]}} Places of one lane */

/**
 * Where a lane's particles and its estimate are.
 * @param {any} lane of a picture
 * @returns {Places}
 */
function placesOf({ cloud, estimate }) {
  return { data: cloud?.data ?? [], estimate };
}

export class Motion {
  constructor() {
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)");
    this.plane = "";
    /** @type {Places[]} where everybody is in the newest picture */ this.to = [];
    /** @type {Places[] | null} where everybody was when it came */ this.from = null;
    this.since = 0;
    this.span = 0;
    this.spent = 0;
  }

  /**
   * A picture came: from where they are shown now, everybody sets out for it.
   * @param {any} picture
   * @param {string} plane places on another plane mean nothing on this one
   * @param {number} now ms
   */
  come(picture, plane, now) {
    const to = /** @type {Places[]} */ (picture.lanes.map(placesOf));
    const gap = now - this.since;
    const same =
      plane === this.plane &&
      to.length === this.to.length &&
      to.every((lane, i) => lane.data.length === this.to[i].data.length);
    const count = to.reduce((sum, lane) => sum + lane.data.length / 2, 0);
    const may =
      same &&
      !this.calm.matches &&
      gap >= LEAST_MS &&
      gap <= MOST_MS &&
      count <= MOST &&
      this.spent < AFFORDABLE_MS;
    const from = may ? to.map((_, i) => this.at(i, now)) : null;
    this.plane = plane;
    this.to = to;
    this.from = from;
    this.since = now;
    this.span = gap;
  }

  /** Whether somebody is on the way. @param {number} now ms */
  moving(now) {
    return this.from !== null && now < this.since + this.span;
  }

  /** Stand where the newest picture has everybody. */
  stop() {
    this.from = null;
  }

  /**
   * Where a lane is shown.
   * @param {number} lane
   * @param {number} now ms
   * @returns {Places}
   */
  at(lane, now) {
    const to = this.to[lane];
    const from = this.from?.[lane];
    if (!from || !this.moving(now)) return to;
    const share = Math.max(0, (now - this.since) / this.span);
    const data = new Float32Array(to.data.length);
    for (let i = 0; i < data.length; i++)
      data[i] = from.data[i] + share * (to.data[i] - from.data[i]);
    const [x, y] = [0, 1].map(
      (i) => from.estimate[i] + share * (to.estimate[i] - from.estimate[i]),
    );
    return { data, estimate: [x, y] };
  }

  /** What painting once took, in ms: a running average. @param {number} ms */
  took(ms) {
    this.spent += 0.1 * (ms - this.spent);
  }
}
