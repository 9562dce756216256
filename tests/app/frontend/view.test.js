import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { markersAlong, timeAxisEnd, decimate } from "../../../app/live/frontend/charts/decimate.js";
import { percent, formatShort, formatNumber } from "../../../app/live/frontend/i18n/format.js";
import { colour, shades } from "../../../app/live/frontend/charts/decision_map.js";
import { History, MOST_PICTURES } from "../../../app/live/frontend/data/history.js";
import { Playback } from "../../../app/live/frontend/data/playback.js";
import { readRecording, writeRecording } from "../../../app/live/frontend/data/recording.js";
import { sameRace, setEarlierNames } from "../../../app/live/frontend/data/frame_view.js";
import {
  channels,
  heatScale,
  luminance,
  mixColours,
} from "../../../app/live/frontend/charts/theme.js";

/** {type: "picture", k} as MessagePack. */
function picture(k) {
  const text = (value) => [0xa0 | value.length, ...new TextEncoder().encode(value)];
  return new Uint8Array([
    0x82,
    ...text("type"),
    ...text("picture"),
    ...text("k"),
    0xcd,
    k >> 8,
    k & 255,
  ]);
}

test("numbers as people read them", () => {
  assert.equal(formatShort(41_300_000), "41.3\u202fM");
  assert.equal(formatShort(999_999), "1.00\u202fM");
  assert.equal(formatShort(620_000), "620\u202fk");
  assert.equal(formatShort(37), "37");
  assert.equal(formatShort(null), "–");
  assert.equal(formatNumber(0.1843), "0.184");
  assert.equal(formatNumber(0.00012), "1.20×10⁻⁴");
  assert.equal(formatNumber(0), "0");
  assert.equal(formatNumber(Number.NaN), "–");
  assert.equal(percent(0.9423), "94.2\u202f%");
  assert.equal(percent(undefined), "–");
});

test("thinned curves keep their ends and their extremes", () => {
  const n = 10_000;
  const x = Array.from({ length: n }, (_, i) => i);
  const y = x.map((i) => Math.sin(i / 50));
  y[5003] = 9;
  y[7001] = -9;
  const curve = decimate(x, y, 400);
  assert.ok(curve.x.length <= 400 && curve.x.length > 200);
  assert.equal(curve.x[0], 0);
  assert.equal(curve.x.at(-1), n - 1);
  assert.ok(curve.y.includes(9) && curve.y.includes(-9));
  assert.deepEqual(
    [...curve.x].sort((a, b) => a - b),
    curve.x,
  );
  curve.x.forEach((at, i) => assert.equal(curve.y[i], y[at]));
  const few = decimate([1, 2], [3, 4]);
  assert.deepEqual(few, { x: [1, 2], y: [3, 4] });
});

test("a lane's markers stand on its line, apart from each other and from those of other lanes, and do not wander as the line grows", () => {
  const x = Array.from({ length: 3000 }, (_, i) => i / 100);
  const y = x.map((at) => (at > 12 && at < 14 ? null : Math.exp(-at)));
  const whole = [0, 1, 2].map((lane) => markersAlong(x, y, 30, lane, 3));
  for (const { x: at, y: up } of whole) {
    assert.ok(at.length >= 4);
    at.forEach((one, i) => assert.equal(up[i], y[x.indexOf(one)]));
  }
  const all = whole.flatMap((one) => one.x).sort((a, b) => a - b);
  all.forEach((one, i) => assert.ok(!i || one - all[i - 1] > 1));
  const young = markersAlong(x.slice(0, 1500), y.slice(0, 1500), 30, 1, 3);
  assert.deepEqual(young.x, whole[1].x.slice(0, young.x.length));
  assert.deepEqual(markersAlong([], [], 30, 0, 2), { x: [], y: [] });
  assert.deepEqual(markersAlong([0, 30], [1, 2], 30, 0, 2), { x: [0], y: [1] });
});

test("gaps in a curve do no harm", () => {
  const x = Array.from({ length: 1000 }, (_, i) => i);
  const curve = decimate(
    x,
    x.map((i) => (i < 500 ? null : i)),
    100,
  );
  assert.equal(curve.y.at(-1), 999);
});

