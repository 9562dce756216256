/** Run waits until the page has taken in what was changed or uploaded. */

import { texts } from "./texts.js";
import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";

import { LiveView } from "../../../app/live/frontend/core/live_view.js";
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
      () => assert.fail("it did not take long"),
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

/** A live view of which only what a start needs is there, on a page that takes something in. */
function busyView() {
  mock.timers.enable({ apis: ["setInterval"] });
  let now = 1000;
  mock.method(performance, "now", () => now);
  shows(page("running"));
  const pass = (/** @type {number} */ ms) => {
    for (let gone = 0; gone < ms; gone += 50) {
      now += 50;
      mock.timers.tick(50);
    }
  };
  const started = /** @type {any[]} */ ([]);
  const stands = { state: "running" };
  const view = Object.assign(Object.create(LiveView.prototype), {
    settling: new Settling(),
    session: { state: stands, live: false, problem: "", experiment: { seed: 1 } },
    data: { experiment: { seed: 2 } },
    root: { isConnected: true },
    say: (/** @type {any} */ state) => (view.session.state = state),
    showState: () => {},
    setStateValue: () => {},
    start: (/** @type {any} */ experiment) => started.push(experiment ?? view.data.experiment),
    _showStep: () => started.push(view.session.state),
  });
  Object.defineProperty(view, "stale", { value: true, writable: true });
  return { view, started, stands, pass };
}

test("every way to start a race waits for what the page takes in", () => {
  for (const way of ["startSettled", "startAgain", "newSeed", "showStep"]) {
    const { view, started, stands, pass } = busyView();
    view[way]();
    pass(500);
    assert.deepEqual(started, [], way);
    assert.equal(view.session.state.state, "starting");
    view.data = { experiment: { seed: 3, other: true } };
    shows(page("notRunning"));
    pass(500);
    assert.equal(started.length, 1, way);
    if (way === "showStep") assert.equal(started[0], stands, "it sees the state that the race has");
    else assert.ok(started[0].other, `${way}: what was taken in is raced`);
    mock.reset();
    mock.timers.reset();
  }
});

test("one step of a race that runs leaves it running while the page takes something in", () => {
  const { view, stands, pass } = busyView();
  view.session.live = true;
  view.showStep();
  pass(500);
  assert.equal(view.session.state, stands);
  view.settling.forget();
});

test("what takes too long to be taken in is not raced, and that is said", () => {
  const { view, started, stands, pass } = busyView();
  view.startSettled();
  pass(59_000);
  view.startSettled();
  pass(59_000);
  assert.equal(view.session.problem, "");
  pass(2000);
  assert.deepEqual(started, []);
  assert.equal(view.session.problem, texts["status.unsettled"]);
  assert.equal(view.session.state, stands);
});
