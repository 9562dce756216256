/**
 * A small perceptron, neuron by neuron: what each computes where, how strongly they are tied, and
 * every weight at hand to be set.
 */

import { formatNumber } from "../../../i18n/format.js";
import { t } from "../../../i18n/i18n.js";
import { Cells, fit, SIDE } from "./cells.js";
import { forward, indexOf, square } from "./forward.js";
import { WeightBox } from "./weight_box.js";
import { edgeAt, layOut, nodeAt, paintEdge, paintEdges, strongest } from "./wiring.js";

const CURVE_PLACES = 48;
/** Redrawn at most that often, ms. */
const PAUSE = 250;
/** How long a weight set by hand is shown although no picture has told of it yet, ms. */
const TRUST = 1200;
const TIP = 96;

/**
 * @typedef {import("./wiring.js").Node} Node
 * @typedef {import("./wiring.js").Edge} Edge
 */

export class NetworkGraph {
  /**
   * @param {import("../../registry.js").Kit} kit
   * @param {HTMLElement} place
   */
  constructor({ palette, theme, api }, place) {
    this.cells = new Cells(theme, palette, place);
    this.theme = theme;
    this.palette = palette;
    this.api = api;
    this.place = place;
    this.canvas = layer(place, "kv-wires");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.dataset.testid = "neurons";
    this.over = layer(place, "kv-overlay");
    this.over.setAttribute("aria-hidden", "true");
    this.tip = document.createElement("div");
    this.tip.className = "kv-tip kv-neuron-tip";
    this.tip.hidden = true;
    this.tip.append(document.createElement("canvas"), document.createElement("span"));
    this.said = document.createElement("p");
    this.said.className = "kv-sr";
    this.said.setAttribute("role", "status");
    place.append(this.tip, this.said);
    this.box = new WeightBox(place, () => this.canvas.focus({ preventScroll: true }));
    /**
     * @type {{lane: number, index: number, value: number, at: number}[]} set by hand, not yet told
     */
    this.put = [];
    /** @type {{layer: number, to: number, from: number} | null} */ this.chosen = null;
    /** @type {Node | Edge | null} under the pointer */ this.pointed = null;
    /** @type {import("../../../data/frame_view.js").FrameView | null} */ this.moment = null;
    /** @type {import("./forward.js").Net | null} */ this.net = null;
    this.lane = 0;
    /** @type {import("./wiring.js").Wiring | null} */ this.wiring = null;
    /** @type {Edge[]} that are drawn */ this.edges = [];
    /** @type {Float64Array[][] | null} what every neuron gives */ this.given = null;
    this.drawnAt = -Infinity;
    this.key = this.laid = "";
    /** @type {ReturnType<typeof setTimeout> | undefined} */ this.timer = undefined;
    this._listen();
  }

  /**
   * @param {import("../../../charts/theme.js").Theme} theme
   * @param {any} palette
   */
  dress(theme, palette) {
    this.theme = theme;
    this.palette = palette;
    this.cells = new Cells(theme, palette, this.place);
    this.key = "";
  }

  /**
   * @param {import("../../../data/frame_view.js").FrameView} moment
   * @param {import("./forward.js").Net} net
   * @param {number} lane
   */
  draw(moment, net, lane) {
    if (this.net !== net || this.lane !== lane) {
      if (this.box.open) this.box.close();
      this.chosen = this.pointed = null;
      this.key = "";
    }
    this.moment = moment;
    this.net = net;
    this.lane = lane;
    this.canvas.setAttribute(
      "aria-label",
      t("panels.neurons-name", { label: moment.stage.lanes[lane].label }),
    );
    this._soon();
    if (this.box.open && this.chosen)
      this.box.follow(this.weights[this._index(this.chosen)], this._refusal());
  }

  /**
   * The lane's weights at the moment shown, with those that were just set by hand.
   * @returns {ArrayLike<number>}
   */
  get weights() {
    const told = this.moment?.picture?.lanes[this.lane]?.weights?.data;
    if (!told) return [];
    const now = performance.now();
    this.put = this.put.filter(
      ({ lane, index, value, at }) =>
        now - at < TRUST && !(lane === this.lane && Math.abs(told[index] - value) < 1e-5),
    );
    if (!this.put.some(({ lane }) => lane === this.lane)) return told;
    const weights = Float32Array.from(told);
    for (const { lane, index, value } of this.put) if (lane === this.lane) weights[index] = value;
    return weights;
  }

