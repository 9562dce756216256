/** What can be exported of the race on the screen. */

import { button } from "../controls/popover.js";
import { ExpectedError } from "../data/errors.js";
import { sought } from "../data/layouts.js";
import { writeRecording } from "../data/recording.js";
import { t } from "../i18n/i18n.js";
import { answerFile, answersAt } from "./answers.js";
import { metricsCsv } from "./csv.js";
import { download, experimentJson, fileName } from "./files.js";
import { panelsSeen, picture } from "./pictures.js";
import { pythonCode } from "./python.js";
import { replay } from "./replay.js";
import { weightsAt, weightsFile } from "./safetensors.js";
import { geoJson, tourFile, toursAt } from "./tours.js";

/**
 * @typedef {object} Exported the race on the screen, and how it is shown
 * @property {import("../data/race_session.js").RaceSession} session
 * @property {import("../board/panel_grid.js").PanelGrid} board
 * @property {(index: number) => import("../data/frame_view.js").FrameView} frameView
 * @property {() => Record<string, string>} address what an address says of the view
 * @property {string} base path of the server
 * @property {() => void} redraw
 * @property {(sentence: string) => void} say
 * @property {(content: HTMLElement) => (() => void) | null} open shows more choices where the menu
 *   was, and returns what closes them
 */

const WEIGHTS_MS = 3000;
const ASK_MS = 40;

/**
 * What can be had, in the order of the menu; `run` hands over the file or says in its error why
 * not.
 * @param {Exported} view
 * @returns {{id: string, label: string, hint: string, enabled: boolean, run: () =>
 *   Promise<void>}[]}
 */
export function exportItems(view) {
  const { history } = view.session.playback;
  const { stage } = history;
  const there = Boolean(stage) && history.length > 0;
  const give = (
    /** @type {BlobPart} */ content,
    /** @type {string} */ ending,
    /** @type {string} */ type,
  ) => {
    const name = fileName(stage, ending);
    download(content instanceof Blob ? content : new Blob([content], { type }), name);
    view.say(t("export.saved", { name }));
  };
  const item = (
    /** @type {string} */ id,
    /** @type {() => void | Promise<void>} */ run,
    enabled = there,
    hint = t(`export.${id}-hint`),
  ) => ({ id, label: t(`export.${id}`), hint, enabled, run: async () => run() });
  const tour = sought(stage?.data.kind);
  const weighed =
    there && (view.session.live || weightsAt(history, view.session.playback.moment) !== null);
  const weightsItem = () =>
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
    );
  return [
    item("python", () => python(view)),
    item("experiment", () => give(experimentJson(history), ".json", "application/json")),
    item("csv", () => give(metricsCsv(history), ".csv", "text/csv")),
    ...(!tour
      ? [weightsItem()]
      : stage.data.kind === "tour"
        ? tourItems(view, item)
        : [answersItem(view, item)]),
    item("pictures", () => choosePicture(view)),
    item("recording", async () => give(await writeRecording(history), ".kelvin", "")),
    ...(view.session.offline
      ? []
      : [item("replay", async () => give(await replay(view), ".html", ""))]),
  ];
}

/**
 * A file for each lane's best tour, and one of all where they are on the Earth.
 * @param {Exported} view
 * @param {(id: string, run: () => void | Promise<void>, enabled?: boolean, hint?: string) => any}
 *   item
 */
function tourItems(view, item) {
  const { history } = view.session.playback;
  const { stage } = history;
  const tours = () => toursAt(history, view.session.playback.moment);
  const give = (/** @type {string} */ text, /** @type {string} */ name, type = "text/plain") => {
    download(new Blob([text], { type }), name);
    view.say(t("export.saved", { name }));
  };
  const there = history.length > 0 && tours().length > 0;
  return [
    item(
      "tours",
      () => {
        for (const tour of tours()) {
          const many = stage.lanes.length > 1 ? `-${tour.lane + 1}` : "";
          give(tourFile(stage, tour), fileName(stage, `${many}.tour`));
        }
      },
      there,
      t(there ? "export.tours-hint" : "export.no-tours"),
    ),
    ...(stage?.data.geographic
      ? [
          item(
            "geojson",
            () =>
              give(geoJson(stage, tours()), fileName(stage, ".geojson"), "application/geo+json"),
            there,
            t(there ? "export.geojson-hint" : "export.no-tours"),
          ),
        ]
      : []),
  ];
}

/**
 * A file for each lane's best routes, roster or landings.
 * @param {Exported} view
 * @param {(id: string, run: () => void | Promise<void>, enabled?: boolean, hint?: string) => any}
 *   item
 */
function answersItem(view, item) {
  const { history } = view.session.playback;
  const { stage } = history;
  const answers = () => answersAt(history, view.session.playback.moment);
  const there = history.length > 0 && answers().length > 0;
  const { kind } = stage.data;
  return item(
    kind,
    () => {
      for (const answer of answers()) {
        const many = stage.lanes.length > 1 ? `-${answer.lane + 1}` : "";
        const { text, suffix, type } = answerFile(stage, answer);
        const name = fileName(stage, `${many}-${kind}${suffix}`);
        download(new Blob([text], { type }), name);
        view.say(t("export.saved", { name }));
      }
    },
    there,
    t(there ? `export.${kind}-hint` : "export.no-answers"),
  );
}

/** @param {Exported} view */
async function python(view) {
  const { history } = view.session.playback;
  const name = fileName(history.stage, ".py");
  const code = pythonCode(history, name);
  // A browser may keep the clipboard to itself; the file is there in any case.
  const copied = await Promise.resolve(navigator.clipboard?.writeText(code)).then(
    () => Boolean(navigator.clipboard),
    () => false,
  );
  download(new Blob([code], { type: "text/x-python" }), name);
  view.say(t(copied ? "export.copied" : "export.saved", { name }));
}

/**
 * The weights of the moment shown; a race that runs is asked for them where its pictures do not
 * carry them.
 * @param {Exported} view
 */
async function weights(view) {
  const { history, moment } = view.session.playback;
  const picture = history.pictureAt(history.metrics[moment].k);
  if (view.session.live && !picture?.lanes.every((/** @type {any} */ lane) => lane.weights)) {
    const before = history.weights;
    view.session.send({ do: "weights" });
    for (
      const until = performance.now() + WEIGHTS_MS;
      history.weights === before && performance.now() < until;
    )
      await new Promise((resolve) => setTimeout(resolve, ASK_MS));
  }
  const found = weightsAt(history, moment);
  if (!found) throw new ExpectedError(t("export.no-weights"));
  return weightsFile(history, found);
}

/** Which panel, and as what. @param {Exported} view */
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
          const file = fileName(view.session.history.stage, `-${name ?? "board"}.${kind}`);
          download(await picture(view, name, kind), file);
          view.say(t("export.saved", { name: file }));
        } catch (error) {
          console.error(error);
          view.say(t("menu.export-failed"));
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
  close.now = view.open(list) ?? close.now;
}
