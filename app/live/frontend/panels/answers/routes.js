/**
 * Delivery routes on a map: each route in a colour that it keeps, its legs from and to the depot
 * lighter, customers as large as what they take, and what carries too much in red.
 */

import { filled, loadsOf, numbers, routeColours, routesOf, whole } from "../../data/answers.js";
import { citiesOf } from "../../data/cities.js";
import { t } from "../../i18n/i18n.js";
import { paintCoast, spacingOf, tinted } from "../tour/paint.js";
import { extentOf, fit, flatten, placesOn, zoomed } from "../tour/projection.js";
import { AnswerPanel, legendEntry, wrongColour } from "./panel.js";

/** How much of its colour a leg from or to the depot has. */
const HOME = 0.42;
/** How much of a colour is left in the darker one. */
const DARKER = 0.58;
/** How near the pointer is to a customer, and to a route, px. */
const [NEAR, BESIDE] = [9, 5];
const WHEEL = 0.0044;
/** The colour among those of whole races that is ink, and says nothing of a route. */
const INK = 6;

export class RoutesPanel extends AnswerPanel {
  get kind() {
    return "routes";
  }

  begin() {
    /** @type {any} */ this.ground = null;
    /** @type {Map<number, number>[]} colours of customers, by lane */ this.given = [];
    /** @type {import("../tour/projection.js").View | null} */ this.view = null;
  }

  /** The colours of routes: those of whole races, and each of them darker. @returns {string[]} */
  get inks() {
    const { palette, theme } = this;
    const all = theme.dark ? palette.recordingsOnDark : palette.recordings;
    const bright = all.filter((/** @type {string} */ _, /** @type {number} */ i) => i !== INK);
    const dark = theme.dark ? theme.surface : "#000000";
    return [...bright, ...bright.map((/** @type {string} */ one) => tinted(dark, one, DARKER))];
  }

  /** @param {HTMLElement} place */
  fillLegend(place) {
    const { theme } = this;
    const [ink] = this.inks;
    place.replaceChildren(
      legendEntry(t("answers.depot"), {
        width: "9px",
        height: "9px",
        background: theme.text,
        borderRadius: "1px",
      }),
      legendEntry(t("answers.home"), {
        width: "20px",
        height: "2px",
        background: tinted(theme.surface, ink, HOME),
      }),
      legendEntry(t("answers.demand"), {
        width: "9px",
        height: "9px",
        borderRadius: "50%",
        background: ink,
      }),
      legendEntry(t("answers.overloaded"), {
        width: "20px",
        height: "5px",
        background: wrongColour(theme),
      }),
    );
  }

  /** The places on their plane. */
  _survey() {
    const { data } = this;
    if (this.ground?.key === data) return this.ground;
    const points = data.points.data
      ? citiesOf(data)
      : {
          x: data.points.map((/** @type {number[]} */ one) => one[0]),
          y: data.points.map((/** @type {number[]} */ one) => one[1]),
        };
    const flat = flatten(points, Boolean(data.geographic));
    const places = placesOn(points, flat);
    const demand = numbers(data.demand);
    let most = 1;
    for (let i = 0; i < demand.length; i++) most = Math.max(most, demand[i]);
    this.ground = { key: data, flat, places, extent: extentOf(places), demand, most };
    if (data.geographic && !this.coast && !this.asked) {
      this.asked = true;
      this.api.coastline().then(
        (/** @type {number[][]} */ coast) => {
          this.coast = coast;
          this._soon();
        },
        () => {}, // the map is good without
      );
    }
    return this.ground;
  }

