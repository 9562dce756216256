/** Which recordings are seen, and in which order. */

/**
 * @typedef {object} Item a recording on the page: one of the visitor's own, or one that ships with
 *   Kelvin
 * @property {string} key what an address calls it: `own:` and its id, or its name
 * @property {string} id
 * @property {boolean} own
 * @property {boolean} kept
 * @property {string} name
 * @property {number | null} made milliseconds since 1970
 * @property {number} size of the file in bytes
 * @property {import("../data/summary.js").Summary} summary
 * @property {(number | null)[][]} spark
 *
 * @typedef {"newest" | "accuracy" | "loss" | "name"} Order
 * @typedef {{search: string, data: Set<string>, methods: Set<string>, sort: Order}} Choice
 * @typedef {{value: string, label: string, count: number}} Facet
 */

export const ORDERS = /** @type {Order[]} */ (["newest", "accuracy", "loss", "name"]);

/**
 * What can be filtered by: only what is there, by name.
 * @param {Item[]} items
 * @returns {{data: Facet[], methods: Facet[]}}
 */
export function facets(items) {
  /** @type {Map<string, Facet>} */ const data = new Map();
  /** @type {Map<string, Facet>} */ const methods = new Map();
  const add = (
    /** @type {Map<string, Facet>} */ to,
    /** @type {string} */ value,
    /** @type {string} */ label,
  ) => {
    const found = to.get(value);
    if (found) found.count++;
    else to.set(value, { value, label, count: 1 });
  };
  for (const { summary } of items) {
    add(data, summary.label, summary.label);
    for (const [optimizer, label] of new Map(
      summary.lanes.map((lane) => [lane.optimizer, lane.method ?? lane.label]),
    ))
      add(methods, optimizer, label);
  }
  const named = (/** @type {Map<string, Facet>} */ from) =>
    [...from.values()].sort((a, b) => a.label.localeCompare(b.label));
  return { data: named(data), methods: named(methods) };
}

/**
 * Whether a recording is among those looked for: every word of the search, one of the chosen data,
 * one of the chosen methods.
 * @param {Item} item
 * @param {Choice} choice
 */
export function matches({ name, summary }, { search, data, methods }) {
  if (data.size && !data.has(summary.label)) return false;
  if (methods.size && !summary.lanes.some((lane) => methods.has(lane.optimizer))) return false;
  const text = plain(
    [
      name,
      summary.label,
      summary.dataset,
      summary.network,
      ...summary.lanes.flatMap((lane) => [lane.label, lane.optimizer]),
    ].join(" "),
  );
  return plain(search)
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** In small letters without accents. @param {string} text */
function plain(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().trim();
}

/**
 * In the order asked for; those without a number come last, equals with the newest first.
 * @param {Item[]} items
 * @param {Order} order
 * @returns {Item[]}
 */
export function sorted(items, order) {
  const newest = (/** @type {Item} */ a, /** @type {Item} */ b) =>
    (b.made ?? 0) - (a.made ?? 0) || a.name.localeCompare(b.name);
  const by = {
    newest,
    name: (/** @type {Item} */ a, /** @type {Item} */ b) =>
      a.name.localeCompare(b.name, undefined, { numeric: true }) || newest(a, b),
    accuracy: (/** @type {Item} */ a, /** @type {Item} */ b) =>
      best(b, "test_accuracy", 1) - best(a, "test_accuracy", 1) || newest(a, b),
    loss: (/** @type {Item} */ a, /** @type {Item} */ b) =>
      best(b, "test_loss", -1) - best(a, "test_loss", -1) || newest(a, b),
  };
  return [...items].sort(by[order]);
}

/**
 * The best lane's number, the larger the better; far below all others where there is none.
 * @param {Item} item
 * @param {"test_accuracy" | "test_loss"} name
 * @param {1 | -1} sign
 */
function best({ summary }, name, sign) {
  const numbers = summary.results.map((row) => row[name]).filter((value) => value !== null);
  return numbers.length
    ? Math.max(...numbers.map((value) => sign * /** @type {number} */ (value)))
    : -Number.MAX_VALUE;
}
