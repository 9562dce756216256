/** Messages from their bytes. Arrays `{d, s, b}` become `{data: TypedArray, shape: number[]}`. */

import { decode as unpack } from "../vendor/msgpack.js";

/** @typedef {{data: Float32Array | Uint8Array | Int32Array, shape: number[]}} Packed */

const MAKERS = {
  f4: (/** @type {ArrayBuffer} */ buffer) => new Float32Array(buffer),
  u1: (/** @type {ArrayBuffer} */ buffer) => new Uint8Array(buffer),
  i4: (/** @type {ArrayBuffer} */ buffer) => new Int32Array(buffer),
};

/**
 * @param {Uint8Array} bytes
 * @returns {any} the message; throws when the bytes are none
 */
export function decode(bytes) {
  const message = revive(unpack(bytes));
  if (message === null || typeof message !== "object" || typeof message.type !== "string")
    throw new Error("not a message");
  return message;
}

/**
 * @param {any} value
 * @returns {any}
 */
function revive(value) {
  if (Array.isArray(value)) return value.map(revive);
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) return value;
  if (typeof value.d === "string" && Array.isArray(value.s) && value.b instanceof Uint8Array) {
    const make = MAKERS[/** @type {keyof typeof MAKERS} */ (value.d)];
    if (!make) throw new Error(`unknown array type ${value.d}`);
    // A copy: the bytes lie anywhere in the message, typed arrays want them aligned.
    return { data: make(value.b.slice().buffer), shape: value.s };
  }
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, revive(entry)]));
}

/**
 * The columns of an (n, 2) array.
 * @param {Packed} packed
 * @returns {{x: number[], y: number[]}}
 */
export function columns(packed) {
  const n = packed.shape[0];
  const x = new Array(n);
  const y = new Array(n);
  for (let i = 0; i < n; i++) {
    x[i] = packed.data[2 * i];
    y[i] = packed.data[2 * i + 1];
  }
  return { x, y };
}

/**
 * The rows of an (n, m) array.
 * @param {Packed} packed
 * @returns {number[][]}
 */
export function rows(packed) {
  const [n, m] = packed.shape;
  return Array.from({ length: n }, (_, i) => Array.from(packed.data.subarray(i * m, (i + 1) * m)));
}

/** @param {number} count messages before the one that is cut */
const cutOff = (count) => Object.assign(new Error("the recording is cut off"), { count });

/**
 * The messages of an unpacked recording: little-endian lengths and bytes.
 * @param {ArrayBuffer} buffer
 * @returns {Uint8Array[]}
 * @throws {Error & {count: number}} the last is not whole
 */
export function records(buffer) {
  const view = new DataView(buffer);
  const found = [];
  let at = 0;
  while (at < buffer.byteLength) {
    if (at + 4 > buffer.byteLength) throw cutOff(found.length);
    const length = view.getUint32(at, true);
    at += 4;
    if (at + length > buffer.byteLength) throw cutOff(found.length);
    found.push(new Uint8Array(buffer, at, length));
    at += length;
  }
  return found;
}
