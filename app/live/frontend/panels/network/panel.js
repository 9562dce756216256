/**
 * What the network says: decision maps side by side, or a wall of samples for images; and which
 * classes it takes for which.
 */

import { stats } from "../../charts/chart.js";
import { classShare, fitCanvas, Painter, secondClassShare } from "../../charts/decision_map.js";
import { drawCurve } from "../../charts/regression_curve.js";
import { nameElements } from "../../data/lane_names.js";
import { formatShort, percent, SHAPES } from "../../i18n/format.js";
import { t } from "../../i18n/i18n.js";
import { cellAt, paintConfusion, summarizeConfusion } from "./confusion_matrix.js";
import { DrawPointer } from "./draw_points/pointer.js";
import { SampleGrid } from "./sample_grid.js";
import { paintTextSamples } from "./text_samples.js";

/** @typedef {import("../../data/frame_view.js").FrameView} FrameView */

/** Datasets whose mistakes can be looked at, and what is seen of them else. */
const ELSE = /** @type {Record<string, string>} */ ({
  images: "touch.samples",
  text: "touch.samples",
  table: "touch.map",
});
/** Their pictures on buttons: tiles, and a diagonal. */
const VIEWS = {
  answers:
    '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M2 2h5v5H2zM9 2h5v5H9zM2 9h5v5H2zM9 9h5v5H9z"/></svg>',
  confusion:
    '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M2 2h4v4H2zM6 6h4v4H6zM10 10h4v4h-4z"/><path opacity="0.3" d="M6 2h8v8h-4V6H6zM2 6h4v4h4v4H2z"/></svg>',
};

export class NetworkPanel {
  /** @param {import("../registry.js").Kit} kit */
  constructor(kit) {
    const { place, tools, palette, theme, api } = kit;
    this.element = place;
    this.api = api;
    this.theme = theme;
    this.palette = palette;
    this.painter = new Painter(theme, palette);
    this.wall = new SampleGrid(theme, palette);
    /** @type {HTMLCanvasElement[]} */ this.canvases = [];
    /** @type {FrameView | null} */ this.last = null;
    /** @type {"answers" | "confusion"} */ this.view = "answers";
    this.frame = 0;
    this.run = -1;
    this.choice = this._choice(tools);
    this.drawPointer = new DrawPointer(kit, () => this._soon());
    this.tip = document.createElement("div");
    this.tip.className = "kv-tip";
    this.tip.hidden = true;
    place.append(this.tip);
    place.addEventListener("pointermove", (event) => this._hover(event));
    place.addEventListener("pointerleave", () => (this.tip.hidden = true));
    this._colours();
    stats.mounts.network = (stats.mounts.network ?? 0) + 1;
  }

  /**
   * @param {import("../../charts/theme.js").Theme} theme
   * @param {string[]} _colours
   * @param {any} palette
   */
  dress(theme, _colours, palette) {
    this.theme = this.drawPointer.theme = theme;
    this.palette = palette;
    this.painter.dress(theme, palette);
    this.wall.dress(theme, palette);
    this._colours();
  }

  /** The classes' colours, for buttons. */
  _colours() {
    const section = /** @type {HTMLElement} */ (this.element.parentElement);
    const colours = this.theme.dark ? this.palette.classPointsOnDark : this.palette.classPoints;
    colours.forEach((/** @type {string} */ colour, /** @type {number} */ i) =>
      section.style.setProperty(`--kv-class-${i}`, colour),
    );
  }

  /** @param {HTMLElement} tools */
  _choice(tools) {
    const group = document.createElement("span");
    group.className = "kv-choice kv-seen";
    group.hidden = true;
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", t("touch.shown"));
    for (const view of /** @type {("answers" | "confusion")[]} */ (["answers", "confusion"])) {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.testid = `network-${view}`;
      button.title = t(`touch.${view}`);
      button.setAttribute("aria-label", button.title);
      button.innerHTML = `${VIEWS[view]}<span>${button.title}</span>`;
      button.onclick = () => this.show(view);
      group.append(button);
    }
    tools.append(group);
    return group;
  }

  /** @param {"answers" | "confusion"} view */
  show(view) {
    this.view = view;
    this.last = null;
    this.tip.hidden = true;
    this.api.redraw();
  }

