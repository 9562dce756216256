/**
 * A replay in one file: everything that the page needs lies in it, and nothing is asked of a
 * network. app/replay.py puts it together.
 */

import { LiveView } from "../core/live_view.js";
import { linesOf } from "../data/coastline.js";
import { ExpectedError, UserError } from "../data/errors.js";
import { layoutOf } from "../data/layouts.js";
import { readRecording } from "../data/recording.js";
import { budgetOf } from "../export/files.js";
import { setTexts, t } from "../i18n/i18n.js";
import { PresentView } from "../present/page.js";

/** @typedef {import("../export/replay.js").About} About */

/** What a script tag of the page holds; it is taken out, for it is large. @param {string} id */
function held(id) {
  const place = document.getElementById(id);
  place?.remove();
  return place?.textContent?.trim() ?? "";
}

/**
 * @param {string} base64
 * @returns {Uint8Array<ArrayBuffer>}
 */
function bytes(base64) {
  return Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
}

/** Plotly, as a script of the page. */
async function loadCharts() {
  const stream = new Blob([bytes(held("kelvin-plotly"))])
    .stream()
    .pipeThrough(new DecompressionStream("gzip"));
  const address = URL.createObjectURL(
    new Blob([await new Response(stream).arrayBuffer()], { type: "text/javascript" }),
  );
  await new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
  URL.revokeObjectURL(address);
}

/** Show the race, or the playlist, that lies in this page. */
export async function open() {
  const data = JSON.parse(held("kelvin-data"));
  setTexts(data.text);
  const place = /** @type {HTMLElement} */ (document.getElementById("kelvin"));
  const said = document.createElement("p");
  said.className = "kv-replay-said";
  said.setAttribute("role", "status");
  said.textContent = t("export.replay-open");
  place.append(said);
  /** @type {About} */ let about;
  /** @type {import("../data/history.js").History} */ let history;
  try {
    about = JSON.parse(held("kelvin-about"));
    if (about.slides) {
      await loadCharts();
      place.removeChild(said);
      return present(place, data, about);
    }
    history = await readRecording(bytes(held("kelvin-recording")).buffer);
    await loadCharts();
  } catch (error) {
    console.error(error);
    said.textContent = error instanceof UserError ? error.message : t("export.replay-empty");
    return;
  }
  said.remove();
  const { stage } = history;
  const layout = layoutOf(stage.data.kind);
  const view = new LiveView(place, {
    ...data,
    layout,
    experiment: stage.experiment,
    view: about.view,
    coastline: about.coastline && linesOf(about.coastline),
    recording: null,
    autostart: false,
    base: "",
    speed: 0,
    offline: true,
  });
  const title = document.createElement("h1");
  title.className = "kv-replay-title";
  title.textContent = about.title;
  view.root.querySelector(".kv-top")?.prepend(title);
  place.append(footer(about, stage));
  // What tests read, and whoever opens the console.
  /** @type {any} */ (window).__kelvin = { view };
  view.playHistory(history);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    view.update(
      view.data,
      () => {},
      () => {},
    ),
  );
}

/**
 * The stage, with the recordings that lie in this page, each unpacked when it is shown.
 * @param {HTMLElement} place
 * @param {any} data
 * @param {About} about
 */
function present(place, data, { slides = [], files = [], methods = {}, coastline }) {
  const packed = held("kelvin-recording").split("\n");
  const view = new PresentView(
    place,
    {
      ...data,
      playlist: slides,
      kiosk: false,
      alone: true,
      base: "",
      coastline: coastline && linesOf(coastline),
    },
    {
      read: async (name) => {
        const at = files.indexOf(name);
        if (at < 0) throw new ExpectedError("no such recording");
        return { bytes: bytes(packed[at]).buffer, title: "" };
      },
      methods: async () => methods,
    },
  );
  /** @type {any} */ (window).__present = view;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => view.update(data));
}

/**
 * Who made it, what was raced, and when.
 * @param {About} about
 * @param {any} stage
 */
function footer({ title, date, raced }, stage) {
  const foot = document.createElement("footer");
  foot.className = "kv-replay-foot";
  const made = document.createElement("b");
  made.textContent = t("export.replay-made");
  const what = document.createElement("span");
  const day = new Date(`${date}T12:00:00`);
  const written = Number.isNaN(day.getTime())
    ? date
    : new Intl.DateTimeFormat("en-GB", { dateStyle: "long" }).format(day);
  what.textContent = t(raced ? "export.replay-foot-raced" : "export.replay-foot-saved", {
    title,
    network: stage.network ?? t(`routes.problem-${stage.data.kind}`),
    budget: budgetOf(stage),
    date: written,
  });
  foot.append(made, what);
  return foot;
}
