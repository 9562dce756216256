/** "Show me one step": phases that hold, go back and are left out, and what each of them paints. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { LiveView } from "../../../app/live/frontend/core/live_view.js";
import { setTexts } from "../../../app/live/frontend/i18n/i18n.js";
import { LandscapePanel } from "../../../app/live/frontend/panels/landscape/panel.js";
import {
  numbers,
  readingTime,
  SlowMotion,
} from "../../../app/live/frontend/slow_motion/control.js";
import {
  askedUpTo,
  origins,
  paintStep,
  reachOf,
  sources,
  stageOf,
} from "../../../app/live/frontend/slow_motion/step_trace.js";

const own = JSON.parse(
  readFileSync(new URL("../../../app/text/en/time.json", import.meta.url), "utf-8"),
);
setTexts(Object.fromEntries(Object.entries(own).map(([key, text]) => [`time.${key}`, text])));

const packed = (data, ...shape) => ({ data: new Float32Array(data), shape });
const bytes = (...data) => ({ data: new Uint8Array(data), shape: [data.length] });
const none = { points: null, values: null, accepted: null };

globalThis.window ??= /** @type {any} */ ({ matchMedia: () => ({ matches: true }) });
globalThis.cancelAnimationFrame ??= () => {};
globalThis.requestAnimationFrame ??= () => 0;

const LANE = {
  label: "Annealing",
  optimizer: "annealing",
  population: 1,
  stages: [
    { name: "Propose", line: "A chain tries.", shows: "asked" },
    { name: "Evaluate", line: "It is judged.", shows: "answered" },
    { name: "Accept", line: "It is kept or not.", shows: "moved" },
  ],
};

/** Slow motion over a race that runs, and what it did. */
function around(lanes = [LANE]) {
  const done = { sent: [], accepted: [], speed: 0, watched: [] };
  const playback = {
    chosen: null,
    source: "live",
    moment: -1,
    history: { stage: { lanes } },
    show: (index) => (playback.chosen = index),
  };
  const session = {
    live: true,
    waiting: null,
    state: { state: "paused" },
    playback,
    history: { stage: { lanes }, metrics: [] },
    send: (command) => done.sent.push(command.do),
  };
  const slow = new SlowMotion(
    /** @type {any} */ ({}),
    /** @type {any} */ (session),
    /** @type {any} */ ({
      showSpeed: (speed) => (done.speed = speed),
      setSpeed() {},
      start() {},
      command: ({ do: name }) => done.sent.push(name),
      accept: (message) => done.accepted.push(message.k),
      weights: () => ({ watchSteps: (on) => done.watched.push(on), near() {}, overlay() {} }),
      map: () => null,
      say() {},
      redraw() {},
      showState() {},
    }),
  );
  let k = 0;
  /** The step that was asked for is told. */
  const told = (parts = [none, none, none]) => {
    slow.receive({ type: "stages", lane: 0, step: ++k, stages: parts });
    slow.keep({ type: "metrics", k }, new Uint8Array());
  };
  return { slow, session, done, told };
}

test("one step stands still at every phase, next and back go through them", () => {
  const { slow, done, told } = around();
  let ended = 0;
  slow.start();
  slow.once(() => ended++);
  told();
  assert.equal(slow.at, 0);
  assert.ok(slow.held);
  assert.deepEqual(done.sent, ["stages"]);
  slow.back();
  assert.equal(slow.at, 0, "there is nothing before the first phase");
  slow.next();
  slow.next();
  assert.equal(slow.at, 2);
  assert.ok(slow.held, "nobody is hurried");
  slow.back();
  assert.equal(slow.at, 1);
  slow.goTo(0, 2);
  assert.equal(slow.at, 2);
  assert.deepEqual(done.accepted, [], "the frame it leads to is kept until the step was seen");
  slow.next();
  assert.deepEqual(done.accepted, [1]);
  assert.deepEqual(done.sent, ["stages", "stages"]);
  told();
  assert.equal(slow.at, 0);
  assert.ok(slow.held);
  slow.stop();
  assert.equal(ended, 1);
  assert.equal(slow.ended, null);
});

