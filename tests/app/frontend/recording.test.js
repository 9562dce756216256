/** A recording is read whole and understood, or not at all, and the visitor is told why. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";

import { UserError } from "../../../app/live/frontend/data/errors.js";
import { VERSION, readRecording } from "../../../app/live/frontend/data/recording.js";

import "./texts.js";

const FILE = readFileSync(
  new URL("../../../assets/recordings/first-screen.kelvin", import.meta.url),
);
const read = (bytes) => readRecording(new Uint8Array(bytes).buffer);

/** MessagePack of a map of texts and small whole numbers. */
function pack(value) {
  const text = (one) => [0xd9, one.length, ...Buffer.from(one)];
  return Buffer.from([
    0x80 | Object.keys(value).length,
    ...Object.entries(value).flatMap(([key, one]) => [
      ...text(key),
      ...(typeof one === "string" ? text(one) : [one]),
    ]),
  ]);
}
const record = (bytes) =>
  Buffer.concat([Buffer.from(new Uint32Array([bytes.length]).buffer), bytes]);
const recording = (...messages) =>
  gzipSync(Buffer.concat(messages.map((one) => record(pack(one)))));

test("a recording of a newer Kelvin is not read", async () => {
  const metrics = { type: "metrics", k: 0 };
  assert.equal((await read(recording({ type: "stage" }, metrics))).length, 1);
  assert.equal((await read(recording({ type: "stage", version: VERSION }, metrics))).length, 1);
  const newer = (error) =>
    error instanceof UserError &&
    error.message ===
      `A newer Kelvin made this recording (version 99); this Kelvin reads version ${VERSION}.`;
  await assert.rejects(read(recording({ type: "stage", version: 99 }, metrics)), newer);
  const unknown = (error) =>
    error instanceof UserError && /does not know \(hologram\)/.test(error.message);
  await assert.rejects(
    read(recording({ type: "stage" }, metrics, { type: "hologram", k: 0 })),
    unknown,
  );
  for (const version of [0, "1", "x"])
    await assert.rejects(read(recording({ type: "stage", version }, metrics)), /not a recording/);
  await assert.rejects(
    read(recording({ type: "stage" }, metrics, { type: "stage" })),
    /not a recording/,
  );
  await assert.rejects(read(recording(metrics, { type: "stage" })), /not a recording/);
});

test("a recording that is cut anywhere tells how much of it could be read", async () => {
  const raw = gunzipSync(FILE);
  const ends = [];
  for (let at = 0; at < raw.length; at += 4 + raw.readUInt32LE(at)) ends.push(at);
  for (let i = 0; i < 40; i++) {
    const length = Math.floor(raw.length * ((i * 0.6180339887) % 1));
    if (ends.includes(length)) continue;
    const count = ends.filter((at) => at < length).length - 1;
    const said = (error) =>
      error instanceof UserError && error.message.includes(`incomplete: ${count} of its messages`);
    await assert.rejects(
      read(gzipSync(raw.subarray(0, length))),
      said,
      `${length} of ${raw.length}`,
    );
  }
  for (const share of [0.3, 0.6, 0.9])
    await assert.rejects(
      read(FILE.subarray(0, FILE.length * share)),
      UserError,
      `${share} of the packed file`,
    );
});
