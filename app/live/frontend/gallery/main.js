/**
 * The door from Streamlit's component to the gallery: mount once, update on every run of the
 * script, clean up at the end.
 */

import { stats } from "../charts/chart.js";
import { showStyled } from "../core/stylesheet.js";
import { GalleryPage } from "./page.js";

/** @type {WeakMap<Element, GalleryPage>} */
const pages = new WeakMap();

/** @param {{data: any, parentElement: HTMLElement}} component */
export function mount({ data, parentElement }) {
  let page = pages.get(parentElement);
  if (!page) {
    page = new GalleryPage(parentElement, data);
    showStyled(page.root, [
      `${location.origin}${data.base}/kelvin/frontend/@${data.version}/styles/gallery.css`,
    ]);
    pages.set(parentElement, page);
    /** What tests read. */
    /** @type {any} */ (window).__gallery = { page, stats };
  }
  page.dress();
}

/** @param {HTMLElement} parentElement */
export function unmount(parentElement) {
  pages.get(parentElement)?.destroy();
  pages.delete(parentElement);
}
