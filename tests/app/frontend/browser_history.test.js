/** The way back has one step for each page, whatever runs are still on their way. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  markPageShown,
  keepOneEntryPerPage,
  BrowserHistory,
} from "../../../app/live/frontend/core/browser_history.js";

/** A browser's history, which begins at that address. @param {string} address */
function browser(address) {
  const entries = [address];
  let at = 0;
  const target = new EventTarget();
  const url = () => new URL(entries[at], "http://kelvin");
  const location = {
    get href() {
      return url().href;
    },
    get origin() {
      return url().origin;
    },
    get pathname() {
      return url().pathname;
    },
    get search() {
      return url().search;
    },
  };
  /** @type {any} */
  const history = {
    pushState(_state, _unused, next) {
      entries.splice(++at, Infinity, next);
    },
    replaceState(_state, _unused, next) {
      entries[at] = next;
    },
  };
  const back = () => {
    at -= 1;
    target.dispatchEvent(new Event("popstate"));
  };
  const press = () => {
    const click = new Event("click");
    Object.defineProperty(click, "isTrusted", { value: true });
    target.dispatchEvent(click);
  };
  keepOneEntryPerPage(history, /** @type {any} */ (location), target);
  return { entries, history, back, press, where: () => entries[at] };
}

const [MOONS, HILLS] = ["/?dataset=moons", "/landscapes?dataset=landscape"];

test("a page's own address takes the place of the bare one", () => {
  const { entries, history } = browser("/");
  history.pushState({}, "", MOONS);
  history.pushState({}, "", "/?dataset=circles");
  history.pushState({}, "", "/landscapes");
  history.pushState({}, "", HILLS);
  assert.deepEqual(entries, [MOONS, "/?dataset=circles", HILLS]);
});

test("a late run of the page that was left writes nothing over the page gone back to", () => {
  const { history, back, where } = browser(MOONS);
  history.pushState({}, "", "/landscapes");
  history.pushState({}, "", HILLS);
  history.pushState({}, "", MOONS);
  back();
  assert.equal(where(), HILLS);
  markPageShown(history, "/landscapes");
  back();
  // Streamlit, for a run of Landscapes that ended after the step back
  history.pushState({}, "", HILLS);
  history.replaceState({}, "", "/?dataset=landscape");
  markPageShown(history, "/landscapes"); // it is shown for a moment
  history.pushState({}, "", MOONS);
  assert.equal(where(), MOONS);
  markPageShown(history, "/");
  history.pushState({}, "", "/?dataset=circles");
  assert.equal(where(), "/?dataset=circles");
});

test("what the visitor does himself is written at once", () => {
  const { history, back, press, where } = browser(MOONS);
  history.pushState({}, "", HILLS);
  back();
  press();
  history.pushState({}, "", "/landscapes");
  assert.equal(where(), "/landscapes");
});

test("who goes back twice, quicker than pages follow, is followed by Streamlit and not by the page that was left", () => {
  const told = [];
  let listen = (/** @type {any} */ _event) => {};
  Object.assign(globalThis, {
    window: new EventTarget(),
    addEventListener: (_name, call) => (listen = call),
    location: { pathname: "/", search: "?a=1", href: "http://kelvin.test/?a=1" },
    history: { pushState() {}, replaceState() {} },
  });
  const walk = new BrowserHistory(false, () => told.push("went"));
  const pop = (pathname) => {
    globalThis.location.pathname = pathname;
    let stopped = false;
    listen({ stopImmediatePropagation: () => (stopped = true) });
    return stopped;
  };
  assert.deepEqual([pop("/"), pop("/landscapes"), pop("/")], [true, false, false]);
  assert.equal(walk.here, true);
  walk.resume(); // the page is there again
  assert.equal(pop("/"), true);
  pop("/landscapes");
  walk.resume(); // by a run that was on its way
  assert.deepEqual([walk.here, walk.left], [false, true]);
  assert.deepEqual(told, ["went", "went"]);
});

test("an address that is written once more is no step", () => {
  const { entries, history, back, where } = browser(MOONS);
  history.pushState({}, "", HILLS);
  history.pushState({}, "", HILLS);
  assert.deepEqual(entries, [MOONS, HILLS]);
  back();
  assert.equal(where(), MOONS);
});

test("parameters that come before their page's path leave the page before as it was", () => {
  // what Streamlit writes on a busy machine: first the parameters, under the path that is left
  const { entries, history, back, where } = browser(MOONS);
  history.pushState({}, "", "/?dataset=landscape");
  history.pushState({}, "", HILLS);
  assert.deepEqual(entries, [MOONS, HILLS]);
  history.pushState({}, "", "/landscapes?dataset=moons");
  history.pushState({}, "", MOONS);
  assert.deepEqual(entries, [MOONS, HILLS, MOONS]);
  back();
  markPageShown(history, "/landscapes");
  back();
  assert.equal(where(), MOONS);
});

test("parameters that come before their page's path take no bare address's place", () => {
  const { entries, history } = browser("/gallery");
  history.pushState({}, "", "/gallery?dataset=moons");
  history.pushState({}, "", MOONS);
  assert.deepEqual(entries, ["http://kelvin/gallery", MOONS]);
});

test("a change of one's own is a step also before another page", () => {
  const { entries, history } = browser(MOONS);
  history.pushState({}, "", "/?dataset=circles");
  history.pushState({}, "", "/landscapes");
  history.pushState({}, "", HILLS);
  assert.deepEqual(entries, [MOONS, "/?dataset=circles", HILLS]);
});
