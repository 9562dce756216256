/**
 * What the panels of routes, rosters and runways have in common: a picture for each lane, side by
 * side, of the best answer so far or of the present one; what it is of before there is a race; and
 * a tip that tells what a thing is.
 */

import { stats } from "../../charts/chart.js";
import { fitCanvas } from "../../charts/decision_map.js";
import { numbers } from "../../data/answers.js";
import { nameElements } from "../../data/lane_names.js";
import { SHAPES } from "../../i18n/format.js";
import { t } from "../../i18n/i18n.js";
import { formatGap, lengthWithUnit } from "../../i18n/length.js";

/** @typedef {import("../../data/frame_view.js").FrameView} FrameView */

/**
 * An answer to be drawn.
 * @typedef {object} Answer
 * @property {ArrayLike<number>} values as the message has them
 * @property {boolean} present whether it is the present one, not the best
 * @property {boolean} fits whether it keeps all rules
 * @property {number} violation by how much it does not
 */

/**
 * What lies on a picture, and what it is called.
 * @typedef {(x: number, y: number) => {text: string, key?: unknown} | null} Hit
 */

/** @typedef {{paint: CanvasRenderingContext2D, width: number, height: number, lane: number}} Sheet */

export class AnswerPanel {
  /** @param {import("../registry.js").Kit} kit */
  constructor({ place, tools, theme, palette, colours, api }) {
    this.element = place;
    this.tools = tools;
    this.theme = theme;
    this.palette = palette;
    this.colours = colours;
    this.api = api;
    /** @type {HTMLCanvasElement[]} */ this.canvases = [];
    /** @type {(Hit | null)[]} */ this.hits = [];
    /** @type {FrameView | null} */ this.last = null;
    /** @type {any} the next race's instance, where it is another one */ this.preview = null;
    this.offered = "";
    this.presently = false;
    this.built = "";
    this.run = -1;
    this.frame = 0;
    /** @type {{lane: number, key: unknown} | null} what a pointer is on */ this.pointed = null;
    this._tools();
    this.maps = document.createElement("div");
    this.maps.className = "kv-maps kv-answers";
    this.legend = document.createElement("p");
    this.legend.className = "kv-ages";
    this.legend.dataset.testid = "answer-legend";
    this.tip = document.createElement("div");
    this.tip.className = "kv-tip";
    this.tip.hidden = true;
    place.append(this.maps, this.legend, this.tip);
    this.begin();
    place.dataset.answer = this.kind;
    this.fillLegend(this.legend);
    this.resized = new ResizeObserver(() => this._soon());
    this.resized.observe(this.maps);
    stats.mounts[this.kind] = (stats.mounts[this.kind] ?? 0) + 1;
  }

  // What each problem has of its own.

  /** The kind of data that it draws. @returns {string} */
  get kind() {
    return "";
  }

  /** @param {HTMLElement} _place */
  fillLegend(_place) {}

  /** Another instance is on the picture, or another race. */
  begin() {}

  /**
   * Hear of all answers before any is drawn, so that all pictures are on one scale.
   * @param {Answer[]} _answers
   */
  prepare(_answers) {}

  /**
   * Draw one picture.
   * @param {Sheet} _sheet
   * @param {Answer | null} _answer null before there is one
   * @returns {Hit | null}
   */
  paintAnswer(_sheet, _answer) {
    return null;
  }

  /**
   * An answer in few words, and how many parts it has.
   * @param {Answer} _answer
   * @returns {{text: string, parts: number}}
   */
  tell(_answer) {
    return { text: "", parts: 0 };
  }

  // The rest is the same of all.

  /** What the picture is of. @returns {any} */
  get data() {
    return this.preview ?? this.last?.stage.data ?? null;
  }

  /**
   * @param {import("../../charts/theme.js").Theme} theme
   * @param {string[]} colours
   * @param {any} palette
   */
  dress(theme, colours, palette) {
    this.theme = theme;
    this.colours = colours;
    this.palette = palette;
    this.fillLegend(this.legend);
    this._soon();
  }

  /**
   * Show what the next race is of, where it is not what is on the screen.
   * @param {any} instance
   */
  offer(instance) {
    const key = instance ? JSON.stringify([instance.kind, instance.label]) : "";
    if (key === this.offered) return;
    this.offered = key;
    this.preview = instance;
    this.begin();
    this.element.toggleAttribute("data-preview", Boolean(instance));
    this.element.closest(".kelvin")?.toggleAttribute("data-preview", Boolean(instance));
    this.built = "";
    this._soon();
    if (!instance) this.api.redraw();
  }

  /**
   * A lane's answer at the moment shown.
   * @param {number} lane
   * @returns {Answer | null}
   */
  answerOf(lane) {
    const { last } = this;
    if (this.preview || !last || last.stage.data.kind !== this.kind) return null;
    const found = last.picture?.lanes[lane];
    const violation = last.metric.lanes[lane]?.violation ?? 0;
    const present = found?.current && (this.presently || !found.best);
    if (present)
      return { values: numbers(found.current), present: true, fits: !violation, violation };
    return found?.best
      ? { values: numbers(found.best), present: false, fits: true, violation: 0 }
      : null;
  }

