/** The keys of the whole page: what each does, in one list that the help shows as well. */

import { CURRENCIES } from "./axes.js";

/** Where a key belongs to somebody else. */
const TYPING =
  'input, select, textarea, dialog, [contenteditable="true"], [role="slider"], [role="radio"], [role="combobox"], [role="option"]';

/**
 * @typedef {object} Actions what the keys do, and what can be done
 * @property {boolean} online whether there is a server
 * @property {boolean} networks whether networks are trained, which have an accuracy
 * @property {boolean} slow whether there is slow motion
 * @property {() => boolean} here whether the view is still in the page
 * @property {() => boolean} enlarged whether one panel fills the board
 * @property {() => import("../data/frame_view.js").Currency} currency that is drawn over
 * @property {() => void} playOrPause
 * @property {(by: 1 | -1) => void} step a step of the race forth, or a moment back or forth
 * @property {() => void} slowMotion begins or ends it
 * @property {() => void} reset
 * @property {() => void} newSeed
 * @property {() => void} reheat
 * @property {(number: number) => void} enlarge a panel
 * @property {() => void} restore the panel that fills the board
 * @property {(name: "loss" | "accuracy") => void} measure
 * @property {(name: import("../data/frame_view.js").Currency) => void} setCurrency
 * @property {(name: string) => void} menu does what an entry of the menu does
 * @property {() => void} gallery
 *
 * @typedef {object} Key
 * @property {string} name of its text
 * @property {string[]} keys as they are told
 * @property {(event: KeyboardEvent) => boolean} is whether an event is it
 * @property {((on: Actions, event: KeyboardEvent) => void) | null} press null where the browser
 *   does it itself
 * @property {(on: Actions) => boolean} [can] whether it does anything here
 * @property {boolean} [held] whether it goes on while it is held down
 * @property {"race" | "time" | "look" | "keep"} group
 */

const letter = (/** @type {string} */ one) => (/** @type {KeyboardEvent} */ event) =>
  event.key.toLowerCase() === one;
const online = (/** @type {Actions} */ on) => on.online;
const networks = (/** @type {Actions} */ on) => on.networks;

/**
 * The next of a few.
 * @template T
 * @param {T[]} all
 * @param {T} one
 * @returns {T}
 */
const after = (all, one) => all[(all.indexOf(one) + 1) % all.length];

/** @type {Key[]} */
export const SHORTCUTS = [
  {
    name: "space",
    group: "race",
    keys: ["space"],
    is: ({ key, target }) =>
      key === " " && !(/** @type {HTMLElement} */ (target).closest?.("button, summary, a")),
    press: (on) => on.playOrPause(),
  },
  {
    name: "step",
    group: "race",
    keys: ["→"],
    held: true,
    is: ({ key }) => key === "ArrowRight",
    press: (on) => on.step(1),
  },
  {
    name: "slow",
    group: "race",
    keys: ["M"],
    can: (on) => on.online && on.slow,
    is: letter("m"),
    press: (on) => on.slowMotion(),
  },
  {
    name: "reset",
    group: "race",
    keys: ["R"],
    can: online,
    is: letter("r"),
    press: (on) => on.reset(),
  },
  {
    name: "seed",
    group: "race",
    keys: ["N"],
    can: online,
    is: letter("n"),
    press: (on) => on.newSeed(),
  },
  {
    name: "reheat",
    group: "race",
    keys: ["H"],
    can: online,
    is: letter("h"),
    press: (on) => on.reheat(),
  },
  {
    name: "back",
    group: "time",
    keys: ["←"],
    held: true,
    is: ({ key }) => key === "ArrowLeft",
    press: (on) => on.step(-1),
  },
  { name: "scrub", group: "time", keys: ["←", "→"], is: () => false, press: null },
  { name: "scrub-far", group: "time", keys: ["PgUp", "PgDn"], is: () => false, press: null },
  { name: "scrub-ends", group: "time", keys: ["Home", "End"], is: () => false, press: null },
  {
    name: "panels",
    group: "look",
    keys: ["1", "…", "8"],
    is: ({ key }) => /^[1-8]$/.test(key),
    press: (on, { key }) => on.enlarge(Number(key)),
  },
  {
    name: "measure",
    group: "look",
    keys: ["A", "L"],
    can: networks,
    is: ({ key }) => /^[al]$/i.test(key),
    press: (on, { key }) => on.measure(key.toLowerCase() === "a" ? "accuracy" : "loss"),
  },
  {
    name: "currency",
    group: "look",
    keys: ["C"],
    is: letter("c"),
    press: (on) =>
      on.setCurrency(
        after(
          CURRENCIES.filter((name) => networks(on) || name !== "flops"),
          on.currency(),
        ),
      ),
  },
  {
    name: "escape",
    group: "look",
    keys: ["Esc"],
    is: ({ key }) => key === "Escape",
    press: (on) => on.restore(),
  },
  {
    name: "save",
    group: "keep",
    keys: ["S"],
    can: online,
    is: letter("s"),
    press: (on) => on.menu("save"),
  },
  {
    name: "export",
    group: "keep",
    keys: ["E"],
    is: letter("e"),
    press: (on) => on.menu("export"),
  },
  {
    name: "present",
    group: "keep",
    keys: ["P"],
    can: online,
    is: letter("p"),
    press: (on) => on.menu("present"),
  },
  {
    name: "gallery",
    group: "keep",
    keys: ["G"],
    can: online,
    is: letter("g"),
    press: (on) => on.gallery(),
  },
  {
    name: "help",
    group: "keep",
    keys: ["?"],
    is: ({ key }) => key === "?",
    press: (on) => on.menu("help"),
  },
];

/**
 * @param {Actions} on
 * @returns {() => void} removes them
 */
export function bindShortcuts(on) {
  const press = (/** @type {KeyboardEvent} */ event) => {
    const typing = /** @type {HTMLElement} */ (event.target).closest?.(TYPING);
    if (
      typing ||
      event.defaultPrevented ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      !on.here()
    )
      return;
    const key = SHORTCUTS.find((one) => one.press && one.is(event) && (one.can?.(on) ?? true));
    // a key held down goes on stepping, it does not go on pausing
    if (!key?.press || (event.repeat && !key.held)) return;
    // it may mean something to somebody else
    if (key.name === "escape" && !on.enlarged()) return;
    key.press(on, event);
    event.preventDefault();
  };
  document.addEventListener("keydown", press);
  return () => document.removeEventListener("keydown", press);
}
