/**
 * The races that this browser has asked for, so that it finds them again after it was closed. Having
 * a race's token is the right to it; those that are only watched are not among them.
 */

import { isExpected } from "./errors.js";
import { nameOf } from "./summary.js";

/** @typedef {{token: string, title: string, at: number}} Asked `at`: when, in milliseconds */

export const MOST_ASKED = 50;
const NAME = "kelvin.races";

/**
 * @param {string} base path of the server: another one at the same host has other races
 * @param {() => Storage} storage
 */
export function askedRaces(base, storage = () => window.localStorage) {
  const name = `${NAME}${base}`;
  /** The newest first. @returns {Asked[]} */
  const list = () => read(attempt(() => storage().getItem(name)));
  const keep = (/** @type {Asked[]} */ races) =>
    void attempt(() => storage().setItem(name, JSON.stringify(races.slice(0, MOST_ASKED))));
  return {
    list,
    /**
     * A race was asked for, or tells what it is.
     * @param {string} token
     * @param {any} [stage] the message, once there is one
     */
    note: (token, stage) => {
      const races = list();
      const known = races.find((one) => one.token === token);
      const title = stage ? titleOf(stage) : "";
      if (!known) return keep([{ token, title, at: Date.now() }, ...races]);
      if (!title || title === known.title) return;
      keep(races.map((one) => (one === known ? { ...one, title } : one)));
    },
    /** @param {string} token */
    forget: (token) => keep(list().filter((one) => one.token !== token)),
  };
}

/**
 * What was kept, as far as it is what this module writes.
 * @param {string | null} text
 * @returns {Asked[]}
 */
function read(text) {
  let found;
  try {
    found = JSON.parse(text ?? "[]");
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return []; // written by something else
  }
  return (Array.isArray(found) ? found : []).flatMap((one) =>
    typeof one?.token === "string" && one.token
      ? [{ token: one.token, title: String(one.title ?? ""), at: Number(one.at) || 0 }]
      : [],
  );
}

/** @param {any} stage */
function titleOf({ data = {}, lanes }) {
  const summary = { label: data.landscape?.label ?? data.label ?? data.name, lanes };
  return nameOf(/** @type {import("./summary.js").Summary} */ (summary));
}

/**
 * @template T
 * @param {() => T} use
 * @returns {T | null}
 */
function attempt(use) {
  try {
    return use();
  } catch (error) {
    if (!isExpected(error)) throw error;
    return null; // storage is blocked or full: races are not found again
  }
}
