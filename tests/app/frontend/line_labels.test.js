/** Names at the ends of lines: inside the box, none over another. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { placeLabels, shortName } from "../../../app/live/frontend/charts/line_labels.js";

const PLANE = {
  left: 40,
  top: 10,
  width: 300,
  height: 200,
  x: (/** @type {number} */ value) => 40 + 300 * value,
  y: (/** @type {number} */ value) => 210 - 200 * value,
};
const wide = (/** @type {string} */ text) => 7 * text.length;
const label = (
  /** @type {number | null} */ x,
  /** @type {number | null} */ y,
  text = "Adam 0.1",
) => ({
  x,
  y,
  text,
  colour: "#000000",
});

test("a label begins where its line ends, and ends there where there is no room after it", () => {
  const [early] = placeLabels([label(0.2, 0.5)], PLANE, wide);
  assert.deepEqual([early.right, early.x], [false, 100]);
  assert.ok(early.y < 110, "over the line");
  const [late] = placeLabels([label(1, 0.5)], PLANE, wide);
  assert.deepEqual([late.right, late.x], [true, 340]);
});

test("labels that would meet stand one under the other, and all stay in the box", () => {
  for (const y of [0, 0.01, 0.5, 0.99, 1]) {
    const placed = placeLabels(
      [label(1, y), label(1, y, "SNES 0.2"), label(0.98, y, "PSO 0.3"), label(1, y, "EKI 0.4")],
      PLANE,
      wide,
    );
    const ups = placed.map((one) => one.y).sort((a, b) => a - b);
    for (let i = 1; i < ups.length; i++) assert.ok(ups[i] - ups[i - 1] >= 14.9, `${y}: ${ups}`);
    assert.ok(ups[0] >= PLANE.top - 1, `${y}: ${ups}`);
    assert.ok(ups[3] <= PLANE.top + PLANE.height, `${y}: ${ups}`);
  }
});

test("labels that do not meet stay where they are, and a line without an end has none", () => {
  const placed = placeLabels([label(0, 0.5), label(0.6, 0.5), label(null, null)], PLANE, wide);
  assert.equal(placed.length, 2);
  assert.equal(placed[0].y, placed[1].y);
});

test("a long name is cut with a sign that it is", () => {
  assert.equal(shortName("Adam"), "Adam");
  assert.equal(shortName("SGD with Nesterov momentum 0.95").length, 24);
  assert.ok(shortName("SGD with Nesterov momentum 0.95").endsWith("…"));
});
