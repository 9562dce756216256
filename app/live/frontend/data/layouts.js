/**
 * Which board a race is shown on: one for networks, one for landscapes, one for tours and the other
 * problems in which an order or a choice is looked for.
 */

/** @typedef {"network" | "landscape" | "tour"} Layout */

/**
 * The board for a kind of data.
 * @param {string | undefined} kind as a stage names it
 * @returns {Layout}
 */
export function layoutOf(kind) {
  return kind === "function" ? "landscape" : sought(kind) ? "tour" : "network";
}

/** Kinds of data of which an order or a choice is looked for, and no weights. */
const SOUGHT = ["tour", "routes", "pairing", "landing"];

/**
 * Whether an order or a choice is looked for: a round trip, routes, a roster, landings.
 * @param {string | undefined} kind
 */
export function sought(kind) {
  return SOUGHT.includes(String(kind));
}

/**
 * Whether what an answer costs is a length.
 * @param {string | undefined} kind
 */
export function measured(kind) {
  return kind === "tour" || kind === "routes";
}

/** The page that has it, without its slash. */
export const PAGES = /** @type {Record<Layout, string>} */ ({
  network: "",
  landscape: "landscapes",
  tour: "routes",
});
