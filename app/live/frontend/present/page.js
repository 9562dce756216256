/**
 * The view for a stage: recordings one after the other, in large letters, by the arrow keys or by
 * themselves. Needs no race, no worker and no socket.
 */

import { linkBox } from "../controls/qr_code.js";
import { tell } from "../core/attributes.js";
import { LiveView } from "../core/live_view.js";
import { hasAccuracy } from "../charts/lane_cards.js";
import { messageFor, UserError } from "../data/errors.js";
import { layoutOf, PAGES } from "../data/layouts.js";
import { readRecording } from "../data/recording.js";
import { isOwn } from "../data/recording_source.js";
import { takeReturnAddress } from "../data/tab_session.js";
import { spent } from "../i18n/format.js";
import { setTexts, t } from "../i18n/i18n.js";
import { raisePixelRatio } from "./pixel_ratio.js";
import { frameIndexAt, magnified, PlaylistClock, withLargeLetters } from "./playlist_clock.js";
import { slideLink } from "./slide_link.js";
import { slideColours } from "./slides.js";

/**
 * @typedef {object} Entry of the playlist
 * @property {string} recording name of a shipped recording, or "own:" and the id of one that is
 *   kept in this browser
 * @property {string} title
 * @property {string} caption what to look at
 * @property {string[]} panels
 * @property {string | null} [large] the panel that fills the board
 * @property {"seconds" | "evaluations" | "flops" | null} [x]
 * @property {"loss" | "accuracy" | null} [y]
 * @property {number} [pace]
 * @property {string} [called] what the recording was called when a visitor took it
 * @property {string} [missing] why there is nothing to show
 */

const FADE_MS = 400;
const IDLE_MS = 3000;
const FINE = 2;
const MOST_TITLE = 60;

const icon = (/** @type {string} */ path) =>
  `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}"/></svg>`;
const ICONS = {
  back: "M10.500 2.500v11L4 8z",
  play: "M4 2.500v11l9-5.500z",
  pause: "M3.500 2.500h3v11h-3zM9.500 2.500h3v11h-3z",
  on: "M5.500 2.500v11L12 8z",
  link: "M2 2h5v5H2zm1.400 1.400v2.200h2.200V3.400zM9 2h5v5H9zm1.400 1.400v2.200h2.200V3.400zM2 9h5v5H2zm1.400 1.400v2.200h2.200v-2.200zM9 9h2v2H9zM12 9h2v2h-2zM9 12h2v2H9zM12 12h2v2h-2z",
};
const press = (/** @type {keyof typeof ICONS} */ name) =>
  `<button type="button" data-testid="present-${name}" aria-label="${t(`present.${name}`)}">${icon(ICONS[name])}</button>`;

/** @param {boolean} alone whether the page stands alone: it has no link then */
const template = (alone) => `
  <header class="kp-head"><h1 data-testid="present-title"></h1><p class="kp-time"></p></header>
  <div class="kp-stage"><div class="kp-scaled"></div><p class="kp-said" role="alert" hidden></p></div>
  <div class="kp-card" hidden><p class="kp-card-title"></p><p class="kp-card-caption"></p></div>
  <footer class="kp-lower">
    <p class="kp-caption" data-testid="present-caption" aria-live="polite"></p>
    <div class="kp-row"><nav class="kp-dots" aria-label="${t("present.playlist")}"></nav><span class="kp-hint" data-testid="present-hint"></span><span class="kp-buttons" role="toolbar" aria-label="${t("present.controls")}">${alone ? "" : press("link")}${press("back")}${press("play")}${press("on")}</span></div>
  </footer>`;

