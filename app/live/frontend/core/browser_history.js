/** Back and forward in the browser: the page follows its address. */

/**
 * @typedef {History & {kelvin?: {gone: string | null}}} Kept `gone`: path of the page that the
 *   visitor went back or forward to and that is not shown yet
 */

/**
 * Keep the browser's history as the visitor made it: one entry for each page.
 *
 * A page's own address takes the place of the bare one it was opened at. And while the visitor goes
 * back or forward to another page, nothing is written until that page is there: a run of the page
 * that was left, still on its way, would make Streamlit write that page's address again, and the
 * way back would lead there once more. What the visitor does himself (a click, a key) ends the
 * wait.
 *
 * Streamlit writes a page's parameters when they come and its path once React has drawn, which on
 * a busy machine is later: the new page's parameters then stand under the path of the page before.
 * When the path follows, that entry becomes the new page's, or gets its own address back.
 * @param {Kept} history
 * @param {Location} location
 * @param {EventTarget} target of clicks, keys and steps in the history
 */
export function keepOneEntryPerPage(history, location, target) {
  if (history.kelvin) return;
  /** @type {{gone: string | null}} */ const kept = (history.kelvin = { gone: null });
  const push = history.pushState.bind(history);
  const replace = history.replaceState.bind(history);
  let path = location.pathname;
  /** @type {{address: string, pushed: boolean, search: string} | null} the last new parameters
   *   under the same path: what stood there before, and whether that has its entry still */
  let changed = null;
  target.addEventListener(
    "popstate",
    () => {
      changed = null;
      if (location.pathname !== path) kept.gone = path = location.pathname;
    },
    true,
  );
  for (const deed of ["click", "keydown"])
    target.addEventListener(deed, ({ isTrusted }) => void (isTrusted && (kept.gone = null)), true);
  history.pushState = (state, unused, address) => {
    if (kept.gone !== null) return;
    const { href, search, pathname } = location;
    const next = new URL(address ?? "", href);
    const samePath = next.origin === location.origin && next.pathname === pathname;
    const bare = !search && next.search && samePath;
    const early = !samePath && next.search && changed?.search === next.search ? changed : null;
    if (early && !early.pushed) replace(state, unused, early.address);
    // the same address written once more is no step either
    if (bare || next.href === href || early?.pushed) replace(state, unused, address);
    else push(state, unused, address);
    if (next.href !== href)
      changed = samePath ? { address: href, pushed: !bare, search: next.search } : null;
    path = location.pathname;
  };
  history.replaceState = (state, unused, address) => {
    if (kept.gone === null) replace(state, unused, address);
  };
}

/**
 * The page at this path is shown: its address may be written again.
 * @param {Kept} history
 * @param {string} path
 */
export function markPageShown(history, path) {
  if (history.kelvin?.gone === path) history.kelvin.gone = null;
}

export class BrowserHistory {
  /**
   * @param {boolean} offline whether the page is a file, which has no address to follow
   * @param {(step: {address: string, step: number}) => void} went called when the visitor goes back
   *   or forward to another address of this page
   */
  constructor(offline, went) {
    this.path = offline ? "" : location.pathname;
    this.steps = 0;
    /** Whether the visitor has gone on to another page, which is not there yet. */
    this.left = false;
    this.listen = (/** @type {Event} */ event) => {
      if (location.pathname !== this.path) this.left = true;
      // another page of Kelvin is Streamlit's to show, and the way back from it
      if (this.left) return;
      // Streamlit would run the page with the controls as they are, which write their own address
      // over this one.
      event.stopImmediatePropagation();
      went({ address: location.search, step: ++this.steps });
    };
    if (offline) return;
    addEventListener("popstate", this.listen, true);
    keepOneEntryPerPage(history, location, window);
    markPageShown(history, this.path);
  }

  /**
   * Whether the address is that of this page. While it is another's, this page must not make
   * Streamlit run it: that run would take the place of the other page's, which was asked for first.
   */
  get here() {
    return !this.path || location.pathname === this.path;
  }

  /** The page has been run again: unless the visitor is gone, its steps are followed again. */
  resume() {
    if (this.here) this.left = false;
  }

  destroy() {
    removeEventListener("popstate", this.listen, true);
  }
}
