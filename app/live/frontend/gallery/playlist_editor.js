/**
 * A playlist while it is made: its slides in their order, what is said about each, and how each is
 * shown. A dialog over the gallery; it stores nothing itself.
 */

import { methodColours } from "../charts/method_colours.js";
import { layoutOf } from "../data/layouts.js";
import { LONGEST, MOST_PANELS, MOST_SLIDES, moved, PACES, panelToggled } from "../data/playlist.js";
import { SHAPES } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";
import { PANEL_NAMES, panelTerm } from "../panels/names.js";
import { icon, make } from "./dom.js";
import { Notices } from "./notices.js";

/**
 * @typedef {import("../data/playlist.js").Playlist} Playlist
 * @typedef {import("../data/playlist.js").Slide} Slide
 * @typedef {import("./filter.js").Item} Item
 *
 * @typedef {object} PlaylistActions what the page does with a playlist
 * @property {(playlist: Playlist) => void} start
 * @property {(playlist: Playlist) => Promise<boolean>} save whether it is kept now
 * @property {(playlist: Playlist) => void} page
 * @property {(playlist: Playlist) => void} file
 * @property {(playlist: Playlist) => void} remove
 * @property {() => Slide[]} ticked slides for the recordings that are ticked
 * @property {(playlist: Playlist) => void} left it was closed with changes that are not kept
 */

export class PlaylistEditor {
  /**
   * @param {HTMLElement} place
   * @param {any} data what Python handed over
   * @param {PlaylistActions} actions
   */
  constructor(place, data, actions) {
    this.data = data;
    this.actions = actions;
    /** @type {Playlist | null} */ this.playlist = null;
    /** @type {Map<string, Item>} */ this.items = new Map();
    /** @type {string[]} of the lanes */ this.colours = data.palette.lanes;
    this.kept = "";
    this.dialog = make("dialog", {
      class: "kt-editor",
      "data-testid": "playlist-editor",
      "aria-labelledby": "kt-title",
    });
    place.append(this.dialog);
    const button = (
      /** @type {string} */ what,
      /** @type {Parameters<typeof icon>[0] | null} */ shape,
      /** @type {() => void} */ press,
      kind = "kg-button",
    ) => {
      const made = make(
        "button",
        {
          type: "button",
          class: kind,
          "data-testid": `playlist-${what}`,
          title: t(`playlists.${what}-hint`),
        },
        shape && icon(shape),
        t(`playlists.${what}`),
      );
      made.onclick = press;
      return made;
    };
    const close = make(
      "button",
      {
        type: "button",
        class: "kg-icon",
        "aria-label": t("playlists.close"),
        title: t("playlists.close"),
      },
      icon("close"),
    );
    close.dataset.testid = "playlist-close";
    close.onclick = () => this.close();
    this.name = make("input", {
      type: "text",
      maxlength: String(LONGEST.name),
      "data-testid": "playlist-name",
      autocomplete: "off",
    });
    this.name.oninput = () => this._change({ name: this.name.value });
    this.list = make("ol", { class: "kt-slides", role: "list" });
    this.empty = make("p", { class: "kg-empty", text: t("playlists.empty") });
    this.add = button("add", null, () => this._add());
    this.start = button("start", "play", () => this._now("start"), "kg-button kg-main");
    const notes = make("div", { class: "kg-notices", role: "status", "aria-live": "polite" });
    this.notices = new Notices(notes, this.name);
    this.dialog.append(
      make(
        "header",
        {},
        make("h2", { id: "kt-title", text: t("playlists.editor") }),
        make("label", { class: "kt-name" }, make("span", { text: t("playlists.name") }), this.name),
        close,
      ),
      make("div", { class: "kt-body" }, this.list, this.empty, this.add),
      make(
        "footer",
        {},
        notes,
        this.start,
        button("save", null, () => this._save()),
        button("page", "export", () => this._now("page")),
        button("file", "export", () => this._now("file")),
        button("delete", "delete", () => this._remove(), "kg-button kt-last"),
      ),
    );
    this.dialog.oncancel = (event) => {
      event.preventDefault();
      this.close();
    };
    // A press beside the dialog closes nothing: words would be lost by a slip of the hand.
    this.dialog.onkeydown = (event) => event.stopPropagation();
    // Nor does the tab before the visitor has been asked.
    this.leaving = (/** @type {Event} */ event) => this.unsaved && event.preventDefault();
    addEventListener("beforeunload", this.leaving);
  }

