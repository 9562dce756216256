/** Tours: cities changed by hand, ages of edges, gaps, maps, exports. */

import "./texts.js";
import assert from "node:assert/strict";
import { test } from "node:test";

import { arrangementOf, heroOf } from "../../../app/live/frontend/board/layout.js";
import {
  citiesAfter,
  citiesOf,
  duplicates,
  editCities,
  ownInstance,
} from "../../../app/live/frontend/data/cities.js";
import { linesOf } from "../../../app/live/frontend/data/coastline.js";
import { gapsOf } from "../../../app/live/frontend/data/gaps.js";
import { History } from "../../../app/live/frontend/data/history.js";
import { interventionText } from "../../../app/live/frontend/data/interventions.js";
import { layoutOf } from "../../../app/live/frontend/data/layouts.js";
import { metricsCsv } from "../../../app/live/frontend/export/csv.js";
import { geoJson, tourFile, toursAt } from "../../../app/live/frontend/export/tours.js";
import { formatGap, formatLength, lengthWithUnit } from "../../../app/live/frontend/i18n/length.js";
import { AGES, bucketOf, EdgeAges, edgesOf } from "../../../app/live/frontend/panels/tour/ages.js";
import { ANSWER_MS, Changes } from "../../../app/live/frontend/panels/tour/changes.js";
import { Edits } from "../../../app/live/frontend/panels/tour/edits.js";
import { gapScale } from "../../../app/live/frontend/panels/tour/gap.js";
import {
  extentOf,
  fit,
  flatten,
  widestGap,
  zoomed,
} from "../../../app/live/frontend/panels/tour/projection.js";
import { PANEL_NAMES } from "../../../app/live/frontend/panels/names.js";
import { PANELS, USUAL } from "../../../app/live/frontend/panels/registry.js";

const SQUARE = [0, 0, 4, 0, 4, 3, 0, 3];

/** @param {number[]} points x, y, x, y, … */
const packed = (points) => ({
  data: Float32Array.from(points),
  shape: [points.length / 2, 2],
});

const data = (more = {}) => ({
  kind: "tour",
  name: "square",
  label: "A square",
  size: 4,
  points: packed(SQUARE),
  names: ["a", "b", "c", "d"],
  geographic: false,
  guessed: false,
  editable: true,
  known: { value: 14, proven: true, by: "geometry" },
  bound: null,
  answer: { data: Int32Array.from([0, 1, 2, 3]), shape: [4] },
  unit: "",
  scale: 1,
  ...more,
});

const stage = (more = {}) => ({
  type: "stage",
  version: 2,
  experiment: {
    instance: { name: "square" },
    lanes: [{ name: "annealing" }],
    budget: { currency: "seconds", amount: 1 },
    stop: {},
    seed: 0,
  },
  budget: { currency: "seconds", amount: 1 },
  lanes: [{ index: 0, optimizer: "annealing", label: "Simulated annealing", knobs: [] }],
  data: data(more),
});

const row = (more = {}) => ({
  step: 1,
  evaluations: 10,
  moves: 4,
  accepted: 2,
  seconds: 0.5,
  progress: 0.5,
  loss: 16,
  current: 18,
  gap: 2 / 14,
  shared: 0.5,
  temperature: null,
  extra: {},
  vectors: {},
  ...more,
});

/**
 * @param {number} k
 * @param {any} more of its lane
 * @param {any[]} events
 */
const metrics = (k, more = {}, events = []) => ({
  type: "metrics",
  k,
  clock: k,
  events,
  reference: { value: 14, kind: "optimum" },
  lanes: [row(more)],
});

test("cities are moved, then dropped with the numbers after that, then added at the end", () => {
  const first = citiesOf(data());
  const edit = { move: [[1, 5, 1]], drop: [0, 2], add: [[9, 9]] };
  const after = editCities(first, edit);
  assert.deepEqual(after.x, [5, 0, 9]);
  assert.deepEqual(after.y, [1, 3, 9]);
  assert.deepEqual(after.names, ["b", "d", null]);
  assert.ok(after.edited && !first.edited);
  assert.deepEqual(first.x, [0, 4, 4, 0], "the cities before stay as they were");
});

