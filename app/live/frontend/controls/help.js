/** The keys, told in a window. */

import { t } from "../i18n/i18n.js";
import { button } from "./popover.js";
import { SHORTCUTS } from "./shortcuts.js";

const GROUPS = /** @type {const} */ (["race", "time", "look", "keep"]);

/**
 * @param {HTMLElement} root of the view
 * @param {import("./shortcuts.js").Actions} actions which say what can be done here
 */
export function openHelp(root, actions) {
  if (root.querySelector("dialog.kv-help")) return;
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  const dialog = document.createElement("dialog");
  dialog.className = "kv-help";
  dialog.dataset.testid = "help";
  dialog.setAttribute("aria-labelledby", "kv-help-title");
  const head = document.createElement("header");
  const title = document.createElement("h2");
  title.id = "kv-help-title";
  title.textContent = t("time.keys");
  head.append(
    title,
    button("✕", () => dialog.close(), {
      "aria-label": t("time.keys-close"),
      title: t("time.keys-close"),
      "data-testid": "help-close",
    }),
  );
  const groups = document.createElement("div");
  groups.append(...GROUPS.map((name) => group(actions, name)));
  dialog.append(head, groups);
  // Anywhere outside its paper is the dialog itself, its backdrop.
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  dialog.onclose = () => {
    dialog.remove();
    if (before?.isConnected) before.focus({ preventScroll: true });
  };
  root.append(dialog);
  dialog.showModal();
}

/**
 * @param {import("./shortcuts.js").Actions} actions
 * @param {string} name
 */
function group(actions, name) {
  const place = document.createElement("section");
  const title = document.createElement("h3");
  title.textContent = t(`time.keys-${name}`);
  const list = document.createElement("dl");
  for (const key of SHORTCUTS) {
    if (key.group !== name || !(key.can?.(actions) ?? true)) continue;
    const keys = document.createElement("dt");
    for (const one of key.keys) {
      if (one === "…") keys.append("…");
      else
        keys.append(
          Object.assign(document.createElement("kbd"), {
            textContent: one === "space" ? t("time.key-bar") : one,
          }),
        );
    }
    list.append(
      keys,
      Object.assign(document.createElement("dd"), { textContent: t(`time.key-${key.name}`) }),
    );
  }
  place.append(title, list);
  return place;
}
