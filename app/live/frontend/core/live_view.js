/** The live view: one race on the screen, from the socket or from a recording. */

import { Board } from "../board/panel_grid.js";
import { template } from "../board/template.js";
import { stats } from "../charts/chart.js";
import { Cards, scored } from "../charts/lane_cards.js";
import { Axes } from "../controls/axes.js";
import { Knobs } from "../controls/knobs.js";
import { Sites } from "../controls/landscape_picker.js";
import { Menu } from "../controls/menu.js";
import { cancelRace, Waiting } from "../controls/placeholder.js";
import { Question } from "../controls/preset_question.js";
import { keys } from "../controls/shortcuts.js";
import { Scrub } from "../controls/timeline.js";
import { Transport } from "../controls/transport.js";
import { frameViewAt, sameRace } from "../data/frame_view.js";
import { History } from "../data/history.js";
import { Playback } from "../data/playback.js";
import { Socket, tokenOf } from "../data/socket.js";
import { arrived, leave } from "../data/tab_session.js";
import { setTexts, t } from "../i18n/i18n.js";
import { SlowMotion } from "../slow_motion/control.js";
import { byItself } from "./autostart.js";
import { Walk } from "./browser_history.js";
import { Inbox } from "./message_handler.js";
import { openRecording } from "./open_recording.js";
import { handsOf } from "./panel_api.js";
import { firstTime, goesBack, here, leaveMark } from "./reattach.js";
import { showStatus } from "./status.js";

const CURVES_MS = 450;
const REHEAT_FACTOR = 10;

export class LiveView {
  /**
   * @param {HTMLElement} parent
   * @param {any} data what Python handed over
   */
  constructor(parent, data) {
    setTexts(data.text);
    this.parent = parent;
    this.data = data;
    this.layout = data.layout ?? "network";
    this.player = new Playback();
    this.state = /** @type {import("../i18n/status_text.js").State} */ ({ state: "idle" });
    this.problem = this.broken = this.experiment = "";
    /** @type {string | null} */ this.race = null;
    /** @type {string | null} the race whose history is on the screen */ this.loaded = null;
    /** @type {any} the experiment that was asked for last */ this.asked = null;
    this.run = this.runAt = this.firstFrameAt = 0;
    this.settling = 0;
    this.begun = this.ready = false;
    /** Whether nothing was shown yet since the document was loaded. */
    this.fresh = !data.offline && firstTime(this.layout);
    /** Whether a recording was asked for, by the address. */
    this.opened = Boolean(data.view?.recording);
    /**
     * @type {number | null} share of the budget at which an address wants the race to stand still
     */
    this.goal = Number(data.view?.at) || null;
    this.waiting = /** @type {History | null} */ (null);
    this.received = { metrics: 0, pictures: 0 };
    this.dirty = { pictures: true, curves: true };
    this.drawnAt = { curves: 0 };
    this.setStateValue = this.setTriggerValue = (
      /** @type {string} */ _name,
      /** @type {unknown} */ _value,
    ) => {};

    this.root = document.createElement("div");
    this.root.className = "kelvin";
    this.root.dataset.testid = "kelvin";
    this.root.dataset.layout = this.layout;
    if (data.offline) this.root.dataset.offline = "";
    this.root.innerHTML = template(this.layout);
    parent.append(this.root);
    this.get = (/** @type {string} */ selector) =>
      /** @type {HTMLElement} */ (this.root.querySelector(selector));
    this.token = tokenOf(this.layout);
    this.leaving = () => leaveMark(this, here());
    if (!data.offline) addEventListener("pagehide", this.leaving);
    this.hands = handsOf(this);
    this.inbox = new Inbox(this);
    this.board = new Board(
      this.root,
      data,
      this.hands,
      () => this.tellAddress(),
      (index) => this.scrub?.point(index),
    );
    this.axes = new Axes(this);
    this.cards = new Cards(this.get(".kv-cards"), (lane, button) => this.knobs.open(lane, button));
    this.knobs = new Knobs(this);
    this.menu = new Menu(this.get(".kv-menu"), this);
    this.slow = new SlowMotion(this.get(".kv-stages"), this);
    this.transport = new Transport(this.get(".kv-transport"), {
      run: () => this.start(),
      pause: () => (this.slow.active ? this.slow.hold(true) : this.command({ do: "pause" })),
      resume: () => (this.slow.active ? this.slow.hold(false) : this.command({ do: "resume" })),
      step: () => (this.slow.active ? this.slow.next() : this.command({ do: "step" })),
      reset: () =>
        this.start(this.experiment && !this.stale ? JSON.parse(this.experiment) : undefined),
      seed: () => this.newSeed(),
      speed: (value) => this.setSpeed(value),
      rate: (value) => this.player.setRate(value, performance.now() / 1000),
      reheat: () => this.reheat(),
    });
    this.transport.speed = this.slow.usual = data.speed ?? 0;
    this.question = new Question(this.get(".kv-question"), () =>
      this.setTriggerValue("closed", true),
    );
    this.coming = new Waiting(this.board.place, () => cancelRace(this));
    this.walk = new Walk(this);
    this.removeKeys = keys(this);
    this._wire();
    this.socket = new Socket(
      data.offline
        ? null
        : `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${data.base}/kelvin/live`,
      {
        message: (message, bytes) => this.inbox.receive(message, bytes),
        open: () => this._connected(),
        lost: (sentence) => {
          // a recording needs no connection
          if (!this.begun && (this.opened || !this.token.get())) this.begin();
          this.say({ state: "lost", sentence });
        },
      },
    );
    this.board.loadCharts().then(
      () => this._charted(),
      (error) => {
        console.error(error);
        this.broken = t("status.no-charts");
        this.showState();
      },
    );
    if (data.offline) this.begin();
    this.frame = requestAnimationFrame((now) => this._tick(now));
  }

