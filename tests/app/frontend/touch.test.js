/**
 * Hands on the data and the particles: how points are written and changed, who is who in a cloud,
 * what is taken for what.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  cellGrid,
  contrast,
  inkOn,
  cellColour,
  rowShares,
  summarizeConfusion,
} from "../../../app/live/frontend/panels/network/confusion_matrix.js";
import {
  decodePoints,
  encodePoints,
  lastDrawn,
  MOST_POINTS,
  pointsAt,
  PointSet,
  snapped,
} from "../../../app/live/frontend/panels/network/draw_points/model.js";
import {
  asOf,
  memberOf,
  nameOf,
  persistent,
  whyNot,
} from "../../../app/live/frontend/panels/network/particle_prediction.js";
import { colour, shades } from "../../../app/live/frontend/charts/decision_map.js";
import { nextParticle } from "../../../app/live/frontend/panels/weights/particles.js";
import { planeText } from "../../../app/live/frontend/panels/weights/plane_choice.js";
import { tiling } from "../../../app/live/frontend/panels/network/sample_grid.js";
import { setTexts } from "../../../app/live/frontend/i18n/i18n.js";

const texts = JSON.parse(
  readFileSync(new URL("../../../app/text/en/touch.json", import.meta.url), "utf-8"),
);
setTexts(Object.fromEntries(Object.entries(texts).map(([key, text]) => [`touch.${key}`, text])));

/** Vectors that Python writes and reads as well: tests/app/test_drawn_points.py. */
const VECTORS = JSON.parse(readFileSync(new URL("../drawn_points.json", import.meta.url), "utf-8"));

test("points are written as Python writes them, and read again at their places", () => {
  for (const { text, points, places } of VECTORS) {
    assert.equal(encodePoints(points.map(([x, y, label]) => ({ x, y, label }))), text);
    assert.deepEqual(
      decodePoints(text),
      places.map(([x, y, label]) => ({ x, y, label })),
    );
    assert.equal(encodePoints(decodePoints(text)), text);
  }
});

test("what is no text of points is refused", () => {
  assert.throws(() => decodePoints("AAAA"), RangeError);
  assert.throws(() => decodePoints("AAAA!"), RangeError);
  assert.deepEqual(decodePoints(""), []);
});

test("halves go to the even place", () => {
  assert.equal(snapped(1 / 512), 0);
  assert.equal(snapped(3 / 512), 2 / 256);
  assert.equal(snapped(99), 8 - 1 / 256);
  assert.equal(snapped(-99), -8);
});

const drawn = (/** @type {number[][]} */ rows) => ({
  x: { data: rows.flatMap(([x, y]) => [x, y]) },
  y: { data: rows.map(([, , label]) => label) },
  extent: [-1, 1, -1, 1],
});

test("a sheet is changed, and goes back and forth", () => {
  const sheet = new PointSet(
    drawn([
      [0, 0, 0],
      [0.5, 0.5, 1],
    ]),
  );
  const first = sheet.text;
  sheet.begin();
  assert.equal(sheet.add(-0.5, 0.25, 1), 2);
  assert.equal(sheet.end(), true);
  sheet.begin();
  sheet.move(0, 0.125, 0);
  sheet.end();
  sheet.begin();
  assert.equal(sheet.end(), false, "a change that changes nothing leaves no trace");
  assert.equal(sheet.past.length, 2);
  const last = sheet.text;
  assert.equal(sheet.undo(), true);
  assert.deepEqual(sheet.points[0], { x: 0, y: 0, label: 0 });
  assert.equal(sheet.undo(), true);
  assert.equal(sheet.text, first);
  assert.equal(sheet.undo(), false);
  assert.equal(sheet.redo() && sheet.redo(), true);
  assert.equal(sheet.text, last);
  assert.equal(sheet.redo(), false);
  sheet.undo();
  sheet.begin();
  sheet.remove(0);
  sheet.end();
  assert.equal(sheet.redo(), false, "another change leaves nothing to do again");
});

test("a sheet holds so many points and no more, evenly chosen", () => {
  const many = drawn(
    Array.from({ length: 2 * MOST_POINTS }, (_, i) => [i / 256, 0, i % 2 === 0 ? 0 : 1]),
  );
  const sheet = new PointSet(many);
  assert.equal(sheet.points.length, MOST_POINTS);
  assert.equal(sheet.left, MOST_POINTS);
  assert.equal(sheet.points[10].x, snapped(20 / 256));
  assert.equal(sheet.add(0, 0, 0), -1);
  assert.equal(sheet.points.length, MOST_POINTS);
});

