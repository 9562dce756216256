/** Style sheets that a page asks for itself. */

/**
 * Add a style sheet to the page, once.
 * @param {string} address
 * @returns {Promise<void>} resolves when it is there with all that it imports, or cannot be had
 */
export function addStylesheet(address) {
  const found = /** @type {HTMLLinkElement | null} */ (
    document.querySelector(`link[rel="stylesheet"][href="${address}"]`)
  );
  // `sheet` is there before what it imports; and of one that failed no event comes again.
  if (found?.dataset.settled !== undefined) return Promise.resolve();
  const link = found ?? document.createElement("link");
  const there = new Promise((resolve) => {
    const settled = () => {
      link.dataset.settled = "";
      resolve(undefined);
    };
    link.addEventListener("load", settled);
    link.addEventListener("error", settled);
  });
  if (!found) {
    link.rel = "stylesheet";
    link.href = address;
    document.head.append(link);
  }
  return /** @type {Promise<void>} */ (there);
}

/**
 * Keep an element unseen until its style sheets are there: it has its place and its size, so what
 * measures it may do so at once.
 * @param {HTMLElement} element
 * @param {string[]} addresses
 */
export function showStyled(element, addresses) {
  element.style.visibility = "hidden";
  return Promise.all(addresses.map(addStylesheet)).then(() => {
    element.style.visibility = "";
  });
}
