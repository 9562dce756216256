/** Where a recording comes from. */

import { Expected, fetched } from "./errors.js";
import { getRecording } from "./recording_store.js";

/**
 * The bytes of a recording: of the visitor's own ("own:" and its id), or from the server.
 * @param {string} base
 * @param {string} address
 * @returns {Promise<ArrayBuffer>}
 */
export async function recordingBytes(base, address) {
  if (address.startsWith("own:")) {
    const own = await getRecording(address.slice("own:".length));
    if (!own) throw new Expected("no such recording");
    return own.bytes.arrayBuffer();
  }
  return (await fetched(`${base}${address}`)).arrayBuffer();
}
