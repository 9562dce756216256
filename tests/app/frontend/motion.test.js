/** Particles between two pictures. */

import assert from "node:assert/strict";
import { test } from "node:test";

/** @type {any} */ (globalThis).window ??= {};
let calm = false;
/** @type {any} */ (window).matchMedia = () => ({
  get matches() {
    return calm;
  },
});
const { Motion } = await import("../../../app/live/frontend/panels/weights/motion.js");

/** @param {number[]} data @param {[number, number]} estimate */
const picture = (data, estimate) => ({ lanes: [{ cloud: { data }, estimate }] });

test("everybody goes from where the last picture had them to where the next one has", () => {
  const motion = new Motion();
  motion.come(picture([0, 0, 2, 2], [0, 0]), "a", 1000);
  assert.equal(motion.moving(1001), false);
  motion.come(picture([1, 1, 4, 0], [10, 20]), "a", 1100);
  assert.deepEqual([...motion.at(0, 1100).data], [0, 0, 2, 2]);
  assert.deepEqual([...motion.at(0, 1150).data], [0.5, 0.5, 3, 1]);
  assert.deepEqual(motion.at(0, 1150).estimate, [5, 10]);
  assert.deepEqual([...motion.at(0, 1200).data], [1, 1, 4, 0]);
  assert.equal(motion.moving(1200), false);
});

test("a picture that comes early is set out for from where everybody is shown", () => {
  const motion = new Motion();
  motion.come(picture([0, 0], [0, 0]), "a", 1000);
  motion.come(picture([1, 0], [1, 0]), "a", 1100);
  motion.come(picture([2, 0], [2, 0]), "a", 1150);
  assert.deepEqual([...motion.at(0, 1150).data], [0.5, 0]);
});

test("nothing moves to another plane, to another number of particles, after a rest, or on a slow machine", () => {
  for (const [next, plane, at, spent] of /** @type {[any, string, number, number][]} */ ([
    [picture([1, 1], [1, 1]), "b", 1100, 0],
    [picture([1, 1, 2, 2], [1, 1]), "a", 1100, 0],
    [picture([1, 1], [1, 1]), "a", 3000, 0],
    [picture([1, 1], [1, 1]), "a", 1100, 50],
  ])) {
    const motion = new Motion();
    motion.come(picture([0, 0], [0, 0]), "a", 1000);
    motion.took(10 * spent);
    motion.come(next, plane, at);
    assert.equal(motion.moving(at + 1), false);
    assert.deepEqual(motion.at(0, at + 1).data, next.lanes[0].cloud.data);
  }
});

test("where motion is to be reduced, nothing moves", () => {
  calm = true;
  const motion = new Motion();
  motion.come(picture([0, 0], [0, 0]), "a", 1000);
  motion.come(picture([1, 1], [1, 1]), "a", 1100);
  assert.equal(motion.moving(1101), false);
  calm = false;
});
