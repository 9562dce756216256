/**
 * What can be done with a race beyond watching it: choose the panels, share it, save it, export it,
 * put it on a stage; and the keys.
 */

import { enlarged, toggled } from "../board/layout.js";
import { isExpected, messageFor } from "../data/errors.js";
import { isOwn, nameAt, ownName } from "../data/recording_source.js";
import { isPersistent, saveRecording } from "../data/recording_store.js";
import { rememberReturnAddress } from "../data/tab_session.js";
import { t } from "../i18n/i18n.js";
import { button, openPopover } from "./popover.js";
import { linkBox } from "./qr_code.js";

const ICONS = {
  panels: "M2 2.500h5v5H2zM9 2.500h5v5H9zM2 8.500h5v5H2zM9 8.500h5v5H9z",
  save: "M3 2h8.500L14 4.500V14H2V2zm2 1.300v3h5.500v-3zM8 8.300a2 2 0 1 0 0 4 2 2 0 0 0 0-4z",
  share:
    "M11.700 1.500a2.300 2.300 0 1 1-1.700 3.900L6.300 7.300a2.300 2.300 0 0 1 0 1.400L10 10.600a2.300 2.300 0 1 1-.6 1.200L5.700 9.900a2.300 2.300 0 1 1 0-3.800l3.700-1.900a2.300 2.300 0 0 1 2.300-2.700z",
  export:
    "M7.300 1.500h1.400v7l2.400-2.400 1 1L8 11.200 3.900 7.100l1-1 2.400 2.400zM2.500 10.500h1.400v2.600h8.200v-2.600h1.400v4h-11z",
  present:
    "M1.500 2.500h13v9H9l2.300 3H9.600L8 12.300 6.400 14.500H4.700l2.300-3H1.500zM3 4v6h10V4z",
  help: "M8 1.500a6.500 6.500 0 1 1 0 13 6.500 6.500 0 0 1 0-13zm0 1.400a5.100 5.100 0 1 0 0 10.200A5.100 5.100 0 0 0 8 2.900zM7.300 10.400h1.400v1.400H7.300zM8 4.200c1.400 0 2.500.9 2.500 2.200 0 1.700-1.800 1.800-1.800 3.300H7.300c0-2 1.800-2.200 1.800-3.300 0-.5-.4-.9-1.100-.9s-1.200.5-1.200 1.200H5.400C5.400 5.200 6.500 4.200 8 4.200z",
};
const ENOUGH_FRAMES = 10;
const TOAST_MS = 3200;

/**
 * @typedef {object} Item of the menu of exports
 * @property {string} id
 * @property {string} label
 * @property {string} hint
 * @property {boolean} enabled
 * @property {() => Promise<void>} run
 *
 * @typedef {object} Around what the menu needs of the view around it
 * @property {() => any} data what Python handed over last
 * @property {() => Record<string, string>} address what an address says of the view
 * @property {() => Promise<Item[]>} exports what can be exported now
 * @property {() => void} help
 */

