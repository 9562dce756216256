import "./texts.js";
import assert from "node:assert/strict";
import { test } from "node:test";

import { Chart } from "../../../app/live/frontend/charts/chart.js";
import {
  paintTraces,
  pairs,
  planeOf,
  restyle,
} from "../../../app/live/frontend/charts/canvas_traces.js";

const LAYOUT = {
  margin: { l: 40, r: 10, t: 5, b: 25 },
  xaxis: { range: [0, 10] },
  yaxis: { type: "log", range: [-2, 0], domain: [0.5, 1] },
  yaxis2: { range: [0, 1], domain: [0, 0.4] },
};

/** A canvas that notes what is done to it. */
function paper() {
  const done = [];
  const paint = new Proxy(
    {},
    {
      get: (target, name) => target[name] ?? ((...values) => done.push([name, ...values])),
      set: (target, name, value) => ((target[name] = value), done.push(["set", name, value]), true),
    },
  );
  return { paint, done, of: (...names) => done.filter(([name]) => names.includes(name)) };
}

test("values lie where the axes have them: linear, logarithmic, and in boxes one over the other", () => {
  const upper = planeOf(LAYOUT, 450, 230);
  assert.equal(upper.x(0), 40);
  assert.equal(upper.x(10), 440);
  assert.equal(upper.y(1), 5);
  assert.equal(upper.y(0.01), 105);
  assert.equal(upper.y(0.1), 55);
  const lower = planeOf(LAYOUT, 450, 230, "xaxis", "yaxis2");
  assert.equal(lower.y(0), 205);
  assert.equal(lower.y(1), 125);
  assert.ok(lower.top > upper.top + upper.height);
});

test("lines break off where there is no number, and go on after it", () => {
  const { paint, of } = paper();
  const trace = {
    mode: "lines",
    x: [0, 1, 2, 3, 4],
    y: [1, 0.1, null, Number.NaN, 0.1],
    line: { color: "#123456", width: 2, dash: "dot" },
  };
  paintTraces(paint, [trace, { mode: "lines", x: [], y: [] }], () => planeOf(LAYOUT, 450, 230));
  assert.deepEqual(of("moveTo", "lineTo"), [
    ["moveTo", 40, 5],
    ["lineTo", 80, 55],
    ["moveTo", 200, 55],
  ]);
  assert.deepEqual(
    of("set").find(([, name]) => name === "strokeStyle"),
    ["set", "strokeStyle", "#123456"],
  );
  assert.ok(of("setLineDash")[0][1].length === 2);
});

test("markers have their own colours, sizes and shapes, or those of their heat", () => {
  const { paint, of } = paper();
  const own = {
    mode: "markers",
    x: [0, null, 10],
    y: [1, 1, 0.01],
    marker: {
      size: [8, 4, 6],
      color: ["#000001", "#000002", "#000003"],
      symbol: ["circle", "circle", "square"],
    },
  };
  const hot = {
    mode: "markers",
    x: [5],
    y: [0.1],
    marker: {
      size: 5,
      color: [0.5],
      symbol: "circle",
      cmin: 0,
      cmax: 1,
      colorscale: [
        [0, "#000000"],
        [1, "#ffffff"],
      ],
    },
  };
  paintTraces(paint, [own, hot], () => planeOf(LAYOUT, 450, 230));
  assert.deepEqual(
    of("set")
      .filter(([, name]) => name === "fillStyle")
      .map(([, , value]) => value),
    ["#000001", "#000003", "rgb(128,128,128)"],
  );
  assert.deepEqual(
    of("arc").map(([, x, y, radius]) => [x, y, radius]),
    [
      [40, 5, 4],
      [240, 55, 2.5],
    ],
  );
  assert.equal(of("rect").filter(([, , , width]) => width < 20).length, 1);
});

test("traces change as Plotly changes them", () => {
  const all = [{ line: { color: "a" } }, { marker: { size: 1 } }, {}];
  restyle(all, { x: [[1], [2]], "line.color": ["b", undefined], mode: "lines" }, [0, 2]);
  assert.deepEqual(all, [
    { line: { color: "b" }, x: [1], mode: "lines" },
    { marker: { size: 1 } },
    { x: [2], mode: "lines" },
  ]);
  assert.deepEqual(pairs([{}, { yaxis: "y2" }, {}, { yaxis: "y2" }]), [
    { xaxis: "x", yaxis: "y" },
    { xaxis: "x", yaxis: "y2" },
  ]);
});

/** An element and a Plotly that note what the chart asks of them. */
function stage() {
  const { paint, of } = paper();
  const canvas = { dataset: {}, setAttribute() {}, remove() {}, getContext: () => paint };
  globalThis.document = { createElement: () => canvas };
  globalThis.window = { devicePixelRatio: 1 };
  const asked = [];
  const element = {
    clientWidth: 450,
    clientHeight: 230,
    style: {},
    dataset: {},
    toggleAttribute() {},
    on() {},
    append() {},
    addEventListener() {},
    querySelector: () => ({}),
  };
  const set = (layout, changes) => {
    for (const [path, value] of Object.entries(changes)) {
      const keys = path.split(".");
      keys.slice(0, -1).reduce((at, key) => (at[key] ??= {}), layout)[keys.at(-1)] = value;
    }
  };
  const Plotly = {
    newPlot: (_, data, layout) =>
      Object.assign(element, { data, layout: structuredClone(layout), _fullLayout: layout }),
    relayout: (_, changes) => (
      asked.push(["relayout", Object.keys(changes)]),
      set(element.layout, changes),
      Promise.resolve()
    ),
    restyle: () => asked.push(["restyle"]),
    update: () => asked.push(["update"]),
    purge() {},
  };
  return { element, Plotly, asked, of };
}

test("a painted chart costs Plotly nothing but its axes, and keeps its traces for exports", () => {
  const { element, Plotly, asked, of } = stage();
  const figure = {
    data: [{ mode: "lines", x: [], y: [], line: { color: "red", width: 2 } }],
    layout: structuredClone(LAYOUT),
  };
  const chart = new Chart("loss", element, Plotly, figure, { painted: true });
  assert.equal(element.data[0].visible, false);
  assert.ok(
    element.data.length === 2 && element.data[1].visible === undefined,
    "an empty trace keeps the axes there",
  );
  const range = { "yaxis.range": [-2, 0], "xaxis.range": [0, 10] };
  chart.update({ x: [[0, 1]], y: [[1, 0.1]] }, range, [0]);
  assert.deepEqual(asked, [["relayout", ["yaxis.range", "xaxis.range"]]]);
  for (let i = 2; i < 20; i++)
    chart.update({ x: [[0, 1, i / 2]], y: [[1, 0.1, 0.05]] }, range, [0]);
  assert.equal(element.dataset.points, "3");
  assert.equal(asked.length, 1, "data that moves asks Plotly for nothing");
  assert.deepEqual(element.data[0].x, [0, 1, 9.5]);
  assert.ok(of("lineTo").length > 18);
  delete globalThis.document;
  delete globalThis.window;
});
