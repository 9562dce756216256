/** A recording, opened in the live view. */

import { messageFor } from "../data/errors.js";
import { layoutOf, PAGES } from "../data/layouts.js";
import { readRecording } from "../data/recording.js";
import { fetchRecording } from "../data/recording_source.js";
import { t } from "../i18n/i18n.js";

/**
 * Play a recording from the server or from the visitor's own.
 * @param {import("./live_view.js").LiveView} view
 * @param {string} address
 * @param {boolean} wanted whether it was asked for, and takes the place of what is on the screen
 */
export async function openRecording(view, address, wanted) {
  const asked = Boolean(view.data.view?.recording);
  try {
    const history = await readRecording((await fetchRecording(view.data.base, address)).bytes);
    // a race began meanwhile
    if (!wanted && !asked && (view.session.history.length || view.session.waiting)) return;
    const layout = layoutOf(history.stage.data.kind);
    // A race on a landscape belongs on the page of landscapes, whatever page its address was typed
    // at, and a tour on that of routes.
    if (layout !== view.layout && !view.data.offline)
      return location.replace(`${view.data.base}/${PAGES[layout]}${location.search}`);
    view.playHistory(history);
    view.session.recording = address;
    if (asked) view.setStateValue("opened", history.stage.experiment);
  } catch (error) {
    // The page is whole without one that nobody asked for; a defect is told in any case.
    const line = messageFor(error, asked ? t("status.no-recording") : "");
    if (line) view.session.problem = line;
    if (asked) withoutIt(view);
    view.showState();
  }
}

/**
 * What a page shows whose address names a recording that is not there: what it shows without it.
 * @param {import("./live_view.js").LiveView} view
 */
function withoutIt(view) {
  const { recording: _, at: __, ...rest } = view.data.view;
  view.data = { ...view.data, view: rest, recording: view.data.usual ?? null };
  view.session.opened = false;
  view.tellAddress(true);
  if (view.data.recording && !view.session.history.length && !view.session.waiting)
    view.playRecording(view.data.recording);
}
