/** A link as a QR code, drawn here: no network is asked. */

import { t } from "../i18n/i18n.js";
import { encode } from "../vendor/uqr.js";

/** Empty modules around a code, as the standard asks for. */
const MARGIN = 4;
/** What a code of level M can hold, in bytes. */
export const MOST_BYTES = 2331;

/** Names that every computer has for itself. */
const LOCAL = /^(?:localhost|127\.[\d.]+|\[::1\]|0\.0\.0\.0)$/;

/**
 * The modules of a code, row by row with the margin; null where the text is too long for one.
 * @param {string} text
 * @returns {boolean[][] | null}
 */
export function qrModules(text) {
  if (new TextEncoder().encode(text).length > MOST_BYTES) return null;
  return encode(text, { ecc: "M", border: MARGIN }).data;
}

/**
 * A code as a picture, black on white in every theme, as cameras expect it.
 * @param {string} text
 * @returns {SVGSVGElement | null} null where the text is too long
 */
export function qrCode(text) {
  const modules = qrModules(text);
  if (!modules) return null;
  const size = modules.length;
  const make = (/** @type {string} */ name, /** @type {Record<string, string>} */ attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const picture = /** @type {SVGSVGElement} */ (
    make("svg", {
      viewBox: `0 0 ${size} ${size}`,
      role: "img",
      "aria-label": t("present.qr-label"),
      "shape-rendering": "crispEdges",
    })
  );
  picture.append(
    make("rect", { width: String(size), height: String(size), fill: "#ffffff" }),
    make("path", { d: pathOf(modules), fill: "#000000" }),
  );
  return picture;
}

/** Each row's black stretches as one path. @param {boolean[][]} modules */
export function pathOf(modules) {
  let path = "";
  modules.forEach((row, y) => {
    for (let x = 0; x < row.length; x++) {
      if (!row[x]) continue;
      let end = x;
      while (row[end + 1]) end++;
      path += `M${x} ${y}h${end - x + 1}v1h${x - end - 1}z`;
      x = end;
    }
  });
  return path;
}

/**
 * A link as text to copy, and its QR code.
 * @param {string} link
 * @param {string} [label] what it is for
 * @returns {HTMLElement}
 */
export function linkBox(link, label = t("menu.share")) {
  const box = document.createElement("div");
  box.className = "kv-link";
  box.dataset.testid = "link-box";
  const field = document.createElement("input");
  field.value = link;
  field.readOnly = true;
  field.setAttribute("aria-label", label);
  field.onfocus = () => field.select();
  const said = document.createElement("p");
  const code = qrCode(link);
  const local = LOCAL.test(new URL(link).hostname);
  said.textContent = t(!code ? "present.qr-long" : local ? "present.qr-local" : "present.qr-hint");
  box.append(field, ...(code ? [code] : []), said);
  return box;
}
