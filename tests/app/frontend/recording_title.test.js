import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";

import { withTitle, readTitle } from "../../../app/live/frontend/data/recording_title.js";

const inside = Buffer.from("what a recording holds ".repeat(50));

/**
 * A gzip file with these parts in its header.
 * @param {{extra?: string, name?: string, comment?: string}} parts
 */
function packed({ extra, name, comment }) {
  const bytes = gzipSync(inside);
  bytes[3] = (extra ? 4 : 0) | (name ? 8 : 0) | (comment ? 16 : 0);
  const more = [
    extra && [extra.length, 0, ...Buffer.from(extra)],
    name && [...Buffer.from(name), 0],
    comment && [...Buffer.from(comment), 0],
  ];
  return new Blob([
    Buffer.concat([
      bytes.subarray(0, 10),
      Buffer.from(more.flatMap((part) => part || [])),
      bytes.subarray(10),
    ]),
  ]);
}

test("a name is written into a recording's file and read again, whatever its header holds, and the recording is the same", async () => {
  for (const parts of [
    {},
    { name: "race.kelvin" },
    { extra: "abc", name: "n" },
    { comment: "an old name" },
    { extra: "x", name: "y", comment: "z" },
  ]) {
    const file = packed(parts);
    assert.equal(await readTitle(file), parts.comment ?? "");
    for (const title of ["My: race/1", "Zwei Monde — „nachts“ 🌙", ""]) {
      const made = await withTitle(await withTitle(file, "in between"), title);
      assert.equal(await readTitle(made), title);
      assert.deepEqual(gunzipSync(Buffer.from(await made.arrayBuffer())), inside);
    }
  }
});

test("what is no gzip file has no name and is left as it is", async () => {
  for (const bytes of [
    Buffer.from("hello"),
    Buffer.alloc(0),
    Buffer.from([0x1f, 0x8b, 8, 16, 0, 0, 0, 0, 0, 0, 65]),
  ]) {
    const file = new Blob([bytes]);
    assert.equal(await readTitle(file), "");
    assert.equal(await withTitle(file, "name"), file);
  }
});
