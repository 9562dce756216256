/** Run, pause, step, reset, new seed, speed, reheat. */

import { t } from "../i18n/i18n.js";
import { nextAction } from "../i18n/status_text.js";

/** The pace that is slow motion. */
export const SLOW = -1;

const ICONS = {
  run: '<svg viewBox="0 0 16 16"><path d="M4 2.5v11l9-5.5z"/></svg>',
  pause: '<svg viewBox="0 0 16 16"><path d="M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z"/></svg>',
  step: '<svg viewBox="0 0 16 16"><path d="M3 2.5v11L10.500 8zM11 2.500h2.200v11H11z"/></svg>',
  reset:
    '<svg viewBox="0 0 16 16"><path d="M8 3a5 5 0 1 1-4.700 3.300l1.500.6A3.400 3.400 0 1 0 8 4.600V7L4.200 3.800 8 .8z"/></svg>',
  seed: '<svg viewBox="0 0 16 16"><path fill-rule="evenodd" d="M3.500 2h9A1.500 1.500 0 0 1 14 3.500v9a1.500 1.500 0 0 1-1.500 1.500h-9A1.500 1.500 0 0 1 2 12.500v-9A1.500 1.500 0 0 1 3.500 2zM5.400 4.200a1.200 1.200 0 1 0 0 2.400 1.200 1.200 0 0 0 0-2.400zm5.200 5.200a1.200 1.200 0 1 0 0 2.400 1.200 1.200 0 0 0 0-2.400zM8 6.800a1.200 1.200 0 1 0 0 2.400 1.200 1.200 0 0 0 0-2.400z"/></svg>',
  heat: '<svg viewBox="0 0 16 16"><path d="M8.600.8c.5 2.600-3.800 4.500-3.800 8.200 0 .9.4 1.600.9 2.100-.1-1.500.9-2.400 1.700-3.300.3 1.300 2 1.900 2 3.700 0 .7-.2 1.200-.5 1.700 1.800-.5 3.100-1.900 3.100-4.100C12 5.600 8.900 4.300 8.600.8zM7.600 11c-.7.7-1 1.200-1 2 0 .9.6 1.700 1.400 1.700s1.400-.7 1.400-1.500c0-.9-.8-1.300-1.800-2.200z"/></svg>',
};

/** Steps per second of a race, 0 for as fast as it goes, −1 for slow motion. */
const PACES = [0, 100, 30, 10, 1, SLOW];
/** How much faster than it was a race is played again. */
const RATES = [0.5, 1, 2, 4];

const tool = (
  /** @type {string} */ id,
  /** @type {string} */ icon,
  /** @type {string} */ text,
  /** @type {string} */ hint,
  more = "",
) =>
  `<button type="button" data-testid="${id}" title="${t(hint)}"${more}><i>${icon}</i><span>${t(text)}</span></button>`;

const template = () => `
  <button type="button" class="kv-main" data-testid="run"><i></i><span></span></button>
  ${tool("step", ICONS.step, "time.step-one", "time.step-hint")}
  ${tool("reset", ICONS.reset, "time.reset", "time.reset-hint")}
  ${tool("new-seed", ICONS.seed, "time.new-seed", "time.new-seed-hint")}
  <label class="kv-speed"><span class="kv-sr">${t("time.speed")}</span>
    <select data-testid="speed" title="${t("time.speed-hint")}"></select></label>
  ${tool("reheat", ICONS.heat, "time.reheat", "time.reheat-hint", ' class="kv-hot"')}
  <button type="button" class="kv-main kv-call kv-new" data-testid="run-new" title="${t("time.run-new-hint")}" hidden>${t("time.run-new")}</button>`;

/**
 * @param {string} value
 * @param {string} text
 */
function option(value, text) {
  return Object.assign(document.createElement("option"), { value, textContent: text });
}

/**
 * @param {string} label
 * @param {HTMLOptionElement[]} options
 */
function group(label, options) {
  const made = Object.assign(document.createElement("optgroup"), { label });
  made.append(...options);
  return made;
}

/** @param {number} pace */
function paceText(pace) {
  if (pace === 0) return t("time.full");
  if (pace < 0) return t("time.slow");
  return pace === 1 ? t("time.per-second-one") : t("time.per-second", { count: pace });
}

