import assert from "node:assert/strict";
import { test } from "node:test";

import { arrived, leave, markBack, wayBack } from "../../../app/live/frontend/data/tab_session.js";
import { momentOfShare, spentShare } from "../../../app/live/frontend/data/budget_share.js";
import { setTexts } from "../../../app/live/frontend/i18n/i18n.js";

setTexts({ "menu.left-network": "left" });

const race = (...shares) =>
  shares.map(([one, other]) => ({ lanes: [{ progress: one }, { progress: other }] }));

test("a moment lies on the bar where the budget is spent, by the lane that has spent most", () => {
  assert.equal(spentShare({ lanes: [{ progress: 0.2 }, { progress: 0.5 }] }), 0.5);
  assert.equal(spentShare({ lanes: [{ progress: 1.7 }] }), 1, "a budget that was overshot");
  const metrics = race([0, 0], [0.1, 0.05], [0.2, 0.4], [0.3, 0.4], [0.9, 0.9], [1, 1], [1, 1]);
  assert.equal(momentOfShare(metrics, 0), 0);
  assert.equal(momentOfShare(metrics, 0.39), 1);
  assert.equal(momentOfShare(metrics, 0.5), 3);
  assert.equal(momentOfShare(metrics, 1), 6);
  assert.equal(momentOfShare([], 0.5), 0);
  const running = race([0, 0], [0.1, 0.1]);
  assert.equal(momentOfShare(running, 1), 1, "beyond what there is, the newest");
  for (let i = 0; i < metrics.length - 1; i++)
    assert.equal(
      spentShare(metrics[momentOfShare(metrics, spentShare(metrics[i]))]),
      spentShare(metrics[i]),
    );
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
  leave("network");
  arrived("gallery", (sentence) => told.push(sentence));
  arrived("gallery", (sentence) => told.push(sentence));
  assert.deepEqual(told, ["left"]);
  leave("network");
  arrived("network", (sentence) => told.push(sentence));
  arrived("gallery", (sentence) => told.push(sentence));
  assert.deepEqual(told, ["left"]);
});

test("the way back leads to a page of Kelvin's own, once", () => {
  globalThis.location = { origin: "http://kelvin.test", href: "http://kelvin.test/?dataset=moons" };
  markBack();
  assert.equal(wayBack(), "http://kelvin.test/?dataset=moons");
  assert.equal(wayBack(), null);
  for (const href of ["http://kelvin.test.evil/", "javascript:alert(1)", "http://other/"]) {
    globalThis.location.href = href;
    markBack();
    assert.equal(wayBack(), null);
  }
});
