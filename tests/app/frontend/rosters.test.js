/** Routes, rosters and landings: taken apart, kept in their colours, exported, and on which board. */

import { texts } from "./texts.js";
import assert from "node:assert/strict";
import { test } from "node:test";

import { PanelGrid } from "../../../app/live/frontend/board/panel_grid.js";
import {
  clockTime,
  filled,
  landingsOf,
  loadsOf,
  numbers,
  rosterOf,
  routeColours,
  routesOf,
  stacked,
  ticks,
  whole,
} from "../../../app/live/frontend/data/answers.js";
import { History } from "../../../app/live/frontend/data/history.js";
import { layoutOf, measured, sought } from "../../../app/live/frontend/data/layouts.js";
import { answerFile, answersAt } from "../../../app/live/frontend/export/answers.js";
import { metricsCsv } from "../../../app/live/frontend/export/csv.js";
import { awayFrom } from "../../../app/live/frontend/panels/answers/routes.js";
import { steady } from "../../../app/live/frontend/panels/answers/roster.js";
import { duration } from "../../../app/live/frontend/panels/answers/runway.js";
import { PANELS } from "../../../app/live/frontend/panels/registry.js";

/** @param {number[]} values */
const packed = (values, type = Int32Array) => ({
  data: type.from(values),
  shape: [values.length],
});

const routes = {
  kind: "routes",
  name: "d",
  label: "Deliveries",
  size: 5,
  points: { data: Float32Array.from([0, 0, 1, 0, 2, 0, 0, 1, 0, 2]), shape: [5, 2] },
  demand: packed([0, 3, 4, 5, 6]),
  capacity: 8,
  depot: 0,
  scale: 0.001,
  unit: "km",
};
/** Three legs out and home; a column for each pair, and one for all. */
const roster = {
  kind: "pairing",
  name: "t",
  size: 4,
  rows: 4,
  places: ["Hub", "Al,dan"],
  legs: {
    start: packed([480, 360, 600, 1500]),
    end: packed([540, 420, 660, 1510]),
    from: packed([0, 0, 1, 1]),
    to: packed([1, 1, 0, 0]),
  },
  columns: {
    starts: packed([0, 2, 3, 4]),
    rows: packed([2, 0, 1, 3]),
    costs: packed([90, 60, 30]),
  },
  scale: 1 / 60,
  unit: "h",
};
const landing = {
  kind: "landing",
  name: "l",
  size: 3,
  runways: 2,
  windows: packed([0, 10, 20, 5, 12, 30, 5, 30, 40]),
  penalties: packed([2, 3, 5, 7, 1, 4]),
  separation: packed([99, 8, 8, 3, 99, 3, 3, 3, 99]),
  scale: 0.01,
  time_scale: 0.5,
  time_unit: "s",
};

test("routes are split where a −1 stands, and what visits nobody is none", () => {
  assert.deepEqual(routesOf([-1, 3, 1, -1, -1, 2, -1]), [[3, 1], [2]]);
  assert.deepEqual(routesOf(Int32Array.from([4])), [[4]]);
  assert.deepEqual(routesOf([]), []);
  assert.deepEqual(loadsOf([[3, 1], [2]], routes.demand.data), [8, 4]);
});

test("prices beyond 32 bits come as lists and count as they are", () => {
  const dear = 12345678123456;
  const prices = [
    [dear, 3],
    [5, 7],
    [1, 4],
  ];
  const [one] = landingsOf([6, 15, 45, 0, 0, 1], { ...landing, penalties: prices });
  assert.equal(one.find(({ plane }) => plane === 0)?.cost, 4 * dear);
});

test("a route keeps the colour that most of its customers had", () => {
  const before = new Map();
  const first = [[1, 2, 3], [4, 5], [6]];
  const given = routeColours(first, before, 7);
  assert.equal(new Set(given).size, 3, "colours differ while there are enough");
  first.forEach((route, i) => route.forEach((customer) => before.set(customer, given[i])));
  const after = [
    [6, 7],
    [4, 3, 5],
    [2, 1],
  ];
  assert.deepEqual(routeColours(after, before, 7), [given[2], given[1], given[0]]);
});

