import assert from "node:assert/strict";
import { test } from "node:test";

import { mayAutostart } from "../../../app/live/frontend/core/autostart.js";

/**
 * A window and its document, as far as they matter here.
 * @param {{framed?: boolean, seen?: boolean}} how
 */
function page({ framed = false, seen = true } = {}) {
  const document = Object.assign(new EventTarget(), {
    visibilityState: seen ? "visible" : "hidden",
  });
  const window = { top: /** @type {any} */ (null) };
  window.top = framed ? {} : window;
  Object.assign(globalThis, { window, document });
  const look = (/** @type {string} */ state) => {
    document.visibilityState = state;
    document.dispatchEvent(new Event("visibilitychange"));
  };
  return { look };
}

test("a page that is looked at may start a race by itself", () => {
  page();
  assert.equal(
    mayAutostart(() => assert.fail("it may now")),
    true,
  );
});

test("a page in another page's frame never starts one, seen or not", () => {
  for (const seen of [true, false]) {
    const { look } = page({ framed: true, seen });
    assert.equal(
      mayAutostart(() => assert.fail("never")),
      false,
    );
    look("visible");
  }
});

test("a tab in the background starts one when it is looked at, once", () => {
  const { look } = page({ seen: false });
  let times = 0;
  assert.equal(
    mayAutostart(() => times++),
    false,
  );
  look("hidden");
  assert.equal(times, 0);
  look("visible");
  look("hidden");
  look("visible");
  assert.equal(times, 1);
});