export class Menu {
  /**
   * @param {HTMLElement} place
   * @param {HTMLElement} root of the view
   * @param {import("../data/race_session.js").RaceSession} session
   * @param {import("../board/panel_grid.js").PanelGrid} board
   * @param {Around} around
   */
  constructor(place, root, session, board, around) {
    this.place = place;
    this.session = session;
    this.board = board;
    this.around = around;
    /** @type {WeakSet<object>} histories that are kept already */ this.kept = new WeakSet();
    /** @type {WeakMap<object, string>} what Save has kept them as */ this.saved = new WeakMap();
    /** @type {WeakMap<object, string>} among the recent ones */ this.recent = new WeakMap();
    /** @type {Promise<unknown>} the saving before, one after the other */
    this.saving = Promise.resolve();
    this.actions = {
      panels: () => this.openPanels(),
      save: () => this.save(),
      share: () => this.share(),
      export: () => this.openExport(),
      present: () => this.present(),
      help: () => around.help(),
    };
    const { offline } = session;
    for (const [name, press] of Object.entries(this.actions)) {
      if (offline && ["save", "share", "present"].includes(name)) continue;
      const made = button("", press, {
        "data-testid": `menu-${name}`,
        title: t(`menu.${name}-hint`),
        "aria-label": t(`menu.${name}`),
      });
      made.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path fill-rule="evenodd" d="${ICONS[/** @type {keyof typeof ICONS} */ (name)]}"/></svg><span></span>`;
      /** @type {HTMLElement} */ (made.querySelector("span")).textContent = t(`menu.${name}`);
      if (["panels", "export"].includes(name)) made.setAttribute("aria-haspopup", "dialog");
      place.append(made);
    }
    this.toast = document.createElement("p");
    this.toast.className = "kv-toast";
    this.toast.setAttribute("role", "status");
    this.toast.dataset.testid = "toast";
    root.append(this.toast);
  }

  /** One of the actions, by its name. @param {string} name */
  do(name) {
    this.actions[/** @type {keyof Menu["actions"]} */ (name)]?.();
  }

  /** @param {string} name */
  _button(name) {
    return /** @type {HTMLElement} */ (this.place.querySelector(`[data-testid="menu-${name}"]`));
  }

  /** Say something that goes away by itself. @param {string} sentence */
  say(sentence) {
    this.toast.textContent = sentence;
    this.toast.classList.add("kv-said");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.toast.classList.remove("kv-said"), TOAST_MS);
  }

  /** Which panels are seen, and where. */
  openPanels() {
    const { board } = this;
    const list = document.createElement("ol");
    list.className = "kv-panel-list";
    const fill = () => {
      const { shown, large } = board.arrangement;
      const names = Object.keys(board.kinds);
      const ordered = [...shown, ...names.filter((name) => !shown.includes(name))];
      list.replaceChildren(
        ...ordered.map((name, i) => {
          const row = document.createElement("li");
          const title =
            /** @type {HTMLElement} */ (board.section(name).querySelector("h2")).textContent ??
            name;
          const seen = shown.includes(name);
          const label = document.createElement("label");
          const box = document.createElement("input");
          box.type = "checkbox";
          box.checked = seen;
          box.disabled = seen && shown.length === 1;
          box.dataset.testid = `show-${name}`;
          box.onchange = () => change(toggled(board.arrangement, name), `show-${name}`);
          const key = document.createElement("kbd");
          key.textContent = String(names.indexOf(name) + 1);
          label.append(box, title);
          const move = (
            /** @type {number} */ by,
            /** @type {string} */ arrow,
            /** @type {string} */ what,
          ) => {
            const made = button(
              arrow,
              () =>
                change({ shown: moved(board.arrangement.shown, i, by), large }, `${what}-${name}`),
              {
                "aria-label": t(`menu.${what}`, { name: title }),
                "data-testid": `${what}-${name}`,
              },
            );
            made.disabled = !seen || i + by < 0 || i + by >= shown.length;
            return made;
          };
          row.append(
            key,
            label,
            move(-1, "↑", "earlier"),
            move(1, "↓", "later"),
            button("⤢", () => change(enlarged(board.arrangement, name), `fill-${name}`), {
              "aria-label": t("live.enlarge-name", { name: title }),
              "aria-pressed": String(large === name),
              "data-testid": `fill-${name}`,
            }),
          );
          return row;
        }),
      );
    };
    const change = (
      /** @type {import("../board/layout.js").Arrangement} */ arrangement,
      /** @type {string} */ pressed,
    ) => {
      board.arrange(arrangement);
      fill();
      const again = /** @type {HTMLButtonElement | null} */ (
        list.querySelector(`[data-testid="${pressed}"]`)
      );
      if (again && !again.disabled) again.focus();
    };
    fill();
    openPopover(this._button("panels"), list, { label: t("menu.panels") });
  }

  async openExport() {
    const items = await this.around.exports();
    const list = document.createElement("div");
    list.className = "kv-export";
    const close = { now: () => {} };
    for (const item of items) {
      const made = button(
        "",
        () => {
          close.now();
          Promise.resolve(item.run()).catch((error) =>
            this.say(isExpected(error) ? error.message : messageFor(error, "")),
          );
        },
        { "data-testid": `export-${item.id}` },
      );
      made.disabled = !item.enabled;
      const [label, hint] = [document.createElement("b"), document.createElement("span")];
      label.textContent = item.label;
      hint.textContent = item.hint;
      made.append(label, hint);
      list.append(made);
    }
    close.now = openPopover(this._button("export"), list, { label: t("menu.export") }) ?? close.now;
  }

  /**
   * More choices of an export, where the menu of exports was.
   * @param {HTMLElement} content
   * @returns {(() => void) | null} closes them
   */
  openPictures(content) {
    return openPopover(this._button("export"), content, { label: t("export.pictures") });
  }

  /** Keep the race on the screen among the visitor's own recordings. */
  async save() {
    const { history } = this.session;
    if (!history.stage || history.length < 2) return this.say(t("menu.nothing"));
    // A race that is saved again takes the place of what was kept of it: it holds all of that.
    const save = async () =>
      void this.saved.set(
        history,
        await saveRecording(history, {
          kept: true,
          id: this.saved.get(history) ?? this.recent.get(history),
        }),
      );
    try {
      await (this.saving = this.saving.catch(() => {}).then(save));
      this.kept.add(history);
      this.say(t("menu.saved"));
    } catch (error) {
      if (!isExpected(error)) console.error(error);
      this.say(
        t("menu.not-saved", { why: error instanceof Error ? error.message : String(error) }),
      );
    }
  }

  /**
   * A race that was live is kept among the recent ones when it is over or another takes its place:
   * nothing is lost.
   * @param {import("../data/playback.js").Playback} player
   */
  keepRecent({ history, source }) {
    if (
      source !== "live" ||
      !history.stage ||
      history.length < ENOUGH_FRAMES ||
      this.kept.has(history)
    )
      return;
    this.kept.add(history);
    this._saveRecent(history).catch((error) => void (isExpected(error) || console.error(error))); // a convenience; a browser that keeps nothing for us loses only that
  }

  /**
   * Save a race among the recent ones, in the place of what was saved of it before.
   * @param {import("../data/history.js").History} history
   * @returns {Promise<string>} its id
   */
  async _saveRecent(history) {
    const kept = this.saved.get(history);
    const id = await saveRecording(history, {
      kept: Boolean(kept),
      id: kept ?? this.recent.get(history),
    });
    if (!kept) this.recent.set(history, id);
    return id;
  }

  /** The address of what is on the screen, the moment too. */
  get link() {
    const { playback, state } = this.session;
    const { recording } = this.around.data();
    const address = new URL(location.href);
    const row = playback.history.metrics[playback.moment];
    const share = row ? Math.max(...row.lanes.map((/** @type {any} */ lane) => lane.progress)) : 0;
    address.searchParams.delete("at");
    const looking =
      playback.source === "recording" || playback.chosen !== null || state.state === "paused";
    if (looking && share > 0) address.searchParams.set("at", String(Number(share.toFixed(4))));
    for (const [name, value] of Object.entries(this.around.address()))
      address.searchParams.set(name, value);
    if (playback.source === "live" || isOwn(recording)) address.searchParams.delete("recording");
    else if (recording) address.searchParams.set("recording", nameAt(recording));
    return address.href;
  }

  /** The address at which others may watch the race while it runs; null where none runs. */
  get live() {
    const { session } = this;
    if (!session.watch || !session.racing || session.offline) return null;
    const address = new URL(location.pathname, location.href);
    address.searchParams.set("watch", session.watch);
    return address.href;
  }

  /** The link of what is on the screen; while it runs, the one to watch it is one press away. */
  async share() {
    const { link, live } = this;
    const first = linkBox(link);
    if (!live) {
      openPopover(this._button("share"), first, { label: t("menu.share"), end: true });
      return this._copy(link, first);
    }
    const other = linkBox(live, t("menu.watch-link"));
    other.dataset.testid = "watch-box";
    const box = document.createElement("div");
    box.className = "kv-share";
    const choice = document.createElement("div");
    choice.className = "kv-choice";
    choice.setAttribute("role", "group");
    choice.setAttribute("aria-label", t("menu.share"));
    const about = document.createElement("p");
    const parts = [
      { name: "experiment", shown: first, link },
      { name: "live", shown: other, link: live },
    ];
    const show = (/** @type {number} */ chosen) => {
      parts.forEach(({ shown }, i) => {
        shown.hidden = i !== chosen;
        choice.children[i].setAttribute("aria-pressed", String(i === chosen));
      });
      about.textContent = t(`menu.share-${parts[chosen].name}-about`);
    };
    const copy = (/** @type {number} */ chosen) =>
      this._copy(parts[chosen].link, parts[chosen].shown);
    parts.forEach(({ name }, i) =>
      choice.append(
        button(t(`menu.share-${name}`), () => (show(i), copy(i)), {
          "data-testid": `share-${name}`,
        }),
      ),
    );
    box.append(choice, about, first, other);
    show(0); // its size decides where it opens
    openPopover(this._button("share"), box, { label: t("menu.share"), end: true });
    await copy(0);
  }

  /**
   * Copy a link, and say so above it.
   * @param {string} link
   * @param {HTMLElement} box
   */
  async _copy(link, box) {
    try {
      await navigator.clipboard.writeText(link);
      box.querySelector('[role="status"]')?.remove();
      const said = document.createElement("p");
      said.setAttribute("role", "status");
      said.textContent = t("menu.copied");
      box.prepend(said);
    } catch (error) {
      // a page that is not served securely has no clipboard; the link can be copied by hand
      if (!isExpected(error) && navigator.clipboard) throw error;
    }
  }

  /** Onto the stage, the race on the screen first; Esc leads back here. */
  async present() {
    let name = null;
    try {
      name = await this._staged();
    } catch (error) {
      if (!isExpected(error)) console.error(error);
      this.say(
        t("menu.not-saved", { why: error instanceof Error ? error.message : String(error) }),
      );
    }
    rememberReturnAddress();
    location.assign(
      `${this.around.data().base}/?present=1${name ? `&first=${encodeURIComponent(name)}` : ""}`,
    );
  }

  /**
   * The name by which the stage finds the race on the screen; null where there is none to be found.
   */
  async _staged() {
    const { history, playback } = this.session;
    if (history.length < 2) return null;
    if (playback.source === "recording") {
      const recording = this.session.recording ?? this.around.data().recording;
      return recording ? nameAt(recording) : null;
    }
    if (await isPersistent()) return ownName(await this._saveRecent(history));
    this.say(t("menu.present-private"));
    return null;
  }

  destroy() {
    clearTimeout(this.timer);
  }
}

/**
 * A row up or down by some places.
 * @param {string[]} list
 * @param {number} at
 * @param {number} by
 */
function moved(list, at, by) {
  const copy = [...list];
  const [one] = copy.splice(at, 1);
  copy.splice(at + by, 0, one);
  return copy;
}
