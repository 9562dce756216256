/** A wall of samples: the images, and on the wrong ones the answer given. */

export class SampleGrid {
  /**
   * @param {import("../../charts/theme.js").Theme} theme
   * @param {any} palette
   */
  constructor(theme, palette) {
    this.theme = theme;
    this.palette = palette;
    /** @type {HTMLCanvasElement[]} */ this.tiles = [];
    /** @type {any} */ this.images = null;
  }

  /**
   * @param {import("../../charts/theme.js").Theme} theme
   * @param {any} palette
   */
  dress(theme, palette) {
    this.theme = theme;
    this.palette = palette;
    this.images = null;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {ArrayLike<number>} predicted
   * @param {any} data of the stage
   * @returns {number} how many are right
   */
  paint(context, predicted, data) {
    const { width, height } = context.canvas;
    const [count, pixels] = data.wall.images.shape;
    if (this.images !== data.wall.images) this._cut(data.wall.images);
    const { across, side } = tiling(count, width, height);
    const left = (width - side * across) / 2;
    const top = (height - side * Math.ceil(count / across)) / 2;
    const gap = Math.max(side < 24 ? 1 : 2, side * 0.09);
    context.clearRect(0, 0, width, height);
    context.imageSmoothingEnabled = pixels > 16;
    let right = 0;
    for (let i = 0; i < count; i++) {
      const x = left + (i % across) * side;
      const y = top + Math.floor(i / across) * side;
      const correct = predicted[i] === data.wall.labels.data[i];
      right += correct ? 1 : 0;
      context.globalAlpha = correct ? 0.9 : 1;
      context.drawImage(this.tiles[i], x + gap / 2, y + gap / 2, side - gap, side - gap);
      context.globalAlpha = 1;
      if (!correct)
        this._wrong(context, x + gap / 2, y + gap / 2, side - gap, data.classes[predicted[i]]);
    }
    return right;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} x
   * @param {number} y
   * @param {number} side
   * @param {string} answer
   */
  _wrong(context, x, y, side, answer) {
    context.strokeStyle = this.palette.wrong;
    context.lineWidth = Math.max(side < 40 ? 1.5 : 2, side / 15);
    context.strokeRect(x, y, side, side);
    if (side < 18) return; // what cannot be read is not written
    const size = Math.max(9, side * 0.33);
    context.font = `700 ${size}px ${this.theme.font}`;
    const text = answer.length > 2 ? answer.slice(0, 3) : answer;
    const plate = context.measureText(text).width + size * 0.5;
    context.fillStyle = this.palette.wrong;
    context.fillRect(x + side - plate, y + side - size * 1.15, plate, size * 1.15);
    context.fillStyle = "#ffffff";
    context.fillText(text, x + side - plate + size * 0.25, y + side - size * 0.22);
  }

  /** The images as canvases, made once per race and theme. @param {any} images */
  _cut(images) {
    this.images = images;
    const [count, height, width] = images.shape;
    this.tiles = Array.from({ length: count }, (_, i) => {
      const tile = document.createElement("canvas");
      tile.width = width;
      tile.height = height;
      const paint = /** @type {CanvasRenderingContext2D} */ (tile.getContext("2d"));
      const image = paint.createImageData(width, height);
      for (let p = 0; p < width * height; p++) {
        // Ink on paper, chalk on slate by night.
        const value = images.data[i * width * height + p];
        const ink = this.theme.dark ? 40 + value * 0.84 : 255 - value;
        image.data.set([ink, ink, ink, 255], 4 * p);
      }
      paint.putImageData(image, 0, 0);
      return tile;
    });
  }
}

/**
 * As many columns as make the tiles largest.
 * @param {number} count
 * @param {number} width
 * @param {number} height
 */
export function tiling(count, width, height) {
  let [across, side] = [1, 0];
  for (let columns = 1; columns <= count; columns++) {
    const tile = Math.min(width / columns, height / Math.ceil(count / columns));
    if (tile > side) [side, across] = [tile, columns];
  }
  return { across, side };
}