  /**
   * Open a playlist.
   * @param {Playlist} playlist
   * @param {boolean} kept whether it is stored as it is
   */
  open(playlist, kept) {
    this.playlist = structuredClone(playlist);
    this.kept = kept ? JSON.stringify(playlist) : "";
    this.name.value = playlist.name;
    this.draw();
    if (!this.dialog.open) this.dialog.showModal();
    /** @type {HTMLElement | null} */ (this.list.querySelector("input"))?.focus();
  }

  /** What there is in the gallery, and how lanes look. @param {Item[]} items @param {string[]} colours */
  dress(items, colours) {
    this.items = new Map(items.map((item) => [item.key, item]));
    this.colours = colours;
  }

  close() {
    const { playlist } = this;
    if (!playlist) return;
    const left = this.unsaved;
    this._shut();
    if (left) this.actions.left(left);
  }

  _shut() {
    this.playlist = null;
    this.dialog.close();
  }

  /** The playlist that is open, if it has changes that are not kept. */
  get unsaved() {
    return this.playlist?.slides.length && this.changed ? this.playlist : null;
  }

  get changed() {
    return JSON.stringify(this.playlist) !== this.kept;
  }

  /** @param {Partial<Playlist>} what */
  _change(what) {
    this.playlist = { .../** @type {Playlist} */ (this.playlist), ...what };
  }

  /**
   * @param {number} at
   * @param {Partial<Slide>} what
   */
  _slide(at, what) {
    const slides = [.../** @type {Playlist} */ (this.playlist).slides];
    slides[at] = { ...slides[at], ...what };
    this._change({ slides });
  }

  /** @returns {Promise<boolean>} whether the playlist is kept now */
  async _save(quiet = false) {
    const playlist = /** @type {Playlist} */ (this.playlist);
    if (!(await this.actions.save(playlist))) return false;
    this.kept = JSON.stringify(playlist);
    if (!quiet) this.notices.say(t("playlists.saved", { name: playlist.name }));
    return true;
  }

  /** Keep it, and do something with it. @param {"start" | "page" | "file"} what */
  async _now(what) {
    const { playlist } = this;
    if (playlist?.slides.length && (await this._save(true))) this.actions[what](playlist);
  }

  _remove() {
    const playlist = /** @type {Playlist} */ (this.playlist);
    this._shut();
    this.actions.remove(playlist);
  }

  _add() {
    const { slides } = /** @type {Playlist} */ (this.playlist);
    const more = this._ticked();
    this._change({ slides: [...slides, ...more].slice(0, MOST_SLIDES) });
    this.draw();
    /** @type {HTMLElement | null} */ (
      this.list.children[slides.length]?.querySelector("input")
    )?.focus();
  }

  /** Slides for what is ticked and not here yet. */
  _ticked() {
    const there = new Set(this.playlist?.slides.map(({ recording }) => recording));
    return this.actions.ticked().filter(({ recording }) => !there.has(recording));
  }

  /** Draw everything again; the focus stays where it is by its place and what it does. */
  draw() {
    const { playlist } = this;
    if (!playlist) return;
    const { slides } = playlist;
    const rows = methodColours(
      slides.map(({ recording }) =>
        (this.items.get(recording)?.summary.lanes ?? []).map((lane) => lane.optimizer),
      ),
      new Set(this.data.cold),
    );
    this.list.replaceChildren(...slides.map((slide, i) => this._row(slide, i, rows[i])));
    this.empty.hidden = slides.length > 0;
    const more = this._ticked().length;
    this.add.hidden = !more || slides.length >= MOST_SLIDES;
    this.add.textContent = t("playlists.add", { count: more });
    for (const button of this.dialog.querySelectorAll("footer button"))
      if (!button.classList.contains("kt-last"))
        /** @type {HTMLButtonElement} */ (button).disabled = !slides.length;
  }

  /**
   * @param {Slide} slide
   * @param {number} at
   * @param {number[]} places its lanes' colours
   */
  _row(slide, at, places) {
    const number = at + 1;
    const item = this.items.get(slide.recording);
    const row = make("li", { class: "kt-slide", "data-testid": "slide" });
    row.append(
      this._order(slide, at, row),
      make(
        "div",
        { class: "kt-fields" },
        make(
          "p",
          { class: "kt-what" },
          make("b", { text: item?.name ?? slide.called, title: item?.name ?? slide.called }),
          item
            ? make(
                "span",
                { class: "kg-faint" },
                ...item.summary.lanes.flatMap((lane, i) => [
                  make("i", { style: `color: ${this.colours[places[i]]}`, text: SHAPES[i] }),
                  ` ${lane.label} `,
                ]),
              )
            : make("span", { class: "kt-missing", text: t("playlists.missing") }),
        ),
        this._field(slide, at, "title", item?.name ?? slide.called),
        this._field(slide, at, "caption", t("playlists.caption-hint")),
        this._more(slide, at, item),
      ),
    );
    row.setAttribute(
      "aria-label",
      t("playlists.slide", { number, name: item?.name ?? slide.called }),
    );
    return row;
  }

