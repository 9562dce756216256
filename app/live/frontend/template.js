/** What the live view is made of, before anything is drawn in it. */

const panel = (/** @type {string} */ name, /** @type {string} */ title, tools = "") => `
  <section class="kv-panel" data-testid="panel-${name}" role="figure" aria-label="${title}">
    <header><h2>${title}</h2>${tools}<span class="kv-note"></span></header>
    <div class="kv-plot" data-plot="${name}"></div><p class="kv-nothing" hidden></p><p class="kv-sr" data-summary></p>
  </section>`;
const choice = (/** @type {string} */ id, /** @type {string} */ text) => `<button type="button" data-testid="${id}" aria-pressed="false">${text}</button>`;

const NETWORK_PANELS = `
    ${panel("loss", "Loss", `<span class="kv-choice" role="group" aria-label="What is drawn" data-testid="loss-or-accuracy">${choice("measure-loss", "loss")}${choice("measure-accuracy", "accuracy")}</span>`)}
    ${panel("weights", "Where the weights are")}
    ${panel("network", "What the network says")}
    ${panel("temperature", "Temperature and acceptance")}`;
const LANDSCAPE_PANELS = `
    ${panel("weights", "Where the points are", `<span class="kv-choice" role="group" aria-label="How the landscape is drawn" data-testid="map-or-relief">${choice("mode-map", "map")}${choice("mode-relief", "3-D")}</span>`)}
    ${panel("loss", "Height")}
    ${panel("temperature", "Temperature and acceptance")}`;

/** The view, empty. @param {string} layout "network" or "landscape" */
export const template = (layout) => `
  <div class="kv-top"><div class="kv-transport" role="toolbar" aria-label="Race"></div><p class="kv-status" data-testid="status" role="status"></p></div>
  ${layout === "landscape" ? '<div class="kv-sites" role="group" aria-label="Landscape" data-testid="sites"></div>' : ""}
  <div class="kv-cards"></div>
  <div class="kv-panels">${layout === "landscape" ? LANDSCAPE_PANELS : NETWORK_PANELS}</div>
  <div class="kv-bottom">
    <span class="kv-choice" role="group" aria-label="Currency of all time axes">
      ${choice("currency-seconds", "seconds")}${choice("currency-evaluations", "evaluations")}${choice("currency-flops", "FLOPs")}</span>
    <input type="range" class="kv-scrub" data-testid="scrub" min="0" max="0" value="0" aria-label="Moment of the race">
    <span class="kv-time"></span><button type="button" class="kv-edge" data-testid="live-edge" hidden>Live</button>
  </div>`;
