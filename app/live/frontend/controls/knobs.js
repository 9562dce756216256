/**
 * Knobs turned while the race runs: a small window at a lane's card, with all that its method lets
 * be turned.
 */

import { currentSetting, formatValue } from "../data/interventions.js";
import { formatNumber, SHAPES, tidyNumbers } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";
import { button, openPopover } from "./popover.js";
import { acceptedRange, parseTyped, PLACES, sliderScale, throttle } from "./slider_scale.js";

const SEND_MS = 125;
const LOOK_MS = 300;
const HEATS = [0.5, 2, 10];

/** @typedef {import("./slider_scale.js").Knob} Knob */

export class Knobs {
  /**
   * @param {import("../data/race_session.js").RaceSession} session
   * @param {{command: (command: Record<string, unknown>) => void, showState: () => void}} on
   */
  constructor(session, on) {
    this.session = session;
    this.on = on;
    /** @type {(() => void) | null} closes the window */ this.close = null;
    /** @type {(() => void)[]} show what is the case now */ this.rows = [];
    /** What the race refused last. */ this.told = "";
    /** @type {Knob | null} the knob turned last */ this.last = null;
  }

  /**
   * A lane's knobs, at the button in its card; pressed again, they go.
   * @param {number} lane
   * @param {HTMLElement} anchor
   */
  open(lane, anchor) {
    const { stage } = this.session.history;
    if (!stage) return;
    const about = stage.lanes[lane];
    const content = document.createElement("div");
    content.className = "kv-knobs";
    content.dataset.testid = "knobs";
    content.style.setProperty("--lane", `var(--lane-${lane})`);
    const title = document.createElement("h3");
    title.textContent = `${SHAPES[lane]} ${about.label}`;
    this.refusal = document.createElement("p");
    this.refusal.className = "kv-refusal";
    this.refusal.setAttribute("role", "alert");
    content.append(title, this.refusal);
    this.rows = [];
    if (this._row(lane)?.temperature !== null) content.append(this._heat(lane));
    const knobs = /** @type {Knob[]} */ (about.knobs ?? []);
    content.append(...knobs.filter((knob) => !knob.advanced).map((knob) => this._knob(lane, knob)));
    const rare = knobs.filter((knob) => knob.advanced);
    if (rare.length) {
      const more = document.createElement("details");
      const summary = document.createElement("summary");
      summary.textContent = t("time.knobs-more", { count: rare.length });
      more.append(summary, ...rare.map((knob) => this._knob(lane, knob)));
      more.open = rare.length === knobs.length;
      content.append(more);
    }
    if (!knobs.length)
      content.append(
        Object.assign(document.createElement("p"), { textContent: t("time.knobs-none") }),
      );
    this._look();
    this.close = openPopover(anchor, content, {
      label: t("time.tune-name", { lane: about.label }),
      closed: () => this._closed(),
      end: true,
    });
    if (!this.close) return;
    clearInterval(this.timer);
    this.timer = setInterval(() => this._look(), LOOK_MS);
  }

  /** The race refused what was asked. @param {string} sentence */
  refused(sentence) {
    if (!this.close || !this.refusal) return;
    // The race names the field; here its label is read.
    const { name = "", label = "" } = this.last ?? {};
    this.refusal.textContent = tidyNumbers(
      name && sentence.startsWith(`${name}: `)
        ? `${label}${sentence.slice(name.length)}`
        : sentence,
    );
    this.told = sentence;
    this._look();
  }

  /** Another race is on the screen. */
  reset() {
    this.close?.();
  }

  destroy() {
    this.close?.();
    clearInterval(this.timer);
  }

  _closed() {
    this.close = null;
    this.rows = [];
    clearInterval(this.timer);
  }

  /** Show what is the case now; where nothing can be turned any more, go. */
  _look() {
    if (this.close && !["running", "paused"].includes(this.session.state.state))
      return this.close();
    for (const show of this.rows) show();
  }

  /** The lane's newest numbers. @param {number} lane */
  _row(lane) {
    return this.session.history.metrics.at(-1)?.lanes[lane];
  }

  /** @param {Record<string, unknown>} command */
  _send(command) {
    if (this.refusal) this.refusal.textContent = "";
    if (this.told && this.session.problem === this.told) this.session.problem = "";
    this.told = "";
    this.on.command(command);
    this.on.showState();
  }

  /** More heat or less, now. @param {number} lane */
  _heat(lane) {
    const row = document.createElement("div");
    row.className = "kv-knob kv-heat";
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", t("time.knobs-heat"));
    const name = document.createElement("span");
    name.textContent = t("time.knobs-heat");
    const now = document.createElement("b");
    this.rows.push(() => (now.textContent = formatNumber(this._row(lane)?.temperature)));
    const buttons = document.createElement("span");
    buttons.append(
      ...HEATS.map((factor) => {
        const text =
          factor === 10
            ? t("time.knobs-reheat")
            : t("time.knobs-times", { factor: factor === 0.5 ? "½" : factor });
        return button(text, () => this._send({ do: "reheat", lane, factor }), {
          "data-testid": `heat-${factor}`,
          ...(factor === 10 ? { class: "kv-hot" } : {}),
        });
      }),
    );
    row.append(name, now, buttons);
    return row;
  }

