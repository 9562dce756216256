/**
 * A playlist as a file: one that another Kelvin imports, with the visitor's own recordings in it, and
 * one HTML page that plays it offline, with all of them.
 */

import { ExpectedError, fetchOrFail, isExpected, UserError } from "../data/errors.js";
import { coastlineFile } from "../data/coastline.js";
import { readRecording } from "../data/recording.js";
import { addressOf, fetchRecording, isOwn, ownName } from "../data/recording_source.js";
import { getRecording, importRecording, listRecordings, Refusal } from "../data/recording_store.js";
import { checkedPlaylist } from "../data/playlist.js";
import { newPlaylist, savePlaylist } from "../data/playlist_store.js";
import { t } from "../i18n/i18n.js";
import { base64, fill, today } from "./replay.js";

/** @typedef {import("../data/playlist.js").Playlist} Playlist */

export const PLAYLIST_SUFFIX = ".kelvin-playlist";
const KIND = "playlist";
/** What a playlist was called before: such files are read for good. */
const FORMERLY = { suffix: ".kelvin-talk", kind: "talk" };
const VERSION = 1;
const MEGABYTE = 1024 * 1024;
/** What the recordings of a file may have together. */
export const MOST_RECORDINGS = 128 * MEGABYTE;
/** What a file that is read may have: base64 takes a third more. */
const MOST_FILE = 176 * MEGABYTE;

/**
 * A name as every system takes it for a file.
 * @param {string} name
 * @param {string} ending
 */
