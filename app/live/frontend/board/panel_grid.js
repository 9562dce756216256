/** The board: the panels, where they stand, and what is drawn in them when. */

import { loadPlotly } from "../charts/chart.js";
import { readTheme } from "../charts/theme.js";
import { TimeMarkers } from "../charts/time_markers.js";
import { reportDefect } from "../data/errors.js";
import { t } from "../i18n/i18n.js";
import { panelTerm } from "../panels/names.js";
import { PANELS } from "../panels/registry.js";
import { entitle, updateCaption } from "./captions.js";
import {
  arrangementOf,
  columnsFor,
  enlarged,
  fitHero,
  heroOf,
  swapped,
  toAddress,
  toggled,
} from "./layout.js";
import { panelTemplate } from "./template.js";

/**
 * @typedef {{name: string, kind: import("../panels/registry.js").Kind, panel: any, saidAt: number,
 *   marks: TimeMarkers | null, defect: string, defectLine: string}} Shown a panel that is mounted,
 *   and when its summary was last written
 */

/** For so long charts wait until something is drawn without them, in milliseconds. */
const PATIENCE_MS = 900;

export class PanelGrid {
  /**
   * @param {HTMLElement} root of the live view
   * @param {any} data what Python handed over
   * @param {import("../panels/registry.js").PanelApi} api
   * @param {() => void} changed the arrangement is another one
   * @param {(index: number | null) => void} pointed another moment is pointed at on some chart
   */
  constructor(root, data, api, changed, pointed) {
    this.root = root;
    this.data = data;
    this.api = api;
    this.changed = changed;
    this.pointed = pointed;
    this.layout = /** @type {import("../data/layouts.js").Layout} */ (data.layout ?? "network");
    this.kinds = PANELS[this.layout];
    this.place = /** @type {HTMLElement} */ (root.querySelector(".kv-panels"));
    this.cards = /** @type {HTMLElement} */ (root.querySelector(".kv-cards"));
    /** Chips that bring back the panels that are not seen. */
    this.more = /** @type {HTMLElement} */ (root.querySelector(".kv-more"));
    /** @type {Map<string, Shown>} */ this.panels = new Map();
    /** @type {Set<string>} charts that are due and not drawn yet */ this.waiting = new Set();
    /** @type {string} the kind of data that panels are made for */ this.suited = "";
    /** Whether that is the next race's, not what is on the screen. */ this.offering = false;
    /** @type {any} */ this.Plotly = null;
    this.arrangement = arrangementOf(this.layout, data.view ?? {});
    this.place.innerHTML = Object.keys(this.kinds)
      .map((name, i) => panelTemplate(name, i + 1, this.layout))
      .join("");
    /** @type {Map<string, string>} panels without anything to show in this race, and why */
    this.idle = new Map();
    /** @type {string} what the large panel was last fitted to */ this.fitted = "";
    /** @type {string} */ this.dressed = "";
    this.theme = readTheme(root);
    /** @type {string[]} */ this.colours = [];
    /** @type {number[] | null} the lanes' colours as places in the palette, if not in its order */
    this.places = null;
    this._wire();
    this._dressRoot();
    this._apply();
    for (const [name, kind] of Object.entries(this.kinds))
      if (!kind.plotly && this.wanted(name)) this._mount(name);
    this._begun = () => {};
    /** Something was drawn, or it takes too long. @type {Promise<void>} */
    this.begun = new Promise((resolve) => {
      this._begun = resolve;
      setTimeout(resolve, PATIENCE_MS);
    });
    this.resize = new ResizeObserver(() => {
      this._fitHero();
      api.redraw();
      // Plotly follows the window by itself, but not a panel that makes room for something else.
      for (const { panel } of this.panels.values()) panel.chart?.resize();
    });
    this.resize.observe(root);
    for (const one of root.querySelectorAll(".kv-plot")) this.resize.observe(one);
  }

  /** @returns {Promise<void>} resolves when the charts stand */
  async loadCharts() {
    // To run plotly.js takes the browser most of a second: what can be drawn without it is drawn
    // first.
    if (!(/** @type {any} */ (window).Plotly) && this.panels.size) await this.begun;
    this.Plotly = await loadPlotly(`${this.data.base}/kelvin/plotly.min.js?v=${this.data.plotly}`);
    // Mounting them all takes a quarter of a second: what is drawn without them must not stand
    // still so long.
    while (this.root.isConnected && this._mountVisible(1))
      await new Promise((resume) => setTimeout(resume));
  }

