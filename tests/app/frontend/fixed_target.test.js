import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { readRecording } from "../../../app/live/frontend/data/recording.js";
import {
  costsOf,
  differences,
  measured,
  methodsOf,
  problemsOf,
  reaches,
  repeats,
  runsOf,
  scaleOf,
  shareReached,
  targetsOf,
  timeToTarget,
  usualTarget,
} from "../../../app/live/frontend/gallery/fixed_target.js";
import { fitted, spread } from "../../../app/live/frontend/gallery/labels.js";
import { seriesOf } from "../../../app/live/frontend/gallery/series.js";

const ROOT = new URL("../../../", import.meta.url);

/** A recording as the gallery reads it. */
async function shipped(name) {
  const file = readFileSync(new URL(`assets/recordings/${name}.kelvin`, ROOT));
  return { name, series: seriesOf(await readRecording(new Uint8Array(file).buffer)) };
}

/** A run that spent 10, 20, 30, … evaluations, its losses at those moments. */
function run(loss, more = {}) {
  return {
    recording: "A",
    seed: 0,
    about: {},
    problem: "p",
    method: "m",
    settings: {},
    numbers: {
      evaluations: loss.map((_, i) => 10 * (i + 1)),
      seconds: loss.map((_, i) => i + 1),
      flops: loss.map(() => null),
      loss,
      test_loss: loss.map(() => null),
      accuracy: loss.map((value) => (value === null ? null : 1 - value)),
      test_accuracy: loss.map(() => null),
      ...more,
    },
  };
}
const close = (value, wanted) =>
  assert.ok(Math.abs(value - wanted) <= 1e-12 * Math.abs(wanted), `${value} is not ${wanted}`);

test("a target is reached at the first frame at which it holds, whatever comes after", () => {
  const one = run([1, 0.5, 0.2, 0.6, 0.1]);
  assert.deepEqual(costsOf(one, "loss", "evaluations", [2, 1, 0.5, 0.3, 0.2, 0.1, 0.05]), [
    10,
    10,
    20,
    30,
    30,
    50,
    null,
  ]);
  assert.deepEqual(costsOf(one, "accuracy", "seconds", [0.5, 0.8, 0.95]), [2, 3, null]);
});

test("ERT charges runs that failed with all they spent; the median counts them as infinite", () => {
  // Reached at 20, at 30, and not at all in 50 and in 20 evaluations.
  const runs = [run([1, 0.1]), run([1, 1, 0.1, 0.05]), run([1, 1, 1, 1, 0.5]), run([1, 0.9])];
  const found = timeToTarget(runs, "loss", "evaluations", 0.1);
  assert.equal(found.reached, 2);
  assert.equal(found.ert, (20 + 30 + 50 + 20) / 2);
  assert.equal(found.median, 30, "exactly half have reached it by then");
  assert.deepEqual(
    found.times.map(({ cost, spent }) => [cost, spent]),
    [
      [20, 20],
      [30, 30],
      [null, 50],
      [null, 20],
    ],
  );
  const harder = timeToTarget(runs, "loss", "evaluations", 0.05);
  assert.equal(harder.reached, 1);
  assert.equal(harder.ert, 20 + 40 + 50 + 20);
  assert.equal(harder.median, Infinity, "fewer than half reached it");
  assert.equal(timeToTarget(runs.slice(0, 3), "loss", "seconds", 0.1).median, 3);
});

test("one run; and nobody", () => {
  const one = [run([1, 0.4, 0.3])];
  const found = timeToTarget(one, "loss", "evaluations", 0.4);
  assert.deepEqual([found.reached, found.ert, found.median], [1, 20, 20]);
  const none = timeToTarget(one, "loss", "evaluations", 0.2);
  assert.deepEqual([none.reached, none.ert, none.median], [0, Infinity, Infinity]);
  assert.deepEqual([none.times[0].cost, none.times[0].spent], [null, 30]);
  assert.deepEqual(shareReached(one, "loss", "evaluations", [0.2, 0.1]), {
    steps: [],
    end: 30,
    share: 0,
  });
});