  /**
   * @param {FrameView} moment
   * @returns {{note: string, summary: string, nothing?: string}}
   */
  draw(moment) {
    const { stage, picture } = moment;
    if (!picture) return { note: "", summary: t("touch.not-yet") };
    this.last = moment;
    this._arrange(stage.lanes, moment.run);
    const { kind } = stage.data;
    const name = ELSE[kind];
    this.choice.hidden = !name;
    const confusion = Boolean(name) && this.view === "confusion";
    this.element.dataset.view = confusion ? "confusion" : "answers";
    const points = this.drawPointer.see(moment);
    this.element.toggleAttribute(
      "data-square",
      confusion || picture.lanes.some((/** @type {any} */ lane) => lane.map || lane.areas),
    );
    const tools = /** @type {HTMLElement} */ (this.choice.parentElement);
    tools.classList.toggle(
      "kv-bare",
      [...tools.children].every((tool) => /** @type {HTMLElement} */ (tool).hidden),
    );
    if (name) {
      const [answers, mistakes] = /** @type {HTMLElement[]} */ ([...this.choice.children]);
      if (answers.title !== t(name)) {
        answers.title = answers.ariaLabel = t(name);
        /** @type {HTMLElement} */ (answers.querySelector("span")).textContent = t(name);
      }
      answers.setAttribute("aria-pressed", String(!confusion));
      mistakes.setAttribute("aria-pressed", String(confusion));
    }
    return confusion ? this._drawConfusion(moment) : this._drawAnswers(moment, points);
  }

  /**
   * @param {FrameView} moment
   * @param {import("../../charts/decision_map.js").Points | null} points
   * @returns {{note: string, summary: string}}
   */
  _drawAnswers({ stage, picture }, points) {
    const { curve, text, classes } = stage.data;
    /** @type {string[]} */ const said = [];
    stage.lanes.forEach((/** @type {any} */ lane, /** @type {number} */ i) => {
      const context = fitCanvas(this.canvases[i]);
      if (!context) return;
      const drawn = picture.lanes[i];
      let right = "";
      if (points && (drawn.map || drawn.areas)) {
        if (drawn.map) this.painter.map(context, drawn.map);
        else this.painter.areas(context, drawn.areas);
        this.painter.points(context, points);
        this.drawPointer.paint(context, i);
        const parts = drawn.map
          ? [1 - secondClassShare(drawn.map.data), secondClassShare(drawn.map.data)]
          : classes.map((/** @type {string} */ _, /** @type {number} */ c) =>
              classShare(drawn.areas, c),
            );
        said.push(
          t("touch.gives", {
            lane: lane.label,
            parts: parts
              .map((/** @type {number} */ one, /** @type {number} */ c) =>
                t("touch.part", { share: percent(one), name: classes[c] }),
              )
              .join(", "),
          }),
        );
      } else if (curve && drawn.curve) {
        const off = drawCurve(
          context,
          curve,
          drawn.curve.data,
          this.theme,
          `--lane-${i}`,
          this.element,
        );
        said.push(t("touch.curve-off", { lane: lane.label, off: formatShort(off) }));
      } else if (drawn.wall && text) {
        right = t("touch.right", {
          right: paintTextSamples(
            context,
            text,
            drawn.wall.predicted.data,
            classes,
            this.theme,
            this.palette.wrong,
          ),
          count: text.next.data.length,
        });
        said.push(`${lane.label}: ${right}`);
      } else if (drawn.wall) {
        right = t("touch.right", {
          right: this.wall.paint(context, drawn.wall.predicted.data, stage.data),
          count: stage.data.wall.labels.data.length,
        });
        said.push(`${lane.label}: ${right}`);
      }
      this._caption(i, right);
    });
    const usual = points
      ? classes
          .map((/** @type {string} */ one, /** @type {number} */ c) => `${SHAPES[c] ?? ""} ${one}`)
          .join("  ")
      : curve
        ? t("touch.note-curve")
        : t(text ? "touch.note-text" : "touch.note-wall");
    return { note: this.drawPointer.note ?? usual, summary: `${said.join("; ")}.` };
  }

