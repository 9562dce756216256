/** The live view: one race on the screen, from the socket or from a recording. */

import { Cards } from "./cards.js";
import { loadPlotly, stats } from "./charts.js";
import { seconds } from "./format.js";
import { LossPanel } from "./panels/loss.js";
import { NetworkPanel } from "./panels/network.js";
import { TemperaturePanel } from "./panels/temperature.js";
import { WeightsPanel } from "./panels/weights.js";
import { History, Player, readRecording } from "./player.js";
import { Socket, token } from "./socket.js";
import { readTheme } from "./theme.js";
import { keys, Transport } from "./transport.js";

/**
 * @typedef {{stage: any, metrics: any[], metric: any, picture: any, currency: "seconds" | "evaluations" | "flops", measure: "loss" | "accuracy", run: number,
 *   temperatures: [number, number], heat: (lane: number) => number | null}} Moment
 */

const CURVES_MS = 320;
const SUMMARY_MS = 1000;
const REHEAT_FACTOR = 10;

const panel = (/** @type {string} */ name, /** @type {string} */ title, tools = "") => `
  <section class="kv-panel" data-testid="panel-${name}" role="figure" aria-label="${title}">
    <header><h2>${title}</h2>${tools}<span class="kv-note"></span></header>
    <div class="kv-plot" data-plot="${name}"></div><p class="kv-nothing" hidden></p><p class="kv-sr" data-summary></p>
  </section>`;
const choice = (/** @type {string} */ id, /** @type {string} */ text) => `<button type="button" data-testid="${id}" aria-pressed="false">${text}</button>`;

const TEMPLATE = `
  <div class="kv-top"><div class="kv-transport" role="toolbar" aria-label="Race"></div><p class="kv-status" data-testid="status" role="status"></p></div>
  <div class="kv-cards"></div>
  <div class="kv-panels">
    ${panel("loss", "Loss", `<span class="kv-choice" role="group" aria-label="What is drawn">${choice("measure-loss", "loss")}${choice("measure-accuracy", "accuracy")}</span>`)}
    ${panel("weights", "Where the weights are")}
    ${panel("network", "What the network says")}
    ${panel("temperature", "Temperature and acceptance")}
  </div>
  <div class="kv-bottom">
    <span class="kv-choice" role="group" aria-label="Currency of all time axes">
      ${choice("currency-seconds", "seconds")}${choice("currency-evaluations", "evaluations")}${choice("currency-flops", "FLOPs")}</span>
    <input type="range" class="kv-scrub" data-testid="scrub" min="0" max="0" value="0" aria-label="Moment of the race">
    <span class="kv-time"></span><button type="button" class="kv-edge" data-testid="live-edge" hidden>Live</button>
  </div>`;

