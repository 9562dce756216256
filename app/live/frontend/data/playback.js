/** Which moment of a history is shown, and playing it back. */

import { History } from "./history.js";

/** Which moment of a history is shown: its newest, one chosen by hand, or one that plays along. */
export class Playback {
  constructor() {
    this.history = new History();
    /** @type {"live" | "recording"} */ this.source = "live";
    /** @type {number | null} index into metrics, or null for the newest */ this.chosen = null;
    this.playing = false;
    this.rate = Playback.SPEED;
    this._origin = 0;
  }

  /**
   * @param {History} history
   * @param {"live" | "recording"} source
   */
  load(history, source) {
    this.history = history;
    this.source = source;
    history.onThinned = (moved) => {
      if (this.history === history && this.chosen !== null) this.chosen = moved(this.chosen);
    };
    this.chosen = null;
    this.playing = false;
  }

  /** The index of the moment that is shown, −1 when there is none. */
  get moment() {
    const last = this.history.length - 1;
    return this.chosen === null ? last : Math.min(this.chosen, last);
  }

  /** Show that moment, or the newest. @param {number | null} index */
  show(index) {
    this.playing = false;
    this.chosen =
      index !== null && index >= this.history.length - 1 && this.source === "live" ? null : index;
  }

  /**
   * Play from a moment at a speed.
   * @param {number} now seconds
   * @param {number} from
   */
  play(now, from = 0) {
    this.playing = true;
    this.chosen = from;
    this._origin = now - this._clock(from) / this.rate;
  }

  /**
   * Play faster or slower, from where it is.
   * @param {number} rate times as fast as it was
   * @param {number} now seconds
   */
  setRate(rate, now) {
    this._origin = now - ((now - this._origin) * this.rate) / rate;
    this.rate = rate;
  }

  /**
   * Move on to where the play should be by now.
   * @param {number} now seconds
   * @returns {boolean} whether the moment changed
   */
  tick(now) {
    if (!this.playing) return false;
    const last = this.history.length - 1;
    const clock = (now - this._origin) * this.rate;
    let index = this.chosen ?? 0;
    const before = index;
    while (index < last && this._clock(index + 1) <= clock) index++;
    this.chosen = index;
    if (index < last) return this.chosen !== before;
    // A race that was just run is back where it stands; of a recording the last frame stands for a
    // while, then it begins again.
    if (this.source === "live") this.show(null);
    else if (clock > this._clock(last) + Playback.REST * this.rate) this.play(now, 0);
    return this.chosen !== before;
  }

  /** @param {number} index */
  _clock(index) {
    return this.history.metrics[index]?.clock ?? 0;
  }
}
Playback.SPEED = 2;
Playback.REST = 5;
