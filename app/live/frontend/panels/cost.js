/**
 * What it cost: evaluations, FLOPs, seconds and memory of every lane, and what one and the same
 * loss has cost each of them.
 */

import { stats } from "../charts/chart.js";
import { nameElements } from "../data/lane_names.js";
import { measured, sought } from "../data/layouts.js";
import { formatNumber, formatShort, listed, SHAPES } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";
import { lengthWithUnit } from "../i18n/length.js";

const MEASURES = /** @type {const} */ (["evaluations", "flops", "seconds", "memory"]);
/** By how much a loss must have fallen to count as better. */
const BETTER = 1e-3;

/** @typedef {"seconds" | "evaluations" | "flops"} Currency */

export class CostPanel {
  /** @param {import("./registry.js").Kit} kit */
  constructor({ place }) {
    this.place = place;
    this.built = "";
    /** @type {Record<string, {number: HTMLElement, bar: HTMLElement}>} */ this.cells = {};
    this.lead = document.createElement("p");
    this.reached = document.createElement("p");
    this.times = document.createElement("b");
    this.words = document.createElement("div");
    stats.mounts.cost = (stats.mounts.cost ?? 0) + 1;
  }

  /** The columns of the CSV file for a lane. @returns {readonly string[]} */
  get measures() {
    return MEASURES;
  }

  /** What a column is called. @param {string} measure */
  heading(measure) {
    return t(`panels.cost-${measure}`);
  }

  dress() {}

  /**
   * @param {import("../data/frame_view.js").FrameView} moment
   * @returns {{note: string, summary: string, nothing?: string}}
   */
  draw(moment) {
    const { stage, metric, metrics, currency } = moment;
    const measures = this.measures.filter(
      (name) =>
        name !== "memory" ||
        metric.lanes.some((/** @type {any} */ row) => Number.isFinite(row.memory)),
    );
    const spent = metric.lanes.map(withRate);
    this.place.dataset.lanes = String(stage.lanes.length);
    const key = JSON.stringify([
      moment.run,
      stage.lanes.map((/** @type {any} */ lane) => lane.label),
      measures,
    ]);
    if (key !== this.built) this._build(stage.lanes, measures);
    this.built = key;
    for (const name of measures) {
      const most = Math.max(...spent.map((/** @type {any} */ row) => row[name] ?? 0), 1e-12);
      spent.forEach((/** @type {any} */ row, /** @type {number} */ lane) => {
        const cell = this.cells[`${lane} ${name}`];
        if (!cell) return;
        put(cell.number, amount(name, row[name]));
        const share = Math.max(0, row[name] ?? 0) / most;
        cell.bar.style.setProperty("--share", share.toFixed(4));
        cell.bar.classList.toggle("kv-none", !(row[name] > 0));
      });
    }
    for (const head of this.place.querySelectorAll("th[data-measure]"))
      head.classList.toggle(
        "kv-chosen",
        /** @type {HTMLElement} */ (head).dataset.measure === currency,
      );
    const told = costComparison(stage, metrics, currency);
    put(this.lead, told.lead);
    this._each(told.reached, stage.lanes);
    this._times(told.times);
    this.words.classList.toggle("kv-told", Boolean(told.times));
    const lanes = stage.lanes.map((/** @type {any} */ { label }, /** @type {number} */ lane) => {
      const row = metric.lanes[lane];
      const memory = Number.isFinite(row.memory)
        ? t("panels.cost-summary-memory", { memory: amount("memory", row.memory) })
        : "";
      return t(row.moves === undefined ? "panels.cost-summary" : "routes.cost-summary", {
        label,
        evaluations: formatShort(row.evaluations),
        flops: formatShort(row.flops),
        moves: formatShort(row.moves),
        seconds: row.seconds?.toFixed(1) ?? "–",
        memory,
      });
    });
    return {
      note: t("panels.cost-note"),
      summary: `${lanes.join("; ")}. ${[told.lead, told.reached.map((/** @type {string} */ text, /** @type {number} */ i) => `${stage.lanes[i].label} ${text}`).join(", "), told.times].filter(Boolean).join(" ")}`,
    };
  }

