/**
 * The choice of the plane through weight space; closed, it says how much of what happens the plane
 * holds.
 */

import { t } from "../../i18n/i18n.js";

const KINDS = ["pca", "line", "random"];
/** After that time a plane that was asked for is not waited for any more, in milliseconds. */
const WAIT_MS = 2500;

export class PlaneChoice {
  /**
   * @param {HTMLElement} tools
   * @param {import("../registry.js").PanelApi} api
   */
  constructor(tools, api) {
    this.api = api;
    this.select = document.createElement("select");
    this.select.className = "kv-plane";
    this.select.dataset.testid = "plane";
    this.select.dataset.term = "pca";
    this.select.setAttribute("aria-label", t("touch.plane"));
    for (const kind of KINDS) this.select.append(new Option(t(`touch.plane-${kind}`), kind));
    this.asked = { kind: "", until: 0 };
    this.select.onchange = () => {
      this.asked = { kind: this.select.value, until: performance.now() + WAIT_MS };
      api.command({ do: "plane", kind: this.select.value });
    };
    tools.append(this.select);
    tools.closest("header")?.classList.add("kv-with-plane");
  }

  /**
   * @param {{kind: string, explained: number | null | undefined}} plane of the picture that is
   *   shown
   */
  show(plane) {
    const live = this.api.live();
    const wanted = live && performance.now() < this.asked.until ? this.asked.kind : "";
    const kind = wanted || plane.kind;
    if (kind === plane.kind) this.asked.until = 0;
    for (const option of this.select.options) {
      const text =
        option.value === plane.kind ? planeText(plane) : t(`touch.plane-${option.value}`);
      if (option.textContent !== text) option.textContent = text;
    }
    if (this.select.value !== kind) this.select.value = kind;
    this.select.disabled = !live;
    const title =
      `${t(`touch.plane-${plane.kind}-help`)} ${(plane.explained ?? null) === null ? "" : t("touch.plane-holds", { share: Math.round(100 * /** @type {number} */ (plane.explained)) })} ${live ? "" : t("touch.plane-recorded")}`
        .replace(/ +/g, " ")
        .trim();
    if (this.select.title !== title) this.select.title = title;
  }
}

/** "PCA · 71 % shown". @param {{kind: string, explained: number | null | undefined}} plane */
export function planeText({ kind, explained }) {
  const name = t(`touch.plane-${kind}`);
  return explained === null || explained === undefined
    ? name
    : t("touch.plane-share", { name, share: Math.round(100 * explained) });
}
