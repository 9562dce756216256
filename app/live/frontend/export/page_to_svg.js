/**
 * What stands in the page, drawn on a sheet: charts of Plotly, canvases, and the boxes and words of
 * HTML.
 */

/** @typedef {import("./svg_sheet.js").SvgSheet} Sheet */
/**
 * @typedef {Map<Element, string | Promise<string>>} Captured what was drawn by others: SVG of
 *   charts, data: addresses of canvases
 */

const CLEAR = /^(transparent|rgba\(.*, 0\))$/;
/** A gradient from a colour to itself: how style sheets fill a part of a bar. */
const PLAIN = /^linear-gradient\((rgba?\([^)]*\)), \1\)$/;
const SKIPPED = "script, style, input, select, textarea, template, .plot-container";
const SVG_LOOK = [
  "fill",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-linecap",
  "stroke-linejoin",
  "fill-opacity",
  "stroke-opacity",
  "opacity",
  "font-family",
  "font-size",
  "font-weight",
  "text-anchor",
  "dominant-baseline",
];

/** @type {CanvasRenderingContext2D | null} */ let measure = null;

/**
 * @param {string} text
 * @param {string} font as in CSS
 */
export function measured(text, font) {
  measure ??= /** @type {CanvasRenderingContext2D} */ (
    document.createElement("canvas").getContext("2d")
  );
  measure.font = font;
  return measure.measureText(text);
}

/** Whether an element stands in the page and is seen. @param {Element} element */
function seen(element) {
  const { width, height } = element.getBoundingClientRect();
  return (
    width > 0 &&
    height > 0 &&
    element.checkVisibility?.({ visibilityProperty: true, opacityProperty: true }) !== false
  );
}

/**
 * Keep what canvases show now: they go on being painted.
 * @param {Element} root
 * @param {Captured} captured
 */
export function captureCanvases(root, captured) {
  for (const canvas of root.querySelectorAll("canvas")) {
    if (
      canvas.closest(".plot-container") ||
      canvas.dataset.traces !== undefined ||
      !seen(canvas) ||
      !canvas.width ||
      !canvas.height
    )
      continue;
    captured.set(canvas, canvas.toDataURL("image/png"));
  }
}

/**
 * Let Plotly write its charts as they are now, whatever becomes of them while it does.
 * @param {Element} root
 * @param {any} Plotly
 * @param {Captured} captured
 */
export function captureCharts(root, Plotly, captured) {
  for (const chart of root.querySelectorAll(".js-plotly-plot")) {
    if (!seen(chart)) continue;
    const { data, layout } = /** @type {any} */ (chart);
    // Lines that the page paints on a canvas are Plotly's to draw here: as vectors, and finer than
    // any screen.
    const painted = chart.querySelector("canvas[data-traces]") !== null;
    const whole = structuredClone({ data, layout });
    if (painted) for (const drawPage of whole.data) drawPage.visible = true;
    captured.set(
      chart,
      Plotly.toImage(whole, {
        format: "svg",
        width: chart.clientWidth,
        height: chart.clientHeight,
        imageDataOnly: true,
      }),
    );
  }
}

/**
 * Draw an element and all that is in it.
 * @param {Sheet} sheet
 * @param {Element} element
 * @param {{x: number, y: number}} origin the point of the page that is the sheet's corner
 * @param {Captured} captured
 */
export function drawPage(sheet, element, origin, captured) {
  if (element.matches(SKIPPED)) return;
  const style = getComputedStyle(element);
  if (style.display === "none") return;
  if (element.classList.contains("kv-sr")) return;
  const bounds = element.getBoundingClientRect();
  const place = {
    x: bounds.left - origin.x,
    y: bounds.top - origin.y,
    width: bounds.width,
    height: bounds.height,
  };
  const hidden = style.visibility !== "visible";
  const inside = () => {
    if (!hidden) drawBox(sheet, style, place);
    const own = captured.get(element);
    if (own && !hidden) {
      if (element instanceof HTMLCanvasElement) sheet.image(place, String(own));
      else sheet.svg(own, place);
    }
    if (element instanceof HTMLCanvasElement) return;
    if (element instanceof SVGSVGElement) {
      if (!hidden && place.width && place.height) sheet.svg(drawing(element), place);
      return;
    }
    for (const child of element.childNodes) {
      if (child instanceof Element) drawPage(sheet, child, origin, captured);
      else if (child instanceof Text && !hidden) drawWords(sheet, child, style, origin);
    }
  };
  const cut = style.overflow !== "visible" && bounds.width > 0;
  sheet.faded(Number(style.opacity), () => (cut ? sheet.clipped(place, inside) : inside()));
}

