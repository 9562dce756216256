import "./texts.js";
import assert from "node:assert/strict";
import { test } from "node:test";

import {
  runningMedian,
  cosineRange,
  multiples,
} from "../../../app/live/frontend/panels/agreement.js";
import { histogram, binScale } from "../../../app/live/frontend/charts/histogram.js";
import {
  populationSize,
  noteOf,
  nounOf,
  viewsOf,
} from "../../../app/live/frontend/panels/chains.js";
import {
  layoutBoxes,
  currentPlan,
  titleOf,
} from "../../../app/live/frontend/panels/temperature.js";
import { commonLevel, costComparison, ratioText } from "../../../app/live/frontend/panels/cost.js";

test("the running median leaves out where the estimate stood still, and is nothing where it stood still all along", () => {
  assert.deepEqual(runningMedian([0.1, null, 0.5, 0.3], [], 3), [0.1, 0.1, 0.3, 0.4]);
  assert.deepEqual(runningMedian([0.2, null, null, null, 0.6], [], 3), [0.2, 0.2, 0.2, null, 0.6]);
});

test("a median that goes on from what is known is the one that begins anew", () => {
  const values = Array.from({ length: 200 }, (_, i) => (i % 3 ? Math.sin(i * i) : null));
  const known = runningMedian(values.slice(0, 90));
  assert.deepEqual(runningMedian(values, known), runningMedian(values));
  assert.equal(
    runningMedian(values.slice(0, 50), known).length,
    200,
    "scrubbing back forgets nothing",
  );
});

test("the range of cosines holds what there is", () => {
  for (const [low, high] of [
    [0, 0.2],
    [-0.05, 0.97],
    [-0.55, 0.5],
    [-1, 1],
  ]) {
    const [bottom, top] = cosineRange(low, high);
    assert.ok(bottom <= low && top >= high && bottom <= -0.2 && top >= 0.4 && top - bottom <= 2.1);
  }
});

test("every value is in one bin, the highest too", () => {
  const values = [0.1, 0.2, 0.2, 0.35, 0.5];
  const { edges, counts } = histogram(values, { log: false, low: 0.1, high: 0.5 }, 4);
  assert.deepEqual(counts, [1, 2, 1, 1]);
  edges.forEach((edge, i) => assert.ok(Math.abs(edge - (0.1 + 0.1 * i)) < 1e-12));
  assert.deepEqual(
    histogram([1, 10, 99, 100, 1000], { log: true, low: 1, high: 1000 }, 3).counts,
    [1, 2, 2],
  );
});

test("losses far apart get a logarithmic scale, and keep it until they are near; what is not positive never does", () => {
  assert.equal(binScale([0.1, 0.5]).log, false);
  assert.equal(binScale([0.01, 0.5]).log, true);
  assert.equal(binScale([0.02, 0.5]).log, false);
  assert.equal(binScale([0.02, 0.5], true).log, true);
  assert.equal(binScale([0.2, 0.5], true).log, false);
  assert.equal(binScale([-3, 0, 500]).log, false);
  for (const values of [[0.1, 0.5], [0.01, 0.5], [-3, 0], [0, 0], [0.3], [1e-7, 4]]) {
    const { low, high } = binScale(values);
    assert.ok(
      low < high && low <= Math.min(...values) + 1e-9 && high >= Math.max(...values) - 1e-9,
      `${values}: ${low} to ${high}`,
    );
  }
  assert.deepEqual(binScale([]), { log: false, low: 0, high: 1 });
});