test("cities some metres apart on the other side of the Earth keep their places", () => {
  const near = { shape: [2, 2], data: new Float32Array([0.7671253, 0.681236, 0.7671341, 0.68124]) };
  const data = { points: near, origin: [139, 35], geographic: true };
  const { x, y } = citiesOf(data);
  assert.deepEqual([x[0], x[1]], [139.7671253, 139.7671341]);
  assert.equal(
    ownInstance({ x, y }, data).cities,
    "139.7671253,35.681236;139.7671341,35.68124",
    "seven digits would make one place of both",
  );
});

/** @param {number} n cities, no two in one place */
const inRow = (n) =>
  citiesOf({
    points: packed(Array.from({ length: 2 * n }, (_, i) => i % 2 || i / 2)),
    names: null,
  });
/** Where cities are, in any order. @param {{x: number[], y: number[]}} cities */
const places = ({ x, y }) =>
  x
    .map((at, i) => `${at},${y[i]}`)
    .sort()
    .join(" ");

test("any edits are taken back, whatever numbers cities have got meanwhile", () => {
  const first = inRow(3);
  let tried = 0;
  /**
   * @param {any} cities
   * @param {any[]} past cities before every edit that can be taken back
   * @param {() => Edits} made the notes so far
   * @param {number} left
   */
  const on = (cities, past, made, left) => {
    const edits = made();
    let now = cities;
    for (const before of past.toReversed()) {
      now = editCities(now, edits.last() ?? {});
      const same = edits.pop();
      assert.equal(places(now), places(before));
      if (before === past[0])
        assert.equal(same, `${now.x};${now.y}` === `${first.x};${first.y}`, "only then as it was");
      else assert.equal(same, false);
    }
    assert.equal(edits.last(), null);
    tried++;
    if (!left) return;
    const at = 100 + left;
    for (const edit of [
      { add: [[at, at]] },
      ...cities.x.flatMap((/** @type {number} */ _, /** @type {number} */ i) => [
        { move: [[i, at, at]] },
        { drop: [i] },
      ]),
    ]) {
      const noted = () => {
        const edits = made();
        edits.note(cities, edit);
        return edits;
      };
      on(editCities(cities, edit), [...past, cities], noted, left - 1);
    }
    if (past.length > 1) {
      const taken = () => {
        const edits = made();
        edits.pop();
        return edits;
      };
      on(editCities(cities, made().last() ?? {}), past.slice(0, -1), taken, left - 1);
    }
  };
  on(first, [], () => new Edits(), 4);
  assert.ok(tried > 2000);
});

test("a drag is one edit, from where it began, also where its end was refused", () => {
  const edits = new Edits();
  const first = inRow(4);
  const [near, far] = [{ move: [[1, 5, 5]] }, { move: [[1, 6, 6]] }];
  edits.note(first, near, false);
  edits.note(editCities(first, near), far, true);
  assert.deepEqual(edits.last(), { move: [[1, 1, 1]] });
  edits.pop();
  edits.note(first, near, false);
  edits.note(editCities(first, near), { drop: [0] });
  assert.deepEqual(edits.last(), { add: [[0, 1]] });
  edits.pop();
  assert.deepEqual(edits.last(), { move: [[0, 1, 1]] });
});

/** The note over a map, without a page. @param {{editable?: boolean}} [may] */
function noteOver(may = {}) {
  const page = /** @type {any} */ (globalThis);
  const before = page.document;
  page.document = {
    createElement: () => ({
      hidden: false,
      dataset: {},
      setAttribute() {},
      append() {},
      textContent: "",
    }),
  };
  const undone = /** @type {any[]} */ ([]);
  const changes = new Changes(
    () => undone.push(changes.edits.last()),
    () => may.editable ?? true,
  );
  page.document = before;
  return { changes, undone };
}
const OTHERS = { name: "square" };

