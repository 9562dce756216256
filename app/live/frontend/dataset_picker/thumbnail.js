/** Thumbnails of datasets: files that ship, or points as they were drawn. */

import { classCount, decodePoints, squareFor } from "../panels/network/draw_points/model.js";

const SIDE = 128;
const MARGIN = 13;

/**
 * Put a thumbnail into a button.
 * @param {HTMLElement} button
 * @param {{points: string} | {image: string}} shown
 * @param {string} base path of the server
 * @param {boolean} dark
 */
export function fillThumbnail(button, shown, base, dark) {
  const place = document.createElement("span");
  place.className = "kd-thumb";
  if ("points" in shown) place.innerHTML = pointsPicture(shown.points);
  else {
    const image = document.createElement("img");
    image.alt = "";
    image.decoding = "async";
    // A drawing has its colours for the dark theme behind this mark; photographs have one look.
    image.src = `${base}${shown.image}${dark ? "#dark" : ""}`;
    place.append(image);
  }
  button.append(place);
}

/**
 * Points as a small drawing: a path for each class, whose lines of no length end round or square.
 * @param {string} text
 */
export function pointsPicture(text) {
  const points = decodePoints(text);
  const [x0, x1] = squareFor(points);
  const place = (/** @type {number} */ value) =>
    Math.round(MARGIN + ((value - x0) / (x1 - x0)) * (SIDE - 2 * MARGIN));
  const paths = Array.from({ length: classCount(points) }, (_, label) => {
    const marks = points
      .filter((point) => point.label === label)
      .map(({ x, y }) => `M${place(x)} ${SIDE - place(y)}h0`)
      .join("");
    return `<path style="stroke: var(--kv-class-${label})" stroke-linecap="${label === 1 ? "square" : "round"}" d="${marks}"/>`;
  });
  return `<svg viewBox="0 0 ${SIDE} ${SIDE}" fill="none" stroke-width="7" aria-hidden="true">${paths.join("")}</svg>`;
}
