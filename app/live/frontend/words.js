/** What the status line says. */

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
  if (stale && !["queued", "starting", "lost"].includes(state)) return "Settings changed. Press Run to race them.";
  switch (state) {
    case "queued":
      return `Waiting for a free worker: ${place === 1 ? "you are next" : `place ${place} in the queue`}.`;
    case "starting":
      return "Starting …";
    case "running":
      return "Running";
    case "paused":
      return "Paused";
    case "done":
      return "Done: every lane has spent its budget.";
    case "ended":
      return told || "The race has ended.";
    case "lost":
      return "The connection is gone; trying again …";
    default:
      return recorded ? "Recorded race. Press Run to train your own." : "Press Run to start the race.";
  }
}

/** What the one button for running and pausing does next. @param {string} state @param {boolean} stale @returns {"Run" | "Pause" | "Resume"} */
export function nextAction(state, stale) {
  if (stale) return "Run";
  return state === "running" ? "Pause" : state === "paused" ? "Resume" : "Run";
}
