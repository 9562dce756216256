/** Draws cities and tours on a canvas: coast, tours by the age of their edges, cities. */

import { channels } from "../../charts/theme.js";
import { AGES, bucketOf } from "./ages.js";

/** @typedef {ReturnType<typeof import("./projection.js").fit>} Fit */
/** @typedef {{u: Float64Array, v: Float64Array}} Places */
/** @typedef {import("../../charts/theme.js").Theme} Theme */

/** How much of its lane's colour an edge has by its age, and how wide it is, px. */
export const SHADES = [0.3, 0.48, 0.66, 0.83, 1];
export const WIDTHS = [0.8, 1.1, 1.5, 1.9, 2.4];
/** The age, of those, that an edge has at least when its race is over. */
const SETTLED = 3;
/** Where cities are nearer to each other than this, lines are thinner; and nearer than that, cities
 * are specks, or left out: px. */
const [CLOSE, TIGHT, PACKED] = [9, 5, 2];

/**
 * A colour between the paper and another.
 * @param {string} paper
 * @param {string} colour
 * @param {number} share of the colour
 */
export function tinted(paper, colour, share) {
  const [a, b] = [channels(paper), channels(colour)];
  return `rgb(${a.map((one, i) => Math.round(one + share * (b[i] - one))).join(",")})`;
}

/**
 * How far a city is from the next, about: px.
 * @param {import("./projection.js").Extent} extent
 * @param {number} count of cities
 * @param {Fit} fit
 */
export function spacingOf({ u0, u1, v0, v1 }, count, { scale }) {
  return scale * Math.sqrt(((u1 - u0) * (v1 - v0)) / Math.max(1, count));
}

/** How thin lines are where cities are close. @param {number} spacing px */
export function thinness(spacing) {
  return Math.max(0.15, Math.min(1, spacing / CLOSE));
}

/**
 * A line from a place to another, the short way around the Earth.
 * @param {CanvasRenderingContext2D} paint
 * @param {Places} places
 * @param {Fit} fit
 * @param {number} turn of the plane; 0 where there is none
 * @param {number} one
 * @param {number} other
 */
export function edge(paint, { u, v }, fit, turn, one, other) {
  const [y0, y1] = [fit.top(v[one]), fit.top(v[other])];
  const across = u[other] - u[one];
  if (turn && Math.abs(across) > turn / 2) {
    // Out at one side of the map and in at the other.
    const way = across > 0 ? -turn : turn;
    paint.moveTo(fit.left(u[one]), y0);
    paint.lineTo(fit.left(u[other] + way), y1);
    paint.moveTo(fit.left(u[one] - way), y0);
    paint.lineTo(fit.left(u[other]), y1);
    return;
  }
  paint.moveTo(fit.left(u[one]), y0);
  paint.lineTo(fit.left(u[other]), y1);
}

/**
 * A whole tour in one stroke.
 * @param {CanvasRenderingContext2D} paint
 * @param {ArrayLike<number>} tour
 * @param {Places} places
 * @param {Fit} fit
 * @param {number} turn
 * @param {{colour: string, width: number, dash?: number[]}} look
 * @param {((one: number, other: number) => boolean) | null} only those edges
 */
export function paintTour(paint, tour, places, fit, turn, look, only = null) {
  const n = tour.length;
  paint.beginPath();
  for (let i = 0; i < n; i++) {
    const [one, other] = [tour[i], tour[(i + 1) % n]];
    if (!only || only(one, other)) edge(paint, places, fit, turn, one, other);
  }
  paint.strokeStyle = look.colour;
  paint.lineWidth = look.width;
  paint.setLineDash(look.dash ?? []);
  paint.lineCap = "round";
  paint.stroke();
  paint.setLineDash([]);
}

/**
 * A tour whose edges are the stronger the longer they have been in it.
 * @param {CanvasRenderingContext2D} paint
 * @param {ArrayLike<number>} tour
 * @param {Places} places
 * @param {Fit} fit
 * @param {number} turn
 * @param {object} how
 * @param {import("./ages.js").EdgeAges} how.ages
 * @param {number} how.now share of the budget spent
 * @param {string} how.colour of the lane
 * @param {string} how.paper
 * @param {number} how.spacing of cities, px
 * @param {boolean} [how.ended] whether the race of this lane is over, which leaves no edge pale
 */
export function paintAged(paint, tour, places, fit, turn, how) {
  const { ages, now, colour, paper, spacing, ended = false } = how;
  const least = ended ? SETTLED : 0;
  const n = tour.length;
  /** @type {[number, number][][]} */
  const buckets = Array.from({ length: AGES.length + 1 }, () => []);
  for (let i = 0; i < n; i++) {
    const [one, other] = [tour[i], tour[(i + 1) % n]];
    const born = ages.born(one, other);
    buckets[Math.max(least, born === null ? 0 : bucketOf(now - born))].push([one, other]);
  }
  const slim = thinness(spacing);
  paint.lineCap = "round";
  buckets.forEach((edges, bucket) => {
    if (!edges.length) return;
    paint.beginPath();
    for (const [one, other] of edges) edge(paint, places, fit, turn, one, other);
    paint.strokeStyle = tinted(paper, colour, SHADES[bucket]);
    paint.lineWidth = WIDTHS[bucket] * slim;
    paint.stroke();
  });
}

