/** The markers of the lanes, on a canvas, and lines that are seen on everything. */

const TURN = 2 * Math.PI;
const CORNERS = [
  [
    [0, -1.25],
    [1.25, 0],
    [0, 1.25],
    [-1.25, 0],
  ],
  [
    [0, -1.2],
    [1.15, 0.85],
    [-1.15, 0.85],
  ],
];

/**
 * Add the marker of a lane to the path: circle, square, diamond, triangle.
 * @param {CanvasRenderingContext2D} paint
 * @param {number} lane
 * @param {number} x
 * @param {number} y
 * @param {number} size
 */
export function shape(paint, lane, x, y, size) {
  if (lane === 0) {
    paint.moveTo(x + size, y);
    paint.arc(x, y, size, 0, TURN);
  } else if (lane === 1) paint.rect(x - size * 0.88, y - size * 0.88, size * 1.76, size * 1.76);
  else {
    CORNERS[lane === 2 ? 0 : 1].forEach(([dx, dy], i) =>
      i ? paint.lineTo(x + dx * size, y + dy * size) : paint.moveTo(x + dx * size, y + dy * size),
    );
    paint.closePath();
  }
}

/**
 * Stroke the current path twice: paper underneath, ink on top, so that it is seen on everything.
 * @param {CanvasRenderingContext2D} paint
 * @param {import("./theme.js").Theme} theme
 * @param {number} under
 * @param {number} over
 */
export function halo(paint, theme, under, over) {
  paint.strokeStyle = theme.text;
  paint.lineWidth = over;
  paint.save();
  paint.strokeStyle = theme.surface;
  paint.lineWidth = under;
  paint.stroke();
  paint.restore();
  paint.stroke();
  paint.strokeStyle = theme.surface;
}
