import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  PLACES,
  sliderScale,
  fit,
  acceptedRange,
  throttle,
  parseTyped,
} from "../../../app/live/frontend/controls/slider_scale.js";
import {
  groupInterventions,
  groupText,
  interventionText,
  currentSetting,
  formatValue,
} from "../../../app/live/frontend/data/interventions.js";
import { SHORTCUTS } from "../../../app/live/frontend/controls/shortcuts.js";
import {
  acceptedUpTo,
  askedUpTo,
  extent,
  stepBounds,
  paintStep,
  origins,
  reachOf,
  stageOf,
} from "../../../app/live/frontend/slow_motion/step_trace.js";
import { History } from "../../../app/live/frontend/data/history.js";
import { RaceSession } from "../../../app/live/frontend/data/race_session.js";
import { tokenOf } from "../../../app/live/frontend/data/socket.js";
import { Playback } from "../../../app/live/frontend/data/playback.js";
import { numbers, SlowMotion } from "../../../app/live/frontend/slow_motion/control.js";
import { setTexts } from "../../../app/live/frontend/i18n/i18n.js";

const own = JSON.parse(
  readFileSync(new URL("../../../app/text/en/time.json", import.meta.url), "utf-8"),
);
setTexts(Object.fromEntries(Object.entries(own).map(([key, text]) => [`time.${key}`, text])));

const rate = {
  name: "rate",
  label: "Step size",
  type: "number",
  minimum: 1e-6,
  maximum: 10,
  scale: "log",
  value: 0.01,
};
const stage = {
  lanes: [
    { label: "Annealing", knobs: [] },
    { label: "Adam", knobs: [rate] },
  ],
};
const packed = (data, ...shape) => ({ data, shape });

test("a logarithmic dial has the knob's value in its middle, reaches a hundredth and a hundredfold, and stays within the knob's bounds", () => {
  const slider = sliderScale(rate, 0.01);
  assert.equal(slider.place(0.01), PLACES / 2);
  assert.equal(slider.value(PLACES / 2), 0.01);
  assert.ok(Math.abs(slider.value(0) - 1e-4) < 1e-12);
  assert.equal(slider.value(PLACES), 1);
  assert.equal(sliderScale(rate, 5).value(PLACES), 10);
  assert.equal(slider.place(1e9), PLACES);
  assert.equal(slider.place(0), 0);
  for (let place = 0; place <= PLACES; place += 7)
    assert.ok(Math.abs(slider.place(slider.value(place)) - place) <= 1);
});

test("a dial of a share runs over all of it in its steps, one of a wide range stays near what it was", () => {
  const inertia = sliderScale(
    { ...rate, scale: "linear", minimum: 0, maximum: 1.2, step: 0.01 },
    0.73,
  );
  assert.equal(inertia.value(0), 0);
  assert.equal(inertia.value(PLACES), 1.2);
  assert.equal(inertia.value(PLACES / 3), 0.4);
  const group = sliderScale(
    { ...rate, type: "integer", scale: "linear", minimum: 0, maximum: 16384 },
    20,
  );
  assert.ok(group.value(PLACES) <= 200 && group.value(PLACES) >= 40);
  assert.equal(group.value(0), 0);
  assert.ok(Number.isInteger(group.value(123)));
});

test("what is typed is taken, or refused with words for what would be", () => {
  assert.equal(parseTyped(rate, "0.5"), 0.5);
  assert.equal(parseTyped(rate, "1.2e−4"), 1.2e-4);
  assert.equal(parseTyped(rate, "99"), undefined);
  assert.equal(parseTyped(rate, "-3"), undefined);
  const hot = { ...rate, minimum: 0, above: 0, maximum: undefined };
  assert.deepEqual(
    [parseTyped(hot, "0"), parseTyped(hot, "-3"), parseTyped(hot, "1e-9")],
    [undefined, undefined, 1e-9],
  );
  assert.equal(parseTyped({ ...hot, above: undefined }, "0"), 0);
  assert.equal(parseTyped({ ...hot, below: 1 }, "1"), undefined);
  assert.equal(acceptedRange(hot), "a number above 0");
  assert.equal(
    acceptedRange({ ...rate, type: "integer", minimum: 1, maximum: 64 }),
    "a whole number of at least 1 and at most 64",
  );
  assert.equal(acceptedRange({ ...hot, below: 1 }), "a number above 0 and below 1");
  assert.equal(acceptedRange({ ...rate, minimum: undefined, maximum: undefined }), "a number");
  assert.equal(parseTyped(rate, ""), undefined);
  assert.equal(parseTyped({ ...rate, optional: true }, " "), null);
  assert.equal(parseTyped(rate, "much"), undefined);
  assert.equal(parseTyped({ ...rate, type: "integer" }, "3,6"), 4);
  assert.equal(fit({ ...rate, scale: "linear", step: 0.05, minimum: 0, maximum: 2 }, 0.7301), 0.75);
});