test("the time axis grows in a few strides and ends at the budget", () => {
  const ends = Array.from({ length: 101 }, (_, i) => timeAxisEnd(30, i / 100));
  assert.ok(ends.every((end, i) => end >= (30 * i) / 100));
  assert.equal(new Set(ends).size, 6);
  assert.equal(ends[100], 30);
});

test("pictures are thinned long before metrics, and the newest before a moment is found", () => {
  const history = new History();
  const n = 3 * MOST_PICTURES;
  for (let k = 0; k < n; k++) {
    history.add(
      { type: "metrics", k, events: k === 5 ? [{ lane: 0, kind: "reheat" }] : [] },
      new Uint8Array(),
    );
    history.add({ type: "picture", k }, picture(k));
  }
  assert.equal(history.length, n);
  assert.ok(history.pictures.length <= MOST_PICTURES + 1);
  assert.equal(history.pictures[0].k, 0);
  assert.equal(history.pictures.at(-1).k, n - 1);
  for (const k of [0, 17, 900, n - 1]) {
    const found = history.pictureAt(k).k;
    assert.ok(found <= k);
    assert.ok(!history.pictures.some((other) => other.k > found && other.k <= k));
  }
  assert.deepEqual(history.events, [{ lane: 0, kind: "reheat", at: 5 }]);
  assert.equal(new History().pictureAt(3), null);
});

test("a player shows the newest until a moment is chosen, and plays recordings by their clock", () => {
  const history = new History();
  for (let k = 0; k < 11; k++) history.add({ type: "metrics", k, clock: k }, new Uint8Array());
  const player = new Playback();
  player.load(history, "live");
  assert.equal(player.moment, 10);
  player.show(4);
  assert.equal(player.moment, 4);
  history.add({ type: "metrics", k: 11, clock: 11 }, new Uint8Array());
  assert.equal(player.moment, 4);
  player.show(null);
  assert.equal(player.moment, 11);
  player.load(history, "recording");
  player.play(100);
  assert.equal(player.moment, 0);
  assert.equal(player.tick(100 + 3 / Playback.SPEED), true);
  assert.equal(player.moment, 3);
  assert.equal(player.tick(100 + 3 / Playback.SPEED), false);
  player.tick(100 + 11 / Playback.SPEED);
  assert.equal(player.moment, 11);
  player.tick(100 + 11 / Playback.SPEED + Playback.REST + 0.1);
  assert.equal(player.moment, 0);
  player.show(11);
  assert.equal(player.playing, false);
  assert.equal(player.moment, 11);
});

test("a recording file is read, anything else is refused", async () => {
  const text = (value) => [0xa0 | value.length, ...new TextEncoder().encode(value)];
  const stage = new Uint8Array([0x81, ...text("type"), ...text("stage")]);
  const metrics = new Uint8Array([0x82, ...text("type"), ...text("metrics"), ...text("k"), 0]);
  const file = (parts) => {
    const body = parts.flatMap((part) => [
      ...new Uint8Array(new Uint32Array([part.length]).buffer),
      ...part,
    ]);
    const packed = gzipSync(new Uint8Array(body));
    return packed.buffer.slice(packed.byteOffset, packed.byteOffset + packed.length);
  };
  const history = await readRecording(file([stage, metrics, picture(0)]));
  assert.equal(history.length, 1);
  assert.equal(history.pictureAt(0).k, 0);
  const again = await readRecording(await (await writeRecording(history)).arrayBuffer());
  assert.deepEqual(again.messages(), history.messages());
  await assert.rejects(readRecording(file([metrics])), /not a recording/);
  await assert.rejects(readRecording(new TextEncoder().encode("hello").buffer));
});

test("colours", () => {
  assert.deepEqual(channels("#d9532c"), [217, 83, 44]);
  assert.deepEqual(channels("rgb(1, 2, 3)"), [1, 2, 3]);
  assert.ok(luminance("#fbfaf7") > 0.9 && luminance("#161412") < 0.1);
  const scale = [
    [0, "#000000"],
    [0.5, "#640000"],
    [1, "#ffffff"],
  ];
  assert.equal(mixColours(scale, 0.25), "rgb(50,0,0)");
  assert.equal(mixColours(scale, 2), "rgb(255,255,255)");
  assert.equal(mixColours(scale, Number.NaN), "rgb(0,0,0)");
});

