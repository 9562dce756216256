/**
 * Slow motion: the parts of one step of every method, one after the other.
 *
 * The race stands still and is asked for one step at a time. What it tells comes in this order: the
 * parts of the step, a message for every lane, then the frame it leads to. The frame is kept back
 * until the parts have been seen.
 */

import { button } from "../controls/popover.js";
import { SLOW } from "../controls/transport.js";
import { formatNumber, SHAPES } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";
import { moveText, paintMoves } from "./move_trace.js";
import { acceptedUpTo, extent, paintStep, stageOf, stagesOf, stepBounds } from "./step_trace.js";

/** How long a phase is on show at least, and for every letter of its line. */
const [LEAST_MS, LETTER_MS] = [1500, 60];
const MOVE_MS = 450;
const PACES = [0.5, 1, 2];

/**
 * @typedef {object} Doing what slow motion does to the view around it
 * @property {(speed: number) => void} showSpeed
 * @property {(speed: number) => void} setSpeed
 * @property {(experiment: any) => void} start asks for a race
 * @property {(command: Record<string, unknown>) => void} command
 * @property {(message: any, bytes: Uint8Array) => void} accept a part of a frame is to be seen now
 * @property {(index: number) => import("../data/frame_view.js").FrameView} frameView
 * @property {() => any} weights the panel of the weights, over which it paints
 * @property {() => any} map the map of tours, which draws their moves
 * @property {(sentence: string) => void} say
 * @property {() => void} showState
 * @property {() => void} redraw
 */

/** How long lines are read, in milliseconds. @param {string[]} lines side by side */
export function readingTime(lines) {
  return Math.max(LEAST_MS, ...lines.map((line) => LETTER_MS * line.length));
}

export class SlowMotion {
  /**
   * @param {HTMLElement} place
   * @param {import("../data/race_session.js").RaceSession} session
   * @param {Doing} on
   */
  constructor(place, session, on) {
    this.place = place;
    this.session = session;
    this.on = on;
    this.active = this.held = false;
    /** @type {(() => void) | null} what is done when it is left */ this.ended = null;
    this.pace = 1;
    /**
     * @type {"path" | "step" | number} what is seen of the plane: all of it, what this step
     *   reaches, or what one lane's step does
     */
    this.zoom = "step";
    /** Whose lanes `zoom` speaks of. */ this.zoomed = "";
    /** @type {number | null} the lane that alone is seen */ this.alone = null;
    /** The speed it goes back to. */ this.usual = 0;
    /** Which stage is on show; −1 while the race is asked. */ this.at = -1;
    /** @type {any[]} by lane: the parts of the step on show */ this.told = [];
    /** @type {{message: any, bytes: Uint8Array}[]} what came after them */ this.kept = [];
    this.since = 0;
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  }

  /**
   * Begin, with the race on the screen or with one that was just asked for, stages and all.
   * @param {boolean} asked
   */
  start(asked = false) {
    if (this.active) return;
    this.on.showSpeed(SLOW);
    const { session } = this;
    if (!asked && session.waiting) {
      // A race was asked for and nothing is seen of it yet. In the queue it will be told before its
      // first step; elsewhere it may be some steps on, and begins once more.
      if (session.state.state !== "queued") return this.on.start(session.asked ?? undefined);
      session.send({ do: "stages" });
      asked = true;
    }
    if (!asked && !session.live) return this.on.say(t("time.slow-next"));
    this.active = true;
    this.held = false;
    if (asked) this.forget();
    else this._ask();
    this.on.redraw();
    this.on.showState();
  }

  /**
   * Pause at every phase, the first included, until Next is pressed.
   * @param {() => void} ended called when slow motion is left; of several the first
   */
  once(ended) {
    if (!this.active) return ended(); // there is no race to show one of
    this.ended ??= ended;
    this.hold(true);
  }

  /** Leave the step on show and stand still at the first phase of the next one. */
  another() {
    if (!this.active) return;
    clearTimeout(this.timer);
    this._toLive();
    if (this.at >= 0) this._following();
    if (this.active) this.hold(true);
  }

  /** Back to moving pictures. @param {boolean} resume whether the race goes on */
  stop(resume = false) {
    if (!this.active) return;
    this.active = this.held = false;
    this._release();
    this.place.hidden = true;
    this._near(null);
    this.on.weights()?.watchSteps?.(false);
    this.on.map()?.showMoves?.(null);
    const { ended } = this;
    this.ended = null;
    ended?.();
    this.on.showSpeed(this.usual);
    if (resume) this.on.command({ do: "resume" });
    this.on.showState();
  }