  /**
   * What each lane has spent, in its colour; by name where there is room.
   * @param {string[]} spent
   * @param {any[]} lanes
   */
  _each(spent, lanes) {
    const key = JSON.stringify([spent, lanes.map(({ label }) => label)]);
    const { reached: place } = this;
    if (place.dataset.key === key) return;
    place.dataset.key = key;
    const parts = spent.map((text, i) => {
      const part = document.createElement("span");
      part.style.setProperty("--lane", `var(--lane-${i})`);
      const who = document.createElement("b");
      who.textContent = lanes.length > 2 ? SHAPES[i] : `${SHAPES[i]} ${lanes[i].label}`;
      who.title = lanes[i].label;
      part.append(who, ` ${text}`);
      return part;
    });
    place.replaceChildren(...parts);
  }

  /** The comparison, its marks in the lanes' colours. @param {string} text */
  _times(text) {
    if (this.times.textContent === text) return;
    const parts = text.split(new RegExp(`([${SHAPES.join("")}])`)).map((part) => {
      const lane = SHAPES.indexOf(part);
      if (lane < 0) return part;
      const mark = document.createElement("span");
      mark.style.setProperty("--lane", `var(--lane-${lane})`);
      mark.textContent = part;
      return mark;
    });
    this.times.replaceChildren(...parts);
  }

  /**
   * @param {any[]} lanes
   * @param {readonly string[]} measures
   */
  _build(lanes, measures) {
    this.cells = {};
    const table = document.createElement("table");
    table.dataset.testid = "cost-table";
    table.style.setProperty("--kv-measures", String(measures.length));
    const head = table.createTHead().insertRow();
    head.append(
      heading(t("panels.cost-lane"), "col", "kv-sr-head"),
      ...measures.map((name) => heading(this.heading(name), "col", "", name)),
    );
    const body = table.createTBody();
    lanes.forEach((lane, i) => {
      const row = body.insertRow();
      row.style.setProperty("--lane", `var(--lane-${i})`);
      const who = heading("", "row");
      const label = document.createElement("span");
      label.append(...nameElements(lane, `${SHAPES[i]}\u00a0`));
      label.classList.toggle("kv-twin", label.children.length > 1);
      label.title = lane.label;
      who.append(label);
      row.append(who);
      for (const name of measures) {
        const cell = row.insertCell();
        const number = document.createElement("b");
        number.dataset.testid = `cost-${i}-${name}`;
        const bar = document.createElement("i");
        bar.setAttribute("aria-hidden", "true");
        cell.append(number, bar);
        this.cells[`${i} ${name}`] = { number, bar };
      }
    });
    const { words } = this;
    words.className = "kv-telling";
    words.dataset.testid = "cost-telling";
    words.replaceChildren(this.lead, this.reached, this.times);
    this.place.replaceChildren(table, words);
  }

  reset() {
    this.built = "";
  }
}

/** A lane's row with its moves per second. @param {any} row */
function withRate(row) {
  return { ...row, rate: row.moves > 0 && row.seconds > 0 ? row.moves / row.seconds : null };
}

/**
 * @param {string} text
 * @param {string} scope
 * @param {string} name of a class
 * @param {string} measure
 */
function heading(text, scope, name = "", measure = "") {
  const cell = document.createElement("th");
  cell.scope = scope;
  cell.textContent = text;
  if (name) cell.className = name;
  if (measure) {
    cell.dataset.measure = measure;
    cell.dataset.short = t(`panels.cost-${measure}-short`);
    if (t(`terms.${measure}`) !== `terms.${measure}`) {
      cell.dataset.term = measure;
      cell.tabIndex = 0;
    }
  }
  return cell;
}

/**
 * @param {HTMLElement} element
 * @param {string} text
 */
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * @param {string} name of a measure
 * @param {number | null | undefined} value
 */
function amount(name, value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (name === "seconds")
    return `${value > 0 && value < 1 ? Number(value.toPrecision(2)) : value.toFixed(value < 100 ? 1 : 0)}\u202fs`;
  if (name === "memory") return value < 1000 ? `${value}\u202fB` : `${formatShort(value)}B`;
  return formatShort(value);
}

/**
 * The lowest loss that every lane has reached, and what it had cost each when it first was that
 * low.
 * @param {{[currency: string]: number}[][]} rows of every lane, moment by moment
 * @param {Currency} currency
 * @returns {{level: number, costs: number[], stuck: number[]} | null} `stuck`: lanes that are not
 *   below their first loss; null before anybody has a loss
 */
