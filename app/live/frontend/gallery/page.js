/** The gallery: what there is, what is chosen, and what is done with it. */

import { readTheme } from "../charts/theme.js";
import { tell } from "../core/attributes.js";
import { fetchOrFail, isExpected, messageFor, reportDefect, UserError } from "../data/errors.js";
import { ownName } from "../data/recording_source.js";
import {
  deleteRecording,
  exportRecording,
  fileName,
  getRecording,
  importRecording,
  isPersistent,
  keepRecording,
  listRecordings,
  MOST_RECENT,
  onChange,
  Refusal,
  renameRecording,
  restoreRecording,
  SUFFIX,
} from "../data/recording_store.js";
import { tellOfRaceLeft } from "../data/tab_session.js";
import { download } from "../export/files.js";
import { importPlaylist, isPlaylistFile } from "../export/playlist.js";
import { setTexts, t } from "../i18n/i18n.js";
import { card } from "./card.js";
import { Comparison } from "./comparison.js";
import { make } from "./dom.js";
import { dropZone } from "./drop_zone.js";
import { facets, matches, sorted } from "./filter.js";
import { KeptRaces } from "./kept_races.js";
import { Notices } from "./notices.js";
import { Selection, tabStorage } from "./selection.js";
import { readSeries } from "./series.js";
import { Playlists } from "./playlists.js";
import { template } from "./template.js";

/** @typedef {import("./filter.js").Item} Item */

const GROUPS = /** @type {const} */ (["yours", "recent", "shipped"]);

export class GalleryPage {
  /**
   * @param {HTMLElement} parent
   * @param {any} data what Python handed over
   */
  constructor(parent, data) {
    setTexts(data.text);
    this.data = data;
    this.root = make("div", { class: "kelvin-gallery", "data-testid": "gallery" });
    this.root.innerHTML = template();
    parent.append(this.root);
    this.get = (/** @type {string} */ part) =>
      /** @type {HTMLElement} */ (this.root.querySelector(`[data-part="${part}"]`));
    /** @type {Item[]} */ this.own = [];
    /** @type {Item[]} */ this.shipped = [];
    this.ready = this.lost = false;
    this.lasting = true;
    this.dark = this.away = false;
    /** @type {string} the theme that everything is drawn in */ this.dressed = "";
    this.choice = /** @type {import("./filter.js").Choice} */ ({
      search: "",
      data: new Set(),
      methods: new Set(),
      sort: "newest",
    });
    this.selection = new Selection(tabStorage());
    /** @type {Map<string, import("./series.js").Series>} */ this.series = new Map();
    /** @type {Set<string>} */ this.reading = new Set();
    this.notices = new Notices(this.get("notices"), this.get("search"));
    this.comparison = new Comparison(this.get("compare"), data, this.selection, {
      remove: (key) => this._compare(key, false),
      clear: () => this._clearSelection(),
    });
    this.deeds = {
      compare: (/** @type {Item} */ { key }, /** @type {boolean} */ wanted) =>
        this._compare(key, wanted),
      keep: (/** @type {Item} */ item) => this._try(() => this._keep(item)),
      rename: (/** @type {Item} */ { id }, /** @type {string} */ name) =>
        this._try(() => renameRecording(id, name)),
      save: (/** @type {Item} */ item) =>
        this._try(async () => download(await this._file(item), fileName(item.name))),
      remove: (/** @type {Item} */ item) => this._try(() => this._remove(item)),
    };
    this.playlists = new Playlists(this.root, data, {
      say: (sentence, how) => this.say(sentence, how),
      attempt: (deed) => this._try(deed),
      ticked: () => this.compared,
    });
    this.kept = new KeptRaces(this.get("kept"), data.base, {
      say: (sentence) => void this.say(sentence),
      attempt: (deed) => this._try(deed),
      changed: () => this.draw(),
    });
    document.documentElement.dataset.kelvinGallery = "";
    this._wire();
    this._begin();
  }

