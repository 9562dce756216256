/** The HTML file of the evidence: draws the figures, follows clicks on the map and the two choices. */

const figures = JSON.parse(document.getElementById("figures").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const config = { displayModeBar: false, responsive: true };
const drawn = new Set();
function draw(place) {
  const value = figures[place.dataset.figure][dark.matches ? 1 : 0];
  Plotly.react(place, value.data, value.layout, config);
  if (place.dataset.map !== undefined && !drawn.has(place))
    place.on("plotly_click", (event) => {
      const study = document.getElementById(`study-${event.points.at(-1).customdata?.[0]}`);
      if (!study) return;
      study.open = true;
      study.scrollIntoView();
    });
  drawn.add(place);
}
const within = (root) => root.querySelectorAll("[data-figure]").forEach(draw);
for (const study of document.querySelectorAll("details[id^=study-]"))
  study.addEventListener("toggle", () => study.open && within(study));
const choices = document.querySelectorAll(".ke-choices select");
function choose() {
  const [currency, variant] = [...choices].map((one) => one.value);
  const place = document.querySelector("[data-map]");
  if (!place) return;
  place.dataset.figure = `map ${currency} ${variant}`;
  draw(place);
  for (const table of document.querySelectorAll("[data-table]"))
    table.hidden = table.dataset.table !== `${currency} ${variant}`;
}
choices.forEach((one) => one.addEventListener("change", choose));
choose();
dark.addEventListener("change", () => drawn.forEach(draw));
