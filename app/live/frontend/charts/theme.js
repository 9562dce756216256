/** Streamlit's theme, as the charts need it. */

/**
 * @typedef {{text: string, faint: string, grid: string, surface: string, background: string, dark:
 *   boolean, font: string}} Theme
 */

/**
 * @param {Element} element
 * @returns {Theme}
 */
export function readTheme(element) {
  const style = getComputedStyle(element);
  const get = (/** @type {string} */ name, /** @type {string} */ fallback) =>
    style.getPropertyValue(name).trim() || fallback;
  const background = get("--st-background-color", "#ffffff");
  const text = get("--st-text-color", "#1a1a1a");
  const dark = luminance(background) < 0.35;
  return {
    text,
    background,
    dark,
    faint: dark ? "#b3aaa0" : "#6b6560",
    grid: dark ? "#38332f" : "#ece7e0",
    surface: dark ? "#211e1b" : "#ffffff",
    font: get("--st-font", "system-ui, sans-serif"),
  };
}

/** Perceived brightness of a colour, 0 to 1. @param {string} colour "#rrggbb" or "rgb(r, g, b)" */
export function luminance(colour) {
  const [r, g, b] = channels(colour);
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}

/**
 * @param {string} colour
 * @returns {[number, number, number]}
 */
export function channels(colour) {
  const hex = colour.match(/^#([0-9a-f]{6})/i);
  if (hex) return /** @type {any} */ ([0, 2, 4].map((i) => parseInt(hex[1].slice(i, i + 2), 16)));
  const numbers = colour.match(/[\d.]+/g)?.map(Number) ?? [255, 255, 255];
  return [numbers[0] ?? 255, numbers[1] ?? 255, numbers[2] ?? 255];
}

/**
 * A colour between the stops of a scale [[0, "#…"], …, [1, "#…"]].
 * @param {[number, string][]} scale
 * @param {number} at
 */
export function mixColours(scale, at) {
  const place = Math.min(1, Math.max(0, Number.isFinite(at) ? at : 0));
  for (let i = 1; i < scale.length; i++) {
    const [end, to] = scale[i];
    if (place <= end) {
      const [start, from] = scale[i - 1];
      const share = end > start ? (place - start) / (end - start) : 1;
      const a = channels(from);
      const b = channels(to);
      return `rgb(${a.map((value, c) => Math.round(value + share * (b[c] - value))).join(",")})`;
    }
  }
  return scale[scale.length - 1][1];
}

/**
 * How far the cold end lies from a lane's colour by day, and the hot one by night: towards the ink,
 * and towards the light.
 */
const [COLD, HOT] = [0.5, 0.56];

/**
 * A lane's colour from cold to hot, as a scale: always that colour, and the hotter the lighter,
 * which every eye can tell.
 * @param {string} colour of the lane
 * @param {Theme} theme
 * @returns {[number, string][]}
 */
export function heatScale(colour, theme) {
  return theme.dark
    ? [
        [0, colour],
        [
          1,
          mixColours(
            [
              [0, colour],
              [1, "#ffffff"],
            ],
            HOT,
          ),
        ],
      ]
    : [
        [
          0,
          mixColours(
            [
              [0, colour],
              [1, "#000000"],
            ],
            COLD,
          ),
        ],
        [1, colour],
      ];
}