  /**
   * Where it stands: a handle to drag it by, and buttons.
   * @param {Slide} slide
   * @param {number} at
   * @param {HTMLElement} row
   */
  _order(slide, at, row) {
    const { slides } = /** @type {Playlist} */ (this.playlist);
    const name = slide.title || slide.called;
    const button = (
      /** @type {"grip" | "up" | "down" | "delete"} */ what,
      /** @type {() => void} */ press,
      disabled = false,
    ) => {
      const made = make(
        "button",
        {
          type: "button",
          class: `kg-icon kt-${what}`,
          "data-testid": `slide-${what}`,
          "data-what": what,
          "aria-label": t(`playlists.slide-${what}`, { number: at + 1, name }),
          title: t(`playlists.slide-${what}`, { number: at + 1, name }),
          disabled,
        },
        icon(what === "delete" ? "close" : what),
      );
      made.onclick = press;
      return made;
    };
    const grip = button("grip", () => {});
    grip.onkeydown = ({ key }) => {
      if (key === "ArrowUp") this._move(at, at - 1, "grip");
      else if (key === "ArrowDown") this._move(at, at + 1, "grip");
    };
    grip.onpointerdown = (event) => this._drag(event, row);
    return make(
      "div",
      { class: "kt-order" },
      grip,
      make("b", { text: String(at + 1) }),
      button("up", () => this._move(at, at - 1, "up"), at === 0),
      button("down", () => this._move(at, at + 1, "down"), at === slides.length - 1),
      button("delete", () => this._take(at)),
    );
  }

  /**
   * @param {number} from
   * @param {number} to
   * @param {string} what was pressed, and keeps the focus
   */
  _move(from, to, what) {
    const { slides } = /** @type {Playlist} */ (this.playlist);
    if (to < 0 || to >= slides.length) return;
    this._change({ slides: moved(slides, from, to) });
    this.draw();
    const buttons = /** @type {HTMLButtonElement[]} */ (
      [what, "grip"].map((one) => this.list.children[to].querySelector(`[data-what=${one}]`))
    );
    buttons.find((one) => !one.disabled)?.focus();
  }

  /** A slide goes, with a way back. @param {number} at */
  _take(at) {
    const { slides, id } = /** @type {Playlist} */ (this.playlist);
    const [gone] = slides.slice(at, at + 1);
    this._change({ slides: slides.filter((_, i) => i !== at) });
    this.draw();
    const note = this.notices.say(t("playlists.taken", { name: gone.title || gone.called }), {
      undo: () => {
        if (this.playlist?.id !== id) return;
        this._change({
          slides: moved([...this.playlist.slides, gone], this.playlist.slides.length, at),
        });
        this.draw();
      },
    });
    /** @type {HTMLElement} */ (note.querySelector("button")).focus({ preventScroll: true });
  }

  /**
   * A slide follows the pointer: others make room when it passes their middle.
   * @param {PointerEvent} down
   * @param {HTMLElement} row
   */
  _drag(down, row) {
    if (down.button !== 0) return;
    down.preventDefault();
    const { list } = this;
    const from = [...list.children].indexOf(row);
    row.classList.add("kt-dragged");
    const move = (/** @type {PointerEvent} */ { clientY }) => {
      const others = [...list.children].filter((one) => one !== row);
      const next = others.find((one) => {
        const box = one.getBoundingClientRect();
        return clientY < box.top + box.height / 2;
      });
      if ((next ?? null) !== row.nextElementSibling) list.insertBefore(row, next ?? null);
      const body = /** @type {HTMLElement} */ (list.parentElement);
      const edge = body.getBoundingClientRect();
      if (clientY < edge.top + EDGE) body.scrollTop -= STEP;
      else if (clientY > edge.bottom - EDGE) body.scrollTop += STEP;
    };
    const up = (/** @type {PointerEvent} */ event) => {
      for (const [name, heard] of heardOf) removeEventListener(name, heard);
      row.classList.remove("kt-dragged");
      const to = [...list.children].indexOf(row);
      if (event.type === "pointerup" && to !== from) this._move(from, to, "grip");
      else this.draw();
    };
    const heardOf = /** @type {[string, any][]} */ ([
      ["pointermove", move],
      ["pointerup", up],
      ["pointercancel", up],
    ]);
    for (const [name, heard] of heardOf) addEventListener(name, heard);
  }

