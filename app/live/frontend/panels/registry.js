/** Every panel there is: its place in the order, what it is called, what draws it. */

import { AgreementPanel } from "./agreement.js";
import { RosterPanel } from "./answers/roster.js";
import { RoutesPanel } from "./answers/routes.js";
import { RunwayPanel } from "./answers/runway.js";
import { ChainsPanel } from "./chains.js";
import { CostPanel } from "./cost.js";
import { LandscapeLossPanel } from "./landscape/loss.js";
import { LandscapePanel } from "./landscape/panel.js";
import { LayersPanel } from "./layers/panel.js";
import { LossPanel } from "./loss.js";
import { NetworkPanel } from "./network/panel.js";
import { TemperaturePanel } from "./temperature.js";
import { TourCostPanel } from "./tour/cost.js";
import { GapPanel } from "./tour/gap.js";
import { MapPanel } from "./tour/panel.js";
import { AlikePanel, ReplicasPanel } from "./tour/trails.js";
import { WeightsPanel } from "./weights/panel.js";

/**
 * What a panel may do: to the race, to the view, and to the other panels.
 * @typedef {object} PanelApi
 * @property {(command: Record<string, unknown>) => void} command sends a command to the race
 * @property {() => boolean} live whether there is a race that obeys: running or paused, and looked
 *   at where it stands
 * @property {{lane: number, particle: number} | null} follow the particle that is followed in every
 *   picture
 * @property {(follow: {lane: number, particle: number} | null) => void} setFollow
 * @property {number | null} hovered index of the metrics that a pointer marks on some chart
 * @property {(index: number | null) => void} hover marks a moment on every chart
 * @property {(index: number) => void} show shows that moment everywhere
 * @property {() => import("../data/history.js").History} history of the race on the screen
 * @property {(points: string, groups?: number) => void} setPoints other training points, drawn by
 *   hand, and how many classes they have: to the race that runs, to the controls and into the
 *   address
 * @property {(instance: {name: string, cities: string, geographic: boolean}) => void} tellCities
 *   tells the controls and the address of cities that were changed by hand
 * @property {() => Promise<number[][]>} coastline of the Earth: lines, each [lon, lat, lon, lat, …]
 * @property {(name: string, value: unknown) => void} pick tells the page of something picked in the
 *   view
 * @property {() => void} redraw draws everything again at the next frame
 */

/**
 * What a panel is made with.
 * @typedef {object} Kit
 * @property {string} name of the panel
 * @property {HTMLElement} place where it draws
 * @property {HTMLElement} tools in its header, for buttons of its own
 * @property {any} Plotly null for panels that do without
 * @property {any} figure the empty Plotly figure of that name, if there is one
 * @property {Record<string, any>} figures of all panels
 * @property {any} palette
 * @property {import("../charts/theme.js").Theme} theme
 * @property {string[]} colours of the lanes in this theme
 * @property {PanelApi} api what a panel may do to the race and the view
 *
 * @typedef {object} Kind
 * @property {any} make class of the panel: `new make(kit)`, then `draw(moment) → {note, summary,
 *   nothing?, idle?}` (`idle`: in this race it has nothing to show at all), `dress(theme, colours, palette)`, and where it has them `chart`, `reset()`,
 *   `destroy()`
 * @property {Record<string, any>} [makes] other classes, by the kind of data that they are for
 * @property {boolean} plotly whether it needs Plotly
 * @property {boolean} curves whether it is drawn with the curves (some three times a second) or
 *   with every picture
 * @property {boolean} [time] whether its chart's x axis is the currency, so that moments can be
 *   marked on it
 */

/** @type {Record<import("../data/layouts.js").Layout, Record<string, Kind>>} in the order of their numbers */
export const PANELS = {
  network: {
    loss: { make: LossPanel, plotly: true, curves: true, time: true },
    weights: { make: WeightsPanel, plotly: true, curves: false },
    network: { make: NetworkPanel, plotly: false, curves: false },
    temperature: { make: TemperaturePanel, plotly: true, curves: true, time: true },
    agreement: { make: AgreementPanel, plotly: true, curves: true, time: true },
    chains: { make: ChainsPanel, plotly: true, curves: true },
    layers: { make: LayersPanel, plotly: false, curves: true },
    cost: { make: CostPanel, plotly: false, curves: true },
  },
  landscape: {
    weights: { make: LandscapePanel, plotly: true, curves: false },
    loss: { make: LandscapeLossPanel, plotly: true, curves: true, time: true },
    temperature: { make: TemperaturePanel, plotly: true, curves: true, time: true },
    agreement: { make: AgreementPanel, plotly: true, curves: true, time: true },
    chains: { make: ChainsPanel, plotly: true, curves: true },
    cost: { make: CostPanel, plotly: false, curves: true },
  },
  tour: {
    map: {
      make: MapPanel,
      makes: { routes: RoutesPanel, pairing: RosterPanel, landing: RunwayPanel },
      plotly: false,
      curves: false,
    },
    gap: { make: GapPanel, plotly: true, curves: true, time: true },
    temperature: { make: TemperaturePanel, plotly: true, curves: true, time: true },
    replicas: { make: ReplicasPanel, plotly: true, curves: true },
    alike: { make: AlikePanel, plotly: true, curves: true },
    cost: { make: TourCostPanel, plotly: false, curves: true },
  },
};

/** Those that are seen until somebody chooses. */
export const USUAL = {
  network: ["network", "loss", "weights"],
  landscape: ["weights", "loss", "temperature"],
  tour: ["map", "gap", "temperature"],
};
