/** Where a recording comes from: the server, or what the visitor keeps in this browser. */

import { ExpectedError, fetchOrFail } from "./errors.js";
import { getRecording } from "./recording_store.js";

/** Begins the name of a recording that is kept in this browser; its id follows. */
const OWN = "own:";

/** The name of a recording that is kept in this browser. @param {string} id */
export function ownName(id) {
  return `${OWN}${id}`;
}

/** Whether a recording is kept in this browser. @param {string | null | undefined} name */
export function isOwn(name) {
  return Boolean(name?.startsWith(OWN));
}

/** The id of a recording of that name, which is kept in this browser. @param {string} name */
export function ownId(name) {
  return name.slice(OWN.length);
}

/** Where a recording of that name lies, without the server's base path. @param {string} name */
export function addressOf(name) {
  return isOwn(name) ? name : `/kelvin/recordings/${name}.kelvin`;
}

/** The name of the recording that lies there. @param {string} address */
export function nameAt(address) {
  return address.replace(/^.*\/|\.kelvin$/g, "");
}

/**
 * Fetch a recording.
 * @param {string} base path of the server
 * @param {string} address as `addressOf` gives it
 * @returns {Promise<{bytes: ArrayBuffer, title: string}>} `title`: what the visitor calls it, ""
 *   where it comes from the server
 */
export async function fetchRecording(base, address) {
  if (isOwn(address)) {
    const own = await getRecording(ownId(address));
    if (!own) throw new ExpectedError("no such recording");
    return { bytes: await own.bytes.arrayBuffer(), title: own.name };
  }
  return { bytes: await (await fetchOrFail(`${base}${address}`)).arrayBuffer(), title: "" };
}
