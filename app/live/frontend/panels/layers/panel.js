/** Weights per layer: a small perceptron neuron by neuron, or histograms of every layer. */

import { stats } from "../../charts/chart.js";
import { formatNumber, formatShort, SHAPES } from "../../i18n/format.js";
import { t } from "../../i18n/i18n.js";
import { netOf } from "./network_graph/forward.js";
import { NetworkGraph } from "./network_graph/neurons.js";
import { chosen, paintHistograms, tensorsOf } from "./weight_histograms.js";

/** Hidden layers that are drawn neuron by neuron. */
const DEEPEST = 4;
/** From how wide a panel its header has room for a note beside the buttons, px. */
const ROOMY = 400;

/** @typedef {"neurons" | "histograms"} View */

export class LayersPanel {
  /** @param {import("../registry.js").Kit} kit */
  constructor(kit) {
    const { place, tools, theme, colours, api } = kit;
    this.place = place;
    this.tools = tools;
    this.theme = theme;
    this.colours = colours;
    this.api = api;
    /** @type {View} */ this.view = "neurons";
    this.lane = 0;
    this.run = -1;
    this.offered = "";
    this.wired = document.createElement("div");
    this.wired.className = "kv-wired";
    this.plain = document.createElement("div");
    this.plain.className = "kv-plain";
    place.append(this.wired, this.plain);
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.dataset.testid = "layer-histograms";
    this.words = document.createElement("p");
    this.plain.append(this.canvas, this.words);
    this.neurons = new NetworkGraph(kit, this.wired);
    this.picker = document.createElement("span");
    this.picker.className = "kv-choice kv-picker";
    this.picker.setAttribute("role", "group");
    this.picker.setAttribute("aria-label", t("panels.layers-lane"));
    this.wired.append(this.picker);
    stats.mounts.layers = (stats.mounts.layers ?? 0) + 1;
  }

  /**
   * @param {import("../../charts/theme.js").Theme} theme
   * @param {string[]} colours
   * @param {any} palette
   */
  dress(theme, colours, palette) {
    this.theme = theme;
    this.colours = colours;
    this.neurons.dress(theme, palette);
  }

  /**
   * @param {import("../../data/frame_view.js").FrameView} moment
   * @returns {{note: string, summary: string, nothing?: string}}
   */
  draw(moment) {
    const { stage, picture } = moment;
    if (moment.run !== this.run) {
      this.run = moment.run;
      this.net = stage.layers ? netOf(stage) : null;
      this.lane = Math.min(this.lane, stage.lanes.length - 1);
      this.neurons.reset();
    }
    const weights = picture?.lanes.some((/** @type {any} */ lane) => lane.weights);
    const tensors = tensorsOf(moment);
    if (!tensors)
      return { note: "", summary: t("panels.layers-nothing"), nothing: t("panels.layers-nothing") };
    const refusal = why(stage, this.net ?? null, weights);
    const view = refusal ? "histograms" : this.view;
    this._offer(stage.lanes, !refusal, view);
    this.wired.hidden = view !== "neurons";
    this.plain.hidden = view !== "histograms";
    if (view === "neurons" && this.net) {
      this.neurons.draw(moment, this.net, this.lane);
      return {
        note: this.place.clientWidth > ROOMY ? t("panels.layers-note-neurons") : "",
        summary: this.neurons.summary,
      };
    }
    if (this.words.textContent !== refusal) this.words.textContent = refusal;
    this.words.hidden = !refusal;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (width && height)
      paintHistograms(this.canvas, width, height, tensors, this.theme, this.colours);
    const said = tensors.map((tensor) => {
      const lanes = tensor.lanes.flatMap((one, i) =>
        one
          ? [
              t("panels.layers-summary-lane", {
                label: stage.lanes[i].label,
                low: formatNumber(one.low),
                high: formatNumber(one.high),
              }),
            ]
          : [],
      );
      return t("panels.layers-summary", { layer: tensor.name, lanes: lanes.join(", ") });
    });
    const summary = `${said.join("; ")}.`;
    this.canvas.setAttribute("aria-label", summary);
    return {
      note:
        !refusal && this.place.clientWidth <= ROOMY
          ? ""
          : t(chosen(stage).cut ? "panels.layers-without-biases" : "panels.layers-note", {
              count: formatShort(stage.dimension),
            }),
      summary,
    };
  }

  /**
   * Buttons: which view, and whose network.
   * @param {any[]} lanes
   * @param {boolean} both whether there are two views
   * @param {View} view
   */
  _offer(lanes, both, view) {
    const key = JSON.stringify([lanes.map((lane) => lane.label), both, view, this.lane]);
    if (key === this.offered) return;
    this.offered = key;
    const views = document.createElement("span");
    views.className = "kv-choice";
    views.setAttribute("role", "group");
    views.setAttribute("aria-label", t("panels.layers-view"));
    const names = /** @type {View[]} */ (["neurons", "histograms"]);
    fill(
      views,
      names.map((name) => ({
        id: `layers-${name}`,
        text: t(`panels.layers-${name}`),
        title: t(`panels.layers-${name}-hint`),
        pressed: name === view,
        press: () => (this.view = name),
      })),
      this.api,
    );
    const held = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.testid;
    this.tools.replaceChildren(...(both ? [views] : []));
    this.picker.hidden = lanes.length < 2;
    fill(
      this.picker,
      lanes.map((lane, i) => ({
        id: `layers-lane-${i}`,
        text: SHAPES[i],
        title: lane.label,
        pressed: i === this.lane,
        press: () => (this.lane = i),
        lane: i,
      })),
      this.api,
    );
    // The button just pressed is another one now; whoever came by keyboard stays where they were.
    if (held?.startsWith("layers-"))
      /** @type {HTMLElement | null} */ (
        [...this.tools.querySelectorAll("button"), ...this.picker.querySelectorAll("button")].find(
          (one) => one.dataset.testid === held,
        )
      )?.focus();
  }

  reset() {
    this.run = -1;
  }

  destroy() {
    this.neurons.destroy();
  }
}

/**
 * @param {HTMLElement} group
 * @param {{id: string, text: string, title: string, pressed: boolean, press: () => void, lane?:
 *   number}[]} choices
 * @param {import("../registry.js").PanelApi} api
 */
function fill(group, choices, api) {
  group.replaceChildren(
    ...choices.map(({ id, text, title, pressed, press, lane }) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.testid = id;
      button.textContent = text;
      button.title = title;
      if (lane !== undefined) {
        button.style.setProperty("--lane", `var(--lane-${lane})`);
        button.setAttribute("aria-label", title);
      }
      button.setAttribute("aria-pressed", String(pressed));
      button.onclick = () => {
        press();
        api.redraw();
      };
      return button;
    }),
  );
}

/**
 * Why a network is not drawn neuron by neuron; empty where it is.
 * @param {any} stage
 * @param {import("./network_graph/forward.js").Net | null} net
 * @param {boolean} weights whether they are told
 */
export function why(stage, net, weights) {
  if (!net) return t("panels.layers-not-mlp");
  if (!weights) return t("panels.layers-large", { count: formatShort(stage.dimension) });
  const { points, curve } = stage.data;
  if (!(points && net.sizes[0] === 2) && !(curve && net.sizes[0] === 1))
    return t("panels.layers-inputs", { count: formatShort(net.sizes[0]) });
  if (net.sizes.length - 2 > DEEPEST)
    return t("panels.layers-deep", { count: net.sizes.length - 2 });
  return "";
}
