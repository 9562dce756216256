/**
 * The map: every lane's best tour, its edges the stronger the longer they have been there, and its
 * present tour faint under it. Cities can be moved, added and dropped.
 */

import { stats } from "../../charts/chart.js";
import { fitCanvas } from "../../charts/decision_map.js";
import { citiesAfter, cityEvents, duplicates, editCities, ownInstance } from "../../data/cities.js";
import { nameElements } from "../../data/lane_names.js";
import { formatNumber, SHAPES } from "../../i18n/format.js";
import { t } from "../../i18n/i18n.js";
import { formatGap, lengthWithUnit } from "../../i18n/length.js";
import { AGES, EdgeAges, edgesOf } from "./ages.js";
import { ANSWER_MS, Changes } from "./changes.js";
import { Hands } from "./hands.js";
import {
  paintAged,
  paintBand,
  paintCities,
  paintCoast,
  paintRing,
  paintTour,
  SHADES,
  spacingOf,
  thinness,
  tinted,
  WIDTHS,
} from "./paint.js";
import { extentOf, fit, flatten, placesOn, zoomed } from "./projection.js";

/** @typedef {import("../../data/frame_view.js").FrameView} FrameView */
/** @typedef {import("../../data/cities.js").Cities} Cities */
/**
 * Cities before there is a race of them, as the page hands them over.
 * @typedef {{label: string, geographic: boolean, guessed: boolean, editable: boolean, size: number,
 *   scale: number, origin: number[] | null, points: number[][], names: string[] | null,
 *   config: any}} Preview `config`: as experiments name it
 */

/**
 * Draws a lane's move in place of its tours; returns whether there is one.
 * @typedef {(paint: CanvasRenderingContext2D, lane: number, how: {tour: ArrayLike<number>, places:
 *   {u: Float64Array, v: Float64Array}, fit: ReturnType<typeof fit>, turn: number, colour: string,
 *   theme: import("../../charts/theme.js").Theme, spacing: number}) => boolean} MovePainter
 */

/**
 * The cities on their plane.
 * @typedef {object} Ground
 * @property {Cities} key
 * @property {boolean} geographic
 * @property {import("./projection.js").Flat} flat
 * @property {{u: Float64Array, v: Float64Array}} places
 * @property {import("./projection.js").Extent} extent
 * @property {Map<string, number[]>} twins
 */

/** @type {Cities} */
const NONE = { x: [], y: [], names: null, edited: false };

/** Pictures that ages are counted from when the moment jumps: enough to tell five ages apart. */
const MOST_SEEN = 80;
/** From so many cities on a map is drawn at most twice a second, and fewer pictures are looked at. */
const HUGE = 20_000;
const HUGE_MS = 500;
const HUGE_SEEN = 8;
/** How near the pointer is to a city whose name is told, px. */
const NEAR = 9;
const WHEEL = 0.0044;
/** How many places beside one another a hand tells apart on a map, at least. */
const FINEST = 100_000;

export class MapPanel {
  /** @param {import("../registry.js").Kit} kit */
  constructor({ place, tools, theme, colours, api }) {
    this.element = place;
    this.tools = tools;
    this.theme = theme;
    this.colours = colours;
    this.api = api;
    /** @type {HTMLCanvasElement[]} */ this.canvases = [];
    /** @type {FrameView | null} */ this.last = null;
    /** @type {Preview | null} */ this.preview = null;
    /** @type {Cities | null} cities changed by hand of which no picture tells yet */
    this.draft = null;
    this.draftOf = "";
    this.draftUntil = 0;
    /** @type {"side" | "over"} */ this.mode = "side";
    this.different = false;
    /** @type {import("./projection.js").View | null} */ this.view = null;
    this.run = -1;
    this.built = "";
    this.ages = /** @type {EdgeAges[]} */ ([]);
    this.seen = -1;
    this.told = 0;
    this.drawnAt = -Infinity;
    this.frame = 0;
    /** @type {number[][] | null} */ this.coast = null;
    /** @type {Ground | null} */ this.ground = null;
    /** @type {Cities} those of the picture */ this.shown = NONE;
    this.shownOf = "";
    this.asked = false;
    /** How many edits of the race its changes know. */ this.heard = 0;
    /** @type {{key: any, has: (one: number, other: number) => boolean} | null} */
    this.optimum = null;
    /** @type {MovePainter | null} what slow motion shows */ this.moves = null;
    this._tools();
    this.maps = document.createElement("div");
    this.maps.className = "kv-maps";
    this.legend = this._legend();
    this.tip = document.createElement("div");
    this.tip.className = "kv-tip";
    this.tip.hidden = true;
    this.said = document.createElement("p");
    this.said.className = "kv-sr";
    this.said.setAttribute("aria-live", "polite");
    this.changes = new Changes(
      () => this._undo(),
      () => this.editable,
    );
    place.append(this.maps, this.legend, this.changes.element, this.tip, this.said);
    this.hands = new Hands({
      editable: () => this.editable,
      cityAt: (canvas, event, reach) => this._cityAt(canvas, event, reach),
      placeAt: (canvas, event) => this._placeAt(canvas, event),
      place: (i) => [this.cities.x[i], this.cities.y[i]],
      count: () => this.cities.x.length,
      span: () => this._span(),
      next: (from, dx, dy) => this._next(from, dx, dy),
      edit: (edit, ends) => this._edit(edit, ends),
      select: (i) => this._select(i),
      pan: (dx, dy) => this._pan(dx, dy),
    });
    this.resized = new ResizeObserver(() => this._soon());
    this.resized.observe(this.maps);
    stats.mounts.map = (stats.mounts.map ?? 0) + 1;
  }