test("a flood of turns becomes a few commands, and the last one is among them", async () => {
  const sent = [];
  const send = throttle((value) => sent.push(value), 60_000);
  for (let i = 0; i < 50; i++) send(i);
  assert.deepEqual(sent, [0]);
  send.now();
  assert.deepEqual(sent, [0, 49]);
  const late = await new Promise((resolve) => {
    const short = throttle((value) => value === 2 && resolve(value), 5);
    short(1);
    short(2);
  });
  assert.equal(late, 2);
});

test("what was done by hand is told with what was before", () => {
  const events = [
    { kind: "turn", lane: 1, step: 1200, field: "rate", value: 0.05, at: 3 },
    { kind: "reheat", lane: 0, step: 40, value: 10, at: 4 },
    { kind: "turn", lane: 1, step: 1300, field: "rate", value: 0.1, at: 5 },
    { kind: "reheat", lane: 0, step: 41, value: 0.5, at: 6 },
  ];
  assert.equal(
    interventionText(events[0], stage, events),
    "Adam: Step size changed from 0.01 to 0.05 at step 1,200",
  );
  assert.equal(
    interventionText(events[2], stage, events),
    "Adam: Step size changed from 0.05 to 0.1 at step 1,300",
  );
  assert.equal(
    interventionText(events[1], stage, events),
    "Annealing: reheated 10-fold at step 40",
  );
  assert.equal(interventionText(events[3], stage, events), "Annealing: cooled 2-fold at step 41");
  assert.equal(
    interventionText({ kind: "weight", lane: 0, step: 7, index: 3, value: 0.25 }, stage),
    "Annealing: weight 3 set to 0.250 at step 7",
  );
  assert.equal(
    interventionText({ kind: "points", steps: [8, 12] }, stage),
    "The training points were changed at step 12",
  );
  assert.equal(currentSetting(rate, 1, events), 0.1);
  assert.equal(currentSetting(rate, 1, []), 0.01);
  assert.equal(formatValue(null), "automatic");
  assert.equal(formatValue(true), "on");
});

test("turns that follow closely are one deed, from the first value to the last", () => {
  const events = [0.02, 0.03, 0.05].map((value, i) => ({
    kind: "turn",
    lane: 1,
    step: 100 + i,
    field: "rate",
    value,
    at: i,
  }));
  events.push(
    { kind: "reheat", lane: 0, step: 9, value: 10, at: 3 },
    { kind: "reheat", lane: 0, step: 10, value: 10, at: 3 },
  );
  const found = groupInterventions(
    events.map((event, i) => ({ event, lane: event.lane, at: 5 * i })),
    10,
  );
  assert.equal(found.length, 2);
  assert.equal(
    groupText(found[0], stage, events),
    "Adam: Step size changed from 0.01 to 0.05 at step 102, the last of 3 changes",
  );
  assert.equal(groupText(found[1], stage, events), "Annealing: reheated 100-fold at step 10");
  assert.equal(
    groupInterventions(
      events.map((event, i) => ({ event, lane: event.lane, at: 50 * i })),
      10,
    ).length,
    5,
  );
});

test("lanes with fewer stages wait at their last", () => {
  const lane = { stages: [{ shows: "asked" }, { shows: "moved" }] };
  assert.deepEqual(stageOf(lane, 0), { index: 0, waits: false });
  assert.deepEqual(stageOf(lane, 1), { index: 1, waits: false });
  assert.deepEqual(stageOf(lane, 3), { index: 1, waits: true });
});

