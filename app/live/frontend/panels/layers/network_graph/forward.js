/**
 * A perceptron's forward pass in the browser: what each of its neurons computes at every place of a
 * grid.
 */

/**
 * A perceptron as its stage tells of it.
 * @typedef {object} Net
 * @property {number[]} sizes inputs, hidden layers, outputs
 * @property {string} activation of the hidden neurons
 * @property {{weight: number, bias: number, outputs: number, inputs: number}[]} layers where in the
 *   packed weights each layer's matrix (outputs × inputs, row by row) and biases begin
 */

const ACTIVATIONS = /** @type {Record<string, (h: number) => number>} */ ({
  tanh: Math.tanh,
  relu: (h) => (h > 0 ? h : 0),
  sigmoid: (h) => 1 / (1 + Math.exp(-h)),
  heaviside: (h) => (h > 0 ? 1 : 0),
  sign: Math.sign,
});

/**
 * The perceptron of a stage; null where the network is another one or its layers are not told.
 * @param {any} stage
 * @returns {Net | null}
 */
export function netOf(stage) {
  const { network } = stage.experiment ?? {};
  const tensors = stage.layers;
  if (network?.name !== "mlp" || !Array.isArray(tensors) || !tensors.length || tensors.length % 2)
    return null;
  const activation = network.activation ?? "tanh";
  if (!(activation in ACTIVATIONS)) return null;
  const layers = [];
  for (let i = 0; i < tensors.length; i += 2) {
    const [weight, bias] = [tensors[i], tensors[i + 1]];
    const [outputs, inputs] = weight.shape;
    if (
      weight.shape.length !== 2 ||
      bias.stop - bias.start !== outputs ||
      weight.stop - weight.start !== outputs * inputs
    )
      return null;
    layers.push({ weight: weight.start, bias: bias.start, outputs, inputs });
  }
  return { sizes: [layers[0].inputs, ...layers.map(({ outputs }) => outputs)], activation, layers };
}

/**
 * Places in a square, as inputs (2, side²), row 0 at the low end; each in the middle of its cell.
 * @param {number[]} extent [x0, x1, y0, y1]
 * @param {number} side
 * @returns {Float64Array[]}
 */
export function square([x0, x1, y0, y1], side) {
  const [x, y] = [new Float64Array(side * side), new Float64Array(side * side)];
  for (let i = 0; i < side * side; i++) {
    x[i] = x0 + ((x1 - x0) * ((i % side) + 0.5)) / side;
    y[i] = y0 + ((y1 - y0) * (Math.floor(i / side) + 0.5)) / side;
  }
  return [x, y];
}

/**
 * What every neuron gives.
 * @param {Net} net
 * @param {ArrayLike<number>} weights (D,), packed
 * @param {Float64Array[]} inputs one row of n places per input
 * @returns {Float64Array[][]} layer by layer, the inputs first, of every neuron its n values:
 *   activations of hidden neurons, outputs as they are
 */
export function forward(net, weights, inputs) {
  const act = ACTIVATIONS[net.activation];
  const n = inputs[0].length;
  const given = [inputs];
  net.layers.forEach(({ weight, bias, outputs, inputs: fan }, l) => {
    const from = given[l];
    const last = l === net.layers.length - 1;
    given.push(
      Array.from({ length: outputs }, (_, to) => {
        const sum = new Float64Array(n).fill(weights[bias + to]);
        for (let i = 0; i < fan; i++) {
          const w = weights[weight + to * fan + i];
          if (w === 0) continue;
          const row = from[i];
          for (let at = 0; at < n; at++) sum[at] += w * row[at];
        }
        if (!last) for (let at = 0; at < n; at++) sum[at] = act(sum[at]);
        return sum;
      }),
    );
  });
  return given;
}

/**
 * What stands for full colour in a neuron's map: its bound where it has one, otherwise its largest
 * value.
 * @param {Net} net
 * @param {number} layer 0 for the inputs
 * @param {Float64Array} values
 */
export function reach(net, layer, values) {
  const hidden = layer > 0 && layer < net.sizes.length - 1;
  if (hidden && net.activation !== "relu") return 1;
  let most = 1e-12;
  for (const value of values)
    if (Math.abs(value) > most && Number.isFinite(value)) most = Math.abs(value);
  return most;
}

/**
 * Where one weight lies in the packed vector.
 * @param {Net} net
 * @param {number} layer from 0
 * @param {number} to neuron of the next layer
 * @param {number} from neuron of this layer, −1 for the bias
 */
export function indexOf(net, layer, to, from) {
  const { weight, bias, inputs } = net.layers[layer];
  return from < 0 ? bias + to : weight + to * inputs + from;
}
