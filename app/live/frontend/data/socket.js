/** The WebSocket: commands out, messages in, reconnection with the race's token. */

import { ExpectedError, fetchOrFail, isExpected } from "./errors.js";
import { decode } from "./messages.js";

/**
 * @typedef {{address: string | null, experiment: any}} Seen what a tab's race was, and the page's
 *   address when it was left
 */

const TOKEN = "kelvin.race";

/**
 * The race this tab watches on a page: kept over a reload, not shared with other tabs. A browser
 * that keeps nothing for us loses only that.
 * @param {string} layout of the page
 */
export function tokenOf(layout) {
  const name = layout === "network" ? TOKEN : `${TOKEN}.${layout}`;
  const mark = `${name}.seen`;
  return {
    get: () => kept((storage) => storage.getItem(name)),
    set: (/** @type {string} */ value) => kept((storage) => storage.setItem(name, value)),
    clear: () => kept((storage) => [name, mark].forEach((one) => storage.removeItem(one))),
    /**
     * The address names a race to watch: it is the tab's, unless the same address was followed
     * before, and the tab has gone on to a race of its own.
     * @param {string} token
     */
    follow: (token) =>
      kept((storage) => {
        if (storage.getItem(`${name}.watched`) === token) return;
        storage.setItem(`${name}.watched`, token);
        storage.setItem(name, token);
        storage.removeItem(mark);
      }),
    /** What the race was and where it was seen. @param {Seen} seen */
    mark: (seen) => kept((storage) => storage.setItem(mark, JSON.stringify(seen))),
    /** @returns {Seen | null} */
    seen: () => JSON.parse(kept((storage) => storage.getItem(mark)) ?? "null"),
  };
}

/**
 * @template T
 * @param {(storage: Storage) => T} use
 * @returns {T | null}
 */
function kept(use) {
  try {
    return use(window.sessionStorage);
  } catch (error) {
    if (!isExpected(error)) throw error;
    return null; // storage is blocked
  }
}

export class Socket {
  /**
   * @param {string | null} address null where there is no server: nothing is sent then and nothing
   *   comes
   * @param {{message: (message: any, bytes: Uint8Array) => void, open: () => void, lost: (sentence:
   *   string) => void}} on `lost` is told why the server refuses, where it does
   */
  constructor(address, on) {
    this.address = address;
    this.on = on;
    this.closed = false;
    this.wait = 0.25;
    this.why = "";
    /** @type {WebSocket | null} */ this.socket = null;
    /** @type {any[]} commands given before the socket was open */ this.pending = [];
    if (address) this._open();
  }

  get open() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /** @param {Record<string, unknown>} command */
  send(command) {
    if (this.open) this.socket?.send(JSON.stringify(command));
    else this.pending.push(command);
  }

  close() {
    this.closed = true;
    this.socket?.close();
  }

  _open() {
    if (this.closed || !this.address) return;
    const socket = new WebSocket(this.address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    let opened = false;
    socket.onopen = () => {
      opened = true;
      this.why = "";
      this.wait = 0.25;
      this.on.open();
      for (const command of this.pending.splice(0)) this.send(command);
    };
    socket.onmessage = (event) => {
      const bytes = new Uint8Array(event.data);
      this.on.message(decode(bytes), bytes);
    };
    socket.onclose = () => {
      if (this.closed || this.socket !== socket) return;
      this.on.lost(this.why);
      if (!opened) this._askWhy(socket);
      setTimeout(() => this._open(), this.wait * 1000);
      this.wait = Math.min(8, this.wait * 2);
    };
  }

  /**
   * A browser does not say why a socket was refused; the server does, to whoever asks at the same
   * path.
   * @param {WebSocket} socket
   */
  async _askWhy(socket) {
    const place = String(this.address).replace(/^ws/, "http");
    try {
      const answer = await fetchOrFail(`${place}?origin=${encodeURIComponent(location.origin)}`);
      const told = await answer
        .json()
        .catch(() => Promise.reject(new ExpectedError("another server")));
      if (this.closed || this.socket !== socket || socket.readyState !== WebSocket.CLOSED) return;
      this.why = told.sentence ?? "";
      if (this.why) this.on.lost(this.why);
    } catch (error) {
      if (!isExpected(error)) throw error; // no server, or another one: the line is lost
    }
  }
}