test("another step is asked for while one is on show, and how it ends stays as it was", () => {
  const { slow, session, done, told } = around();
  const ended = [];
  slow.start();
  slow.once(() => ended.push("first"));
  told();
  slow.next();
  session.playback.chosen = 3;
  slow.another();
  slow.once(() => ended.push("second"));
  assert.deepEqual(done.accepted, [1]);
  assert.deepEqual(done.sent, ["stages", "stages"]);
  assert.equal(session.playback.chosen, null);
  told();
  assert.equal(slow.at, 0);
  assert.ok(slow.held);
  assert.deepEqual(ended, []);
  slow.stop();
  assert.deepEqual(ended, ["first"]);
});

test("where no race goes on one step ends at once", () => {
  const { slow } = around();
  let ended = 0;
  slow.once(() => ended++);
  assert.equal(ended, 1);
  assert.equal(slow.held, false);
});

/** A live view of which only what one step needs is there. */
function view(stale) {
  const { slow, session, done, told } = around();
  const usual = { shown: ["network", "loss"], large: null };
  const made = {
    slow,
    session,
    stale,
    board: {
      arrangement: usual,
      arrange: (arrangement) => (made.board.arrangement = arrangement),
    },
    transport: { speed: 0 },
    setSpeed: () => slow.start(),
    start: () => {
      slow.stop();
      slow.start(true);
    },
  };
  const press = () => LiveView.prototype._showStep.call(/** @type {any} */ (made));
  return { made, press, slow, done, told, usual };
}

test("one step pressed twice shows the next one, and the board comes back as it was", () => {
  for (const stale of [false, true]) {
    const { made, press, slow, told, usual } = view(stale);
    press();
    told();
    assert.equal(made.board.arrangement.large, "weights");
    assert.equal(slow.at, 0);
    press();
    assert.equal(made.board.arrangement.large, "weights");
    assert.equal(slow.at, -1, "a new step is asked for");
    told();
    assert.ok(slow.held, "and stands still");
    slow.stop();
    assert.equal(made.board.arrangement, usual);
  }
});

test("one step in the middle of slow motion is the next one, held and large", () => {
  const { made, press, slow, told, usual } = view(false);
  slow.start();
  told();
  clearTimeout(slow.timer);
  press();
  assert.equal(slow.at, -1);
  told();
  assert.ok(slow.held);
  assert.equal(made.board.arrangement.large, "weights");
  slow.stop();
  assert.equal(made.board.arrangement, usual);
});

test("a phase is on show as long as its line is read", () => {
  assert.equal(readingTime(["Short."]), 1500);
  assert.equal(readingTime(["a".repeat(100), "b"]), 6000);
  assert.equal(readingTime([]), 1500);
});

test("a lane's zoom does not outlive its race", () => {
  const { slow, session } = around([LANE, { ...LANE, label: "Adam" }]);
  slow._keepZoom(session.history.stage.lanes);
  slow.zoom = 1;
  slow._keepZoom([{ ...LANE }, { ...LANE, label: "Adam" }]);
  assert.equal(slow.zoom, 1, "the same lanes again");
  slow._keepZoom([LANE]);
  assert.equal(slow.zoom, "step");
  slow.zoom = "path";
  slow._keepZoom([LANE, { ...LANE, label: "EKI" }]);
  assert.equal(slow.zoom, "path");
});

test("a step is painted on the map, and the relief comes back after it", () => {
  const shown = [];
  const panel = Object.assign(Object.create(LandscapePanel.prototype), {
    mode: "relief",
    after: null,
    show(mode) {
      this.mode = mode;
      shown.push(mode);
    },
  });
  panel.watchSteps(true);
  panel.watchSteps(true);
  panel.watchSteps(false);
  panel.watchSteps(false);
  assert.deepEqual(shown, ["map", "relief"]);
  panel.mode = "map";
  panel.watchSteps(true);
  panel.watchSteps(false);
  assert.deepEqual(shown, ["map", "relief"], "a map stays a map");
  const { slow, done, told } = around();
  slow.start();
  told();
  clearTimeout(slow.timer);
  slow.stop();
  assert.deepEqual(done.watched, [true, false]);
});

