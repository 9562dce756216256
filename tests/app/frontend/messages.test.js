import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { columns, decode, records, rows } from "../../../app/live/frontend/data/messages.js";

/**
 * A minimal MessagePack writer, so that the decoder is tested against bytes written here and not by
 * itself.
 */
function pack(value) {
  if (value === null) return [0xc0];
  if (typeof value === "boolean") return [value ? 0xc3 : 0xc2];
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 128)
    return [value];
  if (typeof value === "number") {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value);
    return [0xcb, ...new Uint8Array(view.buffer)];
  }
  if (typeof value === "string") {
    const bytes = new TextEncoder().encode(value);
    return [0xd9, bytes.length, ...bytes];
  }
  if (value instanceof Uint8Array) return [0xc5, value.length >> 8, value.length & 255, ...value];
  if (Array.isArray(value))
    return [0xdc, value.length >> 8, value.length & 255, ...value.flatMap(pack)];
  const entries = Object.entries(value);
  return [
    0x80 | entries.length,
    ...entries.flatMap(([key, entry]) => [...pack(key), ...pack(entry)]),
  ];
}
const bytes = (value) => new Uint8Array(pack(value));
const array = (d, typed, s) => ({ d, s, b: new Uint8Array(typed.buffer) });

test("arrays of all kinds come back typed, wherever they lie in the message", () => {
  for (let shift = 0; shift < 5; shift++) {
    const message = decode(
      bytes({
        type: "x".repeat(shift + 1),
        f: array("f4", new Float32Array([1.5, -2, 3, 4]), [2, 2]),
        u: array("u1", new Uint8Array([0, 255]), [2]),
        i: array("i4", new Int32Array([-7]), [1]),
      }),
    );
    assert.deepEqual([...message.f.data], [1.5, -2, 3, 4]);
    assert.deepEqual(message.f.shape, [2, 2]);
    assert.ok(message.f.data instanceof Float32Array);
    assert.deepEqual([...message.u.data], [0, 255]);
    assert.deepEqual([...message.i.data], [-7]);
  }
});

test("arrays inside lists and maps are found, nulls stay null", () => {
  const message = decode(
    bytes({
      type: "picture",
      lanes: [{ cloud: null, path: array("f4", new Float32Array([1, 2]), [1, 2]) }],
    }),
  );
  assert.equal(message.lanes[0].cloud, null);
  assert.deepEqual(columns(message.lanes[0].path), { x: [1], y: [2] });
});

test("what is no message is refused", () => {
  for (const value of [[1], 3, "text", { kind: "x" }, null])
    assert.throws(() => decode(bytes(value)), /not a message/);
  assert.throws(
    () => decode(bytes({ type: "x", a: array("f8", new Float64Array([1]), [1]) })),
    /unknown array type f8/,
  );
});

test("rows and columns", () => {
  const packed = { data: new Float32Array([1, 2, 3, 4, 5, 6]), shape: [3, 2] };
  assert.deepEqual(rows(packed), [
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  assert.deepEqual(columns(packed), { x: [1, 3, 5], y: [2, 4, 6] });
});

test("a recording is cut into its messages, a cut-off one is refused", () => {
  const parts = [bytes({ type: "stage" }), bytes({ type: "metrics", k: 0 })];
  const whole = parts.flatMap((part) => [
    ...new Uint8Array(new Uint32Array([part.length]).buffer),
    ...part,
  ]);
  const found = records(new Uint8Array(whole).buffer);
  assert.deepEqual(
    found.map((part) => decode(part).type),
    ["stage", "metrics"],
  );
  assert.throws(() => records(new Uint8Array(whole.slice(0, -1)).buffer), /cut off/);
  for (const more of [1, 2, 3])
    assert.throws(
      () => records(new Uint8Array([...whole, ...new Array(more).fill(0)]).buffer),
      (error) => error.count === 2 && /cut off/.test(error.message),
    );
  assert.ok(gzipSync(new Uint8Array(whole)).length > 0);
});

test("the browser reads what Python writes", (t) => {
  const python = process.env.KELVIN_PYTHON ?? ".venv/bin/python";
  let hex;
  try {
    const code =
      "import numpy as np; from engine.messages.encoding import encode; print(encode({'type': 'picture', 'k': 300, 'z': np.arange(6.).reshape(2, 3), 'n': float('nan'), 'big': 10**12}).hex())";
    hex = execFileSync(python, ["-c", code], { encoding: "utf8" }).trim();
  } catch {
    t.skip("no Python environment here");
    return;
  }
  const message = decode(Uint8Array.from(Buffer.from(hex, "hex")));
  assert.equal(message.k, 300);
  assert.equal(message.n, null);
  assert.equal(Number(message.big), 1e12);
  assert.deepEqual(rows(message.z), [
    [0, 1, 2],
    [3, 4, 5],
  ]);
});
