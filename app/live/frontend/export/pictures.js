/**
 * Panels as pictures, each by itself or all as they stand on the board: title, legend of the lanes,
 * what is drawn, and of which moment.
 */

import { spent } from "../i18n/format.js";
import { titleOf } from "./files.js";
import { captureCanvases, captureCharts, drawPage, measured } from "./page_to_svg.js";
import { SvgSheet } from "./svg_sheet.js";

/** @typedef {import("./items.js").Exported} View */

const SHARP = 2;
const EDGE = 16;
const LINE = 20;
/** Of a title. */
const HEADING = 24;
const LEGEND_GAP = 18;
const MARKER_ROOM = 17;

/**
 * Names and titles of the panels that can be seen now.
 * @param {View} view
 * @returns {{name: string, title: string}[]}
 */
export function panelsSeen({ board }) {
  const { shown, large } = board.arrangement;
  const names = /** @type {string[]} */ (large ? [large] : shown);
  return names
    .filter((name) => board.panels.has(name) && board.section(name).clientHeight > 0)
    .map((name) => ({ name, title: board.section(name).querySelector("h2")?.textContent ?? name }));
}

/** What a sheet needs to know of how things look. @param {View} view */
function look({ board, session }) {
  return {
    theme: /** @type {import("../charts/theme.js").Theme} */ (board.theme),
    colours: board.colours,
    stage: session.history.stage,
  };
}

/**
 * Draw what all panels show at this moment, as fine as the picture will be: at one go, for a race
 * goes on meanwhile.
 * @param {View} view
 * @param {(captured: import("./page_to_svg.js").Captured) => SvgSheet} draw
 * @returns {SvgSheet} some of whose parts are still being written
 */
function drawn(view, draw) {
  /** @type {import("./page_to_svg.js").Captured} */ const captured = new Map();
  const { board, session } = view;
  const usual = Object.getOwnPropertyDescriptor(window, "devicePixelRatio");
  // Panels paint their canvases for the screen they are on. For this one drawing, which nobody
  // sees, it is a fine one.
  Object.defineProperty(window, "devicePixelRatio", { configurable: true, get: () => SHARP });
  try {
    board.draw(
      view.frameView(session.playback.moment),
      { pictures: true, curves: true },
      performance.now(),
    );
    captureCanvases(board.place, captured);
  } finally {
    if (usual) Object.defineProperty(window, "devicePixelRatio", usual);
    else Reflect.deleteProperty(window, "devicePixelRatio");
    view.redraw();
  }
  if (board.Plotly) captureCharts(board.place, board.Plotly, captured);
  return draw(captured);
}

/**
 * The lanes' names behind their markers, broken into rows.
 * @param {View} view
 * @param {number} width
 */
function legendOf(view, width) {
  const { theme, stage } = look(view);
  /** @type {{lane: number, label: string, x: number}[][]} */ const rows = [[]];
  let x = 0;
  stage.lanes.forEach((/** @type {any} */ { label }, /** @type {number} */ lane) => {
    const room = MARKER_ROOM + measured(label, `600 13px ${theme.font}`).width + LEGEND_GAP;
    if (x > 0 && x + room - LEGEND_GAP > width) {
      rows.push([]);
      x = 0;
    }
    rows[rows.length - 1].push({ lane, label, x });
    x += room;
  });
  return rows;
}

/**
 * @param {SvgSheet} sheet
 * @param {View} view
 * @param {ReturnType<typeof legendOf>} rows
 * @param {number} top
 */
function drawLegend(sheet, view, rows, top) {
  const { theme, colours } = look(view);
  rows.forEach((row, i) => {
    const y = top + LINE * i + 14;
    for (const { lane, label, x } of row) {
      sheet.marker(lane, EDGE + x + 6, y - 4.5, colours[lane]);
      sheet.text(label, EDGE + x + MARKER_ROOM, y, {
        fill: theme.text,
        font: theme.font,
        size: 13,
        weight: 600,
      });
    }
  });
}

/** Which race and which moment of it. @param {View} view */
function footOf({ session }) {
  const { stage, metrics } = session.history;
  const row = metrics[session.playback.moment];
  return `${stage.data.landscape?.label ?? stage.data.label} · ${stage.network} · ${spent(row.lanes, stage.budget)}`;
}

/**
 * A text that fits, its end left out where it does not.
 * @param {string} text
 * @param {string} font
 * @param {number} width
 */
function fitting(text, font, width) {
  if (measured(text, font).width <= width) return text;
  let kept = text;
  while (kept && measured(`${kept}…`, font).width > width) kept = kept.slice(0, -1);
  return kept && `${kept.trimEnd()}…`;
}

/**
 * A text in lines that fit, broken between words.
 * @param {string} text
 * @param {(text: string) => number} wide how wide a text is
 * @param {number} width
 * @returns {string[]}
 */
export function broken(text, wide, width) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = lines[lines.length - 1] ? `${lines[lines.length - 1]} ${word}` : word;
    if (wide(longer) <= width || !lines[lines.length - 1]) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/**
 * What a panel has drawn, without its header.
 * @param {SvgSheet} sheet
 * @param {HTMLElement} section
 * @param {{x: number, y: number}} origin
 * @param {import("./page_to_svg.js").Captured} captured
 */