test("the nearest point within reach is found, and none beyond", () => {
  const sheet = new PointSet(
    drawn([
      [0, 0, 0],
      [0.5, 0, 1],
    ]),
  );
  const from = (/** @type {number} */ x) => (/** @type {{x: number}} */ point) =>
    Math.abs(point.x - x);
  assert.equal(sheet.nearest(from(0.4), 0.2), 1);
  assert.equal(sheet.nearest(from(0.25), 0.1), -1);
});

test("the points of a moment are the stage's until others were drawn", () => {
  const own = { x: { data: [1, 2] }, y: { data: [0] }, extent: [-3, 3, -3, 3] };
  const stage = { data: { points: own } };
  assert.equal(pointsAt({ stage, events: [{ kind: "reheat" }] }), own);
  const [first, second] = [
    [{ x: 0, y: 0, label: 0 }],
    [
      { x: 1, y: -1, label: 1 },
      { x: 2, y: 0.5, label: 0 },
    ],
  ];
  const events = [
    { kind: "points", value: encodePoints(first) },
    { kind: "points", value: encodePoints(second) },
    { kind: "turn" },
  ];
  const shown = pointsAt({ stage, events });
  assert.deepEqual(
    [[...shown.x.data], [...shown.y.data], shown.extent],
    [[1, -1, 2, 0.5], [1, 0], own.extent],
  );
  assert.deepEqual([...pointsAt({ stage, events: events.slice(0, 1) }).x.data], [0, 0]);
  assert.equal(lastDrawn([]), null);
  assert.equal(pointsAt({ stage: { data: {} }, events }), null);
});

test("one particle's answer is cut out of those of all", () => {
  const maps = { data: Uint8Array.from({ length: 12 }, (_, i) => i), shape: [3, 2, 2] };
  const one = memberOf({ maps }, 1);
  assert.deepEqual([one.kind, [...one.data], one.shape], ["maps", [4, 5, 6, 7], [2, 2]]);
  assert.equal(memberOf({ maps }, 3), null);
  assert.equal(memberOf(null, 0), null);
  assert.deepEqual(
    [...memberOf({ predicted: { data: Uint8Array.of(7, 8, 9, 1), shape: [2, 2] } }, 1).data],
    [9, 1],
  );
});

test("why there is no picture of a particle is said, and nothing where there is one", () => {
  const stage = { data: { kind: "points" } };
  const members = { maps: { data: new Uint8Array(8), shape: [2, 2, 2] } };
  const detail = { steps: [1203], lanes: [{ members }] };
  assert.equal(whyNot({ stage, detail }, 0, 1, true), "");
  assert.equal(
    whyNot({ stage, detail }, 0, 2, true),
    "Maps of the first 2 particles only: all would take too much computing.",
  );
  assert.match(whyNot({ stage, detail: null }, 0, 0, true), /when the race is paused/);
  assert.match(whyNot({ stage, detail: null }, 0, 0, false), /recording has no/);
  assert.match(
    whyNot({ stage, detail: { lanes: [{ members: null }] } }, 0, 0, true),
    /too much computing/,
  );
  assert.equal(whyNot({ stage: { data: { kind: "function" } }, detail: null }, 0, 0, true), "");
  assert.equal(asOf({ detail }, 0), "as of step 1,203");
  assert.equal(asOf({ detail: null }, 0), "");
});

test("a number is a particle's where it stays the same one, else a place's", () => {
  assert.equal(nameOf({ optimizer: "pso" }, 16), "particle 17");
  assert.equal(nameOf({ optimizer: "cma-es" }, 16), "slot 17");
  assert.equal(persistent({ optimizer: "pso", persistent: false }), false);
  assert.equal(persistent({ optimizer: "genetic", persistent: true }), true);
});