test("what a stage says in numbers", () => {
  const stages = [{ shows: "asked" }, { shows: "answered" }, { shows: "moved" }];
  const points = packed(new Float32Array(6), 3, 2);
  const none = { points: null, values: null, accepted: null };
  const parts = [
    { ...none, points },
    {
      points,
      values: packed(new Float32Array([0.5, 0.25, NaN]), 3),
      accepted: packed(new Uint8Array([1, 0, 1]), 3),
    },
    { ...none, points, values: packed(new Float32Array([1, 1, 1]), 3) },
  ];
  assert.equal(numbers(stages, parts, 0), "3 points evaluated");
  assert.equal(numbers(stages, parts, 1), "losses 0.250 … 0.500");
  assert.equal(numbers(stages, parts, 2), "2 of 3 accepted, 1 rejected (✕)");
  assert.equal(numbers(stages, [parts[0], { ...none, points }, parts[2]], 2), "loss 1.00");
  assert.equal(numbers(stages, [none, none, none], 0), "");
  assert.deepEqual(acceptedUpTo(stages, parts, 2), { taken: 2, of: 3 });
  assert.equal(acceptedUpTo(stages, parts, 0), null);
  assert.equal(askedUpTo(stages, parts, 2), parts[1]);
  assert.equal(extent(new Float32Array([NaN])), null);
});

/** One step as it is told: each lane asks about points and moves to the first of them. */
function told(...clouds) {
  return clouds.map((points, lane) => ({
    lane,
    stages: [
      {
        points: packed(new Float32Array(points), points.length / 2, 2),
        values: null,
        accepted: null,
      },
      { points: packed(new Float32Array(points.slice(0, 2)), 1, 2), values: null, accepted: null },
    ],
  }));
}

/** The moment such a step starts from, on a plane a hundred wide and ten high. */
function before(optimizer, ...places) {
  const lanes = places.map(() => ({
    optimizer,
    population: 1,
    stages: [{ shows: "asked" }, { shows: "moved" }],
  }));
  return {
    stage: { lanes },
    picture: {
      plane: { x: [0, 100], y: [0, 10] },
      lanes: places.map((estimate) => ({ estimate, cloud: null })),
    },
  };
}

test("a step is seen as large as the plane allows, undistorted, whole, and the plane itself where the step fills it", () => {
  for (const size of [1e-3, 0.01, 1]) {
    const step = told([50 + size, 5, 50 - size, 5 + size / 20]);
    const moment = before("cma-es", [50, 5]);
    const part = stepBounds(step, moment, "step");
    const [left, right, bottom, top] = reachOf(
      step[0],
      moment.stage.lanes[0],
      moment.picture.lanes[0],
    );
    assert.ok(part.x[0] < left && part.x[1] > right && part.y[0] < bottom && part.y[1] > top);
    assert.ok(
      right - left > 0.6 * (part.x[1] - part.x[0]) || top - bottom > 0.6 * (part.y[1] - part.y[0]),
    );
    assert.ok(Math.abs((part.x[1] - part.x[0]) / (part.y[1] - part.y[0]) - 10) < 1e-3);
  }
  assert.equal(stepBounds(told([0, 0, 100, 10]), before("cma-es", [50, 5]), "step"), null);
  assert.equal(stepBounds(told([50, 5]), before("cma-es", [50, 5]), "step"), null, "nothing moves");
  const lost = [{ lane: 0, stages: [{ points: null }, { points: null }] }];
  assert.equal(stepBounds(lost, before("cma-es", [50, 5]), "step"), null);
});

test("lanes near each other are seen together, lanes far apart one by one, the one with most points first", () => {
  const moment = before("cma-es", [10, 5], [12, 5]);
  assert.equal(stepBounds(told([11, 5], [13, 5.1, 12, 5]), moment, "step").lane, null);
  const apart = before("cma-es", [10, 5], [90, 5]);
  const step = told([10.1, 5], [90.2, 5, 90.1, 5.01, 90, 5]);
  assert.equal(stepBounds(step, apart, "step").lane, 1);
  const other = stepBounds(step, apart, 0);
  assert.equal(other.lane, 0);
  assert.ok(other.x[0] > 9 && other.x[1] < 11);
});

test("refused proposals are crossed out, accepted ones are not", () => {
  const lines = [];
  const paint = new Proxy(
    { canvas: { width: 10, height: 10 } },
    {
      get: (target, name) =>
        target[name] ?? ((...values) => name === "lineTo" && lines.push(values)),
      set: () => true,
    },
  );
  const points = packed(new Float32Array([10, 0, 20, 0, 30, 0]), 3, 2);
  const crossed = (accepted) => {
    lines.length = 0;
    const stages = [
      { points, values: null, accepted: null },
      { points, values: null, accepted: packed(new Uint8Array(accepted), 3) },
      { points, values: null, accepted: null },
    ];
    const lane = {
      optimizer: "annealing",
      population: 3,
      stages: [{ shows: "asked" }, { shows: "answered" }, { shows: "moved" }],
    };
    const moment = {
      stage: { lanes: [lane] },
      picture: { lanes: [{ estimate: [0, 0], cloud: points }] },
    };
    paintStep(
      [{ lane: 0, stages }],
      2,
      { colours: ["#d9532c"], theme: { surface: "#fff", text: "#000" } },
      () => 1,
    )(paint, { x: (value) => value, y: (value) => value, moment });
    return [...new Set(lines.map(([x]) => 10 * Math.round(x / 10)))].sort();
  };
  assert.deepEqual(crossed([1, 0, 1]), [20]);
  assert.deepEqual(crossed([0, 0, 0]), [10, 20, 30]);
  assert.deepEqual(crossed([1, 1, 1]), []);
});