test("with more routes than colours each colour is used about as often", () => {
  const many = Array.from({ length: 10 }, (_, i) => [i + 1]);
  const before = new Map(many.map(([customer]) => [customer, 0]));
  const tally = [0, 0, 0];
  for (const colour of routeColours(many, before, 3)) tally[colour]++;
  assert.equal(
    tally.reduce((a, b) => a + b),
    10,
  );
  assert.ok(Math.max(...tally) <= 4, String(tally));
});

test("crews fly their legs in the order of time, and who flies what is left is nobody", () => {
  const { crews, bare } = rosterOf([0, 2], roster);
  assert.deepEqual(
    crews.map(({ column, rows }) => [column, rows]),
    [
      [0, [0, 2]],
      [2, [3]],
    ],
  );
  assert.deepEqual(bare, [1]);
  assert.deepEqual(rosterOf([], roster).bare, [1, 0, 2, 3], "by their starts");
  assert.deepEqual(
    rosterOf([1], { ...roster, legs: null }).bare,
    [0, 2, 3],
    "without times in the order of rows",
  );
});

test("flights that nobody flies stand one under the other where they overlap", () => {
  const starts = [0, 5, 10, 12];
  const ends = [10, 8, 15, 20];
  const rows = stacked(
    [0, 1, 2, 3],
    (i) => starts[i],
    (i) => ends[i],
  );
  assert.deepEqual(rows, [
    [0, 2],
    [1, 3],
  ]);
});

test("landings tell what they cost, what is outside its window, and who is too near to whom", () => {
  const [one, other] = landingsOf([6, 15, 45, 0, 0, 1], landing);
  assert.deepEqual(
    one.map(({ plane, off, cost, late, near }) => [plane, off, cost, late, near]),
    [
      [0, -4, 8, 0, null],
      [1, 3, 21, 0, null],
    ],
  );
  assert.deepEqual(
    other.map(({ plane, off, cost, late }) => [plane, off, cost, late]),
    [[2, 15, 60, 5]],
  );
  const near = landingsOf([6, 13, 30, 0, 0, 0], landing)[0];
  assert.deepEqual(
    near.map((row) => row.near),
    [null, 0, null],
    "8 after plane 1 were asked, 7 are there",
  );
  const together = landingsOf([10, 10, 30, 0, 0, 0], landing)[0];
  assert.equal(together[1].near, 0, "two at one time are too near whoever is first");
  assert.equal(landingsOf([10, 4, 30, 0, 1, 1], landing)[1][0].late, -1, "before its window");
});

test("a pair that are no neighbours is seen as well", () => {
  const far = { ...landing, separation: packed([99, 1, 20, 1, 99, 1, 1, 1, 99]) };
  const found = landingsOf([10, 20, 25, 0, 0, 0], far)[0];
  assert.deepEqual(
    found.map((row) => row.near),
    [null, null, 0],
  );
});

test("numbers come decoded, as a list, or as a list of lists", () => {
  assert.deepEqual([...numbers(packed([1, 2]))], [1, 2]);
  assert.deepEqual(
    numbers([
      [1, 2],
      [3, 4],
    ]),
    [1, 2, 3, 4],
  );
  assert.deepEqual(numbers(null), []);
});

test("times, counts and shares are told as people read them", () => {
  assert.equal(clockTime(485), "08:05");
  assert.equal(clockTime(1500), "25:00");
  assert.equal(duration(3900), "1:05:00");
  assert.equal(duration(-65), "−1:05");
  assert.equal(whole(43), "43");
  assert.equal(filled(0.4), "40\u202f%");
  assert.equal(filled(1.001), "101\u202f%", "too full is never told as full");
  assert.deepEqual(ticks(50, 190, 300, [10, 60, 600], 60), [60, 120, 180]);
  assert.equal(awayFrom([5, 3], [0, 0], [10, 0]), 3);
  assert.equal(awayFrom([13, 4], [0, 0], [10, 0]), 5);
  assert.equal(awayFrom([3, 4], [0, 0], [0, 0]), 5);
});

