/** The visitor's playlists, kept in their browser beside the recordings that they show. */

import { t } from "../i18n/i18n.js";
import { changeSignal } from "./change_signal.js";
import { isExpected } from "./errors.js";
import { browserFactory, openDatabase } from "./indexeddb.js";
import { isOwn, ownId } from "./recording_source.js";
import { freeName, getRecording, keepRecording, newId, Refusal } from "./recording_store.js";
import { LONGEST } from "./playlist.js";

/** @typedef {import("./playlist.js").Playlist} Playlist */

/** @type {Promise<import("./indexeddb.js").Database<Playlist>> | null} */ let opened = null;
const signal = changeSignal("kelvin-playlists");

/** Be told when playlists come, go or change, in this tab or another; what it returns ends it. */
export const onPlaylistsChange = signal.onChange;

/** A database of their own: pages of an earlier Kelvin in other tabs keep theirs as it is.
 * Its name is what playlists were called before, so that those kept then are there. */
function database() {
  opened ??= openDatabase(browserFactory(), "kelvin-talks", "talks");
  return opened;
}

/** All playlists, the newest first. @returns {Promise<Playlist[]>} */
export async function listPlaylists() {
  return (await (await database()).all()).sort(
    (a, b) => b.made - a.made || a.name.localeCompare(b.name),
  );
}

/**
 * @param {string} id
 * @returns {Promise<Playlist | undefined>}
 */
export async function getPlaylist(id) {
  return (await database()).get(id);
}

/**
 * A playlist that is not kept yet, under a name that no other has.
 * @param {string} name
 * @param {import("./playlist.js").Slide[]} slides
 * @returns {Promise<Playlist>}
 */
export async function newPlaylist(name, slides) {
  return { id: newId(), name: freeName(name, await listPlaylists()), made: Date.now(), slides };
}

/**
 * Keep a playlist. Recordings that it shows stay from now on, however many races come after them.
 * @param {Playlist} playlist
 * @throws {Refusal} the browser has no room
 */
export async function savePlaylist(playlist) {
  const name = playlist.name.replace(/\s+/g, " ").trim().slice(0, LONGEST.name);
  try {
    await (await database()).put({ ...playlist, name: name || t("playlists.untitled") });
  } catch (error) {
    if (!isExpected(error)) throw error;
    throw new Refusal(t("playlists.no-room"), { cause: error });
  }
  for (const name of new Set(playlist.slides.map(({ recording }) => recording).filter(isOwn))) {
    const record = await getRecording(ownId(name));
    if (record && !record.kept) await keepRecording(record.id);
  }
  signal.changed();
}

/**
 * @param {string} id
 * @returns {Promise<Playlist | undefined>} what it was, so that it can be kept again
 */
export async function deletePlaylist(id) {
  const found = await getPlaylist(id);
  await (await database()).remove(id);
  signal.changed();
  return found;
}
