/** What can be exported of the race on the screen. */

import { button, popup } from "../controls/popover.js";
import { Expected } from "../data/errors.js";
import { writeRecording } from "../data/recording.js";
import { t } from "../i18n/i18n.js";
import { metricsCsv } from "./csv.js";
import { download, experimentJson, fileName } from "./files.js";
import { panelsSeen, picture } from "./pictures.js";
import { pythonCode } from "./python.js";
import { replay } from "./replay.js";
import { weightsAt, weightsFile } from "./safetensors.js";

/** @typedef {import("../core/live_view.js").LiveView} View */

const WEIGHTS_MS = 3000;
const ASK_MS = 40;

/**
 * What can be had, in the order of the menu; `run` hands over the file or says in its error why
 * not.
 * @param {View} view
 * @returns {{id: string, label: string, hint: string, enabled: boolean, run: () =>
 *   Promise<void>}[]}
 */
export function exportItems(view) {
  const { history } = view.player;
  const { stage } = history;
  const there = Boolean(stage) && history.length > 0;
  const give = (
    /** @type {BlobPart} */ content,
    /** @type {string} */ ending,
    /** @type {string} */ type,
  ) => {
    const name = fileName(stage, ending);
    download(content instanceof Blob ? content : new Blob([content], { type }), name);
    view.menu.say(t("export.saved", { name }));
  };
  const item = (
    /** @type {string} */ id,
    /** @type {() => void | Promise<void>} */ run,
    enabled = there,
    hint = t(`export.${id}-hint`),
  ) => ({ id, label: t(`export.${id}`), hint, enabled, run: async () => run() });
  const weighed = there && (live(view) || weightsAt(history, view.player.moment) !== null);
  return [
    item("python", () => python(view)),
    item("experiment", () => give(experimentJson(history), ".json", "application/json")),
    item("csv", () => give(metricsCsv(history), ".csv", "text/csv")),
    item(
      "weights",
      async () =>
        give(
          /** @type {BlobPart} */ (await weights(view)),
          ".safetensors",
          "application/octet-stream",
        ),
      weighed,
      t(weighed ? "export.weights-hint" : "export.no-weights"),
    ),
    item("pictures", () => choosePicture(view)),
    item("recording", async () => give(await writeRecording(history), ".kelvin", "")),
    ...(view.data.offline
      ? []
      : [item("replay", async () => give(await replay(view), ".html", ""))]),
  ];
}

/** Whether there is a race that answers. @param {View} view */
function live({ player, state }) {
  return player.source === "live" && ["running", "paused"].includes(state.state);
}

/** @param {View} view */
async function python(view) {
  const { history } = view.player;
  const name = fileName(history.stage, ".py");
  const code = pythonCode(history, name);
  // A browser may keep the clipboard to itself; the file is there in any case.
  const copied = await Promise.resolve(navigator.clipboard?.writeText(code)).then(
    () => Boolean(navigator.clipboard),
    () => false,
  );
  download(new Blob([code], { type: "text/x-python" }), name);
  view.menu.say(t(copied ? "export.copied" : "export.saved", { name }));
}

/**
 * The weights of the moment shown; a race that runs is asked for them where its pictures do not
 * carry them.
 * @param {View} view
 */
async function weights(view) {
  const { history, moment } = view.player;
  if (
    live(view) &&
    !history
      .pictureAt(history.metrics[moment].k)
      ?.lanes.every((/** @type {any} */ lane) => lane.weights)
  ) {
    const before = history.weights;
    view.socket.send({ do: "weights" });
    for (
      const until = performance.now() + WEIGHTS_MS;
      history.weights === before && performance.now() < until;
    )
      await new Promise((resolve) => setTimeout(resolve, ASK_MS));
  }
  const found = weightsAt(history, moment);
  if (!found) throw new Expected(t("export.no-weights"));
  return weightsFile(history, found);
}

/** Which panel, and as what. @param {View} view */
function choosePicture(view) {
  const list = document.createElement("ul");
  list.className = "kv-export-panels";
  const close = { now: () => {} };
  const rows = [
    ...panelsSeen(view).map(({ name, title }) => ({
      name: /** @type {string | null} */ (name),
      title,
    })),
    { name: null, title: t("export.board") },
  ];
  for (const { name, title } of rows) {
    const row = document.createElement("li");
    const label = document.createElement("span");
    label.textContent = title;
    row.append(label);
    for (const kind of /** @type {const} */ (["png", "svg"])) {
      const take = async () => {
        close.now();
        try {
          const file = fileName(view.player.history.stage, `-${name ?? "board"}.${kind}`);
          download(await picture(view, name, kind), file);
          view.menu.say(t("export.saved", { name: file }));
        } catch (error) {
          console.error(error);
          view.menu.say(t("menu.export-failed"));
        }
      };
      row.append(
        button(kind.toUpperCase(), take, {
          "data-testid": `picture-${name ?? "board"}-${kind}`,
          "aria-label": t("export.picture-as", { name: title, kind: kind.toUpperCase() }),
        }),
      );
    }
    list.append(row);
  }
  const anchor = /** @type {HTMLElement} */ (
    view.root.querySelector('[data-testid="menu-export"]')
  );
  close.now = popup(anchor, list, { label: t("export.pictures") }) ?? close.now;
}
