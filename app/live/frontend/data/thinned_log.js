/**
 * Messages of a race by frame, evenly spaced and bounded: the first and the newest are always
 * there. app/live/album.py does the same in the server.
 */

/** @typedef {{k: number, bytes: Uint8Array, message?: any, stays?: boolean}} Kept */

export const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Where there are too many, every second one goes, and from then on only every second one comes in:
 * the whole race stays covered as evenly as at first.
 */
export class ThinnedLog {
  /**
   * @param {number} most how many are kept
   * @param {number} mostBytes and of what size together
   */
  constructor(most, mostBytes = MOST_BYTES) {
    this.most = most;
    this.mostBytes = mostBytes;
    /** @type {Kept[]} */ this.kept = [];
    /** Frames from one to the next, at least. */ this.stride = 1;
    this.bytes = 0;
    this._next = -Infinity;
    this._passing = false;
  }

  /**
   * Keep one, as the newest.
   * @param {Kept} one
   * @returns {"added" | "replaced" | "thinned"} whether it took the place of the newest before it,
   *   or others went, too
   */
  add(one) {
    /** @type {"added" | "replaced" | "thinned"} */ let done = "added";
    if (this._passing) {
      // was there only while it was the newest
      this.bytes -= this.kept.pop()?.bytes.byteLength ?? 0;
      done = "replaced";
    }
    this._put(this.kept, one);
    this.bytes += one.bytes.byteLength;
    while (
      this.kept.length > 2 &&
      this.stride < one.k &&
      (this.kept.length > this.most || this.bytes > this.mostBytes)
    ) {
      this._thin();
      done = "thinned";
    }
    return done;
  }

  /**
   * @param {Kept[]} list
   * @param {Kept} one
   */
  _put(list, one) {
    const due = one.k >= this._next;
    if (due) this._next = one.k + this.stride;
    this._passing = !due && !one.stays;
    list.push(one);
  }

  _thin() {
    this.stride *= 2;
    this._next = -Infinity;
    this._passing = false;
    /** @type {Kept[]} */ const list = [];
    for (const one of this.kept) {
      if (this._passing) list.pop();
      this._put(list, one);
    }
    this.kept = list;
    this.bytes = list.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  }

  /**
   * The newest one not after frame k, or the first; undefined where there is none.
   * @param {number} k
   * @returns {Kept | undefined}
   */
  at(k) {
    return this.kept[indexOfFrame(this.kept, k)];
  }
}

/**
 * The last place whose frame is not after k; 0 where there is none.
 * @param {{k: number}[]} list in order
 * @param {number} k
 */
export function indexOfFrame(list, k) {
  let low = 0;
  let high = list.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (list[middle].k <= k) low = middle;
    else high = middle - 1;
  }
  return low;
}
