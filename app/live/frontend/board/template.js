/** What the live view is made of, before anything is drawn in it. */

import { t } from "../i18n/i18n.js";
import { panelTerm } from "../panels/names.js";

const ENLARGE =
  '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M9.500 2H14v4.500h-1.500V4.600L9.700 7.400 8.600 6.300l2.800-2.800H9.500zM6.500 14H2V9.500h1.500v1.900l2.800-2.800 1.100 1.100-2.800 2.800h1.900z"/></svg>';
const HIDE =
  '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M12.600 4.500 11.500 3.400 8 6.900 4.500 3.400 3.400 4.500 6.900 8l-3.500 3.500 1.100 1.100L8 9.100l3.500 3.500 1.100-1.100L9.100 8z"/></svg>';

const choice = (
  /** @type {string} */ id,
  /** @type {string} */ text,
  /** @type {string} */ term = "",
) =>
  `<button type="button" data-testid="${id}" aria-pressed="false"${term && ` data-term="${term}"`}>${text}</button>`;
const group = (
  /** @type {string} */ id,
  /** @type {string} */ label,
  /** @type {string} */ buttons,
) =>
  `<span class="kv-choice" role="group" aria-label="${label}" data-testid="${id}">${buttons}</span>`;

/**
 * Buttons a panel has from the start.
 * @param {string} name
 * @param {string} layout
 */
function tools(name, layout) {
  if (name === "loss" && layout === "network")
    return group(
      "loss-or-accuracy",
      t("live.measure"),
      choice("measure-loss", t("live.loss")) + choice("measure-accuracy", t("live.accuracy")),
    );
  if (name === "weights" && layout === "landscape")
    return group(
      "map-or-relief",
      t("live.drawn-as"),
      choice("mode-map", t("live.map")) + choice("mode-relief", t("live.relief")),
    );
  return "";
}

/**
 * One panel, empty.
 * @param {string} name
 * @param {number} number
 * @param {import("../data/layouts.js").Layout} layout
 */
export function panelTemplate(name, number, layout) {
  const term = panelTerm(name, layout);
  const title = t(`live.panel-${term}`);
  return `
  <section class="kv-panel" data-testid="panel-${name}" data-panel="${name}" role="figure" aria-label="${title}" hidden>
    <header><h2 data-term="panel-${term}" tabindex="0">${title}</h2><span class="kv-tools">${tools(name, layout)}</span><span class="kv-note"${name === "weights" && layout === "network" ? ' data-term="pca" tabindex="0"' : ""}></span>
      <span class="kv-frame"><button type="button" data-do="enlarge" data-testid="enlarge-${name}" aria-label="${t("live.enlarge-name", { name: title })}" aria-pressed="false" title="${t("live.enlarge", { number })}">${ENLARGE}</button><button type="button" data-do="hide" data-testid="hide-${name}" aria-label="${t("live.hide-name", { name: title })}" title="${t("live.hide")}">${HIDE}</button></span></header>
    <div class="kv-plot" data-plot="${name}"></div><p class="kv-nothing" hidden></p><p class="kv-sr" data-summary></p>
  </section>`;
}

/** The view, empty. @param {string} layout "network", "landscape" or "tour" */
export const template = (layout) => `
  <div class="kv-story" data-testid="question" hidden></div>
  <div class="kv-top"><div class="kv-transport" role="toolbar" aria-label="${t("live.race")}"></div><div class="kv-menu" role="toolbar" aria-label="${t("live.menu")}"></div></div>
  ${layout === "landscape" ? `<div class="kv-sites" role="group" aria-label="${t("live.landscape")}" data-testid="sites"></div>` : ""}
  <div class="kv-cards"></div>
  <div class="kv-stages" data-testid="stages" hidden></div>
  <div class="kv-panels"></div>
  <div class="kv-more" role="group" aria-label="${t("live.more")}" data-testid="more" hidden></div>
  <div class="kv-bottom">
    <span class="kv-choice" role="group" aria-label="${t("live.currency")}">
      ${choice("currency-seconds", t("live.seconds"), "seconds")}${choice("currency-evaluations", t("live.evaluations"), layout === "tour" ? "evaluations-tour" : "evaluations")}${choice("currency-flops", t("live.flops"), "flops")}</span>
    <span class="kv-seed" role="group" data-testid="seed-switch" aria-label="${t("time.seed-group")}" hidden></span>
    <div class="kv-line"><input type="range" class="kv-scrub" data-testid="scrub" min="0" max="0" value="0" aria-label="${t("live.moment")}"><div class="kv-flags" data-testid="flags"></div><i class="kv-tick" hidden></i></div>
    <p class="kv-status" data-testid="status" role="status"></p><span class="kv-time"></span><button type="button" class="kv-edge" data-testid="live-edge" hidden></button>
  </div>`;
