/** The scrub bar: the moment shown, how much of the budget is spent at it, and the way back to the newest. */

import { spent } from "./format.js";

export class Scrub {
  /**
   * @param {HTMLElement} root
   * @param {import("./player.js").Player} player
   * @param {() => void} moved another moment is to be shown
   */
  constructor(root, player, moved) {
    this.player = player;
    this.input = /** @type {HTMLInputElement} */ (root.querySelector(".kv-scrub"));
    this.time = /** @type {HTMLElement} */ (root.querySelector(".kv-time"));
    this.edge = /** @type {HTMLElement} */ (root.querySelector(".kv-edge"));
    this.input.oninput = () => {
      player.show(Number(this.input.value));
      moved();
    };
    this.edge.onclick = () => {
      if (player.source === "recording") player.play(performance.now() / 1000, player.moment >= player.history.length - 1 ? 0 : player.moment);
      else player.show(null);
      moved();
    };
  }

  /** @param {number} index of the moment shown */
  draw(index) {
    const { history, source, playing, chosen } = this.player;
    const last = history.length - 1;
    this.input.max = String(Math.max(0, last));
    if (document.activeElement !== this.input || playing || chosen === null) this.input.value = String(index);
    const where = source === "recording" ? "recorded" : chosen === null ? "live" : "looking back";
    const text = `${spent(history.metrics[index].lanes, history.stage.budget)} · ${where}`;
    if (this.time.textContent !== text) this.time.textContent = text;
    this.input.style.setProperty("--kv-at", `${last > 0 ? (100 * index) / last : 0}%`);
    this.input.setAttribute("aria-valuetext", text);
    this.edge.hidden = source === "recording" ? playing : chosen === null;
    this.edge.textContent = source === "recording" ? "Play" : "Live";
  }
}
