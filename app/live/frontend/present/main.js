/**
 * The door from Streamlit's component to present mode: mount once, update on every run of the
 * script, clean up at the end.
 */

import { addStylesheet, showStyled } from "../core/stylesheet.js";
import { setTexts } from "../i18n/i18n.js";
import { PresentView } from "./page.js";
import { serverSource, playlistSlides } from "./slides.js";

/** @type {WeakMap<Element, {view: PresentView | null, gone: boolean}>} */
const stages = new WeakMap();

/** @param {{data: any, parentElement: HTMLElement}} component */
export async function mount({ data, parentElement }) {
  const there = stages.get(parentElement);
  if (there) return there.view?.update(data);
  /** @type {{view: PresentView | null, gone: boolean}} */ const stage = {
    view: null,
    gone: false,
  };
  stages.set(parentElement, stage);
  setTexts(data.text);
  const folder = `${location.origin}${data.base}/kelvin/frontend/@${data.version}/styles`;
  const sheets = ["live.css", "present.css"].map((name) => `${folder}/${name}`);
  sheets.forEach(addStylesheet);
  const playlist = data.ownPlaylist
    ? (await playlistSlides(data.ownPlaylist)).slides
    : data.playlist;
  if (stage.gone) return;
  const source = serverSource(data.base, playlist);
  stage.view = new PresentView(parentElement, { ...data, playlist }, source);
  showStyled(stage.view.root, sheets);
  /** What tests read. */
  /** @type {any} */ (window).__present = stage.view;
}

/** @param {HTMLElement} parentElement */
export function unmount(parentElement) {
  const stage = stages.get(parentElement);
  if (stage) stage.gone = true;
  stage?.view?.destroy();
  stages.delete(parentElement);
}
