/**
 * The lane cards: how every lane stands at the moment shown, what was done to it by hand, and what
 * became of it.
 */

import { groupInterventions, groupText, SIGNS } from "../data/interventions.js";
import { measured, sought } from "../data/layouts.js";
import { statisticsOf } from "../data/seeds.js";
import { formatNumber, formatShort, percent, SHAPES, tidyNumbers } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";
import { formatGap, formatLength } from "../i18n/length.js";

const TUNE =
  '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M2 3.800h6.200a2 2 0 0 1 3.700 0H14v1.400h-2.100a2 2 0 0 1-3.700 0H2zM2 10.800h2.100a2 2 0 0 1 3.700 0H14v1.400H7.800a2 2 0 0 1-3.700 0H2z"/></svg>';
/** Deeds told in a card's note: the last ones. */
const TOLD = 5;

/**
 * Whether answers can be right or wrong; a number to be met is only ever near.
 * @param {any} stage
 */
export function hasAccuracy(stage) {
  return !["curve", "function"].includes(stage.data.kind) && !sought(stage.data.kind);
}

/**
 * How far a height is above the lowest point that is known.
 * @param {any} stage
 * @param {number | null} height
 */
export function above({ data }, height) {
  const { lowest } = data.landscape;
  return lowest === null || height === null ? null : Math.max(0, height - lowest);
}

/**
 * What became of a lane in several seeds.
 * @param {import("../data/seeds.js").LaneStatistics} told
 * @param {import("../data/frame_view.js").SeedsView} seeds
 * @param {any} row of the seed that is shown
 */
function toldOfSeeds({ failed, stopped, trouble }, { count, first, place }, row) {
  if (failed) return t("time.card-failed-seeds", { failed, count, why: trouble ?? "" });
  if (stopped) return t("time.card-stopped-seeds", { stopped, count });
  return row.note ? t("time.card-note-seed", { seed: first + place, note: row.note }) : "";
}

/** @typedef {"height" | "loss" | "length" | "price" | "price-crews" | "price-landing" | "lowest" | "test-loss" | "accuracy" | "gap" |
 *   "evaluations" | "moves" | "temperature" | "steps"} Term */

/**
 * What a number is, in the length that a card has room for: style sheets choose.
 * @param {Term} name
 * @param {string} unit told after it
 */
function labelled(name, unit = "") {
  const brief = `time.card-${name}-narrow`;
  const long = t(`time.card-${name}`) + (unit && `, ${unit}`);
  return t(brief) === brief ? long : `<i>${long}</i><i>${t(brief)}</i>`;
}

/**
 * What the first three numbers on a card are.
 * @param {any} stage
 * @returns {[Term, Term, Term]}
 */
function termsOf(stage) {
  if (sought(stage.data.kind)) return [priceOf(stage.data), "gap", "moves"];
  if (stage.data.landscape) return ["height", "lowest", "evaluations"];
  return ["loss", hasAccuracy(stage) ? "accuracy" : "test-loss", "evaluations"];
}

/**
 * What the answers of a problem are judged by.
 * @param {any} data of the stage
 * @returns {Term}
 */
function priceOf({ kind, legs }) {
  if (measured(kind)) return "length";
  return kind === "landing" ? "price-landing" : legs ? "price-crews" : "price";
}

/** Methods that are called after an ensemble, which is explained at their names. */
const ENSEMBLES = ["eki", "enkf"];

export class LaneCards {
  /**
   * @param {HTMLElement} element
   * @param {(lane: number, button: HTMLElement) => void} tune a lane's knobs are wanted
   * @param {(lane: number, heat: number) => string} colourOf a lane that is so hot, 0 to 1
   */
  constructor(element, tune, colourOf) {
    this.element = element;
    this.tune = tune;
    this.colourOf = colourOf;
    /** @type {any} the lanes the cards are made for */ this.built = null;
  }

