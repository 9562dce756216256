/** The visitor's playlists as a list: to be started, opened again or deleted. */

import { t } from "../i18n/i18n.js";
import { icon, make } from "./dom.js";

/** @typedef {import("../data/playlist.js").Playlist} Playlist */

const TOLD = 3;

/**
 * @param {Playlist[]} playlists
 * @param {{start: (playlist: Playlist) => void, open: (playlist: Playlist) => void, remove: (playlist: Playlist) => void}}
 *   deeds
 */
export function playlistRows(playlists, deeds) {
  return playlists.map((playlist) => {
    const { id, name } = playlist;
    const button = (
      /** @type {"start" | "edit" | "delete"} */ what,
      /** @type {() => void} */ press,
      /** @type {Record<string, string>} */ attributes,
      /** @type {...(Node | string)} */ ...content
    ) => {
      const made = make(
        "button",
        {
          type: "button",
          "data-do": what,
          "data-testid": `playlists-${what}`,
          "aria-label": t(`playlists.${what}-name`, { name }),
          ...attributes,
        },
        ...content,
      );
      made.onclick = press;
      return made;
    };
    const titles = playlist.slides.slice(0, TOLD).map((slide) => slide.title || slide.called);
    const row = make(
      "li",
      { class: "kt-playlist", "data-key": `playlist ${id}`, "data-testid": "playlist" },
      make(
        "div",
        { class: "kt-about" },
        make("h3", { text: name, title: name }),
        make("p", {
          class: "kg-faint",
          text: [
            t(playlist.slides.length === 1 ? "playlists.one-slide" : "playlists.count", {
              count: playlist.slides.length,
            }),
            titles.join(" · ") + (playlist.slides.length > TOLD ? " · …" : ""),
          ]
            .filter(Boolean)
            .join(": "),
        }),
      ),
      make(
        "span",
        { class: "kg-acts" },
        button(
          "delete",
          () => deeds.remove(playlist),
          { class: "kg-icon", title: t("gallery.delete") },
          icon("delete"),
        ),
        button("edit", () => deeds.open(playlist), { class: "kg-button" }, t("playlists.edit")),
        button(
          "start",
          () => deeds.start(playlist),
          { class: "kg-button kg-main" },
          icon("play"),
          t("playlists.start"),
        ),
      ),
    );
    row.setAttribute("aria-label", name);
    return row;
  });
}
