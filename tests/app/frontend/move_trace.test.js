/** One move of a tour in slow motion: what is drawn and told of it. */

import "./texts.js";
import assert from "node:assert/strict";
import { test } from "node:test";

import { asStages, moveText, seenOf } from "../../../app/live/frontend/slow_motion/move_trace.js";

const pairs = (/** @type {number[]} */ data) => ({ data, shape: [data.length / 2, 2] });
const DATA = { scale: 0.001, unit: "km" };
const PROPOSED = {
  removed: pairs([0, 1, 2, 3]),
  added: pairs([0, 2, 1, 3]),
  rise: 250_000,
  temperature: 100_000,
  chance: Math.exp(-2.5),
  accepted: false,
};
const told = (/** @type {any} */ move) => [0, 1, 2].map((index) => moveText(move, index, 3, DATA));

test("a proposal is told by its edges, then its price, then its chance", () => {
  const [asked, judged, ended] = told(PROPOSED);
  assert.match(asked, /^2 edges would go/);
  assert.match(judged, /250\s?km longer/);
  assert.match(ended, /T = 100\s?km.*8\.2\s?%.*not made/);
  assert.match(told({ ...PROPOSED, accepted: true })[2], /kept, though longer/);
  assert.match(told({ ...PROPOSED, rise: -4000, accepted: true, chance: 1 })[2], /^not longer/);
  assert.match(told({ ...PROPOSED, chance: 1e-9 })[2], /<\s?0\.1\s?%/);
});

test("of a method whose proposals are not known the last phase tells what was changed", () => {
  const { removed, added, rise } = PROPOSED;
  assert.deepEqual(told({ removed, added, rise }).slice(0, 2), ["", ""]);
  assert.match(told({ removed, added, rise })[2], /2 edges were replaced: 250.*longer/);
  assert.match(told({ removed: pairs([]), added: pairs([]), rise: 0 })[2], /no edge/);
});

test("edges that would come are drawn from the start, and crossed out only where refused", () => {
  assert.deepEqual(seenOf(PROPOSED, 0, 3), {
    goes: true,
    comes: true,
    ended: false,
    refused: false,
  });
  assert.equal(seenOf(PROPOSED, 2, 3).refused, true);
  assert.equal(seenOf({ ...PROPOSED, accepted: true }, 2, 3).refused, false);
  assert.equal(seenOf({ ...PROPOSED, accepted: undefined }, 0, 3).comes, false);
});

test("a move has the phases of its lane's method", () => {
  const stage = { lanes: [{ stages: [{}, {}, {}] }] };
  const { type, stages } = asStages({ type: "move", lane: 0, ...PROPOSED }, stage);
  assert.equal(type, "stages");
  assert.equal(stages.length, 3);
  assert.equal(stages[2].move.rise, 250_000);
});
