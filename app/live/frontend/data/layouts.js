/** Which board a race is shown on: one for networks, one for landscapes, one for tours. */

/** @typedef {"network" | "landscape" | "tour"} Layout */

/**
 * The board for a kind of data.
 * @param {string | undefined} kind as a stage names it
 * @returns {Layout}
 */
export function layoutOf(kind) {
  return kind === "function" ? "landscape" : kind === "tour" ? "tour" : "network";
}

/** The page that has it, without its slash. */
export const PAGES = /** @type {Record<Layout, string>} */ ({
  network: "",
  landscape: "landscapes",
  tour: "routes",
});
