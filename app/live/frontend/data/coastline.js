/** Coastlines of the Earth, for maps of places on it: fetched once, when first needed. */

import { fetchOrFail } from "./errors.js";

/** @type {Promise<{rings: number[][]}> | null} */
let loading = null;

/**
 * The file, as the server has it.
 * @param {{base: string, version?: string}} data what Python handed over
 * @returns {Promise<{rings: number[][]}>}
 */
export function coastlineFile({ base, version }) {
  const query = version ? `?v=${version}` : "";
  loading ??= fetchOrFail(`${base}/kelvin/coastline.json${query}`).then((answer) => answer.json());
  loading.catch(() => (loading = null));
  return loading;
}

/**
 * Lines, each [lon, lat, lon, lat, …]; none where there is no server and the page holds none.
 * @param {{base: string, version?: string, offline?: boolean, coastline?: number[][]}} data what
 *   Python handed over
 * @returns {Promise<number[][]>}
 */
export async function coastline({ base, version, offline, coastline: own }) {
  if (own) return own;
  return offline && !base ? [] : linesOf(await coastlineFile({ base, version }));
}

/**
 * The lines of a file of coasts: rings in hundredths of a degree.
 * @param {any} value
 * @returns {number[][]}
 */
export function linesOf({ rings = [] }) {
  return rings.map((/** @type {number[]} */ ring) => ring.map((one) => one / 100));
}
