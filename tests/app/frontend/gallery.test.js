import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { facets, matches, sorted } from "../../../app/live/frontend/gallery/filter.js";
import { Selection } from "../../../app/live/frontend/gallery/selection.js";
import { line, seriesOf } from "../../../app/live/frontend/gallery/series.js";
import { path, places } from "../../../app/live/frontend/gallery/sparkline.js";
import { SPARK_POINTS, sparklineOf, summaryOf } from "../../../app/live/frontend/data/summary.js";
import { best, COLUMNS, csv, rowsOf } from "../../../app/live/frontend/gallery/table.js";
import { readRecording } from "../../../app/live/frontend/data/recording.js";

const ROOT = new URL("../../../", import.meta.url);
const history = await readRecording(
  new Uint8Array(readFileSync(new URL("assets/recordings/first-screen.kelvin", ROOT))).buffer,
);
const LABELS = { annealing: "Simulated annealing", adam: "Adam", pso: "Particle swarm" };

function item(name, dataset, lanes, accuracies, made = 0) {
  const results = accuracies.map((test_accuracy) => ({
    loss: 0.1,
    accuracy: 1,
    test_loss: test_accuracy === null ? null : 1 - test_accuracy,
    test_accuracy,
    evaluations: 10,
    flops: 20,
    seconds: 1,
  }));
  return {
    key: name,
    id: name,
    own: true,
    kept: true,
    name,
    made,
    size: 1,
    spark: [],
    summary: {
      dataset,
      label: `The ${dataset}`,
      kind: "points",
      network: "Perceptron",
      lanes: lanes.map((optimizer) => ({ optimizer, label: LABELS[optimizer] })),
      budget: { currency: "seconds", amount: 1 },
      seed: 0,
      results,
    },
  };
}
const ITEMS = [
  item("Café 10", "moons", ["annealing", "adam"], [0.9, 0.8], 3),
  item("café 9", "spirals", ["pso", "pso"], [0.95, 0.7], 2),
  item("Zoo", "spirals", ["adam"], [null], 1),
];
const none = { search: "", data: new Set(), methods: new Set(), sort: "newest" };
const found = (choice) =>
  ITEMS.filter((one) => matches(one, { ...none, ...choice })).map(({ name }) => name);

test("only what is there can be filtered by, each method once a recording", () => {
  const { data, methods } = facets(ITEMS);
  assert.deepEqual(data, [
    { value: "The moons", label: "The moons", count: 1 },
    { value: "The spirals", label: "The spirals", count: 2 },
  ]);
  assert.deepEqual(
    methods.map(({ value, count }) => [value, count]),
    [
      ["adam", 2],
      ["pso", 1],
      ["annealing", 1],
    ],
  );
});

test("search finds every word anywhere, accents or none; filters narrow", () => {
  assert.deepEqual(found({}), ["Café 10", "café 9", "Zoo"]);
  assert.deepEqual(found({ search: " cafe  SWARM" }), ["café 9"]);
  assert.deepEqual(found({ search: "cafe zoo" }), []);
  assert.deepEqual(found({ methods: new Set(["adam"]) }), ["Café 10", "Zoo"]);
  assert.deepEqual(found({ methods: new Set(["adam", "pso"]), data: new Set(["The spirals"]) }), [
    "café 9",
    "Zoo",
  ]);
});

test("orders: numbers in names count, what has no number comes last", () => {
  const names = (order) => sorted(ITEMS, order).map(({ name }) => name);
  assert.deepEqual(names("newest"), ["Café 10", "café 9", "Zoo"]);
  assert.deepEqual(names("name"), ["café 9", "Café 10", "Zoo"]);
  assert.deepEqual(names("accuracy"), ["café 9", "Café 10", "Zoo"]);
  assert.deepEqual(names("loss"), ["café 9", "Café 10", "Zoo"]);
});

