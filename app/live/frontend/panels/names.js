/** What panels are called, for those who draw none. registry.js holds what draws them. */

/** @type {Record<import("../data/layouts.js").Layout, string[]>} in the order of their numbers */
export const PANEL_NAMES = {
  network: ["loss", "weights", "network", "temperature", "agreement", "chains", "layers", "cost"],
  landscape: ["weights", "loss", "temperature", "agreement", "chains", "cost"],
  tour: ["map", "gap", "temperature", "replicas", "alike", "cost"],
};

/**
 * What a panel is called on a board: its text's name.
 * @param {string} name
 * @param {import("../data/layouts.js").Layout} layout
 */
export function panelTerm(name, layout) {
  const own =
    (layout === "landscape" && ["weights", "loss"].includes(name)) ||
    (layout === "tour" && ["temperature", "cost"].includes(name));
  return own ? `${layout}-${name}` : name;
}
