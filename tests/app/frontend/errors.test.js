import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { afterEach, test } from "node:test";
import { gzipSync } from "node:zlib";

import { PanelGrid } from "../../../app/live/frontend/board/panel_grid.js";
import {
  ExpectedError,
  reportDefect,
  isExpected,
  fetchOrFail,
  messageFor,
} from "../../../app/live/frontend/data/errors.js";
import { readRecording } from "../../../app/live/frontend/data/recording.js";
import { importRecording, Refusal } from "../../../app/live/frontend/data/recording_store.js";

const { error, warn } = console;
const { fetch } = globalThis;
/** @type {unknown[]} */ let told = [];
console.error = (...what) => told.push(...what);
console.warn = (...what) => told.push(...what);
afterEach(() => {
  told = [];
  globalThis.fetch = fetch;
});
process.on("exit", () => Object.assign(console, { error, warn }));

test("what is expected to go wrong has its own line and leaves the console alone", () => {
  for (const one of [
    new ExpectedError("x"),
    new Refusal("x"),
    new DOMException("full", "QuotaExceededError"),
  ]) {
    assert.equal(isExpected(one), true);
    assert.equal(messageFor(one, "usual"), "usual");
  }
  assert.deepEqual(told, []);
});

test("a defect is on the console and in the page, whatever was thrown", () => {
  for (const one of [
    new TypeError("x is not a function"),
    new RangeError("x"),
    new Error("x"),
    "x",
    undefined,
  ]) {
    told = [];
    assert.equal(isExpected(one), false);
    assert.notEqual(messageFor(one, "usual"), "usual");
    assert.deepEqual(told, [one]);
  }
  assert.match(reportDefect(new TypeError("x")), /defect/);
});

test("an address that does not answer, or says no, is expected", async () => {
  globalThis.fetch = async () => {
    throw new TypeError("Failed to fetch");
  };
  await assert.rejects(fetchOrFail("/a"), ExpectedError);
  globalThis.fetch = async () => new Response("no", { status: 404 });
  await assert.rejects(fetchOrFail("/a"), ExpectedError);
  globalThis.fetch = async () => new Response("yes");
  assert.equal(await (await fetchOrFail("/a")).text(), "yes");
});

test("a file that is no recording is expected, in whatever way it is none", async () => {
  const frame = (/** @type {number[]} */ bytes) =>
    gzipSync(Uint8Array.from([bytes.length, 0, 0, 0, ...bytes]));
  for (const file of [
    new Uint8Array(),
    Uint8Array.of(1, 2, 3),
    gzipSync(Uint8Array.of(9, 9)),
    gzipSync(new Uint8Array()),
    frame([0xc1]),
    frame([0x01]),
    frame([0x80]),
  ]) {
    await assert.rejects(readRecording(Uint8Array.from(file).buffer), ExpectedError);
    await assert.rejects(importRecording(new File([Uint8Array.from(file)], "a.kelvin")), Refusal);
  }
});

test("one panel's defect is seen in that panel and once on the console", () => {
  const line = { textContent: "", hidden: true };
  const section = {
    dataset: {},
    querySelector: () => line,
    classList: { toggle: () => {}, remove: () => {} },
  };
  let broken = true;
  const shown = {
    name: "loss",
    saidAt: 0,
    marks: null,
    defect: "",
    defectLine: "",
    panel: {
      draw: () => {
        if (broken) throw new TypeError("a is undefined");
        return { note: "fine", summary: "" };
      },
    },
  };
  const board = { section: () => section, _rest: () => {} };
  const draw = () =>
    PanelGrid.prototype._draw.call(
      /** @type {any} */ (board),
      /** @type {any} */ (shown),
      /** @type {any} */ ({}),
      0,
    );
  for (let i = 0; i < 5; i++) draw();
  assert.equal(told.length, 1);
  assert.match(line.textContent, /defect/);
  broken = false;
  draw();
  assert.equal(shown.defect, "");
});

test("no module takes every error for an expected one", () => {
  const folder = new URL("../../../app/live/frontend/", import.meta.url);
  const files = readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(".js") && !name.includes("vendor"));
  assert.ok(files.length > 60);
  for (const name of files)
    assert.doesNotMatch(
      readFileSync(new URL(name, folder), "utf-8"),
      /catch\s*\{|catch\(\(\) => null\)/,
      name,
    );
});