test("an edit that a race refuses makes no cities one's own, and cannot be taken back", () => {
  const { changes, undone } = noteOver();
  const first = inRow(4);
  changes.ask({ drop: [0] }, true, false, OTHERS);
  assert.ok(changes.element.hidden);
  changes.ask({ add: [[9, 9]] }, true, false, OTHERS);
  changes.took(first, { kind: "cities", move: [], drop: [], add: [[9, 9]] });
  assert.match(changes.words.textContent ?? "", /your own cities/);
  assert.deepEqual(changes.asked, [], "what was asked for before was refused");
  changes.ask({ drop: [1] }, true, false, null);
  const click = /** @type {() => void} */ (changes.button.onclick);
  click();
  assert.deepEqual(undone, [], "until the race has told of it, it is not known what is the last");
  changes.took(editCities(first, { add: [[9, 9]] }), { drop: [1] });
  changes.told();
  assert.deepEqual(undone, [{ add: [[1, 1]] }]);
  changes.ask({ add: [[1, 1]] }, true, true, null);
  changes.askedAt -= ANSWER_MS + 1;
  click();
  assert.deepEqual(undone, [{ add: [[1, 1]] }, { add: [[1, 1]] }], "refused, it is there still");
  changes.took(first, { drop: [2] });
  assert.ok(changes.element.hidden, "an edit by another viewer cannot be undone here");
});

test("what all edits were taken back of is what it was, or stays one's own", () => {
  const { changes } = noteOver();
  changes.note(inRow(4), { drop: [3] }, true, OTHERS);
  assert.equal(changes.back(), OTHERS);
  changes.note(inRow(4), { drop: [1] }, true, OTHERS);
  assert.equal(changes.back(), null, "in another order they are other cities");
  assert.ok(changes.element.hidden);
  changes.begin(OTHERS);
  assert.equal(changes.back(), OTHERS, "cities that were taken up to be edited, and were not");
});

test("there is no button to take back what cannot be changed any more", () => {
  const may = { editable: true };
  const { changes } = noteOver(may);
  assert.ok(changes.element.hidden && changes.button.hidden);
  changes.note(inRow(4), { drop: [3] }, true, OTHERS);
  assert.ok(!changes.element.hidden && !changes.button.hidden);
  may.editable = false;
  changes.show();
  assert.ok(!changes.element.hidden && changes.button.hidden, "they are one's own all the same");
  may.editable = true;
  changes.show();
  assert.ok(!changes.button.hidden);
});

test("edits fold in order, beside events of other kinds, and unknown cities are nothing", () => {
  const events = [
    { kind: "cities", add: [[1, 1]] },
    { kind: "kick", lane: 0 },
    {
      kind: "cities",
      move: [
        [4, 2, 2],
        [77, 0, 0],
      ],
      drop: [99],
    },
  ];
  const after = citiesAfter(data(), events);
  assert.deepEqual([after.x.length, after.x[4], after.y[4]], [5, 2, 2]);
});

test("edited cities are an instance of one's own, in its unit", () => {
  const cities = { x: [0, 4.1234567891, -3], y: [1e-9, 2, 3] };
  assert.equal(
    ownInstance(cities, { geographic: false, scale: 1 }).cities,
    "0,1e-9;4.123457,2;-3,3",
  );
  const fine = ownInstance({ x: [2500], y: [-500] }, { geographic: false, scale: 0.001 });
  assert.deepEqual(fine, { name: "own", cities: "2.5,-0.5", geographic: false });
  const earth = ownInstance({ x: [8.57], y: [50] }, { geographic: true, scale: 0.001 });
  assert.equal(earth.cities, "8.57,50", "degrees are not scaled");
});

