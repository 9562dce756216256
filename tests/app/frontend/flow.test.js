import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  tellOfRaceLeft,
  noteRaceLeft,
  rememberReturnAddress,
  takeReturnAddress,
} from "../../../app/live/frontend/data/tab_session.js";
import { frameAtShare, spentShare } from "../../../app/live/frontend/data/budget_share.js";
import { PAGES } from "../../../app/live/frontend/data/layouts.js";
import { setTexts } from "../../../app/live/frontend/i18n/i18n.js";

setTexts({ "menu.left-network": "left" });

const race = (...shares) =>
  shares.map(([one, other]) => ({ lanes: [{ progress: one }, { progress: other }] }));

test("a moment lies on the bar where the budget is spent, by the lane that has spent most", () => {
  assert.equal(spentShare({ lanes: [{ progress: 0.2 }, { progress: 0.5 }] }), 0.5);
  assert.equal(spentShare({ lanes: [{ progress: 1.7 }] }), 1, "a budget that was overshot");
  const metrics = race([0, 0], [0.1, 0.05], [0.2, 0.4], [0.3, 0.4], [0.9, 0.9], [1, 1], [1, 1]);
  assert.equal(frameAtShare(metrics, 0), 0);
  assert.equal(frameAtShare(metrics, 0.39), 1);
  assert.equal(frameAtShare(metrics, 0.5), 3);
  assert.equal(frameAtShare(metrics, 1), 6);
  assert.equal(frameAtShare([], 0.5), 0);
  const running = race([0, 0], [0.1, 0.1]);
  assert.equal(frameAtShare(running, 1), 1, "beyond what there is, the newest");
  for (let i = 0; i < metrics.length - 1; i++)
    assert.equal(
      spentShare(metrics[frameAtShare(metrics, spentShare(metrics[i]))]),
      spentShare(metrics[i]),
    );
});

test("there is a sentence for a race left on any page", () => {
  const told = JSON.parse(
    readFileSync(new URL("../../../app/text/en/menu.json", import.meta.url), "utf8"),
  );
  for (const page of Object.keys(PAGES)) assert.match(told[`left-${page}`] ?? "", /Your race on/);
});

test("whoever leaves a race is told elsewhere, once, and not where it is watched again", () => {
  const kept = new Map();
  globalThis.window = {
    sessionStorage: {
      getItem: (name) => kept.get(name) ?? null,
      setItem: (name, value) => kept.set(name, value),
      removeItem: (name) => kept.delete(name),
    },
  };
  const told = [];
  noteRaceLeft("network");
  tellOfRaceLeft("gallery", (sentence) => told.push(sentence));
  tellOfRaceLeft("gallery", (sentence) => told.push(sentence));
  assert.deepEqual(told, ["left"]);
  noteRaceLeft("network");
  tellOfRaceLeft("network", (sentence) => told.push(sentence));
  tellOfRaceLeft("gallery", (sentence) => told.push(sentence));
  assert.deepEqual(told, ["left"]);
});

test("the way back leads to a page of Kelvin's own, once", () => {
  globalThis.location = { origin: "http://kelvin.test", href: "http://kelvin.test/?dataset=moons" };
  rememberReturnAddress();
  assert.equal(takeReturnAddress(), "http://kelvin.test/?dataset=moons");
  assert.equal(takeReturnAddress(), null);
  for (const href of ["http://kelvin.test.evil/", "javascript:alert(1)", "http://other/"]) {
    globalThis.location.href = href;
    rememberReturnAddress();
    assert.equal(takeReturnAddress(), null);
  }
});