  /** Draw now, or as soon as the last time is long enough ago. */
  _soon() {
    clearTimeout(this.timer);
    const wait = this.drawnAt + PAUSE - performance.now();
    if (wait <= 0) this._paint();
    else this.timer = setTimeout(() => this._paint(), wait);
  }

  _paint() {
    const { moment, net, lane } = this;
    const [width, height] = [this.place.clientWidth, this.place.clientHeight];
    if (!moment || !net || width < 120 || height < 90) return;
    const weights = this.weights;
    const key = [
      moment.run,
      moment.picture.k,
      this.lane,
      width,
      height,
      window.devicePixelRatio,
      JSON.stringify(this.put),
    ].join();
    if (key === this.key) return;
    this.key = key;
    const place = `${moment.run} ${net.sizes} ${width} ${height}`;
    if (place !== this.laid) this.wiring = layOut(net, width, height);
    this.laid = place;
    const wiring = /** @type {import("./wiring.js").Wiring} */ (this.wiring);
    const paint = fit(this.canvas, width, height);
    paint.clearRect(0, 0, width, height);
    this.edges = strongest(wiring.edges, weights);
    paintEdges(paint, this.edges, weights, this._signs);
    const { points, curve } = moment.stage.data;
    const inputs = curve
      ? [
          Float64Array.from(
            { length: CURVE_PLACES },
            (_, i) =>
              curve.at.data[Math.round((i * (curve.at.data.length - 1)) / (CURVE_PLACES - 1))],
          ),
        ]
      : square(points.extent, SIDE);
    this.given = forward(net, weights, inputs);
    for (const node of wiring.nodes)
      this.cells.node(paint, net, node, this.given[node.layer][node.i]);
    this._names(paint, wiring);
    this.cells.answer(
      paint,
      wiring.answer,
      moment.stage.data,
      this.given,
      lane,
      this.put.length ? {} : moment.picture.lanes[lane],
    );
    this._point();
    this.drawnAt = performance.now();
  }

  /** Colours of negative and positive weights. @returns {[string, string]} */
  get _signs() {
    const [negative, positive] = this.theme.dark
      ? this.palette.classPointsOnDark
      : this.palette.classPoints;
    return [negative, positive];
  }

  /**
   * Names of inputs and outputs, and how many neurons are left out.
   * @param {CanvasRenderingContext2D} paint
   * @param {import("./wiring.js").Wiring} wiring
   */
  _names(paint, { nodes, more, answer }) {
    const net = /** @type {import("./forward.js").Net} */ (this.net);
    const last = net.sizes.length - 1;
    paint.font = `11px ${this.theme.font}`;
    paint.fillStyle = this.theme.faint;
    paint.textBaseline = "middle";
    for (const node of nodes) {
      const right = node.layer === last;
      if (node.layer && !right) continue;
      paint.textAlign = right ? "left" : "right";
      const name = right
        ? (this.moment?.stage.data.classes[node.i] ?? "")
        : node.i
          ? t("panels.neurons-input-second")
          : t("panels.neurons-input");
      const room = answer.x - node.x - node.size / 2 - 8;
      if (right && paint.measureText(name).width > room) continue;
      paint.fillText(name, node.x + (right ? 1 : -1) * (node.size / 2 + 5), node.y);
    }
    paint.textAlign = "center";
    for (const { x, y, count } of more) paint.fillText(t("panels.neurons-more", { count }), x, y);
    paint.textBaseline = "alphabetic";
  }

  /** @param {{layer: number, to: number, from: number}} edge */
  _index({ layer: l, to, from }) {
    return indexOf(/** @type {any} */ (this.net), l, to, from);
  }

  /**
   * A neuron by name.
   * @param {number} l layer, 0 for the inputs
   * @param {number} i
   */
  _name(l, i) {
    const net = /** @type {import("./forward.js").Net} */ (this.net);
    if (l === 0) return i ? t("panels.neurons-input-second") : t("panels.neurons-input");
    if (l < net.sizes.length - 1) return t("panels.neurons-hidden", { layer: l, number: i + 1 });
    const { data } = /** @type {import("../../../data/frame_view.js").FrameView} */ (this.moment)
      .stage;
    return data.curve
      ? t("panels.neurons-output")
      : t("panels.neurons-class", { name: data.classes[i] });
  }

  /** A weight or a bias by name. @param {{layer: number, to: number, from: number}} edge */
  title({ layer: l, to, from }) {
    return from < 0
      ? t("panels.neurons-bias", { to: this._name(l + 1, to) })
      : t("panels.neurons-weight", { from: this._name(l, from), to: this._name(l + 1, to) });
  }

