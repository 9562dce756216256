/**
 * A sheet to draw on, as SVG: what pictures of panels are put together on, whatever drew the
 * panels.
 */

import { t } from "../i18n/i18n.js";
import { escaped } from "./files.js";

/** @typedef {{x: number, y: number, width: number, height: number}} Box */

/** Pixels, to a hundredth. @param {number} value */
const px = (value) => String(Math.round(100 * value) / 100);
const box = (/** @type {Box} */ { x, y, width, height }) =>
  `x="${px(x)}" y="${px(y)}" width="${px(Math.max(0, width))}" height="${px(Math.max(0, height))}"`;

/** The markers of the lanes around (0, 0): circle, square, diamond, triangle. */
const MARKERS = [
  "M5 0A5 5 0 1 1 -5 0A5 5 0 1 1 5 0Z",
  "M-4.5 -4.5H4.5V4.5H-4.5Z",
  "M0 -6.2L6.2 0 0 6.2 -6.2 0Z",
  "M0 -5.6L5.8 4.6H-5.8Z",
];

let sheets = 0;

export class SvgSheet {
  /**
   * @param {number} width
   * @param {number} height in pixels
   */
  constructor(width, height) {
    this.width = Math.ceil(width);
    this.height = Math.ceil(height);
    /** @type {(string | Promise<string>)[]} some come when their chart is written */
    this.parts = [];
    this.name = `sheet${++sheets}`;
    this.clips = 0;
  }

  /**
   * @param {Box} place
   * @param {{fill?: string, stroke?: string, line?: number, radius?: number}} look
   */
  rect(place, { fill = "none", stroke = "none", line = 1, radius = 0 }) {
    this.parts.push(
      `<rect ${box(place)} rx="${px(radius)}" fill="${escaped(fill)}" stroke="${escaped(stroke)}" stroke-width="${px(line)}"/>`,
    );
  }

  /**
   * @param {string} text
   * @param {number} x
   * @param {number} y of its baseline
   * @param {{fill: string, font: string, size: number, weight?: string | number, style?: string,
   *   end?: boolean}} look
   */
  text(text, x, y, { fill, font, size, weight = 400, style = "normal", end = false }) {
    const look = `fill="${escaped(fill)}" font-family="${escaped(font)}" font-size="${px(size)}" font-weight="${escaped(String(weight))}" font-style="${escaped(style)}"`;
    this.parts.push(
      `<text x="${px(x)}" y="${px(y)}" ${look} text-anchor="${end ? "end" : "start"}">${escaped(text)}</text>`,
    );
  }

  /**
   * @param {Box} place
   * @param {string} href a data: address
   */
  image(place, href) {
    this.parts.push(`<image ${box(place)} preserveAspectRatio="none" href="${escaped(href)}"/>`);
  }

  /**
   * The marker of a lane.
   * @param {number} lane
   * @param {number} x
   * @param {number} y
   * @param {string} fill
   */
  marker(lane, x, y, fill) {
    this.parts.push(
      `<path transform="translate(${px(x)} ${px(y)})" d="${MARKERS[lane % MARKERS.length]}" fill="${escaped(fill)}"/>`,
    );
  }

  /**
   * Another SVG at a place, there or promised.
   * @param {string | Promise<string>} svg
   * @param {Box} place
   */
  svg(svg, place) {
    this.parts.push(
      typeof svg === "string" ? placed(svg, place) : svg.then((written) => placed(written, place)),
    );
  }

  /**
   * What `draw` draws is seen only within a box.
   * @param {Box} place
   * @param {() => void} draw
   */
  clipped(place, draw) {
    const id = `${this.name}-${this.clips++}`;
    this.parts.push(
      `<clipPath id="${id}"><rect ${box(place)}/></clipPath><g clip-path="url(#${id})">`,
    );
    draw();
    this.parts.push("</g>");
  }

  /**
   * What `draw` draws is seen through.
   * @param {number} opacity
   * @param {() => void} draw
   */
  faded(opacity, draw) {
    if (opacity < 1) this.parts.push(`<g opacity="${px(opacity)}">`);
    draw();
    if (opacity < 1) this.parts.push("</g>");
  }

  /** The sheet as SVG. @returns {Promise<string>} */
  async written() {
    const { width, height } = this;
    const parts = await Promise.all(this.parts);
    return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${parts.join("")}</svg>`;
  }

  /**
   * The sheet as PNG.
   * @param {number} scale pixels of the file for each of the sheet
   * @returns {Promise<Blob>}
   */
  async png(scale) {
    const image = new Image();
    const address = URL.createObjectURL(
      new Blob([await this.written()], { type: "image/svg+xml" }),
    );
    try {
      image.src = address;
      await image.decode();
      const canvas = document.createElement("canvas");
      canvas.width = this.width * scale;
      canvas.height = this.height * scale;
      /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).drawImage(
        image,
        0,
        0,
        canvas.width,
        canvas.height,
      );
      return await new Promise((resolve, reject) =>
        canvas.toBlob(
          (blob) => (blob ? resolve(blob) : reject(new Error(t("export.no-picture")))),
          "image/png",
        ),
      );
    } finally {
      URL.revokeObjectURL(address);
    }
  }
}

/**
 * An SVG that is part of another.
 * @param {string} svg
 * @param {Box} place
 */
function placed(svg, place) {
  const from = svg.indexOf("<svg");
  const to = svg.indexOf(">", from);
  const head = svg.slice(from + 4, to).replace(/\s(?:x|y|width|height)="[^"]*"/g, "");
  return `<svg ${box(place)}${head}${svg.slice(to)}`;
}
