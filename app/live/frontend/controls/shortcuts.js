/** The keys of the whole page: what each does, in one list that the help shows as well. */

import { CURRENCIES } from "./axes.js";

/** Where a key belongs to somebody else. */
const TYPING =
  'input, select, textarea, dialog, [contenteditable="true"], [role="slider"], [role="radio"], [role="combobox"], [role="option"]';

/**
 * @typedef {import("../core/live_view.js").LiveView} View
 * @typedef {object} Key
 * @property {string} name of its text
 * @property {string[]} keys as they are told
 * @property {(event: KeyboardEvent) => boolean} is whether an event is it
 * @property {((view: View, event: KeyboardEvent) => void) | null} press null where the browser does
 *   it itself
 * @property {(view: View) => boolean} [can] whether it does anything here
 * @property {boolean} [held] whether it goes on while it is held down
 * @property {"race" | "time" | "look" | "keep"} group
 */

const letter = (/** @type {string} */ one) => (/** @type {KeyboardEvent} */ event) =>
  event.key.toLowerCase() === one;
const online = (/** @type {View} */ view) => !view.data.offline;
const networks = (/** @type {View} */ view) => view.layout === "network";
const enabled = (/** @type {string} */ name) => (/** @type {View} */ view) =>
  online(view) && !view.transport.get(name).disabled;

/**
 * The next of a few.
 * @template T
 * @param {T[]} all
 * @param {T} one
 * @returns {T}
 */
const after = (all, one) => all[(all.indexOf(one) + 1) % all.length];

/** @type {Key[]} */
export const KEYS = [
  {
    name: "space",
    group: "race",
    keys: ["space"],
    is: ({ key, target }) =>
      key === " " && !(/** @type {HTMLElement} */ (target).closest?.("button, summary, a")),
    press: (view) => view.playOrPause(),
  },
  {
    name: "step",
    group: "race",
    keys: ["→"],
    held: true,
    is: ({ key }) => key === "ArrowRight",
    press: (view) =>
      view.transport.get("step").disabled ? view.scrub?.step(1) : view.transport.on.step(),
  },
  {
    name: "slow",
    group: "race",
    keys: ["M"],
    can: online,
    is: letter("m"),
    press: (view) =>
      view.setSpeed(view.slow.active || view.transport.speed < 0 ? view.slow.usual : -1),
  },
  {
    name: "reset",
    group: "race",
    keys: ["R"],
    can: online,
    is: letter("r"),
    press: (view) => view.transport.on.reset(),
  },
  {
    name: "seed",
    group: "race",
    keys: ["N"],
    can: online,
    is: letter("n"),
    press: (view) => view.newSeed(),
  },
  {
    name: "reheat",
    group: "race",
    keys: ["H"],
    can: online,
    is: letter("h"),
    press: (view) => enabled("reheat")(view) && view.reheat(),
  },
  {
    name: "back",
    group: "time",
    keys: ["←"],
    held: true,
    is: ({ key }) => key === "ArrowLeft",
    press: (view) => view.scrub?.step(-1),
  },
  { name: "scrub", group: "time", keys: ["←", "→"], is: () => false, press: null },
  { name: "scrub-far", group: "time", keys: ["PgUp", "PgDn"], is: () => false, press: null },
  { name: "scrub-ends", group: "time", keys: ["Home", "End"], is: () => false, press: null },
  {
    name: "panels",
    group: "look",
    keys: ["1", "…", "8"],
    is: ({ key }) => /^[1-8]$/.test(key),
    press: (view, { key }) => view.board.enlarge(Number(key)),
  },
  {
    name: "measure",
    group: "look",
    keys: ["A", "L"],
    can: networks,
    is: ({ key }) => /^[al]$/i.test(key),
    press: (view, { key }) => view.choose(key.toLowerCase() === "a" ? "accuracy" : "loss"),
  },
  {
    name: "currency",
    group: "look",
    keys: ["C"],
    is: letter("c"),
    press: (view) =>
      view.setCurrency(
        after(
          CURRENCIES.filter((name) => networks(view) || name !== "flops"),
          view.currency,
        ),
      ),
  },
  {
    name: "escape",
    group: "look",
    keys: ["Esc"],
    is: ({ key }) => key === "Escape",
    press: (view) =>
      view.board.arrangement.large &&
      view.board.arrange({ ...view.board.arrangement, large: null }),
  },
  {
    name: "save",
    group: "keep",
    keys: ["S"],
    can: online,
    is: letter("s"),
    press: (view) => view.menu.do("save"),
  },
  {
    name: "export",
    group: "keep",
    keys: ["E"],
    is: letter("e"),
    press: (view) => view.menu.do("export"),
  },
  {
    name: "present",
    group: "keep",
    keys: ["P"],
    can: online,
    is: letter("p"),
    press: (view) => view.menu.do("present"),
  },
  {
    name: "gallery",
    group: "keep",
    keys: ["G"],
    can: online,
    is: letter("g"),
    press: (view) => location.assign(`${view.data.base}/gallery`),
  },
  {
    name: "help",
    group: "keep",
    keys: ["?"],
    is: ({ key }) => key === "?",
    press: (view) => view.menu.do("help"),
  },
];

/**
 * @param {View} view
 * @returns {() => void} removes them
 */
export function keys(view) {
  const press = (/** @type {KeyboardEvent} */ event) => {
    const typing = /** @type {HTMLElement} */ (event.target).closest?.(TYPING);
    if (
      typing ||
      event.defaultPrevented ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      !view.root.isConnected
    )
      return;
    const key = KEYS.find((one) => one.press && one.is(event) && (one.can?.(view) ?? true));
    // a key held down goes on stepping, it does not go on pausing
    if (!key?.press || (event.repeat && !key.held)) return;
    // it may mean something to somebody else
    if (key.name === "escape" && !view.board.arrangement.large) return;
    key.press(view, event);
    event.preventDefault();
  };
  document.addEventListener("keydown", press);
  return () => document.removeEventListener("keydown", press);
}