test("a race whose cities were changed is another experiment from there on", () => {
  const history = new History();
  history.add(stage(), new Uint8Array());
  history.add(metrics(0), new Uint8Array());
  history.add(metrics(1, {}, [{ kind: "cities", move: [[0, 1, 1]] }]), new Uint8Array());
  assert.equal(history.moveCities().instance.cities, "1,1;4,0;4,3;0,3");
  assert.equal(history.stage.experiment.instance.name, "own");
});

test("several cities in one place are counted", () => {
  const found = duplicates({ x: [1, 2, 1, 1], y: [1, 2, 1, 2] });
  assert.deepEqual([...found.values()], [[0, 2]]);
});

test("an edge is as old as it has been in the tour without a break, whichever way round", () => {
  const ages = new EdgeAges();
  ages.see([0, 1, 2, 3], 0);
  ages.see([0, 2, 1, 3], 0.3); // 1–2 and 3–0 stay
  ages.see([3, 1, 2, 0], 0.6); // the same tour, turned round
  assert.equal(ages.born(1, 2), 0);
  assert.equal(ages.born(2, 1), 0);
  assert.equal(ages.born(0, 3), 0);
  assert.equal(ages.born(0, 2), 0.3);
  assert.equal(ages.born(0, 1), null);
  ages.see([0, 1, 2, 3], 0.9); // 0–1 comes back and is new
  assert.equal(ages.born(0, 1), 0.9);
  assert.equal(ages.born(1, 2), 0);
});

test("with other cities all edges are new; tours of one and two cities do no harm", () => {
  const ages = new EdgeAges();
  ages.see([0, 1, 2, 3], 0);
  ages.see([0, 1, 2], 0.5);
  assert.equal(ages.born(0, 1), 0.5);
  for (const few of [[0], [0, 1], []]) {
    const own = new EdgeAges();
    own.see(few, 0);
    own.see(few, 1);
  }
  const two = new EdgeAges();
  two.see([0, 1], 0.2);
  two.see([1, 0], 0.7);
  assert.equal(two.born(0, 1), 0.2);
});

test("ages fall into buckets, the last of which is open", () => {
  assert.equal(bucketOf(0), 0);
  assert.equal(bucketOf(AGES[0]), 1);
  assert.equal(bucketOf(1), AGES.length);
});

test("whether two cities are next to each other in a tour", () => {
  const has = edgesOf([0, 2, 1, 3]);
  assert.ok(has(0, 2) && has(2, 0) && has(3, 0));
  assert.ok(!has(0, 1));
});

test("gaps are measured from what is known at the end; before a change of cities as it was told", () => {
  const rows = [
    metrics(0, { loss: 28, gap: 0.4 }),
    metrics(1, { loss: 21, gap: 0.3 }, [{ kind: "cities" }]),
    metrics(2, { loss: null, gap: null }),
    metrics(3, { loss: 14, gap: 0 }),
  ];
  assert.deepEqual(gapsOf({ metrics: rows, events: [] }, 0), [1, 0.5, null, 0]);
  const events = [{ kind: "cities", at: 1 }];
  assert.deepEqual(gapsOf({ metrics: rows, events }, 0), [0.4, 0.5, null, 0]);
  const unknown = rows.map((one) => ({ ...one, reference: null }));
  assert.deepEqual(gapsOf({ metrics: unknown, events: [] }, 0), [0.4, 0.3, null, 0]);
});

test("the axis of gaps ends at a thousandth of a per cent, where the optimum is", () => {
  const scale = gapScale(
    [
      [0.5, 0.01, 0],
      [null, 3e-7],
    ],
    "optimum",
  );
  assert.deepEqual(scale.floor, { at: 1e-5, text: "optimum" });
  assert.equal(scale.place(0), 1e-5);
  assert.equal(scale.place(0.02), 0.02);
  assert.equal(scale.place(null), null);
  assert.ok(10 ** scale.range[0] < 1e-5 && 10 ** scale.range[1] > 0.5);
  assert.equal(gapScale([[0.5, 0.01]], "optimum").floor, null, "nobody is there");
  const alone = gapScale([[0.03]], "0");
  assert.ok(alone.range[1] > alone.range[0]);
  assert.ok(gapScale([], "0").range.every(Number.isFinite));
});