  /** @param {import("../data/frame_view.js").FrameView} moment */
  draw(moment) {
    const { stage, metric, events, seeds } = moment;
    const statistics = statisticsOf(seeds?.told.at(-1));
    const tour = sought(stage.data.kind);
    this.element.classList.toggle("kv-seeds", Boolean(seeds));
    if (stage.lanes !== this.built) this._build(stage);
    this.built = stage.lanes;
    stage.lanes.forEach((/** @type {any} */ _lane, /** @type {number} */ i) => {
      const own = metric?.lanes[i];
      if (!own) return;
      const several = statistics?.lanes[i] ?? null;
      const row = several ? { ...own, ...several } : own;
      const card = /** @type {HTMLElement} */ (this.element.children[i]);
      const put = (/** @type {string} */ name, /** @type {string} */ text) => {
        const place = /** @type {HTMLElement} */ (
          card.querySelector(`[data-testid="card-${i}-${name}"]`)
        );
        if (place.textContent !== text) place.textContent = text;
        return place;
      };
      put("loss", tour ? formatLength(row.loss, stage.data) : formatNumber(row.loss));
      put(
        "accuracy",
        tour
          ? formatGap(row.gap)
          : hasAccuracy(stage)
            ? percent(row.test_accuracy)
            : formatNumber(stage.data.landscape ? above(stage, row.loss) : row.test_loss),
      );
      this._wins(put, stage, seeds ?? null, several);
      put("evaluations", formatShort(tour ? row.moves : row.evaluations));
      const hot = row.temperature !== null;
      put(
        "last",
        hot
          ? formatNumber(row.temperature * (tour ? (stage.data.scale ?? 1) : 1))
          : formatShort(Math.round(row.step)),
      );
      // as hot as the cloud and the curve of the temperature show it
      const heat = hot ? moment.heat(i) : null;
      card.style.setProperty("--heat", heat === null ? "transparent" : this.colourOf(i, heat));
      const label = /** @type {HTMLElement} */ (
        card.querySelector(`[data-testid="card-${i}-last-name"]`)
      );
      if (label.dataset.label !== String(hot)) {
        const term = hot ? "temperature" : "steps";
        label.innerHTML = labelled(term);
        label.dataset.term = term;
      }
      label.dataset.label = String(hot);
      const said =
        several && seeds
          ? toldOfSeeds(several, seeds, own)
          : (row.trouble ?? row.stopped ?? row.note ?? "");
      put("trouble", tidyNumbers(said)).classList.toggle("kv-calm", !row.trouble);
      const mark = put(
        "mark",
        row.trouble ? t("time.card-diverged") : row.stopped ? t("time.card-stopped") : "",
      );
      mark.classList.toggle("kv-calm", !row.trouble);
      this._turned(put, stage, events, i);
      const bar = /** @type {HTMLElement} */ (card.querySelector(".kv-bar"));
      bar.style.setProperty("--done", String(row.progress));
      bar.setAttribute("aria-valuenow", String(Math.round(100 * row.progress)));
      card.classList.toggle("kv-finished", row.finished);
    });
  }

  /**
   * In how many seeds a lane has the lowest loss.
   * @param {(name: string, text: string) => HTMLElement} put
   * @param {any} stage
   * @param {import("../data/frame_view.js").SeedsView | null} seeds
   * @param {import("../data/seeds.js").LaneStatistics | null} told
   */
  _wins(put, stage, seeds, told) {
    const { count } = seeds ?? { count: 0 };
    const alone = stage.lanes.length < 2;
    const text = !told
      ? ""
      : t(alone ? "time.card-seeds" : "time.card-wins", { wins: told.wins, count });
    const place = put("wins", text);
    if (!told) return;
    const [low, high] = told.band.loss.quartiles;
    const hint = t("time.card-median-hint", {
      count,
      loss: formatNumber(told.loss),
      low: formatNumber(low),
      high: formatNumber(high),
    });
    const title = alone ? hint : `${t("time.card-wins-hint", { wins: told.wins, count })} ${hint}`;
    if (place.title === title) return;
    place.title = title;
    place.setAttribute("aria-label", `${text}. ${title}`);
  }

