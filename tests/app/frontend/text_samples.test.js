/** Pieces of a text and what a network takes to follow them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  paintTextSamples,
  setting,
} from "../../../app/live/frontend/panels/network/text_samples.js";

const THEME = {
  text: "#111111",
  faint: "#666666",
  grid: "#cccccc",
  surface: "#ffffff",
  background: "#ffffff",
  dark: false,
  font: "sans-serif",
};
const CLASSES = ["␣", "a", "b", "c"];
/** Three pieces "ab c", "bbbb", "a  a", followed by a, b and a space. */
const TEXT = {
  pieces: { shape: [3, 4], data: Uint8Array.from([1, 2, 0, 3, 2, 2, 2, 2, 1, 0, 0, 1]) },
  next: { data: Uint8Array.from([1, 2, 0]) },
};

/** A canvas's context that remembers what was written on it, and in which colour. */
function paper(width = 300, height = 200) {
  const written = /** @type {{text: string, x: number, y: number, style: string}[]} */ ([]);
  const boxes = /** @type {{x: number, y: number, style: string, height: number}[]} */ ([]);
  const context = {
    canvas: { width, height },
    fillStyle: "",
    font: "",
    textBaseline: "alphabetic",
    clearRect() {},
    measureText: () => ({ width: 5 }),
    fillText(/** @type {string} */ text, /** @type {number} */ x, /** @type {number} */ y) {
      written.push({ text, x, y, style: this.fillStyle });
    },
    fillRect(
      /** @type {number} */ x,
      /** @type {number} */ y,
      /** @type {number} */ _,
      /** @type {number} */ tall,
    ) {
      boxes.push({ x, y, style: this.fillStyle, height: tall });
    },
  };
  return { context: /** @type {any} */ (context), written, boxes };
}

test("every piece is written with its guess, and a wrong one with the truth", () => {
  const { context, written, boxes } = paper();
  const right = paintTextSamples(
    context,
    TEXT,
    Uint8Array.from([1, 3, 0]),
    CLASSES,
    THEME,
    "#aa0000",
  );
  assert.equal(right, 2);
  const rows = [...new Set(written.map(({ y }) => y))].map((y) =>
    written.filter((one) => one.y === y),
  );
  assert.deepEqual(
    rows.map((row) => row.map(({ text }) => text).join("")),
    ["ab ca", "bbbbcb", "a  a␣"],
  );
  assert.deepEqual(
    rows[1].slice(-2).map(({ style }) => style),
    ["#ffffff", THEME.text],
  );
  assert.deepEqual(
    boxes.map(({ style }) => style),
    [THEME.text, "#aa0000", THEME.text],
  );
  assert.ok(
    boxes[1].height > 5 * boxes[0].height,
    "a box about the wrong one, a line under the right ones",
  );
  for (const row of rows)
    assert.ok(
      row.every((one, i) => !i || one.x > row[i - 1].x),
      "from left to right",
    );
  assert.equal(context.textBaseline, "alphabetic", "the next panel finds the pen as it was");
});

test("a small panel shows fewer pieces and their ends, and still counts them all", () => {
  const small = setting(40, 128, 120, 90);
  assert.ok(small.lines < 10 && small.lines >= 1 && small.seen < 40 && small.size >= 9);
  const { context, written } = paper(60, 20);
  assert.equal(
    paintTextSamples(context, TEXT, Uint8Array.from([1, 2, 0]), CLASSES, THEME, "#aa0000"),
    3,
  );
  assert.equal(new Set(written.map(({ y }) => y)).size, 1);
  const large = setting(40, 32, 1600, 1200);
  assert.ok(
    large.seen === 32 && large.lines === 18 && (large.seen + 4) * large.size * 0.61 <= 1600,
  );
});