  /**
   * Another run of the page's script.
   * @param {any} data
   * @param {(name: string, value: unknown) => void} setStateValue
   * @param {(name: string, value: unknown) => void} setTriggerValue
   */
  update(data, setStateValue, setTriggerValue) {
    const currency = data.experiment.budget.currency;
    if (currency !== this.data.experiment.budget.currency) this.setCurrency(currency, false);
    // Another landscape is raced at once: that is what it was picked for. One that the controls
    // took from the race on the screen is there already.
    const there =
      !this.waiting &&
      sameRace(this.player.history.stage?.experiment.dataset ?? null, data.experiment.dataset);
    const moved =
      this.layout === "landscape" &&
      this.begun &&
      !there &&
      JSON.stringify(data.experiment.dataset) !== JSON.stringify(this.data.experiment.dataset);
    const asked = data.starts > this.data.starts;
    const other = data.view?.recording && data.recording && data.recording !== this.data.recording;
    const went = data.went !== this.data.went;
    this.data = data;
    this.walk.left = false;
    if (went) this.walk.follow(data);
    this.setStateValue = setStateValue;
    this.setTriggerValue = setTriggerValue;
    this._dress();
    this.sites?.mark(data.experiment.dataset.function);
    if (moved || asked) this.start();
    else if (other) {
      this.opened = true;
      this.playRecording(data.recording, true);
    }
    this.showState();
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    if (this.racing && this.player.source === "live") leave(this.layout);
    removeEventListener("pagehide", this.leaving);
    if (!this.data.offline) leaveMark(this, null);
    this.removeKeys();
    this.walk.destroy();
    this.socket.close();
    this.menu.destroy();
    this.knobs.destroy();
    this.slow.stop();
    this.board.destroy();
    this.root.remove();
    if (!document.querySelector(".kelvin")) delete document.documentElement.dataset.kelvin;
  }

  /** The connection stands, for the first time or again: back to the tab's race, if it has one. */
  _connected() {
    if (
      this.fresh &&
      !this.begun &&
      !goesBack(
        { named: Boolean(this.data.named), address: here(), experiment: this.data.experiment },
        this.token.seen(),
      )
    )
      this.token.clear();
    // A recording that was asked for goes before the tab's own race, which waits until it is asked
    // for again.
    this.race = this.opened ? null : (this.token.get() ?? this.race);
    arrived(this.layout, (sentence) => this.menu.say(sentence));
    if (this.race) {
      this.socket.send({ do: "attach", race: this.race });
      if (!this.begun) this.say({ state: "attaching" });
    } else if (!this.begun) this.begin();
    else {
      const asked = this.socket.pending.some((command) => command.do === "run");
      if (!asked) this.waiting = null;
      this.say({ state: asked ? "starting" : "idle" });
    }
  }