  /** Stand still at the stage on show, or go on. @param {boolean} held */
  hold(held) {
    this.held = held;
    clearTimeout(this.timer);
    if (!held) {
      this._toLive();
      if (this.at >= 0) this._wait();
    }
    this._tell();
    this.on.redraw();
    this.on.showState();
  }

  /** The next stage, or the frame that the last one leads to, and the next step. */
  next() {
    clearTimeout(this.timer);
    if (!this.active || this.at < 0) return;
    this._toLive();
    if (this.at + 1 < this._phases()) return this._show(this.at + 1);
    this._following();
  }

  /** The stage before, held: who goes back wants to read. */
  back() {
    if (this.at > 0) this._hold(this.at - 1);
  }

  /**
   * A stage of one lane, held.
   * @param {number} lane
   * @param {number} index of the stage
   */
  goTo(lane, index) {
    const message = this.told[lane];
    if (!message || this.at < 0) return;
    const at = stagesOf(this.session.history.stage.lanes[lane], message.stages).indexOf(index);
    if (at >= 0) this._hold(at);
  }

  /** Whether another moment than the newest is looked at. */
  get looksBack() {
    const { chosen, source } = this.session.playback;
    return chosen !== null || source !== "live";
  }

  /** @param {number} at */
  _hold(at) {
    this._toLive();
    this.hold(true);
    this._show(at);
  }

  _toLive() {
    if (this.session.playback.source === "live") this.session.playback.show(null);
  }

  /** The frame that the step leads to, and the next step. */
  _following() {
    this._release();
    if (["running", "paused"].includes(this.session.state.state)) this._ask();
    else this.stop();
  }

  /** The race is another one, or told again from its start: nothing of a step is left. */
  forget() {
    clearTimeout(this.timer);
    this.told = [];
    this.kept = [];
    this.at = -1;
  }

  /** It is over, or out of reach: what is asked now has no answer. @param {string} state */
  said(state) {
    if (this.active && this.at < 0 && ["done", "ended", "lost", "idle"].includes(state))
      this.stop();
  }

  /** @param {any} message of type "stages" */
  receive(message) {
    if (this.active) this.told[message.lane] = message;
  }

  /**
   * Keep a frame back until the step that leads to it has been seen.
   * @param {any} message
   * @param {Uint8Array} bytes
   * @returns {boolean} whether it is kept
   */
  keep(message, bytes) {
    if (!this.active || !this.told.length) return false;
    this.kept.push({ message, bytes });
    if (message.type === "metrics" && this.at < 0) this._show(0);
    return true;
  }

  /**
   * Looking at another moment holds it.
   * @param {import("../data/frame_view.js").FrameView} moment
   */
  draw(moment) {
    if (!this.active) return;
    const back = this.looksBack;
    if (back && this.at >= 0 && !this.held) this.hold(true);
    this._overlay(back);
    this._strip(moment.stage);
  }

  _ask() {
    this.forget();
    this.session.send({ do: "stages" });
  }

  /** Let what was kept back be seen. */
  _release() {
    const { kept } = this;
    this.forget();
    this._overlay(true);
    for (const { message, bytes } of kept) this.on.accept(message, bytes);
    this.on.redraw();
  }

  /** @param {number} at */
  _show(at) {
    this.at = at;
    this.since = performance.now();
    this._look();
    this._tell();
    this._move();
    if (!this.held) this._wait();
  }

  /** How many phases the step on show has. */
  _phases() {
    const { lanes } = this.session.history.stage;
    return Math.max(
      ...this.told
        .filter(Boolean)
        .map((message) => stagesOf(lanes[message.lane], message.stages).length),
    );
  }

  /** Show the part of the plane in which this step is seen. */
  _look() {
    const { history, moment } = this.session.playback;
    this._keepZoom(history.stage.lanes);
    this.on.weights()?.watchSteps?.(true);
    const now = this.zoom === "path" || moment < 0 ? null : this.on.frameView(moment);
    const part = now?.picture?.plane
      ? stepBounds(this.told, now, /** @type {"step" | number} */ (this.zoom))
      : null;
    this.alone = part && history.stage.lanes.length > 1 ? part.lane : null;
    this._near(part);
  }

