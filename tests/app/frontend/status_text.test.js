import "./texts.js";
import assert from "node:assert/strict";
import { test } from "node:test";

import { evenlySpaced } from "../../../app/live/frontend/charts/decimate.js";
import { spent } from "../../../app/live/frontend/i18n/format.js";
import { secondClassShare } from "../../../app/live/frontend/charts/decision_map.js";
import { lateStart, nextAction, statusText } from "../../../app/live/frontend/i18n/status_text.js";

const CALM = { problem: "", stale: false, recorded: false };

test("every state has its sentence", () => {
  assert.equal(statusText({ state: "running" }, CALM), "Running");
  assert.equal(
    statusText({ state: "queued", place: 1 }, CALM),
    "Waiting for room on the server: you are next.",
  );
  assert.equal(
    statusText({ state: "queued", place: 3 }, CALM),
    "Waiting for room on the server: place 3 in the queue.",
  );
  assert.equal(statusText({ state: "ended", sentence: "Out of memory." }, CALM), "Out of memory.");
  assert.equal(statusText({ state: "ended" }, CALM), "The race has ended.");
  assert.match(statusText({ state: "lost" }, CALM), /Reconnecting/);
  assert.match(statusText({ state: "lost", sentence: "" }, CALM), /Reconnecting/);
  assert.equal(
    statusText({ state: "lost", sentence: "Not this address." }, CALM),
    "Not this address.",
  );
  assert.match(statusText({ state: "starting" }, CALM), /^Starting/);
  const sentence = "Compiling loops, once on this machine.";
  assert.equal(statusText({ state: "starting", sentence }, CALM), sentence);
  assert.match(statusText({ state: "idle" }, { ...CALM, recorded: true }), /^Recorded race/);
  assert.match(statusText({ state: "idle" }, CALM), /^Press Run/);
});

test("how long a race waits in the queue is told in round numbers", () => {
  const waits = (place, seconds) => statusText({ state: "queued", place, seconds }, CALM);
  const room = "Waiting for room on the server: ";
  assert.equal(waits(3, 36), `${room}place 3 in the queue, about 40 s.`);
  assert.equal(waits(1, 0), `${room}you are next, in about 10 s.`);
  assert.equal(waits(2, 61), `${room}place 2 in the queue, about a minute.`);
  assert.equal(waits(2, 1500), `${room}place 2 in the queue, about 25 minutes.`);
});

test("a problem comes first, changed settings next, but not while another race is on its way or the connection is gone", () => {
  const stale = { ...CALM, stale: true };
  assert.equal(statusText({ state: "running" }, { ...stale, problem: "Too large." }), "Too large.");
  for (const state of ["idle", "running", "paused", "done", "ended"])
    assert.match(statusText({ state }, stale), /^Settings changed/);
  for (const state of ["queued", "starting", "lost"])
    assert.doesNotMatch(statusText({ state }, stale), /^Settings changed/);
});

test("the button is that of the race on the screen, whatever the settings are by now", () => {
  assert.equal(nextAction("running"), "pause");
  assert.equal(nextAction("paused"), "resume");
  for (const state of ["idle", "done", "ended", "lost", "queued", "starting", "attaching"])
    assert.equal(nextAction(state), "run");
});

test("a lane that spent much before its first step is told, with what it spent of what it has", () => {
  const row = (step, seconds, evaluations) => ({
    step,
    seconds,
    evaluations,
    progress: seconds / 20,
  });
  const stage = {
    budget: { currency: "seconds", amount: 20 },
    lanes: [{ label: "Annealing" }, { label: "Adam" }],
  };
  assert.match(
    lateStart({ stage, metrics: [{ lanes: [row(0, 68, 32000), row(0, 0.1, 0)] }] }),
    /^Annealing spent 68.*s of its 20.*s before its first step/,
  );
  assert.equal(lateStart({ stage, metrics: [{ lanes: [row(0, 0.1, 100), row(0, 0, 0)] }] }), "");
  assert.equal(
    lateStart({ stage, metrics: [{ lanes: [row(7, 19, 100), row(9, 18, 0)] }] }),
    "",
    "steps were taken",
  );
  assert.equal(lateStart({ stage: null, metrics: [] }), "");
  const late = "Annealing spent much.";
  for (const state of ["running", "paused", "done"])
    assert.ok(statusText({ state }, { ...CALM, late }).endsWith(late));
});

test("while a race runs, changed settings are told as waiting for their own button", () => {
  const stale = { ...CALM, stale: true };
  assert.match(statusText({ state: "running" }, stale), /Run new settings/);
  assert.match(statusText({ state: "done" }, stale), /Press Run/);
});

test("what is spent is told in the budget's own currency, by the lane that spent most", () => {
  const lanes = [
    { seconds: 3, evaluations: 3_200_000, flops: 5e9 },
    { seconds: 21.63, evaluations: 100, flops: 2e12 },
  ];
  assert.equal(spent(lanes, { currency: "seconds", amount: 30 }), "21.6 / 30\u202fs");
  assert.equal(spent(lanes, { currency: "seconds", amount: 0.5 }), "21.6 / 0.5\u202fs");
  assert.equal(
    spent(lanes, { currency: "evaluations", amount: 5e7 }),
    "3.20\u202fM / 50.0\u202fM\u202fevaluations",
  );
  assert.equal(
    spent(lanes, { currency: "flops", amount: 1e13 }),
    "2.00\u202fT / 10.0\u202fT\u202fFLOPs",
  );
});

test("spaced dots are few, evenly far apart and end at the end, however unevenly the frames came", () => {
  const x = [
    ...Array.from({ length: 500 }, (_, i) => i / 500),
    ...Array.from({ length: 500 }, (_, i) => 1 + i / 50),
  ];
  const y = x.map((at) => -at);
  const dots = evenlySpaced(x, y, 50);
  assert.ok(dots.x.length <= 50 && dots.x.length > 30);
  assert.equal(dots.x[0], 0);
  assert.equal(dots.x.at(-1), x.at(-1));
  const apart = (x.at(-1) - x[0]) / 49;
  for (let i = 1; i < dots.x.length - 1; i++) assert.ok(dots.x[i] - dots.x[i - 1] > 0.8 * apart);
  dots.x.forEach((at, i) => assert.equal(dots.y[i], -at));
  // time stood still
  assert.deepEqual(evenlySpaced(Array(200).fill(1), Array(200).fill(2), 50), { x: [1], y: [2] });
  assert.deepEqual(evenlySpaced([], [], 50), { x: [], y: [] });
});

test("the share of a decision map", () => {
  assert.equal(secondClassShare([0, 127, 128, 255]), 0.5);
});

test("a formula that cannot be read is told before everything but a problem, for the race seen is not on it", () => {
  const around = { problem: "", stale: false, recorded: false };
  for (const state of ["running", "paused", "done", "idle"]) {
    assert.match(
      statusText({ state }, { ...around, unread: true }),
      /cannot be read.*the previous one/,
    );
    assert.doesNotMatch(statusText({ state }, around), /cannot be read/);
    assert.equal(statusText({ state }, { ...around, problem: "No.", unread: true }), "No.");
  }
  assert.equal(
    statusText({ state: "ended", sentence: "The loss is 2.69e+31." }, around),
    "The loss is 2.69×10³¹.",
  );
});