test("networks that are drawn afresh in every step are counted where they are seen", () => {
  const lane = (optimizer, population) => ({ optimizer, population, label: optimizer });
  const stage = (...lanes) => ({ lanes, data: { kind: "points" } });
  const picture = (...counts) => ({
    lanes: counts.map((count) => ({ cloud: count ? { shape: [count, 2] } : null })),
  });
  for (const count of [2, 11, 256]) {
    const alone = { stage: stage(lane("cma-es", 1), lane("adam", 1)), picture: picture(count, 0) };
    assert.equal(populationSize(alone.stage, alone.picture, 0), count);
    assert.equal(noteOf(alone, "network"), `${count} networks`);
    const both = { stage: stage(lane("snes", 1), lane("pso", 64)), picture: picture(count, 64) };
    assert.equal(noteOf(both, "network"), `● ${count}  ■ 64`);
  }
  assert.equal(noteOf({ stage: stage(lane("adam", 1)), picture: picture(0) }, "network"), "");
  assert.equal(
    noteOf({ stage: stage(lane("eki", 1000)), picture: picture(256) }, "network"),
    "256 of 1.00\u202fk networks",
  );
});

test("a panel is called by what is in it", () => {
  assert.equal(titleOf(["yaxis", "yaxis2"]), "Temperature and acceptance");
  assert.equal(titleOf(["yaxis"]), "Temperature");
  assert.equal(titleOf(["yaxis3"]), "Step size");
  assert.equal(titleOf(["yaxis", "yaxis3", "yaxis2"]), "Temperature and step size");
});

test("boxes share the height without meeting, whichever are there", () => {
  const all = ["yaxis", "yaxis3", "yaxis2"];
  for (let mask = 1; mask < 8; mask++) {
    const there = all.filter((_, i) => mask & (1 << i));
    const layout = layoutBoxes(there);
    let top = 1.0001;
    for (const axis of there) {
      const [low, high] = layout[`${axis}.domain`];
      assert.ok(low >= 0 && high <= top && high - low > 0.15, `${there}`);
      top = low - 0.05;
    }
    assert.ok(top < -0.04, "down to the time axis");
    for (const axis of all) assert.equal(layout[`${axis}.visible`], there.includes(axis));
  }
});

test("only what there is to draw is offered", () => {
  const stage = { lanes: [{ population: 16 }, { population: 1 }], data: { kind: "points" } };
  const row = (more) => ({ extra: {}, vectors: {}, ...more });
  const cloud = { lanes: [{ cloud_loss: { data: [1] } }, { cloud_loss: null }] };
  const bare = { lanes: [{ cloud_loss: null }, { cloud_loss: null }] };
  const acceptance = { data: [0.5], shape: [1] };
  assert.deepEqual(viewsOf(stage, { lanes: [row(), row()] }, bare), []);
  assert.deepEqual(viewsOf(stage, { lanes: [row({ vectors: { acceptance } }), row()] }, cloud), [
    "energy",
    "kept",
  ]);
  assert.deepEqual(
    viewsOf(
      stage,
      {
        lanes: [
          row({ vectors: { acceptance, temperature: acceptance } }),
          row({ extra: { spread: 0.1 } }),
        ],
      },
      cloud,
    ),
    ["energy", "rungs", "spread"],
  );
  assert.deepEqual(viewsOf(stage, { lanes: [{}, {}] }, bare), [], "a recording of old");
  assert.equal(nounOf(stage, { lanes: [row({ vectors: { acceptance } }), row()] }), "chain");
  assert.equal(nounOf(stage, { lanes: [row(), row()] }), "network");
  assert.equal(
    nounOf({ ...stage, data: { kind: "function" } }, { lanes: [row(), row()] }),
    "point",
  );
});

const race = (...lanes) =>
  lanes[0].map((_, k) => ({
    k,
    lanes: lanes.map((lane) => ({
      loss: lane[k],
      evaluations: 100 * k,
      flops: 5e3 * k,
      seconds: k / 2,
    })),
  }));
const stage = (...labels) => ({
  lanes: labels.map((label) => ({ label })),
  data: { kind: "points" },
});
const rows = (metrics) => metrics[0].lanes.map((_, i) => metrics.map((m) => m.lanes[i]));