  /** What one lane's number was chosen for belongs to these lanes alone. @param {any[]} lanes */
  _keepZoom(lanes) {
    const names = lanes.map(({ label }) => label).join("\n");
    if (names !== this.zoomed && typeof this.zoom === "number") this.zoom = "step";
    this.zoomed = names;
  }

  /** @param {{x: [number, number], y: [number, number]} | null} part */
  _near(part) {
    this.on.weights()?.near?.(part && { x: part.x, y: part.y });
  }

  /** @param {"path" | "step" | number} zoom */
  setZoom(zoom) {
    this.zoom = zoom;
    if (this.active && this.at >= 0) this._look();
    this._tell();
  }

  _wait() {
    this.timer = setTimeout(() => this.next(), readingTime(this._lines()) / this.pace);
  }

  /** The lines on show. */
  _lines() {
    const { lanes } = this.session.history.stage;
    return this.told.filter(Boolean).map(({ lane, stages }) => {
      const { index, waits } = stageOf(lanes[lane], this.at, stages);
      return waits ? "" : (lanes[lane].stages?.[index]?.line ?? "");
    });
  }

  /** Paint until what moves between two stages stands. */
  _move() {
    cancelAnimationFrame(this.frame ?? 0);
    this._overlay(this.session.playback.chosen !== null);
    if (this.active && this.at >= 0 && this._progress() < 1)
      this.frame = requestAnimationFrame(() => this._move());
  }

  /** Of what moves between two stages, 0 to 1; at once where people want nothing to move. */
  _progress() {
    const share = this.calm.matches
      ? 1
      : Math.min(1, ((performance.now() - this.since) * this.pace) / MOVE_MS);
    return 1 - (1 - share) ** 3;
  }

  /** @param {boolean} none whether nothing is to be painted over the weights */
  _overlay(none) {
    const panel = this.on.weights();
    this.on
      .map()
      ?.showMoves?.(
        none || this.at < 0
          ? null
          : paintMoves(this.told, this.at, this.session.history.stage.lanes, () =>
              this._progress(),
            ),
      );
    panel?.overlay?.(
      "stages",
      none || this.at < 0 ? null : paintStep(this.told, this.at, panel, () => this._progress()),
    );
  }

  /** The strip between cards and panels, made for the lanes of this race. @param {any} stage */
  _strip(stage) {
    this.place.hidden = false;
    if (this.built === stage.lanes) return;
    this.built = stage.lanes;
    this._keepZoom(stage.lanes);
    this.place.setAttribute("role", "group");
    this.place.setAttribute("aria-label", t("time.slow"));
    const title = document.createElement("b");
    title.textContent = t("time.slow");
    this.step = document.createElement("span");
    this.step.className = "kv-stages-step";
    const paces = document.createElement("span");
    paces.className = "kv-choice";
    paces.setAttribute("role", "group");
    paces.setAttribute("aria-label", t("time.slow-pace"));
    paces.append(
      ...PACES.map((pace) =>
        button(`${pace === 0.5 ? "½" : pace}×`, () => this._setPace(pace), {
          "data-testid": `slow-${pace}`,
          "data-pace": String(pace),
        }),
      ),
    );
    const zooms = document.createElement("span");
    zooms.className = "kv-choice";
    zooms.setAttribute("role", "group");
    zooms.setAttribute("aria-label", t("time.slow-zoom"));
    const lanesToo =
      stage.lanes.length > 1
        ? stage.lanes.map((/** @type {any} */ lane, /** @type {number} */ i) => ({
            zoom: i,
            text: SHAPES[i],
            title: t("time.slow-zoom-lane", { lane: lane.label }),
          }))
        : [];
    zooms.hidden = stage.data.kind === "tour"; // the map has a zoom of its own
    const offered = [
      { zoom: "path", text: t("time.slow-zoom-path"), title: t("time.slow-zoom-path-hint") },
      { zoom: "step", text: t("time.slow-zoom-step"), title: t("time.slow-zoom-step-hint") },
      ...lanesToo,
    ];
    zooms.append(
      ...offered.map(({ zoom, text, title }) =>
        button(text, () => this.setZoom(zoom), {
          "data-testid": `slow-zoom-${zoom}`,
          "data-zoom": String(zoom),
          title,
          "aria-label": title,
        }),
      ),
    );
    const hold = button("", () => this.hold(!this.held), { "data-testid": "slow-hold" });
    const back = button("←", () => this.back(), {
      "data-testid": "slow-back",
      "aria-label": t("time.slow-back"),
      title: t("time.slow-back-hint"),
    });
    const next = button(t("time.slow-skip"), () => this.next(), {
      "data-testid": "slow-next",
      title: t("time.slow-skip-hint"),
    });
    const leave = button(t("time.slow-leave"), () => this.on.setSpeed(this.usual), {
      "data-testid": "slow-leave",
      title: t("time.slow-leave-hint"),
    });
    const bar = document.createElement("div");
    bar.className = "kv-stages-bar";
    bar.append(title, this.step, zooms, paces, hold, back, next, leave);
    const lanes = document.createElement("div");
    lanes.className = "kv-stages-lanes";
    lanes.append(
      ...stage.lanes.map((/** @type {any} */ lane, /** @type {number} */ i) =>
        section(lane, i, (index) => this.goTo(i, index)),
      ),
    );
    this.place.replaceChildren(bar, lanes);
    this._tell();
  }