function drawBody(sheet, section, origin, captured) {
  for (const part of section.children)
    if (part.tagName !== "HEADER" && !(/** @type {HTMLElement} */ (part).hidden))
      drawPage(sheet, part, origin, captured);
}

/**
 * One panel.
 * @param {View} view
 * @param {string} name
 * @param {import("./page_to_svg.js").Captured} captured
 */
function panelSheet(view, name, captured) {
  const { theme } = look(view);
  const section = view.board.section(name);
  const bounds = section.getBoundingClientRect();
  const header = /** @type {HTMLElement} */ (
    section.querySelector("header")
  ).getBoundingClientRect();
  const width = bounds.width;
  const room = width - 2 * EDGE;
  const title = section.querySelector("h2")?.textContent ?? name;
  const note = section.querySelector(".kv-note")?.textContent ?? "";
  const beside = room - measured(title, `700 16px ${theme.font}`).width - 20;
  const under = measured(note, `12px ${theme.font}`).width > beside;
  const legend = legendOf(view, room);
  const top = 38 + (note && under ? LINE : 0) + LINE * legend.length + 8;
  const body = bounds.bottom - header.bottom;
  const sheet = new SvgSheet(width, top + body + 30);
  sheet.rect({ x: 0, y: 0, width: sheet.width, height: sheet.height }, { fill: theme.surface });
  sheet.text(title, EDGE, 28, { fill: theme.text, font: theme.font, size: 16, weight: 700 });
  if (note && under)
    sheet.text(fitting(note, `12px ${theme.font}`, room), EDGE, 28 + LINE, {
      fill: theme.faint,
      font: theme.font,
      size: 12,
    });
  else if (note)
    sheet.text(note, width - EDGE, 28, {
      fill: theme.faint,
      font: theme.font,
      size: 12,
      end: true,
    });
  drawLegend(sheet, view, legend, top - LINE * legend.length - 6);
  drawBody(sheet, section, { x: bounds.left, y: header.bottom - top }, captured);
  foot(sheet, view);
  return sheet;
}

/**
 * All panels as they stand.
 * @param {View} view
 * @param {import("./page_to_svg.js").Captured} captured
 */
function boardSheet(view, captured) {
  const { theme, stage } = look(view);
  const bounds = view.board.place.getBoundingClientRect();
  const width = bounds.width + 2 * EDGE;
  const room = bounds.width;
  const font = `700 18px ${theme.font}`;
  const heading = broken(titleOf(stage), (text) => measured(text, font).width, room);
  const legend = legendOf(view, room);
  const under = 42 + HEADING * (heading.length - 1);
  const top = under + LINE * legend.length + 10;
  const sheet = new SvgSheet(width, top + bounds.height + 34);
  sheet.rect({ x: 0, y: 0, width: sheet.width, height: sheet.height }, { fill: theme.background });
  heading.forEach((line, i) =>
    sheet.text(line, EDGE, 32 + HEADING * i, {
      fill: theme.text,
      font: theme.font,
      size: 18,
      weight: 700,
    }),
  );
  drawLegend(sheet, view, legend, under);
  const origin = { x: bounds.left - EDGE, y: bounds.top - top };
  for (const { name, title } of panelsSeen(view)) {
    const section = view.board.section(name);
    const at = section.getBoundingClientRect();
    const place = {
      x: at.left - origin.x,
      y: at.top - origin.y,
      width: at.width,
      height: at.height,
    };
    const note = section.querySelector(".kv-note")?.textContent ?? "";
    const beside = place.width - 24 - measured(title, `700 14px ${theme.font}`).width - 14;
    sheet.rect(
      { x: place.x + 0.5, y: place.y + 0.5, width: place.width - 1, height: place.height - 1 },
      { fill: theme.surface, stroke: theme.grid, radius: 11 },
    );
    sheet.text(title, place.x + 12, place.y + 23, {
      fill: theme.text,
      font: theme.font,
      size: 14,
      weight: 700,
    });
    const short = fitting(note, `12px ${theme.font}`, beside);
    if (short)
      sheet.text(short, place.x + place.width - 12, place.y + 23, {
        fill: theme.faint,
        font: theme.font,
        size: 12,
        end: true,
      });
    sheet.clipped(place, () => drawBody(sheet, section, origin, captured));
  }
  foot(sheet, view);
  return sheet;
}

/**
 * @param {SvgSheet} sheet
 * @param {View} view
 */
function foot(sheet, view) {
  const { theme } = look(view);
  const dress = { fill: theme.faint, font: theme.font, size: 11 };
  const font = `11px ${theme.font}`;
  sheet.text("Kelvin", sheet.width - EDGE, sheet.height - 11, { ...dress, weight: 700, end: true });
  sheet.text(
    fitting(footOf(view), font, sheet.width - 2 * EDGE - 60),
    EDGE,
    sheet.height - 11,
    dress,
  );
}

/**
 * A picture of what is on the screen.
 * @param {View} view
 * @param {string | null} name of a panel, or null for the whole board
 * @param {"png" | "svg"} kind
 * @returns {Promise<Blob>}
 */
export async function picture(view, name, kind) {
  const sheet = drawn(view, (captured) =>
    name === null ? boardSheet(view, captured) : panelSheet(view, name, captured),
  );
  return kind === "png"
    ? sheet.png(SHARP)
    : new Blob([await sheet.written()], { type: "image/svg+xml" });
}
