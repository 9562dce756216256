/** The history of one race, live or recorded, and the moment that is shown. */

import { Album, placeOf } from "./thinned_log.js";
import { decode } from "./messages.js";
import { named } from "./lane_names.js";

export const MOST_PICTURES = 600;
export const MOST_DETAILS = 60;
/** A quarter of an hour of them, as in the server. */
export const MOST_METRICS = 10_000;

/** @typedef {import("./thinned_log.js").Kept} Kept */

/**
 * Keeps metrics, pictures and details, each thinned evenly when they grow too many; pictures and details as bytes, of which it decodes the one that is looked at.
 * Metrics that tell of what was done by hand, or in which a lane ends, are never dropped.
 */
export class History {
  constructor() {
    /** @type {any} */ this.stage = null;
    /** @type {any[]} */ this.metrics = [];
    /** @type {any[]} what was done by hand, each with `at`, the index of the metrics that tell of it */ this.events = [];
    /** @type {any} every lane's weights, as they were last sent */ this.weights = null;
    /** Told that metrics have gone: called with what finds the new index of an old one. @type {(moved: (index: number) => number) => void} */ this.onThinned = () => {};
    this._albums = { metrics: new Album(MOST_METRICS), pictures: new Album(MOST_PICTURES), details: new Album(MOST_DETAILS) };
    this._bytes = { stage: new Uint8Array(), weights: /** @type {Uint8Array | null} */ (null) };
    this._decoded = { pictures: { k: -1, message: /** @type {any} */ (null) }, details: { k: -1, message: /** @type {any} */ (null) } };
    this._ended = "";
  }

  get length() {
    return this.metrics.length;
  }

  /** @returns {Kept[]} */
  get pictures() {
    return this._albums.pictures.kept;
  }

  /** @returns {Kept[]} */
  get details() {
    return this._albums.details.kept;
  }

  /** Keep a message of a race, whatever it is. @param {any} message @param {Uint8Array} bytes */
  add(message, bytes) {
    if (message.type === "stage") {
      this.stage = named(message);
      this._bytes.stage = bytes;
    } else if (message.type === "metrics") this._addMetrics(message, bytes);
    else if (message.type === "picture") this._keep("pictures", message, bytes);
    else if (message.type === "detail") this._keep("details", message, bytes);
    else if (message.type === "weights") {
      this.weights = message;
      this._bytes.weights = bytes;
    }
  }

  /** @param {any} message @param {Uint8Array} bytes */
  _addMetrics(message, bytes) {
    const ended = JSON.stringify((message.lanes ?? []).map((/** @type {any} */ row) => [row.finished, row.trouble, row.stopped]));
    const stays = Boolean(message.events?.length) || (this._ended !== "" && ended !== this._ended);
    this._ended = ended;
    const done = this._albums.metrics.add({ k: message.k, bytes, message, stays });
    if (done === "thinned") {
      const before = this.metrics;
      const { kept } = this._albums.metrics;
      this.metrics = kept.map((one) => one.message);
      const moved = (/** @type {number} */ index) => placeOf(kept, before[index]?.k ?? message.k);
      for (const event of this.events) event.at = moved(event.at);
      this.onThinned(moved);
    } else {
      if (done === "replaced") this.metrics.pop();
      this.metrics.push(message);
    }
    for (const event of message.events ?? []) this.events.push({ ...event, at: this.metrics.length - 1 });
  }

  /** @param {"pictures" | "details"} kind @param {any} message @param {Uint8Array} bytes */
  _keep(kind, message, bytes) {
    this._albums[kind].add({ k: message.k, bytes });
    this._decoded[kind] = { k: message.k, message };
  }

  /** The first moment at which some lane has spent that share of the budget; the last where none has. @param {number} share 0 to 1 */
  indexAtShare(share) {
    const found = this.metrics.findIndex((one) => Math.max(...one.lanes.map((/** @type {any} */ row) => row.progress)) >= share - 1e-9);
    return found < 0 ? this.length - 1 : found;
  }

  /** The training points were moved by hand: the experiment is another one from here on. @param {string} points as `drawn` writes them @returns {any} the experiment */
  movePoints(points) {
    const experiment = { ...this.stage.experiment, dataset: drawnDataset(points, this.stage.data.classes.length) };
    this.stage = { ...this.stage, experiment };
    return experiment;
  }

  /** All that is kept, as bytes in the order of a recording: the stage, then frame by frame, the weights last. @returns {Uint8Array[]} */
  messages() {
    const { metrics, pictures, details } = this._albums;
    const ordered = [metrics, pictures, details].flatMap(({ kept }, rank) => kept.map(({ k, bytes }) => ({ k, bytes, rank })));
    ordered.sort((a, b) => a.k - b.k || a.rank - b.rank);
    return [this._bytes.stage, ...ordered.map(({ bytes }) => bytes), ...(this._bytes.weights ? [this._bytes.weights] : [])];
  }

  /** The newest picture not after frame k, decoded. @param {number} k */
  pictureAt(k) {
    return this._at("pictures", k) ?? null;
  }

  /** The newest detail not after frame k, decoded; null where there is none yet. @param {number} k */
  detailAt(k) {
    const found = this._at("details", k);
    return found && found.k <= k ? found : null;
  }

  /** @param {"pictures" | "details"} kind @param {number} k */
  _at(kind, k) {
    const found = this._albums[kind].at(k);
    if (!found) return null;
    if (this._decoded[kind].k !== found.k) this._decoded[kind] = { k: found.k, message: decode(found.bytes) };
    return this._decoded[kind].message;
  }
}

/** The dataset that hand-drawn points are, as an experiment names it. @param {string} points @param {number} groups how many classes */
export function drawnDataset(points, groups) {
  return { name: "drawn", groups, points };
}

/** Which moment of a history is shown: its newest, one chosen by hand, or one that plays along. */
export class Player {
  constructor() {
    this.history = new History();
    /** @type {"live" | "recording"} */ this.source = "live";
    /** @type {number | null} index into metrics, or null for the newest */ this.chosen = null;
    this.playing = false;
    this.rate = Player.SPEED;
    this._origin = 0;
  }

  /** @param {History} history @param {"live" | "recording"} source */
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
    this.chosen = index !== null && index >= this.history.length - 1 && this.source === "live" ? null : index;
  }

  /** Play from a moment at a speed. @param {number} now seconds @param {number} from */
  play(now, from = 0) {
    this.playing = true;
    this.chosen = from;
    this._origin = now - this._clock(from) / this.rate;
  }

  /** Play faster or slower, from where it is. @param {number} rate times as fast as it was @param {number} now seconds */
  setRate(rate, now) {
    this._origin = now - ((now - this._origin) * this.rate) / rate;
    this.rate = rate;
  }

  /** Move on to where the play should be by now. @param {number} now seconds @returns {boolean} whether the moment changed */
  tick(now) {
    if (!this.playing) return false;
    const last = this.history.length - 1;
    const clock = (now - this._origin) * this.rate;
    let index = this.chosen ?? 0;
    const before = index;
    while (index < last && this._clock(index + 1) <= clock) index++;
    this.chosen = index;
    if (index < last) return this.chosen !== before;
    // A race that was just run is back where it stands; of a recording the last frame stands for a while, then it begins again.
    if (this.source === "live") this.show(null);
    else if (clock > this._clock(last) + Player.REST * this.rate) this.play(now, 0);
    return this.chosen !== before;
  }

  /** @param {number} index */
  _clock(index) {
    return this.history.metrics[index]?.clock ?? 0;
  }
}
Player.SPEED = 2;
Player.REST = 5;
