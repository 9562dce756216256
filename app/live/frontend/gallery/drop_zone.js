/** Files dropped anywhere on the page. */

/**
 * Take files that are dropped anywhere on the page.
 * @param {HTMLElement} veil shown while files hover over the page
 * @param {(files: File[]) => void} take
 * @returns {() => void} ends it
 */
export function dropZone(veil, take) {
  let depth = 0; // enter and leave come once for every element the pointer crosses
  const brings = (/** @type {DragEvent} */ event) =>
    Boolean(event.dataTransfer?.types.includes("Files"));
  const show = () => void (veil.hidden = depth <= 0);
  const enter = (/** @type {DragEvent} */ event) => {
    if (!brings(event)) return;
    depth++;
    show();
  };
  const over = (/** @type {DragEvent} */ event) => {
    if (brings(event)) event.preventDefault();
  };
  const leave = (/** @type {DragEvent} */ event) => {
    if (!brings(event)) return;
    depth--;
    show();
  };
  const drop = (/** @type {DragEvent} */ event) => {
    if (!brings(event)) return;
    event.preventDefault();
    depth = 0;
    show();
    take([...(event.dataTransfer?.files ?? [])]);
  };
  const heard = /** @type {[string, any][]} */ ([
    ["dragenter", enter],
    ["dragover", over],
    ["dragleave", leave],
    ["drop", drop],
  ]);
  for (const [name, listen] of heard) document.addEventListener(name, listen);
  return () => {
    for (const [name, listen] of heard) document.removeEventListener(name, listen);
  };
}
