/**
 * Landings over time: a lane for every runway and in it a row for every plane, in the order of their
 * landings, with its window, its target, and when it lands, coloured by what being early or late
 * costs; two that are too near to each other are joined in red.
 */

import { landingsOf, numbers, ticks, whole } from "../../data/answers.js";
import { t } from "../../i18n/i18n.js";
import { formatLength } from "../../i18n/length.js";
import { tinted } from "../tour/paint.js";
import { AnswerPanel, legendEntry, wrongColour } from "./panel.js";

/** Room at the left, at the top for the times, at the right, and over each runway, px. */
const [LEFT, TOP, RIGHT, HEAD] = [8, 18, 10, 17];
const HIGHEST = 28;
/** A row in which the plane's number is written, px. */
const WRITTEN = 10;
/** Between two ticks: seconds, or whatever a file counts in. */
const SECONDS = [30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800];
const UNITS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000];

export class RunwayPanel extends AnswerPanel {
  get kind() {
    return "landing";
  }

  begin() {
    /** @type {any} */ this.ground = null;
  }

  /** What early, late and on time look like. */
  get shades() {
    const { dark } = this.theme;
    return dark
      ? { early: "#5ba6fb", late: "#f28923", well: "#63b982" }
      : { early: "#1b5eaa", late: "#d9640a", well: "#2f8a57" };
  }

  /** @param {HTMLElement} place */
  fillLegend(place) {
    const { theme, shades } = this;
    const dot = { width: "9px", height: "9px", borderRadius: "50%" };
    place.replaceChildren(
      legendEntry(t("answers.window"), {
        width: "20px",
        height: "5px",
        background: tinted(theme.surface, theme.text, theme.dark ? 0.25 : 0.15),
      }),
      legendEntry(t("answers.target"), { width: "2px", height: "11px", background: theme.text }),
      legendEntry(t("answers.early"), { ...dot, background: shades.early }),
      legendEntry(t("answers.well"), { ...dot, background: shades.well }),
      legendEntry(t("answers.late"), { ...dot, background: shades.late }),
      legendEntry(t("answers.near"), {
        width: "14px",
        height: "3px",
        background: wrongColour(theme),
      }),
    );
  }

  _survey() {
    const { data } = this;
    if (this.ground?.key === data) return this.ground;
    const windows = numbers(data.windows);
    let [low, high] = [Infinity, -Infinity];
    for (let i = 0; i < windows.length; i += 3) {
      low = Math.min(low, windows[i], windows[i + 1]);
      high = Math.max(high, windows[i + 1]);
    }
    const room = 0.04 * Math.max(1, high - low);
    this.ground = { key: data, windows, low, high: high + room, dearest: 1 };
    return this.ground;
  }

  /** A time as people read it. @param {number} time */
  _time(time) {
    const { data } = this;
    const value = time * (data.time_scale ?? 1);
    if (data.time_unit !== "s") return Number(value.toPrecision(7)).toLocaleString("en");
    return duration(value);
  }

  /** A span of time with its unit. @param {number} span */
  _span(span) {
    const { data } = this;
    const value = Number((Math.abs(span) * (data.time_scale ?? 1)).toPrecision(6));
    const text = value.toLocaleString("en");
    return data.time_unit ? `${text}\u202f${data.time_unit}` : text;
  }

  /** @param {import("./panel.js").Answer[]} answers */
  prepare(answers) {
    const ground = this._survey();
    for (const { values } of answers)
      for (const one of landingsOf(values, this.data).flat()) {
        // As far as anything ever reached, so that nothing moves when it comes back.
        ground.high = Math.max(ground.high, one.time + 0.02 * (ground.high - ground.low));
        ground.low = Math.min(ground.low, one.time);
        ground.dearest = Math.max(ground.dearest, one.cost);
      }
  }

