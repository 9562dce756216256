/** The page's own texts, for tests that read them. */

import { readdirSync, readFileSync } from "node:fs";

import { setTexts } from "../../../app/live/frontend/i18n/i18n.js";

const folder = new URL("../../../app/text/en/", import.meta.url);

/** @type {Record<string, string>} */
export const texts = Object.fromEntries(
  readdirSync(folder).flatMap((file) =>
    Object.entries(JSON.parse(readFileSync(new URL(file, folder), "utf8"))).map(([key, text]) => [
      `${file.replace(".json", "")}.${key}`,
      text,
    ]),
  ),
);
setTexts(texts);
