/** The history of one race, live or recorded. */

import { citiesAfter, ownInstance } from "./cities.js";
import { withLaneNames } from "./lane_names.js";
import { decode } from "./messages.js";
import { followedIn } from "./seeds.js";
import { indexOfFrame, ThinnedLog } from "./thinned_log.js";

export const MOST_PICTURES = 600;
export const MOST_DETAILS = 60;
/** A quarter of an hour of them, as in the server. */
export const MOST_METRICS = 10_000;

/** @typedef {import("./thinned_log.js").Kept} Kept */

/**
 * Keeps metrics, pictures and details, each thinned evenly when they grow too many; pictures and
 * details as bytes, of which it decodes the one that is looked at. Metrics that tell of what was
 * done by hand, or in which a lane ends, are never dropped.
 */
export class History {
  constructor() {
    /** @type {any} */ this.stage = null;
    /** @type {any[]} */ this.metrics = [];
    /**
     * @type {any[]} what was done by hand, each with `at`, the index of the metrics that tell of it
     */
    this.events = [];
    /** @type {any} every lane's weights, as they were last sent */ this.weights = null;
    /** @type {Map<number, any>} what was told last of each of several seeds, by its place */
    this.seeds = new Map();
    /** @type {number | null} the seed whose last moment is shown, if not the one followed then */
    this.shown = null;
    /** @type {Map<number, any>} the stage as each seed has it */ this._stages = new Map();
    /** @type {Map<number, Uint8Array>} */ this._seedBytes = new Map();
    /**
     * Told that metrics have gone: called with what finds the new index of an old one.
     * @type {(moved: (index: number) => number) => void}
     */
    this.onThinned = () => {};
    this._albums = {
      metrics: new ThinnedLog(MOST_METRICS),
      pictures: new ThinnedLog(MOST_PICTURES),
      details: new ThinnedLog(MOST_DETAILS),
    };
    this._bytes = {
      stage: /** @type {Uint8Array} */ (new Uint8Array()),
      weights: /** @type {Uint8Array | null} */ (null),
    };
    this._decoded = {
      pictures: { k: -1, message: /** @type {any} */ (null) },
      details: { k: -1, message: /** @type {any} */ (null) },
    };
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

  /**
   * Keep a message of a race, whatever it is.
   * @param {any} message
   * @param {Uint8Array} bytes
   */
  add(message, bytes) {
    if (message.type === "stage") {
      this.stage = withLaneNames(message);
      this._bytes.stage = bytes;
    } else if (message.type === "metrics") this._addMetrics(message, bytes);
    else if (message.type === "picture") this._keep("pictures", message, bytes);
    else if (message.type === "detail") this._keep("details", message, bytes);
    else if (message.type === "weights") {
      this.weights = message;
      this._bytes.weights = bytes;
    } else if (message.type === "seed") {
      this.seeds.set(message.seed, message);
      this._seedBytes.set(message.seed, bytes);
      this._stages.delete(message.seed);
    }
  }

  /**
   * The place of the seed that is shown at an index; null in a race of one seed.
   * @param {number} index
   */
  seedAt(index) {
    const followed = followedIn(this.metrics[index]);
    if (followed === null || this.shown === null || index !== this.length - 1) return followed;
    return this.seeds.get(this.shown)?.last ? this.shown : followed;
  }

  /** Whether the last moment of every seed is there. */
  get hasAllSeeds() {
    const count = this.stage?.experiment?.seeds ?? 1;
    return (
      count > 1 && Array.from({ length: count }).every((_, seed) => this.seeds.get(seed)?.last)
    );
  }

  /**
   * The stage as a seed has it: with its own data and plans.
   * @param {number | null} seed
   */
  stageOf(seed) {
    const told = seed === null ? null : this.seeds.get(seed);
    if (!told) return this.stage;
    let found = this._stages.get(told.seed);
    if (found?.experiment !== this.stage.experiment) {
      const lanes = this.stage.lanes.map((/** @type {any} */ lane, /** @type {number} */ i) => ({
        ...lane,
        plan: told.plans[i],
      }));
      found = { ...this.stage, data: told.data, lanes };
      this._stages.set(told.seed, found);
    }
    return found;
  }

  /**
   * @param {any} message
   * @param {Uint8Array} bytes
   */
  _addMetrics(message, bytes) {
    const ended = JSON.stringify(
      (message.lanes ?? []).map((/** @type {any} */ row) => [
        row.finished,
        row.trouble,
        row.stopped,
      ]),
    );
    const stays = Boolean(message.events?.length) || (this._ended !== "" && ended !== this._ended);
    this._ended = ended;
    const done = this._albums.metrics.add({ k: message.k, bytes, message, stays });
    if (done === "thinned") {
      const before = this.metrics;
      const { kept } = this._albums.metrics;
      this.metrics = kept.map((one) => one.message);
      const moved = (/** @type {number} */ index) =>
        indexOfFrame(kept, before[index]?.k ?? message.k);
      for (const event of this.events) event.at = moved(event.at);
      this.onThinned(moved);
    } else {
      if (done === "replaced") this.metrics.pop();
      this.metrics.push(message);
    }
    for (const event of message.events ?? [])
      this.events.push({ ...event, at: this.metrics.length - 1 });
  }

  /**
   * @param {"pictures" | "details"} kind
   * @param {any} message
   * @param {Uint8Array} bytes
   */
  _keep(kind, message, bytes) {
    this._albums[kind].add({ k: message.k, bytes });
    this._decoded[kind] = { k: message.k, message };
  }

  /**
   * The first moment at which some lane has spent that share of the budget; the last where none
   * has.
   * @param {number} share 0 to 1
   */
  indexAtShare(share) {
    const found = this.metrics.findIndex(
      (one) => Math.max(...one.lanes.map((/** @type {any} */ row) => row.progress)) >= share - 1e-9,
    );
    return found < 0 ? this.length - 1 : found;
  }

  /**
   * The training points were moved by hand: the experiment is another one from here on.
   * @param {string} points as `drawn` writes them
   * @returns {any} the experiment
   */
  movePoints(points) {
    const experiment = {
      ...this.stage.experiment,
      dataset: drawnDataset(points, this.stage.data.classes.length),
    };
    this.stage = { ...this.stage, experiment };
    return experiment;
  }

  /**
   * A visitor changed the cities: the experiment is another one from here on.
   * @returns {any} the experiment
   */
  moveCities() {
    const { data, experiment } = this.stage;
    const cities = citiesAfter(data, this.events);
    const instance = ownInstance(cities, data);
    this.stage = { ...this.stage, experiment: { ...experiment, instance } };
    return this.stage.experiment;
  }

  /** The index of the last metrics not after frame k. @param {number} k */
  indexOf(k) {
    return indexOfFrame(this._albums.metrics.kept, k);
  }

  /**
   * The pictures after one frame up to another, evenly chosen where they are many.
   * @param {number} after frame
   * @param {number} to frame
   * @param {number} most
   * @returns {any[]} decoded
   */
  picturesBetween(after, to, most) {
    const found = this.pictures.filter(({ k }) => k > after && k <= to);
    const last = found.length - 1;
    const chosen =
      found.length <= most
        ? found
        : Array.from({ length: most }, (_, i) => found[Math.round((i * last) / (most - 1))]);
    const { pictures } = this._decoded;
    return chosen.map(({ k, bytes }) => (k === pictures.k ? pictures.message : decode(bytes)));
  }

  /**
   * All that is kept, as bytes in the order of a recording: the stage, then frame by frame, the
   * weights last.
   * @returns {Uint8Array[]}
   */
  messages() {
    const { metrics, pictures, details } = this._albums;
    const ordered = [metrics, pictures, details].flatMap(({ kept }, rank) =>
      kept.map(({ k, bytes }) => ({ k, bytes, rank })),
    );
    ordered.sort((a, b) => a.k - b.k || a.rank - b.rank);
    return [
      this._bytes.stage,
      ...ordered.map(({ bytes }) => bytes),
      ...this._seedBytes.values(),
      ...(this._bytes.weights ? [this._bytes.weights] : []),
    ];
  }

  /** The newest picture not after frame k, decoded. @param {number} k */
  pictureAt(k) {
    return this._at("pictures", k) ?? null;
  }

  /**
   * The newest detail not after frame k, decoded; null where there is none yet.
   * @param {number} k
   */
  detailAt(k) {
    const found = this._at("details", k);
    return found && found.k <= k ? found : null;
  }

  /**
   * @param {"pictures" | "details"} kind
   * @param {number} k
   */
  _at(kind, k) {
    const found = this._albums[kind].at(k);
    if (!found) return null;
    if (this._decoded[kind].k !== found.k)
      this._decoded[kind] = { k: found.k, message: decode(found.bytes) };
    return this._decoded[kind].message;
  }
}

/**
 * The dataset that hand-drawn points are, as an experiment names it.
 * @param {string} points
 * @param {number} groups how many classes
 */
function drawnDataset(points, groups) {
  return { name: "drawn", groups, points };
}
