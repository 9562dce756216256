/** What is shown of a race of several seeds. */

import "./texts.js";
import assert from "node:assert/strict";
import { test } from "node:test";

import { evenPlaces, outline, seedCurves } from "../../../app/live/frontend/charts/bands.js";
import { frameViewAt } from "../../../app/live/frontend/data/frame_view.js";
import { History } from "../../../app/live/frontend/data/history.js";
import {
  metricsOfSeed,
  quantile,
  statisticsOf,
  toldUpTo,
  wins,
} from "../../../app/live/frontend/data/seeds.js";
import { sparklineOf, summaryOf } from "../../../app/live/frontend/data/summary.js";
import { metricsCsv } from "../../../app/live/frontend/export/csv.js";
import { pythonCode } from "../../../app/live/frontend/export/python.js";
import { weightsAt, weightsFile } from "../../../app/live/frontend/export/safetensors.js";
import { runsOf, timeToTarget } from "../../../app/live/frontend/gallery/fixed_target.js";
import { seriesOf } from "../../../app/live/frontend/gallery/series.js";

const FIELDS = [
  ...["step", "evaluations", "flops", "seconds", "progress", "loss", "accuracy"],
  ...["test_loss", "test_accuracy", "temperature", "acceptance", "state"],
];

/** A block of seeds × lanes rows. */
function block(rows, followed = 0, more = {}) {
  const data = rows.flatMap((lanes) =>
    lanes.flatMap((row) => FIELDS.map((name) => row[name] ?? Number.NaN)),
  );
  return {
    followed,
    fields: FIELDS,
    values: { data: new Float32Array(data), shape: [rows.length, rows[0].length, FIELDS.length] },
    troubles: rows[0].map(() => null),
    ...more,
  };
}

function row(loss, more = {}) {
  return {
    ...{ step: 1, evaluations: 10, flops: 20, seconds: 1, progress: 0.5, loss, accuracy: 0.5 },
    ...{ test_loss: 2, test_accuracy: 0.75, temperature: null, acceptance: null, state: 0 },
    ...more,
  };
}

function metrics(k, losses, followed = 0, more = {}) {
  const rows = losses.map((lanes) => lanes.map((loss) => row(loss, { evaluations: 10 * (k + 1) })));
  return {
    ...{ type: "metrics", k, clock: k, events: [] },
    lanes: rows[followed].map((one) => ({ ...one, finished: false, trouble: null, extra: {} })),
    seeds: block(rows, followed, more),
  };
}

function stage(seeds = 3) {
  return {
    type: "stage",
    experiment: { dataset: { name: "moons" }, loss: "cross-entropy", seed: 5, seeds },
    budget: { currency: "evaluations", amount: 100 },
    network: "MLP",
    dimension: 2,
    data: { name: "moons", label: "Moons", kind: "points", classes: ["A", "B"] },
    lanes: [
      { optimizer: "annealing", label: "Simulated annealing", plan: [1, 0.5] },
      { optimizer: "adam", label: "Adam", plan: null },
    ],
  };
}

function history(...more) {
  const made = new History();
  made.add(stage(), new Uint8Array());
  for (const message of more) made.add(message, new Uint8Array([1]));
  return made;
}

const CHOSEN = { currency: "evaluations", measure: "loss", run: 1 };

/** Quantiles as a table has them: NumPy, numpy.quantile(values, share). */
test("quantiles are interpolated as NumPy does", () => {
  assert.equal(quantile([3, 1, 2], 0.5), 2);
  assert.equal(quantile([4, 1, 3, 2], 0.5), 2.5);
  assert.equal(quantile([4, 1, 3, 2], 0.25), 1.75);
  assert.equal(quantile([4, 1, 3, 2], 0.75), 3.25);
  assert.equal(quantile([7], 0.25), 7);
  assert.equal(quantile([], 0.5), null);
});

test("a value that is missing is the worst", () => {
  assert.equal(quantile([1, null, 2], 0.5), 2);
  assert.equal(quantile([1, Number.NaN, 2], 1), null);
  assert.equal(quantile([0.5, null, 0.9], 0.5, -Infinity), 0.5);
  assert.equal(quantile([1, 2, null, null], 0.5), null);
});

