/**
 * The door from Streamlit's component to the choice of the dataset: mount once, update on every run
 * of the script, clean up at the end.
 */

import { addStylesheet } from "../core/stylesheet.js";
import { setTexts } from "../i18n/i18n.js";
import { DatasetPicker } from "./picker.js";

/** @type {WeakMap<Element, DatasetPicker>} */
const pickers = new WeakMap();

/**
 * @param {{data: any, parentElement: HTMLElement, setTriggerValue: (name: string, value: unknown) =>
 *   void}} component
 */
export function mount({ data, parentElement, setTriggerValue }) {
  const folder = `${location.origin}${data.base}/kelvin/frontend/@${data.version}/styles`;
  setTexts(data.text);
  let picker = pickers.get(parentElement);
  if (!picker) {
    picker = new DatasetPicker(parentElement.querySelector(".kd-place") ?? parentElement);
    pickers.set(parentElement, picker);
    // Until its style sheet is there the row would have another height.
    picker.root.hidden = true;
    const { root } = picker;
    addStylesheet(`${folder}/dataset_picker.css`).then(() => (root.hidden = false));
  }
  picker.update(data, setTriggerValue);
}

/** @param {HTMLElement} parentElement */
export function unmount(parentElement) {
  pickers.get(parentElement)?.destroy();
  pickers.delete(parentElement);
}