  /** Why nothing can be set; empty where it can. */
  _refusal() {
    if (this.api.live()) return "";
    const rows = this.moment?.metric?.lanes ?? [];
    return t(
      rows.length && rows.every((/** @type {any} */ row) => row.finished)
        ? "panels.neurons-ended"
        : "panels.neurons-past",
    );
  }

  _listen() {
    this.canvas.onpointermove = (event) => {
      const { wiring } = this;
      if (!wiring || event.pointerType === "touch") return;
      this.pointed =
        nodeAt(wiring, event.offsetX, event.offsetY) ??
        edgeAt(this.edges, event.offsetX, event.offsetY);
      this.canvas.style.cursor =
        this.pointed && !("size" in this.pointed && !this.pointed.layer) ? "pointer" : "";
      this._point();
    };
    this.canvas.onpointerleave = () => {
      this.pointed = null;
      this._point();
    };
    this.canvas.onclick = (event) => {
      if (!this.wiring) return;
      const air = matchMedia("(hover: none)").matches ? 4 : 0;
      const node = nodeAt(this.wiring, event.offsetX, event.offsetY, 1.5 + air);
      const found = node
        ? node.layer
          ? { layer: node.layer - 1, to: node.i, from: -1 }
          : null
        : edgeAt(this.edges, event.offsetX, event.offsetY, 5 + 2 * air);
      if (!found) return this.box.close();
      this.chosen = { layer: found.layer, to: found.to, from: found.from };
      this._open(event.offsetX, event.offsetY);
    };
    this.canvas.onkeydown = (event) => {
      if (!this.net || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Enter") {
        this.chosen ??= { layer: 0, to: 0, from: 0 };
        const { x, y } = this._middle(this.chosen);
        this._open(x, y);
      } else if (event.key === "Escape" && this.chosen) this.chosen = null;
      else if (event.key.startsWith("Arrow")) {
        this.chosen = this.chosen
          ? walk(this.net, this.chosen, event.key)
          : { layer: 0, to: 0, from: 0 };
        this.pointed = null;
        this.said.textContent = t("panels.neurons-told", {
          what: this.title(this.chosen),
          value: formatNumber(this.weights[this._index(this.chosen)]),
        });
      } else return;
      event.preventDefault();
      event.stopPropagation();
      this._point();
    };
    this.canvas.onblur = () => {
      if (this.box.open) return;
      this.chosen = null;
      this._point();
    };
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  _open(x, y) {
    if (!this.chosen) return;
    const [index, lane] = [this._index(this.chosen), this.lane];
    this.tip.hidden = true;
    this.box.show(this.title(this.chosen), this.weights[index], this._refusal(), x, y, (value) => {
      if (!this.api.live()) return;
      this.put = [
        ...this.put.filter((one) => one.lane !== lane || one.index !== index),
        { lane, index, value, at: performance.now() },
      ];
      this.api.command({ do: "weight", lane, index, value });
      this._soon();
    });
    this._point();
  }

  /**
   * Where a weight's line has its middle, or a bias's neuron stands.
   * @param {{layer: number, to: number, from: number}} edge
   */
  _middle({ layer: l, to, from }) {
    const { edges, nodes } = /** @type {import("./wiring.js").Wiring} */ (this.wiring);
    const line = edges.find((one) => one.layer === l && one.to === to && one.from === from);
    if (line) return { x: (line.x1 + line.x2) / 2, y: (line.y1 + line.y2) / 2 };
    const node = nodes.find((one) => one.layer === l + 1 && one.i === to);
    return { x: node?.x ?? 0, y: node?.y ?? 0 };
  }

  /** Mark what is pointed at or chosen, and tell of it. */
  _point() {
    const { wiring, pointed, chosen, given } = this;
    if (!wiring) return;
    const [width, height] = [this.place.clientWidth, this.place.clientHeight];
    const paint = fit(this.over, width, height);
    paint.clearRect(0, 0, width, height);
    const weights = this.weights;
    const mark =
      pointed ??
      (chosen &&
        (wiring.edges.find(
          (one) => one.layer === chosen.layer && one.to === chosen.to && one.from === chosen.from,
        ) ??
          wiring.nodes.find((one) => one.layer === chosen.layer + 1 && one.i === chosen.to))) ??
      null;
    this.tip.hidden = !mark || this.box.open || !given;
    if (!mark || !given) return;
    const node =
      "size" in mark
        ? mark
        : wiring.nodes.find((one) => one.layer === mark.layer + 1 && one.i === mark.to);
    if (!("size" in mark))
      paintEdge(paint, mark, weights[mark.index], this._signs, this.theme.surface);
    if (node) {
      paint.strokeStyle = this.theme.text;
      paint.lineWidth = 2;
      paint.beginPath();
      paint.roundRect(
        node.x - node.size / 2 - 1.5,
        node.y - node.size / 2 - 1.5,
        node.size + 3,
        node.size + 3,
        Math.min(5, node.size / 4),
      );
      paint.stroke();
    }
    if (this.tip.hidden || !node) return;
    const [picture, words] = /** @type {[HTMLCanvasElement, HTMLElement]} */ (
      /** @type {unknown} */ ([...this.tip.children])
    );
    if (!("size" in mark))
      words.textContent = t("panels.neurons-told", {
        what: this.title(mark),
        value: formatNumber(weights[mark.index]),
      });
    else if (node.layer)
      words.textContent = t("panels.neurons-map", {
        what: this._name(node.layer, node.i),
        value: formatNumber(weights[this._index({ layer: node.layer - 1, to: node.i, from: -1 })]),
      });
    else words.textContent = t("panels.neurons-map-input", { what: this._name(0, node.i) });
    this.cells.values(
      fit(picture, TIP, TIP),
      /** @type {any} */ (this.net),
      node.layer,
      given[node.layer][node.i],
      0,
      0,
      TIP,
    );
    const at = "size" in mark ? node.x + node.size / 2 : (mark.x1 + mark.x2) / 2;
    const left =
      at + 12 + this.tip.offsetWidth > width - 4
        ? at - 12 - this.tip.offsetWidth - ("size" in mark ? node.size : 0)
        : at + 12;
    this.tip.style.left = `${Math.max(4, left)}px`;
    this.tip.style.top = `${Math.max(4, Math.min(height - this.tip.offsetHeight - 4, ("size" in mark ? node.y : (mark.y1 + mark.y2) / 2) - this.tip.offsetHeight / 2))}px`;
  }

  /** What is drawn, in words. */
  get summary() {
    const { moment, net } = this;
    if (!moment || !net) return "";
    const weights = this.weights;
    const { label } = moment.stage.lanes[this.lane];
    if (!weights.length) return t("panels.neurons-summary-nothing", { label });
    let found = { layer: 0, to: 0, from: 0 };
    net.layers.forEach(({ outputs, inputs }, l) => {
      for (let to = 0; to < outputs; to++)
        for (let from = 0; from < inputs; from++)
          if (
            Math.abs(weights[this._index({ layer: l, to, from })]) >
            Math.abs(weights[this._index(found)])
          )
            found = { layer: l, to, from };
    });
    return t("panels.neurons-summary", {
      label,
      sizes: net.sizes.join(", "),
      activation: net.activation,
      largest: formatNumber(weights[this._index(found)]),
      where: this.title(found),
    });
  }

  /** Another race, or another view. */
  reset() {
    this.put = [];
    this.chosen = this.pointed = null;
    this.key = "";
    this.tip.hidden = true;
    if (this.box.open) this.box.close();
  }

  destroy() {
    clearTimeout(this.timer);
    this.box.destroy();
  }
}

/**
 * The next weight an arrow key leads to: down and up through the weights of a layer, the bias of
 * each neuron first; right and left through the layers.
 * @param {import("./forward.js").Net} net
 * @param {{layer: number, to: number, from: number}} at
 * @param {string} key
 */
export function walk(net, { layer: l, to, from }, key) {
  const { inputs, outputs } = net.layers[l];
  if (key === "ArrowDown" || key === "ArrowUp") {
    const count = outputs * (inputs + 1);
    const next = (to * (inputs + 1) + from + 1 + (key === "ArrowDown" ? 1 : -1) + count) % count;
    return { layer: l, to: Math.floor(next / (inputs + 1)), from: (next % (inputs + 1)) - 1 };
  }
  const other = Math.max(0, Math.min(net.layers.length - 1, l + (key === "ArrowRight" ? 1 : -1)));
  return {
    layer: other,
    to: Math.min(to, net.layers[other].outputs - 1),
    from: Math.min(from, net.layers[other].inputs - 1),
  };
}

/**
 * A canvas that fills its place.
 * @param {HTMLElement} place
 * @param {string} name
 */
function layer(place, name) {
  const canvas = document.createElement("canvas");
  canvas.className = name;
  place.append(canvas);
  return canvas;
}