  /**
   * @param {import("../../charts/theme.js").Theme} theme
   * @param {string[]} colours
   */
  dress(theme, colours) {
    this.theme = theme;
    this.colours = colours;
    this._dressLegend();
    this._soon();
  }

  /** What the map is of: cities before there is a race, or the stage's data. */
  get data() {
    return this.preview ?? this.last?.stage.data ?? null;
  }

  /** Whether cities may be changed now: those of a race that runs, or of the next one. */
  get editable() {
    if (!this.data?.editable || this._alone) return false;
    return Boolean(this.preview) || this.api.live();
  }

  /** Whether there is no race to come: in a replay, and on a stage. */
  get _alone() {
    return Boolean(this.element.closest("[data-offline], .kv-present"));
  }

  /**
   * Show the cities of the next race, where they are not those of the one on the screen.
   * @param {Preview | null} instance
   */
  offer(instance) {
    const key = instance ? JSON.stringify([instance.label, instance.points]) : "";
    if (key === this.draftOf) return;
    const other = Boolean(instance) !== Boolean(this.preview);
    this.draftOf = key;
    this.preview = instance;
    const given = instance && previewCities(instance);
    // What comes back is what was told, unless somebody chose other cities meanwhile.
    if (!given || !this.draft || !alike(given, this.draft)) {
      this.draft = given;
      this.hands.forget();
      this.changes.forget();
      if (other) this.view = null;
    }
    this.element.toggleAttribute("data-preview", Boolean(instance));
    this.element.closest(".kelvin")?.toggleAttribute("data-preview", Boolean(instance));
    this._soon();
    if (!instance) this.api.redraw();
  }

  /** The cities on the map. @returns {Cities} */
  get cities() {
    return this.draft ?? this.shown;
  }

  /**
   * @param {FrameView} moment
   * @returns {{note: string, summary: string, title?: string}}
   */
  draw(moment) {
    const { stage, run, events, picture, metrics } = moment;
    const huge = stage.data.size > HUGE;
    const now = performance.now();
    if (run !== this.run) this._begin(run);
    this.last = moment;
    if (!this.preview) this.changes.show();
    const known = cityEvents(events).filter(
      (event) => !picture || (metrics[event.at]?.k ?? 0) <= picture.k,
    );
    const key = `${run} ${known.length}`;
    if (key !== this.shownOf) {
      this.shown = citiesAfter(stage.data, known);
      this.shownOf = key;
      // A city in a hand stays there; what the race tells is what was done.
      if (!this.preview && !this.hands.dragging) this.draft = null;
    } else if (this.draft && !this.preview && now > this.draftUntil) this.draft = null; // refused
    if (!this.preview && this.api.live()) this._hear(known, stage);
    if (this.told !== known.length && this.api.live() && !this.hands.dragging) {
      if (known.length > this.told) this.api.tellCities(this._instance(this.shown, stage.data));
      this.told = known.length;
    }
    this._arrange(stage.lanes);
    if (!this.preview) this._count(moment);
    if (!huge || now - this.drawnAt > HUGE_MS) {
      this.drawnAt = now;
      this._paint();
    } else this._soon(HUGE_MS);
    return { note: this._note(), summary: this._summary(moment) };
  }