  /** @param {string} name */
  section(name) {
    return /** @type {HTMLElement} */ (this.place.querySelector(`[data-testid="panel-${name}"]`));
  }

  /** Whether a panel was asked for. @param {string} name */
  wanted(name) {
    const { shown, large } = this.arrangement;
    return large ? name === large : shown.includes(name);
  }

  /** Whether a panel can be seen. @param {string} name */
  visible(name) {
    return this.wanted(name) && (Boolean(this.arrangement.large) || this.seen.includes(name));
  }

  /** The panels in their places: those that have something to show, where there are any. */
  get seen() {
    const { shown } = this.arrangement;
    const seen = shown.filter((name) => !this.idle.has(name));
    return seen.length ? seen : shown;
  }

  /**
   * The panel of that name, once it is mounted.
   * @param {string} name
   * @returns {any}
   */
  panel(name) {
    return this.panels.get(name)?.panel ?? null;
  }

  /**
   * Draw what is due. Charts cost ten milliseconds and more each, so no frame draws more than one
   * of them: the others wait for the next frames.
   * @param {import("../data/frame_view.js").FrameView} moment
   * @param {{pictures: boolean, curves: boolean}} due
   * @param {number} now ms
   * @returns {boolean} whether a picture was drawn
   */
  draw(moment, due, now) {
    if (!this.offering) this._suit(moment.stage.data.kind);
    if (due.curves)
      for (const { name, kind } of this.panels.values())
        if (kind.curves && this.wanted(name)) this.waiting.add(name);
    let drawn = false;
    for (const shown of this.panels.values()) {
      if (shown.kind.curves || !due.pictures || !this.wanted(shown.name)) continue;
      this._draw(shown, moment, now);
      drawn = true;
    }
    if (drawn) {
      this._begun();
      if (this.fitted !== this._squares()) this._fitHero();
    }
    const [next] = this.waiting;
    const shown = next === undefined ? undefined : this.panels.get(next);
    this.waiting.delete(next);
    if (shown && this.wanted(shown.name)) this._draw(shown, moment, now);
    return drawn;
  }

  /**
   * Show what the next race is of, where it is not what is on the screen.
   * @param {any} instance null where it is
   */
  offer(instance) {
    const before = this.offering;
    this.offering = Boolean(instance);
    if (instance) this._suit(instance.kind);
    else if (before) this.api.redraw(); // by panels for what is on the screen
    this.panel("map")?.offer(instance);
    if (instance) this.section("map")?.classList.remove("kv-undrawn");
  }

  /**
   * Have the panels that are made for one kind of data, called what they are for it.
   * @param {string} kind
   */
  _suit(kind) {
    if (this.layout !== "tour" || this.suited === kind) return;
    this.suited = kind;
    for (const name of Object.keys(this.kinds)) {
      const term = `panel-${panelTerm(name, this.layout)}`;
      const own = `${term}-${kind}`;
      const heading = /** @type {HTMLElement} */ (this.section(name).querySelector("h2"));
      heading.dataset.term = t(`terms.${own}`) === `terms.${own}` ? term : own;
      entitle(
        this.section(name),
        t(t(`live.${own}`) === `live.${own}` ? `live.${term}` : `live.${own}`),
      );
      const shown = this.panels.get(name);
      const { make, makes } = this.kinds[name];
      if (!makes || !shown || shown.panel instanceof (makes[kind] ?? make)) continue;
      shown.panel.destroy?.();
      for (const one of [this.root, shown.panel.element]) one?.removeAttribute("data-preview");
      const place = /** @type {HTMLElement} */ (this.section(name).querySelector(".kv-plot"));
      place.replaceChildren();
      /** @type {HTMLElement} */ (this.section(name).querySelector(".kv-tools")).replaceChildren();
      this.panels.delete(name);
      this._mount(name);
    }
    this._offerMore();
  }