  /**
   * @param {import("./panel.js").Sheet} sheet
   * @param {import("./panel.js").Answer | null} answer
   * @returns {import("./panel.js").Hit}
   */
  paintAnswer({ paint, width, height, lane }, answer) {
    const { data, theme, pointed } = this;
    const { flat, places, extent, demand, most } = this._survey();
    const { u, v } = places;
    const at = fit(extent, this.view ?? null, width, height);
    const spacing = spacingOf(extent, u.length, at);
    if (flat.geographic && this.coast) paintCoast(paint, this.coast, flat, at, theme);
    const routes = answer ? routesOf(answer.values) : [];
    const loads = loadsOf(routes, demand);
    const depot = data.depot ?? 0;
    const inks = this.inks;
    const before = (this.given[lane] ??= new Map());
    const colours = routeColours(routes, before, inks.length);
    before.clear();
    routes.forEach((route, i) => route.forEach((customer) => before.set(customer, colours[i])));
    const over = pointed?.lane === lane ? pointed.key : null;
    const line = (/** @type {number[]} */ stops) => {
      paint.beginPath();
      stops.forEach((stop, i) => paint[i ? "lineTo" : "moveTo"](at.left(u[stop]), at.top(v[stop])));
    };
    const slim = Math.max(0.6, Math.min(1, spacing / 12));
    const ink = (/** @type {number} */ i) =>
      over === null || over === i ? inks[colours[i]] : tinted(theme.surface, inks[colours[i]], 0.3);
    paint.lineJoin = paint.lineCap = "round";
    this._present(paint, lane, answer, line, depot, slim);
    routes.forEach((route, i) => {
      if (loads[i] <= data.capacity) return;
      line([depot, ...route, depot]);
      paint.strokeStyle = tinted(theme.surface, wrongColour(theme), theme.dark ? 0.6 : 0.5);
      paint.lineWidth = 7 * slim;
      paint.stroke();
    });
    routes.forEach((route, i) => {
      for (const leg of [
        [depot, route[0]],
        [/** @type {number} */ (route.at(-1)), depot],
      ]) {
        line(leg);
        paint.strokeStyle = tinted(theme.surface, ink(i), HOME);
        paint.lineWidth = 1.4 * slim;
        paint.stroke();
      }
      line(route);
      paint.strokeStyle = ink(i);
      paint.lineWidth = (over === i ? 3.2 : 2.2) * slim;
      paint.stroke();
    });
    const wide = Math.max(2.5, Math.min(8, spacing / 3));
    const radius = (/** @type {number} */ stop) =>
      1.2 + (wide - 1.2) * Math.sqrt(Math.max(0, demand[stop]) / most);
    const of = new Map(routes.flatMap((route, i) => route.map((stop) => [stop, i])));
    for (let stop = 0; stop < u.length; stop++) {
      if (stop === depot) continue;
      const route = of.get(stop);
      paint.beginPath();
      paint.arc(at.left(u[stop]), at.top(v[stop]), radius(stop), 0, 2 * Math.PI);
      paint.fillStyle = route === undefined ? theme.faint : ink(route);
      paint.fill();
      if (wide > 3) {
        paint.strokeStyle = theme.surface;
        paint.lineWidth = 1;
        paint.stroke();
      }
    }
    const [x, y] = [at.left(u[depot]), at.top(v[depot])];
    paint.fillStyle = theme.text;
    paint.strokeStyle = theme.surface;
    paint.lineWidth = 2;
    paint.strokeRect(x - 5.5, y - 5.5, 11, 11);
    paint.fillRect(x - 5.5, y - 5.5, 11, 11);
    this._loads(paint, routes, loads, (stop) => [at.left(u[stop]), at.top(v[stop])], {
      width,
      height,
    });
    return this._hit(at, places, depot, routes, loads, of);
  }

  /**
   * The present routes under the best ones, faint.
   * @param {CanvasRenderingContext2D} paint
   * @param {number} lane
   * @param {import("./panel.js").Answer | null} answer
   * @param {(stops: number[]) => void} line
   * @param {number} depot
   * @param {number} slim
   */
  _present(paint, lane, answer, line, depot, slim) {
    if (!answer || answer.present) return;
    const { theme, last } = this;
    const current = last?.picture?.lanes[lane]?.current;
    if (!current) return;
    paint.strokeStyle = tinted(theme.surface, theme.text, theme.dark ? 0.26 : 0.17);
    paint.lineWidth = 0.8 * slim;
    for (const route of routesOf(numbers(current))) {
      line([depot, ...route, depot]);
      paint.stroke();
    }
  }

  /**
   * How full a vehicle is that carries too much, where it is.
   * @param {CanvasRenderingContext2D} paint
   * @param {number[][]} routes
   * @param {number[]} loads
   * @param {(stop: number) => [number, number]} place
   * @param {{width: number, height: number}} room
   */
  _loads(paint, routes, loads, place, { width, height }) {
    const { data, theme } = this;
    paint.font = `600 11px ${theme.font}`;
    paint.textAlign = "center";
    paint.textBaseline = "middle";
    paint.lineWidth = 3.5;
    paint.strokeStyle = theme.surface;
    paint.fillStyle = wrongColour(theme);
    routes.forEach((route, i) => {
      if (loads[i] <= data.capacity) return;
      const [x, y] = place(route[Math.floor(route.length / 2)]);
      const [left, top] = [Math.max(20, Math.min(width - 20, x)), Math.min(height - 8, y + 13)];
      const text = filled(loads[i] / data.capacity);
      paint.strokeText(text, left, top);
      paint.fillText(text, left, top);
    });
    paint.textAlign = "start";
  }

