/**
 * QR codes of links: the codes themselves are those of another encoder (the package `qrcode` 1.5,
 * byte mode, level M, with the mask that was chosen here).
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { MOST_BYTES, pathOf, qrModules } from "../../../app/live/frontend/controls/qr_code.js";

/** Rows of a code as hexadecimal numbers, from left to right. */
const KNOWN = {
  "https://kelvin.example/?recording=first-screen":
    "1fc09fa7f 1043e8c41 17538dd5d 17537375d 175a2425d 105671441 1fd55557f 1820800 17c8fc17c 11b31726f e5634594 91850a1f 6a0491a 1133f924b 11450a5de 82253bec 346cf4b1 849b26d 175b795f6 1db20d0bd 1bcab3e9b 11b22cacd 105e39c72 163ba0fed 144a685f3 1d53d15 1fc2b5b56 105330f1e 1753649f9 175f71791 17514eb6c 1049d781c 1fd78a7ea",
  kelvin:
    "1fc27f 105e41 17475d 17465d 175f5d 104241 1fd57f 400 154912 133aa3 1e42ef 1d27b1 1a72e0 1467 1fc517 104873 17596b 174eb2 175ef1 104f82 1fd2c3",
};
const MARGIN = 4;

test("a link's code is the one that another encoder makes", () => {
  for (const [text, rows] of Object.entries(KNOWN)) {
    const modules = qrModules(text);
    const size = rows.split(" ").length;
    assert.equal(modules.length, size + 2 * MARGIN);
    const inner = modules.slice(MARGIN, -MARGIN).map((row) =>
      BigInt(
        `0b${row
          .slice(MARGIN, -MARGIN)
          .map((dark) => (dark ? 1 : 0))
          .join("")}`,
      ).toString(16),
    );
    assert.equal(inner.join(" "), rows);
    const around = modules.flatMap((row, y) =>
      row.filter((_, x) => Math.min(x, y) < MARGIN || Math.max(x, y) >= modules.length - MARGIN),
    );
    assert.ok(around.every((dark) => !dark));
  }
});

test("a link that is too long for a code has none", () => {
  assert.equal(qrModules("y".repeat(MOST_BYTES)).length, 177 + 2 * MARGIN);
  assert.equal(qrModules("y".repeat(MOST_BYTES + 1)), null);
  assert.equal(qrModules("é".repeat(MOST_BYTES / 2 + 1)), null);
});

test("the picture draws each stretch of black once", () => {
  assert.equal(
    pathOf([
      [false, true, true],
      [true, false, true],
    ]),
    "M1 0h2v1h-2zM0 1h1v1h-1zM2 1h1v1h-1z",
  );
});
