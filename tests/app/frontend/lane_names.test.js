import "./texts.js";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { summaryOf } from "../../../app/live/frontend/data/summary.js";
import { laneNames, withLaneNames, nameParts } from "../../../app/live/frontend/data/lane_names.js";
import { History } from "../../../app/live/frontend/data/history.js";

const CASES = JSON.parse(readFileSync(new URL("../lane_names.json", import.meta.url), "utf8"));
const STEP = [{ name: "rate", label: "Step size" }];

/** A stage as it was sent before lanes had names of their own. */
function stageOf(lanes) {
  return {
    type: "stage",
    lanes: lanes.map(([label]) => ({ optimizer: label.toLowerCase(), label, knobs: STEP })),
    experiment: {
      lanes: lanes.map(([name, settings]) => ({ name, ...settings })),
      dataset: {},
      network: { name: "mlp" },
      seed: 0,
    },
    data: { name: "moons", label: "Moons", kind: "points" },
    network: "MLP",
    budget: { currency: "seconds", amount: 3 },
  };
}

test("lanes of one method are told apart by what differs, or by number: as Python does it", () => {
  for (const { why, lanes, names } of CASES)
    assert.deepEqual(laneNames(stageOf(lanes)), names, why);
});

test("an old recording's lanes have names of their own wherever it is shown, and keep the name of their method", () => {
  for (const { lanes, names } of CASES) {
    const history = new History();
    history.add(stageOf(lanes), new Uint8Array());
    history.add({ type: "metrics", k: 0, lanes: lanes.map(() => ({})) }, new Uint8Array());
    assert.deepEqual(
      history.stage.lanes.map((lane) => lane.label),
      names,
    );
    const told = summaryOf(history);
    assert.deepEqual(
      told.lanes.map((lane) => lane.label),
      names,
    );
    assert.deepEqual(
      told.lanes.map((lane) => lane.method ?? lane.label),
      lanes.map(([label]) => label),
    );
    assert.equal(new Set(names).size, names.length);
    assert.equal(withLaneNames(history.stage), history.stage, "once is enough");
  }
});

test("a summary that was kept long ago has only its methods' names: numbers tell its lanes apart", () => {
  const kept = {
    lanes: [
      { optimizer: "adam", label: "Adam" },
      { optimizer: "adam", label: "Adam" },
    ],
    seed: 1,
  };
  assert.deepEqual(
    withLaneNames(kept).lanes.map((lane) => lane.label),
    ["Adam 1", "Adam 2"],
  );
  assert.equal(withLaneNames(kept).lanes[0].method, "Adam");
});

test("a name falls apart into its method and what tells it from the others of that method", () => {
  for (const { lanes, names } of CASES) {
    names.forEach((label, i) => {
      const method = lanes[i][0];
      const { method: first, between, apart } = nameParts({ label, method });
      assert.equal(first + between + apart, label);
      assert.equal(first, method);
      assert.equal(apart === "", label === method);
      assert.doesNotMatch(apart, /^[,\s]/);
    });
  }
  assert.deepEqual(nameParts({ label: "Adam" }), { method: "Adam", between: "", apart: "" });
});