test("a part of a landscape that is not drawn yet is kept for its first picture", () => {
  const part = { x: [0, 1], y: [0, 1] };
  const panel = Object.assign(Object.create(LandscapePanel.prototype), {
    mode: "map",
    heights: null,
    part: null,
    last: { picture: {} },
  });
  panel.near(part);
  assert.equal(panel.part, part);
});

test("a phase that a step did not have is left out", () => {
  const parts = [none, { ...none, absent: true }, none];
  assert.deepEqual(stageOf(LANE, 1, parts), { index: 2, waits: false });
  assert.deepEqual(stageOf(LANE, 2, parts), { index: 2, waits: true });
  const { slow, told } = around();
  slow.start();
  slow.once(() => {});
  told(parts);
  assert.equal(slow._phases(), 2);
  slow.goTo(0, 1);
  assert.equal(slow.at, 0, "there is nothing to see of it");
  slow.goTo(0, 2);
  assert.equal(slow.at, 1);
});

test("each kind of phase says its own numbers", () => {
  const says = (shows, part) => numbers([{ shows }], [{ ...none, ...part }], 0);
  const points = packed([0, 0, 1, 1], 2, 2);
  assert.equal(says("improved", { points, accepted: bytes(1, 0) }), "new best for 1 of 2");
  assert.equal(says("improved", { points, accepted: bytes(0, 0) }), "no new best");
  assert.equal(
    says("resampled", { points, died: 5, copied: 3, members: 16 }),
    "5 of 16 died (✕), 3 were copied",
  );
  assert.equal(says("resampled", { points, died: 0, copied: 0, members: 16 }), "nobody died");
  assert.equal(says("swapped", { points, swapped: 2, tried: 7 }), "2 of 7 pairs swapped");
  assert.equal(says("reshaped", { points, growth: 1.25 }), "spread ×1.25 (dashed: before)");
  assert.equal(says("reshaped", { points }), "");
  assert.equal(says("asked", { points, known: true }), "known from the step before");
  assert.equal(says("asked", { points, along: true }), "2 directions");
  assert.equal(
    says("answered", { points, along: true, values: packed([-1.5, 2], 2) }),
    "slopes −1.50 … 2.00",
  );
});

test("points come from where their part says, else from where the picture tells", () => {
  const points = packed([1, 2, 3, 4], 2, 2);
  const picture = { cloud: points, estimate: [9, 9] };
  const from = packed([5, 6, 7, 8], 2, 2);
  const lane = { optimizer: "population-annealing", population: 2 };
  assert.deepEqual(sources({ ...none, points, from }, lane, picture)(1), [7, 8]);
  assert.equal(sources({ ...none, points }, lane, picture), null);
  assert.equal(sources({ ...none, points, traded: bytes(1) }, lane, picture), null);
  assert.deepEqual(origins({ optimizer: "multistart", population: 2 }, picture, 2)(1), [3, 4]);
});

test("what was asked before a first move is no question of the second", () => {
  const stages = ["asked", "answered", "moved", "moved"].map((shows) => ({ shows }));
  const asked = { ...none, points: packed([0, 0], 1, 2) };
  const parts = [asked, asked, none, none];
  assert.equal(askedUpTo(stages, parts, 2), asked);
  assert.equal(askedUpTo(stages, parts, 3), null);
});