  /**
   * @param {Shown} shown
   * @param {import("../data/frame_view.js").FrameView} moment
   * @param {number} now ms
   */
  _draw(shown, moment, now) {
    const section = this.section(shown.name);
    try {
      const said = shown.panel.draw(moment);
      updateCaption(section, shown, said, now);
      this._rest(shown.name, said.idle ? said.nothing : undefined);
      section.classList.remove("kv-undrawn");
      shown.marks?.draw(moment);
      shown.defect = "";
    } catch (error) {
      // One panel's defect is that panel's: it is seen there and on the console, once, and the
      // others go on.
      if (shown.defect !== String(error)) shown.defectLine = reportDefect(error);
      shown.defect = String(error);
      updateCaption(
        section,
        shown,
        { note: "", summary: shown.defectLine, nothing: shown.defectLine },
        now,
      );
    }
  }

  /**
   * A panel that has nothing to show in this race gives its place to the others: a chip says why.
   * @param {string} name
   * @param {string} [why] nothing where it has something to show
   */
  _rest(name, why) {
    if (this.idle.get(name) === why) return;
    if (why === undefined) this.idle.delete(name);
    else this.idle.set(name, why);
    this._apply();
    for (const { panel } of this.panels.values()) panel.chart?.resize();
  }

  /** A moment is pointed at on some chart: mark it on all. @param {number | null} index */
  mark(index) {
    this.pointed(index);
    for (const shown of this.panels.values()) {
      if (!this.visible(shown.name)) continue;
      shown.marks?.point(index);
      shown.panel.mark?.(index);
    }
  }

  /**
   * Another race is on the screen.
   * @param {boolean} again whether it is the one that was there before
   */
  reset(again) {
    for (const shown of this.panels.values()) {
      shown.saidAt = 0;
      if (!again) shown.panel.chart?.forgetZoom();
      shown.panel.reset?.();
    }
  }

  /** A zoom in seconds means nothing in evaluations. */
  forgetTimeZoom() {
    for (const { kind, panel } of this.panels.values()) if (kind.time) panel.chart?.forgetZoom();
  }

  /** Take on the page's theme, if it is another than before. @returns {boolean} whether it was */
  dress() {
    if (!this._dressRoot()) return false;
    for (const { panel } of this.panels.values())
      panel.dress(this.theme, this.colours, this.data.palette);
    return true;
  }

  destroy() {
    this.resize.disconnect();
    for (const { panel, marks } of this.panels.values()) {
      marks?.destroy();
      panel.destroy?.();
      panel.chart?.destroy();
    }
  }

  /**
   * @param {import("./layout.js").Arrangement} arrangement
   * @param {boolean} tell whether the address is to follow
   */
  arrange(arrangement, tell = true) {
    this.arrangement = arrangement;
    this._apply();
    this._mountVisible();
    for (const { panel } of this.panels.values()) panel.chart?.resize();
    if (tell) this.changed();
    this.api.redraw();
  }

  /**
   * A panel by its number fills the board, or goes back to its place.
   * @param {number} number from 1
   */
  enlarge(number) {
    const name = Object.keys(this.kinds)[number - 1];
    if (name) this.arrange(enlarged(this.arrangement, name));
  }

  /** What the address says of the arrangement. */
  get address() {
    return toAddress(this.layout, this.arrangement);
  }

  /** @returns {boolean} whether the theme was another one before */
  _dressRoot() {
    const { palette } = this.data;
    const theme = readTheme(this.root);
    const key = JSON.stringify([theme, this.places]);
    if (this.dressed === key) return false;
    this.dressed = key;
    this.theme = theme;
    const colours = theme.dark ? palette.lanesOnDark : palette.lanes;
    this.colours = this.places?.map((place) => colours[place]) ?? colours;
    this.colours.forEach((colour, i) => this.root.style.setProperty(`--lane-${i}`, colour));
    this.root.classList.toggle("kv-dark", theme.dark);
    // What the page around is to look like is told by its root: a selector with :has would have the
    // browser match the whole page anew whenever a number changes.
    document.documentElement.style.setProperty("--kv-page", theme.background);
    document.documentElement.dataset.kelvin = theme.dark ? "dark" : "light";
    return true;
  }

