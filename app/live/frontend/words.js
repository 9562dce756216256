/** What the status line says. */

import { t } from "./text.js";

/**
 * @typedef {{state: string, place?: number, sentence?: string}} State
 * @typedef {{problem: string, stale: boolean, recorded: boolean}} Around
 */

/**
 * One sentence for where things stand. A problem comes first, then settings that are not those of the race on the screen.
 * @param {State} state @param {Around} around
 */
export function sentence({ state, place, sentence: told }, { problem, stale, recorded }) {
  if (problem) return problem;
  if (stale && !["queued", "starting", "lost"].includes(state)) return t("status.stale");
  switch (state) {
    case "queued":
      return place === 1 ? t("status.next") : t("status.queued", { place });
    case "starting":
      return t("status.starting");
    case "running":
      return t("status.running");
    case "paused":
      return t("status.paused");
    case "done":
      return t("status.done");
    case "ended":
      return told || t("status.ended");
    case "lost":
      return t("status.lost");
    default:
      return recorded ? t("status.recorded") : t("status.idle");
  }
}

/** What the one button for running and pausing does next. @param {string} state @param {boolean} stale @returns {"run" | "pause" | "resume"} by the names of their texts */
export function nextAction(state, stale) {
  if (stale) return "run";
  return state === "running" ? "pause" : state === "paused" ? "resume" : "run";
}
