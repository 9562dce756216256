/** The brush of the large square, the square itself, and the picture of drawn points. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { createPanelApi } from "../../../app/live/frontend/core/panel_api.js";
import { pointsPicture } from "../../../app/live/frontend/dataset_picker/thumbnail.js";
import {
  BRUSHES,
  dabOf,
  Stroke,
} from "../../../app/live/frontend/panels/network/draw_points/brush.js";
import {
  classCount,
  encodePoints,
  PointSet,
  squareFor,
  toDrawn,
} from "../../../app/live/frontend/panels/network/draw_points/model.js";

/** Numbers that come again and again. @param {number[]} values */
const cycle = (values) => {
  let i = 0;
  return () => values[i++ % values.length];
};

test("a stroke leaves dabs at even distances, however fast the hand moves", () => {
  const [slow, fast] = [new Stroke(0.1), new Stroke(0.1)];
  assert.deepEqual(slow.to(0, 0), [[0, 0]], "the first one where the hand comes down");
  const steps = [];
  for (let i = 1; i <= 100; i++) steps.push(...slow.to(i / 100, 0));
  fast.to(0, 0);
  const at_once = fast.to(1, 0);
  assert.equal(steps.length, 10);
  assert.equal(at_once.length, 10);
  at_once.forEach(([x, y], i) => {
    assert.ok(Math.abs(x - (i + 1) / 10) < 1e-9);
    assert.equal(y, 0);
    assert.ok(Math.abs(x - steps[i][0]) < 0.011);
  });
  assert.deepEqual(slow.to(1.01, 0), [], "nothing before the next one is due");
});

test("a dab has as many points as its brush says, within its radius and spread over it", () => {
  assert.deepEqual(
    BRUSHES.map((brush) => brush.name),
    ["one", "few", "many"],
  );
  const [[x, y]] = dabOf(BRUSHES[0], Math.random);
  assert.equal(Math.hypot(x, y), 0, "a single point is where one presses");
  for (const brush of BRUSHES) {
    const offsets = dabOf(brush, cycle([0.999999, 0.25, 0.5, 0.75, 0.1, 0.9]));
    assert.equal(offsets.length, brush.points);
    for (const [dx, dy] of offsets) assert.ok(Math.hypot(dx, dy) <= brush.radius + 1e-12);
  }
  // Half of the points lie outside of the radius that has half of the area.
  const many = { ...BRUSHES[2], points: 4000 };
  let seed = 1;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const outside = dabOf(many, random).filter(
    ([dx, dy]) => Math.hypot(dx, dy) > many.radius * Math.SQRT1_2,
  );
  assert.ok(Math.abs(outside.length / 4000 - 0.5) < 0.04);
});

test("the larger the brush, the more points, the wider it and its eraser", () => {
  for (const key of ["points", "radius", "spacing", "eraser"])
    for (let i = 1; i < BRUSHES.length; i++) assert.ok(BRUSHES[i][key] > BRUSHES[i - 1][key], key);
});

test("the eraser removes all points within reach, and one undo brings them back", () => {
  const points = [
    { x: 0, y: 0, label: 0 },
    { x: 0.25, y: 0, label: 1 },
    { x: 1, y: 1, label: 1 },
  ];
  const sheet = new PointSet(toDrawn(points, [-2, 2, -2, 2]));
  sheet.begin();
  assert.equal(
    sheet.erase(({ x, y }) => Math.hypot(x, y), 0.25),
    2,
  );
  assert.equal(
    sheet.erase(({ x, y }) => Math.hypot(x, y), 0.25),
    0,
  );
  assert.equal(sheet.end(), true);
  assert.deepEqual(sheet.points, [points[2]]);
  sheet.undo();
  assert.deepEqual(sheet.points, points);
});

test("the square is around the middle and holds every point", () => {
  assert.deepEqual(squareFor([]), [-1.25, 1.25, -1.25, 1.25]);
  const [x0, x1, y0, y1] = squareFor([{ x: -3, y: 0.5, label: 0 }]);
  assert.ok(x0 < -3 && x1 === -x0 && y0 === x0 && y1 === x1);
  assert.deepEqual(squareFor([{ x: -8, y: 8, label: 0 }]), [-8, 8, -8, 8], "the whole grid");
});

test("there are as many classes as the highest that is drawn, and two at least", () => {
  assert.equal(classCount([]), 2);
  assert.equal(classCount([{ x: 0, y: 0, label: 0 }]), 2);
  assert.equal(
    classCount([
      { x: 0, y: 0, label: 2 },
      { x: 0, y: 0, label: 0 },
    ]),
    3,
  );
});

test("drawn points have a picture with a path for every class", () => {
  const picture = pointsPicture(
    encodePoints([
      { x: 0, y: 0, label: 0 },
      { x: 1, y: 0, label: 1 },
      { x: 0, y: 1, label: 1 },
    ]),
  );
  assert.deepEqual(
    [...picture.matchAll(/d="([^"]*)"/g)].map(([, d]) => d.split("M").length - 1),
    [1, 2],
  );
  assert.match(picture, /d="M64 64h0"/, "the middle of the square is the middle of the picture");
});

test("a race that runs keeps its classes; for the next one those that were drawn count", () => {
  const told = [];
  const session = {
    live: true,
    playback: { chosen: null },
    history: { stage: { data: { classes: ["A", "B"] } } },
    settlesAt: 0,
  };
  const commands = [];
  const api = createPanelApi(/** @type {any} */ (session), {
    command: (command) => commands.push(command),
    mark() {},
    redraw() {},
    tell: (name, value) => told.push([name, value]),
    pick() {},
  });
  api.setPoints("AAAAA", 3);
  session.live = false;
  api.setPoints("AAAAA", 3);
  api.setPoints("AAAAA");
  assert.deepEqual(commands, [{ do: "points", points: "AAAAA" }]);
  assert.deepEqual(
    told.map(([, { groups }]) => groups),
    [2, 3, 2],
  );
});
