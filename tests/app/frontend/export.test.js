import "./texts.js";
import assert from "node:assert/strict";
import { test } from "node:test";

import { metricsCsv } from "../../../app/live/frontend/export/csv.js";
import {
  budgetOf,
  escaped,
  fileName,
  titleOf,
  experimentAndEvents,
} from "../../../app/live/frontend/export/files.js";
import { exportItems } from "../../../app/live/frontend/export/items.js";
import { literal, pythonCode } from "../../../app/live/frontend/export/python.js";
import { base64, fill } from "../../../app/live/frontend/export/replay.js";
import {
  weightsAt,
  weightsFile,
  writeSafetensors,
} from "../../../app/live/frontend/export/safetensors.js";
import { SvgSheet } from "../../../app/live/frontend/export/svg_sheet.js";
import { decode } from "../../../app/live/frontend/data/messages.js";
import { History } from "../../../app/live/frontend/data/history.js";
import { RaceSession } from "../../../app/live/frontend/data/race_session.js";
import { tokenOf } from "../../../app/live/frontend/data/socket.js";

/** A minimal MessagePack writer. */
function pack(value) {
  const size = (n) => [n >> 8, n & 255];
  if (value === null || value === undefined) return [0xc0];
  if (typeof value === "boolean") return [value ? 0xc3 : 0xc2];
  if (typeof value === "number") {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value);
    return Number.isInteger(value) && value >= 0 && value < 128
      ? [value]
      : [0xcb, ...new Uint8Array(view.buffer)];
  }
  if (typeof value === "string") {
    const bytes = new TextEncoder().encode(value);
    return [0xda, ...size(bytes.length), ...bytes];
  }
  if (value instanceof Uint8Array) return [0xc5, ...size(value.length), ...value];
  if (value instanceof Float32Array)
    return pack({ d: "f4", s: [value.length], b: new Uint8Array(value.buffer) });
  if (Array.isArray(value)) return [0xdc, ...size(value.length), ...value.flatMap(pack)];
  const entries = Object.entries(value);
  return [
    0xde,
    ...size(entries.length),
    ...entries.flatMap(([key, entry]) => [...pack(key), ...pack(entry)]),
  ];
}

const LAYERS = [
  { name: "0.weight", start: 0, stop: 4, shape: [2, 2] },
  { name: "0.bias", start: 4, stop: 6, shape: [2] },
];
const EXPERIMENT = {
  dataset: { name: "moons", noise: 0.1 },
  lanes: [
    { name: "annealing", end: null, adapt: true },
    { name: "adam", rate: 0.01 },
  ],
  budget: { currency: "evaluations", amount: 2e6 },
  seed: 7,
};

function stage(labels = ["Simulated annealing", "Adam"]) {
  const lanes = EXPERIMENT.lanes.map(({ name }, index) => ({
    index,
    optimizer: name,
    label: labels[index],
  }));
  return {
    type: "stage",
    experiment: EXPERIMENT,
    network: "Perceptron (MLP)",
    dimension: 6,
    layers: LAYERS,
    budget: EXPERIMENT.budget,
    lanes,
    data: { name: "moons", label: "Two moons", kind: "points", classes: ["A", "B"] },
  };
}

function metrics(k, extra = {}, events = []) {
  const row = {
    step: 10 * k,
    evaluations: 100 * k,
    flops: 1e12 * k,
    seconds: k / 3,
    progress: k / 10,
    loss: 0.5,
    accuracy: null,
    finished: false,
    trouble: null,
    extra: {},
    vectors: {},
  };
  return { type: "metrics", k, clock: k, lanes: [{ ...row, ...extra }, row], events };
}

/** A history of messages, by way of their bytes. */
function historyOf(...messages) {
  const history = new History();
  for (const message of messages) {
    const bytes = new Uint8Array(pack(message));
    history.add(decode(bytes), bytes);
  }
  return history;
}

/** RFC 4180, read back. */
function parse(text) {
  assert.ok(text.endsWith("\r\n"));
  const rows = [[]];
  for (const [, quoted, plain, end] of text.matchAll(
    /(?:"((?:[^"]|"")*)"|([^,"\r\n]*))(,|\r\n)/g,
  )) {
    rows[rows.length - 1].push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === "\r\n") rows.push([]);
  }
  assert.deepEqual(rows.pop(), []);
  return rows;
}

test("files are named after what was raced", () => {
  assert.equal(fileName(stage(), ".csv"), "kelvin-moons-annealing-vs-adam.csv");
  assert.equal(
    fileName({ ...stage(), data: { name: '../Ünsinn "x"' }, lanes: [{ optimizer: "a/b" }] }, ".py"),
    "kelvin-nsinn-x-a-b.py",
  );
  assert.equal(titleOf(stage()), "Two moons: Simulated annealing vs Adam");
  assert.equal(
    titleOf({ ...stage(), data: { label: "Landscape", landscape: { label: "Rastrigin" } } }),
    "Rastrigin: Simulated annealing vs Adam",
  );
  assert.equal(budgetOf(stage()), "2.00\u202fM evaluations");
  assert.equal(budgetOf({ budget: { currency: "seconds", amount: 30 } }), "30\u202fs");
});

