/**
 * What may go wrong and is told as what it is, as against a defect: that is seen, on the console
 * with all there is to know and in the page with a line.
 */

import { t } from "../i18n/i18n.js";

/**
 * Something that goes wrong now and then without anybody's fault: a file that is no recording, a
 * server that does not answer.
 */
export class ExpectedError extends Error {}

/** The same, where its message is a sentence for the visitor. */
export class UserError extends ExpectedError {}

/**
 * Whether an error is of that kind; a browser's own refusals (no storage, no room, no permission)
 * are.
 * @param {unknown} error
 */
export function isExpected(error) {
  return (
    error instanceof ExpectedError ||
    (typeof DOMException === "function" && error instanceof DOMException)
  );
}

/**
 * Show a defect on the console.
 * @param {unknown} error
 * @returns {string} the line for the page
 */
export function reportDefect(error) {
  console.error(error);
  return t("status.defect", { what: error instanceof Error ? error.message : String(error) });
}

/**
 * The line for an error: its own where it is `UserError`, what is usual for another that is
 * expected, or that there is a defect.
 * @param {unknown} error
 * @param {string} usual
 */
export function messageFor(error, usual) {
  if (error instanceof UserError) return error.message;
  return isExpected(error) ? usual : reportDefect(error);
}

/**
 * What lies at an address.
 * @param {string} address
 * @returns {Promise<Response>}
 * @throws {ExpectedError} the server does not answer, or has no such thing
 */
export async function fetchOrFail(address) {
  const answer = await fetch(address).catch((error) => {
    throw new ExpectedError("the server does not answer", { cause: error });
  });
  if (!answer.ok) throw new ExpectedError(String(answer.status));
  return answer;
}
