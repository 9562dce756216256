import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { ClickRecognizer } from "../../../app/live/frontend/charts/pointer.js";
import { raisePixelRatio } from "../../../app/live/frontend/present/pixel_ratio.js";

const page = new EventTarget();
// Node reads no plain `true` as capturing when a listener is removed.
globalThis.addEventListener = (type, call, capture) =>
  page.addEventListener(type, call, { capture });
globalThis.removeEventListener = (type, call, capture) =>
  page.removeEventListener(type, call, { capture });
let now = 0;
beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());
Object.defineProperty(globalThis, "performance", { value: { now: () => now } });

function chart(zoomed) {
  const element = new EventTarget();
  const state = { zoomed, singles: 0, doubles: 0 };
  const clicks = new ClickRecognizer(/** @type {any} */ (element), {
    waits: () => state.zoomed,
    double: () => void (state.doubles++, (state.zoomed = false)),
  });
  clicks.single = () => state.singles++;
  const event = (type, x) =>
    Object.defineProperty(
      Object.assign(new Event(type), { clientX: x, clientY: 5, button: 0 }),
      "timeStamp",
      { value: now },
    );
  const wait = (ms) => {
    now += ms;
    mock.timers.tick(ms);
  };
  const click = (x = 5, held = 60) => {
    element.dispatchEvent(event("pointerdown", x));
    wait(held);
    page.dispatchEvent(event("pointerup", x));
  };
  return { state, click, wait };
}

test("two clicks are one double click or two single ones, never both, however far apart they come", () => {
  for (const zoomed of [true, false]) {
    for (let gap = 70; gap < 1200; gap += 15) {
      const { state, click, wait } = chart(zoomed);
      click();
      wait(gap - 60);
      click();
      wait(2000);
      if (zoomed)
        assert.deepEqual([state.singles, state.doubles], gap < 500 ? [0, 1] : [2, 0], `${gap} ms`);
      else
        assert.ok(
          state.doubles === (gap < 500 ? 1 : 0) && state.singles === (gap < 500 ? 1 : 2),
          `${gap} ms`,
        );
    }
  }
});

test("a single click on a chart that is not zoomed acts at once, on a zoomed one once it is sure", () => {
  const plain = chart(false);
  plain.click();
  assert.equal(plain.state.singles, 1);
  const zoomed = chart(true);
  zoomed.click();
  assert.equal(zoomed.state.singles, 0);
  zoomed.wait(600);
  assert.deepEqual([zoomed.state.singles, zoomed.state.doubles], [1, 0]);
});

test("two clicks at two places, and a button held down, are no double click", () => {
  const two = chart(true);
  two.click(5);
  two.wait(100);
  two.click(80);
  two.wait(1000);
  assert.equal(two.state.doubles, 0);
  const held = chart(true);
  held.click(5, 700);
  held.wait(1000);
  assert.deepEqual([held.state.singles, held.state.doubles], [0, 0]);
});

test("the stage gives the window its own fineness back, whatever that is by then", () => {
  let real = 1;
  const window = {};
  Object.defineProperty(window, "devicePixelRatio", {
    configurable: true,
    enumerable: true,
    get: () => real,
    set: () => {},
  });
  globalThis.window = window;
  const before = Object.getOwnPropertyDescriptor(window, "devicePixelRatio");
  const back = raisePixelRatio(2);
  assert.equal(window.devicePixelRatio, 2);
  real = 3;
  assert.equal(window.devicePixelRatio, 3, "a window moved to a raisePixelRatio screen");
  real = 1.25;
  back();
  assert.equal(window.devicePixelRatio, 1.25);
  real = 1;
  assert.equal(window.devicePixelRatio, 1, "it is not pinned");
  assert.deepEqual(Object.getOwnPropertyDescriptor(window, "devicePixelRatio"), before);
});
