import "./texts.js";
import assert from "node:assert/strict";
import { test } from "node:test";

import { broken } from "../../../app/live/frontend/export/pictures.js";
import { beside, freeCorner } from "../../../app/live/frontend/panels/weights/panel.js";
import { withRoom } from "../../../app/live/frontend/charts/axis_scale.js";

const BOX = { left: 30, top: 4, width: 270, height: 140 };

test("a word beside a mark is never cut by the edges of the plane, and never on the mark", () => {
  for (const at of [30, 31, 100, 299, 300]) {
    for (const up of [4, 9, 60, 140, 143]) {
      const { x, y } = beside(at, up, 28, BOX);
      assert.ok(x - 14 >= BOX.left && x + 14 <= BOX.left + BOX.width, `${at} ${up}`);
      assert.ok(y - 10 >= BOX.top && y <= BOX.top + BOX.height, `${at} ${up}`);
      assert.ok(y <= up - 6 || y - 10 >= up + 6, `${at} ${up}`);
    }
  }
});

test("the note of the plane stays in its corner until another one covers fewer particles", () => {
  const corner = { right: true, below: true };
  assert.deepEqual(freeCorner([], BOX, 120, corner), corner);
  assert.deepEqual(freeCorner([[150, 70]], BOX, 120, corner), corner);
  assert.deepEqual(freeCorner([[290, 140]], BOX, 120, corner), { right: false, below: true });
  assert.deepEqual(
    freeCorner(
      [
        [290, 140],
        [40, 140],
      ],
      BOX,
      120,
      corner,
    ),
    { right: true, below: false },
  );
  const all = [
    [290, 140],
    [40, 140],
    [290, 10],
    [40, 10],
  ];
  assert.deepEqual(freeCorner(all, BOX, 120, corner), corner);
  assert.deepEqual(freeCorner([...all, [295, 139]], BOX, 120, corner), {
    right: false,
    below: true,
  });
});

test("the note of the plane never lies on the mark of an estimate", () => {
  const corner = { right: true, below: true };
  const head = [296, 140];
  assert.deepEqual(freeCorner([], BOX, 120, corner, [head]), { right: false, below: true });
  // many particles are covered rather than one mark
  const cloud = [
    [40, 140],
    [41, 140],
    [290, 10],
    [40, 10],
  ];
  assert.deepEqual(freeCorner(cloud, BOX, 120, corner, [head]), { right: true, below: false });
  const heads = [head, [40, 138], [292, 9], [38, 12]];
  assert.equal(freeCorner(cloud, BOX, 120, corner, heads), null);
  // a mark is wider than its middle
  assert.deepEqual(freeCorner([], BOX, 120, corner, [[166, 140]]), { right: false, below: true });
});

test("a strip for words leaves everything drawn beside it", () => {
  for (const [low, high] of [
    [-0.25, 0.4],
    [-4.1, 0.2],
    [0, 1.04],
  ]) {
    for (const share of [0, 0.1, 0.4, 5]) {
      const above = withRoom([low, high], share, "above");
      const below = withRoom([low, high], share, "below");
      assert.equal(above[0], low);
      assert.equal(below[1], high);
      const part = Math.min(0.4, share); // what is drawn keeps most of the room
      assert.ok(Math.abs((above[1] - high) / (above[1] - low) - part) < 1e-9);
      assert.ok(Math.abs((low - below[0]) / (high - below[0]) - part) < 1e-9);
    }
  }
});

test("a long title of a picture goes on in the next line, no word of it lost", () => {
  const wide = (text) => 10 * text.length;
  const title = "Two spirals: Simulated annealing, chains 16 vs Simulated annealing, chains 8";
  const lines = broken(title, wide, 300);
  assert.ok(lines.length > 1 && lines.every((line) => wide(line) <= 300));
  assert.equal(lines.join(" "), title);
  assert.deepEqual(broken("Incomprehensibilities", wide, 50), ["Incomprehensibilities"]);
});