  /**
   * What a page shows that has no race of its own: a race it was asked for by its address, or a
   * recorded one.
   */
  begin() {
    this.begun = true;
    if (this.data.autostart && byItself(() => this.root.isConnected && this.begin())) this.start();
    else if (this.data.recording) this.playRecording(this.data.recording);
    else this.showState();
  }

  /** Ask for a race. @param {any} experiment */
  start(experiment = this.data.experiment) {
    if (this.data.offline) return; // nobody is there to run it
    this.begun = true;
    this.fresh = false;
    this.problem = "";
    this.opened = false;
    if (this.data.view?.recording) this.tellAddress(true);
    this.asked = experiment;
    this.runAt = performance.now();
    this.firstFrameAt = 0;
    const slowly = this.transport.speed < 0;
    this.slow.stop();
    this.waiting = new History();
    const speed = slowly ? this.slow.usual : this.transport.speed;
    /** @type {any[]} in the same message, or the race could be some steps on before it comes */
    const then = speed > 0 ? [{ do: "speed", value: speed }] : [];
    if (slowly) then.push({ do: "stages" });
    this.socket.send({ do: "run", experiment, then });
    this.say({ state: "starting" });
    if (slowly) this.slow.start(true);
  }

  newSeed() {
    if (this.data.offline) return;
    const seed = Math.floor(Math.random() * 2 ** 31);
    this.start({ ...this.data.experiment, seed });
    this.data = { ...this.data, experiment: { ...this.data.experiment, seed } };
    this.setStateValue("seed", seed);
  }

  /** @param {Record<string, unknown>} command */
  command(command) {
    if (this.player.source === "live") this.player.show(null);
    this.socket.send(command);
    this.redraw();
  }

  /**
   * What the space bar does: run, pause, resume; where no race goes on, play what is recorded or
   * hold it.
   */
  playOrPause() {
    if (this.racing || this.stale || this.player.history.length < 2) {
      if (!this.data.offline) this.transport.toggle();
    } else this.scrub?.toggle();
  }

  /**
   * Loss or accuracy, where there is such a choice.
   * @param {import("../data/frame_view.js").FrameView["measure"]} name
   */
  choose(name) {
    const { stage } = this.player.history;
    if (!stage || scored(stage)) this.setMeasure(name);
  }

  /** Steps per second, 0 for as fast as it goes, −1 for slow motion. @param {number} value */
  setSpeed(value) {
    if (value < 0) return this.slow.start();
    this.slow.usual = value;
    this.slow.stop(true);
    this.transport.speed = value;
    this.command({ do: "speed", value });
  }

  reheat() {
    const rows = this.player.history.metrics.at(-1)?.lanes ?? [];
    rows.forEach((/** @type {any} */ row, /** @type {number} */ lane) => {
      if (row.temperature !== null) this.command({ do: "reheat", lane, factor: REHEAT_FACTOR });
    });
  }

  /**
   * Play a recording from the server or from the visitor's own.
   * @param {string} address
   * @param {boolean} wanted whether it was asked for, and takes the place of what is on the screen
   */
  playRecording(address, wanted = false) {
    return openRecording(this, address, wanted);
  }

  /**
   * Show a race that was, from its first moment or the one the address names.
   * @param {History} history
   */
  playHistory(history) {
    this.begun = true;
    this.load(history, "recording");
    const at = Number(this.data.view?.at);
    if (at > 0) this.player.show(history.indexAtShare(at));
    else if (window.matchMedia("(prefers-reduced-motion: reduce)").matches)
      this.player.show(history.length - 1);
    else this.player.play(performance.now() / 1000);
    this.say({ state: "idle" });
  }

  /**
   * A part of a frame, to be seen now.
   * @param {any} message
   * @param {Uint8Array} bytes
   */
  accept(message, bytes) {
    this.inbox.accept(message, bytes);
  }

  /** Whether a race goes on, here or in the queue. */
  get racing() {
    return (
      Boolean(this.waiting) ||
      (this.player.source === "live" &&
        ["queued", "starting", "running", "paused", "lost"].includes(this.state.state))
    );
  }

