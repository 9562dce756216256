/**
 * A playlist of the visitor's own. What it is made of, and what of a stranger's file may be
 * one.
 */

import { t } from "../i18n/i18n.js";
import { UserError } from "./errors.js";

/**
 * @typedef {object} Slide one recording, and how it is shown; as an entry of the playlist that
 *   ships
 * @property {string} recording name of a shipped recording, or "own:" and an id
 * @property {string} called what the recording was called when it was put here
 * @property {string} title
 * @property {string} caption
 * @property {string[]} panels those that are seen, in their order; none: the usual ones
 * @property {number} pace above 1 it lingers over the beginning
 * @property {string} [large] the panel that fills the board
 * @property {"seconds" | "evaluations" | "flops"} [x]
 * @property {"loss" | "accuracy"} [y]
 *
 * @typedef {object} Playlist
 * @property {string} id
 * @property {string} name
 * @property {number} made milliseconds since 1970
 * @property {Slide[]} slides
 */

/** As app/present.py has them. */
export const MOST_SLIDES = 40;
export const MOST_PANELS = 4;
export const LONGEST = { name: 80, called: 120, title: 60, caption: 260 };
export const SLOWEST = 0.3;
export const FASTEST = 5;
/** Paces to choose from. */
export const PACES = [0.6, 1, 1.5, 2, 3];
const RECORDING = /^(?:[a-z0-9-]{1,80}|own:[\w-]{1,80})$/;
const PANEL = /^[a-z]{1,20}$/;
const AXES = { x: ["seconds", "evaluations", "flops"], y: ["loss", "accuracy"] };

/**
 * A slide for a recording, with what the shipped playlist says of it where that knows it.
 * @param {string} recording
 * @param {string} called
 * @param {Partial<Slide>} [known]
 * @returns {Slide}
 */
export function slideFor(recording, called, known = {}) {
  const { title = "", caption = "", panels = [], pace = 1, large, x, y } = known;
  return {
    recording,
    called: called.slice(0, LONGEST.called),
    title,
    caption,
    panels: [...panels],
    pace,
    ...(large ? { large } : {}),
    ...(x ? { x } : {}),
    ...(y ? { y } : {}),
  };
}

/**
 * A slide goes up or down by some places, as far as there are such.
 * @template T
 * @param {T[]} slides
 * @param {number} at
 * @param {number} to
 * @returns {T[]}
 */
export function moved(slides, at, to) {
  const copy = [...slides];
  const [one] = copy.splice(at, 1);
  copy.splice(Math.max(0, Math.min(copy.length, to)), 0, one);
  return copy;
}

/**
 * A panel joins those that are seen, at the end, or leaves them; a fifth does not.
 * @param {string[]} panels
 * @param {string} name
 */
export function panelToggled(panels, name) {
  if (panels.includes(name)) return panels.filter((one) => one !== name);
  return panels.length < MOST_PANELS ? [...panels, name] : panels;
}

/**
 * The name and the slides in a value from elsewhere.
 * @param {any} value
 * @returns {{name: string, slides: Slide[]}}
 * @throws {UserError} it is none: one line with the place, and what is allowed
 */
export function checkedPlaylist(value) {
  const { name, slides } = value ?? {};
  if (!Array.isArray(slides) || !slides.length || slides.length > MOST_SLIDES)
    throw new UserError(t("playlists.wrong-slides", { most: MOST_SLIDES }));
  return {
    name: text(name, "name", t("playlists.name")),
    slides: slides.map((slide, i) => checkedSlide(slide, i + 1)),
  };
}

/**
 * @param {any} slide
 * @param {number} number from 1
 * @returns {Slide}
 */
function checkedSlide(slide, number) {
  const { recording, called, title, caption, panels = [], pace = 1, large, x, y } = slide ?? {};
  const wrong = (/** @type {string} */ what, /** @type {string} */ allowed) =>
    new UserError(t("playlists.wrong-slide", { number, what, allowed }));
  const say = (/** @type {any} */ given, /** @type {keyof typeof LONGEST} */ field) =>
    text(
      given ?? "",
      field,
      t("playlists.slide-field", { number, field: t(`playlists.${field}`) }),
    );
  if (typeof recording !== "string" || !RECORDING.test(recording))
    throw wrong(t("playlists.recording"), t("playlists.allowed-recording"));
  if (
    !Array.isArray(panels) ||
    panels.length > MOST_PANELS ||
    !panels.every((one) => typeof one === "string" && PANEL.test(one))
  )
    throw wrong(t("playlists.panels"), t("playlists.allowed-panels", { most: MOST_PANELS }));
  if (typeof pace !== "number" || !(pace >= SLOWEST && pace <= FASTEST))
    throw wrong(
      t("playlists.pace"),
      t("playlists.allowed-pace", { least: SLOWEST, most: FASTEST }),
    );
  return slideFor(recording, say(called, "called"), {
    title: say(title, "title"),
    caption: say(caption, "caption"),
    panels: [...new Set(panels)],
    pace,
    // What is not known of these is left out: a slide is whole without them.
    large: typeof large === "string" && PANEL.test(large) ? large : undefined,
    x: AXES.x.includes(x) ? x : undefined,
    y: AXES.y.includes(y) ? y : undefined,
  });
}

/**
 * A text on one line, if it is short enough.
 * @param {any} given
 * @param {keyof typeof LONGEST} field
 * @param {string} where
 */
function text(given, field, where) {
  const most = LONGEST[field];
  if (typeof given !== "string" || given.length > most)
    throw new UserError(t("playlists.wrong-text", { where, most }));
  return given.replace(/\s+/g, " ").trim();
}
