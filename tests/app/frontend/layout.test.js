import assert from "node:assert/strict";
import { test } from "node:test";

import {
  arrangementOf,
  columnsFor,
  enlarged,
  fitHero,
  heroOf,
  swapped,
  toAddress,
  toggled,
} from "../../../app/live/frontend/board/layout.js";
import { USUAL } from "../../../app/live/frontend/panels/registry.js";

test("an address names an arrangement, and what it names wrongly is left out", () => {
  assert.deepEqual(arrangementOf("network", {}), { shown: USUAL.network, large: null });
  assert.deepEqual(
    arrangementOf("network", { panels: "cost,loss,cost,nonsense", large: "weights" }),
    { shown: ["cost", "loss"], large: "weights" },
  );
  assert.deepEqual(arrangementOf("network", { panels: "nonsense", large: "nonsense" }), {
    shown: USUAL.network,
    large: null,
  });
  assert.deepEqual(arrangementOf("landscape", { panels: "network,loss" }).shown, ["loss"]);
});

test("an arrangement is told only where it is not the usual one, and read again it is the same", () => {
  assert.deepEqual(toAddress("network", arrangementOf("network", {})), {});
  const own = { shown: ["layers", "loss"], large: "layers" };
  assert.deepEqual(arrangementOf("network", toAddress("network", own)), own);
});

test("panels swap, hide, come back and fill the board", () => {
  const usual = arrangementOf("network", { panels: "loss,weights,network,chains" });
  const other = swapped(usual, "loss", "chains");
  assert.equal(other.shown[0], "chains");
  assert.equal(other.shown.at(-1), "loss");
  assert.deepEqual(swapped(other, "loss", "chains"), usual);
  const large = enlarged(usual, "weights");
  assert.equal(large.large, "weights");
  assert.equal(enlarged(large, "weights").large, null);
  assert.equal(toggled(large, "weights").large, null);
  assert.deepEqual(toggled(usual, "cost").shown.at(-1), "cost");
  assert.deepEqual(toggled({ shown: ["loss"], large: null }, "loss").shown, ["loss"]);
});

test("the board has as many columns as make its panels wide enough", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7, 8].map(columnsFor), [1, 2, 3, 2, 3, 3, 4, 4]);
});

test("the predictions are large where they come first and the others leave them the room", () => {
  const of = (/** @type {string} */ panels, large = "") =>
    heroOf("network", arrangementOf("network", { panels, large }));
  assert.equal(heroOf("network", arrangementOf("network", {})), "network");
  assert.equal(of("network,loss,weights,temperature"), "network");
  assert.equal(of("loss,network"), null);
  assert.equal(of("network,loss,weights,temperature,chains"), null);
  assert.equal(of("network,loss", "loss"), null);
  assert.equal(heroOf("landscape", arrangementOf("landscape", {})), null);
});

test("square maps leave no room empty under them", () => {
  const room = (/** @type {number} */ width, /** @type {number} */ height, lanes = 2) => {
    const fit = fitHero({ width, height, head: 150, lanes });
    const side = (fit.share * (width - 10) - 26 - 8 * (lanes - 1)) / lanes;
    return { ...fit, left: height - 150 - side - 14 };
  };
  // 1440 × 900 with a question above: wider maps
  const asked = room(1110, 615);
  assert.equal(asked.rows, null);
  assert.ok(asked.share > 2 / 3 && asked.left < 80, JSON.stringify(asked));
  // and without one: a chart under them, which is readable
  const alone = room(1110, 752);
  assert.ok(alone.rows && 752 - alone.rows >= 200, JSON.stringify(alone));
  // as much as is needed, not more
  const flat = room(1110, 500);
  assert.equal(flat.share, 2 / 3);
  assert.equal(flat.rows, null);
  // three maps are small: the chart stands under them sooner
  assert.ok(room(1110, 615, 3).rows);
});