test("what was done by hand goes with the experiment as it was begun", () => {
  const turn = { kind: "turn", lane: 1, step: 10, steps: [12, 10], field: "rate", value: 0.1 };
  const history = historyOf(stage(), metrics(0), metrics(1, {}, [turn]));
  history.movePoints("AAAAA");
  assert.deepEqual(experimentAndEvents(history), { experiment: EXPERIMENT, events: [turn] });
  assert.notDeepEqual(history.stage.experiment, EXPERIMENT);
});

test("numbers as CSV: a row for every frame and lane, quoted where needed, no formulas", () => {
  const history = historyOf(
    stage(['A "quoted", long\nlabel', "=SUM(A1)"]),
    metrics(0),
    metrics(1, {
      extra: { spread: 0.25 },
      vectors: { "swap rate": new Float32Array([0.5, 1]) },
      finished: true,
      trouble: "It diverged, sadly.",
      note: "Worse than it began.",
    }),
  );
  const [head, ...rows] = parse(metricsCsv(history));
  assert.equal(rows.length, 4);
  assert.equal(new Set(head).size, head.length);
  for (const row of rows) assert.equal(row.length, head.length);
  const at = (row, name) => rows[row][head.findIndex((one) => one.startsWith(name))];
  assert.equal(at(0, "label"), 'A "quoted", long\nlabel');
  assert.equal(at(1, "label"), "'=SUM(A1)");
  assert.deepEqual(
    [0, 1, 2, 3].map((row) => [at(row, "frame"), at(row, "lane")]),
    [
      ["0", "0"],
      ["0", "1"],
      ["1", "0"],
      ["1", "1"],
    ],
  );
  assert.equal(Number(at(2, "seconds")), 1 / 3);
  assert.deepEqual(
    ["step", "flops", "accuracy", "spread", "swap rate[1]", "finished", "trouble", "note"].map(
      (name) => at(2, name),
    ),
    ["10", "1000000000000", "", "0.25", "1", "1", "It diverged, sadly.", "Worse than it began."],
  );
  assert.deepEqual([at(3, "spread"), at(3, "swap rate[0]"), at(3, "finished")], ["", "", "0"]);
});

test("values as Python writes them", () => {
  assert.equal(
    literal({ a: null, b: [true, false, 1e-8, 1e21], c: 'quote " and \\ and\n' }),
    '{"a": None, "b": [True, False, 1e-8, 1e+21], "c": "quote \\" and \\\\ and\\n"}',
  );
  const long = literal({ list: Array.from({ length: 60 }, (_, i) => i) });
  assert.ok(long.split("\n").length > 60 && long.startsWith('{\n    "list": [\n        0,\n'));
});

test("nothing in a label becomes code", () => {
  const code = pythonCode(
    historyOf(stage(["x\nimport os; os.abort()", "y\u2028z"]), metrics(0)),
    "race.py",
  );
  assert.ok(!/^import os/m.test(code));
  assert.ok(code.split("\n")[0].startsWith("# Two moons: x import os; os.abort() vs y z."));
});

test("safetensors: eight bytes of length, a header that ends at a multiple of eight, little-endian numbers", () => {
  const bytes = writeSafetensors(
    [
      { name: "a", shape: [2], data: new Float32Array([1, -2]) },
      { name: "b", shape: [], data: new Float32Array([0.5]) },
    ],
    { who: "né" },
  );
  const view = new DataView(bytes.buffer);
  const length = Number(view.getBigUint64(0, true));
  assert.equal(length % 8, 0);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  assert.deepEqual(header, {
    __metadata__: { who: "né" },
    a: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
    b: { dtype: "F32", shape: [], data_offsets: [8, 12] },
  });
  assert.deepEqual(
    [0, 4, 8].map((at) => view.getFloat32(8 + length + at, true)),
    [1, -2, 0.5],
  );
  assert.equal(bytes.length, 8 + length + 12);
});

