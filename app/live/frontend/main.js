/**
 * The door from Streamlit's component to the live view: mount once, update on every run of the
 * script, clean up at the end.
 */

import { stats } from "./charts/chart.js";
import { LiveView } from "./core/live_view.js";
import { showStyled } from "./core/stylesheet.js";

/** @type {WeakMap<Element, LiveView>} */
const views = new WeakMap();

/**
 * @param {{data: any, parentElement: HTMLElement, setStateValue: (name: string, value: unknown) =>
 *   void, setTriggerValue: (name: string, value: unknown) => void}} component
 */
export function mount({ data, parentElement, setStateValue, setTriggerValue }) {
  let view = views.get(parentElement);
  if (!view) {
    view = new LiveView(parentElement, data);
    views.set(parentElement, view);
    const folder = `${location.origin}${data.base}/kelvin/frontend/@${data.version}/styles`;
    showStyled(view.root, [`${folder}/live.css`]);
    // What tests and benchmarks read when what they waited for is there.
    /** @type {any} */ (window).__kelvin = { stats, view };
  }
  view.update(data, setStateValue, setTriggerValue);
}

/** @param {HTMLElement} parentElement */
export function unmount(parentElement) {
  views.get(parentElement)?.destroy();
  views.delete(parentElement);
}
