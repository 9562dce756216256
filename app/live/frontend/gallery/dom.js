/** Elements in one line each. Texts are set as text, never as markup: names come from files. */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} name
 * @param {Record<string, string | boolean | undefined>} attributes `text` is its text; false and
 *   undefined are left out, true is an empty attribute
 * @param {...(Node | string | null | false | undefined)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "text") made.textContent = String(value ?? "");
    else if (value !== false && value !== undefined)
      made.setAttribute(key, value === true ? "" : value);
  }
  made.append(
    .../** @type {(Node | string)[]} */ (
      children.filter((child) => child !== null && child !== false && child !== undefined)
    ),
  );
  return made;
}

const ICONS = {
  import:
    "M7.300 10.500h1.400V4.400l2.400 2.400 1-1L8 1.700 3.900 5.800l1 1 2.400-2.400zM2.500 10.500h1.400v2.600h8.200v-2.600h1.400v4h-11z",
  export:
    "M7.300 1.500h1.400v6.100l2.400-2.400 1 1L8 10.300 3.900 6.200l1-1 2.400 2.400zM2.500 10.500h1.400v2.600h8.200v-2.600h1.400v4h-11z",
  rename:
    "M11.300 1.700 14.300 4.700 5.300 13.700 1.800 14.200 2.300 10.700zM11.300 3.600 10.200 4.700 11.300 5.800 12.400 4.700zM9.200 5.700 3.600 11.300 3.400 12.600 4.700 12.400 10.300 6.800z",
  delete:
    "M6 1.500h4l.6 1.200H14v1.400H2V2.700h3.400zM3.200 5.300h9.600l-.7 9.200H3.900zM4.700 6.700l.5 6.400h5.600l.5-6.400z",
  close:
    "M12.600 4.500 11.500 3.400 8 6.900 4.500 3.400 3.400 4.500 6.900 8l-3.500 3.500 1.100 1.100L8 9.100l3.500 3.500 1.100-1.100L9.100 8z",
  present:
    "M1.500 2.500h13v9H9l2.300 3H9.600L8 12.300 6.400 14.500H4.700l2.300-3H1.500zM3 4v6h10V4z",
  play: "M4 2.500v11l9-5.500z",
  grip: "M5 2.500h2v2H5zM9 2.500h2v2H9zM5 7h2v2H5zM9 7h2v2H9zM5 11.500h2v2H5zM9 11.500h2v2H9z",
  up: "M8 3.500 13 8.500 11.900 9.600 8.800 6.500V13H7.200V6.500L4.100 9.600 3 8.500z",
  down: "M8 12.500 3 7.500 4.100 6.400 7.200 9.500V3H8.800V9.500L11.900 6.400 13 7.500z",
  search:
    "M6.800 1.800a5 5 0 0 1 4 8l3.600 3.600-1 1-3.600-3.600a5 5 0 1 1-3-9zm0 1.400a3.600 3.600 0 1 0 0 7.200 3.600 3.600 0 0 0 0-7.200z",
};

/** @param {keyof typeof ICONS} name */
export function icon(name) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  made.setAttribute("viewBox", "0 0 16 16");
  made.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  shape.setAttribute("fill-rule", "evenodd");
  shape.setAttribute("d", ICONS[name]);
  made.append(shape);
  return made;
}

/**
 * A text for Plotly, which reads a little markup and placeholders: a name has neither.
 * @param {string} name
 */
export function plain(name) {
  return name.slice(0, 60).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("%{", "% {");
}