test("a frame without a number reaches nothing, but what was spent until then counts", () => {
  const broken = run([1, null, Number.NaN, 0.1, null, null]);
  assert.deepEqual(costsOf(broken, "loss", "evaluations", [0.5, 0.01]), [40, null]);
  assert.equal(timeToTarget([broken], "loss", "evaluations", 0.01).times[0].spent, 60);
  assert.equal(timeToTarget([broken], "loss", "evaluations", 0.5).ert, 40);
  const late = run([0.1, 0.1], { evaluations: [null, 20] });
  assert.deepEqual(costsOf(late, "loss", "evaluations", [0.5]), [20]);
  const [blank, fine] = [run([null, null]), run([1, 0.5])];
  assert.deepEqual(measured([blank, fine], "loss", "evaluations"), [fine]);
  assert.deepEqual(measured([fine], "test_loss", "evaluations"), []);
  assert.deepEqual(measured([fine], "loss", "flops"), []);
  assert.equal(scaleOf([blank], "loss", "evaluations"), null);
  assert.equal(usualTarget([blank], "loss", "evaluations"), null);
});

test("what is equal in float32 is equal, and nothing else", () => {
  assert.ok(reaches(0.949999988079071, 0.95, "accuracy"));
  assert.ok(!reaches(0.9499, 0.95, "accuracy"));
  assert.ok(reaches(Math.fround(0.1), 0.1, "loss"), "0.10000000149 is 0.1");
  assert.ok(!reaches(0.1001, 0.1, "loss"));
  assert.ok(!reaches(1e-48, 1e-50, "loss"), "both are 0 in float32");
  assert.ok(reaches(0, 0, "loss"));
});

test("targets run from the worst first value to the best of any run, log-spaced for losses", () => {
  const runs = [run([1, 0.1]), run([100, 1000, 0.01])];
  const scale = scaleOf(runs, "loss", "evaluations");
  assert.deepEqual([scale.worst, scale.best, scale.kind], [100, 0.01, "log"]);
  const five = targetsOf(scale, 5);
  [100, 10, 1, 0.1, 0.01].forEach((wanted, i) => close(five[i], wanted));
  assert.deepEqual([five[0], five[4]], [100, 0.01], "the ends to the last bit");
  assert.equal(targetsOf(scale).length, 31);
  const accuracy = scaleOf([run([0.5, 0.1]), run([0.4, 0.3])], "accuracy", "evaluations");
  targetsOf(accuracy, 5).forEach((value, i) => close(value, 0.5 + 0.1 * i));
  const zero = scaleOf([run([10, 1, 0]), run([10, 0.1])], "loss", "evaluations");
  assert.equal(zero.kind, "log-zero");
  const down = targetsOf(zero, 4);
  [10, 1, 0.1].forEach((wanted, i) => close(down[i], wanted));
  assert.equal(down[3], 0);
  const negative = scaleOf([run([1, -3])], "loss", "evaluations");
  assert.deepEqual(targetsOf(negative, 5), [1, 0, -1, -2, -3]);
  assert.deepEqual(targetsOf(scaleOf([run([2, 3])], "loss", "evaluations")), [2]);
  assert.deepEqual(targetsOf(scaleOf([run([1, 0])], "loss", "evaluations"), 3), [1, 0.5, 0]);
});

test("the share of targets rises at what each pair of run and target cost, equal costs at once", () => {
  // Targets 1, 0.1, 0.01. First run: at 10, 20, 20. Second: at 10, 40, never, and it spent 50.
  const runs = [run([1, 0.01, 0.01]), run([1, 1, 0.5, 0.1, 0.1])];
  const found = shareReached(runs, "loss", "evaluations", [1, 0.1, 0.01]);
  assert.deepEqual(found, {
    steps: [
      { cost: 10, share: 2 / 6 },
      { cost: 20, share: 4 / 6 },
      { cost: 40, share: 5 / 6 },
    ],
    end: 50,
    share: 5 / 6,
  });
  // The last frame of a run counts like any other.
  assert.deepEqual(shareReached([run([1, 1, 0.1])], "loss", "seconds", [0.1]).steps, [
    { cost: 3, share: 1 },
  ]);
});

test("the usual target is one that about half of the runs reach, in few digits", () => {
  const runs = [0.0123, 0.3456, 0.9, 0.00071].map((best) => run([1, best]));
  assert.equal(usualTarget(runs, "loss", "evaluations"), 0.013);
  assert.equal(usualTarget(runs.slice(0, 3), "loss", "evaluations"), 0.35);
  assert.equal(usualTarget([run([1, 0.2])], "loss", "evaluations"), 0.2);
  assert.equal(usualTarget([run([1, 0])], "loss", "evaluations"), 0);
  assert.equal(usualTarget([run([1, -10.15])], "loss", "evaluations"), -10);
  for (const best of [0.0999999, 9.99e-9, 1e-12, 2.345e7, -0.00777]) {
    const target = usualTarget([run([1e9, best])], "loss", "evaluations");
    assert.ok(reaches(best, target, "loss") && Math.abs(target - best) <= 0.11 * Math.abs(best));
  }
  const scored = [0.949999988079071, 0.9996].map((best) =>
    run([0.5, 0.5], { accuracy: [0.5, best] }),
  );
  assert.equal(usualTarget(scored, "accuracy", "evaluations"), 0.999);
  assert.equal(usualTarget(scored.slice(0, 1), "accuracy", "evaluations"), 0.95);
});

