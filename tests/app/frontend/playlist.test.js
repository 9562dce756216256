/** A playlist: what may be one, how it is kept, and how it goes into a file and comes back. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { readRecording } from "../../../app/live/frontend/data/recording.js";
import * as recordings from "../../../app/live/frontend/data/recording_store.js";
import {
  checkedPlaylist,
  LONGEST,
  MOST_PANELS,
  MOST_SLIDES,
  moved,
  panelToggled,
  slideFor,
} from "../../../app/live/frontend/data/playlist.js";
import * as store from "../../../app/live/frontend/data/playlist_store.js";
import { fill } from "../../../app/live/frontend/export/replay.js";
import {
  importPlaylist,
  isPlaylistFile,
  playlistFile,
  playlistFileName,
} from "../../../app/live/frontend/export/playlist.js";
import { PANEL_NAMES } from "../../../app/live/frontend/panels/names.js";
import { PANELS } from "../../../app/live/frontend/panels/registry.js";
import { playlistSlides } from "../../../app/live/frontend/present/slides.js";
import "./texts.js";

const FILE = readFileSync(
  new URL("../../../assets/recordings/few-weights.kelvin", import.meta.url),
);
const history = await readRecording(new Uint8Array(FILE).buffer);

async function empty() {
  for (const { id } of await recordings.listRecordings()) await recordings.deleteRecording(id);
  for (const { id } of await store.listPlaylists()) await store.deletePlaylist(id);
}

/** A playlist of two slides: a recording of one's own, and a shipped one. @param {boolean} kept */
async function twoSlides(kept = true) {
  await empty();
  const id = await recordings.saveRecording(history, { name: "Monday", kept });
  const playlist = await store.newPlaylist("Lecture", [
    slideFor(`own:${id}`, "Monday", { title: "One", caption: "Look.", panels: ["loss"], pace: 2 }),
    slideFor("first-screen", "The first screen"),
  ]);
  return { id, playlist };
}

const fileOf = (/** @type {any} */ value, name = "lecture.kelvin-playlist") =>
  new File([typeof value === "string" ? value : JSON.stringify(value)], name);

test("the names of panels are those of the registry, in its order", () => {
  for (const layout of /** @type {const} */ (["network", "landscape"]))
    assert.deepEqual(PANEL_NAMES[layout], Object.keys(PANELS[layout]));
});

test("a slide goes up and down, and not beyond the ends", () => {
  assert.deepEqual(moved(["a", "b", "c"], 0, 1), ["b", "a", "c"]);
  assert.deepEqual(moved(["a", "b", "c"], 2, 0), ["c", "a", "b"]);
  assert.deepEqual(moved(["a", "b", "c"], 0, 9), ["b", "c", "a"]);
  assert.deepEqual(moved(["a", "b", "c"], 1, -1), ["b", "a", "c"]);
});

test("four panels at most, in the order they were picked", () => {
  let panels = /** @type {string[]} */ ([]);
  for (const name of ["network", "loss", "cost", "weights", "chains"])
    panels = panelToggled(panels, name);
  assert.deepEqual(panels, ["network", "loss", "cost", "weights"]);
  assert.deepEqual(panelToggled(panels, "loss"), ["network", "cost", "weights"]);
});

test("a playlist is kept under a name of its own, and its recordings stay with it", async () => {
  const { id, playlist } = await twoSlides(false);
  assert.equal((await recordings.getRecording(id)).kept, false);
  await store.savePlaylist(playlist);
  assert.equal((await recordings.getRecording(id)).kept, true);
  assert.deepEqual(await store.getPlaylist(playlist.id), playlist);
  assert.equal((await store.newPlaylist("Lecture", [])).name, "Lecture (2)");
  await store.savePlaylist({ ...playlist, name: "  \n " });
  assert.equal((await store.listPlaylists())[0].name, "Untitled playlist");
  assert.equal((await store.deletePlaylist(playlist.id)).id, playlist.id);
  assert.deepEqual(await store.listPlaylists(), []);
});

test("whoever listens is told of changes, until they end it", async () => {
  const { playlist } = await twoSlides();
  let told = 0;
  const end = store.onPlaylistsChange(() => told++);
  await store.savePlaylist(playlist);
  await store.deletePlaylist(playlist.id);
  end();
  await store.savePlaylist(playlist);
  assert.equal(told, 2);
});

test("the stage has the slides of a playlist, and of one that is not here a slide that says so", async () => {
  const { playlist } = await twoSlides();
  await store.savePlaylist(playlist);
  assert.deepEqual((await playlistSlides(playlist.id)).slides, playlist.slides);
  const { slides } = await playlistSlides("nothing");
  assert.equal(slides.length, 1);
  assert.match(slides[0].missing, /not in this browser/);
});

test("a file from when playlists were called talks still opens", async () => {
  await empty();
  const old = new URL("../../old/lecture.kelvin-talk", import.meta.url);
  const file = new File([readFileSync(old)], "lecture.kelvin-talk");
  assert.ok(await isPlaylistFile(file));
  const { playlist, lost } = await importPlaylist(file);
  assert.equal(lost, 0);
  assert.deepEqual(
    [playlist.name, ...playlist.slides.map(({ title, called }) => title || called)],
    ["Lecture", "One", "The first screen"],
  );
  assert.equal((await recordings.listRecordings()).length, 1);
  assert.match(await (await playlistFile("", playlist)).text(), /"kelvin": "playlist"/);
});