test("lanes are compared at the lowest loss that all of them have reached", () => {
  const metrics = race([1, 0.9, 0.7, 0.5], [1, 0.3, 0.2, 0.6]);
  assert.deepEqual(commonLevel(rows(metrics), "evaluations"), {
    level: 0.5,
    costs: [300, 100],
    stuck: [],
  });
  const told = costComparison(stage("Annealing", "Adam"), metrics, "evaluations");
  assert.equal(told.lead, "To reach a loss of 0.500, which every lane has reached:");
  assert.deepEqual(told.reached, ["300 evaluations", "100"]);
  assert.equal(told.times, "● takes 3.0 times as many as ■");
  assert.deepEqual(costComparison(stage("Annealing", "Adam"), metrics, "seconds").reached, [
    "1.50 s",
    "0.50 s",
  ]);
  assert.match(costComparison(stage("Annealing", "Adam"), metrics, "seconds").times, /as long as/);
});

test("a lane that has not improved is said to be stuck instead", () => {
  const flat = race([1, 1, 1.2, 0.9999], [1, 0.3, 0.2, 0.1]);
  assert.deepEqual(commonLevel(rows(flat), "evaluations").stuck, [0]);
  const told = costComparison(stage("Annealing", "Adam"), flat, "evaluations");
  assert.match(told.lead, /^Annealing is not below its first loss/);
  assert.deepEqual([told.reached, told.times], [[], ""]);
  const both = costComparison(
    stage("Annealing", "Adam"),
    race(new Array(12).fill(1), new Array(12).fill(1)),
    "evaluations",
  );
  assert.match(both.lead, /^Annealing and Adam are not below their first loss/);
});

test("losses that are no numbers harm nobody, and one lane is told by itself", () => {
  assert.deepEqual(commonLevel(rows(race([null, 0.8, null, 0.4], [1, 0.5, 0.3, null])), "flops"), {
    level: 0.4,
    costs: [15e3, 10e3],
    stuck: [],
  });
  assert.equal(commonLevel(rows(race([null, null], [1, 0.5])), "flops"), null);
  const told = costComparison(stage("Adam"), race([1, 0.5, 0.25]), "flops");
  assert.equal(told.lead, "To reach its lowest loss so far, 0.250:");
  assert.deepEqual([told.reached, told.times], [["10.0\u202fk FLOPs"], ""]);
  assert.equal(
    costComparison(stage("Adam"), race([1]), "flops").lead,
    "Waiting for the first step.",
  );
});

test("how many times as many, with the digits that matter", () => {
  assert.deepEqual([1.04, 9.3, 12.4, 620.4, 999.7, 41_300].map(ratioText), [
    "1.0",
    "9.3",
    "12",
    "620",
    "1000",
    "41.3\u202fk",
  ]);
});

test("a plan that was changed by hand is drawn as it was until then, and as it is from then on", () => {
  const rows = [
    { progress: 0 },
    { progress: 0.5, planned: [9, 9, 7, 6, 5] },
    { progress: 0.6 },
    { progress: 0.9, planned: [9, 9, 9, 9, 1] },
  ];
  assert.deepEqual(currentPlan([8, 6, 4, 2, 0], rows.slice(0, 1)), [8, 6, 4, 2, 0]);
  assert.deepEqual(currentPlan([8, 6, 4, 2, 0], rows.slice(0, 3)), [8, 6, 7, 6, 5]);
  assert.deepEqual(currentPlan([8, 6, 4, 2, 0], rows), [8, 6, 7, 6, 1]);
});

test("the cosine's ticks stand at multiples within its range, and none under it", () => {
  assert.deepEqual(multiples(0.5, -0.7, 1.05), [-0.5, 0, 0.5, 1]);
  assert.equal(multiples(0.2, -0.6, 0.6).length, 7);
  assert.deepEqual(multiples(0.5, 0.1, 0.3), []);
});