/** What one phase paints: lines drawn as [command, x], and words. */
function painted(shows, part, before = []) {
  const calls = [];
  const words = [];
  const paint = new Proxy(
    { canvas: { width: 10, height: 10 } },
    {
      get: (target, name) =>
        target[name] ??
        ((...values) => {
          if (name === "fillText") words.push(values[0]);
          else if (["lineTo", "moveTo", "quadraticCurveTo", "arc", "setLineDash"].includes(name))
            calls.push([name, ...values]);
        }),
      set: () => true,
    },
  );
  const lane = { optimizer: "x", population: 9, stages: [...before, { shows }] };
  const stages = [...before.map((stage) => stage.part), { ...none, ...part }];
  const moment = {
    stage: { lanes: [lane] },
    picture: { lanes: [{ estimate: [0, 0], cloud: null }] },
  };
  paintStep(
    [{ lane: 0, stages }],
    before.length,
    { colours: ["#d9532c"], theme: /** @type {any} */ ({ surface: "#ffffff", text: "#000000" }) },
    () => 1,
  )(/** @type {any} */ (paint), {
    x: (value) => value,
    y: (value) => value,
    moment: /** @type {any} */ (moment),
  });
  const marks = calls.filter(([name]) => name === "arc");
  return { calls, words, marks, names: calls.map(([name]) => name) };
}

test("who found no new best is not crossed out, and the best place is gone to", () => {
  const points = packed([10, 0, 20, 0, 30, 0], 3, 2);
  const estimate = packed([10, 0, 30, 0], 2, 2);
  const { calls, marks } = painted("improved", { points, accepted: bytes(0, 0, 1), estimate });
  const lines = calls.filter(([name]) => name === "lineTo");
  assert.deepEqual(lines, [["lineTo", 30, 0]], "one line, from the old best to the new one");
  assert.deepEqual(
    marks.map(([, x]) => x),
    [10, 20, 30, 30],
  );
});

test("who died is crossed out, and who was copied tells how often", () => {
  const { calls, words } = painted("resampled", {
    points: packed([10, 0, 10, 0, 10, 0], 3, 2),
    from: packed([10, 0, 20, 0, 30, 0], 3, 2),
    stayed: bytes(1, 0, 0),
  });
  const crossed = new Set(
    calls
      .filter(([name, x]) => name === "lineTo" && x % 10)
      .map(([, x]) => 10 * Math.round(x / 10)),
  );
  assert.deepEqual([...crossed], [20, 30]);
  assert.deepEqual(words, ["×3"]);
});

test("arcs join the pairs that swapped, and say the temperatures", () => {
  const { calls, words } = painted("swapped", {
    points: packed([0, 0, 100, 0, 0, 50, 100, 50], 4, 2),
    traded: bytes(1, 0),
    temperatures: packed([0.5, 1, 2, 4], 2, 2),
  });
  const arcs = calls.filter(([name]) => name === "quadraticCurveTo");
  assert.equal(arcs.length, 2, "there and back, of one pair");
  assert.deepEqual(
    arcs.map(([, , , x]) => x),
    [100, 0],
  );
  assert.deepEqual(words, ["T 0.500 → 1.00", "T 1.00 → 0.500", "T 2.00", "T 4.00"]);
});

test("the new spread is drawn beside the old one, and is in view", () => {
  const part = {
    points: packed([5, 5], 1, 2),
    ellipses: packed([0, 0, 10, 0, 0, 20, 5, 5, 0, 30, 8, 0], 2, 6),
  };
  const answered = { shows: "answered", part: { ...none, points: packed([3, 4], 1, 2) } };
  const { calls, marks } = painted("reshaped", part, [answered]);
  const reach = (axis) => Math.max(...calls.filter(([n]) => n === "lineTo").map((c) => c[axis]));
  assert.ok(Math.abs(reach(1) - 13) < 0.1 && Math.abs(reach(2) - 35) < 0.1);
  assert.ok(calls.some(([name, dash]) => name === "setLineDash" && dash.length));
  assert.deepEqual(
    marks.map(([, x]) => x),
    [3, 5],
    "the samples, and the new mean",
  );
  const box = reachOf({ stages: [{ ...none, ...part }] }, LANE, null);
  assert.deepEqual(box, [-10, 13, -25, 35]);
});
