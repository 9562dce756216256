/** Style sheets that a page asks for itself. */

/**
 * Add a style sheet to the page, once.
 * @param {string} address
 * @returns {Promise<void>} resolves when it is there, or cannot be had
 */
export function addStylesheet(address) {
  const found = /** @type {HTMLLinkElement | null} */ (
    document.querySelector(`link[rel="stylesheet"][href="${address}"]`)
  );
  if (found?.sheet || [...document.styleSheets].some((sheet) => sheet.href === address))
    return Promise.resolve();
  const link = found ?? document.createElement("link");
  const there = new Promise((resolve) => {
    link.addEventListener("load", resolve);
    link.addEventListener("error", resolve);
  });
  if (!found) {
    link.rel = "stylesheet";
    link.href = address;
    document.head.append(link);
  }
  return /** @type {Promise<void>} */ (there);
}
