/**
 * A roster of crews: a row for every crew, its legs where they are in time, coloured by the place
 * they fly to or come from; under them the flights that nobody flies. Where nothing is known of
 * legs, the rows of the matrix that every chosen column covers.
 */

import { clockTime, numbers, rosterOf, stacked, ticks, whole } from "../../data/answers.js";
import { t } from "../../i18n/i18n.js";
import { formatLength, lengthWithUnit } from "../../i18n/length.js";
import { luminance } from "../../charts/theme.js";
import { tinted } from "../tour/paint.js";
import { AnswerPanel, legendEntry, wrongColour } from "./panel.js";

/** Room at the left for numbers of crews, or of columns, at the top for the clock, and at the
 * right, px. */
const [CREWS, COLUMNS, TOP, RIGHT] = [22, 34, 18, 8];
/** Between the crews and the flights that nobody flies, px. */
const BETWEEN = 18;
/** Highest row, and the lowest in which something is written, px. */
const [HIGHEST, WRITTEN] = [26, 10];
/** Minutes between two ticks of the clock. */
const STEPS = [30, 60, 120, 180, 240, 360, 720, 1440, 2880];
const DAY = 1440;
/** Rows of the matrix between two ticks. */
const COUNTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
/** The colour among those of whole races that is ink. */
const INK = 6;

export class RosterPanel extends AnswerPanel {
  get kind() {
    return "pairing";
  }

  begin() {
    /** @type {any} */ this.ground = null;
    /** The most rows of crews, and of flights that nobody flies, that were there to be drawn. */
    this.most = { crews: 1, bare: 1 };
  }

  get left() {
    return this.data?.legs ? CREWS : COLUMNS;
  }

  get inks() {
    const { palette, theme } = this;
    const all = theme.dark ? palette.recordingsOnDark : palette.recordings;
    return all.filter((/** @type {string} */ _, /** @type {number} */ i) => i !== INK);
  }

  /** The colour of a place; of more than there are colours the next are pale. @param {number} i */
  _ink(i) {
    const { inks, theme } = this;
    const colour = inks[i % inks.length];
    return i < inks.length ? colour : tinted(theme.surface, colour, 0.5);
  }

  /** @param {HTMLElement} place */
  fillLegend(place) {
    const { data, theme, inks } = this;
    const wrong = legendEntry(t(data?.legs === null ? "answers.bare-rows" : "answers.bare"), {
      width: "16px",
      height: "8px",
      background: tinted(theme.surface, wrongColour(theme), 0.25),
      border: `1px solid ${wrongColour(theme)}`,
    });
    const block = { width: "10px", height: "9px", borderRadius: "2px" };
    if (data?.legs === null)
      place.replaceChildren(
        legendEntry(t("answers.covers"), { ...block, background: inks[0] }),
        wrong,
      );
    else {
      const places = /** @type {string[]} */ (data?.places ?? []).slice(1);
      place.replaceChildren(
        ...places.map((name, i) => legendEntry(name, { ...block, background: this._ink(i) })),
        wrong,
      );
    }
  }

  /** Legs as they are drawn. */
  _survey() {
    const { data } = this;
    if (this.ground?.key === data) return this.ground;
    if (!data.legs) {
      this.ground = { key: data, low: 0, high: Math.max(1, data.rows) };
    } else {
      const [start, end, from, to] = ["start", "end", "from", "to"].map((name) =>
        numbers(data.legs[name]),
      );
      let [low, high] = [Infinity, -Infinity];
      for (let i = 0; i < start.length; i++) {
        low = Math.min(low, start[i]);
        high = Math.max(high, end[i]);
      }
      low = Math.floor(low / 60) * 60;
      high = Math.ceil(high / 60) * 60;
      this.ground = { key: data, start, end, from, to, low, high };
    }
    this.fillLegend(this.legend);
    return this.ground;
  }

  /**
   * Flights that nobody flies in rows in which none overlap; of a matrix one row.
   * @param {number[]} bare
   */
  _idle(bare) {
    const { start, end } = this._survey();
    if (!start) return bare.length ? [bare] : [];
    return stacked(
      bare,
      (leg) => start[leg],
      (leg) => end[leg],
    );
  }

  /** @param {import("./panel.js").Answer[]} answers */
  prepare(answers) {
    const most = /** @type {{crews: number, bare: number}} */ (this.most);
    let [crewed, idle] = [1, 1];
    for (const { values } of answers) {
      const { crews, bare } = rosterOf(values, this.data);
      crewed = Math.max(crewed, crews.length);
      idle = Math.max(idle, this._idle(bare).length);
    }
    // Rows keep their height while crews come and go, until far fewer are there.
    most.crews = steady(most.crews, crewed);
    most.bare = steady(most.bare, idle);
  }