/** A race that was asked for, and a view that notes what slow motion does. */
function around(state, waiting) {
  const done = { sent: [], started: [], said: [], speed: 0 };
  const session = new RaceSession({ token: tokenOf("network") });
  session.load(new History(), "recording");
  Object.assign(session, { state: { state }, waiting, asked: { seed: 3 } });
  session.socket = /** @type {any} */ ({ send: (command) => done.sent.push(command) });
  const on = /** @type {any} */ ({
    showSpeed: (speed) => (done.speed = speed),
    start: (experiment) => done.started.push([experiment, done.speed]),
    say: (text) => done.said.push(text),
    redraw() {},
    showState() {},
    weights: () => null,
  });
  return { slow: new SlowMotion(/** @type {any} */ ({}), session, on), done };
}

test("slow motion chosen while a race starts is kept, and begins with its first step", () => {
  globalThis.window = { matchMedia: () => ({ matches: true }) };
  const starting = around("starting", new History());
  starting.slow.start();
  assert.deepEqual(
    starting.done.started,
    [[{ seed: 3 }, -1]],
    "begun once more, slowly from its first step",
  );
  const queued = around("queued", new History());
  queued.slow.start();
  assert.ok(queued.slow.active);
  assert.deepEqual(
    queued.done,
    { sent: [{ do: "stages" }], started: [], said: [], speed: -1 },
    "told to the race before its first step, its place in the queue kept",
  );
  const idle = around("idle", null);
  idle.slow.start();
  assert.equal(idle.done.said.length, 1);
  assert.equal(idle.done.speed, -1);
  delete globalThis.window;
});

test("a point asked about comes from its own particle, from the estimate, or from nowhere that can be told", () => {
  const picture = { cloud: packed(new Float32Array([1, 2, 3, 4]), 2, 2), estimate: [9, 9] };
  assert.deepEqual(origins({ optimizer: "annealing", population: 2 }, picture, 2)(1), [3, 4]);
  assert.equal(origins({ optimizer: "annealing", population: 512 }, picture, 2), null);
  assert.equal(origins({ optimizer: "genetic", population: 2 }, picture, 2), null);
  assert.deepEqual(origins({ optimizer: "cma-es", population: 2 }, picture, 2)(0), [9, 9]);
  assert.deepEqual(
    origins({ optimizer: "adam", population: 1 }, { cloud: null, estimate: [9, 9] }, 1)(0),
    [9, 9],
  );
});

test("a replay goes at its rate, keeps its place when the rate changes, and a race that was run ends where it stands", () => {
  const history = new History();
  for (let k = 0; k <= 10; k++)
    history.add({ type: "metrics", k, clock: k, lanes: [] }, new Uint8Array());
  const player = new Playback();
  player.load(history, "live");
  player.setRate(1, 0);
  player.play(100, 0);
  player.tick(103.5);
  assert.equal(player.moment, 3);
  player.setRate(4, 103.5);
  player.tick(103.5);
  assert.equal(player.moment, 3);
  player.tick(104.2);
  assert.equal(player.moment, 6);
  player.tick(110);
  assert.equal(player.chosen, null);
  assert.equal(player.playing, false);
});

test("every key has a text, and no two do something for the same key", () => {
  for (const key of SHORTCUTS) assert.ok(own[`key-${key.name}`], key.name);
  const events = [
    "m",
    "r",
    "n",
    "h",
    "a",
    "l",
    "c",
    "s",
    "e",
    "p",
    "g",
    "?",
    "ArrowLeft",
    "ArrowRight",
    "Escape",
    "1",
    "8",
  ].map((key) => ({ key, target: {} }));
  events.push({ key: " ", target: {} });
  for (const event of events)
    assert.equal(SHORTCUTS.filter((key) => key.press && key.is(event)).length, 1, event.key);
});
