/** The visitor's talks in the gallery: made of what is ticked, listed, edited, exported, started. */

import { isPersistent } from "../data/recording_store.js";
import { rememberOpenTalk, rememberReturnAddress, takeOpenTalk } from "../data/tab_session.js";
import { MOST_SLIDES, slideFor } from "../data/talk.js";
import {
  deleteTalk,
  getTalk,
  listTalks,
  newTalk,
  onTalksChange,
  saveTalk,
} from "../data/talk_store.js";
import { download } from "../export/files.js";
import { TALK_SUFFIX, talkFile, talkFileName, talkPage } from "../export/talk.js";
import { t } from "../i18n/i18n.js";
import { TalkEditor } from "./talk_editor.js";
import { talkRows } from "./talk_list.js";

/**
 * @typedef {import("../data/talk.js").Talk} Talk
 * @typedef {import("./filter.js").Item} Item
 *
 * @typedef {object} Around what talks need of the page
 * @property {import("./notices.js").Notices["say"]} say
 * @property {(deed: () => Promise<unknown>) => Promise<void>} attempt does something; what goes
 *   wrong is told in a line
 * @property {() => Item[]} ticked what is ticked, in that order
 */

export class Talks {
  /**
   * @param {HTMLElement} root of the gallery
   * @param {any} data what Python handed over
   * @param {Around} around
   */
  constructor(root, data, around) {
    this.data = data;
    this.around = around;
    this.get = (/** @type {string} */ part) =>
      /** @type {HTMLElement} */ (root.querySelector(`[data-part="${part}"]`));
    /** @type {Item[]} */ this.items = [];
    /** What the playlist that ships says of its recordings. @type {Map<string, any>} */
    this.known = new Map(data.playlist.map((/** @type {any} */ one) => [one.recording, one]));
    this.editor = new TalkEditor(root, data, {
      start: (talk) => this._start(talk),
      save: (talk) => this._save(talk),
      page: (talk) => this._export(talk, ".html", () => talkPage(data.base, talk, this._methods())),
      file: (talk) => this._export(talk, TALK_SUFFIX, () => talkFile(data.base, talk)),
      remove: (talk) => this._remove(talk),
      ticked: () => this._slides(),
      left: (talk) =>
        void around.say(t("talks.left", { name: talk.name }), {
          undo: () => this.editor.open(talk, false),
        }),
    });
    this.get("present").onclick = () => this._present();
    this.ends = onTalksChange(() => this.draw());
  }

  /** The list, and the talk that the stage was entered from. */
  async begin() {
    await this.draw();
    const id = takeOpenTalk();
    const talk = id && (await getTalk(id));
    if (talk) this.editor.open(talk, true);
  }

  /** What there is in the gallery, and how lanes look. @param {Item[]} items @param {string[]} colours */
  dress(items, colours) {
    this.items = items;
    this.editor.dress(items, colours);
  }

  async draw() {
    const talks = await listTalks();
    this.get("talks").hidden = !talks.length;
    this.get("talk-list").replaceChildren(
      ...talkRows(talks, {
        start: (talk) => this._start(talk),
        open: (talk) => this.editor.open(talk, true),
        remove: (talk) => this._remove(talk),
      }),
    );
  }

  /** A talk came from a file. @param {{talk: Talk, lost: number}} what */
  imported({ talk: { name }, lost }) {
    this.around.say(t(lost ? "talks.imported-lost" : "talks.imported", { name, lost }), {
      problem: lost > 0,
    });
  }

  /** A new talk of what is ticked. */
  _present() {
    return this.around.attempt(async () =>
      this.editor.open(await newTalk(t("talks.new-name"), this._slides()), false),
    );
  }

  _slides() {
    return this.around
      .ticked()
      .slice(0, MOST_SLIDES)
      .map(({ key, name }) => slideFor(key, name, this.known.get(key)));
  }

  /** The methods of every recording's lanes. @returns {Record<string, string[]>} */
  _methods() {
    return Object.fromEntries(
      this.items.map(({ key, summary }) => [key, summary.lanes.map((lane) => lane.optimizer)]),
    );
  }

  /**
   * @param {Talk} talk
   * @returns {Promise<boolean>} whether it is kept
   */
  async _save(talk) {
    let kept = false;
    await this.around.attempt(async () => {
      await saveTalk(talk);
      kept = true;
    });
    return kept;
  }

  /** @param {Talk} talk */
  async _start(talk) {
    if (!(await isPersistent()))
      return void this.around.say(t("talks.not-lasting"), { problem: true });
    rememberReturnAddress();
    if (this.editor.talk) rememberOpenTalk(talk.id);
    location.assign(`${this.data.base}/?present=1&talk=${encodeURIComponent(talk.id)}`);
  }

  /**
   * @param {Talk} talk
   * @param {string} ending
   * @param {() => Promise<Blob>} make
   */
  _export(talk, ending, make) {
    return this.around.attempt(async () => {
      const name = talkFileName(talk.name, ending);
      download(await make(), name);
      this.around.say(t("talks.exported", { name }));
    });
  }

  /** @param {Talk} talk */
  _remove(talk) {
    return this.around.attempt(async () => {
      await deleteTalk(talk.id);
      this.around.say(t("talks.deleted", { name: talk.name }), {
        undo: () => this.around.attempt(() => saveTalk(talk)),
      });
    });
  }

  /** Where lines are seen: the editor covers the page. */
  get notices() {
    return this.editor.talk ? this.editor.notices : null;
  }

  destroy() {
    this.ends();
    this.editor.destroy();
  }
}
