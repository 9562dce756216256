/** One colour for each method within a playlist. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { methodColours } from "../../../app/live/frontend/charts/method_colours.js";

const COLD = new Set(["adam", "sgd", "lbfgs"]);
const [RED, BLUE, GREEN, PURPLE] = [0, 1, 2, 3];

/** Each race's lanes by their colours, without what is left over. @param {string[][]} races */
function given(races) {
  return methodColours(races, COLD).map((places, i) => places.slice(0, races[i].length));
}

test("a method keeps its colour whatever lane it is in", () => {
  assert.deepEqual(given([["annealing", "adam"], ["adam", "annealing"], ["adam"]]), [
    [RED, BLUE],
    [BLUE, RED],
    [BLUE],
  ]);
});

test("gradients are cold, others warm, wherever they come first", () => {
  assert.deepEqual(given([["adam", "pso"]]), [[BLUE, RED]]);
  assert.deepEqual(given([["sgd", "adam"]]), [[BLUE, PURPLE]]);
  assert.deepEqual(given([["pso", "eki", "annealing", "adam"]]), [[RED, GREEN, PURPLE, BLUE]]);
});

test("two lanes of one method differ, and the second has the same colour on every slide", () => {
  const races = [
    ["sgd", "sgd"],
    ["annealing", "sgd"],
    ["sgd", "annealing", "sgd"],
  ];
  assert.deepEqual(given(races), [
    [BLUE, PURPLE],
    [RED, BLUE],
    [BLUE, RED, PURPLE],
  ]);
});

test("with more methods than colours, those share one that do not meet", () => {
  const races = [
    ["annealing", "adam"],
    ["eki", "adam"],
    ["pso", "snes", "annealing", "adam"],
  ];
  const found = given(races);
  /** @type {Map<string, number>} */ const by = new Map();
  races.forEach((race, i) => {
    assert.equal(new Set(found[i]).size, race.length);
    race.forEach((method, lane) => {
      assert.equal(by.get(method) ?? found[i][lane], found[i][lane], method);
      by.set(method, found[i][lane]);
    });
  });
  assert.equal(by.get("adam"), BLUE);
});

test("no two lanes of a race are alike, whatever meets, and every row names all four colours", () => {
  const names = ["a", "b", "c", "d", "e", "f", "adam", "sgd"];
  /** @type {string[][]} */ const races = [];
  for (let i = 0; i < 60; i++)
    races.push(Array.from({ length: 1 + (i % 4) }, (_, k) => names[(i * (k + 3) + k * k) % 8]));
  for (const [i, places] of methodColours(races, COLD).entries()) {
    assert.deepEqual([...places].sort(), [0, 1, 2, 3]);
    assert.equal(new Set(places.slice(0, races[i].length)).size, races[i].length);
  }
});

test("no method changes its colour where there is a way to give each one", () => {
  const races = [
    ["d", "e"],
    ["a", "b", "c"],
    ["d", "c", "b"],
    ["c", "d", "e"],
    ["adam", "b"],
  ];
  const found = given(races);
  /** @type {Record<string, Set<number>>} */ const by = {};
  races.forEach((race, i) =>
    race.forEach((method, lane) => (by[method] ??= new Set()).add(found[i][lane])),
  );
  for (const [method, colours] of Object.entries(by)) assert.equal(colours.size, 1, method);
});

test("the first slide's colours do not depend on what follows", () => {
  const first = ["eki", "adam"];
  const alone = given([first])[0];
  for (const next of [["pso", "eki"], ["sgd", "adam", "lbfgs"], []])
    assert.deepEqual(given([first, next])[0], alone);
});

test("a slide of which nothing is known has the palette's own order", () => {
  assert.equal(methodColours([[]], COLD)[0].length, 4);
});
