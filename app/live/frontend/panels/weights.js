/** Where the weights are: the landscape on a plane through weight space, with everybody's path, cloud and estimate. */

import { Chart, dress } from "../charts.js";
import { columns, rows } from "../decode.js";
import { small } from "../format.js";
import { mix } from "../theme.js";

const FIRST_LANE = 2;
const PER_LANE = 3;

export class WeightsPanel {
  /** @param {HTMLElement} element @param {any} Plotly @param {any} figure */
  constructor(element, Plotly, figure) {
    this.chart = new Chart("weights", element, Plotly, figure);
    this.lanes = (figure.data.length - FIRST_LANE) / PER_LANE;
    this.landscape = "";
    /** @type {string[]} */ this.colours = [];
    this.moving = figure.data.map((/** @type {any} */ _, /** @type {number} */ i) => i).slice(1);
  }

  /** @param {import("../theme.js").Theme} theme @param {string[]} colours @param {any} palette */
  dress(theme, colours, palette) {
    this.colours = colours;
    this.palette = palette;
    const { Plotly, element } = this.chart;
    this.chart.relayout(dress(theme, ["xaxis", "yaxis"]));
    Plotly.restyle(element, { colorscale: [theme.dark ? palette.landscapeOnDark : palette.landscape] }, [0]);
    Plotly.restyle(element, { "marker.color": theme.text, "textfont.color": theme.faint }, [1]);
    for (let lane = 0; lane < this.lanes; lane++) {
      const at = FIRST_LANE + PER_LANE * lane;
      Plotly.restyle(element, { "line.color": colours[lane] }, [at]);
      Plotly.restyle(element, { "marker.color": colours[lane], "marker.line.color": theme.surface }, [at + 2]);
    }
  }

  /** @param {import("../view.js").Moment} moment @returns {{note: string, summary: string}} */
  draw(moment) {
    const { picture, stage, metric } = moment;
    if (!picture) return { note: "", summary: "No weights to show yet." };
    this._drawLandscape(picture.landscape, moment.run);
    const x = [[0]];
    const y = [[0]];
    const text = [["start"]];
    const colours = [/** @type {any} */ (undefined)];
    for (let lane = 0; lane < this.lanes; lane++) {
      const drawn = picture.lanes[lane];
      const path = drawn ? columns(drawn.path) : { x: [], y: [] };
      const cloud = drawn?.cloud ? columns(drawn.cloud) : { x: [], y: [] };
      x.push(path.x, cloud.x, drawn ? [drawn.estimate[0]] : []);
      y.push(path.y, cloud.y, drawn ? [drawn.estimate[1]] : []);
      const losses = drawn?.cloud_loss ? Array.from(drawn.cloud_loss.data, small) : [];
      text.push([], losses, []);
      const heat = moment.heat(lane);
      const colour = this.colours[lane];
      colours.push(colour, heat === null ? colour : mix(this.palette.temperature, heat), colour);
    }
    const traces = this.moving;
    // The start keeps its colour: its entry is the one it has.
    colours[0] = /** @type {any} */ (this.chart.element).data[1].marker.color;
    this.chart.update({ x, y, text, "marker.color": colours }, { "xaxis.range": picture.plane.x, "yaxis.range": picture.plane.y }, traces);
    const plane = picture.plane;
    const how = plane.kind === "pca" && plane.explained !== null ? `PCA plane · ${Math.round(100 * plane.explained)}\u202f% of the spread` : "random plane";
    const off = stage.lanes.map((/** @type {any} */ lane, /** @type {number} */ i) => `${lane.label} lies ${small(picture.lanes[i].off_plane)} off the plane`);
    const step = metric?.lanes.map((/** @type {any} */ lane) => lane.step).join(" and ");
    return { note: how, summary: `${how}, after ${step} steps. ${off.join("; ")}.` };
  }

  /** @param {any} landscape @param {number} run */
  _drawLandscape(landscape, run) {
    const name = landscape ? `${run}/${landscape.id}` : "";
    if (!landscape || name === this.landscape) return;
    this.landscape = name;
    const z = rows(landscape.z).map((row) => row.map((value) => Math.log10(Math.max(value, 1e-6))));
    const [height, width] = landscape.z.shape;
    const along = (/** @type {[number, number]} */ [from, to], /** @type {number} */ n) => Array.from({ length: n }, (_, i) => from + ((to - from) * i) / (n - 1));
    this.chart.Plotly.restyle(this.chart.element, { x: [along(landscape.x, width)], y: [along(landscape.y, height)], z: [z] }, [0]);
  }

  reset() {
    this.landscape = "";
  }
}
