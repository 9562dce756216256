import assert from "node:assert/strict";
import { test } from "node:test";

import { Chart } from "../../../app/live/frontend/charts/chart.js";
import { pinchedRange } from "../../../app/live/frontend/charts/pinch_zoom.js";

const near = (found, wanted) =>
  found.forEach((one, i) => assert.ok(Math.abs(one - wanted[i]) < 1e-9, `${found} for ${wanted}`));

test("what lies under two fingers stays under them", () => {
  let seed = 1;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let i = 0; i < 500; i++) {
    const range = [random() * 10 - 5, random() * 10 + 6];
    const length = 100 + 500 * random();
    const from = [random() * 100, 160 + random() * 200];
    const to = [random() * 100, 160 + random() * 200];
    const [a, b] = pinchedRange(range, length, from, to);
    const value = (pixel, [low, high]) => low + (pixel / length) * (high - low);
    near(
      [value(to[0], [a, b]), value(to[1], [a, b])],
      [value(from[0], range), value(from[1], range)],
    );
  }
});

test("fingers beside each other, or crossing, leave an axis alone", () => {
  for (const [from, to] of [
    [
      [10, 20],
      [10, 300],
    ],
    [
      [10, 300],
      [10, 20],
    ],
    [
      [10, 300],
      [300, 10],
    ],
  ])
    assert.deepEqual(pinchedRange([0, 1], 400, from, to), [0, 1]);
  near(pinchedRange([0, 1], 400, [300, 100], [400, 0]), [0.25, 0.75]);
});

test("where fingers are used, one of them does not draw a zoom; elsewhere a pointer does", () => {
  for (const coarse of [true, false]) {
    globalThis.matchMedia = (query) => ({ matches: coarse && query === "(pointer: coarse)" });
    for (const [dragmode, wanted] of [
      ["zoom", coarse ? false : "zoom"],
      ["turntable", "turntable"],
    ]) {
      let made;
      const heard = [];
      const element = Object.assign(new EventTarget(), { on() {} });
      const { addEventListener } = element;
      element.addEventListener = (name, ...rest) => (
        heard.push(name),
        addEventListener.call(element, name, ...rest)
      );
      new Chart(
        "loss",
        element,
        { newPlot: (_place, _data, layout) => (made = layout) },
        { data: [], layout: { dragmode } },
      );
      assert.equal(made.dragmode, wanted);
      assert.equal(heard.includes("touchmove"), coarse && dragmode === "zoom");
    }
  }
});
