/** The visitor's talks as a list: to be started, opened again or deleted. */

import { t } from "../i18n/i18n.js";
import { icon, make } from "./dom.js";

/** @typedef {import("../data/talk.js").Talk} Talk */

const TOLD = 3;

/**
 * @param {Talk[]} talks
 * @param {{start: (talk: Talk) => void, open: (talk: Talk) => void, remove: (talk: Talk) => void}}
 *   deeds
 */
export function talkRows(talks, deeds) {
  return talks.map((talk) => {
    const { id, name } = talk;
    const button = (
      /** @type {"start" | "edit" | "delete"} */ what,
      /** @type {() => void} */ press,
      /** @type {Record<string, string>} */ attributes,
      /** @type {...(Node | string)} */ ...content
    ) => {
      const made = make(
        "button",
        {
          type: "button",
          "data-do": what,
          "data-testid": `talks-${what}`,
          "aria-label": t(`talks.${what}-name`, { name }),
          ...attributes,
        },
        ...content,
      );
      made.onclick = press;
      return made;
    };
    const titles = talk.slides.slice(0, TOLD).map((slide) => slide.title || slide.called);
    const row = make(
      "li",
      { class: "kt-talk", "data-key": `talk ${id}`, "data-testid": "talk" },
      make(
        "div",
        { class: "kt-about" },
        make("h3", { text: name, title: name }),
        make("p", {
          class: "kg-faint",
          text: [
            t(talk.slides.length === 1 ? "talks.one-slide" : "talks.count", {
              count: talk.slides.length,
            }),
            titles.join(" · ") + (talk.slides.length > TOLD ? " · …" : ""),
          ]
            .filter(Boolean)
            .join(": "),
        }),
      ),
      make(
        "span",
        { class: "kg-acts" },
        button(
          "delete",
          () => deeds.remove(talk),
          { class: "kg-icon", title: t("gallery.delete") },
          icon("delete"),
        ),
        button("edit", () => deeds.open(talk), { class: "kg-button" }, t("talks.edit")),
        button(
          "start",
          () => deeds.start(talk),
          { class: "kg-button kg-main" },
          icon("play"),
          t("talks.start"),
        ),
      ),
    );
    row.setAttribute("aria-label", name);
    return row;
  });
}