test("a lane wins a seed with the lowest loss, ties count for none", () => {
  const won = wins([
    [1, 2],
    [3, 2],
    [2, 2],
    [null, 5],
    [null, null],
  ]);
  assert.deepEqual(won, [1, 2]);
  assert.deepEqual(wins([[1], [2]]), [0]);
  for (let round = 0; round < 50; round++) {
    const losses = Array.from({ length: 8 }, () =>
      Array.from({ length: 3 }, () => Math.floor(4 * Math.random())),
    );
    const expected = [0, 1, 2].map(
      (lane) => losses.filter((one) => one.every((x, i) => i === lane || x > one[lane])).length,
    );
    assert.deepEqual(wins(losses), expected);
  }
});

test("statistics stand where a row has its numbers", () => {
  const told = statisticsOf(
    metrics(0, [
      [1, 4],
      [2, 1],
      [8, 3],
    ]),
  );
  const [first, second] = told.lanes;
  assert.equal(first.loss, 2);
  assert.deepEqual(first.band.loss, { median: 2, quartiles: [1.5, 5], range: [1, 8] });
  assert.deepEqual([first.wins, second.wins], [1, 2]);
  assert.equal(first.temperature, null);
  assert.equal(first.evaluations, 10);
  assert.equal(first.finished, false);
});

test("metrics without a block have the statistics before them", () => {
  const bare = { ...metrics(1, [[5, 5]]), seeds: { followed: 0 } };
  const told = toldUpTo([bare, metrics(2, [[1, 2]]), bare]);
  assert.equal(told[0], null);
  assert.equal(told[2], told[1]);
  assert.equal(statisticsOf({ lanes: [] }), null);
});

test("a seed that failed is counted", () => {
  const rows = [
    [row(1, { state: 3 }), row(2)],
    [row(4), row(2, { state: 2 })],
  ];
  const told = statisticsOf({ seeds: block(rows, 0, { troubles: ["Seed 5: it broke", null] }) });
  assert.deepEqual([told.lanes[0].failed, told.lanes[1].stopped], [1, 1]);
  assert.equal(told.lanes[0].trouble, "Seed 5: it broke");
});

test("a band goes along its lower edge and back along the upper one", () => {
  const same = (value) => value;
  const found = outline(
    [0, 1, 2],
    [
      [1, 2],
      [1, 3],
      [2, null],
    ],
    same,
    99,
  );
  assert.deepEqual(found.x, [0, 1, 2, 2, 1, 0, null]);
  assert.deepEqual(found.y, [1, 1, 2, 99, 3, 2, null]);
  const gap = outline(
    [0, 1, 2, 3, 4],
    [
      [1, 2],
      [1, 2],
      [null, null],
      [3, 4],
      [3, 4],
    ],
    same,
    99,
  );
  assert.deepEqual(gap.x, [0, 1, 1, 0, null, 3, 4, 4, 3, null]);
});

test("places are even, with the ends", () => {
  assert.deepEqual(evenPlaces(3, 10), [0, 1, 2]);
  const some = evenPlaces(1000, 11);
  assert.ok(some.length <= 12);
  assert.deepEqual([some[0], some.at(-1)], [0, 999]);
  const later = new Set(evenPlaces(1023, 11));
  assert.ok(some.slice(0, -1).every((place) => later.has(place)));
  assert.deepEqual(evenPlaces(0, 10), []);
});

test("curves are medians over what every seed has spent", () => {
  const told = [
    metrics(0, [
      [4, 1],
      [2, 1],
    ]),
    metrics(1, [
      [3, 1],
      [1, 1],
    ]),
  ];
  const bare = { ...told[1], seeds: { followed: 0 } };
  const curve = seedCurves(toldUpTo([...told, bare]), 0, "evaluations", "loss", 100);
  assert.deepEqual(curve.x, [10, 20]);
  assert.deepEqual(curve.median, [3, 2]);
  assert.deepEqual(curve.range, [
    [2, 4],
    [1, 3],
  ]);
});

