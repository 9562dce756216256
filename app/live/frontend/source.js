/** Where a recording comes from. */

import { getRecording } from "./store.js";

/** The bytes of a recording: of the visitor's own ("own:" and its id), or from the server. @param {string} base @param {string} address @returns {Promise<ArrayBuffer>} */
export async function recordingBytes(base, address) {
  if (address.startsWith("own:")) {
    const own = await getRecording(address.slice("own:".length));
    if (!own) throw new Error("no such recording");
    return own.bytes.arrayBuffer();
  }
  const answer = await fetch(`${base}${address}`);
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.arrayBuffer();
}