test("a file brings a playlist into another browser, with the recordings that are not shipped", async () => {
  const { playlist } = await twoSlides();
  const file = fileOf(await (await playlistFile("", playlist)).text());
  assert.ok(await isPlaylistFile(file));
  await empty();
  const { playlist: came, lost } = await importPlaylist(file);
  assert.equal(lost, 0);
  const [own] = await recordings.listRecordings();
  assert.equal(own.name, "Monday");
  assert.deepEqual(came.slides, [
    { ...playlist.slides[0], recording: `own:${own.id}` },
    playlist.slides[1],
  ]);
  assert.notEqual(came.id, playlist.id);
  assert.deepEqual(await store.getPlaylist(came.id), came);
  // Where its recordings are already, they are not kept twice.
  await importPlaylist(file);
  assert.equal((await recordings.listRecordings()).length, 1);
  assert.deepEqual((await store.listPlaylists()).map(({ name }) => name).sort(), [
    "Lecture",
    "Lecture (2)",
  ]);
});

test("a recording that is broken in the file loses nothing else", async () => {
  const { playlist, id } = await twoSlides();
  const value = JSON.parse(await (await playlistFile("", playlist)).text());
  const warn = console.warn;
  console.warn = () => {};
  try {
    for (const broken of ["AAAA", "no base64 %%", 7, undefined]) {
      await empty();
      value.recordings[`own:${id}`].file = broken;
      const { playlist: came, lost } = await importPlaylist(fileOf(value));
      assert.equal(lost, 1);
      assert.deepEqual(came.slides, playlist.slides);
    }
  } finally {
    console.warn = warn;
  }
});

test("what is no playlist is refused in one line that says what is allowed", async () => {
  const { playlist } = await twoSlides();
  const good = JSON.parse(await (await playlistFile("", playlist)).text());
  const slide = (/** @type {any} */ what) => ({
    ...good,
    slides: [{ ...good.slides[0], ...what }],
  });
  /** @type {[any, RegExp][]} */
  const cases = [
    ["", /not a Kelvin playlist.*\.kelvin-playlist/],
    ["{", /not a Kelvin playlist/],
    ["[1, 2]", /not a Kelvin playlist/],
    ["null", /not a Kelvin playlist/],
    [{ slides: [] }, /not a Kelvin playlist/],
    [{ ...good, version: 2 }, /newer version/],
    [{ ...good, version: "x" }, /newer version/],
    [{ ...good, slides: [] }, /1 to 40 slides/],
    [{ ...good, slides: {} }, /1 to 40 slides/],
    [{ ...good, slides: Array(MOST_SLIDES + 1).fill(good.slides[0]) }, /1 to 40 slides/],
    [{ ...good, slides: [null] }, /Slide 1 .*recording/],
    [{ ...good, name: 7 }, /Name: .*80 characters/],
    [slide({ recording: "../x" }), /Slide 1 .*recording.*own:/],
    [slide({ title: "t".repeat(LONGEST.title + 1) }), /Title of slide 1: .*60 characters/],
    [slide({ caption: "c".repeat(LONGEST.caption + 1) }), /Caption of slide 1: .*260/],
    [slide({ panels: Array(MOST_PANELS + 1).fill("loss") }), /panels.*at most 4/i],
    [slide({ panels: "loss" }), /Panels.*at most 4/],
    [slide({ pace: 9 }), /Pace.*0\.3 to 5/],
    [slide({ pace: "1" }), /Pace.*0\.3 to 5/],
  ];
  await empty();
  for (const [value, line] of cases)
    await assert.rejects(importPlaylist(fileOf(value)), (error) => {
      assert.ok(error instanceof recordings.Refusal);
      assert.match(error.message, line);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
  assert.deepEqual(await store.listPlaylists(), []);
});

test("a file that is too large is refused with the limit, unread", async () => {
  const file = fileOf("{}");
  Object.defineProperty(file, "size", { value: 1e9 });
  Object.defineProperty(file, "text", { value: () => assert.fail("it was read") });
  await assert.rejects(importPlaylist(file), /at most 176 MB/);
});

test("which file is meant as a playlist", async () => {
  assert.equal(await isPlaylistFile(fileOf("anything")), true);
  assert.equal(await isPlaylistFile(fileOf(' {"a": 1}', "x.json")), true);
  assert.equal(await isPlaylistFile(new File([FILE], "race.kelvin")), false);
  assert.equal(playlistFileName('A: "playlist"/1 ', ".html"), "A playlist 1.html");
  assert.equal(playlistFileName("...", ".html"), "playlist.html");
});

test("what is not known of a slide is left out, words are on one line", () => {
  const { slides } = checkedPlaylist({
    name: "A",
    slides: [
      {
        recording: "first-screen",
        title: " two \n words ",
        large: 7,
        x: "metres",
        y: "accuracy",
        no: 1,
      },
    ],
  });
  assert.deepEqual(slides, [
    {
      recording: "first-screen",
      called: "",
      title: "two words",
      caption: "",
      panels: [],
      pace: 1,
      y: "accuracy",
    },
  ]);
});

test("a page holds several recordings, one a line", () => {
  const shell = "<t>__KELVIN_TITLE__</t><a>__KELVIN_ABOUT__</a><r>__KELVIN_RECORDING__</r>";
  const about = { title: "A & B", date: "2026-11-24", raced: false, view: {}, files: ["a", "b"] };
  const page = fill(shell, about, new Uint8Array([1]), new Uint8Array([2, 3]));
  assert.match(page, /<r>AQ==\nAgM=<\/r>/);
  assert.match(page, /<t>A &#38; B<\/t>/);
});
