import assert from "node:assert/strict";
import { test } from "node:test";

import { surest } from "../../../app/live/frontend/panels/layers/network_graph/cells.js";
import {
  forward,
  indexOf,
  netOf,
  reach,
  square,
} from "../../../app/live/frontend/panels/layers/network_graph/forward.js";
import { walk } from "../../../app/live/frontend/panels/layers/network_graph/neurons.js";
import {
  chosen,
  startOf,
  tensorsOf,
} from "../../../app/live/frontend/panels/layers/weight_histograms.js";
import {
  edgeAt,
  layOut,
  MOST,
  nodeAt,
  strongest,
} from "../../../app/live/frontend/panels/layers/network_graph/wiring.js";

/** A stage of a perceptron of these sizes. */
function stageOf(sizes, activation = "tanh") {
  const layers = [];
  for (let i = 0; i + 1 < sizes.length; i++)
    for (const [name, shape] of [
      ["weight", [sizes[i + 1], sizes[i]]],
      ["bias", [sizes[i + 1]]],
    ]) {
      const start = layers.at(-1)?.stop ?? 0;
      layers.push({
        name: `${i}.${name}`,
        start,
        stop: start + shape.reduce((a, b) => a * b),
        shape,
      });
    }
  return {
    experiment: { network: { name: "mlp", activation } },
    layers,
    lanes: [{ label: "Adam" }],
    dimension: layers.at(-1).stop,
  };
}

/** Weights that are no two alike. */
const weightsOf = (n) => Float32Array.from({ length: n }, (_, i) => Math.sin(3 * i + 1));

test("a perceptron is known by its layers, anything else is none", () => {
  const net = netOf(stageOf([2, 3, 2]));
  assert.deepEqual(net.sizes, [2, 3, 2]);
  assert.deepEqual(net.layers, [
    { weight: 0, bias: 6, outputs: 3, inputs: 2 },
    { weight: 9, bias: 15, outputs: 2, inputs: 3 },
  ]);
  assert.equal(netOf({ ...stageOf([2, 3, 2]), layers: undefined }), null);
  assert.equal(netOf({ ...stageOf([2, 3, 2]), experiment: { network: { name: "cnn" } } }), null);
  assert.equal(netOf(stageOf([2, 2], "unheard-of")), null);
});

for (const [activation, act] of Object.entries({
  tanh: Math.tanh,
  relu: (h) => Math.max(0, h),
  sigmoid: (h) => 1 / (1 + Math.exp(-h)),
  heaviside: (h) => Number(h > 0),
  sign: Math.sign,
})) {
  test(`the forward pass multiplies, adds and bends as the engine does: ${activation}`, () => {
    const net = netOf(stageOf([2, 3, 2], activation));
    const w = weightsOf(17);
    const given = forward(net, w, [Float64Array.of(0.5, -1), Float64Array.of(-0.25, 2)]);
    [
      [0.5, -0.25],
      [-1, 2],
    ].forEach(([x, y], n) => {
      const hidden = [0, 1, 2].map((j) => act(w[2 * j] * x + w[2 * j + 1] * y + w[6 + j]));
      const out = [0, 1].map(
        (j) =>
          w[9 + 3 * j] * hidden[0] +
          w[10 + 3 * j] * hidden[1] +
          w[11 + 3 * j] * hidden[2] +
          w[15 + j],
      );
      hidden.forEach((value, j) => assert.ok(Math.abs(given[1][j][n] - value) < 1e-9));
      // no activation on the last
      out.forEach((value, j) => assert.ok(Math.abs(given[2][j][n] - value) < 1e-9));
    });
    assert.equal(given[0][1][1], 2);
  });
}

test("a neuron's colours reach to its bound, or to its largest value where it has none", () => {
  const values = Float64Array.of(0, 3, Number.NaN, 1);
  assert.equal(reach(netOf(stageOf([2, 3, 2])), 1, values), 1);
  assert.equal(reach(netOf(stageOf([2, 3, 2], "relu")), 1, values), 3);
  assert.equal(reach(netOf(stageOf([2, 3, 2])), 2, values), 3);
});

test("a square begins at its low end and its places lie in the middle of their cells", () => {
  const [x, y] = square([-1, 1, 0, 4], 2);
  assert.deepEqual([...x], [-0.5, 0.5, -0.5, 0.5]);
  assert.deepEqual([...y], [1, 1, 3, 3]);
});

test("every weight and bias has an index of its own, and the arrow keys come by all of them", () => {
  const net = netOf(stageOf([2, 3, 2]));
  const met = new Set();
  let at = { layer: 0, to: 0, from: -1 };
  for (let i = 0; i < 9; i++, at = walk(net, at, "ArrowDown"))
    met.add(indexOf(net, at.layer, at.to, at.from));
  assert.deepEqual(at, { layer: 0, to: 0, from: -1 }, "round and round");
  at = walk(net, { layer: 0, to: 2, from: 1 }, "ArrowRight");
  assert.deepEqual(at, { layer: 1, to: 1, from: 1 }, "no further than the next layer has neurons");
  for (let i = 0; i < 8; i++, at = walk(net, at, "ArrowUp"))
    met.add(indexOf(net, at.layer, at.to, at.from));
  assert.deepEqual(
    [...met].sort((a, b) => a - b),
    Array.from({ length: 17 }, (_, i) => i),
  );
  assert.equal(walk(net, at, "ArrowRight").layer, 1);
  assert.equal(walk(net, { layer: 0, to: 0, from: 0 }, "ArrowLeft").layer, 0);
});

