/** Back and forward in the browser: the page follows its address. */

import { arrangementOf } from "./arrange.js";

/**
 * Let a page's own address take the place of the bare one it was opened at, so that the way back has one step for it and not two.
 * @param {History & {kelvin?: boolean}} history @param {Location} location
 */
export function oneStepEach(history, location) {
  if (history.kelvin) return;
  history.kelvin = true;
  const push = history.pushState.bind(history);
  history.pushState = (state, unused, address) => {
    const next = new URL(address ?? "", location.href);
    const written = !location.search && next.search && next.origin === location.origin && next.pathname === location.pathname;
    if (written) history.replaceState(state, unused, address);
    else push(state, unused, address);
  };
}

export class Walk {
  /** @param {import("./view.js").LiveView} view */
  constructor(view) {
    this.view = view;
    this.path = view.data.offline ? "" : location.pathname;
    this.steps = 0;
    /** Whether the visitor has gone on to another page, which is not there yet. */ this.left = false;
    this.listen = (/** @type {Event} */ event) => {
      if (location.pathname !== this.path) this.left = true;
      if (this.left) return; // another page of Kelvin is Streamlit's to show, and the way back from it
      // Streamlit would run the page with the controls as they are, which write their own address over this one.
      event.stopImmediatePropagation();
      view.setTriggerValue("went", { address: location.search, step: ++this.steps });
    };
    if (view.data.offline) return;
    addEventListener("popstate", this.listen, true);
    oneStepEach(history, location);
  }

  /** Python has read the address anew: panels and axes are those it names. @param {any} data */
  follow({ view = {} }) {
    const { board, axes, data } = this.view;
    board.arrange(arrangementOf(this.view.layout, view), false);
    axes.setCurrency(view.x ?? data.experiment.budget.currency, false);
    // Back where a recorded race was: it is there again, unless a race goes on.
    if (this.view.data.recording && !this.view.racing && this.view.stale) this.view.playRecording(this.view.data.recording, true);
    axes.setMeasure(view.y === "accuracy" ? "accuracy" : "loss", false);
  }

  destroy() {
    removeEventListener("popstate", this.listen, true);
  }
}
