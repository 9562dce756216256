/** Recordings, read and written in the browser: gzip; inside, of every message its length (little-endian uint32) and its bytes. */

import { decode, records } from "./decode.js";
import { Expected } from "./faults.js";
import { History } from "./player.js";

/**
 * The history in a recording file's bytes.
 * @param {ArrayBuffer} file
 * @throws {Expected} it is no recording
 */
export async function readRecording(file) {
  const messages = await unpacked(file).catch((error) => {
    throw new Expected("not a recording", { cause: error });
  });
  const history = new History();
  for (const { message, bytes } of messages) history.add(message, bytes);
  if (!history.stage || !history.length) throw new Expected("not a recording");
  return history;
}

/** The messages in a file; a file that is none of ours fails here. @param {ArrayBuffer} file */
async function unpacked(file) {
  const stream = new Blob([file]).stream().pipeThrough(new DecompressionStream("gzip"));
  return records(await new Response(stream).arrayBuffer()).map((bytes) => ({ message: decode(bytes), bytes }));
}

/** A history as a recording file. @param {History} history @returns {Promise<Blob>} */
export async function writeRecording(history) {
  const parts = history.messages().flatMap((bytes) => {
    const head = new DataView(new ArrayBuffer(4));
    head.setUint32(0, bytes.byteLength, true);
    return [/** @type {BlobPart} */ (head.buffer), /** @type {BlobPart} */ (/** @type {unknown} */ (bytes))];
  });
  const stream = new Blob(parts).stream().pipeThrough(new CompressionStream("gzip"));
  return new Blob([await new Response(stream).arrayBuffer()], { type: "application/octet-stream" });
}
