/**
 * The visitor's own recordings, kept in their browser: named ones that stay, and the last few races
 * by themselves.
 */

import { t } from "../i18n/i18n.js";
import { changeSignal } from "./change_signal.js";
import { ExpectedError, isExpected, UserError } from "./errors.js";
import { browserFactory, openDatabase } from "./indexeddb.js";
import { withLaneNames } from "./lane_names.js";
import { readRecording, writeRecording } from "./recording.js";
import { readTitle, withTitle } from "./recording_title.js";
import { nameOf, sparklineOf, summaryOf } from "./summary.js";

export { nameOf, sparklineOf, summaryOf };

/** @typedef {import("./indexeddb.js").Stored} Stored */

export const MOST_RECENT = 12;
export const SUFFIX = ".kelvin";
const MEGABYTE = 1024 * 1024;
const MOST_BYTES = 64 * MEGABYTE;
/** What a file may hold when it is unpacked: a small file that unpacks for ever is no recording. */
const MOST_UNPACKED = 512 * MEGABYTE;
const MOST_NAME = 120;

/** What went wrong, in one sentence for the visitor. */
export class Refusal extends ExpectedError {}

/** @type {Promise<import("./indexeddb.js").Database<Stored>> | null} */ let opened = null;
function database() {
  opened ??= openDatabase(browserFactory(), "kelvin", "recordings");
  return opened;
}

/**
 * Whether recordings are still there when the page comes back: not in a private window.
 * @returns {Promise<boolean>}
 */
export async function isPersistent() {
  return (await database()).persistent;
}

const signal = changeSignal("kelvin-recordings");

/**
 * Be told when recordings come, go or change, in this tab or another; what it returns ends it.
 */
export const onChange = signal.onChange;

/**
 * Keep a race. One that is not `kept` is among the last few and makes room for newer ones.
 * @param {import("./history.js").History} history
 * @param {{name?: string, kept?: boolean, id?: string}} how `id`: of what was kept of the same race
 *   before, whose place and name it takes
 * @returns {Promise<string>} its id
 */
export async function saveRecording(history, { name, kept = true, id } = {}) {
  return add(history, await writeRecording(history), name, kept, id);
}

/**
 * @param {import("./history.js").History} history
 * @param {Blob} bytes
 * @param {string | undefined} name
 * @param {boolean} kept
 * @param {string} [id]
 */
async function add(history, bytes, name, kept, id) {
  const summary = summaryOf(history);
  const others = await listRecordings();
  const before = others.find((one) => one.id === id);
  const record = {
    id: before?.id ?? newId(),
    name: before?.name ?? freeName(tidy(name) || nameOf(summary), others),
    made: Date.now(),
    kept,
    bytes,
    size: bytes.size,
    summary,
    spark: sparklineOf(history),
  };
  await putWithRoom(record);
  await forgetOldest();
  signal.changed();
  return record.id;
}

/**
 * All recordings, the newest first; without their bytes.
 * @returns {Promise<Omit<Stored, "bytes">[]>}
 */
export async function listRecordings() {
  const all = await (await database()).all();
  // What was kept before lanes had names of their own has only their methods.
  return all
    .map(({ bytes: _, ...rest }) => ({ ...rest, summary: withLaneNames(rest.summary) }))
    .sort((a, b) => b.made - a.made || a.name.localeCompare(b.name));
}

/**
 * @param {string} id
 * @returns {Promise<Stored | undefined>}
 */
export async function getRecording(id) {
  return (await database()).get(id);
}

/**
 * @param {string} id
 * @param {string} name an empty one leaves it as it is
 */
export async function renameRecording(id, name) {
  if (tidy(name)) await change(id, { name: tidy(name) });
}

/** One of the last few stays from now on. @param {string} id */
export async function keepRecording(id) {
  await change(id, { kept: true });
}

/**
 * @param {string} id
 * @returns {Promise<Stored | undefined>} what it was, so that it can be restored
 */
export async function deleteRecording(id) {
  const found = await getRecording(id);
  await (await database()).remove(id);
  signal.changed();
  return found;
}

/** Put back what was deleted. @param {Stored} record */
export async function restoreRecording(record) {
  await putWithRoom(record);
  signal.changed();
}