  /**
   * @param {ReturnType<typeof fit>} at
   * @param {{u: Float64Array, v: Float64Array}} places
   * @param {number} depot
   * @param {number[][]} routes
   * @param {number[]} loads
   * @param {Map<number, number>} of the route of every customer
   * @returns {import("./panel.js").Hit}
   */
  _hit(at, { u, v }, depot, routes, loads, of) {
    const { data } = this;
    const { demand } = this._survey();
    const carried = (/** @type {number} */ i) =>
      t(loads[i] > data.capacity ? "answers.route-over" : "answers.route", {
        route: i + 1,
        count: routes[i].length,
        load: whole(loads[i]),
        capacity: whole(data.capacity),
        share: filled(loads[i] / data.capacity),
      });
    return (x, y) => {
      let [found, near] = [-1, NEAR ** 2];
      for (let i = 0; i < u.length; i++) {
        const far = (at.left(u[i]) - x) ** 2 + (at.top(v[i]) - y) ** 2;
        if (far <= near) [found, near] = [i, far];
      }
      if (found === depot)
        return {
          text: t("answers.at-depot", {
            count: routes.length,
            capacity: whole(data.capacity),
          }),
        };
      if (found >= 0) {
        const route = of.get(found);
        const name = data.names?.[found] || t("answers.customer", { number: found });
        const takes = t("answers.takes", { count: whole(demand[found]) });
        return {
          text: [name, takes, route === undefined ? "" : carried(route)]
            .filter(Boolean)
            .join(" · "),
          key: route,
        };
      }
      for (const [i, route] of routes.entries()) {
        const way = [depot, ...route, depot];
        for (let j = 1; j < way.length; j++) {
          const far = awayFrom(
            [x, y],
            [at.left(u[way[j - 1]]), at.top(v[way[j - 1]])],
            [at.left(u[way[j]]), at.top(v[way[j]])],
          );
          if (far <= BESIDE) return { text: carried(i), key: i };
        }
      }
      return null;
    };
  }

  /**
   * @param {import("./panel.js").Answer} answer
   * @returns {{text: string, parts: number}}
   */
  tell(answer) {
    const { data } = this;
    const routes = routesOf(answer.values);
    const loads = loadsOf(routes, numbers(data.demand));
    const over = loads.filter((load) => load > data.capacity).length;
    const fullest = loads.length ? filled(Math.max(...loads) / data.capacity) : "–";
    const count = routes.length;
    return {
      text: over
        ? t(over === 1 ? "answers.tell-overload-one" : "answers.tell-overload", {
            count,
            over,
            much: whole(answer.violation),
          })
        : t(count === 1 ? "answers.tell-route" : "answers.tell-routes", { count, fullest }),
      parts: count,
    };
  }

  /** @param {HTMLCanvasElement} canvas */
  wire(canvas) {
    canvas.addEventListener("dblclick", () => {
      this.view = null;
      this._soon();
    });
    canvas.addEventListener(
      "wheel",
      (event) => {
        if ((!event.ctrlKey && !event.metaKey) || !this.data) return;
        event.preventDefault();
        const { extent } = this._survey();
        const at = fit(extent, this.view ?? null, canvas.clientWidth, canvas.clientHeight);
        const { left, top } = canvas.getBoundingClientRect();
        const [u, v] = [at.u(event.clientX - left), at.v(event.clientY - top)];
        const factor = Math.exp(-event.deltaY * WHEEL * (event.deltaMode ? 20 : 1));
        this.view = zoomed(extent, this.view ?? null, factor, u, v);
        this._soon();
      },
      { passive: false },
    );
  }
}

/**
 * How far a point is from a line between two others.
 * @param {number[]} point
 * @param {number[]} from
 * @param {number[]} to
 */
export function awayFrom([x, y], [x0, y0], [x1, y1]) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const square = dx * dx + dy * dy;
  const share = square ? Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / square)) : 0;
  return Math.hypot(x - x0 - share * dx, y - y0 - share * dy);
}
