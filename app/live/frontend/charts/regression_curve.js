/** A curve to be met and the curve a network gives. */

/**
 * The span of values with some air.
 * @param {ArrayLike<number>} values
 * @returns {[number, number]}
 */
export function span(values) {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i]);
    high = Math.max(high, values[i]);
  }
  const air = 0.12 * (high - low || 1);
  return [low - air, high + air];
}

/**
 * The height of a curve at x, by straight lines between its points.
 * @param {ArrayLike<number>} at rising
 * @param {ArrayLike<number>} y
 * @param {number} x
 */
export function between(at, y, x) {
  let i = 0;
  while (i < at.length - 2 && at[i + 1] < x) i++;
  const share = (x - at[i]) / (at[i + 1] - at[i]);
  return y[i] + Math.max(0, Math.min(1, share)) * (y[i + 1] - y[i]);
}

/**
 * Draw the points to be met and one network's curve through them.
 * @param {CanvasRenderingContext2D} context
 * @param {{x: {data: ArrayLike<number>}, y: {data: ArrayLike<number>}, at: {data:
 *   ArrayLike<number>}}} curve
 * @param {ArrayLike<number>} given the network's outputs at `curve.at`
 * @param {import("./theme.js").Theme} theme
 * @param {string} variable the lane's colour
 * @param {HTMLElement} element where the variable is known
 * @returns {number} how far the curve is off the points on average
 */
export function drawCurve(context, curve, given, theme, variable, element) {
  const { width, height } = context.canvas;
  const [x, y, at] = [curve.x.data, curve.y.data, curve.at.data];
  const [low, high] = span(y);
  const [left, right] = [at[0], at[at.length - 1]];
  const pad = width * 0.03;
  const across = (/** @type {number} */ value) =>
    pad + ((value - left) / (right - left)) * (width - 2 * pad);
  const up = (/** @type {number} */ value) => height - ((value - low) / (high - low)) * height;
  context.clearRect(0, 0, width, height);
  context.strokeStyle = theme.grid;
  context.lineWidth = 1;
  context.strokeRect(0.5, 0.5, width - 1, height - 1);
  context.beginPath();
  context.moveTo(0, up(0));
  context.lineTo(width, up(0));
  context.stroke();
  const radius = Math.max(2, Math.min(width, height) / 120);
  context.fillStyle = theme.faint;
  context.beginPath();
  for (let i = 0; i < x.length; i++) {
    context.moveTo(across(x[i]) + radius, up(y[i]));
    context.arc(across(x[i]), up(y[i]), radius, 0, 7);
  }
  context.fill();
  context.strokeStyle = getComputedStyle(element).getPropertyValue(variable) || theme.text;
  context.lineWidth = Math.max(2, radius);
  context.lineJoin = "round";
  context.beginPath();
  for (let i = 0; i < at.length; i++) {
    const height = up(Math.max(low - 1e3, Math.min(high + 1e3, given[i])));
    if (i) context.lineTo(across(at[i]), height);
    else context.moveTo(across(at[i]), height);
  }
  context.stroke();
  let off = 0;
  for (let i = 0; i < x.length; i++) off += Math.abs(between(at, given, x[i]) - y[i]);
  return off / x.length;
}