test("lanes of one method with equal settings are one group; others have names that differ", async () => {
  const quenched = await shipped("quenched");
  const dimples = await shipped("many-dimples");
  const runs = runsOf([quenched, { ...quenched, name: "again" }, dimples]);
  assert.equal(runs.length, 6);
  const problems = problemsOf(runs);
  assert.equal(problems.length, 1);
  assert.equal(problems[0].about.label, "Rastrigin");
  const methods = methodsOf(runs);
  assert.deepEqual(
    methods.map((one) => one.runs.map(({ recording }) => recording)),
    [["quenched", "again"], ["quenched", "again"], ["many-dimples"], ["many-dimples"]],
  );
  assert.equal(new Set(methods.map(({ label }) => label)).size, 4);
  assert.ok(methods.slice(0, 3).every(({ label }) => label.startsWith("Simulated annealing, ")));
  assert.equal(methods[3].label, "Adam");
  assert.equal(repeats(runs), 2, "the same race twice");
  // The order of fields in a file is of no account.
  const other = structuredClone(quenched);
  const values = other.series.settings[0].values;
  other.series.settings[0].values = Object.fromEntries(Object.entries(values).reverse());
  assert.equal(methodsOf(runsOf([quenched, other])).length, 2);
  // What was changed during a race makes it another method's run.
  other.series.settings[0].byHand = [{ kind: "reheat", lane: 0, step: 4, value: 10 }];
  const three = methodsOf(runsOf([quenched, other]));
  assert.deepEqual(
    three.map(({ changed }) => changed),
    [false, false, true],
  );
  assert.equal(three[2].label, three[0].label);
  assert.deepEqual(runsOf([{ name: "not read yet", series: null }]), []);
});

test("problems are not mixed, the most frequent is first, and what differs has a name", async () => {
  const all = await Promise.all(
    ["few-weights", "quenched", "many-dimples", "many-weights", "errors-counted"].map(shipped),
  );
  const problems = problemsOf(runsOf(all));
  assert.deepEqual(
    problems.map(({ about, recordings }) => [about.label, recordings]),
    [
      ["Rastrigin", 2],
      ["Moons", 1],
      ["Moons", 1],
      ["Moons", 1],
    ],
  );
  const about = (name) => all.find((one) => one.name === name).series.about;
  assert.deepEqual(differences([about("few-weights"), about("many-weights")]), [
    { part: "network", fields: ["hidden"] },
  ]);
  assert.deepEqual(
    differences([about("many-weights"), about("errors-counted")]).map(({ part }) => part),
    ["network", "loss"],
  );
  assert.deepEqual(differences([about("quenched"), about("few-weights")]), [
    { part: "dataset", fields: [] },
    { part: "network", fields: [] },
    { part: "loss", fields: [] },
  ]);
  assert.deepEqual(differences([about("quenched"), about("many-dimples")]), []);
  const moved = { ...about("quenched"), moved: [{ kind: "points", value: "x" }] };
  assert.deepEqual(differences([about("quenched"), moved]), [{ part: "moved", fields: [] }]);
});

test("races on other samples, or from another start, are other problems", async () => {
  const { stage, metrics } = await readRecording(
    new Uint8Array(readFileSync(new URL("assets/recordings/quenched.kelvin", ROOT))).buffer,
  );
  const other = (/** @type {object} */ more) => {
    const history = structuredClone({ stage, metrics });
    Object.assign(history.stage.experiment, more);
    return { name: JSON.stringify(more), series: seriesOf(history) };
  };
  const noisy = other({ training: { label_noise: 0.3 } });
  const runs = runsOf([other({}), noisy, other({ start: { law: "zeros" } })]);
  assert.equal(problemsOf(runs).length, 3);
  assert.deepEqual(differences([other({}), noisy].map(({ series }) => series.about)), [
    { part: "training", fields: ["label_noise"] },
  ]);
});

