/** The race of a live view: what was asked for, how it stands, and what is known of it. */

import { sameRace } from "./frame_view.js";
import { History } from "./history.js";
import { Playback } from "./playback.js";

const GOES_ON = ["queued", "starting", "running", "paused", "lost"];

/** Knows nothing of how a race is shown, nor of the page around it. */
export class RaceSession {
  /**
   * @param {object} how
   * @param {ReturnType<typeof import("./socket.js").tokenOf>} how.token of the tab's race
   * @param {boolean} [how.offline] whether there is no server to run anything
   * @param {boolean} [how.fresh] whether nothing was shown yet since the document was loaded
   * @param {boolean} [how.opened] whether a recording was asked for, by the address
   * @param {number | null} [how.goal] share of the budget at which the race is to be paused
   * @param {{note: (token: string, stage?: any) => void}} [how.own] is told of every race that is
   *   the visitor's own
   */
  constructor({ token, offline = false, fresh = false, opened = false, goal = null, own }) {
    this.token = token;
    this.own = own;
    this.offline = offline;
    this.fresh = fresh;
    this.opened = opened;
    /** @type {string | null} where the recording on the screen was read from */
    this.recording = null;
    this.goal = goal;
    this.playback = new Playback();
    this.state = /** @type {import("../i18n/status_text.js").State} */ ({ state: "idle" });
    /** What was refused, in a sentence. */
    this.problem = "";
    /** @type {string | null} token of the race that the server runs for this view */
    this.race = null;
    /** @type {string | null} token of the race whose history is on the screen */
    this.loaded = null;
    /** Whether it is somebody else's race, which came by a link to watch it. */
    this.watches = false;
    /** @type {string | null} the token by which others may watch this race */
    this.watch = null;
    /** @type {any} the experiment of that race, as it stands now */
    this.experiment = null;
    /** @type {any} the experiment that was asked for last */
    this.asked = null;
    /** @type {History | null} of a race that was asked for and has shown nothing yet */
    this.waiting = null;
    /** Whether it is settled what is shown first: a race or a recording. */
    this.begun = false;
    /** Races shown so far. */
    this.run = 0;
    /** When a race was asked for last, and when its first picture came. */
    this.runAt = this.firstFrameAt = 0;
    this.received = { metrics: 0, pictures: 0 };
    /** Until then race and controls may disagree: both are taking up a change. */
    this.settlesAt = 0;
    /** @type {import("./socket.js").Socket | null} */ this.socket = null;
  }

  /** Of the race on the screen. */
  get history() {
    return this.playback.history;
  }

  /** Whether a race goes on, here or in the queue. */
  get racing() {
    return (
      Boolean(this.waiting) ||
      (this.playback.source === "live" && GOES_ON.includes(this.state.state))
    );
  }

  /** Whether the server runs the race on the screen, or holds it, so that it takes commands. */
  get live() {
    const goes = ["running", "paused"].includes(this.state.state);
    return goes && this.playback.source === "live" && !this.watches;
  }

  /** Whether an experiment is another one than the race's on the screen. @param {any} experiment */
  differsFrom(experiment) {
    const { stage } = this.history;
    if (this.waiting || this.offline || performance.now() < this.settlesAt || !stage) return false;
    // A race told before there were several seeds has one.
    return (
      (stage.experiment.seeds ?? 1) !== (experiment.seeds ?? 1) ||
      !sameRace(stage.experiment, experiment)
    );
  }

  /** @param {Record<string, unknown>} command */
  send(command) {
    this.socket?.send(command);
  }

  /**
   * A command to the race, which is looked at where it stands.
   * @param {Record<string, unknown>} command
   */
  command(command) {
    if (this.playback.source === "live") this.playback.show(null);
    this.send(command);
  }

  /**
   * Ask for a race.
   * @param {any} experiment
   * @param {any[]} then commands in the same message, or the race could be some steps on before
   *   they come
   * @param {boolean} [link] whether the address asks for it, and not a visitor: others who open the
   *   same address share the race, one that is over too
   */
  ask(experiment, then, link = false) {
    this.begun = true;
    this.fresh = false;
    this.problem = "";
    this.opened = false;
    this.asked = experiment;
    this.runAt = performance.now();
    this.firstFrameAt = 0;
    this.waiting = new History();
    this.send({ do: "run", experiment, then, ...(link ? { link } : {}) });
  }

  /** Whether a race that was asked for has not been sent yet. */
  get unsent() {
    return Boolean(this.socket?.pending.some((command) => command.do === "run"));
  }

  /** The race that was asked for and has not begun is not wanted after all. */
  cancel() {
    if (this.socket && this.unsent)
      this.socket.pending = this.socket.pending.filter((one) => one.do !== "run");
    else this.send({ do: "cancel" });
    this.waiting = null;
  }

  /**
   * The server tells the token of the race.
   * @param {string} race
   * @param {{watches?: boolean, watch?: string}} [rights] `watches`: it can only be watched;
   *   `watch`: the token by which others may watch it
   */
  assign(race, { watches = false, watch } = {}) {
    this.token.set(race);
    this.watches = watches;
    this.watch = watch ?? null;
    if (!watches) this.own?.note(race);
    if (race === this.race) return;
    this.race = race;
    this.waiting ??= new History();
  }

  /** The server knows nothing of the race any more. What is on the screen stays there. */
  forget() {
    this.token.clear();
    this.race = null;
  }

  /**
   * The race that was asked for has something to show.
   * @param {any} stage the message
   * @param {Uint8Array} bytes
   * @returns {{history: History, again: boolean}} `again`: whether it is the race on the screen,
   *   told again from its start after a lost connection
   */
  open(stage, bytes) {
    const history = new History();
    history.add(stage, bytes);
    const again = this.race !== null && this.loaded === this.race;
    this.begun = true;
    this.loaded = this.race;
    this.waiting = null;
    this.experiment = stage.experiment;
    if (this.race && !this.watches) this.own?.note(this.race, stage);
    return { history, again };
  }

  /**
   * Another race is on the screen.
   * @param {History} history
   * @param {"live" | "recording"} source
   */
  load(history, source) {
    this.playback.load(history, source);
    this.run++;
  }

  /**
   * Keep a part of a frame.
   * @param {any} message
   * @param {Uint8Array} bytes
   */
  add(message, bytes) {
    this.history.add(message, bytes);
    if (message.type === "metrics") {
      this.received.metrics++;
      for (const event of message.events ?? [])
        if (event.kind === "points") this.experiment = this.history.movePoints(event.value);
        else if (event.kind === "cities") this.experiment = this.history.moveCities();
    } else if (message.type === "picture") {
      this.received.pictures++;
      this.firstFrameAt ||= performance.now();
    }
  }

  /** Whether metrics reach the goal; it is met once. @param {any} metrics */
  meetsGoal({ lanes }) {
    const spent = Math.max(...lanes.map((/** @type {any} */ row) => row.progress));
    if (this.goal === null || spent < this.goal) return false;
    this.goal = null;
    return true;
  }
}
