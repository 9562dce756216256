/** The live view: one race on the screen, from the socket or from a recording. */

import { caption } from "./captions.js";
import { Cards, scored } from "./cards.js";
import { loadPlotly, stats } from "./charts.js";
import { momentAt } from "./moment.js";
import { GroundPanel } from "./panels/ground.js";
import { HeightPanel } from "./panels/height.js";
import { LossPanel } from "./panels/loss.js";
import { NetworkPanel } from "./panels/network.js";
import { TemperaturePanel } from "./panels/temperature.js";
import { WeightsPanel } from "./panels/weights.js";
import { History, Player, readRecording } from "./player.js";
import { Scrub } from "./scrub.js";
import { Sites } from "./sites.js";
import { Socket, tokenOf } from "./socket.js";
import { template } from "./template.js";
import { readTheme } from "./theme.js";
import { keys, Transport } from "./transport.js";
import { sentence } from "./words.js";

/**
 * @typedef {{stage: any, metrics: any[], metric: any, picture: any, currency: "seconds" | "evaluations" | "flops", measure: "loss" | "accuracy", run: number,
 *   temperatures: [number, number], heat: (lane: number) => number | null}} Moment
 *
 * @typedef {{name: string, panel: any, curves: boolean, saidAt: number}} Shown a panel, and when its summary was last written
 */

const CURVES_MS = 320;
const REHEAT_FACTOR = 10;

