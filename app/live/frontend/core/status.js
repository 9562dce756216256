/**
 * How things stand, shown wherever it is seen: the buttons, the status line, what is being
 * prepared, the question that is asked.
 */

import { sameRace } from "../data/frame_view.js";
import { rowsOf } from "../data/summary.js";
import { duration } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";
import { lateStart, statusText } from "../i18n/status_text.js";

/** States in which a race whose stage is here will have a first frame. */
const BEGINNING = ["starting", "queued", "running", "paused"];

/** How long a question is read at least before what was seen takes its place. */
const READ_MS = 9000;

/**
 * Whether the race that the controls name waits for a worker: to ask for it once more would change
 * nothing.
 * @param {import("../data/race_session.js").RaceSession} session
 * @param {any} experiment of the controls
 */
function queued({ state, asked }, experiment) {
  return state.state === "queued" && (!asked || sameRace(asked, experiment));
}

/**
 * What a race does before its first frame: methods with a temperature measure it.
 * @param {any} stage
 */
function preparing(stage) {
  const warm = stage.lanes.filter((/** @type {any} */ lane) => lane.family === "Annealing");
  return warm.length ? t("status.measuring", { lane: warm[0].label }) : t("status.preparing");
}

/**
 * How long a race will take, where its budget says so: its lanes move in turn.
 * @param {any} experiment
 */
function clock({ budget, lanes, seeds = 1 }) {
  if (budget.currency !== "seconds") return "";
  const all = budget.amount * lanes.length * seeds;
  return t("status.clock", { each: duration(budget.amount), all: duration(all) });
}

/** @param {import("./live_view.js").LiveView} view */
export function showStatus(view) {
  const { session, racing, slow, stale, data } = view;
  const { playback, waiting } = session;
  const { state } = session.state;
  const { length, stage, metrics } = session.history;
  const hot = (metrics.at(-1)?.lanes ?? []).some(
    (/** @type {any} */ row) => row.temperature !== null,
  );
  const recorded = playback.source === "recording";
  const problem = session.problem || view.broken;
  const replayed = !racing && length > 1;
  // who watches somebody else's race can begin one of their own
  const own = session.watches ? "ended" : state;
  view.transport.show(slow.active ? (slow.held ? "paused" : "running") : own, {
    hot: hot && !recorded,
    stale,
    replayed: replayed && !stale,
    waits: queued(session, data.experiment),
  });
  view.transport.slow = view.slowly;
  view.story.mayStep = view.slowly;
  view.transport.offer(!data.offline, replayed, playback.rate);
  view.root.classList.toggle("kv-live", view.panelApi.live());
  view.root.classList.toggle("kv-slow", slow.active);
  view.root.classList.toggle("kv-unread", Boolean(data.unread) && length > 0);
  view.root.classList.toggle("kv-behind", Boolean(waiting) && length > 0);
  view.root.classList.toggle(
    "kv-stale",
    stale && !problem && !view.transport.get("run-new").hidden,
  );
  const late = recorded ? "" : lateStart(session.history);
  const text =
    slow.active && !problem
      ? t(slow.held ? "time.slow-held" : "time.slow-status")
      : statusText(session.state, { problem, stale, recorded, late, unread: Boolean(data.unread) });
  const asked = waiting?.stage ?? (length ? null : stage);
  const coming =
    Boolean(waiting) ||
    (!length && Boolean(stage) && !problem && BEGINNING.includes(state)) ||
    state === "queued" ||
    state === "starting";
  const said = coming && state === "running" && asked && !problem ? preparing(asked) : text;
  const previewed = Boolean(view.board.panel("map")?.preview) && !coming && !problem;
  const empty =
    !previewed && !length && (session.begun || state === "attaching" || coming || Boolean(problem));
  const status = view.get(".kv-status");
  const once = empty && problem ? "" : said; // said once, where the race would be
  const theirs = session.watches && !recorded;
  const line = theirs ? t("status.somebodys", { state: once }).trim() : once;
  view.root.classList.toggle("kv-theirs", theirs);
  if (status.textContent !== line) status.textContent = line;
  status.title = line;
  // what was asked for is no alarm
  status.dataset.state = problem ? "problem" : session.state.calm ? "over" : state;
  view.root.toggleAttribute("data-empty", !length);
  const about = [data.about ?? "", clock(data.experiment)].filter(Boolean).join(" · ");
  view.placeholder.show({ empty, coming, said, about });
  // of several seeds what the cards show: medians, and whether a lane has ended in every seed
  const now = stage ? (rowsOf(session.history)(playback.moment)?.lanes ?? []) : [];
  const over = now.length > 0 && now.every((/** @type {any} */ row) => row.finished);
  // A race may be over at once; what to watch is read first.
  const early = recorded ? 0 : READ_MS - (performance.now() - session.runAt);
  if (over && early > 0) setTimeout(() => view.root.isConnected && view.showState(), early + 50);
  view.story.show(data.question, {
    experiment: stage?.experiment ?? null,
    coming: Boolean(waiting),
    ended: over && early <= 0 ? now : null,
    names: (stage?.lanes ?? []).map((/** @type {any} */ lane) => lane.label),
    heights: Boolean(stage?.data.landscape),
    tour: view.layout === "tour" ? (stage?.data ?? {}) : null,
  });
}
