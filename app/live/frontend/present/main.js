/**
 * The door from Streamlit's component to present mode: mount once, update on every run of the
 * script, clean up at the end.
 */

import { addStylesheet } from "../core/stylesheet.js";
import { PresentView } from "./page.js";

/** @type {WeakMap<Element, PresentView>} */
const views = new WeakMap();

/** @param {{data: any, parentElement: HTMLElement}} component */
export function mount({ data, parentElement }) {
  let view = views.get(parentElement);
  if (!view) {
    for (const sheet of ["styles/live.css", "styles/present.css"])
      addStylesheet(`${location.origin}${data.base}/kelvin/frontend/@${data.version}/${sheet}`);
    view = new PresentView(parentElement, data);
    views.set(parentElement, view);
    /** What tests read. */
    /** @type {any} */ (window).__present = view;
  }
  view.update(data);
}

/** @param {HTMLElement} parentElement */
export function unmount(parentElement) {
  views.get(parentElement)?.destroy();
  views.delete(parentElement);
}