  /**
   * A small mark on a lane that a hand has turned something of.
   * @param {(name: string, text: string) => HTMLElement} put
   * @param {any} stage
   * @param {any[]} events up to the moment
   * @param {number} lane
   */
  _turned(put, stage, events, lane) {
    const own = events.filter((event) => event.lane === lane && event.kind !== "points");
    const mark = put("turned", own.length ? SIGNS.turn : "");
    const key = `${own.length} ${own.at(-1)?.at}`;
    if (mark.dataset.told === key) return;
    mark.dataset.told = key;
    const told = groupInterventions(
      own.map((event) => ({ event, lane, at: 0 })),
      1,
    ).slice(-TOLD);
    const said = told.map((deed) => groupText(deed, stage, events));
    mark.title = [t("time.card-turned"), ...said].join("\n");
    mark.setAttribute("aria-label", `${t("time.card-turned")} ${said.join("; ")}`);
  }

  /** @param {any} stage */
  _build(stage) {
    const [value, second, spent] = termsOf(stage);
    this.element.classList.toggle("kv-many", stage.lanes.length > 2);
    this.element.style.setProperty("--kv-lanes", String(stage.lanes.length));
    // a second number of any size, where others have a percentage
    this.element.classList.toggle("kv-unscored", !hasAccuracy(stage));
    this.element.replaceChildren(
      ...stage.lanes.map((/** @type {any} */ lane, /** @type {number} */ i) => {
        const card = document.createElement("article");
        card.className = "kv-card";
        card.dataset.testid = `card-${i}`;
        card.style.setProperty("--lane", `var(--lane-${i})`);
        card.setAttribute("aria-label", lane.label);
        const cell = (/** @type {string} */ name, /** @type {Term} */ label) =>
          `<div><b data-testid="card-${i}-${name}">–</b><span data-term="${label}" tabindex="0"${name === "last" ? ` data-testid="card-${i}-last-name"` : ""}>${labelled(label, label === value ? (stage.data.unit ?? "") : "")}</span></div>`;
        card.innerHTML = `
          <div class="kv-who"><h3></h3><span class="kv-chip"></span><em class="kv-mark" data-testid="card-${i}-mark"></em><em class="kv-mark kv-calm" data-testid="card-${i}-turned" role="note"></em><em class="kv-wins" data-testid="card-${i}-wins" role="note"></em></div>
          <div class="kv-values">${cell("loss", value)}${cell("accuracy", second)}${cell("evaluations", spent)}${cell("last", "steps")}</div>
          <p class="kv-trouble" data-testid="card-${i}-trouble" role="status"></p>
          <div class="kv-bar" role="progressbar" aria-label="${t("time.card-progress")}" aria-valuemin="0" aria-valuemax="100"></div>`;
        /** @type {HTMLElement} */ (card.querySelector("h3")).textContent =
          `${SHAPES[i]} ${lane.label}`;
        const name = /** @type {HTMLElement} */ (card.querySelector("h3"));
        name.title = lane.sentence ?? "";
        if (ENSEMBLES.includes(lane.optimizer)) {
          name.dataset.term = "ensemble";
          name.tabIndex = 0;
        }
        const chip = /** @type {HTMLElement} */ (card.querySelector(".kv-chip"));
        const there = `time.sees-${lane.sees}-${stage.data.kind}`;
        const sees = t(there) === there ? `time.sees-${lane.sees}` : there;
        chip.textContent = t(sees) === sees ? lane.sees : t(sees);
        chip.dataset.term = `sees-${lane.sees}`;
        chip.tabIndex = 0;
        if (lane.knobs?.length || lane.plan) chip.after(this._tune(lane, i));
        return card;
      }),
    );
  }

  /**
   * The button to a lane's knobs.
   * @param {any} lane of the stage
   * @param {number} index
   */
  _tune(lane, index) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "kv-tune";
    button.dataset.testid = `tune-${index}`;
    button.title = t("time.tune-hint");
    button.setAttribute("aria-label", t("time.tune-name", { lane: lane.label }));
    button.setAttribute("aria-haspopup", "dialog");
    button.setAttribute("aria-expanded", "false");
    button.innerHTML = TUNE;
    button.onclick = () => this.tune(index, button);
    return button;
  }
}
