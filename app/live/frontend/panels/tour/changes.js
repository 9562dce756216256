/**
 * What a hand did to the cities of a map: they are one's own from then on, which is said where it
 * happened, and can be taken back.
 */

import { t } from "../../i18n/i18n.js";

/**
 * The edit that takes another one back. A city that was dropped comes back as the last.
 * @param {{x: number[], y: number[]}} before
 * @param {import("../../data/cities.js").CityEdit} edit of one kind
 * @returns {import("../../data/cities.js").CityEdit}
 */
export function inverse({ x, y }, { move = [], drop = [], add = [] }) {
  if (move.length) return { move: move.map(([i]) => [i, x[i], y[i]]) };
  if (drop.length) return { add: drop.map((i) => [x[i], y[i]]) };
  return { drop: add.map((_, i) => x.length + i) };
}

export class Changes {
  /** @param {() => void} undo takes the last one back */
  constructor(undo) {
    /** @type {import("../../data/cities.js").CityEdit[]} what takes each back */ this.done = [];
    /** @type {any} the instance that the cities were before, as experiments name it */
    this.original = null;
    /** @type {{x: number[], y: number[]} | null} before a drag that goes on */ this.before = null;
    this.element = document.createElement("p");
    this.element.className = "kv-changed";
    this.element.dataset.testid = "cities-changed";
    this.element.hidden = true;
    this.words = document.createElement("span");
    this.words.setAttribute("role", "status");
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.testid = "cities-undo";
    button.textContent = t("routes.undo");
    button.title = t("routes.undo-hint");
    button.onclick = undo;
    this.element.append(this.words, button);
  }

  /**
   * Cities are about to be changed.
   * @param {any} instance that they were so far; null where that is not known
   */
  begin(instance) {
    if (this.done.length || this.original) return;
    this.original = instance;
    this.show();
  }

  /**
   * Note an edit. A drag is one, from where it began.
   * @param {{x: number[], y: number[]}} cities before it
   * @param {import("../../data/cities.js").CityEdit} edit
   * @param {boolean} ends
   */
  note(cities, edit, ends) {
    this.before ??= cities;
    if (!ends) return;
    this.done.push(inverse(this.before, edit));
    this.before = null;
    this.show();
  }

  /**
   * Take the last edit back.
   * @returns {{edit: import("../../data/cities.js").CityEdit | null, instance: any}} what does it,
   *   and what the cities are then, where they are as they were at first
   */
  back() {
    const edit = this.done.pop() ?? null;
    const instance = this.done.length ? null : this.original;
    if (!this.done.length) this.original = null;
    this.show();
    return { edit, instance };
  }

  /** Other cities are shown. */
  forget() {
    this.done = [];
    this.original = this.before = null;
    this.show();
  }

  show() {
    this.element.hidden = !this.done.length && !this.original;
    const own = !this.original || this.original.name === "own";
    const said = own ? "" : t("routes.now-own");
    if (this.words.textContent !== said) this.words.textContent = said;
  }
}
