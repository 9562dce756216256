import "./texts.js";
import assert from "node:assert/strict";
import { test } from "node:test";

import { parseTyped } from "../../../app/live/frontend/controls/slider_scale.js";
import { formatValue } from "../../../app/live/frontend/data/interventions.js";
import {
  cosine,
  formatPlain,
  tidyNumbers,
  formatShortPlain,
  formatNumber,
} from "../../../app/live/frontend/i18n/format.js";
import { places } from "../../../app/live/frontend/gallery/sparkline.js";
import { histogram, binScale } from "../../../app/live/frontend/charts/histogram.js";
import {
  logScale,
  ticksOf,
  widthOf,
  highestShown,
} from "../../../app/live/frontend/charts/axis_scale.js";

/** Numbers of all sizes, the same ones in every run. @param {number} count */
function numbers(count) {
  let state = 7;
  return Array.from({ length: count }, () => {
    state = (state * 16807) % 2147483647;
    return 10 ** (40 * (state / 2147483647) - 20);
  });
}

test("a value of zero has a place on a logarithmic axis, under the lowest that has its own, and the axis says so", () => {
  for (const losses of [
    [0.7, 0.1, 0],
    [0.7, 1e-7, 0],
    [0.7, 0.01, 0],
    [3e5, 2, 0],
    [0, 0],
    [0.69, 0],
  ]) {
    const { range, floor, place } = logScale([losses]);
    const at = place(0);
    assert.equal(floor.text, "0");
    assert.ok(at > 0 && Math.log10(at) >= range[0] && Math.log10(at) <= range[1], String(losses));
    for (const loss of losses)
      if (loss > 0) assert.ok(place(loss) === loss && loss > 1.5 * at, `${loss} beside ${at}`);
    const { tickvals, ticktext } = ticksOf(range, true, floor);
    assert.equal(ticktext[tickvals.indexOf(at)], "0");
  }
});

test("what is next to zero goes on along the floor, and the axis says up to where", () => {
  for (const least of [1e-9, 3e-12, 1e-30, 5e-324]) {
    const { range, floor, place } = logScale([
      [2, 0.5, least],
      [2, 1, 0],
    ]);
    assert.equal(place(least), floor.at);
    assert.equal(place(0), floor.at);
    assert.ok(Math.log10(floor.at) >= range[0]);
    assert.ok(least <= floor.at, "the text is true");
    assert.equal(floor.text, `≤ ${formatPlain(floor.at)}`);
    assert.equal(place(0.5), 0.5);
  }
});

test("every value of a curve is on the axis, whatever it is; no number stays none", () => {
  const all = numbers(400);
  for (let i = 0; i + 8 <= all.length; i += 8) {
    const curve = [...all.slice(i, i + 8), ...(i % 3 ? [] : [0]), ...(i % 5 ? [] : [-1e-9])];
    const { range, place } = logScale([curve, [null, undefined, Number.NaN]]);
    for (const value of curve) {
      const at = Math.log10(place(value));
      assert.ok(at >= range[0] - 1e-9 && at <= range[1] + 1e-9, `${value} of ${curve}`);
    }
  }
  assert.equal(logScale([[1, 0]]).place(null), null);
  assert.equal(logScale([[1, 0]]).place(Number.NaN), null);
  assert.equal(logScale([[1, 2]]).floor, null);
});

test("a lane that explodes sinks nobody to the floor", () => {
  const curves = [
    [0.7, 0.01, 1e-6],
    [0.7, 1e9, 1e36],
    [null, 0.6],
  ];
  assert.equal(highestShown(curves), 7000);
  const { floor, place, range } = logScale(curves, highestShown(curves));
  assert.ok(
    range[1] < 5 && place(0.01) === 0.01 && place(0.7) === 0.7 && !(floor && floor.at > 1e-4),
  );
  assert.equal(highestShown([[0, 0], []]), Infinity);
  const { lines } = places(
    [
      [0.7, 0.01, 1e-3],
      [0.7, 1e9, 1e36],
    ],
    112,
    112,
  );
  assert.ok(lines[0][2][1] - lines[0][0][1] > 20, "its small picture, too");
  assert.ok(lines.flat().every(([, down]) => down >= 0 && down <= 112));
});

test("ticks rise, stand on the axis, are neither too many nor alike", () => {
  for (const [low, high] of [
    [-9.4, 0.2],
    [-2.1, 0],
    [-0.4, -0.1],
    [0.2, 6.3],
    [-30, 3],
    [-3.1, -2.8],
  ]) {
    for (const most of [3, 7]) {
      const { tickvals, ticktext } = ticksOf([low, high], true, null, most);
      assert.ok(tickvals.length >= 1 && tickvals.length <= 2.5 * most, `${tickvals}`);
      tickvals.forEach((value, i) =>
        assert.ok(
          Math.log10(value) >= low - 1e-6 &&
            Math.log10(value) <= high + 1e-6 &&
            (!i || value > tickvals[i - 1]),
        ),
      );
      assert.equal(new Set(ticktext).size, ticktext.length);
    }
  }
  for (const [low, high] of [
    [-1, 3],
    [0, 1e-5],
    [99_999.1, 100_000.9],
    [-0.3, 0.3],
    [1e9, 1.00001e9],
  ]) {
    const { tickvals, ticktext } = ticksOf([low, high], false);
    assert.ok(tickvals.length >= 2 && tickvals.length <= 8);
    assert.equal(new Set(ticktext).size, ticktext.length, `${ticktext}`);
  }
});