  _wire() {
    const search = /** @type {HTMLInputElement} */ (this.get("search"));
    search.oninput = () => this._choose({ search: search.value });
    const sort = /** @type {HTMLSelectElement} */ (this.get("sort"));
    sort.onchange = () =>
      this._choose({ sort: /** @type {import("./filter.js").Order} */ (sort.value) });
    this.get("clear-filters").onclick = () => {
      search.value = "";
      this._choose({ search: "", data: new Set(), methods: new Set() });
      search.focus();
    };
    const file = /** @type {HTMLInputElement} */ (this.get("file"));
    this.get("import").onclick = () => file.click();
    file.onchange = async () => {
      await this.take([...(file.files ?? [])]);
      file.value = "";
    };
    this.get("jump").onclick = () => {
      const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      this.get("compare").scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
      /** @type {HTMLElement} */ (this.root.querySelector("#kg-side")).focus({
        preventScroll: true,
      });
    };
    this.seen = new IntersectionObserver(([entry]) => {
      this.away = !entry.isIntersecting;
      this._jump();
    });
    this.seen.observe(this.get("compare"));
    this.ends = [
      onChange(() => this.refresh()),
      dropZone(this.get("drop"), (files) => this.take(files)),
    ];
    const scheme = window.matchMedia("(prefers-color-scheme: dark)");
    // Streamlit follows the system's scheme without another run of the script; its colours are
    // there a moment later.
    const dressLater = () => void setTimeout(() => this.dress(), 300);
    scheme.addEventListener("change", dressLater);
    this.ends.push(() => scheme.removeEventListener("change", dressLater));
  }

  async _begin() {
    for (const group of GROUPS)
      this._part(group, "about").textContent = t(`gallery.${group}-about`, { most: MOST_RECENT });
    this.lasting = await isPersistent();
    this.get("warning").textContent = this.lasting ? "" : t("gallery.not-lasting");
    this.get("warning").hidden = this.lasting;
    try {
      const answer = await fetchOrFail(`${this.data.base}/kelvin/recordings.json`);
      this.shipped = (await answer.json()).map((/** @type {any} */ { name, title, ...rest }) => ({
        ...rest,
        key: name,
        id: name,
        own: false,
        kept: true,
        name: title,
        made: null,
      }));
    } catch (error) {
      if (!isExpected(error)) this.say(reportDefect(error), { problem: true });
      this.lost = true; // one's own recordings are there without the server
    }
    await this.refresh(true);
    await this.kept.refresh();
    await this.playlists.begin();
    tell(this.root, { ready: true });
    tellOfRaceLeft("gallery", (sentence) => this.say(sentence));
  }

  /**
   * Read the visitor's own recordings anew and draw everything.
   * @param {boolean} ready whether all that there is is known from now on
   */
  async refresh(ready = this.ready) {
    this.own = (await listRecordings()).map((record) => ({
      ...record,
      key: ownName(record.id),
      own: true,
    }));
    this.ready = ready;
    this.draw();
  }

  get items() {
    return [...this.own, ...this.shipped];
  }

  /** Colours and theme, at first and when they change. */
  dress() {
    const theme = readTheme(this.root);
    const as = JSON.stringify(theme);
    if (as === this.dressed) return;
    this.dressed = as;
    this.dark = theme.dark;
    this.root.classList.toggle("kg-dark", theme.dark);
    // Streamlit's variables are those of components alone: its header has none.
    document.documentElement.style.setProperty("--kv-page", theme.background);
    const { palette } = this.data;
    this.comparison.dress(theme, theme.dark ? palette.recordingsOnDark : palette.recordings);
    this.draw();
  }

  get colours() {
    const { palette } = this.data;
    return this.dark ? palette.lanesOnDark : palette.lanes;
  }

  /** What is compared, in the order in which it was ticked. */
  get compared() {
    const by = new Map(this.items.map((item) => [item.key, item]));
    return [...this.selection.places.keys()].flatMap((key) => by.get(key) ?? []);
  }

  draw() {
    if (!this.dressed) return;
    const { items, choice } = this;
    this.playlists.dress(items, this.colours);
    const there = facets(items);
    for (const name of /** @type {const} */ (["data", "methods"])) {
      // What was filtered by and is gone with its last recording must not hide all others.
      for (const value of choice[name])
        if (!there[name].some((facet) => facet.value === value)) choice[name].delete(value);
    }
    const filtered = Boolean(choice.search.trim() || choice.data.size || choice.methods.size);
    const focus = this._focus();
    const found = items.filter((item) => matches(item, choice));
    this._chips("data", there.data);
    this._chips("methods", there.methods);
    this.get("clear-filters").hidden = !filtered;
    const of = {
      yours: (/** @type {Item} */ item) => item.own && item.kept,
      recent: (/** @type {Item} */ item) => item.own && !item.kept,
      shipped: (/** @type {Item} */ item) => !item.own,
    };
    for (const group of GROUPS) this._group(group, found.filter(of[group]), filtered);
    const narrowed = Boolean(choice.data.size || choice.methods.size);
    const { colours } = this;
    const kept = this.kept.draw({ search: choice.search.trim(), filtered, narrowed, colours });
    const none = filtered && !found.length && !kept;
    this.get("no-match").hidden = !none;
    this.get("no-match").textContent = none ? t("gallery.no-match") : "";
    this._drawComparison();
    focus();
  }