/**
 * Keep a recording from a file, under the name it had where it was exported, else under the file's.
 * @param {File} file
 * @param {string} [called] its name, where that is known
 * @returns {Promise<string>} its id
 * @throws {Refusal} it is too large or not a whole recording
 */
export async function importRecording(file, called) {
  if (file.size > MOST_BYTES)
    throw new Refusal(t("gallery.refused-size", { name: file.name, most: MOST_BYTES / MEGABYTE }));
  const history = await read(file).catch((error) => {
    // A stranger's file may be wrong in any way; what was is told to those who look.
    if (!isExpected(error)) console.warn(error);
    const line =
      error instanceof UserError
        ? t("gallery.refused-why", { name: file.name, why: error.message })
        : t("gallery.refused", { name: file.name });
    throw new Refusal(line, { cause: error });
  });
  const name =
    tidy(called) ||
    tidy(await readTitle(file)) ||
    (file.name.toLowerCase().endsWith(SUFFIX) ? file.name.slice(0, -SUFFIX.length) : file.name);
  return add(history, new Blob([file], { type: "application/octet-stream" }), name, true);
}

/**
 * Unpack a file only to see that it has an end; throws where it has more than that many bytes. One
 * that is broken ends there.
 * @param {Blob} file
 * @param {number} most
 */
export async function unpacksWithin(file, most) {
  const reader = file.stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  for (let unpacked = 0; ;) {
    const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
    if (done || !value) return;
    unpacked += value.byteLength;
    if (unpacked > most) {
      reader.cancel().catch(() => {});
      throw new ExpectedError("it unpacks to too much");
    }
  }
}

/** @param {File} file */
async function read(file) {
  await unpacksWithin(file, MOST_UNPACKED);
  const history = await readRecording(await file.arrayBuffer());
  summaryOf(history);
  return history;
}

/**
 * A recording as a file to download.
 * @param {string} id
 * @returns {Promise<File>}
 */
export async function exportRecording(id) {
  const found = await getRecording(id);
  if (!found) throw new Refusal(t("gallery.gone"));
  return new File([await withTitle(found.bytes, found.name)], fileName(found.name), {
    type: "application/octet-stream",
  });
}

/** A name as every system takes it for a file. @param {string} name */
export function fileName(name) {
  const plain = name
    .replace(/[\u0000-\u001f<>:"/\\|?*]+/g, " ")
    .replace(/\s+/g, " ")
    .replace(/^[.\s]+|[.\s]+$/g, "");
  return `${plain.slice(0, 80) || "recording"}${SUFFIX}`;
}

/**
 * @param {string} id
 * @param {Partial<Stored>} what
 */
async function change(id, what) {
  const found = await getRecording(id);
  if (!found) throw new Refusal(t("gallery.gone"));
  await (await database()).put({ ...found, ...what });
  signal.changed();
}

/**
 * Store a record; where the browser is full, older recent races make room.
 * @param {Stored} record
 */
async function putWithRoom(record) {
  for (;;) {
    try {
      await (await database()).put(record);
      return;
    } catch (error) {
      if (!isExpected(error)) throw error;
      const oldest = (await listRecordings())
        .filter((one) => !one.kept && one.id !== record.id)
        .at(-1);
      if (!oldest) throw new Refusal(t("gallery.no-room"));
      await (await database()).remove(oldest.id);
    }
  }
}

async function forgetOldest() {
  const recent = (await listRecordings()).filter((one) => !one.kept);
  for (const { id } of recent.slice(MOST_RECENT)) await (await database()).remove(id);
}

/**
 * A name that no other recording has: "Moons", "Moons (2)".
 * @param {string} name
 * @param {{name: string}[]} others
 */
export function freeName(name, others) {
  const taken = new Set(others.map((one) => one.name));
  if (!taken.has(name)) return name;
  let number = 2;
  while (taken.has(t("gallery.copy-name", { name, number }))) number++;
  return t("gallery.copy-name", { name, number });
}

/** @param {string | undefined} name */
function tidy(name) {
  return (name ?? "").replace(/\s+/g, " ").trim().slice(0, MOST_NAME);
}

/**
 * Unguessable is not needed, only unlike all others; crypto.randomUUID is missing where the page is
 * not served securely.
 */
export function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