test("panels show the seed that was followed, from its first moment on", () => {
  const seed = {
    type: "seed",
    k: 1,
    seed: 2,
    data: { ...stage().data, label: "B" },
    plans: [[3], null],
  };
  const picture = (k, of) => ({ type: "picture", k, seed: of, lanes: [] });
  const made = history(
    metrics(0, [
      [1, 2],
      [3, 4],
      [5, 6],
    ]),
    picture(0, 0),
    seed,
    metrics(
      1,
      [
        [1, 2],
        [3, 4],
        [7, 8],
      ],
      2,
    ),
  );
  const before = frameViewAt(made, 0, CHOSEN);
  assert.equal(before.seeds.place, 0);
  assert.equal(before.stage.data.label, "Moons");
  assert.equal(before.picture.seed, 0);
  const now = frameViewAt(made, 1, CHOSEN);
  assert.equal(now.seeds.place, 2);
  assert.equal(now.stage.data.label, "B");
  assert.deepEqual(now.stage.lanes[0].plan, [3]);
  assert.equal(now.picture, null); // that of another seed
  assert.deepEqual(
    now.metrics.map((one) => one.lanes[0].loss),
    [5, 7],
  );
  assert.equal(now.metrics[0].lanes[0].finished, false);
  assert.equal(now.stage, frameViewAt(made, 1, CHOSEN).stage);
});

test("at the end any seed is shown as it ended", () => {
  const last = (of) => ({
    type: "seed",
    k: 0,
    seed: of,
    data: stage().data,
    plans: [null, null],
    last: {
      lanes: [row(of), row(of)],
      picture: {
        seed: of,
        lanes: [0, 1].map(() => ({ weights: { data: new Float32Array([of, 1]) } })),
      },
      detail: null,
      weights: null,
    },
  });
  const made = history(
    metrics(0, [
      [0, 1],
      [1, 4],
      [2, 6],
    ]),
    last(0),
    last(1),
  );
  assert.equal(made.hasAllSeeds, false);
  made.add(last(2), new Uint8Array());
  assert.equal(made.hasAllSeeds, true);
  made.shown = 2;
  const shown = frameViewAt(made, 0, CHOSEN);
  assert.deepEqual([shown.seeds.place, shown.picture.seed, shown.metric.lanes[0].loss], [2, 2, 2]);
  const weights = weightsAt(made, 0);
  assert.deepEqual([weights.seed, weights.lanes[0][0]], [2, 2]);
  const text = new TextDecoder().decode(weightsFile(made, weights));
  assert.match(text, /\\"seed\\":7/);
  assert.doesNotMatch(text, /seeds/);
});

test("what is done by hand is told once", () => {
  const events = [0, 1, 2].map((of) => ({ kind: "reheat", lane: 0, step: 1, value: 2, seed: of }));
  const made = history({
    ...metrics(0, [
      [1, 2],
      [3, 4],
      [5, 6],
    ]),
    events,
  });
  assert.equal(made.events.length, 3);
  assert.deepEqual(
    frameViewAt(made, 0, CHOSEN).events.map((event) => event.seed),
    [0],
  );
});

test("a table has all seeds", () => {
  const made = history(
    metrics(0, [
      [1, 2],
      [3, 4],
      [5, 6],
    ]),
    {
      ...metrics(1, [
        [9, 9],
        [0, 0],
        [0, 0],
      ]),
      seeds: { followed: 0 },
    },
  );
  const lines = metricsCsv(made).trimEnd().split("\r\n");
  const fields = (line) => line.match(/"[^"]*"|[^,]+|(?<=,)(?=,|$)/g);
  const head = fields(lines[0]);
  assert.deepEqual(head.slice(0, 2), ["seed", "frame"]);
  const column = (name) => lines.slice(1).map((line) => Number(fields(line)[head.indexOf(name)]));
  assert.deepEqual(column("seed"), [5, 5, 6, 6, 7, 7, 5, 5]);
  assert.deepEqual(column("loss"), [1, 2, 3, 4, 5, 6, 9, 9]);
});

