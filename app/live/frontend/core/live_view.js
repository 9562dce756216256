/** The live view: one race on the screen, from the socket or from a recording. */

import { arrangementOf } from "../board/layout.js";
import { PanelGrid } from "../board/panel_grid.js";
import { template } from "../board/template.js";
import { stats } from "../charts/chart.js";
import { hasAccuracy, LaneCards } from "../charts/lane_cards.js";
import { heatScale, mixColours } from "../charts/theme.js";
import { Axes } from "../controls/axes.js";
import { openHelp } from "../controls/help.js";
import { Knobs } from "../controls/knobs.js";
import { LandscapePicker } from "../controls/landscape_picker.js";
import { Menu } from "../controls/menu.js";
import { Placeholder } from "../controls/placeholder.js";
import { SeedSwitch } from "../controls/seed_switch.js";
import { bindShortcuts } from "../controls/shortcuts.js";
import { uncoverPage } from "../controls/sidebar.js";
import { StoryBar } from "../controls/story_bar.js";
import { bindTerms } from "../controls/terms.js";
import { Timeline } from "../controls/timeline.js";
import { Transport } from "../controls/transport.js";
import { askedRaces } from "../data/asked_races.js";
import { coastline } from "../data/coastline.js";
import { frameViewAt, sameRace, setEarlierNames } from "../data/frame_view.js";
import { RaceSession } from "../data/race_session.js";
import { Socket, tokenOf } from "../data/socket.js";
import { noteRaceLeft, takeStart, tellOfRaceLeft } from "../data/tab_session.js";
import { setTexts, t } from "../i18n/i18n.js";
import { SlowMotion } from "../slow_motion/control.js";
import { Attention } from "./attention.js";
import { tellOfView } from "./attributes.js";
import { mayAutostart } from "./autostart.js";
import { BrowserHistory } from "./browser_history.js";
import { MessageHandler } from "./message_handler.js";
import { openRecording } from "./open_recording.js";
import { createPanelApi } from "./panel_api.js";
import {
  isFirstVisit,
  pageAddress,
  rememberRace,
  returnsToRace,
  settingsToAdopt,
} from "./reattach.js";
import { Settling } from "./settled.js";
import { showStatus } from "./status.js";

const CURVES_MS = 450;
const REHEAT_FACTOR = 10;
const MOST_SEEDS = 16;

