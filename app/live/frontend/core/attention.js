/** Tells the server whether anybody sees the page. */

/**
 * While nobody does, the server keeps what a race tells and sends it once the page is seen again,
 * or when the race is over: a tab in the background costs no traffic.
 */
export class Attention {
  /**
   * @param {import("../data/race_session.js").RaceSession} session
   * @param {Document} page
   */
  constructor(session, page = document) {
    this.session = session;
    this.page = page;
    this.told = true;
    this.look = () => this._tell();
    page.addEventListener("visibilitychange", this.look);
  }

  /** The connection stands; the server takes every new one for one that is looked at. */
  connected() {
    this.told = true;
    this._tell();
  }

  destroy() {
    this.page.removeEventListener("visibilitychange", this.look);
  }

  _tell() {
    const { session } = this;
    // a race that is to be paused at a goal is watched by the page itself
    const seen = this.page.visibilityState === "visible" || session.goal !== null;
    if (seen === this.told || !session.socket?.open) return;
    this.told = seen;
    session.send({ do: "look", seen });
  }
}
