/** A race as its view knows it, from being asked for to its end. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { RaceSession } from "../../../app/live/frontend/data/race_session.js";

const MOONS = { dataset: { name: "moons" }, lanes: [{ name: "pso" }], seed: 9 };
const NONE = new Uint8Array();

/** A session whose commands are noted. @param {any[]} pending commands that were not sent yet */
function begun(pending = []) {
  const sent = [];
  const kept = new Map();
  const token = { set: (race) => kept.set("race", race), clear: () => kept.clear() };
  const session = new RaceSession({ token: /** @type {any} */ (token), goal: 0.5 });
  session.socket = /** @type {any} */ ({ pending, send: (command) => sent.push(command) });
  return { session, sent, kept };
}

const stage = { type: "stage", experiment: MOONS, lanes: [{ label: "PSO" }] };
const metrics = (progress) => ({ type: "metrics", k: 0, clock: 0, lanes: [{ progress }] });

test("a race that was asked for goes on, and takes commands once it runs", () => {
  const { session, sent, kept } = begun();
  assert.deepEqual([session.racing, session.live], [false, false]);
  session.problem = "refused";
  session.ask(MOONS, [{ do: "stages" }]);
  assert.deepEqual(sent, [{ do: "run", experiment: MOONS, then: [{ do: "stages" }] }]);
  assert.deepEqual([session.racing, session.live, session.problem], [true, false, ""]);
  session.assign("abc");
  const { history, again } = session.open(stage, NONE);
  session.load(history, "live");
  session.state = { state: "running" };
  assert.deepEqual([again, session.live, kept.get("race")], [false, true, "abc"]);
  assert.equal(session.open(stage, NONE).again, true, "told again after a lost connection");
  session.playback.show(0);
  session.command({ do: "pause" });
  assert.equal(session.playback.chosen, null, "a command is for the race where it stands");
});

test("the race on the screen differs from the controls, but not while another one is coming", () => {
  const { session } = begun();
  assert.equal(session.differsFrom(MOONS), false, "nothing is on the screen");
  session.load(session.open(stage, NONE).history, "live");
  assert.equal(session.differsFrom({ ...MOONS, seed: 9 }), false);
  assert.equal(session.differsFrom({ ...MOONS, seed: 4 }), true);
  session.ask({ ...MOONS, seed: 4 }, []);
  assert.equal(session.differsFrom({ ...MOONS, seed: 4 }), false);
});

test("the goal is met once, by the lane that has spent most", () => {
  const { session } = begun();
  assert.equal(session.meetsGoal(metrics(0.4)), false);
  assert.equal(session.meetsGoal({ lanes: [{ progress: 0.1 }, { progress: 0.6 }] }), true);
  assert.equal(session.meetsGoal(metrics(0.7)), false);
});

test("cancelling takes back a race that was not sent yet, and asks for the end of one that was", () => {
  const unsent = begun([{ do: "run" }, { do: "attach" }]);
  unsent.session.cancel();
  assert.deepEqual(unsent.sent, []);
  assert.deepEqual(unsent.session.socket?.pending, [{ do: "attach" }]);
  const running = begun();
  running.session.ask(MOONS, []);
  running.session.cancel();
  assert.deepEqual(running.sent.at(-1), { do: "cancel" });
  assert.equal(running.session.racing, false);
});

test("who watches somebody else's race takes no commands, and may let nobody else watch", () => {
  const { session } = begun();
  session.playback.source = "live";
  session.state = { state: "running" };
  session.assign("owner", { watch: "for-others" });
  assert.deepEqual([session.live, session.watch], [true, "for-others"]);
  session.assign("for-others", { watches: true });
  assert.deepEqual([session.live, session.watch], [false, null]);
  session.assign("mine", { watch: "another" });
  assert.equal(session.live, true);
});