  /**
   * @param {FrameView} moment
   * @returns {{note: string, summary: string, nothing?: string}}
   */
  _drawConfusion({ stage, detail }) {
    const { classes } = stage.data;
    const lanes = detail?.lanes ?? [];
    if (!lanes.some((/** @type {any} */ lane) => lane.confusion)) {
      const nothing = t(this.api.live() ? "touch.confusion-soon" : "touch.confusion-none");
      return { note: "", summary: nothing, nothing };
    }
    /** @type {string[]} */ const said = [];
    stage.lanes.forEach((/** @type {any} */ lane, /** @type {number} */ i) => {
      const context = fitCanvas(this.canvases[i]);
      const confusion = lanes[i]?.confusion;
      if (!context || !confusion) return this._caption(i, "");
      paintConfusion(context, confusion, classes, this.theme, this.palette.wrong);
      const { total, right, worst } = summarizeConfusion(confusion);
      const share = t("touch.confusion-right", { share: percent(right / total), total });
      this._caption(
        i,
        t("touch.confusion-step", {
          share: percent(right / total),
          step: detail.steps[i].toLocaleString("en"),
        }),
      );
      said.push(
        `${lane.label}: ${share}${worst ? `, ${t("touch.confusion-worst", { truth: classes[worst.truth], answer: classes[worst.answer], count: worst.count })}` : ""}`,
      );
    });
    return { note: t("touch.confusion-note"), summary: `${said.join("; ")}.` };
  }

  /**
   * @param {number} lane
   * @param {string} text beside its name
   */
  _caption(lane, text) {
    const span = /** @type {HTMLElement} */ (
      this.canvases[lane].closest("figure")?.querySelector("figcaption span")
    );
    if (span.textContent !== text) span.textContent = text;
  }

  /**
   * One canvas per lane, made once per race.
   * @param {any[]} lanes
   * @param {number} run
   */
  _arrange(lanes, run) {
    if (run === this.run && this.canvases.length === lanes.length) return;
    this.run = run;
    this.element.dataset.lanes = String(lanes.length);
    while (this.canvases.length > lanes.length) this.canvases.pop()?.closest("figure")?.remove();
    while (this.canvases.length < lanes.length) {
      const figure = document.createElement("figure");
      const canvas = document.createElement("canvas");
      const caption = document.createElement("figcaption");
      caption.append(document.createElement("b"), document.createElement("span"));
      // The canvas by itself in a box that has the size there is for it, of which a map takes the
      // largest square.
      const box = document.createElement("div");
      box.className = "kv-canvas";
      box.append(canvas);
      figure.append(box, caption);
      this.element.append(figure);
      this.canvases.push(canvas);
    }
    lanes.forEach((lane, i) => {
      const figure = /** @type {HTMLElement} */ (this.canvases[i].closest("figure"));
      const name = /** @type {HTMLElement} */ (figure.querySelector("figcaption b"));
      name.replaceChildren(...nameElements(lane, `${SHAPES[i]} `));
      name.title = lane.label;
      figure.style.setProperty("--lane", `var(--lane-${i})`);
      this.canvases[i].dataset.label = lane.label;
    });
    this.drawPointer.label(this.canvases);
  }

  /** Draw again at the next frame: for what a hand does here, which concerns no other panel. */
  _soon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      if (!this.last) return;
      const { note } = this.draw(this.last);
      const place = this.element.parentElement?.querySelector(".kv-note");
      if (place && place.textContent !== note) place.textContent = note;
    });
  }

  /** What a cell of a matrix means. @param {PointerEvent} event */
  _hover(event) {
    this.tip.hidden = true;
    const canvas = /** @type {HTMLElement} */ (event.target).closest("canvas");
    const confusion = canvas && this.last?.detail?.lanes[this.canvases.indexOf(canvas)]?.confusion;
    if (this.element.dataset.view !== "confusion" || !canvas || !confusion || !this.last) return;
    const { classes } = this.last.stage.data;
    const cell = cellAt(canvas, classes, this.theme, event.offsetX, event.offsetY);
    if (!cell) return;
    const row = Array.from(
      { length: classes.length },
      (_, c) => confusion.data[cell.truth * classes.length + c],
    );
    const key = cell.truth === cell.answer ? "touch.cell-right" : "touch.cell-wrong";
    this.tip.textContent = t(key, {
      truth: classes[cell.truth],
      answer: classes[cell.answer],
      count: row[cell.answer],
      total: row.reduce((a, b) => a + b, 0),
    });
    this.tip.hidden = false;
    const bounds = this.element.getBoundingClientRect();
    this.tip.style.left = `${Math.max(4, Math.min(event.clientX - bounds.left + 12, bounds.width - this.tip.offsetWidth - 4))}px`;
    this.tip.style.top = `${Math.max(2, event.clientY - bounds.top - 34)}px`;
  }

  reset() {
    this.run = -1;
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    this.drawPointer.destroy();
  }
}
