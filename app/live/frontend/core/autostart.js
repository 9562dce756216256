/** Whether somebody looks at the page: only then may it start a race without being asked to. */

/**
 * Whether the page may start a race by itself now: not inside another page's frame, whose reader
 * need not know of it, and not before its tab has been looked at.
 * @param {() => void} later called once the tab is looked at, where that is all that is missing
 */
export function mayAutostart(later) {
  if (window.top !== window) return false;
  if (document.visibilityState === "visible") return true;
  const look = () => {
    if (document.visibilityState !== "visible") return;
    document.removeEventListener("visibilitychange", look);
    later();
  };
  document.addEventListener("visibilitychange", look);
  return false;
}
