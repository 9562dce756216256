/** The scrub bar: the moment shown, how much of the budget is spent at it, what was done by hand, and the way back to the newest. */

import { SIGNS, deedText, deeds } from "./events.js";
import { spent } from "./format.js";
import { t } from "./text.js";

/** Flags of one kind that are nearer than this become one; pixels. */
const ROOM = 18;

export class Scrub {
  /**
   * @param {HTMLElement} root
   * @param {import("./player.js").Player} player
   * @param {() => void} moved another moment is to be shown
   */
  constructor(root, player, moved) {
    this.player = player;
    this.moved = moved;
    this.input = /** @type {HTMLInputElement} */ (root.querySelector(".kv-scrub"));
    this.time = /** @type {HTMLElement} */ (root.querySelector(".kv-time"));
    this.edge = /** @type {HTMLElement} */ (root.querySelector(".kv-edge"));
    this.flags = /** @type {HTMLElement} */ (root.querySelector(".kv-flags"));
    this.tick = /** @type {HTMLElement} */ (root.querySelector(".kv-tick"));
    this.flagged = "";
    this.input.oninput = () => {
      player.show(Number(this.input.value));
      moved();
    };
    this.edge.onclick = () => {
      if (player.source !== "recording" && !player.playing && player.chosen !== null) player.show(null);
      else this.toggle();
      moved();
    };
  }

  /** Play what was, from the moment shown or from the start, or hold it. */
  toggle() {
    const { player } = this;
    if (player.playing) player.show(player.moment);
    else player.play(performance.now() / 1000, player.moment >= player.history.length - 1 ? 0 : player.moment);
    this.moved();
  }

  /** Go some moments on or back. @param {number} by */
  step(by) {
    const { player } = this;
    player.show(Math.max(0, Math.min(player.history.length - 1, player.moment + by)));
    this.moved();
  }

  /** A moment is pointed at on some chart. @param {number | null} index */
  point(index) {
    const last = this.player.history.length - 1;
    this.tick.hidden = index === null || last < 1;
    if (index !== null) this.tick.style.left = place(index, last);
  }

  /** @param {number} index of the moment shown @param {boolean} racing whether a race goes on, so that there is a newest moment to come back to */
  draw(index, racing) {
    const { history, source, playing, chosen } = this.player;
    const last = history.length - 1;
    this.input.max = String(Math.max(0, last));
    if (document.activeElement !== this.input || playing || chosen === null) this.input.value = String(index);
    const over = source === "live" && chosen === null && !racing;
    const where = over ? "" : t(source === "recording" ? "time.recorded" : chosen === null ? "time.live" : playing ? "time.replayed" : "time.back");
    const text = [spent(history.metrics[index].lanes, history.stage.budget), where].filter(Boolean).join(" · ");
    if (this.time.textContent !== text) this.time.textContent = text;
    this.input.style.setProperty("--kv-at", `${last > 0 ? (100 * index) / last : 0}%`);
    this.input.setAttribute("aria-valuetext", text);
    this.edge.hidden = last < 1 || (source !== "recording" && racing && chosen === null);
    const label = t(playing && (source === "recording" || !racing) ? "time.hold" : source === "recording" ? "time.play" : chosen === null ? "time.replay" : racing ? "time.to-live" : "time.to-end");
    if (this.edge.textContent !== label) this.edge.textContent = label;
    this._flag(history, last);
  }

  /** Flags where something was done by hand; each leads to its moment and says what it was. @param {import("./player.js").History} history @param {number} last */
  _flag(history, last) {
    // Its width is asked for only where there is something to place: the answer makes the browser lay the page out at once.
    const width = history.events.length ? this.input.clientWidth - 16 : 0;
    const key = history.events.length ? `${history.events.length}/${last}/${width}` : "";
    if (key === this.flagged) return;
    this.flagged = key;
    const placed = history.events.map((event) => ({ event, lane: event.lane ?? null, at: last > 0 ? (event.at / last) * width : 0 }));
    const told = deeds(placed, ROOM);
    while (this.flags.children.length > told.length) this.flags.lastElementChild?.remove();
    told.forEach((deed, i) => {
      const flag = /** @type {HTMLButtonElement} */ (this.flags.children[i] ?? this.flags.appendChild(document.createElement("button")));
      const text = deedText(deed, history.stage, history.events);
      flag.type = "button";
      flag.style.left = place(deed.last.at, last);
      flag.style.setProperty("--lane", deed.lane === null ? "var(--kv-text)" : `var(--lane-${deed.lane})`);
      flag.textContent = SIGNS[deed.last.kind] ?? "!";
      flag.dataset.said = text;
      flag.dataset.side = deed.at > width / 2 ? "left" : "right";
      flag.setAttribute("aria-label", text);
      flag.onclick = () => {
        this.player.show(deed.last.at);
        this.moved();
      };
    });
  }
}

/** Where a moment lies on the bar: its thumb is sixteen pixels wide and stays inside. @param {number} index @param {number} last */
function place(index, last) {
  const share = last > 0 ? index / last : 0;
  return `calc(8px + ${share} * (100% - 16px))`;
}