export class LiveView {
  /** @param {HTMLElement} parent @param {any} data what Python handed over */
  constructor(parent, data) {
    this.parent = parent;
    this.data = data;
    this.player = new Player();
    this.state = { state: "idle", sentence: "" };
    this.problem = "";
    this.experiment = "";
    this.run = 0;
    this.waiting = /** @type {History | null} */ (null);
    this.currency = /** @type {Moment["currency"]} */ (data.experiment.budget.currency);
    this.measure = /** @type {Moment["measure"]} */ ("loss");
    this.received = { metrics: 0, pictures: 0 };
    this.dirty = { pictures: true, curves: true };
    this.drawnAt = { curves: 0, summaries: 0 };
    /** @type {{name: string, panel: any, curves: boolean}[]} */ this.panels = [];
    this.ready = false;

    this.root = document.createElement("div");
    this.root.className = "kelvin";
    this.root.dataset.testid = "kelvin";
    this.root.innerHTML = TEMPLATE;
    parent.append(this.root);
    const get = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (this.root.querySelector(selector));
    this.get = get;
    this.cards = new Cards(get(".kv-cards"));
    this.scrub = /** @type {HTMLInputElement} */ (get(".kv-scrub"));
    this.transport = new Transport(get(".kv-transport"), {
      run: () => this.start(),
      pause: () => this.command({ do: "pause" }),
      resume: () => this.command({ do: "resume" }),
      step: () => this.command({ do: "step" }),
      reset: () => this.start(this.experiment && !this.stale ? JSON.parse(this.experiment) : undefined),
      seed: () => this.newSeed(),
      speed: (value) => this.command({ do: "speed", value }),
      reheat: () => this.reheat(),
    });
    this.removeKeys = keys(() => this.root.isConnected, this.transport);
    this._wire();
    this.socket = new Socket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${data.base}/kelvin/live`, {
      message: (message, bytes) => this.receive(message, bytes),
      open: () => {
        const race = token.get();
        if (race) this.socket.send({ do: "attach", race });
        else if (!this.begun) this.begin();
      },
      lost: () => this._say({ state: "lost", sentence: "The connection is gone; trying again …" }),
    });
    this.setStateValue = (/** @type {string} */ _name, /** @type {unknown} */ _value) => {};
    loadPlotly(`${location.origin}${data.base}/kelvin/plotly.min.js?v=${data.plotly}`).then((Plotly) => this._mountCharts(Plotly));
    this._mountFirst();
    this.frame = requestAnimationFrame((now) => this._tick(now));
  }

  /** Another run of the page's script. @param {any} data @param {(name: string, value: unknown) => void} setStateValue */
  update(data, setStateValue) {
    const currency = data.experiment.budget.currency;
    if (currency !== this.data.experiment.budget.currency) this._setCurrency(currency);
    this.data = data;
    this.setStateValue = setStateValue;
    this._dress();
    this._showState();
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    this.removeKeys();
    this.resize?.disconnect();
    this.socket.close();
    for (const one of this.panels) one.panel.chart?.destroy();
    this.root.remove();
  }

  /** What a page shows that has no race of its own: a race it was asked for by its address, or a recorded one. */
  begin() {
    this.begun = true;
    if (this.data.autostart) this.start();
    else if (this.data.recording) this.playRecording(this.data.recording);
    else this._showState();
  }

  /** Ask for a race. @param {any} experiment */
  start(experiment = this.data.experiment) {
    this.begun = true;
    this.problem = "";
    this.runAt = performance.now();
    this.firstFrameAt = 0;
    this.waiting = new History();
    this.socket.send({ do: "run", experiment });
    if (this.transport.speed) this.socket.send({ do: "speed", value: this.transport.speed });
    this._say({ state: "starting", sentence: "" });
  }

  newSeed() {
    const seed = Math.floor(Math.random() * 2 ** 31);
    this.start({ ...this.data.experiment, seed });
    this.data = { ...this.data, experiment: { ...this.data.experiment, seed } };
    this.setStateValue("seed", seed);
  }

  /** @param {Record<string, unknown>} command */
  command(command) {
    if (this.player.source === "live") this.player.show(null);
    this.socket.send(command);
    this.dirty.pictures = this.dirty.curves = true;
  }

  reheat() {
    const rows = this.player.history.metrics.at(-1)?.lanes ?? [];
    rows.forEach((/** @type {any} */ row, /** @type {number} */ lane) => {
      if (row.temperature !== null) this.command({ do: "reheat", lane, factor: REHEAT_FACTOR });
    });
  }

  /** @param {string} address */
  async playRecording(address) {
    try {
      const answer = await fetch(`${this.data.base}${address}`);
      if (!answer.ok) throw new Error(String(answer.status));
      const history = await readRecording(await answer.arrayBuffer());
      if (this.player.history.length || this.waiting) return; // a race began meanwhile
      this._load(history, "recording");
      if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) this.player.show(history.length - 1);
      else this.player.play(performance.now() / 1000);
      this._say({ state: "idle", sentence: "" });
    } catch {
      this._showState(); // no recording: the page is whole without it
    }
  }

  /** @param {any} message @param {Uint8Array} bytes */
  receive(message, bytes) {
    if (message.type === "state") {
      if (message.race) token.set(message.race);
      if (message.race && message.race !== this.race) {
        this.race = message.race;
        this.waiting ??= new History();
      }
      this._say(message);
    } else if (message.type === "problem") {
      if (message.gone) {
        token.clear();
        if (!this.begun) this.begin();
        return;
      }
      this.waiting = null;
      this.problem = message.sentence;
      this._say({ state: this.player.history.length ? "ended" : "idle", sentence: "" });
    } else if (message.type === "stage") {
      // The old race stays on the screen until the new one has something to show.
      this.begun = true;
      const history = new History();
      history.stage = message;
      this._load(history, "live");
      this.waiting = null;
      this.experiment = JSON.stringify(message.experiment);
    } else if (message.type === "metrics" && this.player.source === "live") {
      this.received.metrics++;
      this.player.history.addMetrics(message);
      this.dirty.curves = true;
    } else if (message.type === "picture" && this.player.source === "live") {
      this.received.pictures++;
      this.player.history.addPicture(message.k, bytes, message);
      this.dirty.pictures = true;
      if (!this.firstFrameAt) this.firstFrameAt = performance.now();
    }
  }

  /** Whether the controls ask for another race than the one on the screen. */
  get stale() {
    if (this.waiting || !this.player.history.stage) return false;
    return JSON.stringify(this.data.experiment) !== JSON.stringify(this.player.history.stage.experiment);
  }

  /** @param {History} history @param {"live" | "recording"} source */
  _load(history, source) {
    this.player.load(history, source);
    this.run++;
    this.dirty.pictures = this.dirty.curves = true;
    this.drawnAt = { curves: 0, summaries: 0 };
    this._setCurrency(history.stage.budget.currency);
    for (const { panel } of this.panels) {
      panel.chart?.forgetZoom();
      panel.reset?.();
    }
  }

  /** @param {any} state */
  _say(state) {
    this.state = state;
    this._showState();
  }

  _showState() {
    const { state, sentence, place } = this.state;
    const hot = (this.player.history.metrics.at(-1)?.lanes ?? []).some((/** @type {any} */ row) => row.temperature !== null);
    this.transport.show(state, { hot: hot && this.player.source === "live", stale: this.stale });
    const recorded = this.player.source === "recording";
    const words = /** @type {Record<string, string>} */ ({
      queued: `Waiting for a free worker: ${place === 1 ? "you are next" : `place ${place} in the queue`}.`,
      starting: "Starting …",
      running: "Running",
      paused: "Paused",
      done: "Done: every lane has spent its budget.",
      ended: sentence || "The race has ended.",
      lost: sentence,
      idle: recorded ? "Recorded race. Press Run to train your own." : "Press Run to start the race.",
    })[state];
    const text = this.problem || (this.stale && state !== "queued" && state !== "starting" ? "Settings changed. Press Run to race them." : words) || "";
    const status = this.get(".kv-status");
    if (status.textContent !== text) status.textContent = text;
    status.dataset.state = this.problem ? "problem" : state;
  }

  _wire() {
    for (const name of /** @type {Moment["currency"][]} */ (["seconds", "evaluations", "flops"])) this.get(`[data-testid="currency-${name}"]`).onclick = () => this._setCurrency(name);
    for (const name of /** @type {Moment["measure"][]} */ (["loss", "accuracy"])) this.get(`[data-testid="measure-${name}"]`).onclick = () => this._setMeasure(name);
    this._setCurrency(this.currency);
    this._setMeasure(this.measure);
    this.scrub.oninput = () => {
      this.player.show(Number(this.scrub.value));
      this.dirty.pictures = this.dirty.curves = true;
      this.drawnAt.curves = 0;
    };
    this.get(".kv-edge").onclick = () => {
      if (this.player.source === "recording") this.player.play(performance.now() / 1000, this.player.moment >= this.player.history.length - 1 ? 0 : this.player.moment);
      else this.player.show(null);
      this.dirty.pictures = this.dirty.curves = true;
    };
  }

  /** @param {Moment["currency"]} name */
  _setCurrency(name) {
    if (name === this.currency && this.get(`[data-testid="currency-${name}"]`).getAttribute("aria-pressed") === "true") return;
    this.currency = name;
    for (const one of ["seconds", "evaluations", "flops"]) this.get(`[data-testid="currency-${one}"]`).setAttribute("aria-pressed", String(one === name));
    // A zoom in seconds means nothing in evaluations; the plane of the weights has no time axis and keeps its own.
    for (const { panel, curves } of this.panels) if (curves) panel.chart.forgetZoom();
    this.dirty.curves = true;
    this.drawnAt.curves = 0;
  }

  /** @param {Moment["measure"]} name */
  _setMeasure(name) {
    this.measure = name;
    for (const one of ["loss", "accuracy"]) this.get(`[data-testid="measure-${one}"]`).setAttribute("aria-pressed", String(one === name));
    this.panels.find(({ name: panel }) => panel === "loss")?.panel.chart.forgetZoom();
    this.dirty.curves = true;
    this.drawnAt.curves = 0;
  }

  /** What needs no Plotly is there at once; a race is on the screen while plotly.js is still on its way. */
  _mountFirst() {
    const { palette } = this.data;
    this._dress();
    const place = /** @type {HTMLElement} */ (this.get('[data-plot="network"]'));
    /** @type {{name: string, panel: any, curves: boolean}[]} */
    this.panels = [{ name: "network", panel: new NetworkPanel(place, palette, this.theme), curves: false }];
    this.resize = new ResizeObserver(() => (this.dirty.pictures = this.dirty.curves = true));
    this.resize.observe(this.root);
  }

  /** @param {any} Plotly */
  _mountCharts(Plotly) {
    if (!this.root.isConnected) return;
    const { figures, palette } = this.data;
    const mount = (/** @type {string} */ name, /** @type {any} */ Panel, /** @type {boolean} */ curves) => ({
      name,
      curves,
      panel: new Panel(this.get(`[data-plot="${name}"]`), Plotly, figures[name], this.theme, this.colours, palette),
    });
    this.panels = [mount("weights", WeightsPanel, false), ...this.panels, mount("loss", LossPanel, true), mount("temperature", TemperaturePanel, true)];
    this.ready = true;
    this.dirty.pictures = this.dirty.curves = true;
  }

  _dress() {
    const { palette } = this.data;
    const theme = readTheme(this.root);
    const key = JSON.stringify(theme);
    if (this.dressed === key) return;
    this.dressed = key;
    this.theme = theme;
    this.colours = theme.dark ? palette.lanesOnDark : palette.lanes;
    this.colours.forEach((/** @type {string} */ colour, /** @type {number} */ i) => this.root.style.setProperty(`--lane-${i}`, colour));
    this.root.classList.toggle("kv-dark", theme.dark);
    for (const { panel } of this.panels) panel.dress(theme, this.colours, palette);
    this.dirty.pictures = this.dirty.curves = true;
    this.drawnAt.curves = 0;
  }

  /** @param {number} now ms */
  _tick(now) {
    this.frame = requestAnimationFrame((next) => this._tick(next));
    if (document.hidden) return;
    if (this.player.tick(now / 1000)) this.dirty.pictures = this.dirty.curves = true;
    const due = now - this.drawnAt.curves >= CURVES_MS;
    if (!this.dirty.pictures && !(this.dirty.curves && due)) return;
    const { history } = this.player;
    const index = this.player.moment;
    if (!history.stage || index < 0) return;
    const began = performance.now();
    const curves = this.dirty.curves && due;
    const moment = this._moment(index);
    const summaries = now - this.drawnAt.summaries >= SUMMARY_MS;
    let drawn = false;
    for (const { name, panel, curves: isCurve } of this.panels) {
      if (isCurve ? !curves : !this.dirty.pictures) continue;
      const said = panel.draw(moment);
      this._note(name, said, summaries);
      drawn = true;
    }
    if (this.dirty.pictures) this.cards.draw(moment);
    this._showTime(index);
    this.dirty.pictures = false;
    if (curves && this.ready) {
      this.dirty.curves = false;
      this.drawnAt.curves = now;
      this._showState();
    }
    if (summaries && drawn) this.drawnAt.summaries = now;
    if (!drawn) return;
    stats.drawn++;
    stats.drawMs += performance.now() - began;
    stats.firstDrawnAt ||= performance.now();
  }

  /** @param {number} index @returns {Moment} */
  _moment(index) {
    const { history } = this.player;
    const metrics = index === history.length - 1 ? history.metrics : history.metrics.slice(0, index + 1);
    const metric = history.metrics[index];
    const temperatures = this._temperatures(history);
    return {
      stage: history.stage,
      metrics,
      metric,
      picture: history.pictureAt(metric.k),
      currency: this.currency,
      measure: this.measure,
      run: this.run,
      temperatures,
      heat: (lane) => {
        const value = metric.lanes[lane]?.temperature;
        if (value === null || value === undefined) return null;
        return Math.log(value / temperatures[0]) / Math.log(temperatures[1] / temperatures[0]);
      },
    };
  }

  /** The coldest and the hottest of plan and fact: the ends of the temperature scale. @param {History} history @returns {[number, number]} */
  _temperatures(history) {
    const values = history.stage.lanes.flatMap((/** @type {any} */ lane) => lane.plan ?? []);
    for (const metric of [history.metrics[0], history.metrics.at(-1)]) for (const row of metric?.lanes ?? []) if (row.temperature !== null) values.push(row.temperature);
    const positive = values.filter((/** @type {number} */ value) => value > 0);
    const low = Math.min(...positive);
    const high = Math.max(...positive);
    return low < high ? [low, high] : [1e-3, 1];
  }

  /** @param {string} name @param {{note: string, summary: string, nothing?: string}} said @param {boolean} summaries */
  _note(name, said, summaries) {
    const section = this.get(`[data-testid="panel-${name}"]`);
    const note = /** @type {HTMLElement} */ (section.querySelector(".kv-note"));
    if (note.textContent !== said.note) note.textContent = said.note;
    const nothing = /** @type {HTMLElement} */ (section.querySelector(".kv-nothing"));
    nothing.hidden = !said.nothing;
    if (nothing.textContent !== (said.nothing ?? "")) nothing.textContent = said.nothing ?? "";
    section.classList.toggle("kv-empty", Boolean(said.nothing));
    if (summaries) /** @type {HTMLElement} */ (section.querySelector("[data-summary]")).textContent = said.summary;
  }

  /** @param {number} index */
  _showTime(index) {
    const { history, source, playing, chosen } = this.player;
    const last = history.length - 1;
    this.scrub.max = String(Math.max(0, last));
    if (document.activeElement !== this.scrub || playing || chosen === null) this.scrub.value = String(index);
    const spent = Math.max(...history.metrics[index].lanes.map((/** @type {any} */ lane) => lane.seconds));
    const where = source === "recording" ? "recorded" : chosen === null ? "live" : "looking back";
    const text = `${seconds(spent)}\u202fs · ${where}`;
    const time = this.get(".kv-time");
    if (time.textContent !== text) time.textContent = text;
    this.scrub.setAttribute("aria-valuetext", text);
    const edge = this.get(".kv-edge");
    edge.hidden = source === "recording" ? playing : chosen === null;
    edge.textContent = source === "recording" ? "Play" : "Live";
  }
}