  /**
   * A race tells of what was done to its cities.
   * @param {any[]} known edits
   * @param {any} stage
   */
  _hear(known, stage) {
    if (known.length <= this.heard) return;
    let cities = citiesAfter(stage.data, known.slice(0, this.heard));
    for (const edit of known.slice(this.heard)) {
      this.changes.took(cities, edit);
      cities = editCities(cities, edit);
    }
    this.heard = known.length;
    this.changes.told();
  }

  /** @param {number} run */
  _begin(run) {
    this.run = run;
    this.ages = [];
    this.seen = -1;
    this.told = 0;
    this.heard = 0;
    this.shownOf = "";
    if (!this.preview) {
      this.draft = null;
      this.view = null;
      this.changes.forget();
    }
    this.changes.restored = null;
    this.hands.forget();
  }

  /** Count the ages of edges up to a moment. @param {FrameView} moment */
  _count({ stage, picture, metrics }) {
    if (!picture) return;
    const lanes = stage.lanes.length;
    while (this.ages.length < lanes) this.ages.push(new EdgeAges());
    const history = this.api.history();
    const back = picture.k < this.seen;
    if (back) for (const ages of this.ages) ages.clear();
    const huge = stage.data.size > HUGE;
    const pictures = history.picturesBetween(
      back ? -1 : this.seen,
      picture.k,
      huge ? HUGE_SEEN : MOST_SEEN,
    );
    for (const one of pictures) {
      const row = metrics[history.indexOf(one.k)] ?? metrics.at(-1);
      one.lanes.forEach((/** @type {any} */ lane, /** @type {number} */ i) => {
        const tour = (lane.current ?? lane.best)?.data;
        if (tour) this.ages[i].see(tour, row.lanes[i]?.progress ?? 0);
      });
    }
    this.seen = picture.k;
  }

  /** Draw soon, for what a hand does here. @param {number} wait ms */
  _soon(wait = 0) {
    if (this.frame) return;
    const paint = () => {
      this.frame = 0;
      this.drawnAt = performance.now();
      if (this.data) this._arrange(this.last?.stage.lanes ?? []);
      this._paint();
      const place = this.element.parentElement?.querySelector(".kv-note");
      const note = this._note();
      if (place && this.data && place.textContent !== note) place.textContent = note;
    };
    this.frame = wait
      ? Number(setTimeout(() => (this.frame = requestAnimationFrame(paint)), wait))
      : requestAnimationFrame(paint);
  }

  /** The plane and the cities' places on it. */
  _survey() {
    const { cities, data } = this;
    const geographic = Boolean(data?.geographic);
    let { ground } = this;
    if (!ground || ground.key !== cities || ground.geographic !== geographic) {
      // A city that is dragged must not move the whole map: the plane stays while it is.
      const held = this.hands.dragging ? ground : null;
      const flat = held?.flat ?? flatten(cities, geographic);
      const places = placesOn(cities, flat);
      const extent = held?.extent ?? extentOf(places);
      ground = { key: cities, geographic, flat, places, extent, twins: duplicates(cities) };
      this.ground = ground;
    }
    if (geographic && !this.coast && !this.asked) {
      this.asked = true;
      this.api.coastline().then(
        (coast) => {
          this.coast = coast;
          this._soon();
        },
        () => {}, // the map is good without
      );
    }
    return ground;
  }

  /** @param {HTMLCanvasElement} canvas */
  _fit(canvas) {
    const { extent } = this._survey();
    return fit(extent, this.view, canvas.clientWidth, canvas.clientHeight);
  }

  _paint() {
    if (!this.data) return;
    this.canvases.forEach((canvas, place) => {
      const paint = fitCanvas(canvas);
      if (!paint) return;
      const ratio = canvas.width / canvas.clientWidth;
      paint.setTransform(ratio, 0, 0, ratio, 0, 0);
      paint.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
      this._paintMap(paint, canvas, this._over ? this.colours.map((_, i) => i) : [place]);
    });
    this._captions();
    this._tell();
  }

  /** Say on the page's root how many cities there are, and stops on the lanes' tours. */
  _tell() {
    const root = this.element.closest(".kelvin");
    if (!(root instanceof HTMLElement)) return;
    const lanes = (!this.preview && this.last?.picture?.lanes) || [];
    const said = {
      cities: String(this.cities.x.length),
      parts: lanes.map((/** @type {any} */ lane) => lane.best?.data.length ?? 0).join(),
    };
    for (const name of /** @type {const} */ (["cities", "parts"]))
      if (root.dataset[name] !== said[name]) root.dataset[name] = said[name];
  }

  get _over() {
    return this.mode === "over" && (this.last?.stage.lanes.length ?? 1) > 1 && !this.preview;
  }

