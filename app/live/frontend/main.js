/**
 * The door from Streamlit's component to the live view: mount once, update on every run of the
 * script, clean up at the end.
 */

import { stats } from "./charts/chart.js";
import { LiveView } from "./core/live_view.js";
import { addStylesheet } from "./core/stylesheet.js";

/** @type {WeakMap<Element, LiveView>} */
const views = new WeakMap();

/**
 * @param {{data: any, parentElement: HTMLElement, setStateValue: (name: string, value: unknown) =>
 *   void, setTriggerValue: (name: string, value: unknown) => void}} component
 */
export function mount({ data, parentElement, setStateValue, setTriggerValue }) {
  addStylesheet(`${location.origin}${data.base}/kelvin/frontend/@${data.version}/styles/live.css`);
  let view = views.get(parentElement);
  if (!view) {
    view = new LiveView(parentElement, data);
    views.set(parentElement, view);
    /** @type {any} */ (window).__kelvin = instruments(view);
  }
  view.update(data, setStateValue, setTriggerValue);
}

/** @param {HTMLElement} parentElement */
export function unmount(parentElement) {
  views.get(parentElement)?.destroy();
  views.delete(parentElement);
}

/** What tests and benchmarks read, of the view that was mounted last. @param {LiveView} view */
function instruments(view) {
  return {
    stats,
    view,
    get mounts() {
      return stats.mounts;
    },
    get drawn() {
      return stats.drawn;
    },
    get blanks() {
      return stats.blanks;
    },
    get state() {
      return view.session.state.state;
    },
    get received() {
      return view.session.received;
    },
    get firstFrameAt() {
      return view.session.firstFrameAt;
    },
    get runAt() {
      return view.session.runAt;
    },
    get race() {
      return view.session.race;
    },
    get experiment() {
      return view.session.history.stage?.experiment ?? null;
    },
    history: () => view.session.history,
  };
}
