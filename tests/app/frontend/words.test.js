import "./texts.js";
import assert from "node:assert/strict";
import { test } from "node:test";

import { spaced } from "../../../app/live/frontend/curves.js";
import { spent } from "../../../app/live/frontend/format.js";
import { share } from "../../../app/live/frontend/panels/paint.js";
import { nextAction, sentence } from "../../../app/live/frontend/words.js";

const CALM = { problem: "", stale: false, recorded: false };

test("every state has its sentence", () => {
  assert.equal(sentence({ state: "running" }, CALM), "Running");
  assert.equal(sentence({ state: "queued", place: 1 }, CALM), "Waiting for a free worker: you are next.");
  assert.equal(sentence({ state: "queued", place: 3 }, CALM), "Waiting for a free worker: place 3 in the queue.");
  assert.equal(sentence({ state: "ended", sentence: "Out of memory." }, CALM), "Out of memory.");
  assert.equal(sentence({ state: "ended" }, CALM), "The race has ended.");
  assert.match(sentence({ state: "lost" }, CALM), /trying again/);
  assert.match(sentence({ state: "idle" }, { ...CALM, recorded: true }), /^Recorded race/);
  assert.match(sentence({ state: "idle" }, CALM), /^Press Run/);
});

test("a problem comes first, changed settings next, but not while another race is on its way or the connection is gone", () => {
  const stale = { ...CALM, stale: true };
  assert.equal(sentence({ state: "running" }, { ...stale, problem: "Too large." }), "Too large.");
  for (const state of ["idle", "running", "paused", "done", "ended"]) assert.match(sentence({ state }, stale), /^Settings changed/);
  for (const state of ["queued", "starting", "lost"]) assert.doesNotMatch(sentence({ state }, stale), /^Settings changed/);
});

test("the button does what the sentence says: with changed settings it is Run, even while a race runs", () => {
  assert.equal(nextAction("running", false), "pause");
  assert.equal(nextAction("paused", false), "resume");
  for (const state of ["idle", "done", "ended", "lost"]) assert.equal(nextAction(state, false), "run");
  for (const state of ["running", "paused", "done"]) assert.equal(nextAction(state, true), "run");
});

test("what is spent is told in the budget's own currency, by the lane that spent most", () => {
  const lanes = [
    { seconds: 3, evaluations: 3_200_000, flops: 5e9 },
    { seconds: 21.63, evaluations: 100, flops: 2e12 },
  ];
  assert.equal(spent(lanes, { currency: "seconds", amount: 30 }), "21.6 / 30\u202fs");
  assert.equal(spent(lanes, { currency: "seconds", amount: 0.5 }), "21.6 / 0.5\u202fs");
  assert.equal(spent(lanes, { currency: "evaluations", amount: 5e7 }), "3.20\u202fM / 50.0\u202fM\u202fevaluations");
  assert.equal(spent(lanes, { currency: "flops", amount: 1e13 }), "2.00\u202fT / 10.0\u202fT\u202fFLOPs");
});

test("spaced dots are few, evenly far apart and end at the end, however unevenly the frames came", () => {
  const x = [...Array.from({ length: 500 }, (_, i) => i / 500), ...Array.from({ length: 500 }, (_, i) => 1 + i / 50)];
  const y = x.map((at) => -at);
  const dots = spaced(x, y, 50);
  assert.ok(dots.x.length <= 50 && dots.x.length > 30);
  assert.equal(dots.x[0], 0);
  assert.equal(dots.x.at(-1), x.at(-1));
  const apart = (x.at(-1) - x[0]) / 49;
  for (let i = 1; i < dots.x.length - 1; i++) assert.ok(dots.x[i] - dots.x[i - 1] > 0.8 * apart);
  dots.x.forEach((at, i) => assert.equal(dots.y[i], -at));
  assert.deepEqual(spaced(Array(200).fill(1), Array(200).fill(2), 50), { x: [1], y: [2] }); // time stood still
  assert.deepEqual(spaced([], [], 50), { x: [], y: [] });
});

test("the share of a decision map", () => {
  assert.equal(share([0, 127, 128, 255]), 0.5);
});
