/** Style sheets that a page asks for itself. */

/** Add a style sheet to the page, once. @param {string} address */
export function addStylesheet(address) {
  if (
    [...document.styleSheets].some((sheet) => sheet.href === address) ||
    document.querySelector(`link[href="${address}"]`)
  )
    return;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = address;
  document.head.append(link);
}