export function playlistFileName(name, ending) {
  const plain = name
    .replace(/[\u0000-\u001f<>:"/\\|?*]+/g, " ")
    .replace(/\s+/g, " ")
    .replace(/^[.\s]+|[.\s]+$/g, "");
  return `${plain.slice(0, 80) || "playlist"}${ending}`;
}

/**
 * The recordings of a playlist that are there, by their names.
 * @param {string} base path of the server
 * @param {Playlist} playlist
 * @param {(name: string) => boolean} wanted
 * @returns {Promise<Map<string, {name: string, bytes: Uint8Array<ArrayBuffer>}>>}
 * @throws {UserError} they are too large together
 */
async function recordingsOf(base, playlist, wanted) {
  const found = new Map();
  let size = 0;
  for (const { recording } of playlist.slides) {
    if (found.has(recording) || !wanted(recording)) continue;
    const one = await fetchRecording(base, addressOf(recording)).catch((error) => {
      if (!isExpected(error)) throw error;
      return null; // its slide says so where it is shown
    });
    if (!one) continue;
    size += one.bytes.byteLength;
    if (size > MOST_RECORDINGS)
      throw new Refusal(t("playlists.too-large", { most: MOST_RECORDINGS / MEGABYTE }));
    found.set(recording, { name: one.title, bytes: new Uint8Array(one.bytes) });
  }
  return found;
}

/**
 * A playlist as a file for another browser. Recordings that ship with Kelvin are there already and are
 * only named.
 * @param {string} base
 * @param {Playlist} playlist
 * @returns {Promise<Blob>}
 */
export async function playlistFile(base, playlist) {
  const recordings = await recordingsOf(base, playlist, isOwn);
  const { name, slides } = playlist;
  const packed = Object.fromEntries(
    [...recordings].map(([key, one]) => [key, { name: one.name, file: base64(one.bytes) }]),
  );
  const value = { kelvin: KIND, version: VERSION, name, slides, recordings: packed };
  return new Blob([`${JSON.stringify(value, null, 1)}\n`], { type: "application/json" });
}

/** Whether a file is meant as a playlist: by its name, or as it begins. @param {File} file */
export async function isPlaylistFile(file) {
  const name = file.name.toLowerCase();
  if ([PLAYLIST_SUFFIX, FORMERLY.suffix].some((suffix) => name.endsWith(suffix))) return true;
  return /^\s*[[{]/.test(await file.slice(0, 16).text());
}

/**
 * Keep a playlist from a file, and the recordings in it.
 * @param {File} file
 * @returns {Promise<{playlist: Playlist, lost: number}>} `lost`: how many of its recordings were none
 * @throws {Refusal} it is too large or no playlist
 */
export async function importPlaylist(file) {
  const { name } = file;
  if (file.size > MOST_FILE)
    throw new Refusal(t("playlists.refused-size", { name, most: MOST_FILE / MEGABYTE }));
  const value = parsed(await file.text());
  if (![KIND, FORMERLY.kind].includes(value?.kelvin))
    throw new Refusal(t("playlists.refused", { name }));
  if (!(value.version <= VERSION)) throw new Refusal(t("playlists.refused-newer", { name }));
  const { name: called, slides } = checked(value, name);
  const kept = await keepRecordings(value.recordings, slides);
  const playlist = await newPlaylist(
    called || t("playlists.untitled"),
    slides.map((slide) => ({
      ...slide,
      recording: kept.names.get(slide.recording) ?? slide.recording,
    })),
  );
  await savePlaylist(playlist);
  return { playlist, lost: kept.lost };
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return null; // the caller says what is allowed
  }
}

/**
 * @param {any} value
 * @param {string} name of the file
 */
function checked(value, name) {
  try {
    return checkedPlaylist(value);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new Refusal(t("playlists.refused-why", { name, why: error.message }), { cause: error });
  }
}

/**
 * Keep the recordings of a file that its slides show; one that is here already is not kept twice.
 * @param {any} recordings
 * @param {import("../data/playlist.js").Slide[]} slides
 * @returns {Promise<{names: Map<string, string>, lost: number}>} `names`: as they are called here
 */
async function keepRecordings(recordings, slides) {
  const names = new Map();
  let lost = 0;
  for (const { recording, called } of slides) {
    const packed = isOwn(recording) ? recordings?.[recording] : null;
    if (!packed || names.has(recording)) continue;
    try {
      const bytes = Uint8Array.from(atob(packed.file), (one) => one.charCodeAt(0));
      const name = String(packed.name ?? called);
      const found = await sameHere(bytes, name);
      names.set(
        recording,
        ownName(found ?? (await importRecording(new File([bytes], called), name))),
      );
    } catch (error) {
      if (!isExpected(error)) throw error;
      lost++; // the slide stays, and says that its recording is missing
    }
  }
  return { names, lost };
}

/**
 * The id of a recording of that name with the same bytes in this browser.
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {string} called
 */
async function sameHere(bytes, called) {
  for (const { id, name, size } of await listRecordings()) {
    if (size !== bytes.length || name !== called) continue;
    const record = await getRecording(id);
    if (!record) continue;
    const there = new Uint8Array(await record.bytes.arrayBuffer());
    if (there.every((one, i) => one === bytes[i])) return id;
  }
  return null;
}

/**
 * The coastlines, where one of some recordings is of places on the Earth.
 * @param {Uint8Array<ArrayBuffer>[]} recordings
 * @param {string} base
 * @returns {Promise<{coastline?: {rings: number[][]}}>}
 */
async function coastOf(recordings, base) {
  for (const bytes of recordings) {
    const { stage } = await readRecording(bytes.slice().buffer);
    if (stage?.data.geographic) return { coastline: await coastlineFile({ base }) };
  }
  return {};
}

/**
 * A playlist as one HTML page.
 * @param {string} base
 * @param {Playlist} playlist
 * @param {Record<string, string[]>} methods each recording's lanes, by its name
 * @returns {Promise<Blob>}
 */
export async function playlistPage(base, playlist, methods) {
  const answer = await fetchOrFail(`${base}/kelvin/replay-shell.html`).catch((error) => {
    throw new ExpectedError(t("export.no-shell"), { cause: error });
  });
  const recordings = await recordingsOf(base, playlist, () => true);
  const files = [...recordings.keys()];
  const about = {
    title: playlist.name,
    date: today(),
    raced: false,
    view: {},
    slides: playlist.slides,
    files,
    methods: Object.fromEntries(files.map((name) => [name, methods[name] ?? []])),
    ...(await coastOf(
      [...recordings.values()].map((one) => one.bytes),
      base,
    )),
  };
  const bytes = [...recordings.values()].map((one) => one.bytes);
  return new Blob([fill(await answer.text(), about, ...bytes)], { type: "text/html" });
}
