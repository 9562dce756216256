/** The history of one race, live or recorded, and the moment that is shown. */

import { decode, records } from "./decode.js";

export const MOST_PICTURES = 600;

/** Keeps every metrics message; keeps pictures as bytes, thinned evenly when they grow too many, and decodes the one that is looked at. */
export class History {
  constructor() {
    /** @type {any} */ this.stage = null;
    /** @type {any[]} */ this.metrics = [];
    /** @type {{k: number, bytes: Uint8Array}[]} */ this.pictures = [];
    /** @type {any[]} */ this.events = [];
    this._decoded = { k: -1, picture: /** @type {any} */ (null) };
  }

  get length() {
    return this.metrics.length;
  }

  /** @param {any} message */
  addMetrics(message) {
    this.metrics.push(message);
    for (const event of message.events ?? []) this.events.push({ ...event, at: this.metrics.length - 1 });
  }

  /** @param {number} k @param {Uint8Array} bytes @param {any} picture what the bytes say, where that is known already */
  addPicture(k, bytes, picture = null) {
    this.pictures.push({ k, bytes });
    if (picture) this._decoded = { k, picture };
    if (this.pictures.length > MOST_PICTURES) {
      const last = this.pictures.length - 1;
      this.pictures = this.pictures.filter((_, i) => i % 2 === 0 || i === last);
    }
  }

  /** The newest picture not after frame k, decoded. @param {number} k */
  pictureAt(k) {
    let low = 0;
    let high = this.pictures.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.pictures[middle].k <= k) low = middle;
      else high = middle - 1;
    }
    const found = this.pictures[low];
    if (!found) return null;
    if (this._decoded.k !== found.k) this._decoded = { k: found.k, picture: decode(found.bytes) };
    return this._decoded.picture;
  }
}

/**
 * The history in a recording file's bytes (gzip).
 * @param {ArrayBuffer} file
 */
export async function readRecording(file) {
  const stream = new Blob([file]).stream().pipeThrough(new DecompressionStream("gzip"));
  const history = new History();
  for (const bytes of records(await new Response(stream).arrayBuffer())) {
    const message = decode(bytes);
    if (message.type === "stage") history.stage = message;
    else if (message.type === "metrics") history.addMetrics(message);
    else if (message.type === "picture") history.addPicture(message.k, bytes);
  }
  if (!history.stage || !history.length) throw new Error("not a recording");
  return history;
}

/** Which moment of a history is shown: its newest, one chosen by hand, or one that plays along. */
export class Player {
  constructor() {
    this.history = new History();
    /** @type {"live" | "recording"} */ this.source = "live";
    /** @type {number | null} index into metrics, or null for the newest */ this.chosen = null;
    this.playing = false;
    this._origin = 0;
  }

  /** @param {History} history @param {"live" | "recording"} source */
  load(history, source) {
    this.history = history;
    this.source = source;
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
    this.chosen = index !== null && index >= this.history.length - 1 && this.source === "live" ? null : index;
  }

  /** Play from a moment at a speed. @param {number} now seconds @param {number} from */
  play(now, from = 0) {
    this.playing = true;
    this.chosen = from;
    this._origin = now - this._clock(from) / Player.SPEED;
  }

  /** Move on to where the play should be by now. @param {number} now seconds @returns {boolean} whether the moment changed */
  tick(now) {
    if (!this.playing) return false;
    const last = this.history.length - 1;
    const clock = (now - this._origin) * Player.SPEED;
    let index = this.chosen ?? 0;
    const before = index;
    while (index < last && this._clock(index + 1) <= clock) index++;
    this.chosen = index;
    // At the end the last frame stands for a while, then it begins again.
    if (index === last && clock > this._clock(last) + Player.REST * Player.SPEED) this.play(now, 0);
    return this.chosen !== before;
  }

  /** @param {number} index */
  _clock(index) {
    return this.history.metrics[index]?.clock ?? 0;
  }
}
Player.SPEED = 2;
Player.REST = 5;
