/**
 * A small window beside the button that opens it; one at a time, closed with Esc, a click elsewhere
 * or the same button.
 */

/** @type {{close: () => void, anchor: HTMLElement} | null} */
let open = null;

/**
 * @param {HTMLElement} anchor the button
 * @param {HTMLElement} content
 * @param {{label: string, closed?: () => void, end?: boolean}} about `end`: it ends where the
 *   button ends, and does not begin where it begins
 * @returns {(() => void) | null} closes it; null where the same button has closed it
 */
export function openPopover(anchor, content, { label, closed, end = false }) {
  const again = open?.anchor === anchor;
  open?.close();
  if (again) return null;
  const root = /** @type {HTMLElement} */ (anchor.closest(".kelvin") ?? document.body);
  const box = document.createElement("div");
  box.className = "kv-popup";
  box.setAttribute("role", "dialog");
  box.setAttribute("aria-label", label);
  box.append(content);
  root.append(box);
  anchor.setAttribute("aria-expanded", "true");
  place(box, anchor, root, end);
  const close = (/** @type {boolean} */ refocus = true) => {
    if (open?.anchor !== anchor) return;
    open = null;
    document.removeEventListener("keydown", key, true);
    document.removeEventListener("pointerdown", outside, true);
    anchor.setAttribute("aria-expanded", "false");
    const held = box.contains(document.activeElement);
    box.remove();
    if (held && refocus) anchor.focus();
    closed?.();
  };
  const key = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    event.preventDefault();
    close();
  };
  const outside = (/** @type {PointerEvent} */ event) => {
    const target = /** @type {Node} */ (event.target);
    if (!box.contains(target) && !anchor.contains(target)) close(false);
  };
  document.addEventListener("keydown", key, true);
  document.addEventListener("pointerdown", outside, true);
  open = { close, anchor };
  /** @type {HTMLElement | null} */ (box.querySelector("button, input, select, a"))?.focus({
    preventScroll: true,
  });
  return close;
}

/**
 * Under the button, or over it where there is no room; never out of the view.
 * @param {HTMLElement} box
 * @param {HTMLElement} anchor
 * @param {HTMLElement} root
 * @param {boolean} end
 */
function place(box, anchor, root, end) {
  const frame = root.getBoundingClientRect();
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = box;
  const left = Math.max(
    4,
    Math.min((end ? at.right - width : at.left) - frame.left, frame.width - width - 4),
  );
  const under = at.bottom + height + 8 < window.innerHeight || at.top < height + 8;
  box.style.left = `${left}px`;
  box.style.top = `${under ? at.bottom - frame.top + 6 : at.top - frame.top - height - 6}px`;
}

/**
 * A button with a text.
 * @param {string} text
 * @param {() => void} press
 * @param {Record<string, string>} attributes
 */
export function button(text, press, attributes = {}) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.onclick = press;
  return made;
}
