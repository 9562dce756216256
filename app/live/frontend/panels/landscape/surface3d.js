/**
 * A landscape in three dimensions, mounted when it is first asked for. WebGL draws it; where there
 * is none, a sentence says so.
 */

import { Chart, dress } from "../../charts/chart.js";
import { linspace } from "../../charts/hillshade.js";
import { heatScale, mixColours } from "../../charts/theme.js";
import { isExpected } from "../../data/errors.js";
import { columns, rows } from "../../data/messages.js";
import { t } from "../../i18n/i18n.js";

const PER_LANE = 3;
const LIFT = 0.02;
const PIN = 0.4;
/** How high the head of a pin stands: a point in a hollow is seen all the same. */
const DRAW_MS = 110;
const PARTS = 16;
const MOST_POINTS = 640;

/** Whether this browser can draw in three dimensions. */
function hasWebGL() {
  try {
    const context = document.createElement("canvas").getContext("webgl");
    context?.getExtension("WEBGL_lose_context")?.loseContext();
    return context !== null;
  } catch (error) {
    if (!isExpected(error)) console.error(error);
    return false;
  }
}

/**
 * A path with points between its corners, so that it runs over the ground and not through it.
 * @param {{x: ArrayLike<number>, y: ArrayLike<number>}} path
 */
export function densePath({ x, y }) {
  const parts = Math.max(1, Math.min(PARTS, Math.floor(MOST_POINTS / Math.max(1, x.length))));
  /** @type {{x: number[], y: number[]}} */ const dense = { x: [], y: [] };
  for (let i = 0; i < x.length; i++) {
    for (let part = i && parts > 1 ? 1 : parts; part <= parts; part++) {
      const share = part / parts;
      dense.x.push(i ? x[i - 1] + share * (x[i] - x[i - 1]) : x[i]);
      dense.y.push(i ? y[i - 1] + share * (y[i] - y[i - 1]) : y[i]);
    }
  }
  return dense;
}

export class Surface3D {
  /**
   * @param {HTMLElement} element
   * @param {any} Plotly
   * @param {any} figure
   * @param {import("../../charts/theme.js").Theme} theme
   * @param {string[]} colours
   * @param {any} palette
   */
  constructor(element, Plotly, figure, theme, colours, palette) {
    this.element = element;
    this.Plotly = Plotly;
    this.figure = figure;
    this.theme = theme;
    this.colours = colours;
    this.palette = palette;
    /** @type {Chart | null} */ this.chart = null;
    this.works = true;
    this.surface = "";
    this.drawnAt = 0;
    this.lanes = (figure.data.length - 2) / PER_LANE;
    this.before = 0;
  }

  /**
   * @param {boolean} visible
   * @param {any} _moment
   */
  show(visible, _moment) {
    this.element.hidden = !visible;
    if (!visible) return;
    this.drawnAt = 0;
    if (this.chart) this.chart.resize();
    else this._mount();
  }

  _mount() {
    this.works = hasWebGL();
    if (!this.works) {
      this.element.classList.add("kv-without");
      this.element.textContent = t("live.no-relief");
      return;
    }
    const copy = structuredClone(this.figure);
    Object.assign(copy.layout.font, { color: this.theme.faint, family: this.theme.font });
    this._colour(copy.data);
    this.chart = new Chart("relief", this.element, this.Plotly, copy);
  }

  /** @param {any[]} traces */
  _colour(traces) {
    traces[0].colorscale = this._scale();
    for (let lane = 0; lane < this.lanes; lane++) {
      const [path, cloud, head] = traces.slice(1 + PER_LANE * lane);
      path.line.color =
        cloud.marker.color =
        head.marker.color =
        head.line.color =
          this.colours[lane];
      head.marker.line.color = this.theme.surface;
    }
    traces[traces.length - 1].marker.color = this.theme.text;
  }