  /**
   * @param {string} group
   * @param {string} part
   */
  _part(group, part) {
    return /** @type {HTMLElement} */ (
      this.root.querySelector(`[data-group="${group}"] [data-part="${part}"]`)
    );
  }

  /**
   * @param {typeof GROUPS[number]} group
   * @param {Item[]} items
   * @param {boolean} filtered
   */
  _group(group, items, filtered) {
    const { base } = this.data;
    const mark = (/** @type {string} */ key) => {
      const place = this.selection.places.get(key);
      return place === undefined ? null : this.comparison.colours[place];
    };
    const place = this._part(group, "cards");
    place.replaceChildren(
      ...sorted(items, this.choice.sort).map((item) =>
        card(
          item,
          { colours: this.colours, mark: mark(item.key), base, lasting: this.lasting },
          this.deeds,
        ),
      ),
    );
    place.setAttribute("aria-label", t(`gallery.${group}`));
    this._part(group, "count").textContent = items.length ? String(items.length) : "";
    const empty = this._part(group, "empty");
    empty.hidden = items.length > 0 || !this.ready;
    empty.textContent = t(
      group === "shipped" && this.lost ? "gallery.shipped-lost" : `gallery.${group}-empty`,
    );
    /** @type {HTMLElement} */ (this.root.querySelector(`[data-group="${group}"]`)).hidden =
      filtered && !items.length;
  }

  /**
   * @param {"data" | "methods"} name
   * @param {import("./filter.js").Facet[]} facets
   */
  _chips(name, facets) {
    const place = this.get(name);
    place.hidden = !facets.length;
    place.replaceChildren(
      make("span", {
        class: "kg-faint",
        "aria-hidden": "true",
        text: t(name === "data" ? "gallery.filter-data" : "gallery.filter-method"),
      }),
      ...facets.map(({ value, label, count }) => {
        const chip = make(
          "button",
          {
            type: "button",
            class: "kg-chip",
            "data-key": name,
            "data-do": value,
            "aria-pressed": String(this.choice[name].has(value)),
          },
          label,
          make("small", { text: String(count) }),
        );
        chip.onclick = () => {
          const now = new Set(this.choice[name]);
          if (!now.delete(value)) now.add(value);
          this._choose({ [name]: now });
        };
        return chip;
      }),
    );
  }

  /** @param {Partial<import("./filter.js").Choice>} what */
  _choose(what) {
    this.choice = { ...this.choice, ...what };
    this.draw();
  }

  /**
   * Where the focus is, so that it is found again after everything is drawn anew.
   * @returns {() => void}
   */
  _focus() {
    const at = /** @type {HTMLElement | null} */ (document.activeElement);
    const inside = at && this.root.contains(at);
    const key = inside
      ? /** @type {HTMLElement | null} */ (at.closest("[data-key]"))?.dataset.key
      : undefined;
    const deed = at?.dataset.do;
    return () => {
      if (key === undefined || at?.isConnected) return;
      const again = [
        .../** @type {NodeListOf<HTMLElement>} */ (this.root.querySelectorAll("[data-do]")),
      ].find(
        (one) =>
          one.dataset.do === deed &&
          /** @type {HTMLElement} */ (one.closest("[data-key]")).dataset.key === key,
      );
      again?.focus({ preventScroll: true });
    };
  }

  /**
   * @param {string} key
   * @param {boolean} wanted
   * @returns {boolean} whether it is compared now
   */
  _compare(key, wanted) {
    if (!wanted) {
      this.selection.remove(key);
      this.series.delete(key);
    } else if (!this.selection.add(key)) {
      this.say(t("gallery.too-many"), { problem: true });
      return false;
    }
    this.draw();
    return wanted;
  }

  _clearSelection() {
    this.selection.clear();
    this.series.clear();
    this.draw();
    /** @type {HTMLElement} */ (this.get("search")).focus({ preventScroll: true });
  }