  /**
   * @param {import("./panel.js").Sheet} sheet
   * @param {import("./panel.js").Answer | null} answer
   * @returns {import("./panel.js").Hit}
   */
  paintAnswer({ paint, width, height, lane }, answer) {
    const { data, theme, pointed } = this;
    const ground = this._survey();
    const { crews, bare } = rosterOf(answer?.values ?? [], data);
    const idle = this._idle(bare);
    const most = /** @type {{crews: number, bare: number}} */ (this.most);
    const room = height - TOP - BETWEEN - 4;
    // Before there is an answer, all flights stand under an empty roster.
    const rows = answer ? most.crews + most.bare : Math.max(12, idle.length + 1);
    const row = Math.min(HIGHEST, room / rows);
    const left = (/** @type {number} */ at) =>
      this.left + ((at - ground.low) / (ground.high - ground.low)) * (width - this.left - RIGHT);
    const bottom = TOP + row * (answer ? most.crews : 1);
    this._axis(paint, ground, left, width, bottom, height);
    const over = pointed?.lane === lane ? pointed.key : null;
    /** @type {{x0: number, x1: number, y0: number, y1: number, text: string, key?: unknown}[]} */
    const boxes = [];
    const gap = row > 6 ? 1.5 : row > 3 ? 0.5 : 0;
    crews.forEach(({ column, rows }, i) => {
      const top = TOP + row * i;
      const dim = over !== null && over !== column;
      this._crew(paint, { crew: i, column, rows, top, row, gap, dim }, left, boxes);
    });
    const floor = bottom + BETWEEN;
    const wrong = Boolean(answer && bare.length);
    paint.fillStyle = wrong ? wrongColour(theme) : theme.faint;
    paint.font = `${wrong ? 600 : 400} 11px ${theme.font}`;
    paint.textBaseline = "middle";
    const said = ground.start ? "bare" : "bare-rows";
    paint.fillText(
      !answer
        ? t(`answers.${said}-all`, { count: whole(bare.length) })
        : bare.length
          ? t(`answers.${said}-count`, { count: whole(bare.length) })
          : t(`answers.${said}-none`),
      this.left,
      bottom + BETWEEN / 2 + 2,
    );
    idle.forEach((legs, i) => {
      const top = floor + row * i;
      for (const leg of legs) {
        const [x0, x1] = this._span(leg, left);
        this._leg(paint, leg, [x0, x1, top + gap, top + row - gap], {
          colour: answer ? wrongColour(theme) : this._colour(leg),
          weak: true,
        });
        boxes.push({ x0, x1, y0: top, y1: top + row, text: this._called(leg) });
      }
    });
    return (x, y) =>
      boxes.find((box) => x >= box.x0 && x <= box.x1 && y >= box.y0 && y <= box.y1) ?? null;
  }

  /**
   * The clock, or the numbers of rows.
   * @param {CanvasRenderingContext2D} paint
   * @param {any} ground
   * @param {(at: number) => number} left
   * @param {number} width
   * @param {number} bottom of the crews
   * @param {number} height
   */
  _axis(paint, ground, left, width, bottom, height) {
    const { theme } = this;
    const across = width - this.left - RIGHT;
    const marks = ticks(ground.low, ground.high, across, ground.start ? STEPS : COUNTS, 46);
    paint.font = `11px ${theme.font}`;
    paint.textBaseline = "alphabetic";
    paint.textAlign = "center";
    for (const at of marks) {
      const x = Math.round(left(at)) + 0.5;
      paint.strokeStyle = theme.grid;
      paint.lineWidth = ground.start && at % DAY === 0 ? 2 : 1;
      paint.beginPath();
      paint.moveTo(x, TOP - 3);
      paint.lineTo(x, height);
      paint.stroke();
      paint.fillStyle = theme.faint;
      const text = ground.start ? clockTime(at) : String(at + 1);
      const half = paint.measureText(text).width / 2;
      paint.fillText(text, Math.max(half + 1, Math.min(width - half - 1, x)), TOP - 6);
    }
    paint.textAlign = "start";
    paint.strokeStyle = theme.faint;
    paint.lineWidth = 1;
    paint.beginPath();
    paint.moveTo(this.left, Math.round(bottom + 4) + 0.5);
    paint.lineTo(width - RIGHT, Math.round(bottom + 4) + 0.5);
    paint.stroke();
  }

