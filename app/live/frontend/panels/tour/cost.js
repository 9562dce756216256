/**
 * What tours cost: moves, price reads, moves per second, processor seconds and memory of every
 * lane, and what one and the same length has cost each of them.
 */

import { t } from "../../i18n/i18n.js";
import { CostPanel } from "../cost.js";

export class TourCostPanel extends CostPanel {
  /** The columns of the CSV file for a lane. */
  get measures() {
    return /** @type {const} */ (["moves", "evaluations", "rate", "seconds", "memory"]);
  }

  /** What a column is called. @param {string} measure */
  heading(measure) {
    return measure === "evaluations" ? t("routes.reads") : super.heading(measure);
  }
}
