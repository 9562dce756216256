import assert from "node:assert/strict";
import { test } from "node:test";

import {
  isFirstVisit,
  returnsToRace,
  rememberRace,
  settingsToAdopt,
} from "../../../app/live/frontend/core/reattach.js";
import { tokenOf } from "../../../app/live/frontend/data/socket.js";

const MOONS = { dataset: { name: "moons" }, lanes: [{ name: "pso" }], seed: 9 };
const CIRCLES = { dataset: { name: "circles" }, lanes: [{ name: "eki" }], seed: 4 };

test("a link to another race shows that race; the address of before, or one that names none, goes back", () => {
  const seen = { address: "/?dataset=moons&seed=9", experiment: MOONS };
  assert.equal(
    returnsToRace({ named: true, address: "/?dataset=circles&seed=4", experiment: CIRCLES }, seen),
    false,
  );
  assert.equal(
    returnsToRace(
      { named: true, address: "/?dataset=moons&seed=9&panels=loss", experiment: MOONS },
      seen,
    ),
    true,
    "the same race, seen otherwise",
  );
  assert.equal(
    returnsToRace({ named: true, address: "/?dataset=moons&seed=9", experiment: CIRCLES }, seen),
    true,
    "a reload with settings changed",
  );
  assert.equal(returnsToRace({ named: false, address: "/", experiment: CIRCLES }, seen), true);
  assert.equal(
    returnsToRace({ named: true, address: "/?dataset=circles", experiment: CIRCLES }, null),
    true,
    "nothing is known",
  );
  assert.equal(
    returnsToRace(
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
  rememberRace(
    /** @type {any} */ ({ token, race: "abc", waiting: null, experiment: MOONS }),
    "/?a=1",
  );
  assert.deepEqual(token.seen(), { address: "/?a=1", experiment: MOONS });
  rememberRace(
    /** @type {any} */ ({
      token,
      race: "abc",
      waiting: {},
      asked: CIRCLES,
      experiment: MOONS,
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
  const session = (more) =>
    /** @type {any} */ ({
      fresh: true,
      loaded: "abc",
      state: { state: "running" },
      experiment: MOONS,
      ...more,
    });
  const other = { named: false, experiment: CIRCLES };
  for (const no of [{ fresh: false }, { loaded: null }, { state: { state: "attaching" } }])
    assert.equal(settingsToAdopt(session(no), other), null);
  assert.equal(settingsToAdopt(session({}), { ...other, named: true }), null);
  assert.equal(settingsToAdopt(session({}), { ...other, experiment: MOONS }), null);
  const one = session({});
  assert.deepEqual([settingsToAdopt(one, other), settingsToAdopt(one, other)], [MOONS, null]);
  assert.deepEqual(
    [isFirstVisit("network"), isFirstVisit("network"), isFirstVisit("landscape")],
    [true, false, true],
  );
});

test("a link to watch is the tab's race until the tab has gone on to one of its own", () => {
  const kept = new Map();
  globalThis.window = /** @type {any} */ ({
    sessionStorage: {
      getItem: (name) => kept.get(name) ?? null,
      setItem: (name, value) => kept.set(name, value),
      removeItem: (name) => kept.delete(name),
    },
  });
  const token = tokenOf("network");
  token.set("mine");
  token.follow("theirs");
  assert.equal(token.get(), "theirs");
  token.set("mine again");
  token.follow("theirs");
  assert.equal(token.get(), "mine again", "a reload of the same address");
  token.follow("another");
  assert.equal(token.get(), "another");
});
