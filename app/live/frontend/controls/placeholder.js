/**
 * What stands where a race will be: what is being prepared, with a way out, or why there is none.
 * Axes without a race would only invent their ticks.
 */

import { t } from "../i18n/i18n.js";
import { button } from "./popover.js";

export class Placeholder {
  /**
   * @param {HTMLElement} place the panels
   * @param {() => void} cancel
   */
  constructor(place, cancel) {
    this.box = document.createElement("div");
    this.box.className = "kv-waiting";
    this.box.dataset.testid = "waiting";
    this.box.setAttribute("role", "status");
    this.said = document.createElement("b");
    this.about = document.createElement("span");
    this.cancel = button(t("time.cancel"), cancel, {
      "data-testid": "cancel",
      title: t("time.cancel-hint"),
    });
    this.box.append(this.said, this.about, this.cancel);
    this.box.hidden = true;
    place.append(this.box);
  }

  /**
   * @param {object} how
   * @param {boolean} how.empty whether there is nothing else to show
   * @param {boolean} how.coming whether a race was asked for and has not shown anything
   * @param {string} how.said how things stand
   * @param {string} how.about what the race is
   */
  show({ empty, coming, said, about }) {
    this.box.hidden = !empty && !coming;
    this.box.classList.toggle("kv-over-race", !empty);
    const text = coming ? about : "";
    if (this.said.textContent !== said) this.said.textContent = said;
    if (this.about.textContent !== text) this.about.textContent = text;
    this.cancel.hidden = !coming;
  }
}
