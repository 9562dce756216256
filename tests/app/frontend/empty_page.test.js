import assert from "node:assert/strict";
import { test } from "node:test";

import { watchEmptyPage, whyRefused } from "../../../app/live/frontend/core/empty_page.js";

const LIVE = new URL("https://host/cut/off/kelvin/live");

/**
 * A page and its server, as far as they matter here.
 * @param {{opens?: boolean, answer?: any}} how
 */
function page({ opens = false, answer = null } = {}) {
  /** @type {string[]} */ const asked = [];
  /** @type {any[]} */ const boxes = [];
  const state = { drawn: false, asked, boxes };
  class WebSocket {
    /** @param {URL} address */
    constructor(address) {
      asked.push(String(address));
      queueMicrotask(() => (opens ? this.onopen() : this.onerror()));
    }
    onopen() {}
    onerror() {}
    close() {
      asked.push("closed");
    }
  }
  Object.assign(globalThis, {
    WebSocket,
    location: { origin: "https://host" },
    fetch: async (/** @type {URL} */ address) => {
      asked.push(String(address));
      if (answer === null) throw new TypeError("no server");
      return { json: async () => answer };
    },
    document: {
      querySelector: () => (state.drawn ? {} : null),
      getElementById: () => boxes[0] ?? null,
      createElement: () => ({
        style: {},
        setAttribute: () => {},
        remove: () => boxes.splice(0),
      }),
      body: { append: (/** @type {any} */ box) => boxes.push(box) },
    },
  });
  return state;
}

test("where a socket opens the server is only slow", async () => {
  const state = page({ opens: true });
  assert.equal(await whyRefused(LIVE), "");
  assert.deepEqual(state.asked, ["wss://host/cut/off/kelvin/live", "closed"]);
});

test("the server says why a socket is refused", async () => {
  const state = page({ answer: { sentence: "no Host header", unheard: "no sockets" } });
  assert.equal(await whyRefused(LIVE), "no Host header");
  assert.equal(state.asked[1], "https://host/cut/off/kelvin/live?origin=https%3A%2F%2Fhost");
});

test("a server that would take the socket has not heard of it", async () => {
  page({ answer: { sentence: null, unheard: "no sockets" } });
  assert.equal(await whyRefused(LIVE), "no sockets");
});

test("where there is no server nothing is said", async () => {
  page({ answer: null });
  assert.equal(await whyRefused(LIVE), "");
});

test("the sentence stands there until the page is drawn", async () => {
  const state = page({ answer: { sentence: "no Host header" } });
  const until = async (/** @type {() => boolean} */ condition) => {
    while (!condition()) await new Promise((later) => setTimeout(later, 1));
  };
  watchEmptyPage(LIVE, 1);
  await until(() => state.boxes.length === 1);
  assert.equal(state.boxes[0].textContent, "no Host header");
  await until(() => state.asked.length >= 6);
  assert.equal(state.boxes.length, 1, "one sentence, however often it is looked");
  state.drawn = true;
  await until(() => state.boxes.length === 0);
});