  /**
   * @param {CanvasRenderingContext2D} paint
   * @param {HTMLCanvasElement} canvas
   * @param {number[]} lanes those on this map
   */
  _paintMap(paint, canvas, lanes) {
    const { flat, places, twins, extent } = this._survey();
    const at = this._fit(canvas);
    const spacing = spacingOf(extent, places.u.length, at);
    const { theme, last } = this;
    if (flat.geographic && this.coast) paintCoast(paint, this.coast, flat, at, theme);
    const n = places.u.length;
    const there = !this.preview && last?.picture ? last.picture.lanes : [];
    const fits = (/** @type {any} */ tour) => tour?.data.length === n;
    const has = this._optimum();
    for (const i of lanes) {
      const tours = there[i];
      if (!tours) continue;
      const colour = this.colours[i];
      const tour = fits(tours.current) ? tours.current.data : null;
      const how = { tour, places, fit: at, turn: flat.turn, colour, theme, spacing };
      if (this.moves && tour && this.moves(paint, i, how)) continue;
      if (fits(tours.current) && !this._over)
        paintTour(paint, tours.current.data, places, at, flat.turn, {
          colour: tinted(theme.surface, theme.text, theme.dark ? 0.3 : 0.2),
          width: 0.8 * thinness(spacing),
        });
      if (tours.band && !this.shown.edited)
        paintBand(paint, tours.band.data, flat, at, { colour, paper: theme.surface });
      if (!fits(tours.best)) continue;
      paintAged(paint, tours.best.data, places, at, flat.turn, {
        ages: this.ages[i] ?? new EdgeAges(),
        now: last?.metric.lanes[i]?.progress ?? 0,
        colour,
        paper: theme.surface,
        spacing,
        ended: Boolean(last?.metric.lanes[i]?.finished),
      });
      if (this.different && has) {
        paintTour(
          paint,
          tours.best.data,
          places,
          at,
          flat.turn,
          { colour: theme.surface, width: 6 },
          (one, other) => !has(one, other),
        );
        paintTour(
          paint,
          tours.best.data,
          places,
          at,
          flat.turn,
          { colour: theme.text, width: 2.2, dash: [5, 4] },
          (one, other) => !has(one, other),
        );
      }
    }
    paintCities(paint, places, at, theme, spacing);
    this._twins(paint, twins, at);
    const { selected } = this.hands;
    if (selected !== null && selected < n)
      paintRing(paint, at.left(places.u[selected]), at.top(places.v[selected]), {
        colour: theme.text,
        surface: theme.surface,
      });
  }

  /**
   * How many cities stand in one place, where they are several and there is room to say so.
   * @param {CanvasRenderingContext2D} paint
   * @param {Map<string, number[]>} twins
   * @param {ReturnType<typeof fit>} at
   */
  _twins(paint, twins, at) {
    if (!twins.size || twins.size > 40) return;
    const { places } = this._survey();
    paint.font = `600 11px ${this.theme.font}`;
    paint.textBaseline = "middle";
    paint.lineJoin = "round";
    for (const there of twins.values()) {
      const [x, y] = [at.left(places.u[there[0]]) + 6, at.top(places.v[there[0]]) - 6];
      const text = t("routes.twins", { count: there.length });
      paint.strokeStyle = this.theme.surface;
      paint.lineWidth = 3;
      paint.strokeText(text, x, y);
      paint.fillStyle = this.theme.faint;
      paint.fillText(text, x, y);
    }
  }

  /** Whether two cities are next to each other in the tour that is known to be the best. */
  _optimum() {
    const answer = this.last?.stage.data.answer;
    if (!answer || this.preview || this.shown.edited) return null;
    const { optimum } = this;
    if (optimum && optimum.key === answer) return optimum.has;
    const has = edgesOf(answer.data);
    this.optimum = { key: answer, has };
    return has;
  }

