/** Run waits until the page has taken in what was changed or uploaded. */

import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";

import { Settling, takesIn } from "../../../app/live/frontend/core/settled.js";

/** A page whose script stands so, with a file on its way or not. */
const page = (/** @type {string} */ state, file = false) =>
  /** @type {any} */ ({
    querySelector: (/** @type {string} */ selector) =>
      selector.includes("stApp") ? { dataset: { testScriptState: state } } : file ? {} : null,
  });
const shows = (/** @type {any} */ one) => {
  /** @type {any} */ (globalThis).document = one;
};

afterEach(() => {
  mock.reset();
  mock.timers.reset();
  delete (/** @type {any} */ (globalThis).document);
});

test("a page takes something in while its script runs or a file is on its way", () => {
  assert.equal(takesIn(page("notRunning")), false);
  assert.equal(takesIn(page("running")), true);
  assert.equal(takesIn(page("rerunRequested")), true);
  assert.equal(takesIn(page("notRunning", true)), true);
  assert.equal(takesIn(/** @type {any} */ ({ querySelector: () => null })), false);
});

test("a race begins at once on a settled page, and else when it has been quiet for a while", () => {
  mock.timers.enable({ apis: ["setInterval"] });
  let [now, done, waited] = [1000, 0, 0];
  mock.method(performance, "now", () => now);
  const settling = new Settling();
  const ask = () =>
    settling.once(
      () => done++,
      () => waited++,
    );
  const pass = (/** @type {number} */ ms) => {
    for (let gone = 0; gone < ms; gone += 50) {
      now += 50;
      mock.timers.tick(50);
    }
  };
  shows(page("notRunning"));
  ask();
  assert.deepEqual([done, waited], [1, 0]);
  shows(page("notRunning", true));
  ask();
  pass(400);
  shows(page("notRunning")); // the file is there, its script does not run yet
  pass(100);
  shows(page("running"));
  pass(400);
  shows(page("notRunning")); // what it says comes a moment later
  pass(100);
  assert.deepEqual([done, waited], [1, 1]);
  pass(400);
  assert.deepEqual([done, settling.waiting], [2, false]);
  shows(page("running"));
  ask();
  settling.forget();
  shows(page("notRunning"));
  pass(1000);
  assert.equal(done, 2);
});
