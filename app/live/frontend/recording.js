/** Recordings, read and written in the browser: gzip; inside, of every message its length (little-endian uint32) and its bytes. */

import { decode, records } from "./decode.js";
import { History } from "./player.js";

/**
 * The history in a recording file's bytes.
 * @param {ArrayBuffer} file
 */
export async function readRecording(file) {
  const stream = new Blob([file]).stream().pipeThrough(new DecompressionStream("gzip"));
  const history = new History();
  for (const bytes of records(await new Response(stream).arrayBuffer())) history.add(decode(bytes), bytes);
  if (!history.stage || !history.length) throw new Error("not a recording");
  return history;
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
