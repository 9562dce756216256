/** One recording as a card. */

import { nameElements } from "../data/lane_names.js";
import { measured, sought } from "../data/layouts.js";
import { formatNumber, formatShort, percent, SHAPES } from "../i18n/format.js";
import { t } from "../i18n/i18n.js";
import { icon, make } from "./dom.js";
import { sparkline } from "./sparkline.js";

/**
 * What a card may do.
 * @typedef {object} CardActions
 * @property {(item: import("./filter.js").Item, wanted: boolean) => boolean} compare whether it is
 *   compared now
 * @property {(item: import("./filter.js").Item) => void} keep
 * @property {(item: import("./filter.js").Item, name: string) => void} rename
 * @property {(item: import("./filter.js").Item) => void} save
 * @property {(item: import("./filter.js").Item) => void} remove
 *
 * @typedef {object} Look
 * @property {string[]} colours of the lanes
 * @property {string | null} mark the colour that the recording has in the comparison, if it is
 *   there
 * @property {string} base of the server's addresses
 * @property {boolean} lasting whether one's own recordings are there on another page
 */

/**
 * @param {import("./filter.js").Item} item
 * @param {Look} look
 * @param {CardActions} actions
 */
export function card(item, look, actions) {
  const { name, summary, key } = item;
  const titled = make("div", { class: "kg-name" });
  showName(titled, item, actions);
  const made = make("li", {
    class: "kg-card",
    "data-key": key,
    "data-testid": "card",
    style: look.mark ? `--mark: ${look.mark}` : undefined,
    "data-compared": Boolean(look.mark),
  });
  made.append(
    sparkline(item.spark, look.colours, t("gallery.losses", { lanes: told(item) })),
    titled,
    make("p", {
      class: "kg-what",
      text: [summary.label, summary.network, budget(summary), seeds(summary)]
        .filter(Boolean)
        .join(" · "),
    }),
    lanes(item, look.colours),
    make("p", {
      class: "kg-when",
      text: [item.made === null ? "" : date(item.made), `${bytes(item.size)}`]
        .filter(Boolean)
        .join(" · "),
    }),
    foot(item, look, actions, () => startRename(titled, item, actions)),
  );
  made.setAttribute("aria-label", name);
  return made;
}

/**
 * @param {import("./filter.js").Item} item
 * @param {Look} look
 * @param {CardActions} actions
 * @param {() => void} rename
 */
function foot(item, look, actions, rename) {
  const { name, key, own } = item;
  const box = make("input", {
    type: "checkbox",
    "data-do": "compare",
    "data-testid": "compare",
    "aria-label": t("gallery.compare-name", { name }),
  });
  box.checked = Boolean(look.mark);
  box.onchange = () => (box.checked = actions.compare(item, box.checked));
  const row = make(
    "div",
    { class: "kg-foot" },
    make("label", { class: "kg-tick" }, box, make("span", { text: t("gallery.compare") })),
  );
  const reachable = !own || look.lasting;
  const open = make("a", {
    class: "kg-button kg-main",
    "data-do": "open",
    "data-testid": "open",
    href: reachable ? `${look.base}/?recording=${encodeURIComponent(key)}` : undefined,
    text: t("gallery.open"),
    "aria-label": t("gallery.open-name", { name }),
    title: reachable ? undefined : t("gallery.not-lasting-open"),
    role: reachable ? undefined : "link",
    "aria-disabled": reachable ? undefined : "true",
  });
  open.onclick = (event) => {
    if (!open.href || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    location.assign(open.href);
  };
  const iconButton = (
    /** @type {"rename" | "export" | "delete"} */ what,
    /** @type {() => void} */ press,
  ) => {
    const button = make(
      "button",
      {
        type: "button",
        class: "kg-icon",
        "data-do": what,
        "data-testid": what,
        "aria-label": t(`gallery.${what}-name`, { name }),
        title: t(`gallery.${what}`),
      },
      icon(what),
    );
    button.onclick = press;
    return button;
  };
  const acts = make("span", { class: "kg-acts" });
  if (own) acts.append(iconButton("rename", rename));
  acts.append(iconButton("export", () => actions.save(item)));
  if (own) acts.append(iconButton("delete", () => actions.remove(item)));
  if (own && !item.kept) {
    const keep = make("button", {
      type: "button",
      class: "kg-button",
      "data-do": "keep",
      "data-testid": "keep",
      text: t("gallery.keep"),
      "aria-label": t("gallery.keep-name", { name }),
    });
    keep.onclick = () => actions.keep(item);
    acts.append(keep);
  }
  acts.append(open);
  row.append(acts);
  return row;
}

/**
 * The name; a press on one's own makes it a field.
 * @param {HTMLElement} place
 * @param {import("./filter.js").Item} item
 * @param {CardActions} actions
 */
function showName(place, item, actions) {
  if (!item.own) return place.replaceChildren(make("h3", { text: item.name, title: item.name }));
  const button = make("button", {
    type: "button",
    "data-do": "name",
    "data-testid": "name",
    text: item.name,
    title: item.name,
    "aria-label": t("gallery.rename-name", { name: item.name }),
  });
  button.onclick = () => startRename(place, item, actions);
  place.replaceChildren(make("h3", {}, button));
}

/**
 * Enter and leaving the field take the name, Esc does not.
 * @param {HTMLElement} place
 * @param {import("./filter.js").Item} item
 * @param {CardActions} actions
 */
function startRename(place, item, actions) {
  const field = make("input", {
    type: "text",
    maxlength: "120",
    "data-testid": "new-name",
    "aria-label": t("gallery.new-name", { name: item.name }),
  });
  field.value = item.name;
  let over = false;
  const end = (/** @type {boolean} */ take, /** @type {boolean} */ back) => {
    if (over) return;
    over = true;
    const wanted = field.value.trim();
    showName(place, item, actions);
    if (back) /** @type {HTMLElement | null} */ (place.querySelector("button"))?.focus();
    if (take && wanted && wanted !== item.name) actions.rename(item, wanted);
  };
  field.onkeydown = (event) => {
    event.stopPropagation();
    if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault(); // or the press would go on to the button that takes the field's place
      end(true, true);
    } else if (event.key === "Escape") end(false, true);
  };
  field.onblur = () => end(true, false);
  place.replaceChildren(field);
  field.focus();
  field.select();
}

