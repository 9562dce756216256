/** Names at the ends of lines: inside the box, none over another. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  crossingsOf,
  placeLabels,
  shortName,
} from "../../../app/live/frontend/charts/line_labels.js";

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

test("where lines end in one place all labels stand over it, near the bottom too", () => {
  for (const y of [0.06, 0.5]) {
    const [first, second] = placeLabels([label(1, y), label(1, y, "SNES 0.2")], PLANE, wide);
    const end = PLANE.y(y);
    assert.ok(Math.max(first.y, second.y) <= end - 10, "none is on the line");
  }
});

test("a label that another one pushes down does not stop on its own line", () => {
  const under = new Map([["#000001", true]]);
  const crossings = () => 0;
  const high = { ...label(1, 0.6), colour: "#000001" };
  const placed = placeLabels([high, label(1, 0.5, "SNES 0.2")], PLANE, wide, { crossings, under });
  const low = placed.find((one) => one.colour === "#000000");
  assert.ok(low && Math.abs(low.y - 110) >= 10, String(low?.y));
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

const line = (/** @type {(number | null)[]} */ x, /** @type {(number | null)[]} */ y) => ({
  mode: "lines",
  x,
  y,
});

test("a label of a falling line stands under its end, and stays there while little changes", () => {
  const falling = crossingsOf([line([0, 0.5, 1], [1, 0.6, 0.5])], PLANE);
  const under = new Map();
  const [low] = placeLabels([label(1, 0.5)], PLANE, wide, { crossings: falling, under });
  assert.ok(low.y > 110, "its line comes from above");
  const rising = crossingsOf([line([0, 0.5, 1], [0, 0.4, 0.5])], PLANE);
  const [high] = placeLabels([label(1, 0.5)], PLANE, wide, { crossings: rising });
  assert.ok(high.y < 110);
  const [still] = placeLabels([label(1, 0.5)], PLANE, wide, { crossings: () => 0, under });
  assert.equal(still.y, low.y, "it does not jump back for nothing");
  const [foot] = placeLabels([label(1, 0.01)], PLANE, wide, { crossings: falling });
  assert.ok(foot.y < 210, "where there is no room under it, over it");
});

test("lines are met where they pass, gaps and what lies elsewhere are not", () => {
  const met = crossingsOf([line([0, 0.4, null, 0.6, 1], [0.5, 0.5, null, 0.9, 0.9])], PLANE);
  assert.ok(met(40, 160, 110) > 25);
  assert.equal(met(40, 160, 60), 0);
  assert.equal(met(165, 210, 110), 0);
  assert.ok(met(240, 330, 30) > 15);
  assert.equal(crossingsOf([{ ...line([0, 1], [0.5, 0.5]), yaxis: "y2" }], PLANE)(40, 340, 110), 0);
});