  /** @param {number} pace */
  _setPace(pace) {
    this.pace = pace;
    clearTimeout(this.timer);
    if (!this.held && this.at >= 0) this._wait();
    this._tell();
  }

  /** Which stage every lane is at, its line and its numbers. */
  _tell() {
    const { stage, metrics } = this.session.history;
    if (!this.active || !stage || this.built !== stage.lanes) return;
    const get = (/** @type {string} */ selector, root = this.place) =>
      /** @type {HTMLElement} */ (root.querySelector(selector));
    const hold = get("[data-testid=slow-hold]");
    hold.textContent = t(this.held ? "time.slow-go" : "time.slow-hold");
    hold.title = t(this.held ? "time.slow-go-hint" : "time.slow-hold-hint");
    /** @type {HTMLButtonElement} */ (get("[data-testid=slow-back]")).disabled = this.at <= 0;
    for (const one of /** @type {NodeListOf<HTMLElement>} */ (
      this.place.querySelectorAll("[data-pace]")
    ))
      one.setAttribute("aria-pressed", String(Number(one.dataset.pace) === this.pace));
    for (const one of /** @type {NodeListOf<HTMLElement>} */ (
      this.place.querySelectorAll("[data-zoom]")
    )) {
      one.setAttribute("aria-pressed", String(one.dataset.zoom === String(this.zoom)));
      one.toggleAttribute("data-seen", one.dataset.zoom === String(this.alone));
    }
    const steps = this.told
      .filter(Boolean)
      .map((message) => Number(message.step).toLocaleString("en"));
    if (this.step && steps.length)
      this.step.textContent = t("time.step", { steps: [...new Set(steps)].join(" / ") });
    stage.lanes.forEach((/** @type {any} */ lane, /** @type {number} */ i) => {
      const place = get(`[data-lane="${i}"]`);
      const message = this.told[i];
      const going = message && this.at >= 0;
      const { index, waits } = stageOf(lane, this.at, message?.stages);
      [...place.querySelectorAll("li")].forEach((chip, n) => {
        const there = !message?.stages[n]?.absent;
        const named = /** @type {HTMLButtonElement} */ (chip.querySelector("button"));
        chip.toggleAttribute("data-now", Boolean(going) && n === index && !waits);
        chip.toggleAttribute("data-past", Boolean(going) && there && (n < index || waits));
        chip.toggleAttribute("data-absent", !there);
        named.disabled = !going || !there;
        named.title = there ? lane.stages[n].name : t("time.slow-absent", lane.stages[n]);
        if (going && n === index && !waits) named.setAttribute("aria-current", "step");
        else named.removeAttribute("aria-current");
      });
      place.setAttribute("aria-live", this.held ? "polite" : "off");
      const finished = metrics.at(-1)?.lanes[i].finished;
      if (!going && !finished) return;
      const said = finished && !going ? "finished" : waits ? "waits" : String(index);
      for (const line of /** @type {NodeListOf<HTMLElement>} */ (
        place.querySelectorAll("[data-line]")
      ))
        line.toggleAttribute("data-now", line.dataset.line === said);
      get(".kv-stage-numbers", place).textContent =
        waits || !going
          ? ""
          : message.stages[index].move
            ? moveText(message.stages[index].move, index, lane.stages.length, stage.data)
            : numbers(lane.stages, message.stages, index, stage.data.landscape ? "height" : "loss");
    });
  }
}

