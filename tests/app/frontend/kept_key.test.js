/** What a kept race's card is found by: the same for the same race, and not its token. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { keyOf } from "../../../app/live/frontend/gallery/kept_card.js";

test("a card is found by its race, and its token is not in the page", () => {
  const token = "e6EZP_s6YZDyc3vPIvzusuNc33sbGuSa";
  assert.equal(keyOf(token), keyOf(token));
  assert.notEqual(keyOf(token), keyOf(`${token}b`));
  assert.match(keyOf(token), /^kept [0-9a-f]{1,8}$/);
  assert.ok(!keyOf(token).includes(token));
});