export class Transport {
  /**
   * @param {HTMLElement} element
   * @param {{run: () => void, pause: () => void, resume: () => void, step: () => void, reset: () =>
   *   void, seed: () => void, speed: (value: number) => void, rate: (value: number) => void,
   *   reheat: () => void}} on
   */
  constructor(element, on) {
    element.innerHTML = template();
    this.get = (/** @type {string} */ name) =>
      /** @type {HTMLButtonElement} */ (element.querySelector(`[data-testid="${name}"]`));
    this.on = on;
    this.state = "idle";
    this.stale = false;
    this.shown = "";
    this.get("run").onclick = () => this.toggle();
    this.get("run-new").onclick = () => on.run();
    this.get("step").onclick = () => on.step();
    this.get("reset").onclick = on.reset;
    this.get("new-seed").onclick = on.seed;
    this.get("reheat").onclick = on.reheat;
    this.select = /** @type {HTMLSelectElement} */ (/** @type {unknown} */ (this.get("speed")));
    this.offered = { paces: true, rates: false };
    /** Whether slow motion is among the paces. */ this._slow = true;
    this.pace = 0;
    this._offer();
    this.select.onchange = () => {
      const rate = this.select.selectedOptions[0]?.dataset.rate;
      if (rate) return on.rate(Number(rate));
      this.pace = Number(this.select.value);
      on.speed(this.pace);
    };
    // A button that was clicked must not take the space bar, which runs and pauses; one that was
    // reached by keys keeps it.
    element.addEventListener(
      "click",
      (event) =>
        event.detail > 0 && /** @type {HTMLElement} */ (event.target).closest("button")?.blur(),
    );
    this.show("idle", { hot: false, stale: false });
  }

  /** Steps per second of the race, one of those offered. @param {number} value */
  set speed(value) {
    this.pace = value;
    this.select.value = String(value);
  }

  get speed() {
    return this.pace;
  }

  /**
   * What the choice of speeds is for: a race, a replay, or both; and how fast the replay is.
   * @param {boolean} paces
   * @param {boolean} rates
   * @param {number} rate
   */
  offer(paces, rates, rate) {
    if (paces !== this.offered.paces || rates !== this.offered.rates) {
      this.offered = { paces, rates };
      this._offer();
      this.select.value = rates ? `×${rate}` : String(this.pace);
    }
  }

  /** @param {boolean} there whether slow motion is among the paces */
  set slow(there) {
    if (there === this._slow) return;
    this._slow = there;
    this._offer();
  }

  _offer() {
    const { paces, rates } = this.offered;
    const some = PACES.filter((pace) => this._slow || pace !== SLOW).map((pace) =>
      option(String(pace), paceText(pace)),
    );
    const others = RATES.map((rate) => {
      const made = option(`×${rate}`, t("time.rate", { rate: rate === 0.5 ? "½" : rate }));
      made.dataset.rate = String(rate);
      return made;
    });
    if (paces && rates)
      this.select.replaceChildren(group(t("time.rates"), others), group(t("time.paces"), some));
    else this.select.replaceChildren(...(rates ? others : some));
  }

  toggle() {
    if (this.get("run").disabled) return; // what it would ask for is asked for already
    const next = nextAction(this.state);
    if (next === "pause") this.on.pause();
    else if (next === "resume") this.on.resume();
    else this.on.run();
  }

  /**
   * @param {string} state
   * @param {{hot: boolean, stale: boolean, replayed?: boolean, waits?: boolean}} extra `replayed`:
   *   the space bar plays what is recorded, it does not start a race; `waits`: the race it would
   *   start is in the queue
   */
  show(state, { hot, stale, replayed = false, waits = false }) {
    const key = `${state} ${hot} ${stale} ${replayed} ${waits}`;
    if (key === this.shown) return;
    this.shown = key;
    this.state = state;
    this.stale = stale;
    const run = this.get("run");
    const next = nextAction(state);
    const label = t(waits ? "time.waits" : `time.${next}`);
    run.disabled = waits;
    run.innerHTML = `<i>${next === "pause" ? ICONS.pause : ICONS.run}</i><span>${label}</span>`;
    run.title = replayed || waits ? label : t("time.run-hint", { label });
    run.classList.toggle("kv-call", stale && next === "run");
    // the race on the screen keeps its own button
    this.get("run-new").hidden = !stale || next === "run";
    const live = state === "running" || state === "paused";
    this.get("step").disabled = !live;
    this.get("reheat").disabled = !live || !hot;
  }
}