  /** Put every panel where it stands now. */
  _apply() {
    const { large } = this.arrangement;
    const shown = this.seen;
    this.place.style.setProperty("--kv-columns", String(large ? 1 : columnsFor(shown.length)));
    this.place.style.setProperty("--kv-count", String(large ? 1 : shown.length));
    this.place.style.setProperty(
      "--kv-rows",
      String(large ? 1 : Math.ceil(shown.length / columnsFor(shown.length))),
    );
    this.place.dataset.count = String(large ? 1 : shown.length);
    this.place.classList.toggle("kv-has-large", Boolean(large));
    this._placeCards();
    this._fitHero();
    this._offerMore();
    for (const name of Object.keys(this.kinds)) {
      const section = this.section(name);
      // It is drawn further, unseen: it may have something to show later.
      section.hidden = !this.wanted(name);
      section.classList.toggle("kv-idle", this.wanted(name) && !this.visible(name));
      section.classList.toggle("kv-hero", name === this.place.dataset.hero);
      section.style.order = String(shown.indexOf(name));
      const button = /** @type {HTMLElement} */ (section.querySelector("[data-do=enlarge]"));
      const whole = name === large;
      button.setAttribute("aria-pressed", String(whole));
      button.title = t(whole ? "live.restore" : "live.enlarge", {
        number: Object.keys(this.kinds).indexOf(name) + 1,
      });
    }
  }

  /** The lanes' cards stand on the large panel, over each lane's map; else over all panels. */
  _placeCards() {
    const hero = this.root.closest(".kv-present")
      ? null
      : heroOf(this.layout, {
          shown: this.seen,
          large: this.arrangement.large,
        });
    if (hero) this.place.dataset.hero = hero;
    else delete this.place.dataset.hero;
    const before = hero ? this.section(hero).querySelector(".kv-plot") : this.place;
    if (before && this.cards.nextElementSibling !== before) before.before(this.cards);
  }

  /** What the large panel's fit depends on besides the room: how many square maps it has. */
  _squares() {
    const { hero, count } = this.place.dataset;
    const plot = hero && count === "3" ? this.section(hero).querySelector(".kv-plot") : null;
    const lanes = plot?.hasAttribute("data-square") ? plot.getAttribute("data-lanes") : null;
    return lanes === "2" || lanes === "3" ? lanes : "";
  }

  /** The large panel as large as its maps, and no room empty under them. */
  _fitHero() {
    const { place } = this;
    const lanes = (this.fitted = this._squares());
    const hero = lanes ? this.section("network") : null;
    const fit = hero && {
      width: place.clientWidth,
      height: place.clientHeight,
      head:
        hero.offsetHeight -
        /** @type {HTMLElement} */ (hero.querySelector(".kv-plot")).offsetHeight,
      lanes: Number(lanes),
    };
    const { share, rows } = fit ? fitHero(fit) : { share: 0, rows: null };
    const under = rows && this.seen.slice(1).find((name) => this.kinds[name].time);
    place.toggleAttribute("data-fit", Boolean(share));
    place.toggleAttribute("data-under", Boolean(under));
    place.style.setProperty("--kv-hero", `${share}fr`);
    place.style.setProperty("--kv-beside", `${1 - share}fr`);
    place.style.setProperty("--kv-maps", `${rows ?? 0}px`);
    for (const name of Object.keys(this.kinds))
      this.section(name).toggleAttribute("data-under", name === under);
  }

  /** A chip for each panel that is not seen: one click shows it, or why it has nothing to show. */
  _offerMore() {
    const { shown, large } = this.arrangement;
    const hidden = large ? [] : Object.keys(this.kinds).filter((name) => !shown.includes(name));
    const idle = large ? [] : shown.filter((name) => !this.seen.includes(name));
    this.more.hidden = !hidden.length && !idle.length;
    const label = document.createElement("span");
    label.textContent = t("live.more");
    const chip = (/** @type {string} */ name, /** @type {() => void} */ pressed, why = "") => {
      const title = this.section(name).querySelector("h2")?.textContent ?? name;
      const made = document.createElement("button");
      made.type = "button";
      made.dataset.testid = `${why ? "idle" : "more"}-${name}`;
      made.textContent = why ? t("live.idle", { title, why: why.split("\n")[0] }) : title;
      made.title = why;
      made.onclick = pressed;
      return made;
    };
    this.more.replaceChildren(
      label,
      ...hidden.map((name) => chip(name, () => this.arrange(toggled(this.arrangement, name)))),
      ...idle.map((name) =>
        chip(name, () => this.arrange(enlarged(this.arrangement, name)), this.idle.get(name)),
      ),
    );
  }

