/**
 * The HTML file of the evidence: draws its figures, follows clicks on the map and the two choices.
 */

{
  const Plotly = /** @type {any} */ (globalThis).Plotly;
  /** @type {Record<string, { data: object[], layout: object }[]>} a figure: light, dark */
  const figures = JSON.parse(document.getElementById("figures")?.textContent ?? "{}");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const config = { displayModeBar: false, responsive: true };
  /** @type {Set<HTMLElement>} */
  const drawn = new Set();

  /** @param {HTMLElement} place */
  const draw = (place) => {
    const value = figures[place.dataset.figure ?? ""]?.[dark.matches ? 1 : 0];
    if (!value) return;
    Plotly.react(place, value.data, value.layout, config);
    if (place.dataset.map !== undefined && !drawn.has(place))
      /** @type {any} */ (place).on("plotly_click", open);
    drawn.add(place);
  };

  /** @param {{ points: { customdata?: string[] }[] }} event on the map: opens the cell's study */
  const open = (event) => {
    const name = event.points.at(-1)?.customdata?.[0];
    const study = document.getElementById(`study-${name}`);
    if (!(study instanceof HTMLDetailsElement)) return;
    study.open = true;
    study.scrollIntoView();
  };

  /** @type {NodeListOf<HTMLDetailsElement>} */
  const studies = document.querySelectorAll("details[id^=study-]");
  for (const study of studies)
    study.addEventListener("toggle", () => {
      /** @type {NodeListOf<HTMLElement>} */
      const places = study.querySelectorAll("[data-figure]");
      if (study.open) places.forEach(draw);
    });

  /** @type {NodeListOf<HTMLSelectElement>} */
  const choices = document.querySelectorAll(".ke-choices select");
  /** Show the map of the chosen currency and settings. */
  const choose = () => {
    const chosen = [...choices].map((one) => one.value).join(" ");
    /** @type {HTMLElement | null} */
    const place = document.querySelector("[data-map]");
    if (!place) return;
    place.dataset.figure = `map ${chosen}`;
    draw(place);
    /** @type {NodeListOf<HTMLElement>} */
    const tables = document.querySelectorAll("[data-table]");
    for (const table of tables) table.hidden = table.dataset.table !== chosen;
  };
  choices.forEach((one) => one.addEventListener("change", choose));
  choose();
  dark.addEventListener("change", () => drawn.forEach(draw));
}