/** @param {any} data @param {number[] | null} best */
function recorded(data, best) {
  const history = new History();
  const add = (/** @type {any} */ message) => history.add(message, new Uint8Array());
  add({
    type: "stage",
    version: 2,
    experiment: { instance: { name: data.name }, lanes: [{ name: "annealing" }], seed: 0 },
    budget: { currency: "seconds", amount: 1 },
    lanes: [{ index: 0, optimizer: "annealing", label: "Simulated annealing", knobs: [] }],
    data,
  });
  const row = { step: 1, loss: 1234, gap: 0, violation: 0, moves: 3, extra: {}, vectors: {} };
  add({ type: "metrics", k: 0, clock: 0, events: [], reference: null, lanes: [row] });
  history.pictureAt = () => ({
    type: "picture",
    k: 0,
    lanes: [{ best: best && packed(best), current: null }],
  });
  return history;
}

test("routes are exported as CVRPLIB writes them", () => {
  const history = recorded(routes, [3, 1, -1, 2, 4]);
  const [answer] = answersAt(history, 0);
  assert.deepEqual(answerFile(history.stage, answer), {
    text: "Route #1: 3 1\nRoute #2: 2 4\nCost 1234\n",
    suffix: ".sol",
    type: "text/plain",
  });
  assert.deepEqual(answersAt(recorded(routes, null), 0), [], "no answer, no file");
});

test("a roster is exported with every leg of every crew, or its columns", () => {
  const history = recorded(roster, [0, 1, 2]);
  const [answer] = answersAt(history, 0);
  assert.equal(
    answerFile(history.stage, answer).text,
    [
      "crew,leg,from,to,start,end",
      '1,2,Hub,"Al,dan",06:00,07:00',
      '2,1,Hub,"Al,dan",08:00,09:00',
      '2,3,"Al,dan",Hub,10:00,11:00',
      '3,4,"Al,dan",Hub,25:00,25:10',
      "",
    ].join("\n"),
  );
  const bare = { ...roster, legs: null, places: null, scale: 1 };
  assert.equal(
    answerFile({ data: bare }, answer).text,
    "column,cost,rows\n1,90,3 1\n2,60,2\n3,30,4\n",
  );
});

test("landings are exported in their order and in the file's units", () => {
  const history = recorded(landing, [15, 6, 30, 0, 0, 1]);
  const [answer] = answersAt(history, 0);
  assert.equal(
    answerFile(history.stage, answer).text,
    "plane,runway,time,target,cost\n2,1,3,6,0.3\n1,1,7.5,5,0.15\n3,2,15,15,0\n",
  );
});

test("the numbers of a race tell of broken rules, and of prices where there is no length", () => {
  const [head] = metricsCsv(recorded(landing, null)).split("\r\n");
  assert.match(head, /violation/);
  assert.match(head, /price \(of the best answer/);
  assert.doesNotMatch(head, /length|accuracy|city|tour/);
});

test("all four problems stand on one board, each with a panel of its own", () => {
  for (const kind of ["tour", "routes", "pairing", "landing"]) {
    assert.equal(layoutOf(kind), "tour");
    assert.ok(sought(kind));
    assert.ok(texts[`live.panel-map${kind === "tour" ? "" : `-${kind}`}`]);
  }
  assert.ok(!sought("points") && !sought(undefined));
  assert.deepEqual(["tour", "routes", "pairing", "landing"].map(measured), [
    true,
    true,
    false,
    false,
  ]);
  const { make, makes = {} } = PANELS.tour.map;
  const classes = [make, ...Object.values(makes)];
  assert.equal(new Set(classes).size, 4);
  for (const [kind, panel] of Object.entries(makes)) assert.equal(panel.prototype.kind, kind);
  assert.equal(typeof PanelGrid.prototype.offer, "function");
});

test("rows keep their height while crews come and go", () => {
  assert.equal(steady(30, 31), 31);
  assert.equal(steady(30, 27), 30);
  assert.equal(steady(30, 12), 12);
});