  /**
   * @param {import("./panel.js").Sheet} sheet
   * @param {import("./panel.js").Answer | null} answer
   * @returns {import("./panel.js").Hit}
   */
  paintAnswer({ paint, width, height, lane }, answer) {
    const { data, theme, pointed } = this;
    const ground = this._survey();
    const { windows } = ground;
    const runways = answer ? landingsOf(answer.values, data) : [this._waiting()];
    const { low, high } = ground;
    const left = (/** @type {number} */ at) =>
      LEFT + ((Math.min(high, at) - low) / (high - low)) * (width - LEFT - RIGHT);
    this._axis(paint, left, width, height);
    const row = Math.min(HIGHEST, (height - TOP - HEAD * runways.length - 2) / data.size);
    const over = pointed?.lane === lane ? pointed.key : null;
    /** @type {{top: number, landing: any, runway: number}[]} */ const rows = [];
    let top = TOP;
    runways.forEach((landings, runway) => {
      paint.font = `600 11px ${theme.font}`;
      paint.textBaseline = "middle";
      paint.fillStyle = theme.faint;
      const count = landings.length;
      paint.fillText(
        answer
          ? t(count === 1 ? "answers.runway-one" : "answers.runway", {
              number: runway + 1,
              count,
            })
          : t("answers.waiting", { count }),
        LEFT,
        top + HEAD / 2 + 1,
      );
      if (runway) {
        paint.strokeStyle = tinted(theme.surface, theme.text, 0.3);
        paint.lineWidth = 1;
        paint.beginPath();
        paint.moveTo(LEFT, Math.round(top) + 0.5);
        paint.lineTo(width - RIGHT, Math.round(top) + 0.5);
        paint.stroke();
      }
      top += HEAD;
      /** @type {Map<number, number>} */ const where = new Map();
      for (const landing of landings) {
        where.set(landing.plane, top + row / 2);
        rows.push({ top, landing, runway });
        this._plane(
          paint,
          landing,
          windows,
          left,
          top,
          row,
          over !== null && over !== landing.plane,
        );
        top += row;
      }
      for (const one of landings) {
        const other =
          one.near === null ? undefined : landings.find(({ plane }) => plane === one.near);
        if (!other) continue;
        paint.strokeStyle = wrongColour(theme);
        paint.lineWidth = 2.5;
        paint.beginPath();
        paint.moveTo(left(other.time), where.get(other.plane) ?? 0);
        paint.lineTo(left(one.time), where.get(one.plane) ?? 0);
        paint.stroke();
      }
    });
    return (_, y) => {
      const found = rows.find((one) => y >= one.top && y < one.top + row);
      return found
        ? {
            text: this._called(found.landing, answer ? found.runway : null),
            key: found.landing.plane,
          }
        : null;
    };
  }

  /** All planes in the order of their targets, before anything is known of their landings. */
  _waiting() {
    const { windows } = this._survey();
    return Array.from({ length: this.data.size }, (_, plane) => ({
      plane,
      time: /** @type {any} */ (null),
      off: 0,
      cost: 0,
      late: 0,
      near: null,
    })).sort((a, b) => windows[3 * a.plane + 1] - windows[3 * b.plane + 1] || a.plane - b.plane);
  }

  /**
   * @param {CanvasRenderingContext2D} paint
   * @param {(at: number) => number} left
   * @param {number} width
   * @param {number} height
   */
  _axis(paint, left, width, height) {
    const { theme, data } = this;
    const { low, high } = this._survey();
    const scale = data.time_scale ?? 1;
    const steps = data.time_unit === "s" ? SECONDS : UNITS;
    paint.font = `11px ${theme.font}`;
    paint.textBaseline = "alphabetic";
    paint.textAlign = "center";
    for (const value of ticks(low * scale, high * scale, width - LEFT - RIGHT, steps, 54)) {
      const x = Math.round(left(value / scale)) + 0.5;
      paint.strokeStyle = theme.grid;
      paint.lineWidth = 1;
      paint.beginPath();
      paint.moveTo(x, TOP - 3);
      paint.lineTo(x, height);
      paint.stroke();
      paint.fillStyle = theme.faint;
      const text = this._time(value / scale);
      const half = paint.measureText(text).width / 2;
      paint.fillText(text, Math.max(half + 1, Math.min(width - half - 1, x)), TOP - 6);
    }
    paint.textAlign = "start";
  }