  /**
   * A crew's row.
   * @param {CanvasRenderingContext2D} paint
   * @param {{crew: number, column: number, rows: number[], top: number, row: number, gap: number,
   *   dim: boolean}} what
   * @param {(at: number) => number} left
   * @param {{x0: number, x1: number, y0: number, y1: number, text: string, key?: unknown}[]} boxes
   */
  _crew(paint, { crew, column, rows, top, row, gap, dim }, left, boxes) {
    const { theme, data } = this;
    const ground = this._survey();
    const [x0] = this._span(rows[0], left);
    const [, x1] = this._span(/** @type {number} */ (rows.at(-1)), left);
    const middle = top + row / 2;
    paint.fillStyle = tinted(theme.surface, theme.text, theme.dark ? 0.16 : 0.09);
    if (ground.start) paint.fillRect(x0, middle - row * 0.18, x1 - x0, row * 0.36);
    if (row >= WRITTEN && !(row < 13 && crew % 2)) {
      paint.font = `11px ${theme.font}`;
      paint.textBaseline = "middle";
      paint.textAlign = "right";
      paint.fillStyle = theme.faint;
      paint.fillText(String((ground.start ? crew : column) + 1), this.left - 5, middle);
      paint.textAlign = "start";
    }
    const cost = lengthWithUnit(numbers(data.columns.costs)[column], data);
    const about = ground.start
      ? t("answers.crew", { crew: crew + 1, count: rows.length, cost })
      : t("answers.column", {
          column: column + 1,
          cost: formatLength(numbers(data.columns.costs)[column], data),
          rows: rows.map((one) => one + 1).join(", "),
        });
    boxes.push(
      ...rows.map((leg) => {
        const [a, b] = this._span(leg, left);
        const colour = ground.start ? this._colour(leg) : this.inks[column % this.inks.length];
        this._leg(paint, leg, [a, b, top + gap, top + row - gap], {
          colour: dim ? tinted(theme.surface, colour, 0.35) : colour,
          weak: false,
        });
        const text = ground.start ? `${this._called(leg)} · ${about}` : about;
        return { x0: a, x1: b, y0: top, y1: top + row, text, key: column };
      }),
      { x0, x1, y0: top, y1: top + row, text: about, key: column },
    );
  }

  /**
   * From where to where a leg reaches, px.
   * @param {number} leg
   * @param {(at: number) => number} left
   * @returns {[number, number]}
   */
  _span(leg, left) {
    const { start, end } = this._survey();
    if (!start) return [left(leg), Math.max(left(leg) + 1, left(leg + 1) - 0.5)];
    return [left(start[leg]), Math.max(left(start[leg]) + 2, left(end[leg]) - 1)];
  }

  /** The place that a leg is named after: where it goes, or where it comes home from. @param {number} leg */
  _spoke(leg) {
    const { from, to } = this._survey();
    return to[leg] === 0 ? from[leg] : to[leg];
  }

  /** @param {number} leg */
  _colour(leg) {
    const { start } = this._survey();
    return start
      ? this.inks[Math.max(0, this._spoke(leg) - 1) % this.inks.length]
      : this.theme.text;
  }

  /**
   * @param {CanvasRenderingContext2D} paint
   * @param {number} leg
   * @param {number[]} box left, right, top, bottom
   * @param {{colour: string, weak: boolean}} look weak: in outline
   */
  _leg(paint, leg, [x0, x1, y0, y1], { colour, weak }) {
    const { theme, data } = this;
    const { start, to } = this._survey();
    paint.fillStyle = weak ? tinted(theme.surface, colour, 0.25) : colour;
    paint.beginPath();
    paint.roundRect(x0, y0, x1 - x0, y1 - y0, Math.min(2.5, (y1 - y0) / 4));
    paint.fill();
    if (weak) {
      paint.strokeStyle = colour;
      paint.lineWidth = 1;
      paint.stroke();
    }
    if (!start || y1 - y0 < WRITTEN) return;
    paint.font = `${Math.min(11, Math.round(y1 - y0 - 1))}px ${theme.font}`;
    const name = data.places[to[leg]];
    const text = [name, name.slice(0, 3)].find((one) => paint.measureText(one).width < x1 - x0 - 5);
    if (!text) return;
    paint.textBaseline = "middle";
    paint.textAlign = "center";
    paint.fillStyle = weak ? theme.text : luminance(colour) > 0.5 ? "#1a1a1a" : "#ffffff";
    paint.fillText(text, (x0 + x1) / 2, (y0 + y1) / 2 + 0.5);
    paint.textAlign = "start";
  }

  /** What a leg is called. @param {number} leg */
  _called(leg) {
    const { data } = this;
    const { start, end, from, to } = this._survey();
    if (!start) return t("answers.row", { row: leg + 1 });
    return t("answers.leg", {
      leg: leg + 1,
      from: data.places[from[leg]],
      to: data.places[to[leg]],
      start: clockTime(start[leg]),
      end: clockTime(end[leg]),
    });
  }

  /**
   * @param {import("./panel.js").Answer} answer
   * @returns {{text: string, parts: number}}
   */
  tell(answer) {
    const { crews, bare } = rosterOf(answer.values, this.data);
    const legs = Boolean(this.data.legs);
    const count = crews.length;
    const first = t(legs ? "answers.tell-crews" : "answers.tell-columns", { count });
    const left = bare.length
      ? t(legs ? "answers.tell-bare" : "answers.tell-bare-rows", { count: whole(bare.length) })
      : "";
    return { text: [first, left].filter(Boolean).join(" · "), parts: count };
  }
}

/** The share of the room kept that may be left empty. */
const SPARE = 0.15;

/**
 * For how many rows room is kept: as before, unless it is too little or far too much.
 * @param {number} before
 * @param {number} needed
 */
export function steady(before, needed) {
  return needed > before || needed < (1 - SPARE) * before ? needed : before;
}
