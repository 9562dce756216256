/**
 * The tools of the pencil: a brush for every class, the eraser, the way back, and a line that says
 * how.
 */

import { SHAPES } from "../../../i18n/format.js";
import { t } from "../../../i18n/i18n.js";
import { MOST_POINTS } from "./model.js";

const icon = (/** @type {string} */ path) =>
  `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}"/></svg>`;
export const ICONS = {
  draw: icon(
    "M11.3 1.600 14.400 4.700 5.300 13.800 1.500 14.500 2.200 10.700zM9.800 4.900l1.300 1.300 1.200-1.500-1.100-1.100zM3.500 11.300l-.2 1.400 1.400-.2z",
  ),
  erase: icon(
    "M9.400 2.200 14 6.800 8.300 12.500H14V14H4.600L1.800 11.200a1 1 0 0 1 0-1.400zM6.200 12.500 8.200 10.500 5.500 7.800 3.100 10.200 5.400 12.500z",
  ),
  large: icon(
    "M2 2h5v1.600H3.600V7H2zM9 2h5v5h-1.600V3.600H9zM2 9h1.600v3.400H7V14H2zM12.400 9H14v5H9v-1.600h3.400z",
  ),
  undo: icon(
    "M6.200 2.500 7.300 3.600 5 5.900h4.600a4 4 0 0 1 0 8H5.500v-1.500h4a2.500 2.500 0 0 0 0-5H5l2.300 2.300-1.100 1.100L2 6.650z",
  ),
  redo: icon(
    "M9.800 2.500 8.700 3.600 11 5.900H6.400a4 4 0 0 0 0 8h4.100v-1.500h-4a2.500 2.500 0 0 1 0-5H11L8.700 9.700l1.100 1.100L14 6.650z",
  ),
};

/**
 * @typedef {object} Presses
 * @property {() => void} start
 * @property {() => void} done
 * @property {() => void} clear
 * @property {() => void} large opens the large square
 * @property {() => void} undo
 * @property {() => void} redo
 * @property {(brush: number) => void} choose a class, or −1 for the eraser
 */

export class DrawToolbar {
  /**
   * @param {HTMLElement} tools in the panel's header
   * @param {HTMLElement} place under the bar
   * @param {Presses} presses
   */
  constructor(tools, place, presses) {
    this.presses = presses;
    this.button = make(
      "draw",
      presses.start,
      t("touch.draw-name"),
      `${ICONS.draw}<span>${t("touch.draw")}</span>`,
    );
    this.button.classList.add("kv-pencil");
    this.button.hidden = true;
    tools.append(this.button);
    this.element = document.createElement("div");
    this.element.className = "kv-draw";
    this.element.hidden = true;
    this.element.setAttribute("role", "toolbar");
    this.element.setAttribute("aria-label", t("touch.draw-tools"));
    place.before(this.element);
    this.undo = make("draw-undo", presses.undo, t("touch.draw-undo"), ICONS.undo);
    this.redo = make("draw-redo", presses.redo, t("touch.draw-redo"), ICONS.redo);
    this.hint = document.createElement("p");
    this.hint.dataset.testid = "draw-hint";
    this.said = document.createElement("span");
    this.said.className = "kv-sr";
    this.said.setAttribute("role", "status");
  }

  /**
   * How it is done, and what for.
   * @param {boolean} live whether the race that is seen trains on what is drawn
   * @param {number} left points that found no place on the sheet
   */
  tell(live, left) {
    const how = t(
      matchMedia("(hover: none)").matches ? "touch.draw-hint-finger" : "touch.draw-hint",
    );
    const text = [
      ...(live ? [] : [t("touch.draw-next")]),
      ...(left ? [t("touch.draw-left", { left, kept: MOST_POINTS })] : []),
      how,
    ].join(" ");
    if (this.hint.textContent !== text) this.hint.textContent = text;
  }

  /** @param {string[]} classes */
  fill(classes) {
    const group = fillClasses(classes, this.presses.choose);
    const clear = make(
      "draw-clear",
      this.presses.clear,
      t("touch.draw-clear-name"),
      t("touch.draw-clear"),
    );
    const done = make(
      "draw-done",
      this.presses.done,
      t("touch.draw-done-name"),
      t("touch.draw-done"),
    );
    done.classList.add("kv-done");
    const large = make("draw-large", this.presses.large, t("touch.draw-large"), ICONS.large);
    this.element.replaceChildren(
      group,
      this.undo,
      this.redo,
      clear,
      large,
      done,
      this.hint,
      this.said,
    );
  }

  /** @param {number} brush */
  mark(brush) {
    for (const button of this.element.querySelectorAll("[data-brush]"))
      button.setAttribute(
        "aria-pressed",
        String(/** @type {HTMLElement} */ (button).dataset.brush === String(brush)),
      );
  }

  /** @param {{past: unknown[], future: unknown[]}} sheet */
  ways({ past, future }) {
    this.undo.disabled = !past.length;
    this.redo.disabled = !future.length;
  }

  /** @param {string} text for those who do not see the points */
  say(text) {
    this.said.textContent = text;
  }

  /** @param {boolean} open */
  show(open) {
    this.element.hidden = !open;
    this.button.hidden = open;
  }
}

/**
 * Buttons for what is drawn: one for every class, and the eraser.
 * @param {string[]} classes
 * @param {(brush: number) => void} choose a class, or −1 for the eraser
 */
export function fillClasses(classes, choose) {
  const group = document.createElement("span");
  group.className = "kv-choice kd-choice";
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", t("touch.draw-brush"));
  const brush = (
    /** @type {number} */ label,
    /** @type {string} */ id,
    /** @type {string} */ name,
    /** @type {string} */ inside,
  ) => {
    const button = make(id, () => choose(label), name, inside);
    button.dataset.brush = String(label);
    group.append(button);
  };
  classes.forEach((name, label) => {
    const inside = document.createElement("span");
    inside.textContent = name;
    brush(
      label,
      `draw-class-${label}`,
      t("touch.draw-class", { name }),
      `<i style="color: var(--kv-class-${label})">${SHAPES[label]}</i>${inside.outerHTML}`,
    );
  });
  brush(-1, "draw-erase", t("touch.draw-erase"), ICONS.erase);
  return group;
}

/**
 * @param {string} id
 * @param {() => void} press
 * @param {string} label
 * @param {string} inside
 */
export function make(id, press, label, inside) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.testid = id;
  button.title = label;
  button.setAttribute("aria-label", label);
  button.innerHTML = inside;
  button.onclick = press;
  return button;
}
