/** Small pictures of all landscapes, to pick one from. */

import { light } from "../charts/hillshade.js";
import { channels, mixColours } from "../charts/theme.js";
import { t } from "../i18n/i18n.js";

const RELIEF = 0.55;

export class LandscapePicker {
  /**
   * @param {HTMLElement} element
   * @param {string} address
   * @param {(name: string) => void} pick
   */
  constructor(element, address, pick) {
    this.element = element;
    this.pick = pick;
    /** @type {any[]} */ this.sites = [];
    this.current = "";
    fetch(address).then(
      async (answer) => {
        if (!answer.ok) return;
        this.sites = await answer.json();
        this._build();
      },
      () => {}, // the picker in the side bar is there all the same
    );
  }

  /**
   * @param {import("../charts/theme.js").Theme} theme
   * @param {any} palette
   */
  dress(theme, palette) {
    this.theme = theme;
    this.palette = palette;
    this._build();
  }

  /** Mark the one that is shown. @param {string} name */
  mark(name) {
    this.current = name;
    for (const button of this.element.querySelectorAll("button")) {
      const here = button.dataset.site === name;
      button.setAttribute("aria-pressed", String(here));
      if (here)
        this.element.scrollLeft =
          button.offsetLeft - (this.element.clientWidth - button.offsetWidth) / 2;
    }
  }

  _build() {
    if (!this.theme || !this.sites.length) return;
    const scale = this.theme.dark ? this.palette.terrainOnDark : this.palette.terrain;
    this.element.replaceChildren(
      ...this.sites.map((site) => {
        const button = document.createElement("button");
        button.type = "button";
        button.title = site.about;
        button.dataset.site = site.name;
        button.dataset.testid = `site-${site.name}`;
        const canvas = document.createElement("canvas");
        canvas.setAttribute("aria-hidden", "true");
        portray(canvas, site, scale, Boolean(this.theme?.dark));
        const label = document.createElement("span");
        label.textContent = site.label;
        button.append(canvas, label);
        button.onclick = () => this.pick(site.name);
        return button;
      }),
      this._own(),
    );
    this.mark(this.current);
  }

  /** The door to a formula of one's own. */
  _own() {
    const button = document.createElement("button");
    button.type = "button";
    button.title = t("live.own-landscape-hint");
    button.dataset.site = "formula";
    button.dataset.testid = "site-formula";
    button.innerHTML = `<i aria-hidden="true">ƒ(x, y)</i><span>${t("live.own-landscape")}</span>`;
    button.onclick = () => this.pick("formula");
    return button;
  }
}

/**
 * The small picture of a landscape.
 * @param {HTMLCanvasElement} canvas
 * @param {{side: number, z: number[]}} site
 * @param {[number, string][]} scale
 * @param {boolean} dark
 */
function portray(canvas, { side, z }, scale, dark) {
  canvas.width = canvas.height = side;
  const paint = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = paint.createImageData(side, side);
  const shades = Array.from({ length: 256 }, (_, i) => channels(mixColours(scale, i / 255)));
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const at = (/** @type {number} */ r, /** @type {number} */ c) =>
        z[Math.min(side - 1, Math.max(0, r)) * side + Math.min(side - 1, Math.max(0, c))] / 255;
      const lit = light(
        RELIEF * (at(row, column + 1) - at(row, column - 1)) * (side / 2),
        RELIEF * (at(row + 1, column) - at(row - 1, column)) * (side / 2),
      );
      const towards = lit > 0 ? 255 : dark ? 0 : 60;
      const share = Math.abs(lit) * (lit > 0 ? (dark ? 0.16 : 0.5) : dark ? 0.5 : 0.3);
      const to = 4 * ((side - 1 - row) * side + column);
      image.data.set(
        [...shades[z[row * side + column]].map((value) => value + share * (towards - value)), 255],
        to,
      );
    }
  }
  paint.putImageData(image, 0, 0);
}
