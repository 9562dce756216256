/** The visitor's playlists in the gallery: made of what is ticked, listed, edited, exported, started. */

import { isPersistent } from "../data/recording_store.js";
import {
  rememberOpenPlaylist,
  rememberReturnAddress,
  takeOpenPlaylist,
} from "../data/tab_session.js";
import { MOST_SLIDES, slideFor } from "../data/playlist.js";
import {
  deletePlaylist,
  getPlaylist,
  listPlaylists,
  newPlaylist,
  onPlaylistsChange,
  savePlaylist,
} from "../data/playlist_store.js";
import { download } from "../export/files.js";
import {
  PLAYLIST_SUFFIX,
  playlistFile,
  playlistFileName,
  playlistPage,
} from "../export/playlist.js";
import { t } from "../i18n/i18n.js";
import { PlaylistEditor } from "./playlist_editor.js";
import { playlistRows } from "./playlist_list.js";

/**
 * @typedef {import("../data/playlist.js").Playlist} Playlist
 * @typedef {import("./filter.js").Item} Item
 *
 * @typedef {object} Around what playlists need of the page
 * @property {import("./notices.js").Notices["say"]} say
 * @property {(deed: () => Promise<unknown>) => Promise<void>} attempt does something; what goes
 *   wrong is told in a line
 * @property {() => Item[]} ticked what is ticked, in that order
 */

export class Playlists {
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
    this.editor = new PlaylistEditor(root, data, {
      start: (playlist) => this._start(playlist),
      save: (playlist) => this._save(playlist),
      page: (playlist) =>
        this._export(playlist, ".html", () => playlistPage(data.base, playlist, this._methods())),
      file: (playlist) =>
        this._export(playlist, PLAYLIST_SUFFIX, () => playlistFile(data.base, playlist)),
      remove: (playlist) => this._remove(playlist),
      ticked: () => this._slides(),
      left: (playlist) =>
        void around.say(t("playlists.left", { name: playlist.name }), {
          undo: () => this.editor.open(playlist, false),
        }),
    });
    this.get("present").onclick = () => this._present();
    this.ends = onPlaylistsChange(() => this.draw());
  }

  /** The list, and the playlist that the stage was entered from. */
  async begin() {
    await this.draw();
    const id = takeOpenPlaylist();
    const playlist = id && (await getPlaylist(id));
    if (playlist) this.editor.open(playlist, true);
  }

  /** What there is in the gallery, and how lanes look. @param {Item[]} items @param {string[]} colours */
  dress(items, colours) {
    this.items = items;
    this.editor.dress(items, colours);
  }

  async draw() {
    const playlists = await listPlaylists();
    this.get("playlists").hidden = !playlists.length;
    this.get("playlist-list").replaceChildren(
      ...playlistRows(playlists, {
        start: (playlist) => this._start(playlist),
        open: (playlist) => this.editor.open(playlist, true),
        remove: (playlist) => this._remove(playlist),
      }),
    );
  }

  /** A playlist came from a file. @param {{playlist: Playlist, lost: number}} what */
  imported({ playlist: { name }, lost }) {
    this.around.say(t(lost ? "playlists.imported-lost" : "playlists.imported", { name, lost }), {
      problem: lost > 0,
    });
  }

  /** A new playlist of what is ticked. */
  _present() {
    return this.around.attempt(async () =>
      this.editor.open(await newPlaylist(t("playlists.new-name"), this._slides()), false),
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
   * @param {Playlist} playlist
   * @returns {Promise<boolean>} whether it is kept
   */
  async _save(playlist) {
    let kept = false;
    await this.around.attempt(async () => {
      await savePlaylist(playlist);
      kept = true;
    });
    return kept;
  }

  /** @param {Playlist} playlist */
  async _start(playlist) {
    if (!(await isPersistent()))
      return void this.around.say(t("playlists.not-lasting"), { problem: true });
    rememberReturnAddress();
    if (this.editor.playlist) rememberOpenPlaylist(playlist.id);
    location.assign(`${this.data.base}/?present=1&own-playlist=${encodeURIComponent(playlist.id)}`);
  }

  /**
   * @param {Playlist} playlist
   * @param {string} ending
   * @param {() => Promise<Blob>} make
   */
  _export(playlist, ending, make) {
    return this.around.attempt(async () => {
      const name = playlistFileName(playlist.name, ending);
      download(await make(), name);
      this.around.say(t("playlists.exported", { name }));
    });
  }

  /** @param {Playlist} playlist */
  _remove(playlist) {
    return this.around.attempt(async () => {
      await deletePlaylist(playlist.id);
      this.around.say(t("playlists.deleted", { name: playlist.name }), {
        undo: () => this.around.attempt(() => savePlaylist(playlist)),
      });
    });
  }

  /** Where lines are seen: the editor covers the page. */
  get notices() {
    return this.editor.playlist ? this.editor.notices : null;
  }

  destroy() {
    this.ends();
    this.editor.destroy();
  }
}