test("the arrow keys walk from the best to the worst and from lane to lane", () => {
  const cloud = (/** @type {number[]} */ losses) => ({
    cloud: { shape: [losses.length, 2] },
    cloud_loss: { data: losses },
  });
  const lanes = [cloud([0.5, 0.1, 0.9]), { cloud: null }, cloud([3, 2])];
  const best = nextParticle(lanes, null, 1, 0);
  assert.deepEqual(best, { lane: 0, particle: 1 });
  const next = nextParticle(lanes, best, 1, 0);
  assert.deepEqual(next, { lane: 0, particle: 0 });
  assert.deepEqual(nextParticle(lanes, next, Infinity, 0), { lane: 0, particle: 2 });
  assert.deepEqual(nextParticle(lanes, { lane: 0, particle: 2 }, 1, 0), { lane: 0, particle: 2 });
  assert.deepEqual(nextParticle(lanes, next, -Infinity, 0), best);
  assert.deepEqual(nextParticle(lanes, best, 0, 1), { lane: 2, particle: 1 });
  assert.deepEqual(nextParticle(lanes, { lane: 2, particle: 0 }, 0, 1), best);
  assert.equal(nextParticle([{ cloud: null }], null, 1, 0), null);
});

test("a plane says what it is and how much of the spread it holds", () => {
  assert.equal(
    planeText({ kind: "pca", explained: 0.714 }),
    "main plane (PCA), 71\u202f% of the movement",
  );
  assert.equal(planeText({ kind: "random", explained: null }), "random plane (filter-normalised)");
  assert.equal(planeText({ kind: "line", explained: undefined }), "start–best");
});

const CONFUSION = { data: Int32Array.of(8, 2, 0, 1, 9, 0, 0, 5, 5), shape: [3, 3] };

test("a confusion matrix in short", () => {
  assert.deepEqual(summarizeConfusion(CONFUSION), {
    total: 30,
    right: 22,
    worst: { truth: 2, answer: 1, count: 5 },
  });
  assert.equal(summarizeConfusion({ data: [3, 0, 0, 4], shape: [2, 2] }).worst, null);
  assert.deepEqual(rowShares(CONFUSION).slice(0, 3), [0.8, 0.2, 0]);
  assert.deepEqual(rowShares({ data: [0, 0, 1, 1], shape: [2, 2] }), [0, 0, 0.5, 0.5]);
});

test("every number in a matrix is read by AA, by day and by night", () => {
  for (const theme of [
    { surface: "#ffffff", faint: "#6b6560" },
    { surface: "#211e1b", faint: "#b3aaa0" },
  ]) {
    for (let share = 0; share <= 1; share += 0.01) {
      for (const right of [true, false]) {
        const rgb = cellColour(share, right, theme, "#d9532c");
        assert.ok(contrast(rgb, inkOn(rgb)) >= 4.5, `${rgb}`);
      }
    }
  }
  assert.equal(Math.round(contrast([0, 0, 0], [255, 255, 255])), 21);
});

test("the cells of a matrix stay on the canvas", () => {
  for (const [width, height, classes] of [
    [300, 200, 10],
    [1200, 400, 3],
    [90, 90, 10],
  ]) {
    const { left, top, w, h } = cellGrid(width, height, classes, 1, 12);
    assert.ok(
      left >= 0 && left + classes * w <= width + 1e-9 && top + classes * h <= height + 1e-9,
    );
    assert.ok(w <= 1.7 * h + 1e-9 && h <= 1.7 * w + 1e-9);
  }
});

test("a coarse map reaches from edge to edge: its middle is the image's middle", () => {
  // Three columns: surely the first class, undecided, surely the second.
  const map = { data: [0, 127.5, 255, 0, 127.5, 255], shape: [2, 3] };
  const image = { width: 9, height: 3, data: new Uint8ClampedArray(4 * 27) };
  colour(
    map,
    image,
    shades(
      [0, 0, 0],
      [
        [255, 0, 0],
        [0, 0, 255],
      ],
    ),
  );
  const at = (/** @type {number} */ x) => [...image.data.slice(4 * (9 + x), 4 * (9 + x) + 3)];
  assert.ok(at(4)[0] + at(4)[2] < 12, "the boundary is in the middle");
  assert.equal(at(1)[0], at(7)[2]);
  assert.ok(at(0)[0] > at(2)[0] && at(2)[0] > at(3)[0]);
});

test("tiles are as large as they can be", () => {
  assert.deepEqual(tiling(40, 96, 96), { across: 6, side: 96 / 7 });
  assert.deepEqual(tiling(4, 400, 100), { across: 4, side: 100 });
});
