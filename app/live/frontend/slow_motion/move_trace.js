/**
 * One move on a map, a part of it at a time: which edges would go and which would come, what that
 * costs, and whether it is made.
 */

import { formatNumber, percent } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";
import { lengthWithUnit } from "../i18n/length.js";
import { edge, paintTour, thinness, tinted } from "../panels/tour/paint.js";
import { stageOf } from "./step_trace.js";

/**
 * What a method did to its tour, or would have done.
 * @typedef {object} Move
 * @property {import("../data/messages.js").Packed} removed (m, 2) cities at the ends of edges
 * @property {import("../data/messages.js").Packed} added
 * @property {number} rise by how much longer the tour is then
 * @property {boolean} [accepted] whether it was made; always where that is not told
 * @property {number} [chance] with which probability
 * @property {number | null} [temperature]
 */

/**
 * A move as slow motion takes the parts of a step: every phase of the method has all of it.
 * @param {any} message of type "move"
 * @param {any} stage
 */
export function asStages(message, stage) {
  const { stages } = stage.lanes[message.lane];
  return { ...message, type: "stages", stages: stages.map(() => ({ move: message })) };
}

/**
 * What is seen of a move in a phase: what would go, what would come, and how it ends.
 * @param {Move} move
 * @param {number} index of the phase
 * @param {number} count of phases
 * @returns {{goes: boolean, comes: boolean, ended: boolean, refused: boolean}}
 */
export function seenOf({ accepted }, index, count) {
  const ended = index >= count - 1;
  // where proposals are known they are drawn from the first phase on
  return {
    goes: true,
    comes: ended || accepted !== undefined,
    ended,
    refused: ended && accepted === false,
  };
}

/**
 * A phase of a move in numbers.
 * @param {Move} move
 * @param {number} index of the phase
 * @param {number} phases how many there are
 * @param {any} data of the stage
 */
export function moveText({ removed, rise, accepted, chance, temperature }, index, phases, data) {
  const count = removed.shape[0];
  const length = lengthWithUnit(Math.abs(rise), data);
  const way = rise > 0 ? "longer" : "shorter";
  if (accepted === undefined) {
    if (index < phases - 1) return "";
    if (!count) return t("time.slow-edges-none");
    return t(rise ? `time.slow-replaced-${way}` : "time.slow-replaced", { count, length });
  }
  if (!index) return t(count ? "time.slow-edges" : "time.slow-edges-none", { count });
  if (index < phases - 1) return t(rise ? `time.slow-${way}` : "time.slow-as-long", { length });
  if (rise <= 0) return t("time.slow-kept-shorter");
  const heat = {
    temperature: `${formatNumber((temperature ?? 0) * (data.scale ?? 1))}`,
    unit: data.unit ? `\u202f${data.unit}` : "",
  };
  return t(accepted ? "time.slow-kept" : "time.slow-refused", {
    ...heat,
    chance: (chance ?? 0) < 0.0005 ? "<\u202f0.1\u202f%" : percent(chance ?? 0),
  });
}

/**
 * What paints the moves of all lanes over their maps.
 * @param {any[]} told what each lane tells, as `asStages` has it
 * @param {number} at which phase is on show
 * @param {any[]} lanes of the stage
 * @param {() => number} progress of what moves into this phase
 * @returns {import("../panels/tour/panel.js").MovePainter}
 */
export function paintMoves(told, at, lanes, progress) {
  return (paint, lane, { tour, places, fit, turn, colour, theme, spacing }) => {
    const message = told[lane];
    const move = message?.stages[0]?.move;
    if (!move) return false;
    const count = lanes[lane].stages.length;
    const { index, waits } = stageOf(lanes[lane], at, message.stages);
    const seen = seenOf(move, index, count);
    const now = waits ? 1 : progress();
    const gone = pairsOf(move.removed);
    const thin = thinness(spacing);
    const fade = seen.ended && !seen.refused ? 1 - now : 1;
    paintTour(
      paint,
      tour,
      places,
      fit,
      turn,
      { colour: tinted(theme.surface, colour, 0.55), width: 1.6 * thin },
      (one, other) => !gone.has(key(one, other)),
    );
    const lines = { places, fit, turn };
    const wide = Math.max(1.6, 2.4 * thin);
    if (fade > 0) {
      const strong = seen.refused ? { colour, width: wide } : { colour: theme.text, width: wide };
      const dash = seen.refused ? [] : [5, 4];
      stroke(paint, move.removed, lines, { ...strong, dash, alpha: fade, under: theme.surface });
    }
    if (seen.comes) {
      const alpha = seen.refused ? 1 - 0.6 * now : 1;
      const look = { colour: seen.refused ? theme.faint : colour, width: wide + 0.8, dash: [] };
      stroke(paint, move.added, lines, { ...look, alpha, under: theme.surface });
      if (seen.refused) crosses(paint, move.added, lines, { colour: theme.text, alpha: now });
    }
    return true;
  };
}

const key = (/** @type {number} */ one, /** @type {number} */ other) =>
  one < other ? `${one} ${other}` : `${other} ${one}`;

/** Edges by their ends. @param {import("../data/messages.js").Packed} pairs */
function pairsOf({ data, shape }) {
  return new Set(Array.from({ length: shape[0] }, (_, i) => key(data[2 * i], data[2 * i + 1])));
}

/**
 * @typedef {{places: {u: Float64Array, v: Float64Array}, fit:
 *   import("../panels/tour/paint.js").Fit, turn: number}} Lines where edges lie
 */

/**
 * Edges in one stroke, on a line of paper that parts them from those they cross.
 * @param {CanvasRenderingContext2D} paint
 * @param {import("../data/messages.js").Packed} pairs
 * @param {Lines} lines
 * @param {{colour: string, width: number, dash: number[], alpha: number, under: string}} look
 */
function stroke(paint, { data, shape }, { places, fit, turn }, look) {
  paint.beginPath();
  for (let i = 0; i < shape[0]; i++) edge(paint, places, fit, turn, data[2 * i], data[2 * i + 1]);
  paint.globalAlpha = look.alpha;
  paint.lineCap = "round";
  paint.strokeStyle = look.under;
  paint.lineWidth = look.width + 3;
  paint.stroke();
  paint.setLineDash(look.dash);
  paint.strokeStyle = look.colour;
  paint.lineWidth = look.width;
  paint.stroke();
  paint.setLineDash([]);
  paint.globalAlpha = 1;
}

/** How far a cross reaches, px. */
const CROSS = 6;

/**
 * A cross on every edge, for one that is not made.
 * @param {CanvasRenderingContext2D} paint
 * @param {import("../data/messages.js").Packed} pairs
 * @param {Lines} lines
 * @param {{colour: string, alpha: number}} look
 */
function crosses(paint, { data, shape }, { places: { u, v }, fit }, { colour, alpha }) {
  paint.beginPath();
  for (let i = 0; i < shape[0]; i++) {
    const [a, b] = [data[2 * i], data[2 * i + 1]];
    const [x, y] = [fit.left((u[a] + u[b]) / 2), fit.top((v[a] + v[b]) / 2)];
    for (const way of [-1, 1]) {
      paint.moveTo(x - CROSS, y - way * CROSS);
      paint.lineTo(x + CROSS, y + way * CROSS);
    }
  }
  paint.globalAlpha = alpha;
  paint.strokeStyle = colour;
  paint.lineWidth = 2.4;
  paint.stroke();
  paint.globalAlpha = 1;
}
