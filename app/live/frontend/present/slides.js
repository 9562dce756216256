/** What is on the stage: the slides, their recordings, and the colours that methods have on them. */

import { methodColours } from "../charts/method_colours.js";
import { fetchOrFail, isExpected } from "../data/errors.js";
import { addressOf, fetchRecording, isOwn, ownName } from "../data/recording_source.js";
import { listRecordings } from "../data/recording_store.js";
import { getPlaylist } from "../data/playlist_store.js";
import { t } from "../i18n/i18n.js";

/**
 * @typedef {import("./page.js").Entry} Entry
 *
 * @typedef {object} Source where a stage has its recordings from
 * @property {(name: string) => Promise<{bytes: ArrayBuffer, title: string}>} read
 * @property {() => Promise<Record<string, string[]>>} methods those of each recording's lanes, of
 *   as many recordings as are known
 */

/**
 * The server's recordings, and the visitor's own.
 * @param {string} base path of the server
 * @param {Entry[]} slides
 * @returns {Source}
 */
export function serverSource(base, slides) {
  return {
    read: (name) => fetchRecording(base, addressOf(name)),
    methods: async () => {
      const own = slides.some(({ recording }) => isOwn(recording)) ? await listRecordings() : [];
      const shipped = await fetchOrFail(`${base}/kelvin/recordings.json`)
        .then((answer) => answer.json())
        .catch((error) => {
          if (!isExpected(error)) throw error;
          return []; // then every slide has the usual colours
        });
      return Object.fromEntries(
        [...own.map(({ id, summary }) => ({ name: ownName(id), summary })), ...shipped].map(
          ({ name, summary }) => [
            name,
            summary.lanes.map((/** @type {any} */ lane) => lane.optimizer),
          ],
        ),
      );
    },
  };
}

/**
 * The slides of a playlist of the visitor's own; where it is not there, one that says so.
 * @param {string} id
 * @returns {Promise<{name: string, slides: Entry[]}>}
 */
export async function playlistSlides(id) {
  const playlist = await getPlaylist(id);
  if (playlist?.slides.length) return playlist;
  const nothing = { recording: "", title: t("present.no-playlist"), caption: "", panels: [] };
  return { name: "", slides: [{ ...nothing, missing: t("present.no-playlist-why") }] };
}

/**
 * The colours of every slide's lanes, as places in the palette.
 * @param {Entry[]} slides
 * @param {Record<string, string[]>} methods of each recording's lanes
 * @param {string[]} cold the methods that use gradients
 */
export function slideColours(slides, methods, cold) {
  return methodColours(
    slides.map(({ recording }) => methods[recording] ?? []),
    new Set(cold),
  );
}
