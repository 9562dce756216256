/** Pieces of a text, and the character a network thinks comes next. */

/**
 * @typedef {{pieces: {data: ArrayLike<number>, shape: number[]}, next: {data: ArrayLike<number>}}}
 *   Text numbers of characters: (M, T) shown, (M,) that follow
 */

const LINE = 1.75;
/** Of one character of a typewriter's letters, as a share of their size. */
const ADVANCE = 0.61;
/** Characters beside the piece: the guess in its box, and what comes in its stead. */
const BESIDE = 4;

/**
 * How large the letters are, and how many characters of a piece can be seen.
 * @param {number} count pieces
 * @param {number} length characters in one
 * @param {number} width
 * @param {number} height
 * @returns {{size: number, seen: number, lines: number}}
 */
export function setting(count, length, width, height) {
  const least = Math.max(9, Math.min(width, height) / 32);
  const lines = Math.max(1, Math.min(count, Math.floor(height / (least * LINE))));
  const size = Math.max(
    least,
    Math.min(height / lines / LINE, width / ADVANCE / (Math.min(length, 24) + BESIDE)),
  );
  return {
    size,
    lines,
    seen: Math.max(1, Math.min(length, Math.floor(width / (size * ADVANCE)) - BESIDE)),
  };
}

/**
 * Draw the pieces: a right guess underlined, a wrong one in a box, with what follows indeed beside
 * it.
 * @param {CanvasRenderingContext2D} context
 * @param {Text} text
 * @param {ArrayLike<number>} predicted (M,)
 * @param {string[]} classes the characters
 * @param {import("../../charts/theme.js").Theme} theme
 * @param {string} wrong colour
 * @returns {number} how many of all pieces are right
 */
export function paintTextSamples(context, text, predicted, classes, theme, wrong) {
  const { width, height } = context.canvas;
  const [count, length] = text.pieces.shape;
  const { size, lines, seen } = setting(count, length, width, height);
  const step = size * ADVANCE;
  const letters = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
  const left = (width - (seen + BESIDE) * step) / 2;
  context.clearRect(0, 0, width, height);
  context.textBaseline = "middle";
  for (let i = 0; i < lines; i++) {
    const y = ((i + 0.5) * height) / lines;
    const guess = left + (seen + 0.5) * step;
    const right = predicted[i] === text.next.data[i];
    context.font = `${size}px ${letters}`;
    context.fillStyle = theme.faint;
    for (let c = 0; c < seen; c++)
      put(
        context,
        classes[text.pieces.data[i * length + length - seen + c]].replace("␣", " "),
        left + c * step,
        y,
        step,
      );
    context.font = `700 ${size}px ${letters}`;
    if (!right) {
      context.fillStyle = wrong;
      context.fillRect(guess - step * 0.2, y - size * 0.72, step * 1.4, size * 1.44);
    }
    context.fillStyle = right ? theme.text : "#ffffff";
    put(context, classes[predicted[i]], guess, y, step);
    if (right) context.fillRect(guess, y + size * 0.62, step, Math.max(1, size / 9));
    else {
      context.fillStyle = theme.text;
      put(context, classes[text.next.data[i]], guess + step * 1.7, y, step);
    }
  }
  context.textBaseline = "alphabetic";
  let right = 0;
  for (let i = 0; i < count; i++) right += predicted[i] === text.next.data[i] ? 1 : 0;
  return right;
}

/**
 * One character in the middle of its place.
 * @param {CanvasRenderingContext2D} context
 * @param {string} character
 * @param {number} x
 * @param {number} y
 * @param {number} step
 */
function put(context, character, x, y, step) {
  context.fillText(character, x + (step - context.measureText(character).width) / 2, y);
}
