/**
 * What a hand did to the cities of a map: they are one's own from then on, which is said where it
 * happened, and can be taken back.
 */

import { t } from "../../i18n/i18n.js";
import { Edits } from "./edits.js";

/** @typedef {import("../../data/cities.js").CityEdit} CityEdit */

/** So long an edit may take until the race tells of it, or else it was refused. */
export const ANSWER_MS = 4000;

export class Changes {
  /**
   * @param {() => void} undo takes the last one back
   * @param {() => boolean} editable whether cities may be changed now
   */
  constructor(undo, editable) {
    this.undo = undo;
    this.editable = editable;
    this.edits = new Edits();
    /** @type {any} the instance that the cities were before, as experiments name it */
    this.original = null;
    /** @type {any} the instance that they are again, as all edits were taken back */
    this.restored = null;
    /**
     * @type {{edit: CityEdit, ends: boolean, back: boolean, instance: any}[]} what the race was
     *   asked for and has not told of yet
     */
    this.asked = [];
    this.askedAt = -Infinity;
    /** How often to take one back once the race has told of all. */ this.wishes = 0;
    this.element = document.createElement("p");
    this.element.className = "kv-changed";
    this.element.dataset.testid = "cities-changed";
    this.words = document.createElement("span");
    this.words.setAttribute("role", "status");
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.dataset.testid = "cities-undo";
    this.button.textContent = t("routes.undo");
    this.button.title = t("routes.undo-hint");
    this.button.onclick = () => this._wish();
    this.element.append(this.words, this.button);
    this.show();
  }

  /**
   * Cities are about to be changed.
   * @param {any} instance that they were so far; null where that is not known
   */
  begin(instance) {
    if (!this.edits.none || this.original) return;
    this.original = instance;
    this.show();
  }

  /**
   * Cities were changed.
   * @param {{x: number[], y: number[]}} cities before
   * @param {CityEdit} edit
   * @param {boolean} ends whether it is no drag that goes on
   * @param {any} instance that the cities were
   */
  note(cities, edit, ends, instance) {
    this.begin(instance);
    this.edits.note(cities, edit, ends);
    this.restored = null;
    this.show();
  }

  /**
   * The last edit was taken back, or is none: with the first of them the cities are what they were.
   * @returns {any} the instance that they are then, null where they stay one's own
   */
  back() {
    const same = this.edits.pop();
    this.restored = same ? this.original : null;
    if (this.edits.none) this.original = null;
    this.show();
    return this.restored;
  }

  /**
   * A race is asked for an edit, which it may refuse.
   * @param {CityEdit} edit
   * @param {boolean} ends
   * @param {boolean} back whether it takes the last one back
   * @param {any} instance that the cities are so far, for once a race has taken an edit its
   *   experiment has other cities; null where that is not known
   */
  ask(edit, ends, back, instance) {
    this.asked.push({ edit, ends, back, instance });
    this.askedAt = performance.now();
  }

  /**
   * A race tells of an edit. What it was asked for before that it has refused.
   * @param {{x: number[], y: number[]}} cities before
   * @param {CityEdit} edit
   */
  took(cities, edit) {
    const key = keyOf(edit);
    const place = this.asked.findIndex((one) => keyOf(one.edit) === key);
    // Another viewer made this edit: what it changed is unknown, so no earlier one can be undone.
    if (place < 0) return this.edits.none ? undefined : this.forget();
    const { ends, back, instance } = this.asked[place];
    this.asked.splice(0, place + 1);
    if (back) this.back();
    else this.note(cities, edit, ends, instance);
  }

  /** A race has told of all that it did: time for what waits for that. */
  told() {
    if (this.asked.length || !this.wishes) return;
    this.wishes--;
    this.undo();
  }

  _wish() {
    if (performance.now() - this.askedAt > ANSWER_MS) this.asked = [];
    if (this.asked.length) this.wishes++;
    else {
      this.wishes = 0;
      this.undo();
    }
  }

  /** Other cities are shown. */
  forget() {
    this.edits.clear();
    this.original = this.restored = null;
    this.asked = [];
    this.wishes = 0;
    this.show();
  }

  show() {
    const may = this.edits.none ? Boolean(this.original) : this.editable();
    const own = !this.original || this.original.name === "own";
    const said = own ? "" : t("routes.now-own");
    if (this.words.textContent !== said) this.words.textContent = said;
    if (this.button.hidden === may) this.button.hidden = !may;
    const hidden = !may && !said;
    if (this.element.hidden !== hidden) this.element.hidden = hidden;
  }
}

/** @param {CityEdit} edit */
function keyOf({ move = [], drop = [], add = [] }) {
  return JSON.stringify([move, drop, add]);
}
