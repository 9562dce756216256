/** What a network says of more than two classes, and of a curve. */

import "./texts.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { listed } from "../../../app/live/frontend/i18n/format.js";
import { between, span } from "../../../app/live/frontend/charts/regression_curve.js";
import { colourAreas, classShare } from "../../../app/live/frontend/charts/decision_map.js";
import { optimizerNumbers } from "../../../app/live/frontend/panels/temperature.js";

const AREAS = { shape: [2, 2, 2], data: Uint8Array.from([0, 1, 2, 2, 255, 85, 255, 170]) };

test("the share of the square given to a class", () => {
  assert.equal(classShare(AREAS, 0), 0.25);
  assert.equal(classShare(AREAS, 2), 0.5);
});

test("a sure class has its colour, an undecided one none, and row 0 is at the bottom", () => {
  const image = { width: 2, height: 2, data: new Uint8ClampedArray(16) };
  const classes = [
    [0, 0, 0],
    [10, 20, 30],
    [250, 0, 0],
  ];
  colourAreas(AREAS, image, [100, 100, 100], classes);
  const pixel = (/** @type {number} */ at) => [...image.data.slice(4 * at, 4 * at + 4)];
  assert.deepEqual(pixel(2), [28, 28, 28, 255]); // row 0, column 0: class 0, sure
  assert.deepEqual(pixel(3), [100, 100, 100, 255]); // a third for each of three classes: undecided
  assert.deepEqual(pixel(0), [208, 28, 28, 255]);
  assert.ok(pixel(1)[0] > 100 && pixel(1)[0] < 208);
});

test("a curve is read between its points, and flat beyond its ends", () => {
  const at = [0, 1, 3];
  assert.equal(between(at, [0, 2, 4], 0.5), 1);
  assert.equal(between(at, [0, 2, 4], 2), 3);
  assert.equal(between(at, [0, 2, 4], 9), 4);
  assert.equal(between(at, [0, 2, 4], -9), 0);
});

test("the span leaves air, also about a constant", () => {
  assert.deepEqual(span([0, 1]), [-0.12, 1.12]);
  assert.deepEqual(span([5, 5]), [4.88, 5.12]);
});

test("names are listed as people list them", () => {
  assert.equal(listed(["a"]), "a");
  assert.equal(listed(["a", "b"]), "a and b");
  assert.equal(listed(["a", "b", "c"]), "a, b and c");
});

test("a lane without a temperature tells its own numbers, and the last agreement of a step that moved", () => {
  const lanes = [{ label: "CMA-ES" }, { label: "Adam" }];
  const metrics = [
    {
      lanes: [
        { extra: { sigma: 0.5 }, agreement: -0.25 },
        { extra: {}, agreement: null },
      ],
    },
    {
      lanes: [
        { extra: { sigma: 0.0123, condition: 340 }, agreement: null },
        { extra: {}, agreement: null },
      ],
    },
  ];
  assert.deepEqual(optimizerNumbers(lanes, metrics), ["● CMA-ES: sigma 0.0123 · condition 340"]);
  assert.deepEqual(optimizerNumbers(lanes, []), []);
});