test("weights are those of the moment where pictures carry them, else the newest that were sent", () => {
  const pictured = (k, first) => ({
    type: "picture",
    k,
    lanes: [0, 1].map((lane) => ({ weights: new Float32Array([first, lane, 2, 3, 4, 5]) })),
  });
  const small = historyOf(
    stage(),
    metrics(0),
    pictured(0, 7),
    metrics(1),
    pictured(1, 8),
    metrics(2),
  );
  assert.equal(weightsAt(small, 0).lanes[0][0], 7);
  assert.deepEqual(weightsAt(small, 2).steps, [10, 10], "the steps of the picture's own frame");
  const large = historyOf(stage(), metrics(0), {
    type: "picture",
    k: 0,
    lanes: [{ weights: null }, { weights: null }],
  });
  assert.equal(weightsAt(large, 0), null);
  const sent = historyOf(stage(), metrics(0), {
    type: "weights",
    k: 0,
    steps: [3, 4],
    lanes: [new Float32Array(6).fill(1), new Float32Array(6).fill(2)],
  });
  assert.deepEqual(weightsAt(sent, 0).steps, [3, 4]);
  const file = weightsFile(small, weightsAt(small, 0));
  const header = JSON.parse(
    new TextDecoder().decode(
      file.subarray(8, 8 + Number(new DataView(file.buffer).getBigUint64(0, true))),
    ),
  );
  assert.deepEqual(Object.keys(header), [
    "__metadata__",
    "lane0.layer0.weight",
    "lane0.layer0.bias",
    "lane1.layer0.weight",
    "lane1.layer0.bias",
  ]);
  assert.deepEqual(header["lane1.layer0.weight"].shape, [2, 2]);
});

test("a replay's gaps are filled once, and nothing in them leaves its place", () => {
  const shell =
    "<title>__KELVIN_TITLE__</title><script>__KELVIN_ABOUT__</script><i>__KELVIN_RECORDING__</i>";
  const title = "</script><script>alert(1)</script> $& __KELVIN_RECORDING__";
  const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7) % 256);
  const page = fill(shell, { title, date: "2026-11-24", raced: true, view: {} }, bytes);
  const [, about, recording] = page.match(/<script>(.*)<\/script><i>(.*)<\/i>$/s);
  assert.equal(page.match(/<script>/g).length, 1);
  assert.equal(JSON.parse(about).title, title);
  assert.deepEqual(new Uint8Array(Buffer.from(recording, "base64")), bytes);
  assert.equal(base64(bytes), Buffer.from(bytes).toString("base64"));
  assert.equal(escaped('<a b="c">&\'\u0000'), "&#60;a b=&#34;c&#34;&#62;&#38;&#39;");
});

test("a sheet is SVG whatever is written on it, and waits for its charts", async () => {
  const sheet = new SvgSheet(100.2, 50);
  sheet.text('<b>"Tom" & Ann</b>', 1, 2.0001, {
    fill: "red",
    font: '"A B", serif',
    size: 12,
    end: true,
  });
  sheet.clipped({ x: 0, y: 0, width: 5, height: 5 }, () =>
    sheet.faded(0.5, () => sheet.rect({ x: 1, y: 1, width: -3, height: 2 }, { fill: "blue" })),
  );
  sheet.svg(
    Promise.resolve(
      '<?xml version="1.0"?><svg class="m" width="9" height="9" viewBox="0 0 9 9"><g id="chart"/></svg>',
    ),
    { x: 3, y: 4, width: 9, height: 9 },
  );
  const written = await sheet.written();
  assert.ok(
    written.startsWith('<svg xmlns="http://www.w3.org/2000/svg"') &&
      written.includes('width="101" height="50"'),
  );
  assert.ok(
    written.includes("&#60;b&#62;&#34;Tom&#34; &#38; Ann&#60;/b&#62;") && written.includes('y="2"'),
  );
  assert.ok(
    written.includes(
      '<svg x="3" y="4" width="9" height="9" class="m" viewBox="0 0 9 9"><g id="chart"/></svg>',
    ),
  );
  assert.ok(written.includes('<g opacity="0.5"><rect x="1" y="1" width="0" height="2"'));
  assert.equal(written.match(/<g[ >]/g).length - 1, written.match(/<\/g>/g).length);
});

test("the menu offers what there is: nothing before a race, no weights where none are held, no replay of a replay", () => {
  const view = (history, { offline = false, state = "idle", source = "recording" } = {}) => {
    const session = new RaceSession({ token: tokenOf("network"), offline });
    session.load(history, source);
    session.state = { state };
    return /** @type {any} */ ({ session });
  };
  const enabled = (items) => items.filter((one) => one.enabled).map((one) => one.id);
  assert.deepEqual(enabled(exportItems(view(new History()))), []);
  const plain = historyOf(stage(), metrics(0), { type: "picture", k: 0, lanes: [{}, {}] });
  assert.deepEqual(enabled(exportItems(view(plain))), [
    "python",
    "experiment",
    "csv",
    "pictures",
    "recording",
    "replay",
  ]);
  const running = view(plain, { state: "running", source: "live" });
  assert.ok(enabled(exportItems(running)).includes("weights"));
  assert.ok(!exportItems(view(plain, { offline: true })).some((one) => one.id === "replay"));
});