  /** How long each lane's tour is, and how many of its edges are not in the best that is known. */
  _captions() {
    const has = this._optimum();
    const { differ, whole, pencil } = /** @type {Record<string, HTMLElement>} */ (
      /** @type {unknown} */ (this)
    );
    differ.hidden = !has;
    const group = /** @type {HTMLElement} */ (differ.parentElement);
    // Of a race that runs, cities can be changed without further ado.
    pencil.hidden = !this.data?.editable || this.editable || this._alone;
    group.hidden = differ.hidden && whole.hidden && pencil.hidden;
    const { last } = this;
    this.canvases.forEach((canvas, i) => {
      const figure = /** @type {HTMLElement} */ (canvas.closest("figure"));
      const row = last?.metric.lanes[i];
      const tour = last?.picture?.lanes[i]?.best?.data;
      const parts = [];
      if (!this.preview && !this._over && row && last) {
        // The card over a large map tells the numbers.
        if (!this.element.closest("[data-hero] .kv-hero")) {
          parts.push(lengthWithUnit(row.loss, last.stage.data));
          if (row.gap !== null) parts.push(formatGap(row.gap));
        }
        if (this.different && has && tour) {
          let count = 0;
          for (let j = 0; j < tour.length; j++)
            if (!has(tour[j], tour[(j + 1) % tour.length])) count++;
          parts.push(t(count === 1 ? "routes.edges-apart-one" : "routes.edges-apart", { count }));
        }
      }
      put(figure.querySelector("figcaption span"), parts.join(" · "));
    });
  }

  /** What stands beside the panel's title. */
  _note() {
    const { data, preview } = this;
    if (!data) return "";
    return [
      preview ? t("routes.note-next", { label: preview.label }) : "",
      data.guessed ? t("routes.note-guessed") : "",
      this.editable ? t("routes.note-edit") : "",
    ]
      .filter(Boolean)
      .join(" · ");
  }

  /** @param {FrameView} moment */
  _summary({ stage, metric }) {
    const { preview } = this;
    if (preview)
      return t("routes.summary-next", { label: preview.label, count: this.cities.x.length });
    const said = stage.lanes.map((/** @type {any} */ lane, /** @type {number} */ i) =>
      t(metric.lanes[i].gap === null ? "routes.summary-lane" : "routes.summary-lane-gap", {
        label: lane.label,
        length: lengthWithUnit(metric.lanes[i].loss, stage.data),
        gap: formatGap(metric.lanes[i].gap),
      }),
    );
    return `${t("routes.summary-map", { count: this.cities.x.length })} ${said.join("; ")}.`;
  }

  // Buttons and figures.

  _tools() {
    this.modes = document.createElement("span");
    this.modes.className = "kv-choice";
    this.modes.setAttribute("role", "group");
    this.modes.setAttribute("aria-label", t("routes.drawn-as"));
    for (const mode of /** @type {const} */ (["side", "over"])) {
      const button = tool(`map-${mode}`, t(`routes.mode-${mode}`), t(`routes.mode-${mode}-hint`));
      button.onclick = () => {
        this.mode = mode;
        this.built = "";
        this.api.redraw();
        this._soon();
      };
      this.modes.append(button);
    }
    const more = document.createElement("span");
    more.className = "kv-choice";
    this.differ = tool("map-differ", t("routes.differ"), t("routes.differ-hint"));
    this.differ.hidden = true;
    this.differ.setAttribute("aria-pressed", "false");
    this.differ.onclick = () => {
      this.different = !this.different;
      this.differ?.setAttribute("aria-pressed", String(this.different));
      this._soon();
    };
    this.whole = tool("map-whole", t("routes.whole"), t("routes.whole-hint"));
    this.whole.hidden = true;
    this.whole.onclick = () => this._see(null);
    this.pencil = tool("map-edit", t("routes.edit"), t("routes.edit-hint"));
    this.pencil.hidden = true;
    this.pencil.onclick = () => {
      const { last } = this;
      if (!last) return;
      this.changes.begin(last.stage.experiment.instance);
      this.draft = editCities(this.shown, {});
      this.draftUntil = performance.now() + ANSWER_MS;
      this.api.tellCities(ownInstance(this.shown, last.stage.data));
    };
    more.append(this.differ, this.pencil, this.whole);
    this.tools.append(this.modes, more);
  }

  /**
   * Draw one move of every lane, or the tours again.
   * @param {MovePainter | null} moves
   */
  showMoves(moves) {
    if (!moves && !this.moves) return;
    this.moves = moves;
    this.legend.style.visibility = moves ? "hidden" : "";
    if (this.data) this._paint();
  }

  /** What strong and pale edges mean. */
  _legend() {
    const legend = document.createElement("p");
    legend.className = "kv-ages";
    legend.dataset.testid = "ages";
    const young = document.createElement("span");
    young.textContent = t("routes.age-new");
    const old = document.createElement("span");
    old.textContent = t("routes.age-old", { share: Math.round(100 * AGES[AGES.length - 1]) });
    const strokes = document.createElement("span");
    strokes.className = "kv-strokes";
    strokes.setAttribute("aria-hidden", "true");
    strokes.append(...SHADES.map(() => document.createElement("i")));
    const faint = document.createElement("span");
    faint.className = "kv-present-tour";
    faint.append(document.createElement("i"), t("routes.present"));
    legend.append(young, strokes, old, faint);
    this.strokes = strokes;
    this.faint = faint;
    this._dressLegend();
    return legend;
  }

