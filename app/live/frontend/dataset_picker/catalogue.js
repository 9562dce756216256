/** All datasets, in groups, in a window: each with a picture, its name and a sentence. */

import { t } from "../i18n/i18n.js";

/** Cards in a row. */
const COLUMNS = 3;

/**
 * @param {HTMLElement} root of the picker
 * @param {object} options
 * @param {import("./picker.js").Group[]} options.groups
 * @param {string} options.picked
 * @param {string} options.about the picked dataset: what it is, and where it is from
 * @param {(button: HTMLElement, card: import("./picker.js").Card) => void} options.fill
 * @param {(name: string) => void} options.choose
 */
export function openCatalogue(root, { groups, picked, about, fill, choose }) {
  if (root.querySelector("dialog.kd-all")) return;
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  const dialog = document.createElement("dialog");
  dialog.className = "kd-all";
  dialog.dataset.testid = "all-datasets";
  dialog.setAttribute("aria-labelledby", "kd-all-title");
  const head = document.createElement("header");
  const title = document.createElement("h2");
  title.id = "kd-all-title";
  title.textContent = t("datasets.all");
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "✕";
  close.title = t("datasets.close");
  close.setAttribute("aria-label", close.title);
  close.onclick = () => dialog.close();
  head.append(title, close);
  const body = document.createElement("div");
  body.className = "kd-groups";
  /** @type {HTMLElement | null} */ let first = null;
  let chosen = "";
  groups.forEach((group, g) => {
    if (!group.datasets.length) return;
    const section = document.createElement("section");
    const heading = document.createElement("h3");
    heading.id = `kd-group-${g}`;
    heading.textContent = group.title;
    section.style.setProperty("--kd-span", String(Math.min(COLUMNS, group.datasets.length)));
    section.setAttribute("role", "group");
    section.setAttribute("aria-labelledby", heading.id);
    const grid = document.createElement("div");
    grid.className = "kd-grid";
    for (const card of group.datasets) {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.testid = `all-${card.name}`;
      button.setAttribute("aria-pressed", String(card.name === picked));
      fill(button, card);
      const words = document.createElement("span");
      words.className = "kd-words";
      const name = document.createElement("b");
      name.textContent = card.title ?? card.label;
      const sentence = document.createElement("span");
      sentence.textContent = card.sentence;
      words.append(name, sentence);
      button.append(words);
      button.onclick = () => {
        chosen = card.name;
        dialog.close();
      };
      if (card.name === picked) first = button;
      grid.append(button);
    }
    section.append(heading, grid);
    body.append(section);
  });
  dialog.append(head, body);
  if (about) {
    const foot = document.createElement("footer");
    foot.textContent = about;
    dialog.append(foot);
  }
  // Anywhere outside its paper is the dialog itself, its backdrop.
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  dialog.onkeydown = (event) => event.stopPropagation();
  dialog.onclose = () => {
    dialog.remove();
    if (before?.isConnected) before.focus({ preventScroll: true });
    if (chosen) choose(chosen);
  };
  root.append(dialog);
  dialog.showModal();
  /** @type {HTMLElement | null} */ (first)?.focus();
}
