/** Tours as files: TSPLIB's `.tour`, and GeoJSON of places on the Earth. */

import { citiesAfter, cityEvents } from "../data/cities.js";
import { indexOfFrame } from "../data/thinned_log.js";

/** @typedef {import("../data/history.js").History} History */

/**
 * A lane's best tour at a moment, with the cities of that moment.
 * @typedef {object} Tour
 * @property {number} lane
 * @property {any} row of the metrics
 * @property {number[]} order city numbers, from 0
 * @property {import("../data/cities.js").Cities} cities
 */

/**
 * The lanes' best tours in the picture shown at a moment.
 * @param {History} history
 * @param {number} moment index of the metrics
 * @returns {Tour[]} those lanes that have one
 */
export function toursAt(history, moment) {
  const metrics = history.metrics[moment];
  const picture = metrics && history.pictureAt(metrics.k);
  if (!picture) return [];
  const told = history.events.filter(
    (event) => event.at <= moment && (history.metrics[event.at]?.k ?? 0) <= picture.k,
  );
  const cities = citiesAfter(history.stage.data, cityEvents(told));
  const row = history.metrics[indexOfFrame(history.metrics, picture.k)];
  return picture.lanes.flatMap((/** @type {any} */ { best }, /** @type {number} */ lane) =>
    best && best.data.length === cities.x.length
      ? [{ lane, row: row.lanes[lane], order: Array.from(best.data), cities }]
      : [],
  );
}

/** A text in one line, as a value of a TSPLIB file. @param {string} text */
function line(text) {
  return text.replace(/[\s\p{Cc}]+/gu, " ").trim();
}

/**
 * A tour as TSPLIB writes it: cities numbered from 1.
 * @param {any} stage
 * @param {Tour} tour
 */
export function tourFile(stage, { lane, row, order }) {
  const head = [
    `NAME : ${line(stage.data.name)}.${line(stage.lanes[lane].optimizer)}.tour`,
    `COMMENT : ${line(`Length ${row?.loss ?? "unknown"}, ${stage.lanes[lane].label}, Kelvin`)}`,
    "TYPE : TOUR",
    `DIMENSION : ${order.length}`,
    "TOUR_SECTION",
  ];
  return `${[...head, ...order.map((city) => city + 1), "-1", "EOF"].join("\n")}\n`;
}

/**
 * Tours on the Earth as GeoJSON (RFC 7946): a line for each lane, a point for each city. A tour
 * that crosses the date line is cut there.
 * @param {any} stage
 * @param {Tour[]} tours
 */
export function geoJson(stage, tours) {
  const features = tours.map(({ lane, row, order, cities }) => ({
    type: "Feature",
    properties: {
      method: stage.lanes[lane].label,
      length: row?.loss === null || row?.loss === undefined ? null : row.loss * stage.data.scale,
      unit: stage.data.unit,
    },
    geometry: geometry([...order, order[0]].map((city) => [lon(cities.x[city]), cities.y[city]])),
  }));
  const [first] = tours;
  const points = (first?.cities.x ?? []).map((x, i) => ({
    type: "Feature",
    properties: { city: i + 1, name: first.cities.names?.[i] ?? null },
    geometry: { type: "Point", coordinates: [lon(x), first.cities.y[i]] },
  }));
  return `${JSON.stringify({ type: "FeatureCollection", features: [...features, ...points] })}\n`;
}

/** Degrees of longitude from −180 to 180. @param {number} value */
function lon(value) {
  return value >= -180 && value <= 180 ? value : ((((value + 180) % 360) + 360) % 360) - 180;
}

/** @param {number[][]} way */
function geometry(way) {
  /** @type {number[][][]} */ const parts = [[way[0]]];
  for (let i = 1; i < way.length; i++) {
    const [[x0, y0], [x1, y1]] = [way[i - 1], way[i]];
    const last = /** @type {number[][]} */ (parts.at(-1));
    if (Math.abs(x1 - x0) <= 180) last.push(way[i]);
    else {
      const side = x0 > 0 ? 180 : -180;
      const far = x1 + 2 * side;
      const share = far === x0 ? 0.5 : (side - x0) / (far - x0);
      const y = y0 + share * (y1 - y0);
      last.push([side, y]);
      parts.push([[-side, y], way[i]]);
    }
  }
  return parts.length === 1
    ? { type: "LineString", coordinates: parts[0] }
    : { type: "MultiLineString", coordinates: parts };
}
