/**
 * Which recordings are compared and how they are drawn; remembered for as long as the tab is open.
 */

import { isExpected } from "../data/errors.js";
import { CURRENCIES, MEASURES } from "./series.js";

export const MOST = 8;
/** How a comparison is read: as curves, or by what reaching targets cost. */
export const VIEWS = /** @type {const} */ (["curves", "time", "share"]);
const PLACE = "kelvin.gallery";

/**
 * @typedef {typeof VIEWS[number]} View
 * @typedef {import("./series.js").Currency} Currency
 * @typedef {import("./series.js").Measure} Measure
 */

export class Selection {
  /** @param {Pick<Storage, "getItem" | "setItem"> | null} storage of the tab */
  constructor(storage) {
    this.storage = storage;
    /**
     * @type {Map<string, number>} each recording's place among the colours; it keeps it while it is
     *   compared
     */
    this.places = new Map();
    /** @type {Set<string>} lanes that are not drawn, as `key#lane` */ this.hidden = new Set();
    this.measure = /** @type {Measure} */ ("test_loss");
    this.currency = /** @type {Currency} */ ("seconds");
    this.log = true;
    this.view = /** @type {View} */ ("curves");
    this._recall();
  }

  get keys() {
    return [...this.places].sort((a, b) => a[1] - b[1]).map(([key]) => key);
  }

  /**
   * @param {string} key
   * @returns {boolean} false where there is no room
   */
  add(key) {
    if (this.places.has(key)) return true;
    if (this.places.size >= MOST) return false;
    const taken = new Set(this.places.values());
    let free = 0;
    while (taken.has(free)) free++;
    this.places.set(key, free);
    this.keep();
    return true;
  }

  /** @param {string} key */
  remove(key) {
    this.places.delete(key);
    for (const one of [...this.hidden]) if (one.startsWith(`${key}#`)) this.hidden.delete(one);
    this.keep();
  }

  clear() {
    for (const key of this.keys) this.remove(key);
  }

  /** @param {Partial<{measure: Measure, currency: Currency, log: boolean, view: View}>} how */
  set(how) {
    Object.assign(this, how);
    this.keep();
  }

  /**
   * @param {string} key
   * @param {number} lane
   */
  toggle(key, lane) {
    const one = `${key}#${lane}`;
    if (!this.hidden.delete(one)) this.hidden.add(one);
    this.keep();
  }

  keep() {
    const { measure, currency, log, view } = this;
    try {
      this.storage?.setItem(
        PLACE,
        JSON.stringify({
          places: [...this.places],
          hidden: [...this.hidden],
          measure,
          currency,
          log,
          view,
        }),
      );
    } catch (error) {
      if (!isExpected(error)) throw error;
      // A tab that may not remember only forgets.
    }
  }

  /** What the tab remembers, as far as it makes sense. */
  _recall() {
    try {
      const { places, hidden, measure, currency, log, view } = JSON.parse(
        this.storage?.getItem(PLACE) ?? "{}",
      );
      if (MEASURES.includes(measure)) this.measure = measure;
      if (CURRENCIES.includes(currency)) this.currency = currency;
      if (typeof log === "boolean") this.log = log;
      if (VIEWS.includes(view)) this.view = view;
      for (const one of Array.isArray(hidden) ? hidden : []) this.hidden.add(String(one));
      for (const [key, place] of Array.isArray(places) ? places : []) {
        if (
          typeof key === "string" &&
          Number.isInteger(place) &&
          place >= 0 &&
          place < MOST &&
          ![...this.places.values()].includes(place)
        )
          this.places.set(key, place);
      }
    } catch (error) {
      if (!isExpected(error) && !(error instanceof SyntaxError)) throw error;
      // Nothing that makes sense is remembered.
    }
  }
}

/** The tab's storage, where it lets itself be named. @returns {Storage | null} */
export function tabStorage() {
  try {
    return window.sessionStorage;
  } catch (error) {
    if (!isExpected(error)) throw error;
    return null;
  }
}