  /** Whether the controls ask for another race than the one on the screen. */
  get stale() {
    if (
      this.waiting ||
      this.data.offline ||
      performance.now() < this.settling ||
      !this.player.history.stage
    )
      return false;
    return !sameRace(this.player.history.stage.experiment, this.data.experiment);
  }

  /**
   * @param {History} history
   * @param {"live" | "recording"} source
   * @param {boolean} again whether it is the race that was on the screen before
   */
  load(history, source, again = false) {
    this.player.load(history, source);
    this.run++;
    this.root.dataset.kind = history.stage.data.kind;
    if (!scored(history.stage)) this.setMeasure("loss", false);
    if (!again && !this.data.view?.x) this.setCurrency(history.stage.budget.currency, false);
    if (!again) this.hands.follow = null;
    this.board.reset(again);
    this.slow.forget();
    this.knobs.reset();
    this.redraw();
  }

  /** @param {any} state */
  say(state) {
    this.state = state;
    if (state.state === "done" || state.state === "ended") this.menu.keepRecent(this.player);
    this.slow.said(state.state);
    this.showState();
  }

  showState() {
    showStatus(this);
  }

  _wire() {
    const sites = this.get(".kv-sites");
    if (sites && !this.data.offline)
      this.sites = new Sites(
        sites,
        `${this.data.base}/kelvin/landscapes.json?v=${this.data.version}`,
        (name) => this.setTriggerValue("site", name),
      );
    this.sites?.dress(this.board.theme, this.data.palette);
    this.scrub = new Scrub(this.root, this.player, () => this.redraw());
  }

  /**
   * @param {import("../data/frame_view.js").Currency} name
   * @param {boolean} tell whether the address is to follow
   */
  setCurrency(name, tell = true) {
    this.axes.setCurrency(name, tell);
  }

  /**
   * @param {import("../data/frame_view.js").FrameView["measure"]} name
   * @param {boolean} tell
   */
  setMeasure(name, tell = true) {
    this.axes.setMeasure(name, tell);
  }

  /** What the address says of the view itself. @returns {Record<string, string>} */
  get address() {
    return { ...this.board.address, ...this.axes.address };
  }

  get currency() {
    return this.axes.currency;
  }

  get measure() {
    return this.axes.measure;
  }

  /**
   * Tell Python what the address is to say.
   * @param {boolean} live whether the recording that was opened makes room for a race
   */
  tellAddress(live = this.player.source === "live") {
    const { recording } = this.data.view ?? {};
    this.setStateValue("view", { ...this.address, ...(recording && !live ? { recording } : {}) });
  }

  /** Draw everything at the next frame. */
  redraw() {
    this.dirty.pictures = this.dirty.curves = true;
    this.drawnAt.curves = 0;
  }

  _charted() {
    this.ready = true;
    this.redraw();
  }

  _dress() {
    if (!this.board.dress()) return;
    this.sites?.dress(this.board.theme, this.data.palette);
    this.redraw();
  }

  /** @param {number} now ms */
  _tick(now) {
    this.frame = requestAnimationFrame((next) => this._tick(next));
    if (document.hidden) return;
    if (this.player.tick(now / 1000)) this.dirty.pictures = this.dirty.curves = true;
    const due = now - this.drawnAt.curves >= CURVES_MS;
    if (!this.dirty.pictures && !(this.dirty.curves && due) && !this.board.waiting.size) return;
    const index = this.player.moment;
    if (!this.player.history.stage || index < 0) return;
    const began = performance.now();
    const curves = this.dirty.curves && due;
    const moment = frameViewAt(this.player.history, index, this);
    const drawn = this.board.draw(moment, { pictures: this.dirty.pictures, curves }, now);
    if (this.dirty.pictures) {
      this.cards.draw(moment);
      this.slow.draw(moment);
    }
    this.scrub?.draw(index, this.racing);
    this.dirty.pictures = false;
    if (curves && this.ready) {
      this.dirty.curves = false;
      this.drawnAt.curves = now;
      this.showState();
    }
    stats.drawMs += performance.now() - began;
    if (!drawn) return;
    stats.drawn++;
    stats.firstDrawnAt ||= performance.now();
  }
}
