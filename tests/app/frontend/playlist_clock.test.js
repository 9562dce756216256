/** The playlist as time passes, the moment shown, and how large. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { logScale } from "../../../app/live/frontend/charts/axis_scale.js";
import {
  ABSENT,
  CARD,
  HOLD,
  REST,
  RUN,
  PlaylistClock,
  withLargeLetters,
  magnified,
  frameIndexAt,
} from "../../../app/live/frontend/present/playlist_clock.js";

/**
 * Let time pass in small ticks; how often another recording came on.
 * @param {PlaylistClock} reel
 * @param {number} seconds
 */
function pass(reel, seconds) {
  let changed = 0;
  for (let i = 0; i < Math.round(seconds * 10); i++) if (reel.tick(reel.last + 0.1)) changed++;
  return changed;
}

test("on a stage a recording plays once and stands at its end until somebody goes on", () => {
  const reel = new PlaylistClock(3, false);
  assert.equal(reel.phase, "run");
  pass(reel, RUN / 2);
  assert.ok(Math.abs(reel.share - 0.5) < 0.01);
  assert.equal(pass(reel, RUN), 0);
  assert.equal(reel.share, 1);
  assert.equal(reel.playing, false);
  assert.equal(reel.at, 0);
  reel.toggle();
  assert.equal(reel.share, 0);
  assert.equal(reel.playing, true);
});

test("on a stage the playlist ends at its ends", () => {
  const reel = new PlaylistClock(3, false);
  assert.equal(reel.go(-1), false);
  assert.equal(reel.go(1), true);
  assert.equal(reel.go(99), true);
  assert.equal(reel.at, 2);
  assert.equal(reel.go(3), false);
});

test("a pause holds the moment", () => {
  const reel = new PlaylistClock(2, false);
  pass(reel, 5);
  const { share } = reel;
  reel.toggle();
  pass(reel, 5);
  assert.equal(reel.share, share);
});

test("a kiosk shows the words, the race, its end, and goes round", () => {
  const reel = new PlaylistClock(2, true);
  assert.equal(reel.phase, "card");
  assert.equal(reel.share, 0);
  pass(reel, CARD + 1);
  assert.equal(reel.phase, "run");
  pass(reel, RUN);
  assert.equal(reel.phase, "rest");
  assert.equal(reel.share, 1);
  assert.equal(pass(reel, REST), 1);
  assert.deepEqual([reel.at, reel.phase], [1, "card"]);
  assert.equal(pass(reel, CARD + RUN + REST + 1), 1);
  assert.equal(reel.at, 0);
});

test("a kiosk that is touched waits a minute, or until it is let go", () => {
  const reel = new PlaylistClock(2, true);
  pass(reel, CARD + 5);
  const { share } = reel;
  reel.hold(reel.last);
  assert.equal(pass(reel, HOLD - 1), 0);
  assert.equal(reel.share, share);
  pass(reel, 3);
  assert.ok(reel.share > share);
  reel.hold(reel.last);
  reel.release();
  const before = reel.share;
  pass(reel, 1);
  assert.ok(reel.share > before);
});

test("a machine that slept does not skip what it slept through", () => {
  const reel = new PlaylistClock(2, true);
  assert.equal(reel.tick(10_000), false);
  assert.deepEqual([reel.at, reel.phase], [0, "card"]);
});

test("the pace lingers over the beginning and still ends at the end", () => {
  assert.equal(frameIndexAt(101, 0.5), 50);
  assert.equal(frameIndexAt(101, 0.5, 2), 25);
  assert.equal(frameIndexAt(101, 1, 2), 100);
  assert.equal(frameIndexAt(101, 0, 2), 0);
  assert.equal(frameIndexAt(0, 0.5), 0);
});

test("on a projector everything is at least twice as large, on a phone as it is", () => {
  assert.ok(magnified(1860, 800) >= 2);
  assert.equal(magnified(390, 700), 1);
  assert.ok(magnified(3840, 1600) > magnified(1920, 800));
});

test("a hall's figures have no small letters, and the explorer's keep theirs", () => {
  const figures = {
    loss: {
      data: [],
      layout: {
        font: { size: 11 },
        margin: { l: 46, r: 12, t: 6, b: 34 },
        xaxis: { title: { text: "seconds", font: { size: 11 } } },
        yaxis: { tickfont: { size: 10 } },
      },
    },
  };
  const large = withLargeLetters(figures).loss.layout;
  assert.deepEqual(
    [large.font.size, large.xaxis.title.font.size, large.yaxis.tickfont.size],
    [14, 14, 14],
  );
  assert.ok(large.margin.l > 46 && large.margin.r === 12);
  assert.equal(figures.loss.layout.font.size, 11);
});

test("a lane that explodes leaves the chart at its top, and the others are still seen", () => {
  const ys = [
    [0.1, 0.01],
    [0.1, 1e30],
  ];
  const [low, high] = logScale(ys, 1e3).range;
  assert.ok(low < -2 && high >= 3 && high < 3.5);
  assert.ok(logScale(ys).range[1] >= 30);
});

test("a recording that is not there makes room for the next one after a moment; the last one has none", () => {
  for (const kiosk of [false, true]) {
    const reel = new PlaylistClock(3, kiosk);
    reel.miss();
    assert.equal(pass(reel, ABSENT - 0.5), 0);
    assert.equal(pass(reel, 1), 1);
    assert.deepEqual([reel.at, reel.absent, reel.playing], [1, false, true]);
  }
  const reel = new PlaylistClock(1, false);
  reel.miss();
  assert.equal(pass(reel, 3 * ABSENT), 0);
  assert.equal(reel.at, 0);
});

test("a slide of one's own whose recording is missing stays until somebody goes on", () => {
  const reel = new PlaylistClock(3, false);
  reel.miss(false);
  assert.equal(pass(reel, 3 * ABSENT), 0);
  assert.deepEqual([reel.at, reel.absent], [0, true]);
  assert.equal(reel.go(1), true);
  assert.deepEqual([reel.absent, reel.playing], [false, true]);
  const kiosk = new PlaylistClock(3, true);
  kiosk.miss(false);
  assert.equal(pass(kiosk, ABSENT + 0.5), 1);
});
