/**
 * A playlist as time passes: which recording is on, how far it is, and when the next one comes.
 * Knows nothing of how it is shown.
 */

/** What a recording takes from its first moment to its last, in seconds. */
export const RUN = 25;
/** In a kiosk its title stands alone before that, and its end stands still after it. */
export const CARD = 5;
export const REST = 5;
/** A kiosk that somebody touches waits so long before it goes on by itself. */
export const HOLD = 60;
/** So long stands the word that a recording is not there, before the next one comes. */
export const ABSENT = 3;
/** More than this between two ticks was no playing: the tab was hidden, the machine asleep. */
const LONGEST_TICK = 0.5;

/** @typedef {"card" | "run" | "rest"} Phase */

export class PlaylistClock {
  /**
   * @param {number} count of recordings
   * @param {boolean} kiosk whether it goes round by itself
   */
  constructor(count, kiosk) {
    this.count = count;
    this.kiosk = kiosk;
    this.at = 0;
    /** @type {Phase} */ this.phase = kiosk ? "card" : "run";
    this.spent = 0;
    /** Whether the recording that is on did not load. */ this.absent = false;
    this.playing = true;
    this.heldUntil = 0;
    this.last = 0;
  }

  /** How much of the recording is over, 0 to 1. */
  get share() {
    return this.phase === "card" ? 0 : this.phase === "rest" ? 1 : Math.min(1, this.spent / RUN);
  }

  /**
   * Another recording from its start. A stage ends at its ends, a kiosk goes round.
   * @param {number} index
   * @returns {boolean} whether it is another one than before
   */
  go(index) {
    const before = this.at;
    this.at = this.kiosk
      ? (index + this.count) % this.count
      : Math.max(0, Math.min(this.count - 1, index));
    if (!this.kiosk && this.at === before) return false;
    this.phase = this.kiosk ? "card" : "run";
    this.spent = 0;
    this.absent = false;
    this.playing = true;
    return true;
  }

  /** Play or pause; one that has ended begins again. */
  toggle() {
    if (this.share === 1 && !this.playing) this.spent = 0;
    this.playing = !this.playing;
  }

  /** Stand at the end, as for those who want nothing to move. */
  finish() {
    this.phase = "run";
    this.spent = RUN;
    this.playing = false;
  }

  /**
   * The recording that is on is not there: the next one comes after a moment.
   * @param {boolean} goOn false where somebody is to see it first; a kiosk goes on in any case
   */
  miss(goOn = true) {
    this.phase = "run";
    this.spent = 0;
    this.absent = true;
    this.playing = goOn || this.kiosk;
  }

  /** Somebody is there: a kiosk waits for them. @param {number} now seconds */
  hold(now) {
    if (this.kiosk) this.heldUntil = now + HOLD;
  }

  /** The kiosk need not wait any more. */
  release() {
    this.heldUntil = 0;
  }

  /** @param {number} now seconds */
  held(now) {
    return now < this.heldUntil;
  }

  /**
   * Time has passed.
   * @param {number} now seconds
   * @returns {boolean} whether another recording is on
   */
  tick(now) {
    const passed = Math.min(LONGEST_TICK, Math.max(0, now - this.last));
    this.last = now;
    if (!this.playing || this.held(now)) return false;
    this.spent += passed;
    if (this.absent) {
      if (this.spent < ABSENT) return false;
      this.spent = 0;
      return this.go(this.at + 1);
    }
    if (this.phase === "card" && this.spent >= CARD) this._turn("run");
    else if (this.phase === "run" && this.spent >= RUN) {
      if (this.kiosk) this._turn("rest");
      else this.finish();
    } else if (this.phase === "rest" && this.spent >= REST) {
      this.go(this.at + 1);
      return true;
    }
    return false;
  }

  /** @param {Phase} phase */
  _turn(phase) {
    this.phase = phase;
    this.spent = 0;
  }
}

/**
 * The moment that is shown at a share of the time. A pace above 1 lingers over the beginning, where
 * much happens in few steps.
 * @param {number} length of the history
 * @param {number} share
 * @param {number} pace
 */
export function frameIndexAt(length, share, pace = 1) {
  return Math.round(Math.max(0, length - 1) * share ** pace);
}

/**
 * How much larger a view of that size is drawn, so that it is read from the back row: as if it were
 * laid out on a small screen and magnified.
 * @param {number} width
 * @param {number} height of the room there is, in pixels
 */
export function magnified(width, height) {
  return width < 700 ? 1 : Math.max(1, Math.min(width / 900, height / 390));
}

const SMALLEST = 14;

/** Figures with larger letters and wider margins. @param {Record<string, any>} figures */
export function withLargeLetters(figures) {
  const copy = structuredClone(figures);
  for (const figure of Object.values(copy)) {
    grow(figure.layout);
    for (const side of Object.keys(figure.layout.margin ?? {}))
      if (figure.layout.margin[side] >= 20)
        figure.layout.margin[side] = Math.round(figure.layout.margin[side] * 1.3);
  }
  return copy;
}

/** @param {any} layout */
function grow(layout) {
  for (const [key, value] of Object.entries(layout ?? {})) {
    if (!value || typeof value !== "object") continue;
    if (/font$/.test(key) && typeof value.size === "number")
      value.size = Math.max(value.size, SMALLEST);
    grow(value);
  }
}