  /**
   * @param {FrameView} moment
   * @returns {{note: string, summary: string}}
   */
  draw(moment) {
    if (moment.run !== this.run) {
      this.run = moment.run;
      if (!this.preview) this.begin();
    }
    this.last = moment;
    this._arrange(moment.stage.lanes);
    this._paint();
    return { note: this._note(), summary: this._summary() };
  }

  _soon() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (!this.data) return;
      this._arrange(this.last?.stage.lanes ?? []);
      this._paint();
      const place = this.element.parentElement?.querySelector(".kv-note");
      put(place ?? null, this._note());
    });
  }

  _paint() {
    const { data } = this;
    if (!data || data.kind !== this.kind) return;
    const answers = this.canvases.map((_, lane) => this.answerOf(lane));
    this.prepare(answers.flatMap((answer) => answer ?? []));
    const parts = this.canvases.map((canvas, lane) => {
      const answer = answers[lane];
      const told = answer ? this.tell(answer) : null;
      this._caption(canvas, lane, answer, told?.text ?? "");
      const paint = fitCanvas(canvas);
      if (!paint) return told?.parts ?? 0;
      const ratio = canvas.width / canvas.clientWidth;
      paint.setTransform(ratio, 0, 0, ratio, 0, 0);
      const [width, height] = [canvas.clientWidth, canvas.clientHeight];
      paint.clearRect(0, 0, width, height);
      paint.font = `11px ${this.theme.font}`;
      this.hits[lane] = this.paintAnswer({ paint, width, height, lane }, answer);
      return told?.parts ?? 0;
    });
    const root = this.element.closest(".kelvin");
    if (!(root instanceof HTMLElement)) return;
    const said = { answer: this.kind, parts: this.preview ? "" : parts.join(",") };
    for (const name of /** @type {const} */ (["answer", "parts"]))
      if (root.dataset[name] !== said[name]) root.dataset[name] = said[name];
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {number} lane
   * @param {Answer | null} answer
   * @param {string} told
   */
  _caption(canvas, lane, answer, told) {
    const { last } = this;
    const row = this.preview ? null : last?.metric.lanes[lane];
    const parts = [];
    if (row && last && !this.element.closest("[data-hero] .kv-hero") && row.loss !== null) {
      // The card over a large picture tells the numbers.
      parts.push(lengthWithUnit(row.loss, last.stage.data));
      if (row.gap !== null) parts.push(formatGap(row.gap));
    }
    if (answer?.present && !this.presently) parts.push(t("answers.none-yet"));
    if (told) parts.push(told);
    const place = canvas.closest("figure")?.querySelector("figcaption span") ?? null;
    put(place, parts.join(" · "));
    if (place instanceof HTMLElement) place.title = place.textContent ?? "";
    place?.classList.toggle("kv-broken", Boolean(answer && !answer.fits));
    const label = last?.stage.lanes[lane]?.label ?? this.data?.label ?? "";
    canvas.setAttribute(
      "aria-label",
      [t(`answers.name-${this.kind}`, { label }), ...parts].filter(Boolean).join(". "),
    );
  }

  /** What stands beside the panel's title. */
  _note() {
    const { preview, data } = this;
    if (!data) return "";
    return [
      preview ? t("routes.note-next", { label: preview.label }) : "",
      data.guessed ? t("routes.note-guessed") : "",
    ]
      .filter(Boolean)
      .join(" · ");
  }

  _summary() {
    const { preview, last } = this;
    if (preview) return t("answers.summary-next", { label: preview.label });
    if (!last) return "";
    const said = last.stage.lanes.map((/** @type {any} */ { label }, /** @type {number} */ i) => {
      const answer = this.answerOf(i);
      const { loss, gap } = last.metric.lanes[i];
      const length = loss === null ? t("answers.none-yet") : lengthWithUnit(loss, last.stage.data);
      const above = gap === null ? "" : formatGap(gap);
      return `${label}: ${[length, above, answer ? this.tell(answer).text : ""].filter(Boolean).join(", ")}`;
    });
    return `${said.join("; ")}.`;
  }

  _tools() {
    this.modes = document.createElement("span");
    this.modes.className = "kv-choice";
    this.modes.setAttribute("role", "group");
    this.modes.setAttribute("aria-label", t("answers.which"));
    for (const present of [false, true]) {
      const name = present ? "present" : "best";
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.testid = `answer-${name}`;
      button.textContent = t(`answers.${name}`);
      button.title = t(`answers.${name}-hint`);
      button.setAttribute("aria-pressed", String(present === this.presently));
      button.onclick = () => {
        this.presently = present;
        [.../** @type {HTMLElement} */ (this.modes).children].forEach((one, i) =>
          one.setAttribute("aria-pressed", String(Boolean(i) === present)),
        );
        this.api.redraw();
        this._soon();
      };
      this.modes.append(button);
    }
    this.tools.append(this.modes);
  }

  /**
   * One picture for each lane.
   * @param {any[]} lanes
   */
  _arrange(lanes) {
    const count = this.preview ? 1 : Math.max(1, lanes.length);
    const key = JSON.stringify([
      this.run,
      count,
      Boolean(this.preview),
      lanes.map(({ label }) => label),
    ]);
    if (key === this.built) return;
    this.built = key;
    /** @type {HTMLElement} */ (this.modes).hidden = Boolean(this.preview);
    this.element.dataset.lanes = String(count);
    while (this.canvases.length > count) this.canvases.pop()?.closest("figure")?.remove();
    while (this.canvases.length < count) this.maps.append(this._figure(this.canvases.length));
    this.canvases.forEach((canvas, i) => {
      const figure = /** @type {HTMLElement} */ (canvas.closest("figure"));
      const lane = this.preview ? null : lanes[i];
      const name = /** @type {HTMLElement} */ (figure.querySelector("figcaption b"));
      name.replaceChildren(...(lane ? nameElements(lane, `${SHAPES[i]} `) : []));
      figure.style.setProperty("--lane", `var(--lane-${i})`);
      const kick = /** @type {HTMLButtonElement} */ (figure.querySelector(".kv-kick"));
      kick.hidden = !lane || !(lane.kicks ?? lane.sees !== "model");
      if (lane) kick.setAttribute("aria-label", t("answers.kick-name", { lane: lane.label }));
    });
  }

  /** @param {number} lane */
  _figure(lane) {
    const figure = document.createElement("figure");
    const box = document.createElement("div");
    box.className = "kv-canvas";
    const canvas = document.createElement("canvas");
    canvas.dataset.testid = `map-${lane}`;
    canvas.setAttribute("role", "img");
    const caption = document.createElement("figcaption");
    const kick = document.createElement("button");
    kick.type = "button";
    kick.className = "kv-kick";
    kick.dataset.testid = `kick-${lane}`;
    kick.textContent = t("routes.kick");
    kick.title = t(`answers.kick-${this.kind}`);
    kick.onclick = () => this.api.command({ do: "kick", lane });
    caption.append(document.createElement("b"), document.createElement("span"), kick);
    box.append(canvas);
    figure.append(box, caption);
    this.canvases.push(canvas);
    const leave = () => {
      this.tip.hidden = true;
      this._point(null);
    };
    canvas.addEventListener("pointermove", (event) => this._hover(canvas, lane, event));
    canvas.addEventListener("pointerdown", (event) => this._hover(canvas, lane, event));
    canvas.addEventListener("pointerleave", leave);
    this.wire(canvas);
    return figure;
  }

  /** Further hands on a picture. @param {HTMLCanvasElement} _canvas */
  wire(_canvas) {}

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {number} lane
   * @param {{clientX: number, clientY: number}} event
   */
  _hover(canvas, lane, event) {
    const { left, top } = canvas.getBoundingClientRect();
    const found = this.hits[lane]?.(event.clientX - left, event.clientY - top) ?? null;
    this.tip.hidden = !found;
    this._point(found?.key === undefined ? null : { lane, key: found.key });
    if (!found) return;
    put(this.tip, found.text);
    const bounds = this.element.getBoundingClientRect();
    const { offsetWidth: wide, offsetHeight: high } = this.tip;
    const x = Math.min(event.clientX - bounds.left + 12, bounds.width - wide - 4);
    const above = event.clientY - bounds.top - high - 10;
    this.tip.style.left = `${Math.max(4, x)}px`;
    this.tip.style.top = `${above < 2 ? event.clientY - bounds.top + 16 : above}px`;
  }

  /** @param {{lane: number, key: unknown} | null} pointed */
  _point(pointed) {
    const before = this.pointed;
    if (before?.lane === pointed?.lane && before?.key === pointed?.key) return;
    this.pointed = pointed;
    this._soon();
  }

  reset() {
    this.built = "";
    this.begin();
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    this.resized.disconnect();
    for (const name of ["answer", "lanes"]) delete this.element.dataset[name];
    const root = this.element.closest(".kelvin");
    if (root instanceof HTMLElement) {
      delete root.dataset.answer;
      delete root.dataset.parts;
    }
  }
}

/**
 * @param {Element | null} element
 * @param {string} text
 */
function put(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

/**
 * A sign in a legend and what it means.
 * @param {string} text
 * @param {Record<string, string>} style of the sign
 */
export function legendEntry(text, style) {
  const entry = document.createElement("span");
  entry.className = "kv-sign";
  const sign = document.createElement("i");
  sign.setAttribute("aria-hidden", "true");
  Object.assign(sign.style, style);
  entry.append(sign, text);
  return entry;
}

/** A colour for what breaks a rule. @param {import("../../charts/theme.js").Theme} theme */
export function wrongColour({ dark }) {
  return dark ? "#ff6b5e" : "#c8281b";
}
