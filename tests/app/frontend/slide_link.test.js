/** The link of a slide, for those who watch a playlist. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { readRecording } from "../../../app/live/frontend/data/recording.js";
import { flat, slideLink } from "../../../app/live/frontend/present/slide_link.js";

const HOME = "https://kelvin.example/tools";
const stageOf = async (/** @type {string} */ name) => {
  const file = readFileSync(new URL(`../../../assets/recordings/${name}.kelvin`, import.meta.url));
  return (await readRecording(new Uint8Array(file).buffer)).stage;
};

test("a shipped recording is opened itself, on its own page", async () => {
  const { experiment } = await stageOf("first-screen");
  assert.equal(slideLink(HOME, "first-screen", experiment), `${HOME}/?recording=first-screen`);
  const land = (await stageOf("quenched")).experiment;
  assert.equal(slideLink(HOME, "quenched", land), `${HOME}/landscapes?recording=quenched`);
});

test("a recording of one's own is its experiment, which runs anywhere", async () => {
  const { experiment } = await stageOf("quenched");
  const link = new URL(slideLink(HOME, "own:0123", experiment));
  assert.equal(link.pathname, "/tools/landscapes");
  const found = Object.fromEntries(link.searchParams);
  assert.equal(found.dataset, "landscape");
  assert.equal(found["dataset.function"], "rastrigin");
  assert.equal(found.lanes, "annealing,annealing");
  assert.equal(found["lane2.start_temperature"], "0.002");
  assert.equal(found.evaluations, "3000");
  assert.ok(!("network" in found), "a landscape has no other");
});

test("lists, what is empty and groups are written as links have them", () => {
  const found = flat({
    dataset: { name: "moons", noise: 0.1 },
    network: { name: "mlp", hidden: [16, 8] },
    lanes: [{ name: "adam", batch: 64 }],
    budget: { currency: "seconds", amount: 30 },
    stop: { target: null, patience: null },
    training: { classes: [] },
    seed: 7,
  });
  assert.deepEqual(found, {
    dataset: "moons",
    network: "mlp",
    lanes: "adam",
    seconds: "30",
    seed: "7",
    "training.classes": "none",
    "dataset.noise": "0.1",
    "network.hidden": "16,8",
    "adam.batch": "64",
  });
});

test("a file of one's own is nowhere else", async () => {
  const { experiment } = await stageOf("first-screen");
  const own = { ...experiment, dataset: { name: "own-table", file: "token" } };
  assert.equal(slideLink(HOME, "own:0123", own), null);
});

test("what a link need not say is left out, but for what the data suggest", () => {
  const defaults = {
    dataset: { moons: { noise: 0.1 } },
    network: { mlp: { hidden: [16], activation: "tanh" }, point: {} },
    lane: { adam: { batch: 64, learning_rate: 0.01 } },
  };
  const race = {
    dataset: { name: "moons", noise: 0.1 },
    network: { name: "mlp", hidden: [16], activation: "tanh" },
    lanes: [{ name: "adam", batch: 64, learning_rate: 0.02 }],
    budget: { currency: "seconds", amount: 30 },
    stop: { target: null, patience: 5 },
    seed: 7,
    device: "auto",
    precision: "float32",
    threads: 1,
  };
  const usual = { dataset: "moons", network: "mlp", lanes: "adam", seconds: "30", seed: "7" };
  assert.deepEqual(flat(race, defaults), {
    ...usual,
    "stop.patience": "5",
    "network.hidden": "16",
    "adam.learning_rate": "0.02",
  });
  const land = { ...race, dataset: { name: "landscape" }, network: { name: "point" } };
  assert.equal(flat(land, defaults)["adam.batch"], "64");
});
