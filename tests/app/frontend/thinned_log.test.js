/** A history stays bounded and covers the whole race evenly, however long that is. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ThinnedLog } from "../../../app/live/frontend/data/thinned_log.js";
import { metricsCsv } from "../../../app/live/frontend/export/csv.js";
import {
  History,
  MOST_DETAILS,
  MOST_METRICS,
  MOST_PICTURES,
} from "../../../app/live/frontend/data/history.js";
import { Playback } from "../../../app/live/frontend/data/playback.js";
import { readRecording, writeRecording } from "../../../app/live/frontend/data/recording.js";
import "./texts.js";

/** MessagePack of a map of texts, small whole numbers and bytes. */
function pack(value) {
  const text = (one) => [0xd9, one.length, ...Buffer.from(one)];
  const entry = (one) =>
    typeof one === "string"
      ? text(one)
      : Array.isArray(one)
        ? [0x90 | one.length, ...one.flatMap(entry)]
        : typeof one === "object"
          ? [...pack(one)]
          : [0xce, one >>> 24, (one >>> 16) & 255, (one >>> 8) & 255, one & 255];
  return new Uint8Array([
    0x80 | Object.keys(value).length,
    ...Object.entries(value).flatMap(([key, one]) => [...text(key), ...entry(one)]),
  ]);
}
const put = (history, message) => history.add(message, pack(message));
const gaps = (ks) => ks.slice(1).map((k, i) => k - ks[i]);

/**
 * The first and the newest are there, and of the others the largest gap is at most twice the
 * smallest.
 */
function even(ks, last, what) {
  assert.equal(ks[0], 0, what);
  assert.equal(ks.at(-1), last, what);
  const between = gaps(ks.slice(0, -1));
  assert.ok(
    Math.max(...between) <= 2 * Math.min(...between),
    `${what}: gaps from ${Math.min(...between)} to ${Math.max(...between)}`,
  );
}

for (const count of [100, 599, 600, 601, 1201, 6600, 20_000, 100_000]) {
  test(`${count} pictures are thinned evenly`, () => {
    const history = new History();
    for (let k = 0; k < count; k++) {
      history.add({ type: "picture", k }, new Uint8Array(1));
      history.add({ type: "detail", k }, new Uint8Array(1));
    }
    for (const [kept, most] of [
      [history.pictures, MOST_PICTURES],
      [history.details, MOST_DETAILS],
    ]) {
      even(
        kept.map(({ k }) => k),
        count - 1,
        `${count} of at most ${most}`,
      );
      assert.ok(kept.length <= most && kept.length >= Math.min(count, most / 2));
    }
  });
}

test("an album stays even at every moment, and where pictures are missed on the way", () => {
  const steady = new ThinnedLog(60);
  for (let k = 0; k < 3000; k++) {
    steady.add({ k, bytes: new Uint8Array(1) });
    assert.ok(steady.kept.length <= 60);
    if (k > 2)
      even(
        steady.kept.map((one) => one.k),
        k,
        `after ${k}`,
      );
  }
  // A slow page gets the newest picture only: one in every one to four frames.
  const missed = new ThinnedLog(60);
  let last = 0;
  for (let k = 0; k < 20_000; k += 1 + ((k * 7) % 4))
    missed.add({ k: (last = k), bytes: new Uint8Array(1) });
  even(
    missed.kept.map((one) => one.k),
    last,
    "with pictures missed",
  );
});

test("an album is bounded in bytes", () => {
  const album = new ThinnedLog(1000, 10_000);
  for (let k = 0; k < 5000; k++) {
    album.add({ k, bytes: new Uint8Array(100 + (k % 7)) });
    assert.equal(
      album.bytes,
      album.kept.reduce((sum, { bytes }) => sum + bytes.length, 0),
    );
    assert.ok(album.bytes <= 10_000);
  }
  even(
    album.kept.map(({ k }) => k),
    4999,
    "bytes",
  );
});

test("metrics are thinned, too: no event and no end of a lane is lost, and a chosen moment stays chosen", () => {
  const history = new History();
  const player = new Playback();
  player.load(history, "live");
  put(history, { type: "stage", lanes: [] });
  const count = 3 * MOST_METRICS;
  const deeds = [5, 17, 9000, 10_001, 25_003];
  for (let k = 0; k < count; k++) {
    put(history, {
      type: "metrics",
      k,
      lanes: [{ finished: k >= 12_345 ? 1 : 0 }],
      events: deeds.includes(k) ? [{ lane: 0, kind: "reheat", step: k }] : [],
    });
    if (k === 9001) player.show(9000);
    assert.ok(history.length <= MOST_METRICS);
  }
  const ks = history.metrics.map(({ k }) => k);
  assert.deepEqual(
    deeds.filter((k) => !ks.includes(k)),
    [],
  );
  assert.ok(ks.includes(12_345));
  const stay = new Set([...deeds, 12_345]);
  even(
    ks.filter((k) => !stay.has(k)),
    count - 1,
    "metrics",
  );
  assert.deepEqual(
    history.events.map((event) => [event.step, history.metrics[event.at].k]),
    deeds.map((k) => [k, k]),
  );
  assert.equal(history.metrics[player.moment].k, 9000);
});

test("a recording saved from the page is as even, and tells of every event", async () => {
  const history = new History();
  put(history, { type: "stage", lanes: [] });
  for (let k = 0; k < 25_000; k++) {
    put(history, {
      type: "metrics",
      k,
      lanes: [],
      events: k === 4321 ? [{ lane: 0, kind: "turn", step: 7 }] : [],
    });
    put(history, { type: "picture", k });
  }
  const again = await readRecording(await (await writeRecording(history)).arrayBuffer());
  even(
    again.pictures.map(({ k }) => k),
    24_999,
    "pictures",
  );
  even(
    again.metrics.map(({ k }) => k).filter((k) => k !== 4321),
    24_999,
    "metrics",
  );
  assert.equal(again.metrics[again.events[0].at].k, 4321);
});

test("of a long row of numbers the table tells which entries are told", () => {
  const row = {
    step: 1,
    vectors: { acceptance: { data: new Float32Array([0.1, 0.2, 0.3]), shape: [3] } },
    lengths: { acceptance: 1001 },
  };
  const text = metricsCsv({
    stage: { lanes: [{ optimizer: "annealing", label: "Annealing" }] },
    metrics: [{ k: 0, clock: 0, lanes: [row] }],
  });
  assert.match(text, /acceptance\[0\],acceptance\[500\],acceptance\[1000\]/);
  const short = { ...row, lengths: {} };
  assert.match(
    metricsCsv({
      stage: { lanes: [{ optimizer: "annealing", label: "Annealing" }] },
      metrics: [{ k: 0, clock: 0, lanes: [short] }],
    }),
    /acceptance\[0\],acceptance\[1\],acceptance\[2\]/,
  );
});