/**
 * How wide a background is, of "37.2%" or "max(3px, 37.2%)": the most of what stands there.
 * @param {string} size as computed
 * @param {number} width of the box
 */
function filled(size, width) {
  const parts = [...size.replace(/ [^ )]*$/, "").matchAll(/([\d.]+)(px|%)/g)].map(
    ([, value, unit]) => Number(value) * (unit === "%" ? width / 100 : 1),
  );
  return parts.length ? Math.min(width, Math.max(...parts)) : width;
}

/**
 * Background and borders.
 * @param {Sheet} sheet
 * @param {CSSStyleDeclaration} style
 * @param {import("./svg_sheet.js").Box} place
 */
function drawBox(sheet, style, place) {
  const radius = Math.min(
    parseFloat(style.borderTopLeftRadius) || 0,
    place.width / 2,
    place.height / 2,
  );
  if (!CLEAR.test(style.backgroundColor))
    sheet.rect(place, { fill: style.backgroundColor, radius });
  const [, bar] = style.backgroundImage.match(PLAIN) ?? [];
  if (bar)
    sheet.rect(
      { ...place, width: filled(style.backgroundSize, place.width) },
      { fill: bar, radius },
    );
  const sides = /** @type {const} */ (["Top", "Right", "Bottom", "Left"]).map((side) => ({
    line: style[`border${side}Style`] === "none" ? 0 : parseFloat(style[`border${side}Width`]) || 0,
    stroke: style[`border${side}Color`],
  }));
  const [top, right, bottom, left] = sides;
  if (sides.every(({ line, stroke }) => line && line === top.line && stroke === top.stroke)) {
    const half = top.line / 2;
    if (!CLEAR.test(top.stroke))
      sheet.rect(
        {
          x: place.x + half,
          y: place.y + half,
          width: place.width - top.line,
          height: place.height - top.line,
        },
        { stroke: top.stroke, line: top.line, radius },
      );
    return;
  }
  const { x, y, width, height } = place;
  for (const [side, edge] of /** @type {const} */ ([
    [top, { x, y, width, height: top.line }],
    [right, { x: x + width - right.line, y, width: right.line, height }],
    [bottom, { x, y: y + height - bottom.line, width, height: bottom.line }],
    [left, { x, y, width: left.line, height }],
  ]))
    if (side.line && !CLEAR.test(side.stroke)) sheet.rect(edge, { fill: side.stroke });
}

/**
 * A text, line by line as the page has broken it.
 * @param {Sheet} sheet
 * @param {Text} node
 * @param {CSSStyleDeclaration} style
 * @param {{x: number, y: number}} origin
 */
function drawWords(sheet, node, style, origin) {
  const whole = node.data;
  if (!whole.trim()) return;
  const font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  const range = document.createRange();
  /** @type {{text: string, left: number, top: number, height: number}[]} */ const lines = [];
  for (const word of whole.matchAll(/\S+/g)) {
    range.setStart(node, word.index);
    range.setEnd(node, word.index + word[0].length);
    const at = range.getClientRects()[0];
    if (!at?.width) continue;
    const line = lines.at(-1);
    if (line && Math.abs(line.top - at.top) < at.height / 2) line.text += ` ${word[0]}`;
    else lines.push({ text: word[0], left: at.left, top: at.top, height: at.height });
  }
  for (const { text, left, top, height } of lines) {
    const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = measured(text, font);
    const shown = style.textTransform === "uppercase" ? text.toUpperCase() : text;
    sheet.text(shown, left - origin.x, top - origin.y + (height * up) / (up + down || 1), {
      fill: style.color,
      font: style.fontFamily,
      size: parseFloat(style.fontSize),
      weight: style.fontWeight,
      style: style.fontStyle,
    });
  }
}

/**
 * An SVG of the page by itself, with the looks that style sheets give it.
 * @param {SVGSVGElement} element
 */
function drawing(element) {
  const copy = /** @type {SVGSVGElement} */ (element.cloneNode(true));
  const originals = [element, ...element.querySelectorAll("*")];
  [copy, ...copy.querySelectorAll("*")].forEach((one, i) => {
    const style = getComputedStyle(originals[i]);
    for (const name of SVG_LOOK) one.setAttribute(name, style.getPropertyValue(name));
    one.removeAttribute("style");
    one.removeAttribute("class");
  });
  if (!copy.hasAttribute("viewBox"))
    copy.setAttribute("viewBox", `0 0 ${element.clientWidth} ${element.clientHeight}`);
  return new XMLSerializer().serializeToString(copy);
}
