/** What panels are called, for those who draw none. registry.js holds what draws them. */

/** @type {Record<"network" | "landscape", string[]>} in the order of their numbers */
export const PANEL_NAMES = {
  network: ["loss", "weights", "network", "temperature", "agreement", "chains", "layers", "cost"],
  landscape: ["weights", "loss", "temperature", "agreement", "chains", "cost"],
};