  _drawComparison() {
    const by = new Map(this.items.map((item) => [item.key, item]));
    if (this.ready)
      for (const key of this.selection.keys) if (!by.has(key)) this.selection.remove(key);
    const compared = this.selection.keys.flatMap((key) => {
      const item = by.get(key);
      return item
        ? [
            {
              key,
              name: item.name,
              place: /** @type {number} */ (this.selection.places.get(key)),
              summary: item.summary,
              series: this.series.get(key) ?? null,
            },
          ]
        : [];
    });
    for (const { key } of compared)
      if (!this.series.has(key)) this._read(/** @type {Item} */ (by.get(key)));
    this.comparison.show(compared);
    this._jump();
  }

  /** @param {Item} item */
  async _read(item) {
    if (this.reading.has(item.key)) return;
    this.reading.add(item.key);
    try {
      const series = await readSeries(await this._file(item));
      if (this.selection.places.has(item.key)) this.series.set(item.key, series);
    } catch (error) {
      this.selection.remove(item.key);
      const taken = t("gallery.unread", { name: item.name });
      this.say(
        error instanceof UserError ? `${taken} ${error.message}` : messageFor(error, taken),
        {
          problem: true,
        },
      );
    } finally {
      this.reading.delete(item.key);
    }
    this.draw();
  }

  /**
   * @param {Item} item
   * @returns {Promise<Blob>}
   */
  async _file(item) {
    if (item.own) return exportRecording(item.id);
    const answer = await fetch(
      `${this.data.base}/kelvin/recordings/${encodeURIComponent(item.id)}${SUFFIX}`,
    );
    if (!answer.ok) throw new Refusal(t("gallery.gone"));
    return answer.blob();
  }

  /** @param {Item} item */
  async _keep({ id, name }) {
    await keepRecording(id);
    this.say(t("gallery.kept", { name }));
  }

  /** @param {Item} item */
  async _remove({ id, key, name }) {
    const place = this.selection.places.get(key);
    const record = await deleteRecording(id);
    if (!record) return;
    const note = this.say(t("gallery.deleted", { name }), {
      undo: () => this._try(() => this._restore(record, place)),
    });
    /** @type {HTMLElement} */ (note.querySelector("button")).focus({ preventScroll: true });
  }

  /**
   * @param {import("../data/recording_store.js").Stored} record
   * @param {number | undefined} place it had in the comparison
   */
  async _restore(record, place) {
    await restoreRecording(record);
    if (place !== undefined) this.selection.add(ownName(record.id));
    await this.refresh();
    this.say(t("gallery.restored", { name: record.name }));
    /** @type {HTMLElement | undefined} */ (
      [...this.root.querySelectorAll("[data-testid=card]")]
        .map((one) => /** @type {HTMLElement} */ (one))
        .find((one) => one.dataset.key === ownName(record.id))
        ?.querySelector("[data-do=open]") ?? undefined
    )?.focus();
  }

  /** Import files, one after the other; each that is refused is told. @param {File[]} files */
  async take(files) {
    /** @type {string[]} */ const names = [];
    for (const file of files)
      await this._try(async () => {
        if (await isPlaylistFile(file)) return this.playlists.imported(await importPlaylist(file));
        names.push((await getRecording(await importRecording(file)))?.name ?? file.name);
      });
    if (names.length === 1) this.say(t("gallery.imported", { name: names[0] }));
    else if (names.length) this.say(t("gallery.imported-many", { count: names.length }));
  }

  /**
   * Say something where it is seen.
   * @param {string} sentence
   * @param {{undo?: () => void, problem?: boolean}} [how]
   */
  say(sentence, how) {
    return (this.playlists.notices ?? this.notices).say(sentence, how);
  }

  /** Do something; what goes wrong is told in a line. @param {() => Promise<unknown>} deed */
  async _try(deed) {
    try {
      await deed();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (!isExpected(error)) console.error(error);
      this.say(error instanceof Refusal ? why : t("gallery.failed", { why }), {
        problem: true,
      });
    }
  }

  /** The way to the comparison, where it is out of sight. */
  _jump() {
    const button = this.get("jump");
    const count = this.selection.places.size;
    button.hidden = !this.away || !count;
    button.textContent = `${t("gallery.compared")}: ${t("gallery.compared-count", { count })} ↑`;
  }

  destroy() {
    this.seen?.disconnect();
    for (const end of this.ends ?? []) end();
    this.notices.destroy();
    this.playlists.destroy();
    this.kept.destroy();
    this.comparison.destroy();
    this.root.remove();
    delete document.documentElement.dataset.kelvinGallery;
  }
}
