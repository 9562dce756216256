/** The row of thumbnails: a few datasets at hand, and all others behind one button. */

import { readTheme } from "../charts/theme.js";
import { t } from "../i18n/i18n.js";
import { DrawSquare } from "../panels/network/draw_points/square.js";
import { openCatalogue } from "./catalogue.js";
import { fillThumbnail } from "./thumbnail.js";

/** The points drawn by hand, and the visitor's own file: how Python calls them. */
const DRAWN = "drawn";

/** @typedef {{name: string, label: string, sentence: string, image: string, title?: string}} Card */
/** @typedef {{title: string, datasets: Card[]}} Group */

export class DatasetPicker {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.root = document.createElement("section");
    this.root.className = "kd";
    this.root.dataset.testid = "dataset-picker";
    this.title = document.createElement("p");
    this.title.className = "kd-title";
    this.title.id = "kd-title";
    this.row = document.createElement("div");
    this.row.className = "kd-row";
    this.row.setAttribute("role", "group");
    this.row.setAttribute("aria-labelledby", "kd-title");
    this.line = document.createElement("p");
    this.line.className = "kd-line";
    this.name = document.createElement("b");
    this.name.dataset.testid = "dataset-name";
    this.size = document.createElement("span");
    this.size.dataset.testid = "dataset-size";
    this.draw = link("dataset-draw", () => this.openSquare());
    this.change = link("dataset-change", () => this.openAll());
    this.change.setAttribute("aria-haspopup", "dialog");
    this.line.append(this.name, this.size, this.draw, this.change);
    this.root.append(this.title, this.row, this.line);
    parent.append(this.root);
    /** @type {any} */ this.data = null;
    /** @type {string} what is picked: at once, before Python answers */ this.picked = "";
    /** @type {(name: string, value: unknown) => void} */ this.tell = () => {};
    this.watch = new MutationObserver(() => this._dress());
    // Streamlit tells of its theme in variables on what surrounds a component.
    this.watch.observe(parent.parentElement ?? parent, { attributeFilter: ["style", "class"] });
    this.media = matchMedia("(prefers-color-scheme: dark)");
    this.media.onchange = () => this._dress();
  }

  /**
   * @param {any} data what Python handed over
   * @param {(name: string, value: unknown) => void} setTriggerValue
   */
  update(data, setTriggerValue) {
    this.data = data;
    this.picked = data.picked;
    this.tell = setTriggerValue;
    this.theme = readTheme(this.root);
    this._dressRoot();
    this._fill();
  }

  destroy() {
    this.watch.disconnect();
    this.media.onchange = null;
    this.root.remove();
  }

  /** All datasets by name. @returns {Map<string, Card>} */
  get cards() {
    return new Map(
      this.data.groups
        .flatMap((/** @type {Group} */ { datasets }) => datasets)
        .map((/** @type {Card} */ card) => [card.name, card]),
    );
  }

  /** Take on the page's theme, if it is another one than before. */
  _dress() {
    if (!this.data) return;
    const { dark } = readTheme(this.root);
    if (dark === this.theme?.dark) return;
    this.theme = readTheme(this.root);
    this._dressRoot();
    this._fill();
  }

  _dressRoot() {
    const { classPoints, classPointsOnDark } = this.data.palette;
    this.root.classList.toggle("kd-dark", Boolean(this.theme?.dark));
    (this.theme?.dark ? classPointsOnDark : classPoints).forEach(
      (/** @type {string} */ colour, /** @type {number} */ i) =>
        this.root.style.setProperty(`--kv-class-${i}`, colour),
    );
  }

  _fill() {
    const { data, cards, picked } = this;
    this.title.textContent = t("datasets.title");
    const names = /** @type {string[]} */ (data.near);
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.name;
    const had = this.row.contains(document.activeElement);
    this.row.replaceChildren(
      ...names.map((name) => {
        const card = cards.get(name);
        const label = name === data.picked ? data.label : (card?.label ?? name);
        const button = document.createElement("button");
        button.type = "button";
        button.dataset.name = name;
        button.dataset.testid = `dataset-${name}`;
        button.title = label;
        button.setAttribute("aria-label", label);
        button.setAttribute("aria-pressed", String(name === picked));
        if (card) fillThumbnail(button, this._image(card), data.base, Boolean(this.theme?.dark));
        button.onclick = () => this.pick(name);
        return button;
      }),
    );
    if (had)
      /** @type {HTMLElement | null} */ (
        this.row.querySelector(`[data-name="${CSS.escape(focused ?? "")}"]`)
      )?.focus({ preventScroll: true });
    const known = picked === data.picked;
    this.name.textContent = known ? data.label : (cards.get(picked)?.label ?? "");
    this.size.textContent = known ? data.size : "";
    this.size.title = known ? data.sizes : "";
    this.draw.hidden = picked !== DRAWN;
    label(this.draw, t("datasets.draw"));
    this.draw.title = t("datasets.draw-hint");
    label(this.change, t("datasets.change"));
    this.change.title = t("datasets.change-hint");
    this.change.setAttribute("aria-label", t("datasets.change-name"));
    this.draw.setAttribute("aria-label", t("datasets.draw-name"));
  }

  /**
   * What a thumbnail shows: the points that were drawn, the kind of file that was given, or a file.
   * @param {Card} card
   * @returns {{points: string} | {image: string}}
   */
  _image(card) {
    if (card.name === DRAWN) return { points: this.data.points };
    if (card.name === this.data.picked && this.data.image) return { image: this.data.image };
    return { image: card.image };
  }

  /** @param {string} name */
  pick(name) {
    if (name === this.picked) return;
    this.picked = name;
    for (const button of this.row.querySelectorAll("button"))
      button.setAttribute("aria-pressed", String(button.dataset.name === name));
    this.name.textContent = this.cards.get(name)?.label ?? "";
    this.size.textContent = "";
    this.tell("picked", name);
  }

  /** All datasets, in groups. */
  openAll() {
    openCatalogue(this.root, {
      groups: this.data.groups,
      picked: this.picked,
      about:
        this.picked === this.data.picked && this.data.about
          ? t("datasets.about", { name: this.data.label, about: this.data.about })
          : "",
      fill: (button, card) =>
        fillThumbnail(button, this._image(card), this.data.base, Boolean(this.theme?.dark)),
      choose: (name) => (name === DRAWN ? this.openSquare() : this.pick(name)),
    });
  }

  /** The square to draw points on. */
  openSquare() {
    new DrawSquare(this.root, {
      theme: this.theme ?? readTheme(this.root),
      palette: this.data.palette,
      points: this.data.points,
      use: (points, groups) => {
        this.data = { ...this.data, points };
        this.tell("drawn", { points, groups });
      },
    });
  }
}

/**
 * @param {string} id
 * @param {() => void} press
 */
function link(id, press) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "kd-link";
  button.dataset.testid = id;
  button.onclick = press;
  return button;
}

/**
 * @param {HTMLElement} button
 * @param {string} text
 */
function label(button, text) {
  const span = document.createElement("span");
  span.textContent = text;
  button.replaceChildren(span);
}
