/**
 * Short lines at the foot of the page that go away by themselves: what was done, and the way back.
 */

import { t } from "../i18n/i18n.js";
import { icon, make } from "./dom.js";

const UNDO_MS = 8000;
const SAY_MS = 5000;

export class Notices {
  /**
   * @param {HTMLElement} place a live region
   * @param {HTMLElement} home where the focus goes when a line that has it is dismissed
   */
  constructor(place, home) {
    this.place = place;
    this.home = home;
    /** @type {Set<() => void>} */ this.closers = new Set();
  }

  /**
   * Say something. While it is pointed at, or walked to with the keyboard, it stays.
   * @param {string} sentence
   * @param {{undo?: () => void, problem?: boolean}} how
   * @returns {HTMLElement}
   */
  say(sentence, { undo, problem = false } = {}) {
    const note = make(
      "div",
      { class: "kg-notice", "data-problem": problem, "data-testid": "notice" },
      make("span", { text: sentence }),
    );
    let timer = 0;
    const close = () => {
      clearTimeout(timer);
      this.closers.delete(close);
      note.remove();
    };
    const wait = () => {
      clearTimeout(timer);
      timer = window.setTimeout(close, undo ? UNDO_MS : SAY_MS);
    };
    if (undo) {
      const button = make("button", {
        type: "button",
        class: "kg-plain",
        "data-testid": "undo",
        text: t("gallery.undo"),
      });
      button.onclick = () => {
        close();
        undo();
      };
      note.append(button);
    }
    const away = make(
      "button",
      {
        type: "button",
        class: "kg-icon",
        "aria-label": t("gallery.dismiss"),
        title: t("gallery.dismiss"),
      },
      icon("close"),
    );
    away.onclick = () => {
      close();
      this.home.focus({ preventScroll: true });
    };
    note.append(away);
    note.onpointerenter = () => clearTimeout(timer);
    note.onpointerleave = wait;
    note.addEventListener("focusin", ({ target }) => {
      if (/** @type {HTMLElement} */ (target).matches(":focus-visible")) clearTimeout(timer);
    });
    note.addEventListener("focusout", wait);
    this.closers.add(close);
    this.place.append(note);
    wait();
    return note;
  }

  destroy() {
    for (const close of [...this.closers]) close();
  }
}
