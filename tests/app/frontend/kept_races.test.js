/** Which races a browser remembers, and how those that the server keeps are listed. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { askedRaces, MOST_ASKED } from "../../../app/live/frontend/data/asked_races.js";
import { RaceSession } from "../../../app/live/frontend/data/race_session.js";
import {
  columnsOf,
  isFound,
  keptItems,
  pageOf,
  standing,
} from "../../../app/live/frontend/gallery/kept_summary.js";
import "./texts.js";

/** A browser's storage. */
function storage() {
  /** @type {Map<string, string>} */ const kept = new Map();
  return {
    kept,
    getItem: (/** @type {string} */ name) => kept.get(name) ?? null,
    setItem: (/** @type {string} */ name, /** @type {string} */ value) => kept.set(name, value),
  };
}

/** @param {any} place */
const races = (place, base = "") => askedRaces(base, () => place);
const STAGE = {
  type: "stage",
  experiment: { seed: 3 },
  data: { name: "moons", label: "Two moons" },
  lanes: [{ label: "PSO" }, { label: "Adam" }],
};
const TITLE = "Two moons: PSO vs Adam";

test("races that were asked for are remembered, the newest first, with what they are", () => {
  const place = storage();
  const mine = races(place);
  mine.note("a");
  mine.note("b");
  mine.note("a", STAGE);
  assert.deepEqual(
    mine.list().map(({ token, title }) => [token, title]),
    [
      ["b", ""],
      ["a", TITLE],
    ],
  );
  assert.ok(mine.list().every(({ at }) => at > 0));
  mine.note("a");
  assert.equal(mine.list()[1].title, TITLE, "told again without a stage");
  mine.forget("b");
  assert.deepEqual(
    races(place)
      .list()
      .map(({ token }) => token),
    ["a"],
  );
  assert.deepEqual(races(place, "/tools").list(), [], "of another server");
});

test("no more than fifty are, and the oldest go", () => {
  const mine = races(storage());
  for (let i = 0; i < MOST_ASKED + 2; i++) mine.note(`race ${i}`);
  assert.equal(mine.list().length, 50);
  assert.equal(mine.list()[0].token, "race 51");
  assert.equal(mine.list().at(-1)?.token, "race 2");
});

test("a browser that stores nothing loses only that, and nonsense is no race", () => {
  const blocked = askedRaces("", () => {
    throw new DOMException("denied", "SecurityError");
  });
  blocked.note("a", STAGE);
  blocked.forget("a");
  assert.deepEqual(blocked.list(), []);
  const place = storage();
  for (const text of ["{", "7", '{"token": "a"}', '[null, 3, {"token": 4}, {"token": ""}]']) {
    place.setItem("kelvin.races", text);
    assert.deepEqual(races(place).list(), []);
  }
  place.setItem("kelvin.races", '[{"token": "a", "title": 5}]');
  assert.deepEqual(races(place).list(), [{ token: "a", title: "5", at: 0 }]);
});

test("a session remembers its own races, and none that it only watches", () => {
  const own = races(storage());
  const token = /** @type {any} */ ({ set() {}, clear() {} });
  const session = new RaceSession({ token, own });
  session.assign("mine", { watch: "for-others" });
  assert.deepEqual([own.list()[0].token, own.list()[0].title], ["mine", ""]);
  session.open(STAGE, new Uint8Array());
  assert.equal(own.list()[0].title, TITLE);
  session.assign("somebody's", { watches: true });
  session.open(STAGE, new Uint8Array());
  session.assign("copy", { watch: "another" });
  assert.deepEqual(
    own.list().map((one) => one.token),
    ["copy", "mine"],
  );
});

/** @param {Record<string, any>} more */
const race = (more) => ({
  token: "a",
  own: true,
  experiment: { dataset: { name: "moons" } },
  state: "done",
  created: 1,
  used: 2,
  results: [
    { label: "PSO", loss: 0.5, test_loss: 0.6 },
    { label: "Adam", loss: 0.1, test_loss: null },
  ],
  bytes: 10,
  pinned: false,
  ...more,
});

test("kept races are listed newest first, named as this browser knows them", () => {
  const items = keptItems(
    [
      race({ token: "old" }),
      race({ token: "new", created: 9, state: "paused" }),
      race({ token: "bare", created: 0, state: "ended", results: [] }),
    ],
    [
      { token: "new", title: TITLE, at: 1 },
      { token: "old", title: "", at: 1 },
    ],
  );
  assert.deepEqual(
    items.map(({ token, title, standing }) => [token, title, standing]),
    [
      ["new", TITLE, "open"],
      ["old", "PSO vs Adam", "done"],
      ["bare", "A race", "ended"],
    ],
  );
  assert.equal(isFound(items[0], "MOONS adam"), true);
  assert.equal(isFound(items[1], "moons"), false);
  assert.equal(isFound(items[1], ""), true);
});

test("a race that is not over can go on, whatever it was doing", () => {
  const states = ["done", "ended", "queued", "starting", "running", "paused"];
  assert.deepEqual(states.map(standing), ["done", "ended", "open", "open", "open", "open"]);
});

test("each kind has its page and its numbers", () => {
  const tour = { instance: { name: "random" } };
  const landscape = { dataset: { name: "landscape", function: "himmelblau" } };
  assert.equal(pageOf(tour), "tour");
  assert.equal(pageOf(landscape), "landscape");
  assert.equal(pageOf({ dataset: { name: "moons" } }), "network");
  const heads = (/** @type {Record<string, any>} */ more) =>
    columnsOf(keptItems([race(more)], [])[0]).map(({ name, head }) => [name, head]);
  assert.deepEqual(heads({}), [
    ["loss", "training loss"],
    ["test_loss", "test loss"],
  ]);
  const untested = [{ label: "PSO", loss: 0.5, test_loss: null }];
  assert.deepEqual(heads({ results: untested }), [["loss", "training loss"]]);
  assert.deepEqual(heads({ experiment: landscape }), [["loss", "height"]]);
  assert.deepEqual(heads({ experiment: tour }), [["loss", "best found"]]);
});