test("a summary tells what the recording holds, and its spark has both ends", () => {
  const summary = summaryOf(history);
  assert.equal(summary.dataset, "spirals");
  assert.deepEqual(summary.lanes, [
    { optimizer: "annealing", label: "Simulated annealing" },
    { optimizer: "adam", label: "Adam" },
  ]);
  assert.deepEqual(summary.budget, { currency: "seconds", amount: 30 });
  const last = history.metrics.at(-1).lanes[1];
  for (const [name, value] of Object.entries(summary.results[1])) assert.equal(value, last[name]);
  const spark = sparklineOf(history);
  assert.deepEqual(
    spark.map((one) => one.length),
    [SPARK_POINTS, SPARK_POINTS],
  );
  assert.equal(spark[0][0], history.metrics[0].lanes[0].loss);
  assert.equal(spark[1].at(-1), last.loss);
  assert.deepEqual(
    sparklineOf({ stage: history.stage, metrics: history.metrics.slice(0, 1) }).map(
      (one) => one.length,
    ),
    [1, 1],
  );
});

test("numbers that are none become null, and a name that is no text is refused", () => {
  const wrong = {
    stage: structuredClone(history.stage),
    metrics: [structuredClone(history.metrics[0])],
  };
  wrong.metrics[0].lanes[0].loss = Number.NaN;
  wrong.metrics[0].lanes[0].accuracy = "<b>";
  const { results } = summaryOf(wrong);
  assert.equal(results[0].loss, null);
  assert.equal(results[0].accuracy, null);
  wrong.stage.lanes[0].label = { toString: () => "x" };
  assert.throws(() => summaryOf(wrong));
});

test("small pictures: logarithmic where losses allow it, broken where there is no number", () => {
  const [[a, b, c]] = places([[1, 0.1, 0.01]], 112, 112).lines;
  assert.deepEqual(
    [a, b, c],
    [
      [6, 6],
      [56, 56],
      [106, 106],
    ],
  );
  const [[low, middle, high]] = places([[-1, 0, 1]], 112, 112).lines;
  assert.deepEqual([low[1], middle[1], high[1]], [106, 56, 6]);
  assert.equal(path([[1, 2], [3, 4], null, [5, 6], [7, 8]]), "M1 2L3 4M5 6L7 8");
  assert.deepEqual(places([[null, null]]).lines, [[null, null]]);
  assert.ok(
    places([[0, 0, 0]])
      .lines.flat()
      .every((point) => point.every(Number.isFinite)),
  );
  assert.ok(
    places([[2, 0]])
      .lines.flat()
      .every((point) => point.every(Number.isFinite)),
  );
});

test("a loss of zero is told from the lowest loss in a small picture, by a floor that is marked", () => {
  const { lines, floor } = places(
    [
      [1, 0.1, 0.01],
      [1, 0.01, 0],
    ],
    112,
    112,
  );
  assert.equal(floor, 106);
  assert.equal(lines[1][2][1], 106);
  assert.ok(lines[0][2][1] < 100);
  assert.equal(places([[1, 0.1]], 112, 112).floor, null);
  assert.equal(places([[-1, 0, 1]], 112, 112).floor, null);
});

test("lines of a comparison are those of the recording, zero and below among them", () => {
  const { lanes, problem, scored } = seriesOf(history);
  assert.equal(scored, true);
  assert.deepEqual(JSON.parse(problem), [
    history.stage.experiment.dataset,
    "cross-entropy",
    null,
    null,
  ]);
  const drawn = line(lanes[1], "flops", "test_loss");
  assert.equal(drawn.x.at(-1), history.metrics.at(-1).lanes[1].flops);
  assert.equal(drawn.y.at(-1), history.metrics.at(-1).lanes[1].test_loss);
  assert.deepEqual(line({ seconds: [0, 1, 2], loss: [1, 0, -1] }, "seconds", "loss").y, [1, 0, -1]);
});

test("the best of a column is marked as far as it can be read off, ties too, nothing where all are alike", () => {
  const rows = rowsOf([
    { name: "A", colour: "#000", summary: ITEMS[0].summary },
    { name: "B", colour: "#111", summary: ITEMS[1].summary },
  ]);
  const of = (name) => [
    ...best(
      rows,
      COLUMNS.find((column) => column.name === name),
    ),
  ];
  assert.deepEqual(of("test_accuracy"), [2]);
  assert.deepEqual(of("test_loss"), [2]);
  assert.deepEqual(of("evaluations"), []);
  rows[0].result.test_accuracy = 0.95001;
  assert.deepEqual(of("test_accuracy"), [0, 2]);
  for (const row of rows) row.result.test_accuracy = null;
  assert.deepEqual(of("test_accuracy"), []);
});