export class PresentView {
  /**
   * @param {HTMLElement} parent
   * @param {any} data what Python handed over: playlist, kiosk, and what every live view needs;
   *   `alone`: the page has no server, and nowhere to go back to
   * @param {import("./slides.js").Source} source of the recordings
   */
  constructor(parent, data, source) {
    setTexts(data.text);
    this.data = { ...data, figures: withLargeLetters(data.figures) };
    /** @type {Entry[]} */ this.playlist = data.playlist;
    this.source = source;
    this.alone = Boolean(data.alone);
    /** @type {Promise<number[][]>} the lanes' colours, slide by slide */
    this.colours = source
      .methods()
      .then((methods) => slideColours(this.playlist, methods, data.cold ?? []));
    this.clock = new PlaylistClock(this.playlist.length, data.kiosk);
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    /** @type {LiveView | null} */ this.live = null;
    /** @type {Map<string, Promise<import("../data/history.js").History>>} */
    this.histories = new Map();
    /** How many recordings are here. */ this.fetched = 0;
    this.asked = this.idle = 0;
    this.index = -1;
    this.ready = false;
    this.waited = false; // whether a kiosk was waiting already when it was touched last

    document.documentElement.dataset.kelvinPresent = "";
    this.root = document.createElement("main");
    this.root.className = "kv-present";
    this.root.dataset.testid = "present";
    this.root.setAttribute("aria-label", t("present.name"));
    this.root.classList.toggle("kp-kiosk", data.kiosk);
    this.root.innerHTML = template(this.alone);
    parent.append(this.root);
    this.get = (/** @type {string} */ selector) =>
      /** @type {HTMLElement} */ (this.root.querySelector(selector));
    // Canvases ask the window how finely to draw, and what they draw is magnified afterwards.
    this.coarse = raisePixelRatio(FINE);

    this.get(".kp-dots").replaceChildren(...this.playlist.map((entry, i) => this._dot(entry, i)));
    this.get("[data-testid=present-back]").onclick = () => this.go(this.clock.at - 1);
    this.get("[data-testid=present-play]").onclick = () => this.toggle();
    this.get("[data-testid=present-on]").onclick = () => this.go(this.clock.at + 1);
    const link = /** @type {HTMLElement | null} */ (
      this.root.querySelector("[data-testid=present-link]")
    );
    if (link) link.onclick = () => this.showLink();
    this.listening = new AbortController();
    const listen = (
      /** @type {string} */ event,
      /** @type {(event: any) => void} */ on,
      /** @type {boolean} */ capture = false,
    ) => window.addEventListener(event, on, { capture, signal: this.listening.signal });
    listen("keydown", (event) => this._key(event), true);
    listen("pointerdown", () => this._touched(), true);
    listen("pointermove", () => this._awake());
    this.resize = new ResizeObserver(() => this._fit());
    this.resize.observe(this.get(".kp-stage"));
    this._awake();
    this._stayAwake();
    this.show();
    this.frame = requestAnimationFrame((now) => this._tick(now));
  }