  /**
   * @param {number} lane
   * @param {Knob} knob
   */
  _knob(lane, knob) {
    const row = document.createElement("div");
    row.className = "kv-knob";
    row.title = knob.help ?? "";
    const id = `kv-knob-${lane}-${knob.name}`;
    const name = document.createElement("label");
    name.htmlFor = id;
    name.textContent = knob.unit ? `${knob.label} (${knob.unit})` : knob.label;
    const send = throttle(
      (/** @type {unknown} */ value) => this._send({ do: "turn", lane, field: knob.name, value }),
      SEND_MS,
    );
    // What was just asked for stands until the race tells of it, or refuses.
    let asked = { value: /** @type {unknown} */ (undefined), until: 0 };
    const turn = (/** @type {unknown} */ value) => {
      this.last = knob;
      asked = { value, until: performance.now() + 1500 };
      send(value);
    };
    const now = () =>
      performance.now() < asked.until && !this.refusal?.textContent
        ? asked.value
        : currentSetting(knob, lane, this.session.history.events);
    row.append(
      name,
      ...(knob.options
        ? this._options(id, knob, now, turn)
        : knob.type === "boolean"
          ? this._switch(id, knob, now, turn)
          : this._number(id, lane, knob, now, turn)),
    );
    return row;
  }

  /**
   * @param {string} id
   * @param {Knob} knob
   * @param {() => unknown} now
   * @param {(value: unknown) => void} turn
   */
  _options(id, knob, now, turn) {
    const select = document.createElement("select");
    select.id = id;
    select.dataset.testid = `knob-${knob.name}`;
    for (const option of knob.options ?? []) select.append(new Option(option, option));
    select.onchange = () => turn(select.value);
    this.rows.push(() => document.activeElement !== select && (select.value = String(now())));
    select.value = String(now());
    return [select];
  }

  /**
   * @param {string} id
   * @param {Knob} knob
   * @param {() => unknown} now
   * @param {(value: unknown) => void} turn
   */
  _switch(id, knob, now, turn) {
    const box = document.createElement("input");
    box.type = "checkbox";
    box.id = id;
    box.dataset.testid = `knob-${knob.name}`;
    box.onchange = () => turn(box.checked);
    this.rows.push(() => (box.checked = Boolean(now())));
    return [box];
  }

  /**
   * What a temperature that was left to the method has come to be.
   * @param {number} lane
   * @param {Knob} knob
   */
  _planned(lane, knob) {
    const { plan } = this.session.history.stage.lanes[lane];
    // Recordings of earlier versions have the second name of each.
    if (["initial_temperature", "start_temperature"].includes(knob.name)) return plan?.[0];
    if (["final_temperature", "end_temperature"].includes(knob.name)) return plan?.at(-1);
    return undefined;
  }

  /**
   * A field for the number and a slider under it.
   * @param {string} id
   * @param {number} lane
   * @param {Knob} knob
   * @param {() => unknown} now
   * @param {(value: unknown) => void} turn
   */
  _number(id, lane, knob, now, turn) {
    const field = document.createElement("input");
    field.type = "text";
    field.inputMode = "decimal";
    field.id = id;
    field.autocomplete = "off";
    field.dataset.testid = `knob-${knob.name}`;
    if (knob.optional) field.placeholder = t("time.not-set");
    const made = () => (knob.metric ? this._row(lane)?.extra?.[knob.metric] : undefined);
    const about = [now(), made(), this._planned(lane, knob)].find(
      (value) => typeof value === "number" && Number.isFinite(value),
    );
    const scale = sliderScale(knob, /** @type {number} */ (about ?? Number.NaN));
    const slider = document.createElement("input");
    slider.type = "range";
    slider.min = "0";
    slider.max = String(PLACES);
    slider.setAttribute("aria-label", knob.label);
    slider.dataset.testid = `slide-${knob.name}`;
    slider.oninput = () => {
      const value = scale.value(Number(slider.value));
      field.value = formatValue(value);
      slider.setAttribute("aria-valuetext", field.value);
      said.textContent = "";
      turn(value);
    };
    const said = document.createElement("p");
    said.className = "kv-not-taken";
    said.setAttribute("role", "alert");
    said.dataset.testid = `refused-${knob.name}`;
    field.onchange = () => {
      const value = parseTyped(knob, field.value);
      const text = field.value.trim();
      said.textContent =
        value !== undefined
          ? ""
          : t(text ? "time.knob-refused" : "time.knob-empty", {
              label: knob.label,
              allowed: acceptedRange(knob),
              text,
            });
      if (value !== undefined) turn(value);
      const stands = value === undefined ? now() : value;
      field.value = typeof stands === "number" ? formatValue(stands) : "";
      show();
    };
    const adapted = document.createElement("i");
    const show = () => {
      const value = now();
      const by = made();
      if (document.activeElement !== field)
        field.value = typeof value === "number" ? formatValue(value) : "";
      slider.value = String(
        scale.place(
          typeof value === "number" ? value : (by ?? this._planned(lane, knob) ?? scale.low),
        ),
      );
      slider.setAttribute("aria-valuetext", formatValue(value));
      adapted.textContent =
        by === undefined ? "" : t("time.knobs-now", { value: formatNumber(by) });
    };
    this.rows.push(show);
    return [field, said, slider, adapted];
  }
}
