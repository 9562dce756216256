/** What curves and cards show of the numbers. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { sameScale } from "../../../app/live/frontend/charts/axis_scale.js";
import { above } from "../../../app/live/frontend/charts/lane_cards.js";
import { fromZero } from "../../../app/live/frontend/panels/loss.js";

test("what a method spends before its first step is drawn, from 0", () => {
  const rows = [
    { step: 0, evaluations: 27, loss: 2 },
    { step: 1, evaluations: 30, loss: 1 },
  ];
  assert.deepEqual(fromZero(rows, "evaluations", "loss"), [
    [0, 27, 30],
    [2, 2, 1],
  ]);
  const stepped = rows.map((row) => ({ ...row, step: row.step + 1 }));
  assert.deepEqual(fromZero(stepped, "evaluations", "loss")[0], [27, 30]);
  assert.deepEqual(fromZero([], "evaluations", "loss"), [[], []]);
});

test("a card tells how far a height is above the lowest point, not how far away it is", () => {
  const camel = { data: { landscape: { lowest: -1.03, minima: [[0.09, -0.71]] } } };
  assert.ok(Math.abs(/** @type {number} */ (above(camel, 0.5)) - 1.53) < 1e-12);
  assert.equal(above(camel, -1.03), 0);
  assert.equal(above({ data: { landscape: { lowest: null } } }, 0.5), null);
});

test("a part of a plane is drawn with one scale, and all of it is seen", () => {
  const part = { x: [-1, 1], y: [-2, 2] };
  const { x, y } = sameScale(part, 800, 200);
  assert.deepEqual(y, [-2, 2]);
  assert.deepEqual(x, [-8, 8]);
  assert.deepEqual(sameScale(part, 100, 200), part, "the panel's shape is the part's own");
  assert.deepEqual(sameScale(part, 0, 0), part, "a panel that has no size yet");
});
