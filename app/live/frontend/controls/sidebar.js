/** Streamlit's sidebar, which covers the race on a narrow screen. */

/** Up to this width Streamlit draws the sidebar over the page. */
const COVERS = "(max-width: 768px)";

/** Close the sidebar where it covers the page, so that what was asked for is seen. */
export function uncoverPage() {
  if (!matchMedia(COVERS).matches) return;
  const open = document.querySelector('[data-testid="stSidebar"][data-collapsed="false"]');
  /** @type {HTMLElement | null | undefined} */ const button = open?.querySelector(
    '[data-testid="stSidebarCollapseButton"] button',
  );
  button?.click();
}
