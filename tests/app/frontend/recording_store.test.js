/**
 * The visitor's own recordings, in memory here: node has no IndexedDB. The browser's own is used in
 * tests/browser/test_gallery.py.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";

import { openDatabase } from "../../../app/live/frontend/data/indexeddb.js";
import { readRecording } from "../../../app/live/frontend/data/recording.js";
import * as store from "../../../app/live/frontend/data/recording_store.js";
import "./texts.js";

const FILE = readFileSync(
  new URL("../../../assets/recordings/first-screen.kelvin", import.meta.url),
);
const history = await readRecording(new Uint8Array(FILE).buffer);
const file = (bytes, name = "race.kelvin") => new File([bytes], name);

async function empty() {
  for (const { id } of await store.listRecordings()) await store.deleteRecording(id);
}

test("a race is kept whole, under a name that tells what was raced", async () => {
  await empty();
  const id = await store.saveRecording(history);
  const found = await store.getRecording(id);
  assert.equal(found.name, "Two spirals: Simulated annealing vs Adam");
  assert.equal(found.kept, true);
  assert.equal(found.size, found.bytes.size);
  const again = await readRecording(await found.bytes.arrayBuffer());
  assert.deepEqual(again.metrics, history.metrics);
  assert.deepEqual(found.summary, store.summaryOf(history));
  assert.equal(await store.isPersistent(), false);
});

test("names are never given twice, and are tidied", async () => {
  await empty();
  const names = [];
  for (let i = 0; i < 3; i++)
    names.push(
      (await store.getRecording(await store.saveRecording(history, { name: "  My \n race " })))
        .name,
    );
  assert.deepEqual(names, ["My race", "My race (2)", "My race (3)"]);
});

test("only the last twelve races stay that nobody kept", async () => {
  await empty();
  const kept = await store.saveRecording(history, { name: "kept" });
  const clock = Date.now;
  let now = 1e12;
  Date.now = () => (now += 1000);
  const recent = [];
  for (let i = 0; i < store.MOST_RECENT + 3; i++) {
    recent.push(await store.saveRecording(history, { kept: false, name: `race ${i}` }));
    if (i === 1) await store.keepRecording(recent[1]);
  }
  Date.now = clock;
  const left = (await store.listRecordings()).map(({ id }) => id);
  assert.ok(left.includes(kept) && left.includes(recent[1]));
  assert.deepEqual(
    recent.filter((id) => !left.includes(id)),
    [recent[0], recent[2]],
  );
  assert.ok((await store.listRecordings()).every((one) => !("bytes" in one)));
});

test("rename, delete, restore", async () => {
  await empty();
  let told = 0;
  const end = store.onChange(() => told++);
  const id = await store.saveRecording(history, { name: "one" });
  await store.renameRecording(id, "  two ");
  assert.equal((await store.getRecording(id)).name, "two");
  await store.renameRecording(id, "   ");
  assert.equal((await store.getRecording(id)).name, "two");
  const gone = await store.deleteRecording(id);
  assert.deepEqual(await store.listRecordings(), []);
  await store.restoreRecording(gone);
  assert.deepEqual(await store.getRecording(id), gone);
  assert.equal(told, 4);
  end();
  await store.renameRecording(id, "three");
  assert.equal(told, 4);
  await assert.rejects(store.renameRecording("nowhere", "x"), store.Refusal);
});

test("a race saved twice is kept once, with all there is of it by then and under the name it was given", async () => {
  await empty();
  const id = await store.saveRecording(history);
  await store.renameRecording(id, "mine");
  assert.equal(await store.saveRecording(history, { id }), id);
  assert.deepEqual(
    (await store.listRecordings()).map((one) => [one.id, one.name]),
    [[id, "mine"]],
  );
  await store.deleteRecording(id);
  assert.notEqual(
    await store.saveRecording(history, { id }),
    id,
    "what was deleted does not come back",
  );
});

test("a name given in the gallery is still there after export and import, whatever the file is called", async () => {
  await empty();
  const id = await store.saveRecording(history);
  await store.renameRecording(id, "My race: 1/2 „nachts“");
  const out = await store.exportRecording(id);
  const again = await store.importRecording(
    file(Buffer.from(await out.arrayBuffer()), "download (1).kelvin"),
  );
  assert.equal((await store.getRecording(again)).name, "My race: 1/2 „nachts“ (2)");
});

test("a file comes in under its own name and goes out with all it held", async () => {
  await empty();
  const id = await store.importRecording(file(FILE, "Spirals.at night.KELVIN"));
  assert.equal((await store.getRecording(id)).name, "Spirals.at night");
  const out = await store.exportRecording(id);
  assert.equal(out.name, "Spirals.at night.kelvin");
  assert.deepEqual(gunzipSync(Buffer.from(await out.arrayBuffer())), gunzipSync(FILE));
  assert.equal(store.fileName('a/b: "c"?'), "a b c.kelvin");
  assert.equal(store.fileName("../.."), "recording.kelvin");
});

test("what is no whole recording is refused with one sentence", async () => {
  await empty();
  const raw = gunzipSync(FILE);
  const length = raw.readUInt32LE(0);
  const stage = raw.subarray(0, 4 + length);
  const noLanes = Buffer.from([0x81, 0xa4, ...Buffer.from("type"), 0xa5, ...Buffer.from("stage")]);
  const metrics = Buffer.from([
    0x82,
    0xa4,
    ...Buffer.from("type"),
    0xa7,
    ...Buffer.from("metrics"),
    0xa1,
    ...Buffer.from("k"),
    0,
  ]);
  const record = (bytes) =>
    Buffer.concat([Buffer.from(new Uint32Array([bytes.length]).buffer), bytes]);
  const cut = {
    "cut off": FILE.subarray(0, FILE.length / 2),
    "a message cut off": gzipSync(raw.subarray(0, raw.length - 10)),
    "a length cut off": gzipSync(Buffer.concat([raw, Buffer.from([1, 0])])),
  };
  for (const [what, bytes] of Object.entries(cut)) {
    const said = new RegExp(
      `^“${what}.kelvin” was not imported. This recording is incomplete: [1-9][0-9]* of its messages could be read, the rest is missing.$`,
    );
    await assert.rejects(
      store.importRecording(file(bytes, `${what}.kelvin`)),
      (error) => error instanceof store.Refusal && said.test(error.message),
      what,
    );
  }
  const bad = {
    nothing: Buffer.alloc(0),
    "no gzip": Buffer.from("hello"),
    "only a stage": gzipSync(stage),
    "not MessagePack": gzipSync(
      Buffer.concat([stage, Buffer.from([3, 0, 0, 0, 0xc1, 0xc1, 0xc1])]),
    ),
    "a stage without lanes": gzipSync(Buffer.concat([record(noLanes), record(metrics)])),
    "metrics without lanes": gzipSync(Buffer.concat([stage, record(metrics)])),
  };
  for (const [what, bytes] of Object.entries(bad)) {
    await assert.rejects(
      store.importRecording(file(bytes, `${what}.kelvin`)),
      (error) =>
        error instanceof store.Refusal &&
        error.message ===
          `“${what}.kelvin” is not a complete Kelvin recording, so it was not imported.`,
      what,
    );
  }
  const large = file(FILE);
  Object.defineProperty(large, "size", { value: 64 * 1024 * 1024 + 1 });
  await assert.rejects(store.importRecording(large), /at most 64 MB/);
  assert.deepEqual(await store.listRecordings(), []);
});

test("a file that unpacks to more than it may is stopped on the way", async () => {
  const size = gunzipSync(FILE).length;
  await store.unpacksWithin(file(FILE), size);
  await assert.rejects(store.unpacksWithin(file(FILE), size - 1), /too much/);
  await assert.rejects(
    store.unpacksWithin(file(gzipSync(Buffer.alloc(8 * 1024 * 1024))), 1024),
    /too much/,
  );
});

test("a browser that gives no storage, or breaks while opening it, leaves memory", async () => {
  const failing = {
    open() {
      const request = { error: new Error("no") };
      setTimeout(() => request.onerror());
      return request;
    },
  };
  const throwing = {
    open() {
      throw new Error("SecurityError");
    },
  };
  for (const factory of [null, undefined, failing, throwing]) {
    const shelf = await openDatabase(factory, "kelvin", "recordings");
    assert.equal(shelf.persistent, false);
    await shelf.put({ id: "a" });
    assert.deepEqual(await shelf.all(), [{ id: "a" }]);
    await shelf.remove("a");
    assert.equal(await shelf.get("a"), undefined);
  }
});
