/** Run, pause, step, reset, new seed, speed, reheat; the keys. */

import { nextAction } from "./words.js";

const ICONS = {
  run: '<svg viewBox="0 0 16 16"><path d="M4 2.5v11l9-5.5z"/></svg>',
  pause: '<svg viewBox="0 0 16 16"><path d="M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z"/></svg>',
  step: '<svg viewBox="0 0 16 16"><path d="M3 2.5v11L10.500 8zM11 2.500h2.200v11H11z"/></svg>',
  reset: '<svg viewBox="0 0 16 16"><path d="M8 3a5 5 0 1 1-4.700 3.300l1.500.6A3.400 3.400 0 1 0 8 4.600V7L4.200 3.800 8 .8z"/></svg>',
  seed: '<svg viewBox="0 0 16 16"><path fill-rule="evenodd" d="M3.500 2h9A1.500 1.500 0 0 1 14 3.500v9a1.500 1.500 0 0 1-1.500 1.500h-9A1.500 1.500 0 0 1 2 12.500v-9A1.500 1.500 0 0 1 3.500 2zM5.400 4.200a1.200 1.200 0 1 0 0 2.400 1.200 1.200 0 0 0 0-2.400zm5.200 5.200a1.200 1.200 0 1 0 0 2.400 1.200 1.200 0 0 0 0-2.400zM8 6.800a1.200 1.200 0 1 0 0 2.400 1.200 1.200 0 0 0 0-2.400z"/></svg>',
  heat: '<svg viewBox="0 0 16 16"><path d="M8.600.8c.5 2.600-3.800 4.500-3.800 8.200 0 .9.4 1.600.9 2.100-.1-1.500.9-2.400 1.700-3.300.3 1.300 2 1.900 2 3.700 0 .7-.2 1.200-.5 1.700 1.800-.5 3.100-1.900 3.100-4.100C12 5.600 8.900 4.300 8.600.8zM7.600 11c-.7.7-1 1.200-1 2 0 .9.6 1.700 1.400 1.700s1.400-.7 1.400-1.500c0-.9-.8-1.300-1.800-2.200z"/></svg>',
};

const TEMPLATE = `
  <button type="button" class="kv-main" data-testid="run"><i></i><span>Run</span></button>
  <button type="button" data-testid="step" title="One step of every lane (→)"><i>${ICONS.step}</i><span>Step</span></button>
  <button type="button" data-testid="reset" title="Again from the very same weights (R)"><i>${ICONS.reset}</i><span>Reset</span></button>
  <button type="button" data-testid="new-seed" title="Other first weights, other data"><i>${ICONS.seed}</i><span>New seed</span></button>
  <label class="kv-speed"><span class="kv-sr">Speed</span>
    <select data-testid="speed" title="How fast the lanes may go">
      <option value="0">Full speed</option><option value="100">100 steps/s</option><option value="30">30 steps/s</option><option value="10">10 steps/s</option><option value="1">1 step/s</option>
    </select></label>
  <button type="button" class="kv-hot" data-testid="reheat" title="Ten times the temperature, now"><i>${ICONS.heat}</i><span>Reheat</span></button>`;

export class Transport {
  /**
   * @param {HTMLElement} element
   * @param {{run: () => void, pause: () => void, resume: () => void, step: () => void, reset: () => void, seed: () => void, speed: (value: number) => void, reheat: () => void}} on
   */
  constructor(element, on) {
    element.innerHTML = TEMPLATE;
    this.get = (/** @type {string} */ name) => /** @type {HTMLButtonElement} */ (element.querySelector(`[data-testid="${name}"]`));
    this.on = on;
    this.state = "idle";
    this.stale = false;
    this.get("run").onclick = () => this.toggle();
    this.get("step").onclick = on.step;
    this.get("reset").onclick = on.reset;
    this.get("new-seed").onclick = on.seed;
    this.get("reheat").onclick = on.reheat;
    const speed = /** @type {HTMLSelectElement} */ (/** @type {unknown} */ (this.get("speed")));
    speed.onchange = () => on.speed(Number(speed.value));
    this.show("idle", { hot: false, stale: false });
  }

  /** @param {number} value steps per second, one of those offered */
  set speed(value) {
    /** @type {any} */ (this.get("speed")).value = String(value);
  }

  get speed() {
    return Number(/** @type {any} */ (this.get("speed")).value);
  }

  toggle() {
    const next = nextAction(this.state, this.stale);
    if (next === "Pause") this.on.pause();
    else if (next === "Resume") this.on.resume();
    else this.on.run();
  }

  /** @param {string} state @param {{hot: boolean, stale: boolean}} extra */
  show(state, { hot, stale }) {
    const key = `${state} ${hot} ${stale}`;
    if (key === this.shown) return;
    this.shown = key;
    this.state = state;
    this.stale = stale;
    const run = this.get("run");
    const label = nextAction(state, stale);
    run.innerHTML = `<i>${label === "Pause" ? ICONS.pause : ICONS.run}</i><span>${label}</span>`;
    run.title = `${label} (space)`;
    run.classList.toggle("kv-call", stale);
    const live = state === "running" || state === "paused";
    this.get("step").disabled = !live;
    this.get("reheat").disabled = !live || !hot;
  }
}

/** Keys for a whole page; typing in a field is left alone. @param {() => boolean} visible @param {Transport} transport @returns {() => void} removes them */
export function keys(visible, transport) {
  const press = (/** @type {KeyboardEvent} */ event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const typing = target.closest?.('input, select, textarea, [contenteditable="true"], [role="slider"], [role="radio"], [role="combobox"], [role="option"]');
    const once = event.key !== "ArrowRight"; // a key held down goes on stepping, it does not go on pausing
    if (typing || (once && event.repeat) || event.ctrlKey || event.metaKey || event.altKey || !visible()) return;
    if (event.key === " " && !target.closest("button")) transport.toggle();
    else if (event.key === "ArrowRight" && !transport.get("step").disabled) transport.on.step();
    else if (event.key === "r" || event.key === "R") transport.on.reset();
    else return;
    event.preventDefault();
  };
  document.addEventListener("keydown", press);
  return () => document.removeEventListener("keydown", press);
}