  /** Another run of the page's script: the theme may be another one. @param {any} _data */
  update(_data) {
    this.live?.update(
      this.live.data,
      () => {},
      () => {},
    );
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.idle);
    this.listening.abort();
    this.resize.disconnect();
    this.live?.destroy();
    this.coarse();
    this.root.remove();
    delete document.documentElement.dataset.kelvinPresent;
  }

  /** What is on. */
  get entry() {
    return this.playlist[this.clock.at];
  }

  /** @param {number} index */
  go(index) {
    if (this.clock.go(index)) this.show();
  }

  toggle() {
    if (!this.clock.kiosk) this.clock.toggle();
    else if (this.waited) this.clock.release(); // else the touch itself has made it wait
  }

  /**
   * Back to where the stage was entered from; else to the explorer, with the recording that was on.
   */
  leave() {
    if (this.alone) return;
    const back = takeReturnAddress();
    if (back) return location.assign(back);
    if (this.data.ownPlaylist) return location.assign(`${this.data.base}/gallery`);
    const { stage } = this.live?.session.history ?? {};
    const page = PAGES[layoutOf(stage?.data.kind)];
    const recording = encodeURIComponent(this.entry.recording);
    location.assign(`${this.data.base}/${page}?recording=${recording}`);
  }

  /** Show the entry that is on; what was asked for last wins. */
  async show() {
    const asked = ++this.asked;
    const { entry } = this;
    this._set(false);
    this.root.classList.add("kp-away");
    this._closeLink();
    this._tell();
    try {
      if (entry.missing) throw new UserError(entry.missing);
      const [history, colours] = await Promise.all([
        this._history(entry.recording),
        this.colours,
        this.index < 0 || this.calm ? null : new Promise((done) => setTimeout(done, FADE_MS)),
      ]);
      if (asked !== this.asked) return;
      this._play(history, entry, colours[this.clock.at]);
      this.get(".kp-said").hidden = true;
    } catch (error) {
      if (asked !== this.asked) return;
      const said = this.get(".kp-said");
      const absent =
        isOwn(entry.recording) || this.alone ? "present.missing" : "present.not-loaded";
      said.textContent = messageFor(error, t(absent, { name: entry.called || entry.title }));
      said.hidden = false;
      this.live?.destroy();
      this.live = null;
      this.clock.miss(!this.data.ownPlaylist && !this.alone);
    }
    this.index = this.clock.at;
    this._set(true);
    if (this.calm && !this.clock.kiosk && !this.clock.absent) this.clock.finish();
    this._seek();
    this.root.classList.remove("kp-away");
    // The others are fetched meanwhile: from here on nothing needs the network.
    for (const { recording, missing } of this.playlist)
      if (!missing) await this._history(recording).catch(() => {});
  }

  /** @param {boolean} ready whether what is on is there, or said to be missing */
  _set(ready) {
    this.ready = ready;
    tell(this.root, { ready });
  }

  /**
   * @param {string} name
   * @returns {Promise<import("../data/history.js").History>}
   */
  _history(name) {
    let found = this.histories.get(name);
    if (!found) {
      found = this._fetch(name);
      found.catch(() => this.histories.delete(name)); // another try is allowed
      this.histories.set(name, found);
    }
    return found;
  }

  /** @param {string} name */
  async _fetch(name) {
    const { bytes, title } = await this.source.read(name);
    for (const entry of this.playlist)
      if (entry.recording === name) entry.title ||= title.slice(0, MOST_TITLE);
    const history = await readRecording(bytes);
    tell(this.root, { recordings: ++this.fetched });
    return history;
  }

  /**
   * @param {import("../data/history.js").History} history
   * @param {Entry} entry
   * @param {number[]} colours of its lanes, as places in the palette
   */
  _play(history, entry, colours) {
    const layout = layoutOf(history.stage.data.kind);
    const view = {
      ...(entry.panels.length ? { panels: entry.panels.join(",") } : {}),
      ...(entry.large ? { large: entry.large } : {}),
      ...(entry.x ? { x: entry.x } : {}),
      ...(entry.y ? { y: entry.y } : {}),
    };
    const data = {
      ...this.data,
      layout,
      view,
      experiment: history.stage.experiment,
      recording: null,
      autostart: false,
      speed: 0,
      offline: true,
    };
    if (this.live?.layout !== layout) {
      this.live?.destroy();
      this.live = new LiveView(this.get(".kp-scaled"), data);
    }
    const { live } = this;
    live.data = data;
    live.setLaneColours(colours);
    live.playHistory(history);
    live.setCurrency(entry.x ?? history.stage.budget.currency, false);
    live.setMeasure(entry.y && hasAccuracy(history.stage) ? entry.y : "loss", false);
    const known = entry.panels.filter((name) => name in live.board.kinds);
    if (known.length)
      live.board.arrange({
        shown: known,
        large: entry.large && entry.large in live.board.kinds ? entry.large : null,
      });
    entry.title ||= (entry.called ?? "").slice(0, MOST_TITLE);
    if (!entry.title)
      entry.title = t("present.untitled", {
        data: history.stage.data.label,
        lanes: history.stage.lanes
          .map((/** @type {any} */ lane) => lane.label)
          .join(t("present.versus")),
      });
    this._fit();
    this._tell();
  }

  /** Put the live view where the clock stands. */
  _seek() {
    const { live } = this;
    if (!live || !this.ready) return;
    const player = live.session.playback;
    const index = frameIndexAt(player.history.length, this.clock.share, this.entry.pace);
    if (player.playing || player.chosen !== index) {
      player.show(index);
      live.dirty.pictures = live.dirty.curves = true;
    }
    const metric = player.history.metrics[index];
    const text = metric ? spent(metric.lanes, player.history.stage.budget) : "";
    const time = this.get(".kp-time");
    if (time.textContent !== text) time.textContent = text;
  }

  /** @param {number} now ms */
  _tick(now) {
    this.frame = requestAnimationFrame((next) => this._tick(next));
    const { clock } = this;
    if (!this.ready)
      clock.last = now / 1000; // nothing plays while nothing is there
    else if (clock.tick(now / 1000)) this.show();
    this._seek();
    const held = clock.held(now / 1000);
    const going = clock.playing ? "playing" : clock.share === 1 ? "over" : "paused";
    tell(this.root, { phase: clock.phase, state: held ? "held" : going });
    this.get(".kp-card").hidden = clock.phase !== "card";
    const dot = /** @type {HTMLElement | undefined} */ (this.get(".kp-dots").children[clock.at]);
    dot?.style.setProperty("--done", clock.share.toFixed(3));
    this._controls(held);
  }

  /** @param {boolean} held */
  _controls(held) {
    const { clock } = this;
    const going = clock.playing && !held;
    const button = this.get("[data-testid=present-play]");
    const name = going ? "pause" : "play";
    if (button.dataset.icon !== name) {
      button.dataset.icon = name;
      button.innerHTML = icon(ICONS[name]);
      button.setAttribute("aria-label", t(`present.${name}`));
    }
    const usual = this.alone ? "present.hint-alone" : "present.hint";
    const hint = t(held ? "present.held" : clock.kiosk ? "present.kiosk-hint" : usual);
    const place = this.get(".kp-hint");
    if (place.textContent !== hint) place.textContent = hint;
  }

  /** Title, caption and dots of what is on. */
  _tell() {
    const { caption, called = "" } = this.entry;
    const title = this.entry.title || called.slice(0, MOST_TITLE);
    for (const selector of ["[data-testid=present-title]", ".kp-card-title"])
      this.get(selector).textContent = title;
    for (const selector of [".kp-caption", ".kp-card-caption"])
      this.get(selector).textContent = caption;
    [...this.get(".kp-dots").children].forEach((dot, i) => {
      const on = i === this.clock.at;
      if (on) dot.setAttribute("aria-current", "true");
      else dot.removeAttribute("aria-current");
    });
  }

  /**
   * @param {Entry} entry
   * @param {number} i
   */
  _dot(entry, i) {
    const dot = document.createElement("button");
    dot.type = "button";
    dot.dataset.testid = `present-dot-${i}`;
    dot.setAttribute(
      "aria-label",
      t("present.dot", {
        number: i + 1,
        count: this.playlist.length,
        title: entry.title || entry.called || entry.recording,
      }),
    );
    dot.onclick = () => this.go(i);
    return dot;
  }

  /**
   * Every key is the stage's own: those of the explorer would run races.
   * @param {KeyboardEvent} event
   */
  _key(event) {
    if (
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      event.key === "Tab" ||
      event.key === "Shift"
    )
      return this._awake();
    // who has the link's field has its keys as well
    const field = /** @type {HTMLElement} */ (event.target).closest?.(".kp-link input");
    if (field && event.key !== "Escape") return;
    this._touched();
    const { board } = this.live ?? {};
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowRight: () => this.go(this.clock.at + 1),
      PageDown: () => this.go(this.clock.at + 1),
      ArrowLeft: () => this.go(this.clock.at - 1),
      PageUp: () => this.go(this.clock.at - 1),
      Home: () => this.go(0),
      End: () => this.go(this.playlist.length - 1),
      " ": () => this.toggle(),
      f: () => this._fill(),
      q: () => this.showLink(),
      Escape: () => {
        if (this._closeLink()) return;
        if (board?.arrangement.large && !this.entry.large)
          board.arrange({ ...board.arrangement, large: null });
        else this.leave();
      },
    };
    const pressed =
      /** @type {HTMLElement} */ (event.target).closest?.("button") &&
      ["Enter", " "].includes(event.key);
    event.stopImmediatePropagation();
    if (pressed) return; // the button does what it says
    if (event.key in keys && !(event.repeat && event.key === " ")) keys[event.key]();
    else if (/^[1-8]$/.test(event.key)) board?.enlarge(Number(event.key));
    else return;
    event.preventDefault();
  }

  /** The link of what is on, as a QR code, for those who watch; or away with it. */
  showLink() {
    if (this.alone || this._closeLink()) return;
    const { stage } = this.live?.session.history ?? {};
    const home = `${location.origin}${this.data.base}`;
    const link =
      stage && slideLink(home, this.entry.recording, stage.experiment, this.data.defaults);
    const box = document.createElement("div");
    box.className = "kp-link";
    box.dataset.testid = "present-link-box";
    box.setAttribute("role", "dialog");
    box.setAttribute("aria-modal", "true");
    box.setAttribute("aria-label", t("present.link"));
    const close = document.createElement("button");
    close.type = "button";
    close.className = "kp-link-close";
    close.dataset.testid = "present-link-close";
    close.textContent = "✕";
    close.setAttribute("aria-label", t("present.close-link"));
    close.onclick = () => this._closeLink();
    box.append(close);
    if (link) box.append(linkBox(link));
    else
      box.append(Object.assign(document.createElement("p"), { textContent: t("present.no-link") }));
    box.onclick = (event) => event.target === box && this._closeLink();
    this.focused = /** @type {HTMLElement | null} */ (document.activeElement);
    this.root.append(box);
    close.focus();
  }

  /** @returns {boolean} whether a link was shown */
  _closeLink() {
    const box = this.root.querySelector(".kp-link");
    if (!box) return false;
    box.remove();
    this.focused?.focus?.();
    return true;
  }

  /** A kiosk waits for whoever is there. */
  _touched() {
    const now = performance.now() / 1000;
    this.waited = this.clock.held(now);
    this.clock.hold(now);
  }

  /** The whole screen, or the window again. */
  _fill() {
    const filled = document.fullscreenElement
      ? document.exitFullscreen()
      : document.documentElement.requestFullscreen?.();
    filled?.catch(() => {}); // a browser may refuse; the window is as good
  }

  /** Somebody moves: cursor and buttons are there for a while. */
  _awake() {
    this.root.classList.remove("kp-idle");
    clearTimeout(this.idle);
    this.idle = window.setTimeout(() => this.root.classList.add("kp-idle"), IDLE_MS);
  }

  /** Ask the machine not to darken its screen in the middle of a talk. */
  _stayAwake() {
    const ask = () =>
      void (
        document.visibilityState === "visible" &&
        navigator.wakeLock?.request("screen").catch(() => {})
      );
    document.addEventListener("visibilitychange", ask, { signal: this.listening.signal });
    ask();
  }

  /** Fit the magnified view into the room there is. */
  _fit() {
    const stage = this.get(".kp-stage");
    const scaled = this.get(".kp-scaled");
    const scale = magnified(stage.clientWidth, stage.clientHeight);
    scaled.style.setProperty("--kp-scale", String(scale));
    this.root.classList.toggle("kp-small", stage.clientWidth < 700);
  }
}