test("a method planned over its budget is another one with another budget", async () => {
  const { stage, metrics } = await readRecording(
    new Uint8Array(readFileSync(new URL("assets/recordings/many-dimples.kelvin", ROOT))).buffer,
  );
  const longer = structuredClone({ stage, metrics });
  longer.stage.experiment.budget.amount *= 100;
  const methods = methodsOf(
    runsOf([
      { name: "short", series: seriesOf({ stage, metrics }) },
      { name: "long", series: seriesOf(longer) },
    ]),
  );
  const [annealing, adam] = ["annealing", "adam"].map((name) =>
    methods.filter(({ runs }) => runs[0].settings.values.name === name),
  );
  assert.deepEqual(
    [annealing, adam].map((all) => all.map(({ runs }) => runs.length)),
    [[1, 1], [2]],
  );
  assert.notEqual(annealing[0].label, annealing[1].label);
});

test("a recording of an earlier version, that tells less, is one run a lane all the same", async () => {
  const file = readFileSync(new URL("assets/recordings/quenched.kelvin", ROOT));
  const { stage, metrics } = await readRecording(new Uint8Array(file).buffer);
  const bare = structuredClone({ stage, metrics });
  delete bare.stage.network;
  delete bare.stage.experiment.network;
  delete bare.stage.experiment.loss;
  delete bare.stage.experiment.seed;
  for (const lane of bare.stage.lanes) delete lane.knobs;
  for (const one of bare.metrics) delete one.events;
  const runs = runsOf([{ name: "old", series: seriesOf(bare) }]);
  assert.deepEqual(
    runs.map(({ seed, about }) => [seed, about.network, about.loss, about.networkLabel]),
    [
      [0, null, null, ""],
      [0, null, null, ""],
    ],
  );
  assert.equal(methodsOf(runs).length, 2);
});

test("a shipped recording, read against its own frames", async () => {
  const dimples = await shipped("many-dimples");
  const [annealing, adam] = runsOf([dimples]);
  const { evaluations, loss } = annealing.numbers;
  const at = loss.findIndex((value) => value <= 1);
  assert.ok(at > 0);
  const found = timeToTarget([annealing], "loss", "evaluations", 1);
  assert.deepEqual([found.reached, found.ert], [1, evaluations[at]]);
  assert.deepEqual(timeToTarget([adam], "loss", "evaluations", 1).times[0].spent, 3000);
});

test("many runs of many frames are read", () => {
  const long = run(Array.from({ length: 10_000 }, (_, i) => 1 / (i + 1)));
  const runs = Array.from({ length: 32 }, () => long);
  assert.deepEqual(scaleOf(runs, "loss", "evaluations"), {
    worst: 1,
    best: 1e-4,
    lowest: 1e-4,
    kind: "log",
  });
  assert.equal(shareReached(runs, "loss", "evaluations", [1, 0.01]).end, 100_000);
  assert.equal(usualTarget(runs, "loss", "evaluations"), 1e-4);
});

test("labels lie near their lines and not over each other", () => {
  const four = [0.9, 0.5, 0.9, 0].map((at) => ({ at, size: 0.1 }));
  const places = spread(four, 0, 1);
  [0.9, 0.5, 0.8, 0.05].forEach((wanted, i) => close(places[i], wanted));
  const crowded = spread(
    Array.from({ length: 10 }, () => ({ at: 1, size: 0.1 })),
    0,
    1,
  );
  crowded.forEach((place, i) => close(place, 0.95 - 0.1 * i));
  spread(
    Array.from({ length: 10 }, () => ({ at: 0, size: 0.1 })),
    0,
    1,
  ).forEach((place, i) => assert.ok(Math.abs(place - (0.95 - 0.1 * i)) < 1e-9));
});

test("a name that is too long keeps what tells it from others", () => {
  const [name, method] = [
    "Simulated annealing, chains 16, start temperature 0.002",
    "Simulated annealing",
  ];
  assert.deepEqual(fitted("Adam", "Adam", 100, 3), ["Adam"]);
  assert.deepEqual(fitted(name, method, 1000, 1), [name]);
  assert.deepEqual(fitted(name, method, 180, 3), [method, "chains 16", "start temperature 0.002"]);
  const [one, two, three] = fitted(name, method, 90, 3);
  assert.match(one, /^Simul.*…$/);
  assert.equal(two, "chains 16");
  assert.match(three, /^star.*…0\.002$/);
  assert.equal(fitted(name, method, 300, 2).length, 2);
  const [line] = fitted(name, method, 300, 1);
  assert.match(line, /^Sim.*0\.002$/);
});