  _dressLegend() {
    if (!this.strokes || !this.faint) return;
    const { surface, text, dark } = this.theme;
    [...this.strokes.children].forEach((one, i) => {
      const { style } = /** @type {HTMLElement} */ (one);
      style.height = `${WIDTHS[i] * 1.2}px`;
      style.background = tinted(surface, text, SHADES[i]);
    });
    const line = /** @type {HTMLElement} */ (this.faint.firstChild);
    line.style.background = tinted(surface, text, dark ? 0.3 : 0.2);
  }

  /**
   * One map for each lane, or one for all.
   * @param {any[]} lanes
   */
  _arrange(lanes) {
    const count = this._over || this.preview ? 1 : Math.max(1, lanes.length);
    const key = JSON.stringify([
      this.run,
      count,
      this._over,
      Boolean(this.preview),
      lanes.map(({ label }) => label),
    ]);
    if (key === this.built) return;
    this.built = key;
    const [side, over] = /** @type {HTMLElement[]} */ ([
      .../** @type {HTMLElement} */ (this.modes).children,
    ]);
    side.setAttribute("aria-pressed", String(!this._over));
    over.setAttribute("aria-pressed", String(this._over));
    /** @type {HTMLElement} */ (this.modes).hidden = lanes.length < 2 || Boolean(this.preview);
    this.element.dataset.lanes = String(count);
    this.element.toggleAttribute("data-over", this._over);
    while (this.canvases.length > count) this.canvases.pop()?.closest("figure")?.remove();
    while (this.canvases.length < count) this.maps.append(this._figure(this.canvases.length));
    this.canvases.forEach((canvas, i) => {
      const figure = /** @type {HTMLElement} */ (canvas.closest("figure"));
      const lane = count > 1 || lanes.length === 1 ? lanes[i] : null;
      const name = /** @type {HTMLElement} */ (figure.querySelector("figcaption b"));
      name.replaceChildren(...(lane && !this.preview ? nameElements(lane, `${SHAPES[i]} `) : []));
      figure.style.setProperty("--lane", `var(--lane-${i})`);
      const kick = /** @type {HTMLButtonElement} */ (figure.querySelector(".kv-kick"));
      kick.hidden = !lane || Boolean(this.preview) || !(lane.kicks ?? lane.sees !== "model");
      if (lane) kick.setAttribute("aria-label", t("routes.kick-name", { lane: lane.label }));
      canvas.setAttribute(
        "aria-label",
        t(this.data?.editable ? "routes.map-name-edit" : "routes.map-name", {
          label: lane?.label ?? this.data?.label ?? "",
        }),
      );
    });
  }

  /** @param {number} i */
  _figure(i) {
    const figure = document.createElement("figure");
    const box = document.createElement("div");
    box.className = "kv-canvas";
    const canvas = document.createElement("canvas");
    canvas.dataset.testid = `map-${i}`;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    const caption = document.createElement("figcaption");
    const kick = tool(`kick-${i}`, t("routes.kick"), t("routes.kick-hint"));
    kick.className = "kv-kick";
    kick.onclick = () => this.api.command({ do: "kick", lane: i });
    caption.append(document.createElement("b"), document.createElement("span"), kick);
    box.append(canvas);
    figure.append(box, caption);
    this.canvases.push(canvas);
    this.hands.wire(canvas);
    canvas.addEventListener("pointermove", (event) => this._hover(canvas, event));
    canvas.addEventListener("pointerleave", () => (this.tip.hidden = true));
    canvas.addEventListener("blur", () => this.hands.select(null));
    canvas.addEventListener("dblclick", () => this.view && this._see(null));
    canvas.addEventListener("wheel", (event) => this._wheel(canvas, event), { passive: false });
    this._pinch(canvas);
    return figure;
  }

