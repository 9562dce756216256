import assert from "node:assert/strict";
import { test } from "node:test";

import {
  firstTime,
  goesBack,
  leaveMark,
  takeUp,
} from "../../../app/live/frontend/core/reattach.js";
import { tokenOf } from "../../../app/live/frontend/data/socket.js";

const MOONS = { dataset: { name: "moons" }, lanes: [{ name: "pso" }], seed: 9 };
const CIRCLES = { dataset: { name: "circles" }, lanes: [{ name: "eki" }], seed: 4 };

test("a link to another race shows that race; the address of before, or one that names none, goes back", () => {
  const seen = { address: "/?dataset=moons&seed=9", experiment: MOONS };
  assert.equal(
    goesBack({ named: true, address: "/?dataset=circles&seed=4", experiment: CIRCLES }, seen),
    false,
  );
  assert.equal(
    goesBack(
      { named: true, address: "/?dataset=moons&seed=9&panels=loss", experiment: MOONS },
      seen,
    ),
    true,
    "the same race, seen otherwise",
  );
  assert.equal(
    goesBack({ named: true, address: "/?dataset=moons&seed=9", experiment: CIRCLES }, seen),
    true,
    "a reload with settings changed",
  );
  assert.equal(goesBack({ named: false, address: "/", experiment: CIRCLES }, seen), true);
  assert.equal(
    goesBack({ named: true, address: "/?dataset=circles", experiment: CIRCLES }, null),
    true,
    "nothing is known",
  );
  assert.equal(
    goesBack(
      { named: true, address: "/?dataset=circles", experiment: CIRCLES },
      { address: null, experiment: MOONS },
    ),
    false,
    "left by way of another page",
  );
});

test("what a tab's race was is kept with its token and forgotten with it", () => {
  const kept = new Map();
  globalThis.window = /** @type {any} */ ({
    sessionStorage: {
      getItem: (name) => kept.get(name) ?? null,
      setItem: (name, value) => kept.set(name, value),
      removeItem: (name) => kept.delete(name),
    },
  });
  const token = tokenOf("network");
  assert.equal(token.seen(), null);
  token.set("abc");
  leaveMark(
    /** @type {any} */ ({ token, race: "abc", waiting: null, experiment: JSON.stringify(MOONS) }),
    "/?a=1",
  );
  assert.deepEqual(token.seen(), { address: "/?a=1", experiment: MOONS });
  leaveMark(
    /** @type {any} */ ({
      token,
      race: "abc",
      waiting: {},
      asked: CIRCLES,
      experiment: JSON.stringify(MOONS),
    }),
    null,
  );
  assert.deepEqual(
    token.seen(),
    { address: null, experiment: CIRCLES },
    "the race that was asked for last",
  );
  assert.equal(tokenOf("landscape").seen(), null);
  token.clear();
  assert.deepEqual([token.get(), token.seen(), kept.size], [null, null, 0]);
});

test("a race that comes back brings its settings back where the address named none, once", () => {
  const told = [];
  const view = (more) =>
    /** @type {any} */ ({
      fresh: true,
      loaded: "abc",
      state: { state: "running" },
      experiment: JSON.stringify(MOONS),
      data: { named: false, experiment: CIRCLES },
      setStateValue: (name, value) => told.push([name, value]),
      ...more,
    });
  for (const no of [
    { fresh: false },
    { loaded: null },
    { state: { state: "attaching" } },
    { data: { named: true, experiment: CIRCLES } },
    { data: { named: false, experiment: MOONS } },
  ])
    takeUp(view(no));
  assert.deepEqual(told, []);
  const one = view({});
  takeUp(one);
  takeUp(one);
  assert.deepEqual(told, [["opened", MOONS]]);
  assert.deepEqual(
    [firstTime("network"), firstTime("network"), firstTime("landscape")],
    [true, false, true],
  );
});
