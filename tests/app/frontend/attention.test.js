/** A page tells the server whether anybody sees it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Attention } from "../../../app/live/frontend/core/attention.js";

/** A page whose tab is hidden and shown by hand. */
class FakePage extends EventTarget {
  visibilityState = "visible";

  /** @param {"visible" | "hidden"} state */
  turn(state) {
    this.visibilityState = state;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

/** @param {{goal?: number | null, state?: "visible" | "hidden"}} [how] */
function begun({ goal = null, state = "visible" } = {}) {
  const page = new FakePage();
  page.visibilityState = state;
  const sent = [];
  const socket = { open: true };
  const session = { goal, socket, send: (command) => sent.push(command) };
  const attention = new Attention(/** @type {any} */ (session), /** @type {any} */ (page));
  const seen = () => sent.map((command) => (assert.equal(command.do, "look"), command.seen));
  return { page, session, socket, attention, seen };
}

test("a tab that is hidden says so, once, and again when it is seen", () => {
  const { page, attention, seen } = begun();
  attention.connected();
  assert.deepEqual(seen(), [], "the server takes a page for one that is seen");
  page.turn("hidden");
  page.turn("hidden");
  page.turn("visible");
  page.turn("visible");
  assert.deepEqual(seen(), [false, true]);
  attention.destroy();
  page.turn("hidden");
  assert.deepEqual(seen(), [false, true]);
});

test("a new connection is told how it is now", () => {
  const { page, socket, attention, seen } = begun({ state: "hidden" });
  attention.connected();
  assert.deepEqual(seen(), [false]);
  socket.open = false;
  page.turn("visible");
  assert.deepEqual(seen(), [false], "there is nobody to be told");
  socket.open = true;
  attention.connected();
  assert.deepEqual(seen(), [false]);
  page.turn("hidden");
  attention.connected();
  assert.deepEqual(seen(), [false, false, false]);
});

test("a page that is to pause its race at a goal is sent everything until then", () => {
  const { page, session, seen } = begun({ goal: 0.5 });
  page.turn("hidden");
  assert.deepEqual(seen(), []);
  session.goal = null;
  page.turn("hidden");
  assert.deepEqual(seen(), [false]);
});
