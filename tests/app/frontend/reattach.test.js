import assert from "node:assert/strict";
import { test } from "node:test";

import { firstTime, goesBack, leaveMark, takeUp } from "../../../app/live/frontend/core/reattach.js";
import { tokenOf } from "../../../app/live/frontend/data/socket.js";
import { oneStepEach, Walk } from "../../../app/live/frontend/core/browser_history.js";

const MOONS = { dataset: { name: "moons" }, lanes: [{ name: "pso" }], seed: 9 };
const CIRCLES = { dataset: { name: "circles" }, lanes: [{ name: "eki" }], seed: 4 };

test("a link to another race shows that race; the address of before, or one that names none, goes back", () => {
  const seen = { address: "/?dataset=moons&seed=9", experiment: MOONS };
  assert.equal(goesBack({ named: true, address: "/?dataset=circles&seed=4", experiment: CIRCLES }, seen), false);
  assert.equal(goesBack({ named: true, address: "/?dataset=moons&seed=9&panels=loss", experiment: MOONS }, seen), true, "the same race, seen otherwise");
  assert.equal(goesBack({ named: true, address: "/?dataset=moons&seed=9", experiment: CIRCLES }, seen), true, "a reload with settings changed");
  assert.equal(goesBack({ named: false, address: "/", experiment: CIRCLES }, seen), true);
  assert.equal(goesBack({ named: true, address: "/?dataset=circles", experiment: CIRCLES }, null), true, "nothing is known");
  assert.equal(goesBack({ named: true, address: "/?dataset=circles", experiment: CIRCLES }, { address: null, experiment: MOONS }), false, "left by way of another page");
});

test("what a tab's race was is kept with its token and forgotten with it", () => {
  const kept = new Map();
  globalThis.window = /** @type {any} */ ({ sessionStorage: { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value), removeItem: (name) => kept.delete(name) } });
  const token = tokenOf("network");
  assert.equal(token.seen(), null);
  token.set("abc");
  leaveMark(/** @type {any} */ ({ token, race: "abc", waiting: null, experiment: JSON.stringify(MOONS) }), "/?a=1");
  assert.deepEqual(token.seen(), { address: "/?a=1", experiment: MOONS });
  leaveMark(/** @type {any} */ ({ token, race: "abc", waiting: {}, asked: CIRCLES, experiment: JSON.stringify(MOONS) }), null);
  assert.deepEqual(token.seen(), { address: null, experiment: CIRCLES }, "the race that was asked for last");
  assert.equal(tokenOf("landscape").seen(), null);
  token.clear();
  assert.deepEqual([token.get(), token.seen(), kept.size], [null, null, 0]);
});

test("a race that comes back brings its settings back where the address named none, once", () => {
  const told = [];
  const view = (more) => /** @type {any} */ ({ fresh: true, loaded: "abc", state: { state: "running" }, experiment: JSON.stringify(MOONS), data: { named: false, experiment: CIRCLES }, setStateValue: (name, value) => told.push([name, value]), ...more });
  for (const no of [{ fresh: false }, { loaded: null }, { state: { state: "attaching" } }, { data: { named: true, experiment: CIRCLES } }, { data: { named: false, experiment: MOONS } }]) takeUp(view(no));
  assert.deepEqual(told, []);
  const one = view({});
  takeUp(one);
  takeUp(one);
  assert.deepEqual(told, [["opened", MOONS]]);
  assert.deepEqual([firstTime("network"), firstTime("network"), firstTime("landscape")], [true, false, true]);
});

test("a page that writes its own address leaves one step in the history, not two", () => {
  const steps = ["http://kelvin.test/?dataset=moons"];
  const location = { origin: "http://kelvin.test", get href() { return steps.at(-1); }, get search() { return new URL(this.href).search; }, get pathname() { return new URL(this.href).pathname; } };
  const history = { pushState: (_state, _title, address) => void steps.push(new URL(address, location.href).href), replaceState: (_state, _title, address) => void (steps[steps.length - 1] = new URL(address, location.href).href) };
  oneStepEach(/** @type {any} */ (history), /** @type {any} */ (location));
  oneStepEach(/** @type {any} */ (history), /** @type {any} */ (location));
  for (const address of ["/landscapes", "/landscapes?dataset=landscape", "/", "/?dataset=moons", "/?dataset=moons&seed=2"]) history.pushState({}, "", address);
  assert.deepEqual(steps.map((step) => step.slice("http://kelvin.test".length)), ["/?dataset=moons", "/landscapes?dataset=landscape", "/?dataset=moons", "/?dataset=moons&seed=2"]);
});

test("who goes back twice, quicker than pages follow, is followed by Streamlit and not by the page that was left", () => {
  const told = [];
  let listen = (/** @type {any} */ _event) => {};
  Object.assign(globalThis, { addEventListener: (_name, call) => (listen = call), location: { pathname: "/", search: "?a=1", href: "http://kelvin.test/?a=1" }, history: { pushState() {}, replaceState() {} } });
  const walk = new Walk(/** @type {any} */ ({ data: {}, setTriggerValue: (name) => told.push(name) }));
  const pop = (pathname) => {
    globalThis.location.pathname = pathname;
    let stopped = false;
    listen({ stopImmediatePropagation: () => (stopped = true) });
    return stopped;
  };
  assert.deepEqual([pop("/"), pop("/landscapes"), pop("/")], [true, false, false]);
  walk.left = false; // the page is there again
  assert.equal(pop("/"), true);
  assert.deepEqual(told, ["went", "went"]);
});
