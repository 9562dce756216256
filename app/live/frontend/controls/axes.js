/**
 * What the charts are drawn over and what the loss chart draws: one switch each, for all panels.
 */

/** @typedef {import("../data/frame_view.js").Currency} Currency */

export const CURRENCIES = /** @type {Currency[]} */ (["seconds", "evaluations", "flops"]);
const MEASURES = /** @type {("loss" | "accuracy")[]} */ (["loss", "accuracy"]);

export class Axes {
  /**
   * @param {(selector: string) => HTMLElement} get finds an element of the view
   * @param {{x?: string, y?: string}} chosen by the address
   * @param {Currency} usual where the address chooses none
   * @param {object} on called when another is chosen; `tell`: whether the address is to follow
   * @param {(tell: boolean) => void} on.currency
   * @param {(tell: boolean) => void} on.measure
   */
  constructor(get, { x, y }, usual, on) {
    this.get = get;
    this.on = on;
    this.currency = CURRENCIES.find((name) => name === x) ?? usual;
    this.measure = /** @type {"loss" | "accuracy"} */ (y === "accuracy" ? "accuracy" : "loss");
    for (const name of CURRENCIES)
      get(`[data-testid="currency-${name}"]`).onclick = () => this.setCurrency(name);
    for (const name of MEASURES) {
      const button = get(`[data-testid="measure-${name}"]`);
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
    this.on.currency(tell);
  }

  /**
   * @param {"loss" | "accuracy"} name
   * @param {boolean} tell
   */
  setMeasure(name, tell = true) {
    if (name === this.measure) return;
    this.measure = name;
    this._press();
    this.on.measure(tell);
  }

  /**
   * What an address says of them; nothing where they are the usual ones.
   * @param {Currency} usual
   * @returns {Record<string, string>}
   */
  address(usual) {
    return {
      ...(this.currency === usual ? {} : { x: this.currency }),
      ...(this.measure === "loss" ? {} : { y: this.measure }),
    };
  }

  _press() {
    for (const one of CURRENCIES)
      this.get(`[data-testid="currency-${one}"]`).setAttribute(
        "aria-pressed",
        String(one === this.currency),
      );
    for (const one of MEASURES)
      this.get(`[data-testid="measure-${one}"]`)?.setAttribute(
        "aria-pressed",
        String(one === this.measure),
      );
  }
}