export class LiveView {
  /** @param {HTMLElement} parent @param {any} data what Python handed over */
  constructor(parent, data) {
    this.parent = parent;
    this.data = data;
    this.player = new Player();
    this.state = /** @type {import("./words.js").State} */ ({ state: "idle" });
    this.problem = "";
    this.broken = "";
    this.experiment = "";
    /** @type {string | null} */ this.race = null;
    /** @type {string | null} the race whose history is on the screen */ this.loaded = null;
    this.run = 0;
    this.begun = false;
    this.runAt = this.firstFrameAt = 0;
    this.waiting = /** @type {History | null} */ (null);
    this.currency = /** @type {Moment["currency"]} */ (data.experiment.budget.currency);
    this.measure = /** @type {Moment["measure"]} */ ("loss");
    this.received = { metrics: 0, pictures: 0 };
    this.dirty = { pictures: true, curves: true };
    this.drawnAt = { curves: 0 };
    /** @type {Shown[]} */ this.panels = [];
    this.ready = false;

    this.root = document.createElement("div");
    this.root.className = "kelvin";
    this.root.dataset.testid = "kelvin";
    this.layout = data.layout ?? "network";
    this.token = tokenOf(this.layout);
    this.root.dataset.layout = this.layout;
    this.root.innerHTML = template(this.layout);
    parent.append(this.root);
    const get = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (this.root.querySelector(selector));
    this.get = get;
    this.cards = new Cards(get(".kv-cards"));
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
    this.transport.speed = data.speed ?? 0;
    this.removeKeys = keys(() => this.root.isConnected, this.transport);
    this._wire();
    this.socket = new Socket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${data.base}/kelvin/live`, {
      message: (message, bytes) => this.receive(message, bytes),
      open: () => this._connected(),
      lost: () => {
        if (!this.begun && !this.token.get()) this.begin(); // a recording needs no connection
        this._say({ state: "lost" });
      },
    });
    this.setStateValue = this.setTriggerValue = (/** @type {string} */ _name, /** @type {unknown} */ _value) => {};
    loadPlotly(`${location.origin}${data.base}/kelvin/plotly.min.js?v=${data.plotly}`).then(
      (Plotly) => this._mountCharts(Plotly),
      () => {
        this.broken = "The charts did not load. Reload the page to try again.";
        this._showState();
      },
    );
    this._mountFirst();
    this.frame = requestAnimationFrame((now) => this._tick(now));
  }

  /**
   * Another run of the page's script.
   * @param {any} data @param {(name: string, value: unknown) => void} setStateValue @param {(name: string, value: unknown) => void} setTriggerValue
   */
  update(data, setStateValue, setTriggerValue) {
    const currency = data.experiment.budget.currency;
    if (currency !== this.data.experiment.budget.currency) this._setCurrency(currency);
    // Another landscape is raced at once: that is what it was picked for.
    const moved = this.layout === "landscape" && this.begun && JSON.stringify(data.experiment.dataset) !== JSON.stringify(this.data.experiment.dataset);
    this.data = data;
    this.setStateValue = setStateValue;
    this.setTriggerValue = setTriggerValue;
    this._dress();
    this.sites?.mark(data.experiment.dataset.function);
    if (moved) this.start();
    this._showState();
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    this.removeKeys();
    this.resize?.disconnect();
    this.socket.close();
    for (const one of this.panels) {
      one.panel.destroy?.();
      one.panel.chart?.destroy();
    }
    this.root.remove();
  }

  /** The connection stands, for the first time or again: back to the tab's race, if it has one. */
  _connected() {
    this.race = this.token.get() ?? this.race;
    if (this.race) this.socket.send({ do: "attach", race: this.race });
    else if (!this.begun) this.begin();
    else {
      const asked = this.socket.pending.some((command) => command.do === "run");
      if (!asked) this.waiting = null;
      this._say({ state: asked ? "starting" : "idle" });
    }
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
    this._say({ state: "starting" });
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
      this._say({ state: "idle" });
    } catch {
      this._showState(); // no recording: the page is whole without it
    }
  }

  /** @param {any} message @param {Uint8Array} bytes */
  receive(message, bytes) {
    if (message.type === "state") {
      if (message.race) this.token.set(message.race);
      if (message.race && message.race !== this.race) {
        this.race = message.race;
        this.waiting ??= new History();
      }
      this._say(message);
    } else if (message.type === "problem") {
      if (message.gone) {
        this.token.clear();
        this.race = null;
        // What is on the screen stays there to be looked at; it only does not go on.
        if (this.begun) this._say({ state: "ended", sentence: message.sentence });
        else this.begin();
        return;
      }
      this.waiting = null;
      this.problem = message.sentence;
      this._say({ state: this.player.history.length ? "ended" : "idle" });
    } else if (message.type === "stage") {
      // The old race stays on the screen until the new one has something to show.
      this.begun = true;
      const history = new History();
      history.stage = message;
      // After a lost connection the same race is told again from its start: a zoom by hand still holds.
      this._load(history, "live", this.race !== null && this.loaded === this.race);
      this.loaded = this.race;
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

  /** @param {History} history @param {"live" | "recording"} source @param {boolean} again whether it is the race that was on the screen before */
  _load(history, source, again = false) {
    this.player.load(history, source);
    this.run++;
    this.dirty.pictures = this.dirty.curves = true;
    this.drawnAt = { curves: 0 };
    this.root.dataset.kind = history.stage.data.kind;
    if (!scored(history.stage)) this._setMeasure("loss");
    this._setCurrency(history.stage.budget.currency);
    for (const shown of this.panels) shown.saidAt = 0;
    for (const { panel } of this.panels) {
      if (!again) panel.chart?.forgetZoom();
      panel.reset?.();
    }
  }

  /** @param {any} state */
  _say(state) {
    this.state = state;
    this._showState();
  }

  _showState() {
    const { state } = this.state;
    const hot = (this.player.history.metrics.at(-1)?.lanes ?? []).some((/** @type {any} */ row) => row.temperature !== null);
    const recorded = this.player.source === "recording";
    const problem = this.problem || this.broken;
    this.transport.show(state, { hot: hot && !recorded, stale: this.stale });
    const text = sentence(this.state, { problem, stale: this.stale, recorded });
    const status = this.get(".kv-status");
    if (status.textContent !== text) status.textContent = text;
    status.dataset.state = problem ? "problem" : state;
  }

  _wire() {
    for (const name of /** @type {Moment["currency"][]} */ (["seconds", "evaluations", "flops"])) this.get(`[data-testid="currency-${name}"]`).onclick = () => this._setCurrency(name);
    if (this.layout === "network")
      for (const name of /** @type {Moment["measure"][]} */ (["loss", "accuracy"])) this.get(`[data-testid="measure-${name}"]`).onclick = () => this._setMeasure(name);
    this._setCurrency(this.currency);
    this._setMeasure(this.measure);
    const sites = this.get(".kv-sites");
    if (sites) this.sites = new Sites(sites, `${this.data.base}/kelvin/landscapes.json?v=${this.data.version}`, (name) => this.setTriggerValue("site", name));
    this.scrub = new Scrub(this.root, this.player, () => {
      this.dirty.pictures = this.dirty.curves = true;
      this.drawnAt.curves = 0;
    });
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
    for (const one of ["loss", "accuracy"]) this.get(`[data-testid="measure-${one}"]`)?.setAttribute("aria-pressed", String(one === name));
    this.panels.find(({ name: panel }) => panel === "loss")?.panel.chart.forgetZoom();
    this.dirty.curves = true;
    this.drawnAt.curves = 0;
  }

  /** What needs no Plotly is there at once; a race is on the screen while plotly.js is still on its way. */
  _mountFirst() {
    const { palette } = this.data;
    this._dress();
    const place = this.get('[data-plot="network"]');
    if (place) this.panels = [{ name: "network", panel: new NetworkPanel(place, palette, this.theme), curves: false, saidAt: 0 }];
    this.resize = new ResizeObserver(() => {
      this.dirty.pictures = this.dirty.curves = true;
      // Plotly follows the window by itself, but not a panel that makes room for something else.
      for (const { panel } of this.panels) panel.chart?.resize();
    });
    this.resize.observe(this.root);
    for (const one of this.root.querySelectorAll(".kv-plot")) this.resize.observe(one);
  }

  /** @param {any} Plotly */
  _mountCharts(Plotly) {
    if (!this.root.isConnected) return;
    const { figures, palette } = this.data;
    const mount = (/** @type {string} */ name, /** @type {any} */ Panel, /** @type {boolean} */ curves) => ({
      name,
      curves,
      saidAt: 0,
      panel: new Panel(this.get(`[data-plot="${name}"]`), Plotly, figures[name], this.theme, this.colours, palette, figures),
    });
    const site = this.layout === "landscape";
    this.panels = [mount("weights", site ? GroundPanel : WeightsPanel, false), ...this.panels, mount("loss", site ? HeightPanel : LossPanel, true), mount("temperature", TemperaturePanel, true)];
    if (site) this._wireGround(this.panels[0].panel);
    this.ready = true;
    this.dirty.pictures = this.dirty.curves = true;
  }

  /** The map and the relief, and a start picked by hand. @param {GroundPanel} ground */
  _wireGround(ground) {
    ground.start = (x, y) => this.setTriggerValue("start", [Number(x.toPrecision(4)), Number(y.toPrecision(4))]);
    for (const mode of /** @type {("map" | "relief")[]} */ (["map", "relief"])) {
      this.get(`[data-testid="mode-${mode}"]`).onclick = () => {
        for (const one of ["map", "relief"]) this.get(`[data-testid="mode-${one}"]`).setAttribute("aria-pressed", String(one === mode));
        ground.show(mode);
        this.dirty.pictures = true;
      };
    }
    this.get('[data-testid="mode-map"]').setAttribute("aria-pressed", "true");
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
    this.sites?.dress(theme, palette);
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
    const moment = momentAt(this.player.history, index, this);
    let drawn = false;
    for (const shown of this.panels) {
      if (shown.curves ? !curves : !this.dirty.pictures) continue;
      caption(this.get(`[data-testid="panel-${shown.name}"]`), shown, shown.panel.draw(moment), now);
      drawn = true;
    }
    if (this.dirty.pictures) this.cards.draw(moment);
    this.scrub.draw(index);
    this.dirty.pictures = false;
    if (curves && this.ready) {
      this.dirty.curves = false;
      this.drawnAt.curves = now;
      this._showState();
    }
    if (!drawn) return;
    stats.drawn++;
    stats.drawMs += performance.now() - began;
    stats.firstDrawnAt ||= performance.now();
  }
}
