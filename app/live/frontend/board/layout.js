/**
 * Which panels are seen, in which order, and which one fills the whole board: as people left it,
 * and as the address says.
 */

import { PANELS, USUAL } from "../panels/registry.js";

/** @typedef {{shown: string[], large: string | null}} Arrangement */

/**
 * The arrangement an address names; what it names wrongly is left out.
 * @param {import("../data/layouts.js").Layout} layout
 * @param {{panels?: string, large?: string}} asked
 * @returns {Arrangement}
 */
export function arrangementOf(layout, { panels, large }) {
  const there = PANELS[layout];
  const named = [...new Set((panels ?? "").split(","))].filter((name) => name in there);
  return {
    shown: named.length ? named : [...USUAL[layout]],
    large: large && large in there ? large : null,
  };
}

/**
 * What the address says of an arrangement; nothing where it is the usual one.
 * @param {import("../data/layouts.js").Layout} layout
 * @param {Arrangement} arrangement
 * @returns {{panels?: string, large?: string}}
 */
export function toAddress(layout, { shown, large }) {
  const panels = shown.join(",");
  return { ...(panels === USUAL[layout].join(",") ? {} : { panels }), ...(large ? { large } : {}) };
}

/**
 * Two panels change places.
 * @param {Arrangement} arrangement
 * @param {string} one
 * @param {string} other
 * @returns {Arrangement}
 */
export function swapped(arrangement, one, other) {
  const shown = arrangement.shown.map((name) =>
    name === one ? other : name === other ? one : name,
  );
  return { ...arrangement, shown };
}

/**
 * A panel goes, unless it is the last, or comes back at the end.
 * @param {Arrangement} arrangement
 * @param {string} name
 * @returns {Arrangement}
 */
export function toggled(arrangement, name) {
  if (!arrangement.shown.includes(name))
    return { shown: [...arrangement.shown, name], large: null };
  if (arrangement.shown.length === 1) return arrangement;
  return {
    shown: arrangement.shown.filter((one) => one !== name),
    large: arrangement.large === name ? null : arrangement.large,
  };
}

/**
 * A panel fills the board, or goes back to its place.
 * @param {Arrangement} arrangement
 * @param {string} name
 * @returns {Arrangement}
 */
export function enlarged(arrangement, name) {
  return { shown: arrangement.shown, large: arrangement.large === name ? null : name };
}

/** Panels beside which the large one still has room. */
const MOST_WITH_HERO = 4;
/** The panel of a board that may be drawn large. @type {Record<string, string>} */
const HEROES = { network: "network", tour: "map" };

/**
 * The panel that is drawn large, with the lanes' cards on it; null where all are equally large.
 * @param {import("../data/layouts.js").Layout} layout
 * @param {Arrangement} arrangement
 * @returns {string | null}
 */
export function heroOf(layout, { shown, large }) {
  const hero = HEROES[layout];
  return hero && !large && shown[0] === hero && shown.length <= MOST_WITH_HERO ? hero : null;
}

/** Columns of the board by how many panels are seen. @param {number} count */
export function columnsFor(count) {
  return count <= 3 ? count : count === 4 ? 2 : count <= 6 ? 3 : 4;
}

/** How much of the board's width the maps have: so much usually, and at most so much. */
const [HERO_SHARE, HERO_MOST] = [2 / 3, 0.74];
/** A chart beside them is as wide as this at least, px. */
const BESIDE = 270;
/** Room between panels, at both sides of the maps, between two maps and under them, px. */
const [GAP, SIDES, BETWEEN, UNDER] = [10, 26, 8, 14];
/** A chart is readable from this height on, px. */
const CHART = 175;

/**
 * How three panels, of which the large one has square maps side by side, leave no room empty: maps
 * are as wide as their height allows; where the height is left over, a chart stands under them.
 * @param {{width: number, height: number, head: number, lanes: number}} room of the board in
 *   pixels; `head`: height of what stands over the maps
 * @returns {{share: number, rows: number | null}} the maps' share of the width; the height of their
 *   panel where another one stands under it
 */
export function fitHero({ width, height, head, lanes }) {
  const across = (/** @type {number} */ share) =>
    share * (width - GAP) - SIDES - BETWEEN * (lanes - 1);
  const needed = (/** @type {number} */ share) => head + across(share) / lanes + UNDER;
  if (height - needed(HERO_SHARE) >= CHART + GAP)
    return { share: HERO_SHARE, rows: needed(HERO_SHARE) };
  const wanted = ((height - head - UNDER) * lanes + BETWEEN * (lanes - 1) + SIDES) / (width - GAP);
  const most = Math.min(HERO_MOST, 1 - BESIDE / (width - GAP));
  return { share: Math.max(HERO_SHARE, Math.min(most, wanted)), rows: null };
}
