/**
 * A talk as a file: one that another Kelvin imports, with the visitor's own recordings in it, and
 * one HTML page that plays it offline, with all of them.
 */

import { ExpectedError, fetchOrFail, isExpected, UserError } from "../data/errors.js";
import { addressOf, fetchRecording, isOwn, ownName } from "../data/recording_source.js";
import { getRecording, importRecording, listRecordings, Refusal } from "../data/recording_store.js";
import { checkedTalk } from "../data/talk.js";
import { newTalk, saveTalk } from "../data/talk_store.js";
import { t } from "../i18n/i18n.js";
import { base64, fill, today } from "./replay.js";

/** @typedef {import("../data/talk.js").Talk} Talk */

export const TALK_SUFFIX = ".kelvin-talk";
const KIND = "talk";
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
export function talkFileName(name, ending) {
  const plain = name
    .replace(/[\u0000-\u001f<>:"/\\|?*]+/g, " ")
    .replace(/\s+/g, " ")
    .replace(/^[.\s]+|[.\s]+$/g, "");
  return `${plain.slice(0, 80) || "talk"}${ending}`;
}

/**
 * The recordings of a talk that are there, by their names.
 * @param {string} base path of the server
 * @param {Talk} talk
 * @param {(name: string) => boolean} wanted
 * @returns {Promise<Map<string, {name: string, bytes: Uint8Array<ArrayBuffer>}>>}
 * @throws {UserError} they are too large together
 */
async function recordingsOf(base, talk, wanted) {
  const found = new Map();
  let size = 0;
  for (const { recording } of talk.slides) {
    if (found.has(recording) || !wanted(recording)) continue;
    const one = await fetchRecording(base, addressOf(recording)).catch((error) => {
      if (!isExpected(error)) throw error;
      return null; // its slide says so where it is shown
    });
    if (!one) continue;
    size += one.bytes.byteLength;
    if (size > MOST_RECORDINGS)
      throw new Refusal(t("talks.too-large", { most: MOST_RECORDINGS / MEGABYTE }));
    found.set(recording, { name: one.title, bytes: new Uint8Array(one.bytes) });
  }
  return found;
}

/**
 * A talk as a file for another browser. Recordings that ship with Kelvin are there already and are
 * only named.
 * @param {string} base
 * @param {Talk} talk
 * @returns {Promise<Blob>}
 */
export async function talkFile(base, talk) {
  const recordings = await recordingsOf(base, talk, isOwn);
  const { name, slides } = talk;
  const packed = Object.fromEntries(
    [...recordings].map(([key, one]) => [key, { name: one.name, file: base64(one.bytes) }]),
  );
  const value = { kelvin: KIND, version: VERSION, name, slides, recordings: packed };
  return new Blob([`${JSON.stringify(value, null, 1)}\n`], { type: "application/json" });
}

/** Whether a file is meant as a talk: by its name, or as it begins. @param {File} file */
export async function isTalkFile(file) {
  if (file.name.toLowerCase().endsWith(TALK_SUFFIX)) return true;
  return /^\s*[[{]/.test(await file.slice(0, 16).text());
}

/**
 * Keep a talk from a file, and the recordings in it.
 * @param {File} file
 * @returns {Promise<{talk: Talk, lost: number}>} `lost`: how many of its recordings were none
 * @throws {Refusal} it is too large or no talk
 */
export async function importTalk(file) {
  const { name } = file;
  if (file.size > MOST_FILE)
    throw new Refusal(t("talks.refused-size", { name, most: MOST_FILE / MEGABYTE }));
  const value = parsed(await file.text());
  if (value?.kelvin !== KIND) throw new Refusal(t("talks.refused", { name }));
  if (!(value.version <= VERSION)) throw new Refusal(t("talks.refused-newer", { name }));
  const { name: called, slides } = checked(value, name);
  const kept = await keepRecordings(value.recordings, slides);
  const talk = await newTalk(
    called || t("talks.untitled"),
    slides.map((slide) => ({
      ...slide,
      recording: kept.names.get(slide.recording) ?? slide.recording,
    })),
  );
  await saveTalk(talk);
  return { talk, lost: kept.lost };
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
    return checkedTalk(value);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new Refusal(t("talks.refused-why", { name, why: error.message }), { cause: error });
  }
}

/**
 * Keep the recordings of a file that its slides show; one that is here already is not kept twice.
 * @param {any} recordings
 * @param {import("../data/talk.js").Slide[]} slides
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
 * A talk as one HTML page.
 * @param {string} base
 * @param {Talk} talk
 * @param {Record<string, string[]>} methods each recording's lanes, by its name
 * @returns {Promise<Blob>}
 */
export async function talkPage(base, talk, methods) {
  const answer = await fetchOrFail(`${base}/kelvin/replay-shell.html`).catch((error) => {
    throw new ExpectedError(t("export.no-shell"), { cause: error });
  });
  const recordings = await recordingsOf(base, talk, () => true);
  const files = [...recordings.keys()];
  const about = {
    title: talk.name,
    date: today(),
    raced: false,
    view: {},
    slides: talk.slides,
    files,
    methods: Object.fromEntries(files.map((name) => [name, methods[name] ?? []])),
  };
  const bytes = [...recordings.values()].map((one) => one.bytes);
  return new Blob([fill(await answer.text(), about, ...bytes)], { type: "text/html" });
}
