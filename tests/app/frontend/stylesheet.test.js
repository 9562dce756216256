import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { addStylesheet, showStyled } from "../../../app/live/frontend/core/stylesheet.js";

/** @type {any[]} */ let links = [];

/** A link that tells when it is asked to. */
function link() {
  /** @type {Record<string, () => void>} */ const heard = {};
  return {
    rel: "",
    href: "",
    dataset: {},
    addEventListener: (/** @type {string} */ name, /** @type {() => void} */ then) => {
      heard[name] = then;
    },
    /** @param {string} name */ fire: (name) => heard[name](),
  };
}

beforeEach(() => {
  links = [];
  /** @type {any} */ (globalThis).document = {
    createElement: link,
    querySelector: (/** @type {string} */ selector) =>
      links.find(({ href }) => selector.includes(`"${href}"`)) ?? null,
    head: { append: (/** @type {any} */ one) => links.push(one) },
  };
});

afterEach(() => {
  delete (/** @type {any} */ (globalThis).document);
});

test("nothing is seen before all its style sheets are there", async () => {
  const element = /** @type {any} */ ({ style: { visibility: "" } });
  const shown = showStyled(element, ["a.css", "b.css"]);
  assert.equal(element.style.visibility, "hidden");
  links[0].fire("load");
  await addStylesheet("a.css");
  assert.equal(element.style.visibility, "hidden");
  links[1].fire("load");
  await shown;
  assert.equal(element.style.visibility, "");
});

test("what failed once, or is there, is not waited for again", async () => {
  const first = addStylesheet("a.css");
  links[0].fire("error");
  await first;
  await addStylesheet("a.css");
  assert.equal(links.length, 1);
});

test("two that ask for the same sheet wait for the same link", async () => {
  const both = Promise.all([addStylesheet("a.css"), addStylesheet("a.css")]);
  assert.equal(links.length, 1);
  links[0].sheet = {};
  let there = false;
  both.then(() => (there = true));
  await Promise.resolve();
  assert.equal(there, false, "the sheet itself may still wait for what it imports");
});
