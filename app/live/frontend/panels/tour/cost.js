/**
 * What tours cost: moves, evaluations, moves per second, processor seconds and memory of every
 * lane, and what one and the same length has cost each of them.
 */

import { CostPanel } from "../cost.js";

export class TourCostPanel extends CostPanel {
  /** The columns of the CSV file for a lane. */
  get measures() {
    return /** @type {const} */ (["moves", "evaluations", "rate", "seconds", "memory"]);
  }
}
