/**
 * Recordings, read and written in the browser: gzip; inside, of every message its length
 * (little-endian uint32) and its bytes.
 */

import { t } from "../i18n/i18n.js";
import { ExpectedError, UserError } from "./errors.js";
import { History } from "./history.js";
import { decode, records } from "./messages.js";

/** The newest version of recordings that is read, as engine/messages/encoding.py has it. */
export const VERSION = 2;
const KINDS = ["stage", "metrics", "picture", "detail", "weights", "seed"];

/**
 * The history in a recording file's bytes: all of it, or none.
 * @param {ArrayBuffer} file
 * @throws {ExpectedError} it is no recording; `UserError` where it is cut off, or made by a newer
 *   Kelvin
 */
export async function readRecording(file) {
  const messages = await understood(file).catch((error) => {
    throw error instanceof ExpectedError
      ? error
      : new ExpectedError("not a recording", { cause: error });
  });
  const history = new History();
  for (const { message, bytes } of messages) history.add(message, bytes);
  if (!history.stage || !history.length) throw new ExpectedError("not a recording");
  return history;
}

/** The messages in a file, each of a kind that is known. @param {ArrayBuffer} file */
async function understood(file) {
  const { buffer, whole } = await unpack(file);
  return messagesOf(buffer, whole).map((bytes, number) => {
    const message = decode(bytes);
    check(message, number);
    return { message, bytes };
  });
}

/**
 * As much as can be unpacked, and whether that is everything.
 * @param {ArrayBuffer} file
 * @returns {Promise<{buffer: ArrayBuffer, whole: boolean}>}
 */
async function unpack(file) {
  const reader = new Blob([file]).stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  /** @type {Uint8Array<ArrayBuffer>[]} */ const parts = [];
  let whole = false;
  try {
    for (let next = await reader.read(); ; next = await reader.read()) {
      whole = next.done;
      if (whole) break;
      parts.push(/** @type {Uint8Array<ArrayBuffer>} */ (next.value));
    }
  } catch (error) {
    if (!parts.length) throw error;
  }
  return { buffer: await new Blob(parts).arrayBuffer(), whole };
}

/**
 * @param {ArrayBuffer} buffer
 * @param {boolean} whole
 * @returns {Uint8Array[]}
 */
function messagesOf(buffer, whole) {
  let count;
  try {
    const found = records(buffer);
    if (whole) return found;
    count = found.length;
  } catch (error) {
    count = /** @type {Error & {count: number}} */ (error).count;
  }
  throw new UserError(t("status.recording-cut", { count }));
}

/**
 * @param {any} message
 * @param {number} number its place in the file
 */
function check(message, number) {
  if (!KINDS.includes(message.type))
    throw new UserError(t("status.recording-kind", { kind: message.type.slice(0, 40) }));
  if ((message.type === "stage") !== (number === 0)) throw new ExpectedError("not a recording");
  if (message.type !== "stage") return;
  const version = message.version ?? 1;
  if (!Number.isInteger(version) || version < 1) throw new ExpectedError("not a recording");
  if (version > VERSION)
    throw new UserError(t("status.recording-newer", { version, known: VERSION }));
}

/**
 * A history as a recording file.
 * @param {History} history
 * @returns {Promise<Blob>}
 */
export async function writeRecording(history) {
  const parts = history.messages().flatMap((bytes) => {
    const head = new DataView(new ArrayBuffer(4));
    head.setUint32(0, bytes.byteLength, true);
    return [
      /** @type {BlobPart} */ (head.buffer),
      /** @type {BlobPart} */ (/** @type {unknown} */ (bytes)),
    ];
  });
  const stream = new Blob(parts).stream().pipeThrough(new CompressionStream("gzip"));
  return new Blob([await new Response(stream).arrayBuffer()], { type: "application/octet-stream" });
}