  _scale() {
    return this.theme.dark ? this.palette.terrainOnDark : this.palette.terrain;
  }

  /**
   * @param {import("../../charts/theme.js").Theme} theme
   * @param {string[]} colours
   * @param {any} palette
   */
  dress(theme, colours, palette) {
    Object.assign(this, { theme, colours, palette });
    if (!this.chart) return;
    this._colour(/** @type {any} */ (this.element).data);
    this.surface = "";
    this.chart.relayout(dress(theme, []));
  }

  /**
   * @param {import("../../data/frame_view.js").FrameView} moment
   * @param {any} heights
   */
  draw(moment, heights) {
    if (!this.chart) return;
    const now = performance.now();
    const moving =
      moment.metric && !moment.metric.lanes.every((/** @type {any} */ lane) => lane.finished);
    if (moving && now - this.drawnAt < DRAW_MS) return;
    this.drawnAt = now;
    if (heights.id !== this.surface) this._lay(heights, moment.stage.data.landscape);
    const { picture, stage } = moment;
    /** @type {any[]} */ const at = [];
    /** @type {any[]} */ const colours = [];
    for (let lane = 0; lane < Math.max(stage.lanes.length, this.before); lane++) {
      const drawn = picture.lanes[lane];
      const heat = drawn ? moment.heat(lane) : null;
      at.push(
        this._stand(drawn ? densePath(columns(drawn.path)) : null, heights),
        this._stand(drawn?.cloud ? columns(drawn.cloud) : null, heights),
      );
      const foot = this._stand(
        drawn ? { x: [drawn.estimate[0]], y: [drawn.estimate[1]] } : null,
        heights,
      );
      at.push({
        x: [...foot.x, ...foot.x],
        y: [...foot.y, ...foot.y],
        z: [...foot.z, ...foot.z.map((z) => z + PIN)],
      });
      colours.push(
        this.colours[lane],
        heat === null
          ? this.colours[lane]
          : mixColours(heatScale(this.colours[lane], this.theme), heat),
        this.colours[lane],
      );
    }
    this.before = stage.lanes.length;
    const traces = at.map((_, i) => i + 1);
    this.chart.update(
      {
        x: at.map((one) => one.x),
        y: at.map((one) => one.y),
        z: at.map((one) => one.z),
        "marker.color": colours,
      },
      {},
      traces,
    );
  }

  /**
   * The surface, and what stands still on it.
   * @param {any} heights
   * @param {any} site
   */
  _lay(heights, site) {
    const { x, y, z, shape } = heights;
    this.surface = heights.id;
    const lifted = rows(z).map((row) =>
      row.map((value) => (Number.isFinite(value) ? shape.lift(value) : null)),
    );
    this.chart?.update(
      {
        x: [linspace(x, z.shape[1])],
        y: [linspace(y, z.shape[0])],
        z: [lifted],
        colorscale: [this._scale()],
      },
      {},
      [0],
    );
    const minima = this._stand(
      {
        x: site.minima.map((/** @type {any} */ point) => point[0]),
        y: site.minima.map((/** @type {any} */ point) => point[1]),
      },
      heights,
    );
    this.chart?.update({ x: [minima.x], y: [minima.y], z: [minima.z] }, {}, [
      1 + PER_LANE * this.lanes,
    ]);
  }

  /**
   * Points put on the ground; those beside it are left out.
   * @param {{x: number[], y: number[]} | null} points
   * @param {any} heights
   */
  _stand(points, heights) {
    /** @type {{x: number[], y: number[], z: number[]}} */ const on = { x: [], y: [], z: [] };
    points?.x.forEach((x, i) => {
      const height = heights.shape.at(heights, x, points.y[i]);
      if (height === null) return;
      on.x.push(x);
      on.y.push(points.y[i]);
      on.z.push(heights.shape.lift(height) + LIFT);
    });
    return on;
  }

  destroy() {
    this.chart?.destroy();
  }
}
