/** What the status line says. */

import { amount, duration, tidyNumbers } from "./format.js";
import { t } from "./i18n.js";

/** What a lane may spend before its first step without it being told. */
const LITTLE = 0.1;
/** An estimate of a wait is told in such steps: it is not known better. */
const WAIT_STEP_SECONDS = 10;

/**
 * @typedef {{state: string, place?: number, seconds?: number, sentence?: string, calm?: boolean}}
 *   State `seconds`: how long a race will be in the queue, about
 * @typedef {{problem: string, stale: boolean, recorded: boolean, late?: string, unread?: boolean}}
 *   Around `late`: which lane spent much before its first step; `unread`: what was typed cannot be
 *   raced
 */

/**
 * One sentence for where things stand. A problem comes first, then settings that are not those of
 * the race on the screen.
 * @param {State} state
 * @param {Around} around
 */
export function statusText(
  { state, place, seconds, sentence: told },
  { problem, stale, recorded, late = "", unread = false },
) {
  if (problem) return tidyNumbers(problem);
  if (unread) return t("status.unread");
  if (stale && !["queued", "starting", "attaching", "lost"].includes(state))
    return t(["running", "paused"].includes(state) ? "status.stale-racing" : "status.stale");
  switch (state) {
    case "queued":
      return queued(place, seconds);
    case "attaching":
      return t("status.attaching");
    case "starting":
      return told || t("status.starting");
    case "running":
      return [t("status.running"), late].filter(Boolean).join(". ");
    case "paused":
      return [t("status.paused"), late].filter(Boolean).join(". ");
    case "done":
      return [told || t("status.done"), late].filter(Boolean).join(" ");
    case "ended":
      return tidyNumbers(told ?? "") || t("status.ended");
    case "lost":
      return tidyNumbers(told ?? "") || t("status.lost");
    default:
      return recorded ? t("status.recorded") : t("status.idle");
  }
}

/**
 * @param {number | undefined} place in the queue
 * @param {number | undefined} seconds until its turn, where that can be estimated
 */
function queued(place, seconds) {
  if (seconds === undefined) return place === 1 ? t("status.next") : t("status.queued", { place });
  const wait = duration(Math.max(1, Math.ceil(seconds / WAIT_STEP_SECONDS)) * WAIT_STEP_SECONDS);
  return place === 1 ? t("status.next-in", { wait }) : t("status.queued-in", { place, wait });
}

/**
 * What the one button for running and pausing does next, whatever the settings are by now: they are
 * not those of the race on the screen.
 * @param {string} state
 * @returns {"run" | "pause" | "resume"} by the names of their texts
 */
export function nextAction(state) {
  return state === "running" ? "pause" : state === "paused" ? "resume" : "run";
}

/**
 * Which lanes spent much of their budget before their first step, so that their curves start there.
 * @param {{stage: any, metrics: any[]}} history
 * @returns {string} nothing where none did
 */
export function lateStart({ stage, metrics }) {
  const [first] = metrics;
  if (!stage || !first) return "";
  const { currency } = stage.budget;
  const late = first.lanes.flatMap((/** @type {any} */ row, /** @type {number} */ lane) =>
    row.step === 0 && row.progress >= LITTLE
      ? [
          t("status.late", {
            lane: stage.lanes[lane].label,
            spent: t(`time.${currency}`, { amount: amount(row[currency], currency) }),
            of: t(`time.${currency}`, { amount: amount(stage.budget.amount, currency) }),
          }),
        ]
      : [],
  );
  return late.join(" ");
}
