/** What the server says, and what comes of it. */

import { asStages } from "../slow_motion/move_trace.js";

const REFUSED_MS = 6000;

/**
 * @typedef {object} Handling what a live view does about messages
 * @property {(state: any) => void} say how things stand
 * @property {() => void} showState
 * @property {() => void} begin shows what a page without a race of its own shows
 * @property {(history: import("../data/history.js").History, again: boolean) => void} load puts a
 *   race on the screen
 * @property {() => void} leaving the race on the screen is about to make room
 * @property {() => void} reattached the race may be the one of before: the controls take it up
 * @property {(message: any) => void} phases of one step in slow motion
 * @property {(message: any, bytes: Uint8Array) => boolean} heldBack whether slow motion keeps a
 *   part of a frame for later
 * @property {(kind: "metrics" | "pictures" | "all") => void} due something is to be drawn
 * @property {(command: Record<string, unknown>) => void} command
 * @property {(sentence: string) => void} refused
 * @property {() => void} watching the race is somebody else's
 */

/** Takes the messages of a race and puts them where they belong. */
export class MessageHandler {
  /**
   * @param {import("../data/race_session.js").RaceSession} session
   * @param {Handling} on
   */
  constructor(session, on) {
    this.session = session;
    this.on = on;
  }

  /**
   * @param {any} message
   * @param {Uint8Array} bytes
   */
  receive(message, bytes) {
    const { session, on } = this;
    if (message.type === "state") {
      const before = session.watches;
      if (message.race) session.assign(message.race, message);
      if (session.watches && !before) on.watching();
      on.say(message);
      on.reattached();
    } else if (message.type === "problem") this._problem(message);
    else if (message.type === "stage") {
      // The old race stays on the screen until the new one has something to show.
      on.leaving();
      const { history, again } = session.open(message, bytes);
      on.load(history, again);
      on.reattached();
    } else if (message.type === "stages") on.phases(message);
    else if (message.type === "move") on.phases(asStages(message, session.history.stage));
    else if (session.playback.source === "live" && !on.heldBack(message, bytes))
      this.accept(message, bytes);
  }

  /**
   * A part of a frame, to be seen now.
   * @param {any} message
   * @param {Uint8Array} bytes
   */
  accept(message, bytes) {
    const { session, on } = this;
    session.add(message, bytes);
    if (message.type === "metrics") {
      on.due("metrics");
      if (session.meetsGoal(message)) on.command({ do: "pause" });
    } else on.due(message.type === "picture" ? "pictures" : "all");
  }

  /** @param {any} message */
  _problem(message) {
    const { session, on } = this;
    if (message.gone) {
      session.forget();
      // What is on the screen stays there to be looked at; it only does not go on.
      if (session.begun) on.say({ state: "ended", sentence: message.sentence });
      else on.begin();
      return;
    }
    session.problem = message.sentence;
    // a command that was refused; the race goes on
    if (message.passing) return this._refused(message.sentence);
    session.waiting = null;
    on.say({ state: session.history.length ? "ended" : "idle" });
  }

  /** What was asked for cannot be: said for a while. @param {string} sentence */
  _refused(sentence) {
    const { session, on } = this;
    on.showState();
    on.refused(sentence);
    setTimeout(() => {
      if (session.problem !== sentence) return;
      session.problem = "";
      on.showState();
    }, REFUSED_MS);
  }
}