test("numbers are written in one way: three digits that count, powers of ten beyond a thousandth and a million", () => {
  const told = {
    0: "0",
    0.0122: "0.0122",
    0.00969: "0.00969",
    0.0093: "0.00930",
    0.002: "0.00200",
    0.00012: "1.20×10⁻⁴",
    12.345: "12.3",
    999.6: "1,000",
    12345: "12,345",
    1e6: "1.00×10⁶",
    1e-12: "1.00×10⁻¹²",
  };
  for (const [value, text] of Object.entries(told)) assert.equal(formatNumber(Number(value)), text);
  assert.equal(formatNumber(-0.5), "−0.500");
  assert.equal(formatNumber(-3e-9), "−3.00×10⁻⁹");
  assert.deepEqual([0.5, 0.002, 1e-6, 2e-6, 100, -1e-6].map(formatPlain), [
    "0.5",
    "0.002",
    "10⁻⁶",
    "2×10⁻⁶",
    "100",
    "−10⁻⁶",
  ]);
  assert.deepEqual([0.5, -0.5, -0.001, null, Number.NaN].map(cosine), [
    "0.50",
    "−0.50",
    "0.00",
    "–",
    "–",
  ]);
  for (const value of numbers(300)) {
    assert.doesNotMatch(formatNumber(value), /e/i);
    const read = Number(
      formatNumber(value)
        .replace(/,/g, "")
        .replace("×10", "e")
        .replace("⁻", "-")
        .replace(/[⁰¹²³⁴⁵⁶⁷⁸⁹]/g, (digit) => String("⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(digit))),
    );
    assert.ok(Math.abs(read - value) <= 0.00501 * value, `${value} reads ${formatNumber(value)}`);
  }
});

test("what a field shows of a knob can be typed into it again", () => {
  const knob = { name: "rate", type: "number", minimum: -1e12, maximum: 1e12 };
  for (const value of [0.5, 0.002, 1e-6, 2.5e-7, -3e-9, 41_300, 250_000, 1e9, 12, 0])
    assert.equal(parseTyped(knob, formatValue(value)), value);
  for (const text of ["1,5", "1.5", "1.5e0", "1.5×10⁰", "15×10⁻¹"])
    assert.ok(Math.abs(parseTyped(knob, text) - 1.5) < 1e-12, text);
});

test("a population with a loss of zero in it keeps its logarithmic scale, and zero its bin", () => {
  const losses = [0, 0, 1e-6, 1e-4, 0.01, 1];
  const scale = binScale(losses);
  assert.ok(scale.log && scale.floor.text === "0");
  const { counts } = histogram(losses, scale);
  assert.equal(
    counts.reduce((sum, count) => sum + count),
    losses.length,
  );
  assert.equal(counts[0], 2);
  assert.equal(binScale([0, 0.2, 0.5]).log, false);
  assert.equal(binScale([0.1, 0.5]).log, false);
  assert.equal(binScale([-1, 0, 5]).log, false);
});

test("numbers in sentences and at ticks are written in one way", () => {
  assert.equal(
    tidyNumbers(
      "Adam diverged at step 12: the loss is 2.69e+31, not -1e-07; weights within 1e+06.",
    ),
    "Adam diverged at step 12: the loss is 2.69×10³¹, not −1×10⁻⁷; weights within 10⁶.",
  );
  for (const sentence of ["lane1e5 of file2.3e4x", "3.5 s and 41,300", ""])
    assert.equal(tidyNumbers(sentence), sentence);
  for (const [value, text] of [
    [2e14, "200\u202fT"],
    [3000, "3\u202fk"],
    [2500, "2.5\u202fk"],
    [0, "0"],
    [400, "400"],
    [1.25e9, "1.25\u202fG"],
  ])
    assert.equal(formatShortPlain(value), text);
});

test("ticks of counts and shares differ from one another and begin at nothing", () => {
  for (const high of [1, 7, 35, 4200, 1.03e6, 2.06e14, 9.9e20]) {
    const { tickvals, ticktext } = ticksOf([0, high], false, null, 8, "count");
    assert.equal(ticktext[0], "0");
    assert.equal(new Set(ticktext).size, tickvals.length, ticktext.join(" "));
    for (const text of ticktext) assert.match(text, /^\d[\d,.]*(\u202f[kMGTPE])?$/);
  }
  assert.deepEqual(ticksOf([0, 0.15], false, null, 4, "share").ticktext, [
    "0\u202f%",
    "5\u202f%",
    "10\u202f%",
    "15\u202f%",
  ]);
  assert.equal(ticksOf([-0.02, 1.02], false, null, 8, "share").ticktext.at(-1), "100\u202f%");
});

test("the room that a tick takes is known before it is drawn, its minus with it", () => {
  assert.ok(widthOf("−2.5×10³²") > widthOf("2.5×10³²") + 6);
  assert.ok(widthOf("−2.5×10³²") > 46, "more than the figures have of themselves");
  assert.ok(widthOf("0.001") < 40);
  assert.equal(widthOf(""), 0);
});
