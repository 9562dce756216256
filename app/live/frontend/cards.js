/** The lane cards: how every lane stands at the moment shown. */

import { percent, SHAPES, short, small } from "./format.js";

const SEES = { loss: "sees only the loss", outputs: "sees the outputs", jvp: "sees slopes along directions", gradient: "sees the gradient", jacobian: "sees the Jacobian" };

/** Whether answers can be right or wrong; a number to be met is only ever near. @param {any} stage */
export function scored(stage) {
  return !["curve", "function"].includes(stage.data.kind);
}

/** How far a lane's estimate is from the nearest lowest point that is known. @param {any} stage @param {any} picture @param {number} lane */
function away(stage, picture, lane) {
  const [x, y] = picture?.lanes[lane].estimate ?? [Number.NaN, Number.NaN];
  const far = stage.data.landscape.minima.map((/** @type {[number, number]} */ [atX, atY]) => Math.hypot(x - atX, y - atY));
  return far.length ? Math.min(...far) : null;
}

export class Cards {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.built = "";
  }

  /** @param {import("./view.js").Moment} moment */
  draw({ stage, metric, picture }) {
    const key = JSON.stringify([stage.lanes, scored(stage)]);
    if (key !== this.built) this._build(stage);
    this.built = key;
    stage.lanes.forEach((/** @type {any} */ lane, /** @type {number} */ i) => {
      const row = metric?.lanes[i];
      if (!row) return;
      const card = /** @type {HTMLElement} */ (this.element.children[i]);
      const put = (/** @type {string} */ name, /** @type {string} */ text) => {
        const place = /** @type {HTMLElement} */ (card.querySelector(`[data-testid="card-${i}-${name}"]`));
        if (place.textContent !== text) place.textContent = text;
      };
      put("loss", small(row.loss));
      put("accuracy", scored(stage) ? percent(row.test_accuracy) : small(stage.data.landscape ? away(stage, picture, i) : row.test_loss));
      put("evaluations", short(row.evaluations));
      const hot = row.temperature !== null;
      put("last", hot ? small(row.temperature) : short(row.step));
      put("last-name", !hot ? "steps" : stage.lanes.length > 2 ? "temp." : "temperature");
      put("trouble", row.trouble ?? "");
      const bar = /** @type {HTMLElement} */ (card.querySelector(".kv-bar"));
      bar.style.setProperty("--done", String(row.progress));
      bar.setAttribute("aria-valuenow", String(Math.round(100 * row.progress)));
      card.classList.toggle("kv-finished", row.finished);
    });
  }

  /** @param {any} stage */
  _build(stage) {
    const many = stage.lanes.length > 2;
    const site = stage.data.landscape;
    this.element.replaceChildren(
      ...stage.lanes.map((/** @type {any} */ lane, /** @type {number} */ i) => {
        const card = document.createElement("article");
        card.className = "kv-card";
        card.dataset.testid = `card-${i}`;
        card.style.setProperty("--lane", `var(--lane-${i})`);
        card.setAttribute("aria-label", lane.label);
        const cell = (/** @type {string} */ name, /** @type {string} */ label) =>
          `<div><b data-testid="card-${i}-${name}">–</b><span${name === "last" ? ` data-testid="card-${i}-last-name"` : ""}>${label}</span></div>`;
        card.innerHTML = `
          <div class="kv-who"><h3></h3><span class="kv-chip"></span></div>
          ${cell("loss", site ? "height" : "loss")}${cell("accuracy", site ? (many ? "to lowest" : "to the lowest") : !scored(stage) ? "test loss" : many ? "test acc." : "test accuracy")}${cell("evaluations", many ? "evals" : "evaluations")}${cell("last", "steps")}
          <p class="kv-trouble" data-testid="card-${i}-trouble" role="status"></p>
          <div class="kv-bar" role="progressbar" aria-label="Share of the budget spent" aria-valuemin="0" aria-valuemax="100"></div>`;
        /** @type {HTMLElement} */ (card.querySelector("h3")).textContent = `${SHAPES[i]} ${lane.label}`;
        const chip = /** @type {HTMLElement} */ (card.querySelector(".kv-chip"));
        chip.textContent = SEES[/** @type {keyof SEES} */ (lane.sees)] ?? lane.sees;
        chip.title = lane.sentence;
        return card;
      }),
    );
  }
}