test("the gallery has medians and says of how many", () => {
  const made = history(
    metrics(0, [
      [1, 2],
      [3, 4],
      [5, 9],
    ]),
  );
  const told = summaryOf(made);
  assert.equal(told.seeds, 3);
  assert.deepEqual(
    told.results.map((one) => one.loss),
    [3, 4],
  );
  assert.deepEqual(sparklineOf(made), [[3], [4]]);
  assert.deepEqual(seriesOf(made).lanes[1].loss, [4]);
});

test("every seed is a run of its own where costs of targets are compared", () => {
  const made = history(
    metrics(0, [
      [4, 4],
      [4, 4],
    ]),
    metrics(1, [
      [1, 4],
      [3, 4],
    ]),
  );
  const runs = runsOf([{ name: "two", series: seriesOf(made) }]);
  assert.deepEqual(
    // a stage of three seeds, of which the third tells nothing
    runs.slice(0, 4).map(({ seed, numbers }) => [seed, numbers.loss]),
    [
      [5, [4, 1]],
      [5, [4, 4]],
      [6, [4, 3]],
      [6, [4, 4]],
    ],
  );
  const annealing = runs.slice(0, 4).filter((_, i) => i % 2 === 0);
  const found = timeToTarget(annealing, "loss", "evaluations", 2);
  assert.deepEqual([found.reached, found.ert], [1, 40], "one of two, the other spent all it had");
});

test("of every seed the reason is told why it failed or was stopped", () => {
  const made = history(
    metrics(
      0,
      [
        [1, 2],
        [3, 4],
      ],
      0,
      {
        troubles: ["Seed 5: the loss is NaN", null],
        reasons: [
          [0, 0, "the loss is NaN"],
          [1, 1, "no progress for 1,000 evaluations"],
        ],
      },
    ),
  );
  const { values } = made.metrics[0].seeds;
  const state = made.metrics[0].seeds.fields.indexOf("state");
  const width = made.metrics[0].seeds.fields.length;
  values.data[(1 * 2 + 1) * width + state] = 2; // stopped
  values.data[(1 * 2 + 0) * width + state] = 3; // failed, and nobody says why
  const [{ lanes }] = metricsOfSeed(made.metrics, 1);
  assert.equal(lanes[1].stopped, "no progress for 1,000 evaluations");
  assert.equal(lanes[0].stopped, null);
});

test("Python lines run all seeds", () => {
  const made = history(
    metrics(0, [
      [1, 2],
      [3, 4],
      [5, 9],
    ]),
  );
  made.messages = () => [PACKED];
  const code = pythonCode(made, "race.py");
  assert.match(code, /from engine import Experiment, SeedRaces/);
  assert.match(code, /seeds 5 to 7/);
  assert.match(code, /race = SeedRaces\(experiment, pictures=False\)/);
});

/** {"type": "stage", "experiment": {"seed": 5, "seeds": 3, "budget": {"currency": "evaluations"}}} */
const PACKED = Uint8Array.from([
  ...[0x82, ...text("type"), ...text("stage"), ...text("experiment")],
  ...[0x83, ...text("seed"), 5, ...text("seeds"), 3, ...text("budget")],
  ...[0x81, ...text("currency"), ...text("evaluations")],
]);

/** @param {string} value */
function text(value) {
  return [0xa0 + value.length, ...new TextEncoder().encode(value)];
}

test("metrics of a seed keep their number", () => {
  const told = [
    metrics(0, [
      [1, 2],
      [3, 4],
    ]),
    {
      ...metrics(1, [
        [1, 2],
        [3, 4],
      ]),
      seeds: { followed: 0 },
    },
  ];
  const own = metricsOfSeed(told, 1);
  assert.equal(own.length, 2);
  assert.equal(own[1].lanes, own[0].lanes); // not told: as it was
  assert.equal(own[0].lanes[1].loss, 4);
});
