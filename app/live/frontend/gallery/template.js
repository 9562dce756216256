/**
 * What the gallery is made of, before there is anything in it. Only texts of Kelvin's own stand in
 * this markup.
 */

import { t } from "../i18n/i18n.js";
import { icon } from "./dom.js";
import { ORDERS } from "./filter.js";

const svg = (/** @type {Parameters<typeof icon>[0]} */ name) => icon(name).outerHTML;
const group = (/** @type {string} */ part, /** @type {string} */ label) =>
  `<span class="kg-choice" role="group" aria-label="${label}" data-part="${part}"></span>`;

/** @param {"yours" | "recent" | "shipped"} name */
const section = (name) => `
  <section class="kg-group" data-group="${name}" data-testid="group-${name}" aria-labelledby="kg-${name}">
    <header><h2 id="kg-${name}">${t(`gallery.${name}`)}</h2><span class="kg-count" data-part="count"></span><span class="kg-faint" data-part="about"></span></header>
    <ul class="kg-cards" data-part="cards" role="list"></ul><p class="kg-empty" data-part="empty" hidden></p>
  </section>`;

export const template = () => `
  <header class="kg-top"><h1>${t("gallery.title")}</h1><p>${t("gallery.about")}</p></header>
  <p class="kg-warning" data-part="warning" role="status" hidden></p>
  <div class="kg-toolbar" role="group" aria-label="${t("gallery.toolbar")}">
    <label class="kg-search">${svg("search")}<input type="search" data-part="search" data-testid="search" aria-label="${t("gallery.search")}" placeholder="${t("gallery.search-hint")}" autocomplete="off" spellcheck="false"></label>
    <label class="kg-sort"><span>${t("gallery.sort")}</span><select data-part="sort" data-testid="sort">${ORDERS.map((order) => `<option value="${order}">${t(`gallery.sort-${order}`)}</option>`).join("")}</select></label>
    <button type="button" class="kg-button" data-part="import" data-testid="import" title="${t("gallery.import-hint")}">${svg("import")}${t("gallery.import")}</button>
    <input type="file" data-part="file" data-testid="import-file" accept=".kelvin,.kelvin-playlist,.kelvin-talk" multiple hidden aria-label="${t("gallery.import-hint")}">
    <div class="kg-filters">
      <div class="kg-chips" role="group" aria-label="${t("gallery.filter-data")}" data-part="data" data-testid="filter-data"></div>
      <div class="kg-chips" role="group" aria-label="${t("gallery.filter-method")}" data-part="methods" data-testid="filter-methods"></div>
      <button type="button" class="kg-plain" data-part="clear-filters" data-testid="clear-filters" hidden>${t("gallery.clear")}</button>
    </div>
  </div>
  <section class="kg-compare" data-part="compare" data-testid="compare-area" data-empty="true" aria-labelledby="kg-side">
    <p class="kg-hint">${t("gallery.compared-hint")}</p>
    <header><h2 id="kg-side" tabindex="-1">${t("gallery.compared")}</h2><span class="kg-count" data-part="count" data-testid="compared-count"></span>
      <button type="button" class="kg-button kt-present" data-part="present" data-testid="present-these" title="${t("playlists.present-hint")}">${svg("present")}${t("playlists.present")}</button>
      <button type="button" class="kg-plain" data-part="clear" data-testid="clear-selection">${t("gallery.clear-selection")}</button></header>
    <div class="kg-bar"><div class="kg-views" role="tablist" aria-label="${t("gallery.views")}" data-part="views"></div>
      <span class="kg-switches">${group("measure", t("gallery.measure"))}${group("currency", t("gallery.currency"))}<label class="kg-tick" data-part="log-box"><input type="checkbox" data-part="log" data-testid="log"><span>${t("gallery.log")}</span></label></span></div>
    <div id="kg-curves" role="tabpanel" data-part="curves">
    <div class="kg-drawn"><div class="kg-plot"><div data-part="chart" data-testid="chart" role="img"></div><p class="kg-nothing" data-part="nothing" role="status" hidden></p></div><ul class="kg-legend" data-part="legend" aria-label="${t("gallery.legend")}" role="list"></ul></div>
    <p class="kg-warning" data-part="different" data-testid="different" hidden>${t("gallery.different-data")}</p>
    <div class="kg-results"><div class="kg-scroll" data-part="table" tabindex="0" role="region" aria-label="${t("gallery.table")}"></div><button type="button" class="kg-button" data-part="csv" data-testid="csv" title="${t("gallery.csv-hint")}">${svg("export")}${t("gallery.csv")}</button></div>
    </div>
    <div id="kg-fixed" class="kg-fixed" role="tabpanel" data-part="fixed" data-testid="fixed" hidden></div>
  </section>
  <p class="kg-empty" data-part="no-match" data-testid="no-match" role="status" hidden></p>
  <section class="kg-group" data-part="playlists" data-testid="playlists" aria-labelledby="kg-playlists" hidden>
    <header><h2 id="kg-playlists">${t("playlists.yours")}</h2><span class="kg-faint">${t("playlists.yours-about")}</span></header>
    <ul class="kt-playlists" data-part="playlist-list" role="list"></ul>
  </section>
  <section class="kg-group" data-part="kept" data-testid="kept" aria-labelledby="kg-kept">
    <header><h2 id="kg-kept">${t("kept.title")}</h2><span class="kg-count" data-part="count"></span><span class="kg-faint" data-part="about" hidden>${t("kept.about")}</span></header>
    <ul class="kg-cards" data-part="cards" role="list" aria-labelledby="kg-kept"></ul><p class="kg-empty" data-part="empty" data-testid="kept-empty" hidden></p>
  </section>
  ${section("yours")}${section("recent")}${section("shipped")}
  <button type="button" class="kg-jump" data-part="jump" data-testid="jump" hidden></button>
  <div class="kg-notices" data-part="notices" role="status" aria-live="polite"></div>
  <div class="kg-drop" data-part="drop" hidden><p>${t("gallery.drop")}</p></div>`;
