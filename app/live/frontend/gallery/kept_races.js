/** The visitor's races on the server: listed, opened again, pinned, deleted, as files. */

import { askedRaces } from "../data/asked_races.js";
import { ExpectedError, isExpected } from "../data/errors.js";
import { PAGES } from "../data/layouts.js";
import { fileName, Refusal } from "../data/recording_store.js";
import { withTitle } from "../data/recording_title.js";
import { tokenOf } from "../data/socket.js";
import { download } from "../export/files.js";
import { t } from "../i18n/i18n.js";
import { keptCard, keyOf } from "./kept_card.js";
import { isFound, keptItems } from "./kept_summary.js";

/** @typedef {import("./kept_summary.js").KeptItem} KeptItem */

export class KeptRaces {
  /**
   * @param {HTMLElement} section
   * @param {string} base path of the server
   * @param {object} around what it needs of the page
   * @param {(sentence: string) => void} around.say
   * @param {(deed: () => Promise<unknown>) => Promise<void>} around.attempt does something; what
   *   goes wrong is told in a line
   * @param {() => void} around.changed there are others to be drawn
   */
  constructor(section, base, around) {
    this.section = section;
    this.base = base;
    this.around = around;
    this.asked = askedRaces(base);
    /** @type {KeptItem[]} */ this.items = [];
    /** What stands where there are none; nothing until the server has answered. */
    this.none = "";
    /** @type {string | null} token of the race of which it is asked whether it is to be deleted */
    this.asking = null;
    this.actions = {
      open: (/** @type {KeptItem} */ item) => this._open(item),
      pin: (/** @type {KeptItem} */ item) => void around.attempt(() => this._pin(item)),
      save: (/** @type {KeptItem} */ item) => void around.attempt(() => this._save(item)),
      ask: (/** @type {KeptItem | null} */ item) =>
        item && !item.own ? this._takeOff(item) : this._ask(item),
      remove: (/** @type {KeptItem} */ item) => void around.attempt(() => this._remove(item)),
    };
    // They go on, and come and go, in other tabs.
    this.seen = () => document.visibilityState === "visible" && this.refresh();
    document.addEventListener("visibilitychange", this.seen);
  }

  /** Ask the server what it keeps of the races that this browser has asked for. */
  async refresh() {
    const asked = this.asked.list();
    try {
      const answer = await this._post(
        "kept.json",
        asked.map(({ token }) => token),
      );
      const { keeps, races } = await answer.json();
      this.items = keptItems(races, asked);
      this.none = t(keeps ? "kept.empty" : "kept.keeps-none");
    } catch (error) {
      if (!isExpected(error)) throw error;
      this.items = [];
      this.none = t("kept.lost");
    }
    this.around.changed();
  }

  /**
   * Draw the races in which a text is found.
   * @param {{search: string, filtered: boolean, narrowed: boolean, colours: string[]}} how
   *   `narrowed`: whether only recordings of some data or methods are looked for
   * @returns {number} how many they are
   */
  draw({ search, filtered, narrowed, colours }) {
    const get = (/** @type {string} */ part) =>
      /** @type {HTMLElement} */ (this.section.querySelector(`[data-part="${part}"]`));
    const shown = narrowed ? [] : this.items.filter((item) => isFound(item, search));
    this.section.hidden = filtered && !shown.length;
    get("count").textContent = shown.length ? String(shown.length) : "";
    get("about").hidden = !this.items.length;
    get("empty").hidden = Boolean(this.items.length) || !this.none;
    get("empty").textContent = this.none;
    get("cards").replaceChildren(
      ...shown.map((item) => keptCard(item, colours, item.token === this.asking, this.actions)),
    );
    return shown.length;
  }

  /** Go back to a race: the page of its kind takes it for the one this tab watched. @param {KeptItem} item */
  _open({ token, layout }) {
    const own = tokenOf(layout);
    own.clear();
    own.set(token);
    location.assign(`${this.base}/${PAGES[layout]}`);
  }

  /** @param {KeptItem} item */
  async _pin({ token, pinned }) {
    await this._post("kept/pin", { token, pinned: !pinned });
    await this.refresh();
  }

  /** @param {KeptItem} item */
  async _save({ token, title }) {
    const file = await (await this._post("kept/recording", { token })).blob();
    download(await withTitle(file, title), fileName(title));
  }

  /** @param {KeptItem | null} item */
  _ask(item) {
    const before = this.asking;
    this.asking = item?.token ?? null;
    this.around.changed();
    const key = keyOf(this.asking ?? before ?? "");
    const card = [.../** @type {NodeListOf<HTMLElement>} */ (this.section.querySelectorAll("li"))];
    /** @type {HTMLElement | null | undefined} */ (
      card
        .find((one) => one.dataset.key === key)
        ?.querySelector(`[data-do="${item ? "delete-no" : "delete"}"]`)
    )?.focus();
  }

  /** Somebody else's race is not deleted, only no longer listed. @param {KeptItem} item */
  _takeOff({ token, title: name }) {
    this.asked.forget(token);
    this.items = this.items.filter((one) => one.token !== token);
    this.around.say(t("kept.taken-off", { name }));
    this.around.changed();
  }

  /** @param {KeptItem} item */
  async _remove({ token, title: name }) {
    this.asking = null;
    try {
      const { deleted } = await (await this._post("kept/delete", { token })).json();
      this.asked.forget(token);
      this.around.say(deleted ? t("kept.deleted", { name }) : t("kept.left"));
    } finally {
      await this.refresh();
    }
  }

  /**
   * @param {string} path
   * @param {unknown} body
   * @returns {Promise<Response>}
   * @throws {Refusal} with the server's sentence
   */
  async _post(path, body) {
    const answer = await fetch(`${this.base}/kelvin/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(body),
    }).catch((error) => {
      throw new ExpectedError("the server does not answer", { cause: error });
    });
    if (answer.ok) return answer;
    const told = await answer.json().catch(() => ({}));
    throw new Refusal(told.sentence ?? t("kept.lost"));
  }

  destroy() {
    document.removeEventListener("visibilitychange", this.seen);
  }
}
