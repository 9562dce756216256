/**
 * Every lane's weights as safetensors: a header's length (little-endian uint64), the header as
 * JSON, the numbers.
 */

/** @typedef {import("../data/history.js").History} History */
/** @typedef {{name: string, shape: number[], data: Float32Array}} Tensor */

/**
 * @param {Tensor[]} tensors
 * @param {Record<string, string>} metadata
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function writeSafetensors(tensors, metadata) {
  /** @type {Record<string, any>} */ const header = { __metadata__: metadata };
  let offset = 0;
  for (const { name, shape, data } of tensors) {
    header[name] = { dtype: "F32", shape, data_offsets: [offset, offset + 4 * data.length] };
    offset += 4 * data.length;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  // Spaces fill the header up, so that the numbers begin at a multiple of eight bytes.
  const length = 8 * Math.ceil(text.length / 8);
  const bytes = new Uint8Array(8 + length + offset).fill(0x20, 8, 8 + length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  let at = 8 + length;
  for (const { data } of tensors)
    for (const value of data) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  return bytes;
}

/**
 * Every lane's weights at a moment: from the picture where the network is small enough for pictures
 * to carry them, else as they were last sent.
 * @param {History} history
 * @param {number} index of the moment
 * @returns {{steps: number[], lanes: Float32Array[], seed?: number} | null} null where there are
 *   none; `seed`: the place of the one of several that they are of
 */
export function weightsAt(history, index) {
  const seed = history.seedAt(index);
  if (seed !== null) return weightsOfSeed(history, index, seed);
  const { k } = history.metrics[index];
  const picture = history.pictureAt(k);
  if (picture?.lanes.every((/** @type {any} */ lane) => lane.weights)) {
    const metric = history.metrics.find((one) => one.k === picture.k) ?? history.metrics[index];
    return {
      steps: metric.lanes.map((/** @type {any} */ row) => row.step),
      lanes: picture.lanes.map((/** @type {any} */ lane) => lane.weights.data),
    };
  }
  const { weights } = history;
  return weights
    ? { steps: weights.steps, lanes: weights.lanes.map((/** @type {any} */ lane) => lane.data) }
    : null;
}

/**
 * The same of one of several seeds.
 * @param {History} history
 * @param {number} index
 * @param {number} seed its place
 */
function weightsOfSeed(history, index, seed) {
  const metric = history.metrics[index];
  const ended = metric.seeds.followed === seed ? null : history.seeds.get(seed)?.last;
  const picture = ended ? ended.picture : history.pictureAt(metric.k);
  const of = (/** @type {any[]} */ lanes) => lanes.map((lane) => lane.data ?? lane.weights.data);
  if (
    (ended || picture?.seed === seed) &&
    picture.lanes.every((/** @type {any} */ lane) => lane.weights)
  ) {
    const rows =
      ended?.lanes ?? (history.metrics.find((one) => one.k === picture.k) ?? metric).lanes;
    return {
      steps: rows.map((/** @type {any} */ row) => row.step),
      lanes: of(picture.lanes),
      seed,
    };
  }
  const weights = ended ? ended.weights : history.weights;
  if (!weights || (!ended && weights.seed !== seed)) return null;
  return { steps: weights.steps, lanes: of(weights.lanes), seed };
}

/**
 * The file that engine/observation/weights_file.py writes and reads, tensor by tensor.
 * @param {History} history
 * @param {{steps: number[], lanes: Float32Array[], seed?: number}} weights
 */
export function weightsFile(history, { steps, lanes, seed }) {
  const { dimension, experiment: all, layers } = history.stage;
  // They are of the race that this seed alone would be.
  const { seeds: _, ...rest } = all;
  const experiment = seed === undefined ? all : { ...rest, seed: all.seed + seed };
  const packed = layers ?? [{ name: "weights", start: 0, stop: dimension, shape: [dimension] }];
  const tensors = lanes.flatMap((whole, lane) =>
    packed.map((/** @type {any} */ layer) => ({
      name: `lane${lane}.${/^\d/.test(layer.name) ? "layer" : ""}${layer.name}`,
      shape: layer.shape,
      data: whole.subarray(layer.start, layer.stop),
    })),
  );
  return writeSafetensors(tensors, {
    format: "pt",
    experiment: JSON.stringify(experiment),
    steps: JSON.stringify(steps),
  });
}
