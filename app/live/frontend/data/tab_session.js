/**
 * A race that is left alone stands still. Whoever leaves it is told so where they go, and where
 * they came from can be found again.
 */

import { t } from "../i18n/i18n.js";

const LEFT = "kelvin.left";
const BACK = "kelvin.back";
const STARTED = "kelvin.started";
const PLAYLIST = "kelvin.playlist";

/**
 * @param {(storage: Storage) => string | null | void} use
 * @returns {string | null}
 */
function tab(use) {
  try {
    return use(window.sessionStorage) ?? null;
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return null; // a tab that may not remember says nothing
  }
}

/** The page is left while its race goes on. @param {string} page whose race it is, by its layout */
export function noteRaceLeft(page) {
  tab((storage) => storage.setItem(LEFT, page));
}

/**
 * A page is there: it tells of the race of another page that was left, once; its own is watched
 * again.
 * @param {string} here
 * @param {(sentence: string) => void} tell
 */
export function tellOfRaceLeft(here, tell) {
  const page = tab((storage) => storage.getItem(LEFT));
  if (!page) return;
  tab((storage) => storage.removeItem(LEFT));
  if (page !== here) tell(t(`menu.left-${page}`));
}

/**
 * Take up the race that the page has asked for since this tab last took one up, if any. A view
 * that is mounted again after another page was shown must not miss it, and one that
 * comes back must not start it twice.
 * @param {string} page by its layout
 * @param {number} starts when the page asked for it, in milliseconds; 0 if it never did
 */
export function takeStart(page, starts) {
  const key = `${STARTED}.${page}`;
  const taken = Number(tab((storage) => storage.getItem(key)) ?? 0);
  if (!(starts > taken)) return false;
  tab((storage) => storage.setItem(key, String(starts)));
  return true;
}

/** Remember this address, to come back to. */
export function rememberReturnAddress() {
  tab((storage) => storage.setItem(BACK, location.href));
}

/** The address to go back to, once; only one of Kelvin's own. @returns {string | null} */
export function takeReturnAddress() {
  const address = tab((storage) => storage.getItem(BACK));
  tab((storage) => storage.removeItem(BACK));
  return address?.startsWith(`${location.origin}/`) ? address : null;
}

/** Remember which playlist is open in the gallery, for when the stage leads back. @param {string} id */
export function rememberOpenPlaylist(id) {
  tab((storage) => storage.setItem(PLAYLIST, id));
}

/** The playlist that was open when the stage was entered, once. */
export function takeOpenPlaylist() {
  const id = tab((storage) => storage.getItem(PLAYLIST));
  tab((storage) => storage.removeItem(PLAYLIST));
  return id;
}