export class LiveView {
  /**
   * @param {HTMLElement} parent
   * @param {any} data what Python handed over
   */
  constructor(parent, data) {
    setTexts(data.text);
    setEarlierNames(data.earlier ?? {});
    this.parent = parent;
    this.data = data;
    this.settling = new Settling();
    /** @type {any} how things stood before it was waited for that */ this.before = null;
    this.layout = data.layout ?? "network";
    const { offline = false } = data;
    const starts = !offline && takeStart(this.layout, data.starts ?? 0);
    if (!offline) takeStart(`${this.layout} step`, data.stepped ?? 0);
    /** Whether a race was asked for while this view was not there. */
    this.startsNow = starts;
    this.session = new RaceSession({
      token: tokenOf(this.layout),
      offline,
      fresh: !offline && isFirstVisit(this.layout),
      opened: Boolean(data.view?.recording),
      goal: Number(data.view?.at) || null,
      own: offline ? undefined : askedRaces(data.base),
    });
    if (data.view?.watch && !offline) this.session.token.follow(data.view.watch);
    if (starts) {
      this.session.token.clear();
      uncoverPage();
    }
    /** What keeps charts from being drawn, in a sentence. */
    this.broken = "";
    /** Whether the charts stand. */
    this.ready = false;
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
    this.leaving = () => rememberRace(this.session, pageAddress());
    if (!offline) addEventListener("pagehide", this.leaving);
    const { session } = this;
    const command = (/** @type {Record<string, unknown>} */ one) => this.command(one);
    const redraw = () => this.redraw();
    const showState = () => this.showState();
    this.panelApi = createPanelApi(session, {
      command,
      redraw,
      mark: (index) => this.board.mark(index),
      tell: (name, value) => this.setStateValue(name, value),
      pick: (name, value) => this.setTriggerValue(name, value),
      coastline: () => coastline(this.data),
    });
    this.board = new PanelGrid(
      this.root,
      data,
      this.panelApi,
      () => this.tellAddress(),
      (index) => this.timeline?.point(index),
    );
    this.axes = new Axes(this.get, data.view ?? {}, data.experiment.budget.currency, {
      currency: (tell) => {
        this.board.forgetTimeZoom();
        this.redraw();
        if (tell) this.tellAddress();
      },
      measure: (tell) => {
        this.board.panel("loss")?.chart?.forgetZoom();
        this.redraw();
        if (tell) this.tellAddress();
      },
    });
    this.cards = new LaneCards(
      this.get(".kv-cards"),
      (lane, button) => this.knobs.open(lane, button),
      (lane, heat) => mixColours(heatScale(this.board.colours[lane], this.board.theme), heat),
    );
    this.knobs = new Knobs(session, { command, showState });
    this.menu = new Menu(this.get(".kv-menu"), this.root, session, this.board, {
      data: () => this.data,
      address: () => this.address,
      exports: () => this._exports(),
      help: () => openHelp(this.root, this.actions),
    });
    this.slow = new SlowMotion(this.get(".kv-stages"), session, {
      showSpeed: (speed) => (this.transport.speed = speed),
      setSpeed: (speed) => this.setSpeed(speed),
      start: (experiment) => this.start(experiment),
      command,
      accept: (message, bytes) => this.messages.accept(message, bytes),
      frameView: (index) => this.frameView(index),
      weights: () => this.board.panel("weights"),
      map: () => this.board.panel("map"),
      say: (sentence) => this.menu.say(sentence),
      showState,
      redraw,
    });
    this.transport = new Transport(this.get(".kv-transport"), {
      run: () => {
        uncoverPage();
        this.startSettled();
      },
      pause: () => (this.slow.active ? this.slow.hold(true) : this.command({ do: "pause" })),
      resume: () => (this.slow.active ? this.slow.hold(false) : this.command({ do: "resume" })),
      step: () => (this.slow.active ? this.slow.next() : this.command({ do: "step" })),
      reset: () => this.startAgain(),
      seed: () => this.newSeed(),
      speed: (value) => this.setSpeed(value),
      rate: (value) => session.playback.setRate(value, performance.now() / 1000),
      reheat: () => this.reheat(),
    });
    this.transport.slow = this.slowly;
    if (this.layout === "tour")
      for (const name of ["step", "reset", "new-seed"])
        this.transport.get(name).title = t(`time.${name}-tour`);
    this.seedSwitch = new SeedSwitch(this.get(".kv-seed"), (by) => this.followSeed(by));
    /** @type {number | null} the seed that panels were last drawn with */
    this.seedDrawn = null;
    this.transport.speed = this.slow.usual = data.speed ?? 0;
    this.story = new StoryBar(this.get(".kv-story"), {
      close: () => {
        this.data = { ...this.data, question: null };
        this.setTriggerValue("closed", true);
      },
      next: (id) => {
        this.goesOn = true; // to another race, which was asked for: nobody need be told of this one
        if (id) this.setTriggerValue("asked", id);
        else this._toEvidence();
      },
      step: () => this.showStep(),
    });
    this.removeTerms = bindTerms(this.root);
    this.placeholder = new Placeholder(this.board.place, () => this.cancel());
    this.browserHistory = new BrowserHistory(offline, (step) => this.setTriggerValue("went", step));
    this.actions = this._actions();
    this.removeKeys = bindShortcuts(this.actions);
    this._wire();
    this.messages = new MessageHandler(session, {
      say: (state) => this.say(state),
      showState,
      begin: () => this.begin(),
      load: (history, again) => this.load(history, "live", again),
      leaving: () => this.menu.keepRecent(session.playback),
      reattached: () => this._takeUp(),
      phases: (message) => this.slow.receive(message),
      heldBack: (message, bytes) => this.slow.keep(message, bytes),
      due: (kind) => this._due(kind),
      command,
      refused: (sentence) => this.knobs.refused(sentence),
      watching: () => this.menu.say(t("menu.watching")),
    });
    this.attention = new Attention(session);
    session.socket = new Socket(
      offline
        ? null
        : `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${data.base}/kelvin/live`,
      {
        message: (message, bytes) => this.messages.receive(message, bytes),
        open: () => this._connected(),
        lost: (sentence) => {
          // a recording needs no connection
          if (!session.begun && (session.opened || !session.token.get())) this.begin();
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
      !this.session.waiting &&
      sameRace(this.session.history.stage?.experiment.dataset ?? null, data.experiment.dataset);
    const moved =
      this.layout === "landscape" &&
      this.session.begun &&
      !there &&
      JSON.stringify(data.experiment.dataset) !== JSON.stringify(this.data.experiment.dataset);
    const asked = takeStart(this.layout, data.starts ?? 0);
    const other = data.view?.recording && data.recording && data.recording !== this.data.recording;
    const went = data.went !== this.data.went;
    this.data = data;
    this.browserHistory.resume();
    if (went) this._follow(data);
    const whileHere =
      (/** @type {(name: string, value: unknown) => void} */ tell) =>
      (/** @type {string} */ name, /** @type {unknown} */ value) => {
        if (this.browserHistory.here) tell(name, value);
      };
    this.setStateValue = whileHere(setStateValue);
    this.setTriggerValue = whileHere(setTriggerValue);
    this._dress();
    this.landscapePicker?.mark(data.experiment.dataset.function);
    if (asked) this.board.arrange(arrangementOf(this.layout, data.view ?? {}), false);
    const step = takeStart(`${this.layout} step`, data.stepped ?? 0);
    if (step || asked) uncoverPage();
    if (step) this.showStep();
    else if (moved || asked) this.start();
    else if (other) {
      this.session.opened = true;
      this.playRecording(data.recording, true);
    }
    this.showState();
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    this.settling.forget();
    if (this.racing && this.session.playback.source === "live" && !this.goesOn)
      noteRaceLeft(this.layout);
    removeEventListener("pagehide", this.leaving);
    if (!this.data.offline) rememberRace(this.session, null);
    this.removeKeys();
    this.removeTerms();
    this.browserHistory.destroy();
    this.attention.destroy();
    this.session.socket?.close();
    this.menu.destroy();
    this.knobs.destroy();
    this.slow.stop();
    this.board.destroy();
    this.root.remove();
    if (!document.querySelector(".kelvin")) delete document.documentElement.dataset.kelvin;
  }

  /** The connection stands, for the first time or again: back to the tab's race, if it has one. */
  _connected() {
    this.attention.connected();
    const { session, data } = this;
    const { token } = session;
    const page = {
      named: Boolean(data.named),
      address: pageAddress(),
      experiment: data.experiment,
    };
    if (session.fresh && !session.begun && !returnsToRace(page, token.seen())) token.clear();
    // A recording that was asked for goes before the tab's own race, which waits until it is asked
    // for again.
    session.race = session.opened ? null : (token.get() ?? session.race);
    tellOfRaceLeft(this.layout, (sentence) => this.menu.say(sentence));
    if (session.race) {
      session.send({ do: "attach", race: session.race });
      if (!session.begun) this.say({ state: "attaching" });
    } else if (!session.begun) this.begin();
    else {
      const asked = session.unsent;
      if (!asked) session.waiting = null;
      this.say({ state: asked ? "starting" : "idle" });
    }
  }

  /** The race that the tab watched before is here: the controls take its settings up. */
  _takeUp() {
    const experiment = settingsToAdopt(this.session, this.data);
    if (experiment) this.setStateValue("opened", experiment);
  }

  /** Python has read the address anew: panels and axes are those it names. @param {any} data */
  _follow({ view = {} }) {
    this.board.arrange(arrangementOf(this.layout, view), false);
    this.setCurrency(view.x ?? this.data.experiment.budget.currency, false);
    // Back where a recorded race was: it is there again, unless a race goes on.
    if (this.data.recording && !this.racing && this.stale)
      this.playRecording(this.data.recording, true);
    this.setMeasure(view.y === "accuracy" ? "accuracy" : "loss", false);
  }

  /**
   * What a page shows that has no race of its own: a race it was asked for by its address, or a
   * recorded one.
   */
  begin() {
    this.session.begun = true;
    if (
      (this.data.autostart || this.startsNow) &&
      mayAutostart(() => this.root.isConnected && this.begin())
    )
      this.start(undefined, !this.startsNow);
    else if (this.data.recording) this.playRecording(this.data.recording);
    else this.showState();
  }

  /** Ask for a race. @param {any} experiment */
  /**
   * Ask for a race.
   * @param {any} [experiment] that of the controls by default
   * @param {boolean} [link] whether the address asks for it
   */
  start(experiment = this.data.experiment, link = false) {
    if (this.data.offline) return; // nobody is there to run it
    this.goesOn = false;
    this.settling.forget();
    const slowly = this.transport.speed < 0;
    const { recording, watch } = this.data.view ?? {};
    if (recording || watch) this.tellAddress(true);
    this.slow.stop();
    const speed = slowly ? this.slow.usual : this.transport.speed;
    this.session.ask(
      experiment,
      [
        ...(speed > 0 ? [{ do: "speed", value: speed }] : []),
        ...(slowly ? [{ do: "stages" }] : []),
      ],
      link,
    );
    this.say({ state: "starting" });
    if (slowly) this.slow.start(true);
  }

  /**
   * Start a race, once the controls have taken in what was changed or uploaded.
   * @param {() => void} begin starts that of the controls by default
   * @param {boolean} quiet whether nothing is said meanwhile
   */
  startSettled(begin = () => this.start(), quiet = false) {
    if (this.data.offline) return;
    if (!this.settling.waiting) this.before = this.session.state;
    const told = { state: "starting" };
    const back = () => {
      if (this.session.state === told) this.session.state = this.before;
    };
    this.settling.once(
      () => {
        back();
        if (this.root.isConnected) begin();
      },
      () => quiet || this.say(told),
      () => {
        back();
        this.session.problem = t("status.unsettled");
        this.showState();
      },
    );
  }

  /** The race that was asked for and has not begun is not wanted after all. */
  cancel() {
    if (this.settling.waiting) this.settling.forget();
    else this.session.cancel();
    this.slow.stop();
    this.say({ state: "ended", sentence: t("status.cancelled"), calm: true });
  }

  /** Start the race on the screen once more, or that of the controls where they name another. */
  startAgain() {
    this.startSettled(() => this.start((!this.stale && this.session.experiment) || undefined));
  }

  newSeed() {
    this.startSettled(() => this._newSeed());
  }

  _newSeed() {
    // The seeds of a race follow each other.
    const seed = Math.floor(Math.random() * (2 ** 31 - MOST_SEEDS));
    this.start({ ...this.data.experiment, seed });
    this.data = { ...this.data, experiment: { ...this.data.experiment, seed } };
    this.setStateValue("seed", seed);
  }

  /** @param {Record<string, unknown>} command */
  command(command) {
    this.session.command(command);
    this.redraw();
  }

  /**
   * What the space bar does: run, pause, resume; where no race goes on, play what is recorded or
   * hold it.
   */
  playOrPause() {
    if (this.racing || this.stale || this.session.history.length < 2) {
      if (!this.data.offline) this.transport.toggle();
    } else this.timeline?.toggle();
  }

  /**
   * Loss or accuracy, where there is such a choice.
   * @param {import("../data/frame_view.js").FrameView["measure"]} name
   */
  choose(name) {
    const { stage } = this.session.history;
    if (!stage || hasAccuracy(stage)) this.setMeasure(name);
  }

  /** Steps per second, 0 for as fast as it goes, −1 for slow motion. @param {number} value */
  setSpeed(value) {
    if (value < 0) return this.slow.start();
    this.slow.usual = value;
    this.slow.stop(true);
    this.transport.speed = value;
    this.command({ do: "speed", value });
  }

  /** Show one step of every method part by part, of the race that runs or of a new one. */
  showStep() {
    // Which race the controls name is known once they have taken everything in.
    this.startSettled(() => this._showStep(), this.session.live);
  }

  _showStep() {
    const other = this.stale || !(this.session.live || this.session.waiting);
    if (other) this.slow.stop();
    const shown = this.slow.ended !== null;
    if (shown) return this.slow.another();
    // It is painted over the plane through weight space, or the map, which is large meanwhile.
    const { arrangement } = this.board;
    const again = this.slow.active;
    this.board.arrange(
      { ...arrangement, large: this.layout === "tour" ? "map" : "weights" },
      false,
    );
    if (other) {
      this.transport.speed = -1;
      this.start();
    } else this.setSpeed(-1);
    // A race that is asked for ends what was shown before; only then is it settled how it ends.
    this.slow.once(() => this.board.arrange(arrangement, false));
    if (again) this.slow.another();
  }

  _toEvidence() {
    location.assign(`${this.data.base}/evidence`);
  }

  /** Whether another seed of several can be shown now. */
  get mayFollow() {
    const { history, playback } = this.session;
    if (this.session.live) return true;
    return history.hasAllSeeds && playback.moment === history.length - 1 && !playback.playing;
  }

  /**
   * Show the next seed, or the one before: the race is asked for it while it runs; of a race that
   * is over the last moment of each is there.
   * @param {1 | -1 | number} by
   */
  followSeed(by) {
    const { history, playback } = this.session;
    const place = history.seedAt(playback.moment);
    if (place === null || !this.mayFollow) return;
    const { seeds } = history.stage.experiment;
    const seed = (place + by + seeds) % seeds;
    if (this.session.live) this.command({ do: "follow", seed });
    else {
      history.shown = seed;
      this.redraw();
    }
  }

  reheat() {
    const rows = this.session.history.metrics.at(-1)?.lanes ?? [];
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
   * @param {import("../data/history.js").History} history
   */
  playHistory(history) {
    this.session.begun = true;
    this.load(history, "recording");
    const at = Number(this.data.view?.at);
    if (at > 0) this.session.playback.show(history.indexAtShare(at));
    else if (window.matchMedia("(prefers-reduced-motion: reduce)").matches)
      this.session.playback.show(history.length - 1);
    else this.session.playback.play(performance.now() / 1000);
    this.say({ state: "idle" });
  }

  /** Whether a race goes on, here or in the queue. */
  get racing() {
    return this.session.racing;
  }

  /** Whether the controls ask for another race than the one on the screen. */
  get stale() {
    return this.session.differsFrom(this.data.experiment);
  }

  /**
   * @param {import("../data/history.js").History} history
   * @param {"live" | "recording"} source
   * @param {boolean} again whether it is the race that was on the screen before
   */
  load(history, source, again = false) {
    this.session.load(history, source);
    this.root.dataset.kind = history.stage.data.kind;
    this.board.place.dataset.lanes = String(history.stage.lanes.length);
    this.board.place.style.setProperty("--kv-lanes", String(history.stage.lanes.length));
    if (!hasAccuracy(history.stage)) this.setMeasure("loss", false);
    if (!again && !this.data.view?.x) this.setCurrency(history.stage.budget.currency, false);
    if (!again) this.panelApi.follow = null;
    this.board.reset(again);
    this.slow.forget();
    this.knobs.reset();
    this.redraw();
  }

  // What tests read of the race.

  get player() {
    return this.session.playback;
  }

  get state() {
    return this.session.state;
  }

  get race() {
    return this.session.race;
  }

  get waiting() {
    return this.session.waiting;
  }

  get received() {
    return this.session.received;
  }

  get runAt() {
    return this.session.runAt;
  }

  get firstFrameAt() {
    return this.session.firstFrameAt;
  }

  /** Colours for the lanes. @param {number[]} places in the palette, for all that it has */
  setLaneColours(places) {
    this.board.places = places;
    this._dress();
  }

  /** @param {any} state */
  say(state) {
    this.session.state = state;
    if (state.state === "done" || state.state === "ended")
      this.menu.keepRecent(this.session.playback);
    this.slow.said(state.state);
    this.showState();
  }

  showState() {
    if (this.layout === "tour") this._previewCities();
    showStatus(this);
    tellOfView(this);
  }

  _wire() {
    const sites = this.get(".kv-sites");
    if (sites && !this.data.offline)
      this.landscapePicker = new LandscapePicker(
        sites,
        `${this.data.base}/kelvin/landscapes.json?v=${this.data.version}`,
        (name) => this.setTriggerValue("site", name),
      );
    this.landscapePicker?.dress(this.board.theme, this.data.palette);
    this.timeline = new Timeline(this.root, this.session.playback, () => this.redraw());
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
    const { stage } = this.session.history;
    const usual = stage?.budget.currency ?? this.data.experiment.budget.currency;
    return { ...this.board.address, ...this.axes.address(usual) };
  }

  get currency() {
    return this.axes.currency;
  }

  /** Whether there is slow motion: of round trips, not of the other problems beside them. */
  get slowly() {
    if (this.layout !== "tour") return true;
    const { stage } = this.session.history;
    const here = this.stale ? null : stage?.data.kind;
    return (here ?? this.data.instance?.kind ?? "tour") === "tour";
  }

  /** Show the cities of the next race, where they are others than those on the screen. */
  _previewCities() {
    const { instance, experiment } = this.data;
    const { stage } = this.session.history;
    // Until its first moment is there, what was asked for stays as it is.
    if (this.session.waiting && this.board.offering) return;
    const other =
      instance && !this.racing && !sameRace(stage?.experiment?.instance, experiment.instance);
    this.board.offer(other ? { ...instance, config: experiment.instance } : null);
  }

  get measure() {
    return this.axes.measure;
  }

  /**
   * Tell Python what the address is to say.
   * @param {boolean} live whether the recording that was opened makes room for a race
   */
  tellAddress(live = this.session.playback.source === "live") {
    const { recording } = this.data.view ?? {};
    const watch = live ? null : this.data.view?.watch;
    this.setStateValue("view", {
      ...this.address,
      ...(recording && !live ? { recording } : {}),
      ...(watch ? { watch } : {}),
    });
  }

  /** Draw everything at the next frame. */
  redraw() {
    this.dirty.pictures = this.dirty.curves = true;
    this.drawnAt.curves = 0;
  }

  /** @param {"metrics" | "pictures" | "all"} kind of what came and is to be drawn */
  _due(kind) {
    if (kind === "all") return this.redraw();
    this.dirty[kind === "metrics" ? "curves" : "pictures"] = true;
  }

  /** What panels show of the frame at an index. @param {number} index of the metrics */
  frameView(index) {
    const { currency, measure, session } = this;
    return frameViewAt(session.history, index, { currency, measure, run: session.run });
  }

  /** What can be exported now. */
  async _exports() {
    const { exportItems } = await import("../export/items.js");
    return exportItems({
      session: this.session,
      board: this.board,
      frameView: (index) => this.frameView(index),
      address: () => this.address,
      base: this.data.base,
      redraw: () => this.redraw(),
      say: (sentence) => this.menu.say(sentence),
      open: (content) => this.menu.openPictures(content),
    });
  }

  /** What the keys do. @returns {import("../controls/shortcuts.js").Actions} */
  _actions() {
    const { transport, board, menu } = this;
    return {
      online: !this.data.offline,
      networks: this.layout === "network",
      slow: this.slowly,
      here: () => this.root.isConnected,
      enlarged: () => Boolean(board.arrangement.large),
      currency: () => this.currency,
      playOrPause: () => this.playOrPause(),
      step: (by) => {
        if (by < 0 && this.slow.active && !this.slow.looksBack) this.slow.back();
        else if (by < 0 || transport.get("step").disabled) this.timeline?.step(by);
        else transport.on.step();
      },
      slowMotion: () =>
        this.slowly &&
        this.setSpeed(this.slow.active || transport.speed < 0 ? this.slow.usual : -1),
      reset: () => transport.on.reset(),
      newSeed: () => this.newSeed(),
      reheat: () => transport.get("reheat").disabled || this.reheat(),
      enlarge: (number) => board.enlarge(number),
      restore: () =>
        this.slow.active
          ? this.setSpeed(this.slow.usual)
          : board.arrange({ ...board.arrangement, large: null }),
      measure: (name) => this.choose(name),
      setCurrency: (name) => this.setCurrency(name),
      menu: (name) => menu.do(name),
      gallery: () => location.assign(`${this.data.base}/gallery`),
    };
  }

  _charted() {
    this.ready = true;
    this.redraw();
    tellOfView(this);
  }

  _dress() {
    if (!this.board.dress()) return;
    this.landscapePicker?.dress(this.board.theme, this.data.palette);
    this.redraw();
  }

  /** @param {number} now ms */
  _tick(now) {
    this.frame = requestAnimationFrame((next) => this._tick(next));
    if (document.hidden) return;
    this.settling.look(now);
    if (this.session.playback.tick(now / 1000)) this.dirty.pictures = this.dirty.curves = true;
    const due = now - this.drawnAt.curves >= CURVES_MS;
    if (!this.dirty.pictures && !(this.dirty.curves && due) && !this.board.waiting.size) {
      // nothing to draw: time for what moves between two pictures
      if (this.board.visible("weights")) this.board.panel("weights")?.tween?.(now);
      return;
    }
    const index = this.session.playback.moment;
    if (!this.session.history.stage || index < 0) return;
    const began = performance.now();
    const curves = this.dirty.curves && due;
    const moment = this.frameView(index);
    const seed = moment.seeds?.place ?? null;
    if (seed !== this.seedDrawn) {
      // Panels forget what they know of the data and the cloud of the other seed.
      if (this.seedDrawn !== null && seed !== null) {
        this.board.reset(true);
        this.panelApi.follow = null;
        this.redraw();
      }
      this.seedDrawn = seed;
    }
    this.seedSwitch.draw(moment.seeds ?? null, this.mayFollow);
    const drawn = this.board.draw(moment, { pictures: this.dirty.pictures, curves }, now);
    if (this.dirty.pictures) {
      this.cards.draw(moment);
      this.slow.draw(moment);
    }
    this.timeline?.draw(index, this.racing, this.state.state === "running");
    this.dirty.pictures = false;
    if (curves && this.ready) {
      this.dirty.curves = false;
      this.drawnAt.curves = now;
      this.showState();
    }
    tellOfView(this);
    stats.drawMs += performance.now() - began;
    if (!drawn) return;
    stats.drawn++;
    stats.firstDrawnAt ||= performance.now();
  }
}