test("lengths and gaps as people read them", () => {
  assert.equal(formatLength(259045, {}), "259,045");
  assert.equal(formatLength(null, {}), "–");
  assert.equal(lengthWithUnit(196_432_100, { scale: 0.001, unit: "km" }), "196,432\u202fkm");
  assert.equal(lengthWithUnit(21_440, { scale: 0.001, unit: "" }), "21.4");
  assert.equal(lengthWithUnit(Number.NaN, { unit: "km" }), "–");
  assert.equal(formatGap(0), "0\u202f%");
  assert.equal(formatGap(0.0433), "4.33\u202f%");
  assert.equal(formatGap(0.125), "12.5\u202f%");
  assert.equal(formatGap(0.0004), "0.040\u202f%");
  assert.equal(formatGap(1e-7), "<\u202f0.001\u202f%");
  assert.equal(formatGap(null), "–");
});

test("the Earth is cut where no city is, and places come back", () => {
  const cities = { x: [170, -175, 151, 120], y: [-37, -18, -33, 14] };
  const cut = widestGap(cities.x);
  assert.equal(cut, 332.5, "half way from Fiji to Manila, the long way round");
  const flat = flatten(cities, true);
  const extent = extentOf({
    u: cities.x.map((x, i) => flat.forth(x, cities.y[i])[0]),
    v: cities.y,
  });
  assert.ok(extent.u1 - extent.u0 < 80, "Fiji lies beside New Zealand");
  for (const [i, x] of cities.x.entries()) {
    const [lon, lat] = flat.back(...flat.forth(x, cities.y[i]));
    assert.ok(Math.abs(lon - x) < 1e-9 && Math.abs(lat - cities.y[i]) < 1e-9);
  }
  assert.ok(flatten({ x: [], y: [] }, true).forth(0, 0).every(Number.isFinite));
});

test("all cities fit on a map, and a zoom keeps what is under the pointer", () => {
  const extent = extentOf({ u: [0, 10], v: [0, 5] });
  const whole = fit(extent, null, 220, 140);
  assert.ok(whole.left(0) >= 8 && whole.left(10) <= 212);
  assert.ok(whole.top(5) >= 8 && whole.top(0) <= 132, "up is up");
  const [u, v] = [whole.u(50), whole.v(30)];
  const near = fit(extent, zoomed(extent, null, 3, u, v), 220, 140);
  assert.ok(Math.abs(near.left(u) - 50) < 1e-9 && Math.abs(near.top(v) - 30) < 1e-9);
  assert.equal(zoomed(extent, zoomed(extent, null, 3, u, v), 1 / 3, u, v), null);
  const point = extentOf({ u: [3], v: [3] });
  assert.ok(point.u1 > point.u0 && point.v1 > point.v0);
  assert.ok(Object.values(extentOf({ u: [], v: [] })).every(Number.isFinite));
});

test("the board of tours has its panels, of which the map may be the large one", () => {
  assert.deepEqual(Object.keys(PANELS.tour), PANEL_NAMES.tour);
  assert.equal(heroOf("tour", arrangementOf("tour", {})), "map");
  assert.ok(USUAL.tour.every((name) => name in PANELS.tour));
  assert.deepEqual(
    ["tour", "function", "points", undefined].map((kind) => layoutOf(kind)),
    ["tour", "landscape", "network", "network"],
  );
});

test("what was done to cities is told in words", () => {
  const said = (/** @type {any} */ event) =>
    interventionText({ kind: "cities", steps: [7], ...event }, stage());
  assert.equal(said({ move: [[0, 1, 1]] }), "A city was moved at step 7");
  assert.equal(said({ drop: [0, 1] }), "2 cities were dropped at step 7");
  assert.equal(said({ add: [[0, 0]] }), "A city was added at step 7");
  assert.equal(
    interventionText({ kind: "kick", lane: 0, step: 3 }, stage()),
    "Simulated annealing: kicked at step 3",
  );
});

