/**
 * Whether a page that opens goes back to the race its tab watched, or shows what its address names.
 */

import { sameRace } from "../data/frame_view.js";

/** Layouts that have been shown since the document was loaded. @type {Set<string>} */
const shown = new Set();

/**
 * Whether a page is shown for the first time since the document was loaded.
 * @param {string} layout of the page
 */
export function isFirstVisit(layout) {
  const first = !shown.has(layout);
  shown.add(layout);
  return first;
}

/**
 * Whether the tab's race is the one to be seen. An address of another race is a link that was
 * opened; the address that the race was left at, with settings changed or not, is a reload.
 * @param {{named: boolean, address: string, experiment: any}} page `named`: whether its address
 *   names a race
 * @param {import("../data/socket.js").Seen | null} seen null where nothing is known
 */
export function returnsToRace({ named, address, experiment }, seen) {
  return !named || !seen || seen.address === address || sameRace(seen.experiment, experiment);
}

/** The address of this page, without its host. */
export function pageAddress() {
  return `${location.pathname}${location.search}`;
}

/**
 * Keep in mind what is watched, for the page that is opened next in this tab.
 * @param {import("../data/race_session.js").RaceSession} session
 * @param {string | null} address of the page as it is left; null where it is another page's already
 */
export function rememberRace(session, address) {
  const experiment = session.waiting ? session.asked : session.experiment;
  if (session.race && experiment) session.token.mark({ address, experiment });
}

/**
 * The race of before is on the screen again: where the address named none, the controls take its
 * settings up.
 * @param {import("../data/race_session.js").RaceSession} session
 * @param {{named: boolean, experiment: any}} page what its address named, and its controls
 * @returns {any} the experiment to take up, or null
 */
export function settingsToAdopt(session, { named, experiment }) {
  if (!session.fresh || !session.loaded || session.state.state === "attaching") return null;
  session.fresh = false;
  return named || sameRace(session.experiment, experiment) ? null : session.experiment;
}
