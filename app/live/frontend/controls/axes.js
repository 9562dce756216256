/**
 * What the charts are drawn over and what the loss chart draws: one switch each, for all panels.
 */

/** @typedef {import("../data/frame_view.js").Currency} Currency */

export const CURRENCIES = /** @type {Currency[]} */ (["seconds", "evaluations", "flops"]);
const MEASURES = /** @type {("loss" | "accuracy")[]} */ (["loss", "accuracy"]);

export class Axes {
  /** @param {import("../core/live_view.js").LiveView} view */
  constructor(view) {
    this.view = view;
    const { x, y } = view.data.view ?? {};
    this.currency = /** @type {Currency} */ (
      CURRENCIES.includes(x) ? x : view.data.experiment.budget.currency
    );
    this.measure = /** @type {"loss" | "accuracy"} */ (y === "accuracy" ? "accuracy" : "loss");
    for (const name of CURRENCIES)
      view.get(`[data-testid="currency-${name}"]`).onclick = () => this.setCurrency(name);
    for (const name of MEASURES) {
      const button = view.get(`[data-testid="measure-${name}"]`);
      if (button) button.onclick = () => this.setMeasure(name);
    }
    this._press();
  }

  /**
   * @param {Currency} name
   * @param {boolean} tell whether the address is to follow
   */
  setCurrency(name, tell = true) {
    if (name === this.currency) return;
    this.currency = name;
    this._press();
    this.view.board.forgetTimeZoom();
    this.view.redraw();
    if (tell) this.view.tellAddress();
  }

  /**
   * @param {"loss" | "accuracy"} name
   * @param {boolean} tell
   */
  setMeasure(name, tell = true) {
    if (name === this.measure) return;
    this.measure = name;
    this._press();
    this.view.board.panel("loss")?.chart?.forgetZoom();
    this.view.redraw();
    if (tell) this.view.tellAddress();
  }

  /**
   * What the address says of them; nothing where they are the usual ones.
   * @returns {Record<string, string>}
   */
  get address() {
    const usual =
      this.view.player.history.stage?.budget.currency ?? this.view.data.experiment.budget.currency;
    return {
      ...(this.currency === usual ? {} : { x: this.currency }),
      ...(this.measure === "loss" ? {} : { y: this.measure }),
    };
  }

  _press() {
    for (const one of CURRENCIES)
      this.view
        .get(`[data-testid="currency-${one}"]`)
        .setAttribute("aria-pressed", String(one === this.currency));
    for (const one of MEASURES)
      this.view
        .get(`[data-testid="measure-${one}"]`)
        ?.setAttribute("aria-pressed", String(one === this.measure));
  }
}