/**
 * One lane's stages, as buttons.
 * @param {any} lane of the stage
 * @param {number} index
 * @param {(stage: number) => void} go shows a stage
 */
function section(lane, index, go) {
  const place = document.createElement("section");
  place.dataset.lane = String(index);
  place.dataset.testid = `stages-${index}`;
  place.setAttribute("aria-label", lane.label);
  place.style.setProperty("--lane", `var(--lane-${index})`);
  const chips = document.createElement("ol");
  for (const [i, { name }] of (lane.stages ?? []).entries()) {
    const chip = document.createElement("li");
    // The name by itself: on low screens only the stage on show is named.
    const named = document.createElement("span");
    named.textContent = ` ${name}`;
    const pressed = button(`${i ? "" : `${SHAPES[index]} `}${i + 1}`, () => go(i), {
      "data-testid": `phase-${index}-${i}`,
      "aria-label": `${i + 1} ${name}`,
    });
    pressed.append(named);
    chip.append(pressed);
    chips.append(chip);
  }
  // All lines lie on one another and one is seen: whichever it is, the strip is as high and nothing
  // under it moves.
  const lines = document.createElement("div");
  lines.className = "kv-stage-lines";
  const told = [
    ...(lane.stages ?? []).map((/** @type {any} */ stage, /** @type {number} */ i) => [
      String(i),
      stage.line,
    ]),
    ["waits", t("time.slow-waits")],
    ["finished", t("time.slow-finished")],
  ];
  for (const [name, text] of told) {
    const line = document.createElement("p");
    line.dataset.line = name;
    line.textContent = text;
    lines.append(line);
  }
  const said = document.createElement("p");
  said.className = "kv-stage-numbers";
  place.append(chips, lines, said);
  return place;
}

/**
 * What a stage says in numbers.
 * @param {any[]} stages of the method
 * @param {import("./step_trace.js").Part[]} parts
 * @param {number} index
 * @param {"loss" | "height"} what the values are
 */
export function numbers(stages, parts, index, what = "loss") {
  const part = parts[index];
  const { points, values } = part;
  const count = points?.shape[0] ?? 0;
  const { shows } = stages[index];
  if (shows === "asked") return askedText(part, count);
  if (shows === "resampled") return points ? resampledText(part) : "";
  if (shows === "swapped")
    return part.tried ? t("time.slow-swapped", { count: part.swapped, of: part.tried }) : "";
  if (shows === "reshaped")
    return Number.isFinite(part.growth)
      ? t("time.slow-reshaped", { factor: formatNumber(part.growth) })
      : "";
  const accepted = ["moved", "improved"].includes(shows)
    ? acceptedUpTo(stages, parts, index)
    : null;
  if (accepted && shows === "improved") return improvedText(accepted);
  if (accepted)
    return t(accepted.taken < accepted.of ? "time.slow-accepted-some" : "time.slow-accepted", {
      count: accepted.taken,
      of: accepted.of,
      refused: accepted.of - accepted.taken,
    });
  const [low, high] = extent(values?.data) ?? [Number.NaN, Number.NaN];
  if (!Number.isFinite(low)) return "";
  const told = part.along ? "slope" : what;
  return low === high
    ? t(`time.slow-${told}`, { value: formatNumber(low) })
    : t(`time.slow-${told}-range`, { low: formatNumber(low), high: formatNumber(high) });
}

/**
 * @param {import("./step_trace.js").Part} part
 * @param {number} count of points
 */
function askedText({ known, along }, count) {
  if (known) return t("time.slow-known");
  if (!count) return "";
  const many = along ? "time.slow-directions" : "time.slow-asks";
  return t(count === 1 ? `${many}-one` : many, { count });
}

/** @param {import("./step_trace.js").Part} part */
function resampledText({ died, copied, members }) {
  if (!died) return t("time.slow-resampled-none");
  return t("time.slow-resampled", { died, copied, members });
}

/** @param {{taken: number, of: number}} found */
function improvedText({ taken, of }) {
  if (!taken) return t("time.slow-improved-none");
  return t("time.slow-improved", { count: taken, of });
}
