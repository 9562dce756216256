/** The visitor's talks, kept in their browser beside the recordings that they show. */

import { t } from "../i18n/i18n.js";
import { changeSignal } from "./change_signal.js";
import { isExpected } from "./errors.js";
import { browserFactory, openDatabase } from "./indexeddb.js";
import { isOwn, ownId } from "./recording_source.js";
import { freeName, getRecording, keepRecording, newId, Refusal } from "./recording_store.js";
import { LONGEST } from "./talk.js";

/** @typedef {import("./talk.js").Talk} Talk */

/** @type {Promise<import("./indexeddb.js").Database<Talk>> | null} */ let opened = null;
const signal = changeSignal("kelvin-talks");

/** Be told when talks come, go or change, in this tab or another; what it returns ends it. */
export const onTalksChange = signal.onChange;

/** A database of their own: pages of an earlier Kelvin in other tabs keep theirs as it is. */
function database() {
  opened ??= openDatabase(browserFactory(), "kelvin-talks", "talks");
  return opened;
}

/** All talks, the newest first. @returns {Promise<Talk[]>} */
export async function listTalks() {
  return (await (await database()).all()).sort(
    (a, b) => b.made - a.made || a.name.localeCompare(b.name),
  );
}

/**
 * @param {string} id
 * @returns {Promise<Talk | undefined>}
 */
export async function getTalk(id) {
  return (await database()).get(id);
}

/**
 * A talk that is not kept yet, under a name that no other has.
 * @param {string} name
 * @param {import("./talk.js").Slide[]} slides
 * @returns {Promise<Talk>}
 */
export async function newTalk(name, slides) {
  return { id: newId(), name: freeName(name, await listTalks()), made: Date.now(), slides };
}

/**
 * Keep a talk. Recordings that it shows stay from now on, however many races come after them.
 * @param {Talk} talk
 * @throws {Refusal} the browser has no room
 */
export async function saveTalk(talk) {
  const name = talk.name.replace(/\s+/g, " ").trim().slice(0, LONGEST.name);
  try {
    await (await database()).put({ ...talk, name: name || t("talks.untitled") });
  } catch (error) {
    if (!isExpected(error)) throw error;
    throw new Refusal(t("talks.no-room"), { cause: error });
  }
  for (const name of new Set(talk.slides.map(({ recording }) => recording).filter(isOwn))) {
    const record = await getRecording(ownId(name));
    if (record && !record.kept) await keepRecording(record.id);
  }
  signal.changed();
}

/**
 * @param {string} id
 * @returns {Promise<Talk | undefined>} what it was, so that it can be kept again
 */
export async function deleteTalk(id) {
  const found = await getTalk(id);
  await (await database()).remove(id);
  signal.changed();
  return found;
}
