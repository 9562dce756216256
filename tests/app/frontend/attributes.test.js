import assert from "node:assert/strict";
import { test } from "node:test";

import { tell, tellOfView } from "../../../app/live/frontend/core/attributes.js";
import { RaceSession } from "../../../app/live/frontend/data/race_session.js";

/** An element that notes every attribute that is written. */
function root() {
  const written = [];
  const dataset = new Proxy(
    {},
    { set: (at, name, text) => (written.push(name), Reflect.set(at, name, text)) },
  );
  return { dataset, written };
}

const SECRET = "3f2a-a-token-that-steers-the-race";

test("an attribute is written only when its value changes", () => {
  const element = root();
  tell(element, { ready: false, frames: 3 });
  tell(element, { ready: false, frames: 3 });
  tell(element, { ready: false, frames: 4 });
  assert.deepEqual(element.written, ["ready", "frames", "frames"]);
  assert.deepEqual({ ...element.dataset }, { ready: "false", frames: "4" });
});

test("a view tells how it stands, and that there is a race, never its token", () => {
  const element = root();
  const session = new RaceSession({ token: {} });
  const experiment = { dataset: { name: "moons" }, seed: 3, lanes: [{ name: "adam" }] };
  const view = {
    session,
    root: element,
    board: { waiting: new Set() },
    dirty: { pictures: false, curves: false },
    data: { experiment },
    ready: true,
    stale: false,
  };
  tellOfView(view);
  assert.equal(element.dataset.race, "no");
  assert.equal(element.dataset.dataset, "");
  assert.equal(element.dataset.asked, "moons 3 adam");
  session.race = SECRET;
  session.history.stage = { experiment: { instance: { name: "airports" }, seed: 0 } };
  session.history.metrics.push({
    k: 0,
    lanes: [
      { step: 7, seconds: 2.9 },
      { step: 9, seconds: 3.1 },
    ],
  });
  tellOfView(view);
  const { race, steps, seconds, frames, moment, dataset, seed, drawn } = element.dataset;
  assert.deepEqual(
    { race, steps, seconds, frames, moment, dataset, seed, drawn },
    {
      race: "yes",
      steps: "7,9",
      seconds: "2",
      frames: "1",
      moment: "0",
      dataset: "airports",
      seed: "0",
      drawn: "true",
    },
  );
  assert.ok(!Object.values(element.dataset).some((text) => text.includes(SECRET)));
  const before = element.written.length;
  tellOfView(view);
  assert.equal(element.written.length, before);
});