  /**
   * @param {Slide} slide
   * @param {number} at
   * @param {"title" | "caption"} name
   * @param {string} hint
   */
  _field(slide, at, name, hint) {
    const most = LONGEST[name];
    const about = {
      maxlength: String(most),
      placeholder: hint,
      "data-testid": `slide-${name}`,
      autocomplete: "off",
    };
    const field =
      name === "title"
        ? make("input", { type: "text", ...about })
        : make("textarea", { rows: "2", ...about });
    field.value = slide[name];
    const count = make("small", { "aria-hidden": "true" });
    const told = () => void (count.textContent = `${field.value.length} / ${most}`);
    told();
    field.oninput = () => {
      told();
      this._slide(at, { [name]: field.value });
    };
    return make(
      "label",
      { class: "kt-field" },
      make("span", {}, t(`playlists.${name}`), count),
      field,
    );
  }

  /**
   * Panels and pace, folded away: most slides are good without.
   * @param {Slide} slide
   * @param {number} at
   * @param {Item | undefined} item
   */
  _more(slide, at, item) {
    const layout = layoutOf(item?.summary.kind);
    const title = (/** @type {string} */ name) => t(`live.panel-${panelTerm(name, layout)}`);
    const summary = make("summary", { "data-testid": "slide-more" });
    const chips = make("div", {
      class: "kg-chips",
      role: "group",
      "aria-label": t("playlists.panels"),
    });
    const pace = make("select", { "data-testid": "slide-pace" });
    const draw = () => {
      const { panels, pace: now } = /** @type {Playlist} */ (this.playlist).slides[at];
      summary.textContent = t("playlists.more", {
        panels: panels.length ? panels.map(title).join(", ") : t("playlists.panels-usual"),
        pace: paceName(now),
      });
      const full = panels.length >= MOST_PANELS;
      const focused = /** @type {HTMLElement | null} */ (chips.querySelector(":focus"))?.dataset
        .panel;
      chips.replaceChildren(
        ...PANEL_NAMES[layout].map((name) => {
          const place = panels.indexOf(name);
          const chip = make(
            "button",
            {
              type: "button",
              class: "kg-chip",
              "data-panel": name,
              "data-testid": `slide-panel-${name}`,
              "aria-pressed": String(place >= 0),
              disabled: full && place < 0,
            },
            place >= 0 && make("small", { text: String(place + 1) }),
            title(name),
          );
          chip.onclick = () => {
            const { panels: before, large } = /** @type {Playlist} */ (this.playlist).slides[at];
            const after = panelToggled(before, name);
            this._slide(at, {
              panels: after,
              large: after.includes(large ?? "") ? large : undefined,
            });
            draw();
          };
          return chip;
        }),
      );
      if (focused)
        /** @type {HTMLElement | null} */ (
          chips.querySelector(`[data-panel="${focused}"]`)
        )?.focus();
    };
    const paces = PACES.includes(slide.pace) ? PACES : [...PACES, slide.pace];
    pace.append(...paces.map((one) => make("option", { value: String(one), text: paceName(one) })));
    pace.value = String(slide.pace);
    pace.onchange = () => {
      this._slide(at, { pace: Number(pace.value) });
      draw();
    };
    draw();
    return make(
      "details",
      { class: "kt-more" },
      summary,
      make("p", { class: "kg-faint", text: t("playlists.panels-hint", { most: MOST_PANELS }) }),
      chips,
      make("label", { class: "kt-pace" }, make("span", { text: t("playlists.pace") }), pace),
    );
  }

  destroy() {
    removeEventListener("beforeunload", this.leaving);
    // The visitor went back to another page, where nobody can be asked.
    if (this.unsaved) this.actions.save(this.unsaved);
    this.notices.destroy();
    this.dialog.remove();
  }
}

/** So near to the edge of the list a slide that is dragged scrolls it, by so much. */
const [EDGE, STEP] = [48, 14];

/** @param {number} pace */
function paceName(pace) {
  return PACES.includes(pace)
    ? t(`playlists.pace-${String(pace).replace(".", "-")}`)
    : t("playlists.pace-other", { pace });
}