/** What eyes see of a colour: its lightness (0 to 100) and its hue in degrees, in CIE Lab. */
function lab(colour) {
  const [r, g, b] = channels(colour).map((c) =>
    c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4,
  );
  const [x, y, z] = [
    (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505,
    0.2126 * r + 0.7152 * g + 0.0722 * b,
    (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089,
  ];
  const f = (value) => (value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116);
  return {
    light: 116 * f(y) - 16,
    hue: (Math.atan2(200 * (f(y) - f(z)), 500 * (f(x) - f(y))) * 180) / Math.PI,
    luminance: y,
  };
}

test("however hot a lane is, it keeps its colour: heat is lightness, more of it the hotter, and stands out from the ground", () => {
  const lanes = {
    light: ["#d9532c", "#2b6ea6", "#3f8f5b", "#8a5fbf"],
    dark: ["#f07a52", "#5aa5e0", "#63b982", "#b18ae0"],
  };
  for (const [name, colours] of Object.entries(lanes)) {
    const theme = { dark: name === "dark" };
    colours.forEach((colour) => {
      const steps = Array.from({ length: 11 }, (_, i) =>
        lab(mixColours(heatScale(colour, theme), i / 10)),
      );
      const away = (hue) => Math.abs(((hue - lab(colour).hue + 540) % 360) - 180);
      steps.forEach(({ light, hue, luminance }, i) => {
        assert.ok(!i || light > steps[i - 1].light + 1.2, `${colour} ${i}`);
        assert.ok(away(hue) < 24, `${colour} ${i}: ${away(hue)}`);
        const ground = lab(theme.dark ? "#211e1b" : "#fffaf0").luminance;
        assert.ok((Math.max(luminance, ground) + 0.05) / (Math.min(luminance, ground) + 0.05) >= 3);
      });
      assert.ok(steps.at(-1).light - steps[0].light >= 16, colour);
    });
  }
});

test("a decision map is painted the right way up, with a straight boundary between its points", () => {
  const neutral = [128, 128, 128];
  const table = shades(neutral, [
    [0, 0, 0],
    [255, 255, 255],
  ]);
  assert.ok(Math.abs(table[3 * 127] - 128) <= 3);
  assert.ok(table[0] < 60 && table[3 * 255] > 200);
  // The low row is surely the first class, the high row surely the second.
  const image = { width: 8, height: 8, data: new Uint8ClampedArray(4 * 64) };
  colour({ data: [0, 0, 255, 255], shape: [2, 2] }, image, table);
  const at = (x, y) => image.data[4 * (8 * y + x)];
  assert.ok(at(0, 0) > 200, "the top is the high end of y");
  assert.ok(at(0, 7) < 60);
  for (let y = 1; y < 8; y++) assert.ok(at(3, y) <= at(3, y - 1));
  assert.equal(image.data[3], 255);
});

test("a race told by an older Kelvin is the one asked for where all it tells agrees", () => {
  const asked = {
    dataset: { name: "moons", noise: 0.1 },
    lanes: [{ name: "adam" }],
    stop: { target: null },
  };
  assert.ok(sameRace(asked, asked));
  assert.ok(sameRace({ dataset: { name: "moons", noise: 0.1 }, lanes: [{ name: "adam" }] }, asked));
  assert.ok(
    !sameRace({ dataset: { name: "moons", noise: 0.2 }, lanes: [{ name: "adam" }] }, asked),
  );
  assert.ok(!sameRace({ ...asked, lanes: [] }, asked));
  assert.ok(!sameRace({ ...asked, stop: { target: 0.1 } }, asked));
});

test("a recording of an earlier version is the race whose settings have other names now", () => {
  setEarlierNames({ pso: { particles: "population_size" } });
  const told = {
    lanes: [
      { name: "pso", particles: 8 },
      { name: "adam", particles: 8 },
    ],
  };
  const asked = {
    lanes: [
      { name: "pso", population_size: 8 },
      { name: "adam", particles: 8 },
    ],
  };
  assert.ok(sameRace(told, asked));
  assert.ok(sameRace(asked, told));
  assert.ok(!sameRace({ ...told, lanes: [{ name: "pso", particles: 9 }, told.lanes[1]] }, asked));
  assert.ok(!sameRace({ lanes: [told.lanes[1], told.lanes[1]] }, asked));
});
