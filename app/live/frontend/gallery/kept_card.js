/** One race that the server keeps, as a card. */

import { formatNumber, SHAPES } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";
import { bytes, date } from "./card.js";
import { icon, make } from "./dom.js";
import { columnsOf } from "./kept_summary.js";

/**
 * @typedef {import("./kept_summary.js").KeptItem} KeptItem
 *
 * @typedef {object} KeptActions
 * @property {(item: KeptItem) => void} open
 * @property {(item: KeptItem) => void} pin turns it over
 * @property {(item: KeptItem) => void} save
 * @property {(item: KeptItem | null) => void} ask whether it is to be deleted
 * @property {(item: KeptItem) => void} remove
 */

/**
 * What a card is found by. Not by its token: whoever has that steers the race, so it stands nowhere
 * in the page.
 * @param {string} token
 */
export function keyOf(token) {
  let hash = 0x811c9dc5; // FNV-1a
  for (const letter of token)
    hash = Math.imul(hash ^ /** @type {number} */ (letter.codePointAt(0)), 0x01000193) >>> 0;
  return `kept ${hash.toString(16)}`;
}

/**
 * @param {KeptItem} item
 * @param {string[]} colours of the lanes
 * @param {boolean} asks whether it is being asked if this race is to be deleted
 * @param {KeptActions} actions
 */
export function keptCard(item, colours, asks, actions) {
  const { title: name, layout, standing, created, bytes: size, results, experiment } = item;
  const seeds = experiment.seeds > 1 ? t("kept.one-of-seeds", { count: experiment.seeds }) : "";
  const made = make(
    "li",
    { class: "kg-card", "data-key": keyOf(item.token), "data-testid": "kept-race" },
    make("div", { class: "kg-name" }, make("h3", { text: name, title: name })),
    make(
      "p",
      { class: "kg-what" },
      make("b", {
        class: "kg-standing",
        "data-standing": standing,
        "data-testid": "standing",
        text: t(`kept.state-${standing}`),
      }),
      ` ${[t(`kept.page-${layout}`), seeds].filter(Boolean).join(" · ")}`,
    ),
    results.length
      ? lanes(item, colours)
      : make("p", { class: "kg-faint", text: t("kept.no-numbers") }),
    make("p", { class: "kg-when", text: `${date(created * 1000)} · ${bytes(size)}` }),
    asks ? question(item, actions) : foot(item, actions),
  );
  made.setAttribute("aria-label", name);
  return made;
}

/**
 * @param {KeptItem} item
 * @param {string[]} colours
 */
function lanes(item, colours) {
  const columns = columnsOf(item);
  const head = make(
    "tr",
    { class: "kg-head" },
    make("td"),
    ...columns.map((one) => make("th", { scope: "col", text: one.head })),
  );
  const rows = item.results.map((row, i) =>
    make(
      "tr",
      {},
      make(
        "th",
        { scope: "row", title: row.label },
        make("i", { style: `color: ${colours[i]}`, "aria-hidden": "true", text: SHAPES[i] }),
        " ",
        make("span", { class: "kg-lane" }, make("span", { class: "kv-method", text: row.label })),
      ),
      ...columns.map(({ name }) => make("td", { text: formatNumber(row[name]) })),
    ),
  );
  return make(
    "table",
    { class: "kg-lanes kg-now", "aria-label": t("kept.losses", { name: item.title }) },
    make("thead", {}, head),
    make("tbody", {}, ...rows),
  );
}

/**
 * @param {KeptItem} item
 * @param {KeptActions} actions
 */
function foot(item, actions) {
  const { title: name, pinned, own } = item;
  return make(
    "div",
    { class: "kg-foot" },
    own
      ? button("pin", () => actions.pin(item), t(pinned ? "kept.pinned" : "kept.pin"), {
          class: "kg-button kg-pin",
          "aria-label": t("kept.pin-name", { name }),
          "aria-pressed": String(pinned),
          title: t("kept.pin-hint"),
        })
      : make("span", { class: "kg-faint", text: t("kept.joined") }),
    make(
      "span",
      { class: "kg-acts" },
      button("export", () => actions.save(item), icon("export"), {
        class: "kg-icon",
        "aria-label": t("kept.export-name", { name }),
        title: t("gallery.export"),
      }),
      button("delete", () => actions.ask(item), icon(own ? "delete" : "close"), {
        class: "kg-icon",
        "aria-label": t(own ? "kept.delete-name" : "kept.take-off-name", { name }),
        title: t(own ? "gallery.delete" : "kept.take-off"),
      }),
      button("open", () => actions.open(item), t("kept.open"), {
        class: "kg-button kg-main",
        "aria-label": t("kept.open-name", { name }),
      }),
    ),
  );
}

/**
 * @param {KeptItem} item
 * @param {KeptActions} actions
 */
function question(item, actions) {
  const asked = make(
    "div",
    { class: "kg-foot kg-ask", role: "group" },
    make("span", { text: t("kept.delete-ask") }),
    make(
      "span",
      { class: "kg-acts" },
      button("delete-no", () => actions.ask(null), t("kept.delete-no"), { class: "kg-button" }),
      button("delete-yes", () => actions.remove(item), t("kept.delete-yes"), {
        class: "kg-button kg-danger",
        "aria-label": t("kept.delete-name", { name: item.title }),
      }),
    ),
  );
  asked.onkeydown = ({ key }) => key === "Escape" && actions.ask(null);
  return asked;
}

/**
 * @param {string} what
 * @param {() => void} press
 * @param {string | Node} content
 * @param {Record<string, string>} attributes
 */
function button(what, press, content, attributes) {
  const made = make(
    "button",
    { type: "button", "data-do": what, "data-testid": `kept-${what}`, ...attributes },
    content,
  );
  made.onclick = press;
  return made;
}
