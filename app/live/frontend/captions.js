/** What a panel says of itself in words: a note beside its title, a sentence where it has nothing to draw, and a summary for those who do not see it. */

const SUMMARY_MS = 1000;

/**
 * @param {HTMLElement} section the panel
 * @param {import("./view.js").Shown} shown
 * @param {{note: string, summary: string, nothing?: string}} said
 * @param {number} now ms
 */
export function caption(section, shown, said, now) {
  const note = /** @type {HTMLElement} */ (section.querySelector(".kv-note"));
  if (note.textContent !== said.note) note.textContent = note.title = said.note;
  const nothing = /** @type {HTMLElement} */ (section.querySelector(".kv-nothing"));
  nothing.hidden = !said.nothing;
  if (nothing.textContent !== (said.nothing ?? "")) nothing.textContent = said.nothing ?? "";
  section.classList.toggle("kv-empty", Boolean(said.nothing));
  if (section.dataset.testid === "panel-temperature") section.parentElement?.classList.toggle("kv-cold", Boolean(said.nothing));
  if (now - shown.saidAt < SUMMARY_MS) return;
  // Every panel by its own clock: curves and pictures come at different times, and neither may use up the other's turn.
  shown.saidAt = now;
  /** @type {HTMLElement} */ (section.querySelector("[data-summary]")).textContent = said.summary;
}
