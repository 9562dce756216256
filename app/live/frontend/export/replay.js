/**
 * A race as one HTML file that plays by itself, without a server: the server's shell with the
 * recording put into it.
 */

import { coastlineFile } from "../data/coastline.js";
import { ExpectedError, fetchOrFail } from "../data/errors.js";
import { writeRecording } from "../data/recording.js";
import { t } from "../i18n/i18n.js";
import { escaped, titleOf } from "./files.js";

/**
 * What a replay says of itself besides the recording.
 * @typedef {object} About
 * @property {string} title
 * @property {string} date of the day it was raced or saved, as in 2026-11-24
 * @property {boolean} raced which of the two
 * @property {Record<string, string>} view how it was looked at: panels, large, x, y
 * @property {{rings: number[][]}} [coastline] where it was raced on the Earth
 * @property {import("../data/playlist.js").Slide[]} [slides] of a playlist; what follows is the playlist's too
 * @property {string[]} [files] the names of its recordings, in the order of those in the page
 * @property {Record<string, string[]>} [methods] the methods of each one's lanes
 */

/** Bytes as base64. @param {Uint8Array} bytes */
export function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000)
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

/**
 * The shell, filled in; the same as `fill` in app/replay.py.
 * @param {string} shell
 * @param {About} about
 * @param {...Uint8Array} recordings one of a race, several of a playlist: one a line
 * @returns {string}
 */
export function fill(shell, about, ...recordings) {
  /** @type {Record<string, string>} */
  const parts = {
    TITLE: escaped(about.title),
    ABOUT: JSON.stringify(about).replaceAll("<", "\\u003c"),
    RECORDING: recordings.map(base64).join("\n"),
  };
  return shell.replace(/__KELVIN_(TITLE|ABOUT|RECORDING)__/g, (_, name) => parts[name]);
}

/** This day, as in 2026-11-24. */
export function today() {
  const now = new Date();
  return [now.getFullYear(), now.getMonth() + 1, now.getDate()]
    .map((part) => String(part).padStart(2, "0"))
    .join("-");
}

/**
 * @param {import("./items.js").Exported} view
 * @returns {Promise<Blob>}
 */
export async function replay({ session, base, address }) {
  const answer = await fetchOrFail(`${base}/kelvin/replay-shell.html`).catch((error) => {
    throw new ExpectedError(t("export.no-shell"), { cause: error });
  });
  const recording = new Uint8Array(await (await writeRecording(session.history)).arrayBuffer());
  const about = {
    title: titleOf(session.history.stage),
    date: today(),
    raced: session.playback.source === "live",
    view: address(),
    ...(session.history.stage.data.geographic
      ? { coastline: await coastlineFile({ base }).catch(() => ({ rings: [] })) }
      : {}),
  };
  return new Blob([fill(await answer.text(), about, recording)], { type: "text/html" });
}