export function commonLevel(rows, currency) {
  const lows = rows.map((lane) =>
    lane.reduce(
      (low, row) =>
        Number.isFinite(row.loss) && row.loss !== null && row.loss < low ? row.loss : low,
      Infinity,
    ),
  );
  if (!rows.length || lows.some((low) => low === Infinity)) return null;
  const firsts = rows.map(
    (lane) => lane.find((row) => row.loss !== null && Number.isFinite(row.loss))?.loss ?? Infinity,
  );
  const stuck = rows.flatMap((_, i) =>
    firsts[i] - lows[i] <= BETTER * Math.abs(firsts[i]) ? [i] : [],
  );
  const level = Math.max(...lows);
  const costs = rows.map(
    (lane) => lane.find((row) => row.loss !== null && row.loss <= level)?.[currency] ?? 0,
  );
  return { level, costs, stuck };
}

/** How many times as much, as people say it: 1.4, 23, 620. @param {number} ratio */
export function ratioText(ratio) {
  if (ratio < 9.95) return ratio.toFixed(1);
  if (ratio < 9950) return Number(ratio.toPrecision(ratio < 99.5 ? 2 : 3)).toFixed(0);
  return formatShort(ratio);
}

/**
 * The telling figure, in words.
 * @param {any} stage
 * @param {any[]} metrics up to the moment
 * @param {Currency} currency
 * @returns {{lead: string, reached: string[], times: string}}
 */
export function costComparison(stage, metrics, currency) {
  const silent = { reached: [], times: "" };
  const lanes = stage.lanes;
  const found =
    metrics.length > 1
      ? commonLevel(
          lanes.map((/** @type {any} */ _, /** @type {number} */ i) =>
            metrics.map((m) => m.lanes[i]),
          ),
          currency,
        )
      : null;
  if (!found || found.stuck.length === lanes.length)
    return {
      ...silent,
      lead: found && metrics.length > 9 ? stuckText(lanes, found.stuck) : t("panels.cost-early"),
    };
  if (found.stuck.length) return { ...silent, lead: stuckText(lanes, found.stuck) };
  const { kind } = stage.data;
  const what =
    kind === "function"
      ? "-height"
      : measured(kind)
        ? kind === "tour"
          ? "-length"
          : "-routes"
        : sought(kind)
          ? "-price"
          : "";
  const lead = t(`panels.cost-reach${lanes.length > 1 ? "" : "-one"}${what}`, {
    level: sought(kind) ? lengthWithUnit(found.level, stage.data) : formatNumber(found.level),
  });
  const named = found.costs.findIndex((cost) => cost > 0);
  const of = (/** @type {number} */ cost, /** @type {number} */ lane) => {
    const count = currency === "seconds" ? cost.toPrecision(cost < 1 ? 2 : 3) : formatShort(cost);
    // The unit is said once, by the first that has one.
    return !(cost > 0)
      ? t("panels.cost-at-once")
      : lane === named || currency === "seconds"
        ? t(`panels.cost-of-${currency}`, { count })
        : count;
  };
  return { lead, reached: found.costs.map(of), times: compared(found.costs, currency) };
}

/**
 * @param {any[]} lanes
 * @param {number[]} stuck
 */
function stuckText(lanes, stuck) {
  const label = listed(stuck.map((i) => lanes[i].label));
  return t(
    lanes.length === 1
      ? "panels.cost-stuck-one"
      : stuck.length > 1
        ? "panels.cost-stuck-many"
        : "panels.cost-stuck",
    { label },
  );
}

/**
 * The dearest beside the cheapest.
 * @param {number[]} costs
 * @param {Currency} currency
 */
function compared(costs, currency) {
  if (costs.length < 2) return "";
  const [cheap, dear] = [Math.min(...costs), Math.max(...costs)];
  if (!(cheap > 0)) return "";
  if (dear / cheap < 1.05)
    return t(costs.length > 2 ? "panels.cost-alike-many" : "panels.cost-alike");
  return t(`panels.cost-times-${currency}`, {
    shape: SHAPES[costs.indexOf(dear)],
    other: SHAPES[costs.indexOf(cheap)],
    times: ratioText(dear / cheap),
  });
}