  // What is under a pointer.

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{clientX: number, clientY: number}} event
   * @param {number} reach px
   * @returns {number | null}
   */
  _cityAt(canvas, event, reach) {
    if (!this.data) return null;
    const bounds = canvas.getBoundingClientRect();
    const at = this._fit(canvas);
    const { u, v } = this._survey().places;
    const [x, y] = [at.u(event.clientX - bounds.left), at.v(event.clientY - bounds.top)];
    let [found, near] = [/** @type {number | null} */ (null), (reach / at.scale) ** 2];
    for (let i = 0; i < u.length; i++) {
      const far = (u[i] - x) ** 2 + (v[i] - y) ** 2;
      if (far <= near) [found, near] = [i, far];
    }
    return found;
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{clientX: number, clientY: number}} event
   * @returns {[number, number]}
   */
  _placeAt(canvas, event) {
    const bounds = canvas.getBoundingClientRect();
    const at = this._fit(canvas);
    const inside = (/** @type {number} */ value, /** @type {number} */ size) =>
      Math.max(2, Math.min(size - 2, value));
    const [x, y] = this._survey().flat.back(
      at.u(inside(event.clientX - bounds.left, bounds.width)),
      at.v(inside(event.clientY - bounds.top, bounds.height)),
    );
    const step = 10 ** Math.floor(Math.log10(this._span() / FINEST));
    const whole = (/** @type {number} */ value) =>
      Number((Math.round(value / step) * step).toPrecision(12));
    return [whole(x), whole(y)];
  }

  /** How wide a stretch of coordinates is seen. */
  _span() {
    const [canvas] = this.canvases;
    return canvas ? canvas.clientWidth / this._fit(canvas).scale : 1;
  }

  /**
   * The nearest city in a direction.
   * @param {number | null} from
   * @param {number} dx
   * @param {number} dy up
   */
  _next(from, dx, dy) {
    const { u, v } = this._survey().places;
    if (!u.length) return null;
    if (from === null || from >= u.length) return 0;
    let [found, near] = [from, Infinity];
    for (let i = 0; i < u.length; i++) {
      const [x, y] = [u[i] - u[from], v[i] - v[from]];
      const along = x * dx + y * dy;
      const aside = Math.abs(x * dy) + Math.abs(y * dx);
      if (i === from || along <= 0 || aside > 2 * along) continue;
      const far = along + 2 * aside;
      if (far < near) [found, near] = [i, far];
    }
    return found;
  }

  /** What a city is called. @param {number} i */
  _called(i) {
    const { cities, data } = this;
    const name = cities.names?.[i] || t("routes.city", { number: i + 1 });
    const place = data?.geographic
      ? t("routes.at-earth", { lat: cities.y[i].toFixed(2), lon: cities.x[i].toFixed(2) })
      : t("routes.at", { x: formatNumber(cities.x[i]), y: formatNumber(cities.y[i]) });
    const there = this._survey().twins.get(`${cities.x[i]} ${cities.y[i]}`);
    return [
      name,
      data?.guessed ? "" : place,
      there ? t("routes.twins", { count: there.length }) : "",
    ]
      .filter(Boolean)
      .join(" · ");
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {PointerEvent} event
   */
  _hover(canvas, event) {
    const city = this.hands.dragging ? null : this._cityAt(canvas, event, NEAR);
    canvas.style.cursor =
      city !== null && this.editable ? "grab" : this.editable ? "crosshair" : "";
    this.tip.hidden = city === null;
    if (city === null) return;
    put(this.tip, this._called(city));
    const bounds = this.element.getBoundingClientRect();
    this.tip.style.left = `${Math.max(4, Math.min(event.clientX - bounds.left + 12, bounds.width - this.tip.offsetWidth - 4))}px`;
    this.tip.style.top = `${Math.max(2, event.clientY - bounds.top - 34)}px`;
  }

  /** @param {number | null} city */
  _select(city) {
    this.said.textContent = city === null ? "" : this._called(city);
    this._soon();
  }

  // What a hand does.

  /**
   * @param {import("../../data/cities.js").CityEdit} edit
   * @param {boolean} ends
   */
  _edit(edit, ends) {
    if (!this.editable) return;
    const { preview } = this;
    this.tip.hidden = true;
    // A race may refuse it: what it has taken it tells of.
    if (preview) this.changes.note(this.cities, edit, ends, preview.config);
    else this.changes.ask(edit, ends, false, this._original());
    this._apply(edit, ends);
  }

  /**
   * @param {import("../../data/cities.js").CityEdit} edit
   * @param {boolean} ends
   */
  _apply(edit, ends) {
    this.draft = editCities(this.cities, edit);
    this.draftUntil = performance.now() + ANSWER_MS;
    if (this.preview) {
      if (ends) this._retell(this._instance(this.draft, this.preview));
    } else this.api.command({ do: "cities", move: [], drop: [], add: [], ...edit });
    this._soon();
  }

  /** Tell of the cities of the next race. @param {any} config as experiments name them */
  _retell(config) {
    if (this.preview) this.preview = { ...this.preview, config };
    this.api.tellCities(config);
  }

  /** Take the last edit back; with the first of them the cities may be what they were. */
  _undo() {
    const edit = this.changes.edits.last();
    if (edit && !this.editable) return this.changes.show();
    if (edit && !this.preview) {
      this.changes.ask(edit, true, true, null);
      return this._apply(edit, true);
    }
    const instance = this.changes.back();
    if (edit) this._apply(edit, true);
    else if (instance) {
      this.draft = null;
      this._retell(instance);
    }
  }

  /**
   * The instance that a race's cities are so far. After a reload nobody knows any more what cities
   * that were changed before had been.
   */
  _original() {
    return this.cities.edited ? null : (this.last?.stage.experiment.instance ?? null);
  }

  /**
   * The instance that cities are, as an experiment names it.
   * @param {Cities} cities
   * @param {import("../../data/cities.js").Measured} data
   */
  _instance(cities, data) {
    return this.changes.restored ?? ownInstance(cities, data);
  }

  // Which part is seen.

  /** @param {import("./projection.js").View | null} view */
  _see(view) {
    this.view = view;
    /** @type {HTMLElement} */ (this.whole).hidden = !view;
    this._soon();
  }

  /**
   * @param {number} dx px
   * @param {number} dy
   */
  _pan(dx, dy) {
    if (!this.view || !this.canvases[0]) return;
    const { scale } = this._fit(this.canvases[0]);
    this._see({ ...this.view, u: this.view.u - dx / scale, v: this.view.v + dy / scale });
  }

  /**
   * Two fingers on a trackpad, or the wheel with Ctrl: without it the wheel scrolls the page.
   * @param {HTMLCanvasElement} canvas
   * @param {WheelEvent} event
   */
  _wheel(canvas, event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this._zoom(canvas, event, Math.exp(-event.deltaY * WHEEL * (event.deltaMode ? 20 : 1)));
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{clientX: number, clientY: number}} event
   * @param {number} factor
   */
  _zoom(canvas, event, factor) {
    const bounds = canvas.getBoundingClientRect();
    const at = this._fit(canvas);
    this._see(
      zoomed(
        this._survey().extent,
        this.view,
        factor,
        at.u(event.clientX - bounds.left),
        at.v(event.clientY - bounds.top),
      ),
    );
  }

  /** Two fingers on a touch screen. @param {HTMLCanvasElement} canvas */
  _pinch(canvas) {
    let apart = 0;
    const between = (/** @type {TouchList} */ [a, b]) =>
      Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
    canvas.addEventListener(
      "touchstart",
      (event) => {
        if (event.touches.length !== 2) return;
        event.preventDefault();
        this.hands.forget();
        apart = between(event.touches);
      },
      { passive: false },
    );
    canvas.addEventListener(
      "touchmove",
      (event) => {
        if (event.touches.length !== 2 || !apart) return;
        event.preventDefault();
        const [a, b] = event.touches;
        const now = between(event.touches);
        const middle = {
          clientX: (a.clientX + b.clientX) / 2,
          clientY: (a.clientY + b.clientY) / 2,
        };
        this._zoom(canvas, middle, now / apart);
        apart = now;
      },
      { passive: false },
    );
  }

  reset() {
    this.built = "";
    this.seen = -1;
    for (const ages of this.ages) ages.clear();
    this.told = 0;
    this.shownOf = "";
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    this.resized.disconnect();
    this.hands.forget();
    delete this.element.dataset.lanes;
    this.element.removeAttribute("data-over");
    const root = this.element.closest(".kelvin");
    for (const name of ["cities", "parts"]) root?.removeAttribute(`data-${name}`);
  }
}

/**
 * @param {string} id
 * @param {string} text
 * @param {string} hint
 */
function tool(id, text, hint) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.testid = id;
  button.textContent = text;
  button.title = hint;
  return button;
}

/** @param {Preview} instance @returns {Cities} */
function previewCities({ points, names }) {
  return {
    x: points.map((one) => one[0]),
    y: points.map((one) => one[1]),
    names,
    edited: false,
  };
}

/**
 * Whether cities stand in the same places.
 * @param {Cities} a
 * @param {Cities} b
 */
function alike(a, b) {
  const near = (/** @type {number} */ one, /** @type {number} */ other) =>
    Math.abs(one - other) <= 1e-5 * Math.max(1e-9, Math.abs(one));
  return a.x.length === b.x.length && a.x.every((x, i) => near(x, b.x[i]) && near(a.y[i], b.y[i]));
}

/**
 * @param {Element | null} element
 * @param {string} text
 */
function put(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}
