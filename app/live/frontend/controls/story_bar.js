/**
 * The story bar: the question that a race answers, what to watch, and at the end what was seen. It
 * stays until it is closed.
 */

import { sameRace } from "../data/frame_view.js";
import { formatNumber, percent, SHAPES } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";
import { formatGap, lengthWithUnit } from "../i18n/length.js";
import { button } from "./popover.js";

/**
 * @typedef {object} Asked
 * @property {string} id
 * @property {string} title
 * @property {string} why what each lane does; "{0}" stands for the first lane's name
 * @property {string} watch
 * @property {string} lesson
 * @property {string[]} lanes their names
 * @property {number} number of the question, from 1
 * @property {number} count of all questions
 * @property {string | null} next id of the question after it
 * @property {any} experiment
 *
 * @typedef {object} Doing what its buttons do
 * @property {() => void} close
 * @property {(id: string | null) => void} next goes to that question; null is the evidence
 * @property {() => void} step shows one step in slow motion
 */

/** Numbers that take the most room, until the lanes' own are known. */
const WIDEST = { loss: 1.23e-10, test_accuracy: 1 };

export class StoryBar {
  /**
   * @param {HTMLElement} place
   * @param {Doing} on
   */
  constructor(place, on) {
    this.place = place;
    this.on = on;
    this.shown = "";
    /** Whether there is slow motion. */ this.mayStep = true;
    place.setAttribute("role", "note");
    place.innerHTML = `
      <div class="kv-story-text"><span class="kv-kicker"></span><b class="kv-story-title"></b>
        <div class="kv-story-body"><p><span class="kv-story-why"></span> <strong class="kv-story-watch"></strong> <em></em></p><p class="kv-story-seen"></p></div></div><p class="kv-sr" role="status" data-testid="question-seen"></p>
      <div class="kv-story-buttons"></div>`;
    this.get = (/** @type {string} */ selector) =>
      /** @type {HTMLElement} */ (place.querySelector(selector));
    this.step = button(t("story.step"), () => on.step(), {
      "data-testid": "question-step",
      title: t("story.step-hint"),
    });
    /** @type {string | null} */ this.following = null;
    this.next = button("", () => on.next(this.following), {
      class: "kv-main",
      "data-testid": "question-next",
    });
    const close = button(
      "✕",
      () => {
        place.hidden = true;
        on.close();
      },
      {
        class: "kv-close",
        "aria-label": t("story.close"),
        title: t("story.close"),
        "data-testid": "question-close",
      },
    );
    this.get(".kv-story-buttons").append(this.step, this.next, close);
    place.hidden = true;
  }

  /**
   * @param {Asked | null | undefined} asked
   * @param {object} race
   * @param {any} race.experiment of the race on the screen, or null
   * @param {boolean} race.coming whether another race was asked for and nothing is seen of it yet
   * @param {any[] | null} race.ended the lanes' numbers at its end, null before
   * @param {string[]} race.names of its lanes
   * @param {boolean} race.heights whether a loss is a height on a landscape
   * @param {any} [race.tour] the data of a tour, whose loss is a length
   */
  show(asked, { experiment, coming, ended, names, heights, tour = null }) {
    this.place.hidden = !asked;
    this.step.hidden = !this.mayStep;
    if (!asked) return;
    // Another seed is the same question.
    const bare = { seed: 0, seeds: 1 };
    const same =
      !experiment || sameRace({ ...experiment, ...bare }, { ...asked.experiment, ...bare });
    const other = same ? "" : t(coming ? "story.coming" : "story.other");
    const last = same && !coming ? ended : null;
    const called = same && names.length === asked.lanes.length ? names : asked.lanes;
    const key = JSON.stringify([asked.id, other, called, last?.map((row) => row.loss)]);
    if (key === this.shown) return;
    this.shown = key;
    this.get(".kv-kicker").textContent = t("story.number", {
      number: asked.number,
      count: asked.count,
    });
    this.get(".kv-story-title").textContent = asked.title;
    this.get(".kv-story-why").replaceChildren(...withNames(asked.why, called));
    this.get(".kv-story-watch").textContent = asked.watch;
    // Both stand in one place, and the one that is not read takes its room: nothing jumps at the end.
    this.get(".kv-story-seen").replaceChildren(
      ...seen(called, last ?? called.map(() => WIDEST), heights, tour),
      Object.assign(document.createElement("strong"), { textContent: asked.lesson }),
    );
    this.get("em").textContent = other;
    this.place.toggleAttribute("data-ended", Boolean(last));
    const told = this.get(".kv-story-seen");
    told.setAttribute("aria-hidden", String(!last));
    // those who do not see it hear it
    this.get("[data-testid=question-seen]").textContent = last ? told.textContent : "";
    this.get(".kv-story-body > :first-child").setAttribute("aria-hidden", String(Boolean(last)));
    this.following = asked.next;
    this.next.textContent = t(asked.next ? "story.next" : "story.evidence");
  }
}

/**
 * A text with lanes' names in their colours where it says "{0}" or "{1}".
 * @param {string} text
 * @param {string[]} lanes
 */
function withNames(text, lanes) {
  return text.split(/\{(\d)\}/).map((part, i) => (i % 2 ? laneName(lanes, Number(part)) : part));
}

/**
 * @param {string[]} lanes
 * @param {number} lane
 */
function laneName(lanes, lane) {
  const name = document.createElement("b");
  name.className = "kv-lane-name";
  name.style.setProperty("--lane", `var(--lane-${lane})`);
  name.textContent = `${SHAPES[lane]} ${lanes[lane]}`;
  return name;
}

/**
 * How every lane ended, in numbers.
 * @param {string[]} lanes their names
 * @param {any[]} rows of the lanes
 * @param {boolean} heights whether a loss is a height on a landscape
 * @param {any} tour the data of a tour, whose loss is a length
 */
function seen(lanes, rows, heights, tour) {
  return rows.slice(0, lanes.length).flatMap((row, lane) => {
    const told =
      tour && row.loss === null && !row.trouble
        ? t("story.unfit")
        : row.loss === null || row.trouble
          ? t("story.failed")
          : tour
            ? t("story.tour", { length: lengthWithUnit(row.loss, tour), gap: formatGap(row.gap) })
            : row.test_accuracy === null || row.test_accuracy === undefined
              ? t(heights ? "story.height" : "story.loss", { loss: formatNumber(row.loss) })
              : t("story.right", {
                  right: percent(row.test_accuracy),
                  loss: formatNumber(row.loss),
                });
    return [laneName(lanes, lane), ` ${told} `];
  });
}
