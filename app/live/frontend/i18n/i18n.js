/** What people read, from the catalogue that Python hands over (app/text). */

/** @type {Record<string, string>} */
let texts = {};

/** @param {Record<string, string>} catalogue by "area.key" */
export function setTexts(catalogue) {
  texts = catalogue ?? {};
}

/**
 * The text of that name, filled in; its name where there is none, so that a gap is seen and nothing
 * breaks.
 * @param {string} key
 * @param {Record<string, unknown>} values
 */
export function t(key, values = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) =>
    name in values ? String(values[name]) : whole,
  );
}
