/**
 * The question a race was picked for: its title and why it goes as it does stay while the race runs
 * and after it, until somebody closes them.
 */

import { sameRace } from "../data/frame_view.js";
import { t } from "../i18n/i18n.js";
import { button } from "./popover.js";

/** @typedef {{id: string, title: string, why: string, experiment: any}} Asked */

export class PresetQuestion {
  /**
   * @param {HTMLElement} place
   * @param {() => void} closed
   */
  constructor(place, closed) {
    this.place = place;
    place.setAttribute("role", "note");
    this.title = document.createElement("b");
    this.why = document.createElement("span");
    this.other = document.createElement("em");
    const close = button(
      "✕",
      () => {
        place.hidden = true;
        closed();
      },
      {
        "aria-label": t("present.question-close"),
        title: t("present.question-close"),
        "data-testid": "question-close",
      },
    );
    const text = document.createElement("p");
    text.append(this.title, " ", this.why, " ", this.other);
    place.append(text, close);
    place.hidden = true;
  }

  /**
   * @param {Asked | null | undefined} asked
   * @param {any} experiment of the race on the screen, or null
   * @param {boolean} coming whether another race was asked for and nothing is seen of it yet
   */
  show(asked, experiment, coming = false) {
    this.place.hidden = !asked;
    if (!asked) return;
    this.title.textContent = asked.title;
    this.why.textContent = asked.why;
    // Another seed is the same question.
    const same =
      !experiment || sameRace({ ...experiment, seed: 0 }, { ...asked.experiment, seed: 0 });
    this.other.textContent = same
      ? ""
      : t(coming ? "present.question-coming" : "present.question-other");
  }
}
