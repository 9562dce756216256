/**
 * Whether the page around is still taking something in: a file on its way, or a setting that was
 * changed a moment ago. What is run before that would be the race before.
 */

const POLL_MS = 50;
/** So long nothing was taken in before the page counts as settled: between a file that is there and
 * the script that reads it, and between its end and what it has to say, nothing is seen of either. */
const QUIET_MS = 250;
/** After so long it is no longer waited for: what would be run is not known. */
const LONGEST_MS = 60_000;
/** How Streamlit says on its root that its script runs, or is about to. */
const RUNS = ["running", "rerunRequested"];
const ON_ITS_WAY =
  "[data-testid=stFileUploader] :is([role=progressbar], [data-testid=stFileChipIconSpinner])";

/** @param {Document} [page] */
export function takesIn(page = document) {
  const root = /** @type {HTMLElement | null} */ (page.querySelector("[data-testid=stApp]"));
  return (
    RUNS.includes(root?.dataset.testScriptState ?? "") || Boolean(page.querySelector(ON_ITS_WAY))
  );
}

/** Watches what the page takes in. */
export class Settling {
  constructor() {
    this.busyAt = -Infinity;
    /** @type {ReturnType<typeof setInterval> | undefined} */ this.poll = undefined;
  }

  /** Look at the page: often, for what it takes in may take no longer than a moment. */
  look(now = performance.now()) {
    if (takesIn()) this.busyAt = now;
    return now - this.busyAt >= QUIET_MS;
  }

  /**
   * Do something once the page has taken everything in: at once where it has.
   * @param {() => void} then
   * @param {() => void} waits called where it has not
   * @param {() => void} never called where it takes too long; it is not done then
   */
  once(then, waits, never) {
    this.forget();
    if (this.look()) return then();
    const began = performance.now();
    this.poll = setInterval(() => {
      const settled = this.look();
      if (!settled && performance.now() - began < LONGEST_MS) return;
      this.forget();
      if (settled) then();
      else never();
    }, POLL_MS);
    waits();
  }

  /** Whether something is to be done. */
  get waiting() {
    return this.poll !== undefined;
  }

  /** Do it no more. */
  forget() {
    clearInterval(this.poll);
    this.poll = undefined;
  }
}