/**
 * The band of an elastic net: a closed line through its knots.
 * @param {CanvasRenderingContext2D} paint
 * @param {ArrayLike<number>} band x, y, x, y, … as the cities' coordinates
 * @param {import("./projection.js").Flat} flat
 * @param {Fit} fit
 * @param {{colour: string, paper: string}} look
 */
export function paintBand(paint, band, flat, fit, { colour, paper }) {
  /** @type {[number, number][]} */ const knots = [];
  for (let i = 0; i + 1 < band.length; i += 2) knots.push(flat.forth(band[i], band[i + 1]));
  if (knots.length < 2) return;
  paint.beginPath();
  knots.forEach(([u, v], i) => {
    const before = knots[(i + knots.length - 1) % knots.length];
    // Where the map is cut it goes out at one side and in at the other.
    const cut = flat.turn && Math.abs(u - before[0]) > flat.turn / 2;
    paint[i && !cut ? "lineTo" : "moveTo"](fit.left(u), fit.top(v));
  });
  const [first, last] = [knots[0], knots[knots.length - 1]];
  if (!flat.turn || Math.abs(first[0] - last[0]) <= flat.turn / 2)
    paint.lineTo(fit.left(first[0]), fit.top(first[1]));
  paint.lineJoin = "round";
  paint.setLineDash([5, 3]);
  for (const [style, width] of /** @type {const} */ ([
    [paper, 4],
    [colour, 1.6],
  ])) {
    paint.strokeStyle = style;
    paint.lineWidth = width;
    paint.stroke();
  }
  paint.setLineDash([]);
}

/**
 * The cities, as large as there is room between them.
 * @param {CanvasRenderingContext2D} paint
 * @param {Places} places
 * @param {Fit} fit
 * @param {Theme} theme
 * @param {number} spacing of cities, px
 */
export function paintCities(paint, { u, v }, fit, theme, spacing) {
  const n = u.length;
  if (spacing < PACKED && n > 1) return;
  paint.fillStyle = theme.text;
  if (spacing < TIGHT) {
    for (let i = 0; i < n; i++) paint.fillRect(fit.left(u[i]), fit.top(v[i]), 1, 1);
    return;
  }
  const size = Math.max(1.1, Math.min(3.2, spacing / 11));
  paint.beginPath();
  for (let i = 0; i < n; i++) {
    const [x, y] = [fit.left(u[i]), fit.top(v[i])];
    paint.moveTo(x + size, y);
    paint.arc(x, y, size, 0, 2 * Math.PI);
  }
  paint.fill();
}

/**
 * Coasts, faint: lines of longitude and latitude.
 * @param {CanvasRenderingContext2D} paint
 * @param {number[][]} coast lines, each [lon, lat, lon, lat, …]
 * @param {import("./projection.js").Flat} flat
 * @param {Fit} fit
 * @param {Theme} theme
 */
export function paintCoast(paint, coast, flat, fit, theme) {
  paint.beginPath();
  for (const line of coast) {
    let before = Number.NaN;
    for (let i = 0; i + 1 < line.length; i += 2) {
      const [u, v] = flat.forth(line[i], line[i + 1]);
      // It leaves the map at one side; or runs along the cut at 180 degrees, which is no coast.
      const far = Math.abs(u - before) > flat.turn / 2;
      const cut = Math.abs(line[i]) === 180 && Math.abs(line[i - 2]) === 180;
      if (i === 0 || far || cut) paint.moveTo(fit.left(u), fit.top(v));
      else paint.lineTo(fit.left(u), fit.top(v));
      before = u;
    }
  }
  paint.strokeStyle = tinted(theme.surface, theme.faint, theme.dark ? 0.5 : 0.42);
  paint.lineWidth = 0.9;
  paint.lineJoin = "round";
  paint.stroke();
}

/**
 * A ring around a city.
 * @param {CanvasRenderingContext2D} paint
 * @param {number} x
 * @param {number} y
 * @param {{colour: string, surface: string}} look
 */
export function paintRing(paint, x, y, { colour, surface }) {
  for (const [style, width] of /** @type {const} */ ([
    [surface, 4.5],
    [colour, 2],
  ])) {
    paint.beginPath();
    paint.arc(x, y, 7, 0, 2 * Math.PI);
    paint.strokeStyle = style;
    paint.lineWidth = width;
    paint.stroke();
  }
}
