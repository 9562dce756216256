/**
 * Writes what the explorer exports of a recording into a folder, for Python to look at: node
 * export_files.mjs RECORDING FOLDER [SHELL]
 */

import "./texts.js";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { metricsCsv } from "../../../app/live/frontend/export/csv.js";
import { experimentJson, titleOf } from "../../../app/live/frontend/export/files.js";
import { pythonCode } from "../../../app/live/frontend/export/python.js";
import { fill } from "../../../app/live/frontend/export/replay.js";
import { weightsAt, weightsFile } from "../../../app/live/frontend/export/safetensors.js";
import { readRecording, writeRecording } from "../../../app/live/frontend/data/recording.js";

const [recording, folder, shell] = process.argv.slice(2);
const bytes = readFileSync(recording);
const history = await readRecording(
  bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
);
const put = (name, content) => writeFileSync(join(folder, name), content);
put("race.py", pythonCode(history, "race.py"));
put("race.json", experimentJson(history));
put("race.csv", metricsCsv(history));
put("race.kelvin", new Uint8Array(await (await writeRecording(history)).arrayBuffer()));
const weights = weightsAt(history, history.length - 1);
if (weights) put("race.safetensors", weightsFile(history, weights));
if (shell)
  put(
    "race.html",
    fill(
      readFileSync(shell, "utf8"),
      { title: titleOf(history.stage), date: "2026-11-24", raced: true, view: { large: "loss" } },
      bytes,
    ),
  );
