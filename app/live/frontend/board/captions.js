/**
 * What a panel says of itself in words: a note beside its title, a sentence where it has nothing to
 * draw, and a summary for those who do not see it.
 */

import { t } from "../i18n/i18n.js";

const SUMMARY_MS = 1000;

/**
 * @param {HTMLElement} section the panel
 * @param {import("./panel_grid.js").Shown} shown
 * @param {{note: string, summary: string, nothing?: string, title?: string, term?: string,
 *   noteTerm?: string}} said `term`, `noteTerm`: what explains the title and the note
 * @param {number} now ms
 */
export function updateCaption(section, shown, said, now) {
  if (said.title) entitle(section, said.title);
  if (said.term)
    /** @type {HTMLElement} */ (section.querySelector("h2")).dataset.term = said.term;
  const note = /** @type {HTMLElement} */ (section.querySelector(".kv-note"));
  if (said.noteTerm !== undefined) explain(note, said.noteTerm);
  if (note.textContent !== said.note) note.textContent = note.title = said.note;
  const nothing = /** @type {HTMLElement} */ (section.querySelector(".kv-nothing"));
  nothing.hidden = !said.nothing;
  if (nothing.textContent !== (said.nothing ?? "")) nothing.textContent = said.nothing ?? "";
  section.classList.toggle("kv-empty", Boolean(said.nothing));
  if (now - shown.saidAt < SUMMARY_MS) return;
  // Every panel by its own clock: curves and pictures come at different times, and neither may use
  // up the other's turn.
  shown.saidAt = now;
  /** @type {HTMLElement} */ (section.querySelector("[data-summary]")).textContent = said.summary;
}

/**
 * Have a note explained by a term, or by none.
 * @param {HTMLElement} note
 * @param {string} term
 */
function explain(note, term) {
  if ((note.dataset.term ?? "") === term) return;
  if (term) {
    note.dataset.term = term;
    note.tabIndex = 0;
  } else {
    delete note.dataset.term;
    note.removeAttribute("tabindex");
  }
}

/**
 * What a panel shows is not the same of every method: its title says what is there.
 * @param {HTMLElement} section
 * @param {string} title
 */
export function entitle(section, title) {
  const heading = /** @type {HTMLElement} */ (section.querySelector("h2"));
  if (heading.textContent === title) return;
  heading.textContent = title;
  section.setAttribute("aria-label", title);
  for (const [what, key] of [
    ["enlarge", "live.enlarge-name"],
    ["hide", "live.hide-name"],
  ])
    section.querySelector(`[data-do=${what}]`)?.setAttribute("aria-label", t(key, { name: title }));
}
