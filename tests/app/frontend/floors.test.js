/** Which folder may import which, and that no two modules need each other. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { test } from "node:test";

const FOLDER = new URL("../../../app/live/frontend/", import.meta.url);
/** From the ground up: a module imports from its own floor and from those below. */
const FLOORS = [
  ["vendor"],
  ["i18n"],
  ["data"],
  ["charts"],
  ["panels"],
  ["board"],
  ["controls"],
  ["slow_motion"],
  ["export"],
  ["core"],
  ["gallery", "present", "dataset_picker"],
  ["replay"],
];

const MODULES = readdirSync(FOLDER, { recursive: true })
  .map((name) => String(name).replaceAll("\\", "/"))
  .filter((name) => name.endsWith(".js") && !name.startsWith("vendor/"));

/** A module's folder, "" for the entry of the live view. @param {string} name */
const roomOf = (name) => (name.includes("/") ? name.split("/")[0] : "");

/** How high a module stands. @param {string} name */
function floorOf(name) {
  const floor = FLOORS.findIndex((rooms) => rooms.includes(roomOf(name)));
  assert.ok(floor >= 0 || name === "main.js", `${name} stands in no folder that is listed here`);
  return name === "main.js" ? FLOORS.length : floor;
}

/**
 * The modules that a text names, as imports, as later imports or in types.
 * @param {string} name
 * @param {string} text
 */
function named(name, text) {
  const found = text.matchAll(/(?:\bfrom "|\bimport "|\bimport\(\s*")(\.[^"]+)"/g);
  return [...found].map(([, path]) => posix.join(posix.dirname(name), path));
}

const sourceOf = (/** @type {string} */ name) => readFileSync(new URL(name, FOLDER), "utf-8");

test("a module imports only from its own folder and from those below it, in types and later too", () => {
  const wrong = [];
  for (const name of MODULES)
    for (const needed of named(name, sourceOf(name))) {
      const aside = floorOf(needed) === floorOf(name) && roomOf(needed) !== roomOf(name);
      if (floorOf(needed) > floorOf(name) || aside) wrong.push(`${name} imports ${needed}`);
    }
  assert.ok(MODULES.length > 90);
  assert.deepEqual(wrong, []);
});

test("no modules need each other", () => {
  /** @type {Map<string, string[]>} */
  const needs = new Map();
  for (const name of MODULES)
    needs.set(name, named(name, sourceOf(name).replace(/\/\*\*.*?\*\//gs, "")));
  /** @type {Set<string>} */ const done = new Set();
  const follow = (/** @type {string} */ name, /** @type {string[]} */ path) => {
    assert.ok(!path.includes(name), `a circle: ${[...path, name].join(" → ")}`);
    if (done.has(name)) return;
    for (const needed of needs.get(name) ?? []) follow(needed, [...path, name]);
    done.add(name);
  };
  for (const name of MODULES) follow(name, []);
});

test("ARCHITECTURE lists the folders in this order", () => {
  const text = readFileSync(new URL("../../../ARCHITECTURE.md", import.meta.url), "utf-8");
  const begin = text.indexOf("    frontend/ ");
  const part = text.slice(begin, text.indexOf("\nengine/ ", begin));
  const told = [...part.matchAll(/^ {6}((?:\w+\/ +)+)/gm)].map(([, rooms]) =>
    rooms.split(/\W+/).filter(Boolean),
  );
  assert.deepEqual(
    told.filter(([room]) => room !== "styles"),
    FLOORS.slice(1),
  );
});
