/** A talk: what may be one, how it is kept, and how it goes into a file and comes back. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { readRecording } from "../../../app/live/frontend/data/recording.js";
import * as recordings from "../../../app/live/frontend/data/recording_store.js";
import {
  checkedTalk,
  LONGEST,
  MOST_PANELS,
  MOST_SLIDES,
  moved,
  panelToggled,
  slideFor,
} from "../../../app/live/frontend/data/talk.js";
import * as store from "../../../app/live/frontend/data/talk_store.js";
import { fill } from "../../../app/live/frontend/export/replay.js";
import {
  importTalk,
  isTalkFile,
  talkFile,
  talkFileName,
} from "../../../app/live/frontend/export/talk.js";
import { PANEL_NAMES } from "../../../app/live/frontend/panels/names.js";
import { PANELS } from "../../../app/live/frontend/panels/registry.js";
import { talkSlides } from "../../../app/live/frontend/present/slides.js";
import "./texts.js";

const FILE = readFileSync(
  new URL("../../../assets/recordings/few-weights.kelvin", import.meta.url),
);
const history = await readRecording(new Uint8Array(FILE).buffer);

async function empty() {
  for (const { id } of await recordings.listRecordings()) await recordings.deleteRecording(id);
  for (const { id } of await store.listTalks()) await store.deleteTalk(id);
}

/** A talk of two slides: a recording of one's own, and a shipped one. @param {boolean} kept */
async function twoSlides(kept = true) {
  await empty();
  const id = await recordings.saveRecording(history, { name: "Monday", kept });
  const talk = await store.newTalk("Lecture", [
    slideFor(`own:${id}`, "Monday", { title: "One", caption: "Look.", panels: ["loss"], pace: 2 }),
    slideFor("first-screen", "The first screen"),
  ]);
  return { id, talk };
}

const fileOf = (/** @type {any} */ value, name = "lecture.kelvin-talk") =>
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

test("a talk is kept under a name of its own, and its recordings stay with it", async () => {
  const { id, talk } = await twoSlides(false);
  assert.equal((await recordings.getRecording(id)).kept, false);
  await store.saveTalk(talk);
  assert.equal((await recordings.getRecording(id)).kept, true);
  assert.deepEqual(await store.getTalk(talk.id), talk);
  assert.equal((await store.newTalk("Lecture", [])).name, "Lecture (2)");
  await store.saveTalk({ ...talk, name: "  \n " });
  assert.equal((await store.listTalks())[0].name, "Untitled playlist");
  assert.equal((await store.deleteTalk(talk.id)).id, talk.id);
  assert.deepEqual(await store.listTalks(), []);
});

test("whoever listens is told of changes, until they end it", async () => {
  const { talk } = await twoSlides();
  let told = 0;
  const end = store.onTalksChange(() => told++);
  await store.saveTalk(talk);
  await store.deleteTalk(talk.id);
  end();
  await store.saveTalk(talk);
  assert.equal(told, 2);
});

test("the stage has the slides of a talk, and of one that is not here a slide that says so", async () => {
  const { talk } = await twoSlides();
  await store.saveTalk(talk);
  assert.deepEqual((await talkSlides(talk.id)).slides, talk.slides);
  const { slides } = await talkSlides("nothing");
  assert.equal(slides.length, 1);
  assert.match(slides[0].missing, /not in this browser/);
});

test("a file brings a talk into another browser, with the recordings that are not shipped", async () => {
  const { talk } = await twoSlides();
  const file = fileOf(await (await talkFile("", talk)).text());
  assert.ok(await isTalkFile(file));
  await empty();
  const { talk: came, lost } = await importTalk(file);
  assert.equal(lost, 0);
  const [own] = await recordings.listRecordings();
  assert.equal(own.name, "Monday");
  assert.deepEqual(came.slides, [
    { ...talk.slides[0], recording: `own:${own.id}` },
    talk.slides[1],
  ]);
  assert.notEqual(came.id, talk.id);
  assert.deepEqual(await store.getTalk(came.id), came);
  // Where its recordings are already, they are not kept twice.
  await importTalk(file);
  assert.equal((await recordings.listRecordings()).length, 1);
  assert.deepEqual((await store.listTalks()).map(({ name }) => name).sort(), [
    "Lecture",
    "Lecture (2)",
  ]);
});

test("a recording that is broken in the file loses nothing else", async () => {
  const { talk, id } = await twoSlides();
  const value = JSON.parse(await (await talkFile("", talk)).text());
  const warn = console.warn;
  console.warn = () => {};
  try {
    for (const broken of ["AAAA", "no base64 %%", 7, undefined]) {
      await empty();
      value.recordings[`own:${id}`].file = broken;
      const { talk: came, lost } = await importTalk(fileOf(value));
      assert.equal(lost, 1);
      assert.deepEqual(came.slides, talk.slides);
    }
  } finally {
    console.warn = warn;
  }
});

test("what is no talk is refused in one line that says what is allowed", async () => {
  const { talk } = await twoSlides();
  const good = JSON.parse(await (await talkFile("", talk)).text());
  const slide = (/** @type {any} */ what) => ({
    ...good,
    slides: [{ ...good.slides[0], ...what }],
  });
  /** @type {[any, RegExp][]} */
  const cases = [
    ["", /not a Kelvin playlist.*\.kelvin-talk/],
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
    await assert.rejects(importTalk(fileOf(value)), (error) => {
      assert.ok(error instanceof recordings.Refusal);
      assert.match(error.message, line);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
  assert.deepEqual(await store.listTalks(), []);
});

test("a file that is too large is refused with the limit, unread", async () => {
  const file = fileOf("{}");
  Object.defineProperty(file, "size", { value: 1e9 });
  Object.defineProperty(file, "text", { value: () => assert.fail("it was read") });
  await assert.rejects(importTalk(file), /at most 176 MB/);
});

test("which file is meant as a talk", async () => {
  assert.equal(await isTalkFile(fileOf("anything")), true);
  assert.equal(await isTalkFile(fileOf(' {"a": 1}', "x.json")), true);
  assert.equal(await isTalkFile(new File([FILE], "race.kelvin")), false);
  assert.equal(talkFileName('A: "talk"/1 ', ".html"), "A talk 1.html");
  assert.equal(talkFileName("...", ".html"), "talk.html");
});

test("what is not known of a slide is left out, words are on one line", () => {
  const { slides } = checkedTalk({
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
