/** Which of several seeds the panels show, and the way to another one. */

import { t } from "../i18n/i18n.js";

const arrow = (/** @type {"before" | "after"} */ way, /** @type {string} */ sign) =>
  `<button type="button" data-testid="seed-${way}" aria-label="${t(`time.seed-${way}`)}" title="${t(`time.seed-${way}`)}">${sign}</button>`;

export class SeedSwitch {
  /**
   * @param {HTMLElement} element
   * @param {(by: 1 | -1) => void} follow the seed before or after is wanted
   */
  constructor(element, follow) {
    this.element = element;
    element.innerHTML = `${arrow("before", "‹")}<output data-testid="seed-shown"></output>${arrow("after", "›")}`;
    const [before, shown, after] = /** @type {any[]} */ ([...element.children]);
    /** @type {HTMLOutputElement} */ this.shown = shown;
    /** @type {HTMLButtonElement[]} */ this.buttons = [before, after];
    before.onclick = () => follow(-1);
    after.onclick = () => follow(1);
    this.drawn = "";
  }

  /**
   * @param {import("../data/frame_view.js").SeedsView | null} seeds null in a race of one seed
   * @param {boolean} free whether another one can be shown now
   */
  draw(seeds, free) {
    const key = seeds ? `${seeds.first} ${seeds.place} ${seeds.count} ${free}` : "";
    if (key === this.drawn) return;
    this.drawn = key;
    this.element.hidden = !seeds;
    if (!seeds) return;
    const { first, place, count } = seeds;
    this.shown.textContent = t("time.seed-shown", { seed: first + place });
    this.element.title = t(free ? "time.seed-hint" : "time.seed-fixed", {
      place: place + 1,
      count,
    });
    for (const button of this.buttons) button.disabled = !free;
  }
}