test("the CSV is RFC 4180 and no name in it is a formula", () => {
  const rows = rowsOf([{ name: '=1+1, "x"', colour: "#000", summary: ITEMS[2].summary }]);
  assert.equal(
    csv(rows),
    'recording,lane,loss,test_loss,test_accuracy,evaluations,flops,seconds\r\n"\'=1+1, ""x""",Adam,0.1,,,10,20,1\r\n',
  );
});

test("eight are compared at most; each keeps its colour; a tab remembers", () => {
  const kept = {};
  const storage = {
    getItem: (key) => kept[key] ?? null,
    setItem: (key, value) => (kept[key] = value),
  };
  const selection = new Selection(storage);
  for (let i = 0; i < 8; i++) assert.equal(selection.add(`r${i}`), true);
  assert.equal(selection.add("ninth"), false);
  assert.equal(selection.add("r3"), true);
  selection.toggle("r2", 1);
  selection.toggle("r4", 0);
  selection.remove("r2");
  assert.equal(selection.add("new"), true);
  assert.equal(selection.places.get("new"), 2);
  assert.equal(selection.places.get("r7"), 7);
  assert.equal(selection.view, "curves");
  selection.set({ currency: "flops", measure: "accuracy", log: false, view: "share" });
  const again = new Selection(storage);
  assert.deepEqual(again.keys, selection.keys);
  assert.deepEqual([...again.hidden], ["r4#0"]);
  assert.deepEqual([again.currency, again.measure, again.log], ["flops", "accuracy", false]);
  assert.equal(again.view, "share");
  for (const nonsense of [
    "{",
    "7",
    '{"places": 3, "measure": "x", "log": "yes", "view": "table"}',
    '{"places": [["a", 9], [1, 2], ["b", 0], ["c", 0]]}',
  ]) {
    kept["kelvin.gallery"] = nonsense;
    const fresh = new Selection(storage);
    assert.equal(fresh.measure, "test_loss");
    assert.equal(fresh.log, true);
    assert.equal(fresh.view, "curves");
    assert.ok(fresh.places.size <= 1);
  }
});

test("every text of the gallery is used, and every one used is there", () => {
  const texts = JSON.parse(readFileSync(new URL("app/text/en/gallery.json", ROOT), "utf8"));
  const folder = new URL("app/live/frontend/gallery/", ROOT);
  const sources = [
    ...readdirSync(folder).map((name) => new URL(name, folder)),
    new URL("../data/recording_store.js", folder),
    new URL("../data/summary.js", folder),
    ...["app/gallery.py", "app/pages/gallery.py", "app/live/shipped.py"].map(
      (name) => new URL(name, ROOT),
    ),
  ]
    .map((url) => readFileSync(url, "utf8"))
    .join("\n");
  const used = [...sources.matchAll(/gallery\.((?:[\w-]+|\$?\{[^}]*\})+)/g)]
    .map(([, key]) => key)
    .filter((key) => !["css", "py", "js"].includes(key));
  // A name that is one placeholder from end to end stands for these.
  const whole = [
    "yours",
    "recent",
    "shipped",
    "rename",
    "export",
    "delete",
    "seconds",
    "evaluations",
    "flops",
  ];
  const patterns = [...used.filter((key) => !/^\$?\{[^}]*\}$/.test(key)), ...whole].map(
    (key) => new RegExp(`^${key.replace(/\$?\{[^}]*\}/g, "[\\w-]+")}$`),
  );
  for (const key of used.filter((key) => !key.includes("{")))
    assert.ok(key in texts, `${key} is not there`);
  for (const key of Object.keys(texts))
    assert.ok(
      patterns.some((pattern) => pattern.test(key)),
      `${key} is used nowhere`,
    );
});