/**
 * How every lane ended.
 * @param {import("./filter.js").Item} item
 * @param {string[]} colours
 */
function lanes({ summary }, colours) {
  const scored =
    summary.results.some((row) => row.test_accuracy !== null) &&
    !["curve", "function"].includes(summary.kind) &&
    !sought(summary.kind);
  // a height or a length, for which no data are kept aside
  const alone = summary.kind === "function" || sought(summary.kind);
  const loss = alone
    ? t(
        !sought(summary.kind)
          ? "gallery.height"
          : measured(summary.kind)
            ? "gallery.length"
            : "gallery.price",
      )
    : t("gallery.test-loss");
  const head = make(
    "tr",
    { class: "kg-head" },
    make("td"),
    scored && make("th", { scope: "col", text: t("gallery.test-accuracy") }),
    make("th", { scope: "col", text: loss }),
  );
  const rows = summary.lanes.map((lane, i) => {
    const row = summary.results[i];
    const label = make(
      "th",
      { scope: "row", title: lane.label },
      make("i", { style: `color: ${colours[i]}`, "aria-hidden": "true", text: SHAPES[i] }),
      " ",
      make("span", { class: "kg-lane" }, ...nameElements(lane)),
    );
    return make(
      "tr",
      {},
      label,
      scored && make("td", { text: percent(row.test_accuracy) }),
      make("td", { text: formatNumber(alone ? row.loss : row.test_loss) }),
    );
  });
  return make("table", { class: "kg-lanes" }, make("thead", {}, head), make("tbody", {}, ...rows));
}

/** @param {import("./filter.js").Item} item */
function told({ summary, spark }) {
  return summary.lanes
    .map((lane, i) =>
      t("gallery.losses-lane", {
        lane: lane.label,
        first: formatNumber(spark[i]?.[0]),
        last: formatNumber(spark[i]?.at(-1)),
      }),
    )
    .join("; ");
}

/** @param {import("../data/summary.js").Summary} summary */
export function budget({ budget: { currency, amount } }) {
  return t(`gallery.${currency}-budget`, {
    amount: currency === "seconds" ? Number(amount.toPrecision(4)) : formatShort(amount),
  });
}

/** "8 seeds", of whose results the medians are shown. @param {import("../data/summary.js").Summary} summary */
export function seeds({ seeds: count }) {
  return count ? t("gallery.seeds", { count }) : "";
}

/** @param {number} made in milliseconds */
export function date(made) {
  const then = new Date(made);
  const year = then.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return new Intl.DateTimeFormat("en-GB", {
    day: "numeric",
    month: "short",
    year,
    hour: "2-digit",
    minute: "2-digit",
  }).format(then);
}

/** @param {number} size */
export function bytes(size) {
  return size < 999_500
    ? `${Math.max(1, Math.round(size / 1000))}\u202fkB`
    : `${(size / 1e6).toFixed(1)}\u202fMB`;
}