  /**
   * Mount the panels that can be seen and are not there yet, at most so many.
   * @returns {number} how many were
   */
  _mountVisible(most = Infinity) {
    const due = Object.keys(this.kinds).filter(
      (name) =>
        this.wanted(name) && !this.panels.has(name) && (this.Plotly || !this.kinds[name].plotly),
    );
    for (const name of due.slice(0, most)) this._mount(name);
    return Math.min(due.length, most);
  }

  /** @param {string} name */
  _mount(name) {
    const kind = this.kinds[name];
    // axes without anything on them would only invent their ticks
    this.section(name).classList.add("kv-undrawn");
    const { figures, palette } = this.data;
    const place = /** @type {HTMLElement} */ (this.section(name).querySelector(".kv-plot"));
    const tools = /** @type {HTMLElement} */ (this.section(name).querySelector(".kv-tools"));
    const kit = {
      name,
      place,
      tools,
      Plotly: this.Plotly,
      figure: figures[name],
      figures,
      palette,
      theme: this.theme,
      colours: this.colours,
      api: this.api,
    };
    const panel = new (kind.makes?.[this.suited] ?? kind.make)(kit);
    this.panels.set(name, {
      name,
      kind,
      panel,
      saidAt: 0,
      marks: kind.time ? new TimeMarkers(place, panel, this.api) : null,
      defect: "",
      defectLine: "",
    });
  }

  _wire() {
    for (const name of Object.keys(this.kinds)) {
      const section = this.section(name);
      /** @type {HTMLElement} */ (section.querySelector("[data-do=enlarge]")).onclick = () =>
        this.arrange(enlarged(this.arrangement, name));
      /** @type {HTMLElement} */ (section.querySelector("[data-do=hide]")).onclick = () =>
        this.arrange(
          this.arrangement.large
            ? { ...this.arrangement, large: null }
            : toggled(this.arrangement, name),
        );
      const header = /** @type {HTMLElement} */ (section.querySelector("header"));
      header.ondblclick = (event) => {
        if (!(/** @type {HTMLElement} */ (event.target).closest("button")))
          this.arrange(enlarged(this.arrangement, name));
      };
      this._drag(section, header, name);
    }
  }

  /**
   * A panel's header, dragged onto another panel, swaps the two.
   * @param {HTMLElement} section
   * @param {HTMLElement} header
   * @param {string} name
   */
  _drag(section, header, name) {
    header.onpointerdown = (down) => {
      if (
        down.button !== 0 ||
        this.arrangement.large ||
        /** @type {HTMLElement} */ (down.target).closest("button, select, input")
      )
        return;
      let over = "";
      const under = (/** @type {PointerEvent} */ event) =>
        /** @type {HTMLElement | null} */ (
          document
            .elementsFromPoint(event.clientX, event.clientY)
            .map((one) => one.closest?.(".kv-panel"))
            .find((one) => one && one !== section && this.place.contains(one)) ?? null
        );
      const move = (/** @type {PointerEvent} */ event) => {
        if (Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) < 6 && !over)
          return;
        section.classList.add("kv-dragged");
        const target = under(event);
        over = target?.dataset.panel ?? "";
        for (const one of this.place.querySelectorAll(".kv-panel"))
          one.classList.toggle("kv-over", one === target);
      };
      const up = () => {
        removeEventListener("pointermove", move);
        removeEventListener("pointerup", up);
        removeEventListener("pointercancel", up);
        section.classList.remove("kv-dragged");
        for (const one of this.place.querySelectorAll(".kv-over")) one.classList.remove("kv-over");
        if (over) this.arrange(swapped(this.arrangement, name, over));
      };
      addEventListener("pointermove", move);
      addEventListener("pointerup", up);
      addEventListener("pointercancel", up);
    };
  }
}