/** A history with one picture, which is kept as it is. @param {any} more of the stage's data */
function raced(more = {}, events = [], best = [0, 2, 1, 3]) {
  const history = new History();
  history.add(stage(more), new Uint8Array());
  history.add(metrics(0, {}, events), new Uint8Array());
  const picture = {
    type: "picture",
    k: 0,
    lanes: [{ best: { data: Int32Array.from(best), shape: [best.length] }, current: null }],
  };
  history.add(picture, new Uint8Array());
  return history;
}

test("a tour is written as TSPLIB reads it", () => {
  const history = raced({ name: "a\nb" });
  const [tour] = toursAt(history, 0);
  assert.deepEqual(tour.order, [0, 2, 1, 3]);
  const lines = tourFile(history.stage, tour).split("\n");
  assert.equal(lines[0], "NAME : a b.annealing.tour");
  assert.ok(lines[1].startsWith("COMMENT : Length 16"));
  assert.deepEqual(lines.slice(2), [
    "TYPE : TOUR",
    "DIMENSION : 4",
    "TOUR_SECTION",
    "1",
    "3",
    "2",
    "4",
    "-1",
    "EOF",
    "",
  ]);
});

test("tours that are not of the cities of the moment are not written", () => {
  const history = raced({}, [/** @type {never} */ ({ kind: "cities", drop: [0] })]);
  assert.deepEqual(toursAt(history, 0), []);
  assert.deepEqual(toursAt(new History(), 0), []);
});

test("a tour across the date line is cut there in GeoJSON", () => {
  const history = raced(
    {
      points: packed([170, 0, -170, 10, 10, 0, 20, 5]),
      geographic: true,
      unit: "km",
      scale: 0.001,
    },
    [],
    [0, 1, 2, 3],
  );
  const { features } = JSON.parse(geoJson(history.stage, toursAt(history, 0)));
  assert.equal(features.length, 5);
  const [{ geometry, properties }] = features;
  assert.deepEqual(properties, { method: "Simulated annealing", length: 0.016, unit: "km" });
  assert.equal(geometry.type, "MultiLineString");
  assert.deepEqual(geometry.coordinates[0], [
    [170, 0],
    [180, 5],
  ]);
  assert.deepEqual(geometry.coordinates[1].slice(0, 2), [
    [-180, 5],
    [-170, 10],
  ]);
  for (const part of geometry.coordinates)
    for (let i = 1; i < part.length; i++) assert.ok(Math.abs(part[i][0] - part[i - 1][0]) <= 180);
  assert.deepEqual(features[2].properties, { city: 2, name: "b" });
});

test("the numbers of tours have columns of their own", () => {
  const [head, first] = metricsCsv(raced()).split("\r\n");
  assert.ok(head.includes("moves (tried)") && head.includes("length,current_length"));
  assert.ok(!head.includes("accuracy"));
  assert.ok(first.includes(",16,18,"));
});

test("coasts come in hundredths of a degree", () => {
  assert.deepEqual(linesOf({ rings: [[100, -250, 18000, 9000]] }), [[1, -2.5, 180, 90]]);
  assert.deepEqual(linesOf({}), []);
});

test("ages are counted over all pictures in between, evenly chosen where they are many", () => {
  const history = new History();
  history.add(stage(), new Uint8Array());
  for (let k = 0; k < 9; k++) {
    history.add(metrics(k), new Uint8Array());
    history.add(
      { type: "picture", k, lanes: [] },
      new Uint8Array([0x81, 0xa4, ...text("type"), 0xa1, 0x70]),
    );
  }
  assert.deepEqual(
    history.picturesBetween(2, 5, 10).length,
    3,
    "those after one frame up to another",
  );
  assert.equal(history.picturesBetween(-1, 8, 4).length, 4);
  assert.equal(history.indexOf(6), 6);
});

/** @param {string} word */
function text(word) {
  return [...word].map((one) => one.charCodeAt(0));
}