for (const [width, height] of [
  [335, 250],
  [430, 290],
  [1350, 640],
]) {
  test(`everything stands inside a panel of ${width} × ${height}, neurons apart from each other`, () => {
    const { nodes, edges, more, answer } = layOut(netOf(stageOf([2, 16, 40, 3])), width, height);
    for (const { x, y, size } of nodes)
      assert.ok(
        size > 4 &&
          x - size / 2 >= 0 &&
          y - size / 2 >= 0 &&
          x + size / 2 < answer.x &&
          y + size / 2 <= height,
      );
    for (const one of nodes)
      for (const other of nodes)
        if (one !== other && one.layer === other.layer)
          assert.ok(Math.abs(one.y - other.y) >= one.size);
    assert.ok(answer.x + answer.size <= width && answer.y + answer.size + 16 <= height);
    assert.deepEqual(
      more.map(({ count }) => count),
      [40 - MOST],
    );
    assert.equal(edges.length, 2 * 16 + 16 * MOST + MOST * 3);
    assert.deepEqual(nodeAt({ nodes }, nodes[5].x, nodes[5].y), nodes[5]);
    const edge = edges[40];
    const found = edgeAt([edge], (edge.x1 + edge.x2) / 2, (edge.y1 + edge.y2) / 2);
    assert.equal(found, edge);
    assert.equal(edgeAt([edge], edge.x1 - 5, edge.y1), null);
  });
}

test("where there are too many weights, the strongest are drawn", () => {
  const net = netOf(stageOf([2, 24, 24, 2]));
  const weights = weightsOf(net.layers.at(-1).bias + 2);
  const { edges } = layOut(net, 400, 300);
  const drawn = strongest(edges, weights);
  assert.ok(drawn.length < edges.length);
  const least = Math.min(...drawn.map(({ index }) => Math.abs(weights[index])));
  assert.equal(
    edges.filter(({ index }) => Math.abs(weights[index]) > least).length,
    drawn.length - 1,
  );
});

test("the surest class and how sure it is", () => {
  const { data } = surest(
    [Float64Array.of(0), Float64Array.of(Math.log(2)), Float64Array.of(Number.NaN)],
    1,
  );
  assert.deepEqual([...data], [1, Math.round(255 / 2)]);
});

test("histograms are made from the weights, or from counts, and have one and the same area", () => {
  const stage = stageOf([2, 16, 2]);
  const weights = { data: weightsOf(stage.dimension) };
  const { low, high } = tensorsOf({ stage, picture: { lanes: [{ weights }] }, detail: null })[0];
  const area = ({ edges, heights }) =>
    heights.reduce((sum, value, i) => sum + value * (edges[i + 1] - edges[i]), 0);
  for (const tensor of tensorsOf({ stage, picture: { lanes: [{ weights }] }, detail: null }))
    assert.ok(Math.abs(area(tensor.lanes[0]) - 1) < 1e-9);
  assert.ok(
    low <= Math.min(...weights.data.slice(0, 32)) && high >= Math.max(...weights.data.slice(0, 32)),
  );
  const counts = { data: new Float32Array(4 * 32).fill(1), shape: [4, 32] };
  const detail = {
    lanes: [{ histograms: { counts, low: [-1, -1, null, -1], high: [1, 2, null, 1] } }],
  };
  const counted = tensorsOf({ stage, picture: { lanes: [{ weights: null }] }, detail });
  assert.deepEqual(
    counted.map(({ lanes }) => lanes[0] && Math.round(1e9 * area(lanes[0])) / 1e9),
    [1, 1, null, 1],
  );
  assert.equal(
    tensorsOf({ stage, picture: { lanes: [{}] }, detail: null }),
    null,
    "a recording of old",
  );
});

test("the start is the even distribution the engine draws from", () => {
  const stage = stageOf([4, 16, 2]);
  assert.deepEqual(
    [0, 1, 2, 3].map((i) => startOf(stage, i)),
    [0.5, 0.5, 0.25, 0.25],
  );
  const rere = {
    experiment: { network: { name: "rere-cnn" } },
    layers: [
      { name: "0.weight", shape: [6, 1, 5, 5] },
      { name: "0.bias", shape: [6] },
    ],
  };
  assert.equal(startOf(rere, 0), Math.sqrt(6 / (25 + 150)));
  assert.equal(startOf(rere, 1), null);
});

test("of many tensors the biases are left out", () => {
  assert.deepEqual(chosen(stageOf([2, 3, 2])), { shown: [0, 1, 2, 3], cut: false });
  assert.deepEqual(chosen(stageOf([2, 3, 3, 3, 3, 2])), { shown: [0, 2, 4, 6, 8], cut: true });
});
