/**
 * What neurons and networks compute, painted in small: as maps over the plane, or as lines over a
 * single input.
 */

import { colour, colourAreas, shades } from "../../../charts/decision_map.js";
import { drawCurve } from "../../../charts/regression_curve.js";
import { channels } from "../../../charts/theme.js";
import { t } from "../../../i18n/i18n.js";
import { reach } from "./forward.js";

/** Side of the map of one neuron, in places. */
export const SIDE = 24;
/**
 * A value at its bound is as sure as log-odds of four are on a decision map, which ends at eight.
 */
const SURE = 64;

/** @typedef {import("./forward.js").Net} Net */

export class Cells {
  /**
   * @param {import("../../../charts/theme.js").Theme} theme
   * @param {any} palette
   * @param {HTMLElement} place where the lanes' colours are known
   */
  constructor(theme, palette, place) {
    this.theme = theme;
    this.place = place;
    this.neutral = channels(theme.dark ? palette.neutralOnDark : palette.neutral);
    this.classes = palette.classes.map(channels);
    this.table = shades(this.neutral, this.classes);
    this.tile = document.createElement("canvas");
  }

  /**
   * What one neuron computes, in its frame.
   * @param {CanvasRenderingContext2D} paint
   * @param {Net} net
   * @param {import("./wiring.js").Node} node
   * @param {Float64Array} values
   */
  node(paint, net, { layer, x, y, size }, values) {
    const frame = () => {
      paint.beginPath();
      paint.roundRect(x - size / 2, y - size / 2, size, size, Math.min(4, size / 5));
    };
    paint.save();
    paint.save();
    frame();
    paint.clip();
    this.values(paint, net, layer, values, x - size / 2, y - size / 2, size);
    paint.restore();
    frame();
    paint.strokeStyle = this.theme.faint;
    paint.lineWidth = 0.8;
    paint.stroke();
    paint.restore();
  }

  /**
   * A neuron's values: a map of `SIDE`² places, or a line over fewer.
   * @param {CanvasRenderingContext2D} paint
   * @param {Net} net
   * @param {number} layer 0 for the inputs
   * @param {Float64Array} values
   * @param {number} left
   * @param {number} top
   * @param {number} size
   */
  values(paint, net, layer, values, left, top, size) {
    const most = reach(net, layer, values);
    if (values.length !== SIDE * SIDE) {
      paint.fillStyle = this.theme.surface;
      paint.fillRect(left, top, size, size);
      paint.beginPath();
      values.forEach((value, n) => {
        const [x, y] = [
          left + (size * n) / (values.length - 1),
          top + size / 2 - (0.42 * size * Math.max(-1.2, Math.min(1.2, value / most)) || 0),
        ];
        if (n) paint.lineTo(x, y);
        else paint.moveTo(x, y);
      });
      paint.strokeStyle = this.theme.text;
      paint.lineWidth = Math.max(1, Math.min(2.5, size / 16));
      paint.stroke();
      return;
    }
    const small = this._small(SIDE);
    const image = small.createImageData(SIDE, SIDE);
    for (let n = 0; n < values.length; n++) {
      // row 0 is at the low end
      const to = 4 * ((SIDE - 1 - Math.floor(n / SIDE)) * SIDE + (n % SIDE));
      const shade =
        3 * Math.max(0, Math.min(255, Math.round(127.5 + SURE * (values[n] / most || 0))));
      for (let c = 0; c < 3; c++) image.data[to + c] = this.table[shade + c];
      image.data[to + 3] = 255;
    }
    small.putImageData(image, 0, 0);
    paint.imageSmoothingEnabled = true;
    paint.drawImage(this.tile, left, top, size, size);
  }

  /**
   * What the whole network says.
   * @param {CanvasRenderingContext2D} paint
   * @param {{x: number, y: number, size: number}} at
   * @param {any} data of the stage
   * @param {Float64Array[][]} given by every neuron
   * @param {number} lane
   * @param {{curve?: any, map?: any, areas?: any}} told finer, by the engine, if it is still true
   */
  answer(paint, { x, y, size }, data, given, lane, told) {
    const outputs = given[given.length - 1];
    if (data.curve) {
      const side = Math.round(size * Math.min(2, window.devicePixelRatio || 1));
      const [at, curve] = told.curve
        ? [data.curve.at.data, told.curve.data]
        : [given[0][0], outputs[0]];
      drawCurve(
        this._small(side),
        { ...data.curve, at: { data: at } },
        curve,
        this.theme,
        `--lane-${lane}`,
        this.place,
      );
    } else if (outputs.length === 2) {
      const map = told.map ?? {
        shape: [SIDE, SIDE],
        data: outputs[0].map(
          (value, n) => 127.5 * (1 + Math.max(-8, Math.min(8, outputs[1][n] - value || 0)) / 8),
        ),
      };
      this._image(3 * map.shape[0], (image) =>
        colour({ shape: map.shape, data: map.data }, image, this.table),
      );
    } else {
      const areas = told.areas ?? surest(outputs, SIDE);
      this._image(areas.shape[1], (image) => colourAreas(areas, image, this.neutral, this.classes));
    }
    paint.save();
    paint.beginPath();
    paint.roundRect(x, y, size, size, 7);
    paint.clip();
    paint.imageSmoothingEnabled = true;
    paint.drawImage(this.tile, x, y, size, size);
    paint.restore();
    paint.font = `11px ${this.theme.font}`;
    paint.textAlign = "center";
    paint.fillStyle = this.theme.faint;
    paint.fillText(t("panels.neurons-says"), x + size / 2, y + size + 15);
  }

  /**
   * @param {number} side
   * @param {(image: ImageData) => void} draw
   */
  _image(side, draw) {
    const small = this._small(side);
    const image = small.createImageData(side, side);
    draw(image);
    small.putImageData(image, 0, 0);
  }

  /** An empty tile of that side. @param {number} side */
  _small(side) {
    this.tile.width = this.tile.height = side;
    return /** @type {CanvasRenderingContext2D} */ (this.tile.getContext("2d"));
  }
}

/**
 * Which class is given where, and how sure.
 * @param {Float64Array[]} outputs
 * @param {number} side
 */
export function surest(outputs, side) {
  const data = new Uint8Array(2 * side * side);
  for (let n = 0; n < side * side; n++) {
    const odds = outputs.map((row) => row[n] || 0);
    const best = odds.indexOf(Math.max(...odds));
    data[n] = best;
    data[side * side + n] = Math.round(
      255 / odds.reduce((sum, value) => sum + Math.exp(value - odds[best]), 0),
    );
  }
  return { shape: [2, side, side], data };
}

/**
 * A canvas in device pixels, drawn on in those of the page.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 */
export function fit(canvas, width, height) {
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down)
    Object.assign(canvas, { width: across, height: down });
  const paint = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  paint.setTransform(ratio, 0, 0, ratio, 0, 0);
  return paint;
}
