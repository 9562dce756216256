/**
 * What may go wrong and is told as what it is, as against a defect: that is seen, on the console
 * with all there is to know and in the page with a line.
 */

import { t } from "../i18n/i18n.js";

/**
 * Something that goes wrong now and then without anybody's fault: a file that is no recording, a
 * server that does not answer.
 */
export class Expected extends Error {}

/** The same, where its message is a sentence for the visitor. */
export class Told extends Expected {}

/**
 * Whether an error is of that kind; a browser's own refusals (no storage, no room, no permission)
 * are.
 * @param {unknown} error
 */
export function expected(error) {
  return (
    error instanceof Expected ||
    (typeof DOMException === "function" && error instanceof DOMException)
  );
}

/**
 * Show a defect on the console.
 * @param {unknown} error
 * @returns {string} the line for the page
 */
export function defect(error) {
  console.error(error);
  return t("status.defect", { what: error instanceof Error ? error.message : String(error) });
}

/**
 * The line for an error: its own where it is `Told`, what is usual for another that is expected, or
 * that there is a defect.
 * @param {unknown} error
 * @param {string} usual
 */
export function lineOf(error, usual) {
  if (error instanceof Told) return error.message;
  return expected(error) ? usual : defect(error);
}

/**
 * What lies at an address.
 * @param {string} address
 * @returns {Promise<Response>}
 * @throws {Expected} the server does not answer, or has no such thing
 */
export async function fetched(address) {
  const answer = await fetch(address).catch((error) => {
    throw new Expected("the server does not answer", { cause: error });
  });
  if (!answer.ok) throw new Expected(String(answer.status));
  return answer;
}
