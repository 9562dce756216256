/** What the views of targets are made of, before there is anything in them. */

import { t } from "../i18n/i18n.js";
import { icon, make } from "./dom.js";

/** @param {HTMLElement} place where they are put */
export function parts(place) {
  const part = (/** @type {string} */ name) => ({ "data-part": name, "data-testid": name });
  const differ = make("p", { class: "kg-warning", role: "status", ...part("problems-differ") });
  const choice = make("select", part("problem"));
  const picker = make(
    "label",
    { class: "kg-problem" },
    make("span", { text: t("gallery.problem") }),
    choice,
  );
  const number = make("input", {
    type: "text",
    id: "kg-target",
    "aria-label": t("gallery.view-time"),
    inputmode: "decimal",
    autocomplete: "off",
    spellcheck: "false",
    "aria-describedby": "kg-target-wrong",
    ...part("target"),
  });
  const label = make("label", { for: "kg-target" });
  const unit = make("span", { text: "%", "aria-hidden": "true" });
  const slider = make("input", {
    type: "range",
    min: "0",
    step: "1",
    "aria-label": t("gallery.target-slider"),
    ...part("target-slider"),
  });
  const reset = make("button", {
    type: "button",
    class: "kg-plain",
    text: t("gallery.target-reset"),
    title: t("gallery.target-reset-hint"),
    ...part("target-reset"),
  });
  const wrong = make("p", {
    class: "kg-wrong",
    id: "kg-target-wrong",
    role: "alert",
    hidden: true,
    ...part("target-wrong"),
  });
  const control = make(
    "div",
    { class: "kg-target", role: "group", "aria-label": t("gallery.view-time") },
    label,
    make("span", { class: "kg-number" }, number, unit),
    slider,
    reset,
    wrong,
  );
  const about = make("p", { class: "kg-about", ...part("fixed-about") });
  const nothing = make("p", { class: "kg-nothing", role: "status", ...part("fixed-nothing") });
  const places = {
    time: make("div", {
      class: "kg-chart",
      role: "img",
      "aria-label": t("gallery.view-time"),
      ...part("time-chart"),
    }),
    share: make("div", {
      class: "kg-chart",
      role: "img",
      "aria-label": t("gallery.view-share"),
      ...part("share-chart"),
    }),
  };
  const key = make(
    "p",
    { class: "kg-key", "aria-hidden": "true" },
    ...[
      ["●", "reached"],
      ["○", "not-reached"],
      ["┃", "ert"],
    ].map(([sign, text]) =>
      make("span", {}, make("i", { text: sign }), ` ${t(`gallery.key-${text}`)}`),
    ),
  );
  const table = make("div", {
    class: "kg-scroll",
    tabindex: "0",
    role: "region",
    ...part("fixed-table"),
  });
  const csv = make(
    "button",
    {
      type: "button",
      class: "kg-button",
      title: t("gallery.fixed-csv-hint"),
      ...part("fixed-csv"),
    },
    icon("export"),
    t("gallery.csv"),
  );
  const note = make("p", { class: "kg-faint kg-note", ...part("fixed-note") });
  const results = make("div", { class: "kg-results" }, table, csv);
  place.append(
    differ,
    picker,
    control,
    about,
    make("div", { class: "kg-plot" }, places.time, places.share, nothing),
    key,
    results,
    note,
  );
  return {
    differ,
    choice,
    picker,
    number,
    label,
    unit,
    slider,
    reset,
    wrong,
    control,
    about,
    nothing,
    places,
    key,
    table,
    csv,
    note,
    results,
  };
}
