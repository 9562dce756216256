/** What the server says to the live view. */

import { History } from "../data/history.js";
import { takeUp } from "./reattach.js";

const REFUSED_MS = 6000;

/** Takes the messages of a race and puts them where they belong. */
export class Inbox {
  /** @param {import("./live_view.js").LiveView} view */
  constructor(view) {
    this.view = view;
  }

  /**
   * @param {any} message
   * @param {Uint8Array} bytes
   */
  receive(message, bytes) {
    const { view } = this;
    if (message.type === "state") {
      if (message.race) view.token.set(message.race);
      if (message.race && message.race !== view.race) {
        view.race = message.race;
        view.waiting ??= new History();
      }
      view.say(message);
      takeUp(view);
    } else if (message.type === "problem") this._problem(message);
    else if (message.type === "stage") {
      // The old race stays on the screen until the new one has something to show.
      view.begun = true;
      view.menu.keepRecent(view.player);
      const history = new History();
      history.add(message, bytes);
      // After a lost connection the same race is told again from its start: a zoom by hand still
      // holds.
      view.load(history, "live", view.race !== null && view.loaded === view.race);
      view.loaded = view.race;
      view.waiting = null;
      view.experiment = JSON.stringify(message.experiment);
      takeUp(view);
    } else if (message.type === "stages") view.slow.receive(message);
    else if (view.player.source === "live" && !view.slow.keep(message, bytes))
      this.accept(message, bytes);
  }

  /**
   * A part of a frame, to be seen now.
   * @param {any} message
   * @param {Uint8Array} bytes
   */
  accept(message, bytes) {
    const { view } = this;
    const { history } = view.player;
    history.add(message, bytes);
    if (message.type === "metrics") {
      view.received.metrics++;
      view.dirty.curves = true;
      for (const event of message.events ?? [])
        if (event.kind === "points")
          view.experiment = JSON.stringify(history.movePoints(event.value));
      if (
        view.goal !== null &&
        Math.max(...message.lanes.map((/** @type {any} */ row) => row.progress)) >= view.goal
      ) {
        view.goal = null;
        view.command({ do: "pause" });
      }
    } else if (message.type === "picture") {
      view.received.pictures++;
      view.dirty.pictures = true;
      if (!view.firstFrameAt) view.firstFrameAt = performance.now();
    } else view.redraw();
  }

  /** @param {any} message */
  _problem(message) {
    const { view } = this;
    if (message.gone) {
      view.token.clear();
      view.race = null;
      // What is on the screen stays there to be looked at; it only does not go on.
      if (view.begun) view.say({ state: "ended", sentence: message.sentence });
      else view.begin();
      return;
    }
    view.problem = message.sentence;
    // a command that was refused; the race goes on
    if (message.passing) return this._refused(message.sentence);
    view.waiting = null;
    view.say({ state: view.player.history.length ? "ended" : "idle" });
  }

  /** What was asked for cannot be: said for a while. @param {string} sentence */
  _refused(sentence) {
    const { view } = this;
    view.showState();
    view.knobs.refused(sentence);
    setTimeout(() => {
      if (view.problem !== sentence) return;
      view.problem = "";
      view.showState();
    }, REFUSED_MS);
  }
}
