/**
 * The timeline, as long as the budget: the moment shown, how much of the budget is spent at it,
 * what was done by hand, and the way back to the newest.
 */

import { frameAtShare, spentShare } from "../data/budget_share.js";
import { groupInterventions, groupText, SIGNS } from "../data/interventions.js";
import { duration, spent } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";

/** Flags of one kind that are nearer than this become one; pixels. */
const ROOM = 18;
/** The bar's places: shares of the budget. */
const PLACES = 1000;
/** How far PgUp and PgDn go. */
const FAR = 0.1;
/** What a pace is taken over. */
const PACE_SECONDS = 6;

export class Timeline {
  /**
   * @param {HTMLElement} root
   * @param {import("../data/playback.js").Playback} player
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
    /** @type {{at: number, rest: number}[]} how much was left of all lanes' budgets, and when */
    this.paces = [];
    this.input.max = String(PLACES);
    this.input.oninput = () => this._to(Number(this.input.value) / PLACES);
    this.input.onkeydown = (event) => this._key(event);
    this.edge.onclick = () => {
      if (player.source !== "recording" && !player.playing && player.chosen !== null)
        player.show(null);
      else this.toggle();
      moved();
    };
  }

  /**
   * The moment at which that share of the budget was spent, or the newest there is.
   * @param {number} share
   */
  _to(share) {
    this.player.show(frameAtShare(this.player.history.metrics, share));
    this.moved();
  }

  /** Keys go by moments where the bar's places would skip some. @param {KeyboardEvent} event */
  _key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { player } = this;
    const row = player.history.metrics[player.moment];
    if (!row) return;
    const last = player.history.length - 1;
    const far = (/** @type {number} */ by) => {
      const at = frameAtShare(player.history.metrics, spentShare(row) + by);
      return at === player.moment ? at + Math.sign(by) : at;
    };
    /** @type {Record<string, () => number>} */
    const keys = {
      ArrowLeft: () => player.moment - 1,
      ArrowDown: () => player.moment - 1,
      ArrowRight: () => player.moment + 1,
      ArrowUp: () => player.moment + 1,
      PageUp: () => far(FAR),
      PageDown: () => far(-FAR),
      Home: () => 0,
      End: () => last,
    };
    if (!(event.key in keys)) return;
    event.preventDefault();
    player.show(Math.max(0, Math.min(last, keys[event.key]())));
    this.moved();
  }

  /** Play what was, from the moment shown or from the start, or hold it. */
  toggle() {
    const { player } = this;
    if (player.playing) player.show(player.moment);
    else
      player.play(
        performance.now() / 1000,
        player.moment >= player.history.length - 1 ? 0 : player.moment,
      );
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
    if (index !== null && this.player.history.metrics[index])
      this.tick.style.left = place(spentShare(this.player.history.metrics[index]));
  }

  /**
   * @param {number} index of the moment shown
   * @param {boolean} racing whether a race goes on, so that there is a newest moment to come back
   *   to
   * @param {boolean} running whether it takes steps now
   */
  draw(index, racing, running = racing) {
    const { history, source, playing, chosen } = this.player;
    const last = history.length - 1;
    const share = spentShare(history.metrics[index]);
    // What is under a hand is left there; keys put it where the moment is.
    if (!this.input.matches(":active") || playing || chosen === null)
      this.input.value = String(Math.round(share * PLACES));
    const over = source === "live" && chosen === null && !racing;
    const where = over
      ? ""
      : t(
          source === "recording"
            ? "time.recorded"
            : chosen === null
              ? "time.live"
              : playing
                ? "time.replayed"
                : "time.back",
        );
    const left = this._left(history, running && source === "live" && chosen === null);
    const text = [spent(history.metrics[index].lanes, history.stage.budget), where, left]
      .filter(Boolean)
      .join(" · ");
    if (this.time.textContent !== text) this.time.textContent = text;
    this.input.style.setProperty("--kv-at", `${100 * share}%`);
    this.input.style.setProperty("--kv-to", `${100 * spentShare(history.metrics[last])}%`);
    this.input.setAttribute("aria-valuetext", text);
    this.edge.hidden = last < 1 || (source !== "recording" && racing && chosen === null);
    const label = t(
      playing && (source === "recording" || !racing)
        ? "time.hold"
        : source === "recording"
          ? "time.play"
          : chosen === null
            ? "time.replay"
            : racing
              ? "time.to-live"
              : "time.to-end",
    );
    if (this.edge.textContent !== label) this.edge.textContent = label;
    this._flag(history, last);
  }

  /**
   * About how long a race still takes, by its pace of the last seconds; nothing where that is not
   * known.
   * @param {import("../data/history.js").History} history
   * @param {boolean} running
   */
  _left(history, running) {
    const now = performance.now() / 1000;
    const { lanes } = history.metrics[history.length - 1];
    const rest = lanes.reduce(
      (/** @type {number} */ sum, /** @type {any} */ lane) =>
        sum + (lane.finished ? 0 : 1 - lane.progress),
      0,
    );
    if (!running || rest > (this.paces.at(-1)?.rest ?? Infinity)) this.paces = [];
    if (!running || !rest) return "";
    this.paces.push({ at: now, rest });
    while (this.paces.length > 2 && now - this.paces[1].at > PACE_SECONDS) this.paces.shift();
    const [first] = this.paces;
    const pace = (first.rest - rest) / (now - first.at);
    if (now - first.at < PACE_SECONDS / 2 || !(pace > 0)) return "";
    return t("status.left", { left: duration(rounded(rest / pace)) });
  }

  /**
   * Flags where something was done by hand; each leads to its moment and says what it was.
   * @param {import("../data/history.js").History} history
   * @param {number} last
   */
  _flag(history, last) {
    // Its width is asked for only where there is something to place: the answer makes the browser
    // lay the page out at once.
    const width = history.events.length ? this.input.clientWidth - 16 : 0;
    const key = history.events.length ? `${history.events.length}/${last}/${width}` : "";
    if (key === this.flagged) return;
    this.flagged = key;
    const shareOf = (/** @type {number} */ at) => spentShare(history.metrics[Math.min(at, last)]);
    const placed = history.events.map((event) => ({
      event,
      lane: event.lane ?? null,
      at: shareOf(event.at) * width,
    }));
    const told = groupInterventions(placed, ROOM);
    while (this.flags.children.length > told.length) this.flags.lastElementChild?.remove();
    told.forEach((group, i) => {
      const flag = /** @type {HTMLButtonElement} */ (
        this.flags.children[i] ?? this.flags.appendChild(document.createElement("button"))
      );
      const text = groupText(group, history.stage, history.events);
      flag.type = "button";
      flag.style.left = place(shareOf(group.last.at));
      flag.style.setProperty(
        "--lane",
        group.lane === null ? "var(--kv-text)" : `var(--lane-${group.lane})`,
      );
      flag.textContent = SIGNS[group.last.kind] ?? "!";
      flag.dataset.said = text;
      flag.dataset.side = group.at > width / 2 ? "left" : "right";
      flag.setAttribute("aria-label", text);
      flag.onclick = () => {
        this.player.show(group.last.at);
        this.moved();
      };
    });
  }
}

/** Seconds as an estimate deserves: 1, 2, …, 10, 15, 20, … @param {number} seconds */
function rounded(seconds) {
  return seconds < 10 ? Math.max(1, Math.round(seconds)) : 5 * Math.round(seconds / 5);
}

/**
 * Where a moment lies on the bar: its thumb is sixteen pixels wide and stays inside.
 * @param {number} share of the budget
 */
function place(share) {
  return `calc(8px + ${share} * (100% - 16px))`;
}
