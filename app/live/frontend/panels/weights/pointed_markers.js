/** Where everybody was at a moment pointed at: rings over the picture that is shown. */

import { halo, shape } from "../../charts/lane_markers.js";

const RING = 8;

/**
 * @param {import("../../data/history.js").History} history
 * @param {number} index of the metrics pointed at
 * @param {{theme: import("../../charts/theme.js").Theme, colours: string[]}} panel
 * @returns {import("./panel.js").Painter | null} null where there is no picture of that moment
 */
export function pointedMarkers(history, index, panel) {
  const metric = history.metrics[index];
  const picture = metric ? history.pictureAt(metric.k) : null;
  if (!picture) return null;
  // Kept here, not the picture: it is decoded once and not in every frame.
  const plane = picture.plane.id;
  const places = picture.lanes.map((/** @type {any} */ lane) => lane.estimate);
  return (paint, { x, y, moment }) => {
    // seen from elsewhere: it would be another place on this plane
    if (moment.picture.plane.id !== plane) return;
    places.forEach((/** @type {[number, number]} */ [at, up], /** @type {number} */ lane) => {
      paint.beginPath();
      shape(paint, lane, x(at), y(up), RING);
      halo(paint, panel.theme, 5, 2.4);
      paint.strokeStyle = panel.colours[lane];
      paint.lineWidth = 2.4;
      paint.stroke();
    });
  };
}