  /**
   * @param {CanvasRenderingContext2D} paint
   * @param {any} landing
   * @param {ArrayLike<number>} windows
   * @param {(at: number) => number} left
   * @param {number} top
   * @param {number} row height
   * @param {boolean} dim
   */
  _plane(paint, { plane, time, off, cost, late }, windows, left, top, row, dim) {
    const { theme } = this;
    const { dearest } = this._survey();
    const middle = top + row / 2;
    const high = Math.max(0.8, Math.min(8, row * 0.55));
    const [earliest, target, latest] = [0, 1, 2].map((i) => left(windows[3 * plane + i]));
    paint.fillStyle = tinted(theme.surface, theme.text, theme.dark ? 0.2 : 0.11);
    paint.fillRect(earliest, middle - high / 2, Math.max(1, latest - earliest), high);
    const tick = Math.max(1.5, Math.min(14, row * 0.9));
    paint.fillStyle = dim ? tinted(theme.surface, theme.text, 0.4) : theme.text;
    paint.fillRect(target - 0.75, middle - tick / 2, 1.5, tick);
    if (time === null) return;
    const { early, late: tardy, well } = this.shades;
    // The dearer, the stronger; yet each is to be seen.
    const weight = 0.45 + 0.55 * Math.sqrt(cost / dearest);
    const plain = late ? wrongColour(theme) : off < 0 ? early : off > 0 ? tardy : well;
    const share = (off === 0 || late ? 1 : weight) * (dim ? 0.4 : 1);
    const colour = tinted(theme.surface, plain, share);
    const x = left(time);
    paint.strokeStyle = colour;
    paint.lineWidth = Math.max(0.8, Math.min(3, row * 0.25));
    paint.beginPath();
    paint.moveTo(target, middle);
    paint.lineTo(x, middle);
    paint.stroke();
    paint.fillStyle = colour;
    paint.beginPath();
    paint.arc(x, middle, Math.max(1, Math.min(5, row * 0.38)), 0, 2 * Math.PI);
    paint.fill();
    if (row < WRITTEN) return;
    paint.font = `${Math.min(11, Math.round(row - 1))}px ${theme.font}`;
    paint.textBaseline = "middle";
    paint.fillStyle = theme.faint;
    const text = String(plane + 1);
    const right = Math.max(x, target) + 8;
    const wide = paint.measureText(text).width;
    // Left of everything where there is no room at the right.
    paint.fillText(
      text,
      right + wide < left(Infinity) ? right : Math.min(x, target) - 8 - wide,
      middle,
    );
  }

  /**
   * What a plane does, in words.
   * @param {any} landing
   * @param {number | null} runway
   */
  _called({ plane, time, off, cost, late, near }, runway) {
    const { windows } = this._survey();
    const [earliest, target, latest] = [0, 1, 2].map((i) => this._time(windows[3 * plane + i]));
    const asked = t("answers.plane-asked", { target, earliest, latest });
    const name = t("answers.plane", { number: plane + 1 });
    if (runway === null || time === null) return `${name} · ${asked}`;
    const price = formatLength(cost, this.data);
    const how = late
      ? t("answers.outside", { span: this._span(late) })
      : off === 0
        ? t("answers.on-time")
        : t(off < 0 ? "answers.early-by" : "answers.late-by", { span: this._span(off), price });
    return [
      name,
      t("answers.lands", { time: this._time(time), runway: runway + 1 }),
      how,
      asked,
      near === null ? "" : t("answers.too-near", { plane: near + 1 }),
    ]
      .filter(Boolean)
      .join(" · ");
  }

  /**
   * @param {import("./panel.js").Answer} answer
   * @returns {{text: string, parts: number}}
   */
  tell(answer) {
    const all = landingsOf(answer.values, this.data).flat();
    const [early, late] = [all.filter(({ off }) => off < 0), all.filter(({ off }) => off > 0)];
    const outside = all.filter((one) => one.late).length;
    const near = all.filter((one) => one.near !== null).length;
    return {
      text: [
        t("answers.tell-landings", { early: early.length, late: late.length }),
        outside ? t("answers.tell-outside", { count: outside }) : "",
        near ? t("answers.tell-near", { count: whole(near) }) : "",
      ]
        .filter(Boolean)
        .join(" · "),
      parts: all.length,
    };
  }
}

/** Seconds as hours, minutes and seconds: 12:30; 1:05:00. @param {number} seconds */
export function duration(seconds) {
  const rest = Math.abs(Math.round(seconds));
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60];
  const text = hours
    ? `${hours}:${two(minutes)}:${two(rest % 60)}`
    : `${minutes}:${two(rest % 60)}`;
  return seconds < 0 ? `−${text}` : text;
}
