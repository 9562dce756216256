import assert from "node:assert/strict";
import { test } from "node:test";

import { hasGaps } from "../../../app/live/frontend/panels/landscape/panel.js";
import { densePath } from "../../../app/live/frontend/panels/landscape/surface3d.js";
import {
  linspace,
  heightAt,
  light,
  shapeOf,
  slopes,
} from "../../../app/live/frontend/charts/hillshade.js";

const near = (a, b, within = 1e-9) => assert.ok(Math.abs(a - b) <= within, `${a} is not ${b}`);

/** A grid of a function on [−1, 1]². */
function grid(f, side = 41) {
  const at = linspace([-1, 1], side);
  return {
    data: Float32Array.from(at.flatMap((y) => at.map((x) => f(x, y)))),
    shape: [side, side],
  };
}

test("levels go from the lowest point to the top, and half the area lies below the middle", () => {
  for (const f of [
    (x, y) => x * x + y * y,
    (x, y) => (1 - 2 * x) ** 2 + 100 * (2 * y + 1 - 4 * x * x) ** 2,
    (x, y) => 7 + 40 * x ** 4 + y * y,
  ]) {
    const z = grid(f);
    const shape = shapeOf(z.data, null);
    const levels = Array.from(z.data, shape.lift).sort((a, b) => a - b);
    assert.ok(levels[0] > -1e-9 && levels.at(-1) <= 1.15);
    near(levels[Math.floor(levels.length / 2)], 0.5, 0.06);
    const heights = Array.from(z.data).sort((a, b) => a - b);
    heights.forEach((height, i) =>
      assert.ok(!i || shape.lift(height) >= shape.lift(heights[i - 1])),
    );
  }
});

test("the lowest point known is the bottom even where the grid misses it", () => {
  const shape = shapeOf([1, 2, 3, 4], 0);
  assert.equal(shape.floor, 0);
  assert.ok(shape.lift(0) < shape.lift(1));
  assert.equal(shape.lift(-5), shape.lift(0));
});

test("heights that do not exist do not spoil the rest", () => {
  const shape = shapeOf([NaN, 1, Infinity, 2, 3], null);
  assert.equal(shape.floor, 1);
  assert.ok(Number.isFinite(shape.lift(2)));
  assert.ok(Number.isFinite(shapeOf([], null).lift(1)));
  assert.ok(Number.isFinite(shapeOf([5, 5, 5], 5).lift(5)));
});

test("the height between the points of a grid, none beside it", () => {
  const heights = {
    x: [0, 2],
    y: [10, 12],
    z: { data: [0, 1, 2, 10, 11, 12, 20, 21, 22], shape: [3, 3] },
  };
  assert.equal(heightAt(heights, 0, 10), 0);
  assert.equal(heightAt(heights, 2, 12), 22);
  assert.equal(heightAt(heights, 0.5, 10.25), 3);
  assert.equal(heightAt(heights, -0.1, 11), null);
  assert.equal(heightAt(heights, 1, 12.1), null);
  assert.equal(
    heightAt({ ...heights, z: { data: new Array(9).fill(NaN), shape: [3, 3] } }, 1, 11),
    null,
  );
});

test("the sun stands in the upper left", () => {
  near(light(0, 0), 0);
  assert.ok(light(2, 0) > 0); // rises to the east: faces west
  assert.ok(light(-2, 0) < 0);
  assert.ok(light(0, -2) > 0); // rises to the south: faces north
  assert.ok(light(0, 2) < 0);
  for (const steep of [-1e9, 1e9]) assert.ok(Math.abs(light(steep, steep)) <= 1);
});

test("slopes are per share of the rectangle, at its edges too", () => {
  const z = grid((x, y) => x + 3 * y, 21);
  const { east, north } = slopes(z, { lift: (height) => height });
  for (let i = 0; i < east.length; i++) {
    near(east[i], (2 * 21) / 20, 1e-4);
    near(north[i], (6 * 21) / 20, 1e-4);
  }
});

test("a path in relief keeps its corners and its ends, and does not grow without end", () => {
  const dense = densePath({ x: [0, 1, 1], y: [0, 0, 2] });
  for (const [x, y] of [
    [0, 0],
    [1, 0],
    [1, 2],
  ])
    assert.ok(dense.x.some((at, i) => at === x && dense.y[i] === y));
  assert.equal(dense.x.length, dense.y.length);
  assert.equal(dense.x.length, 1 + 2 * 16);
  const n = 5000;
  const long = densePath({ x: Array.from({ length: n }, (_, i) => i), y: new Array(n).fill(0) });
  assert.equal(long.x.length, n);
  assert.deepEqual(long.x.slice(0, 3), [0, 1, 2]);
  assert.deepEqual(densePath({ x: [], y: [] }), { x: [], y: [] });
  assert.deepEqual(densePath({ x: [4], y: [5] }), { x: [4], y: [5] });
});

test("a map with places without a height is told from one without", () => {
  assert.equal(hasGaps(new Float32Array([1, Number.NaN, 2])), true);
  assert.equal(hasGaps(new Float32Array([1, Infinity])), true);
  assert.equal(hasGaps(new Float32Array([1, -2, 0])), false);
});
