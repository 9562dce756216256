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
 * @returns {{steps: number[], lanes: Float32Array[]} | null} null where there are none
 */
export function weightsAt(history, index) {
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
 * The file that engine/observation/weights_file.py writes and reads, tensor by tensor.
 * @param {History} history
 * @param {{steps: number[], lanes: Float32Array[]}} weights
 */
export function weightsFile(history, { steps, lanes }) {
  const { dimension, experiment, layers } = history.stage;
  const packed = layers ?? [{ name: "weights", start: 0, stop: dimension, shape: [dimension] }];
  const tensors = lanes.flatMap((all, lane) =>
    packed.map((/** @type {any} */ layer) => ({
      name: `lane${lane}.${/^\d/.test(layer.name) ? "layer" : ""}${layer.name}`,
      shape: layer.shape,
      data: all.subarray(layer.start, layer.stop),
    })),
  );
  return writeSafetensors(tensors, {
    format: "pt",
    experiment: JSON.stringify(experiment),
    steps: JSON.stringify(steps),
  });
}
