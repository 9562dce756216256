/**
 * Terms, explained where they stand: on hover, on focus and on a tap. What has `data-term` is
 * explained by the text `terms.NAME`, with a picture where one helps.
 */

import { t } from "../i18n/i18n.js";

const WAIT_MS = 250;
const GAP = 6;

const svg = (/** @type {string} */ inside) =>
  `<svg viewBox="0 0 120 56" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">${inside}</svg>`;
const dots = (/** @type {[number, number][]} */ at, /** @type {string} */ colour) =>
  at.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3" fill="${colour}" stroke="none"/>`).join("");
const VALLEY = '<path d="M6 8C30 60 60 56 114 10" opacity="0.45"/>';
const HOT = "var(--lane-0)";
const COLD = "var(--lane-1)";

/** Terms that a picture explains better than words. */
const PICTURES = /** @type {Record<string, string>} */ ({
  "sees-loss": svg(`${VALLEY}${dots([[92, 27]], HOT)}<path d="M92 27V50" stroke-dasharray="2 4"/>`),
  "sees-gradient": svg(
    `${VALLEY}${dots([[92, 27]], COLD)}<path d="M92 27 70 40m0 0 9-1m-9 1 4-8" stroke="${COLD}"/>`,
  ),
  "panel-agreement": svg(
    `<path d="M40 46 96 40m0 0-8-4m8 4-7 6" stroke="${COLD}"/><path d="M40 46 80 12m0 0-9 3m9-3-3 9" stroke="${HOT}"/><path d="M58 44a18 18 0 0 0-5-10" opacity="0.5"/>`,
  ),
  temperature: svg(
    `<path d="M6 20Q18 46 32 20T60 20" opacity="0.45"/>${dots(
      [
        [8, 14],
        [20, 28],
        [34, 12],
        [46, 26],
        [56, 12],
      ],
      HOT,
    )}<path d="M66 20Q78 46 92 20T114 20" opacity="0.45"/>${dots(
      [
        [77, 30],
        [80, 33],
        [83, 29],
        [80, 27],
      ],
      COLD,
    )}`,
  ),
  pca: svg(
    `<ellipse cx="60" cy="28" rx="48" ry="14" transform="rotate(-14 60 28)" opacity="0.4"/><path d="M16 39 104 17M55 14 65 42" stroke="${HOT}"/>${dots(
      [
        [30, 34],
        [44, 26],
        [58, 32],
        [70, 22],
        [86, 24],
        [52, 36],
      ],
      COLD,
    )}`,
  ),
  ensemble: svg(
    `${VALLEY}${dots(
      [
        [34, 42],
        [44, 46],
        [54, 48],
        [64, 46],
        [76, 40],
      ],
      HOT,
    )}<path d="M34 30h40" opacity="0.5"/>`,
  ),
});

/**
 * Explain every term below a root while it is pointed at or has the focus.
 * @param {HTMLElement} root
 * @returns {() => void} ends it
 */
export function bindTerms(root) {
  const box = document.createElement("div");
  box.className = "kv-term";
  box.id = `kv-term-${Math.random().toString(36).slice(2)}`;
  box.dataset.testid = "term";
  box.setAttribute("role", "tooltip");
  box.hidden = true;
  root.append(box);
  /** @type {HTMLElement | null} */ let on = null;
  let timer = 0;
  const listening = new AbortController();
  const hide = () => {
    clearTimeout(timer);
    on?.removeAttribute("aria-describedby");
    on = null;
    box.hidden = true;
  };
  const show = (/** @type {HTMLElement} */ term) => {
    hide();
    const name = term.dataset.term ?? "";
    const text = t(`terms.${name}`);
    if (text === `terms.${name}`) return;
    on = term;
    box.innerHTML = PICTURES[name] ?? "";
    box.append(Object.assign(document.createElement("p"), { textContent: text }));
    box.hidden = false;
    term.setAttribute("aria-describedby", box.id);
    place(box, term, root);
  };
  const termOf = (/** @type {Event} */ event) =>
    /** @type {HTMLElement | null} */ (
      /** @type {HTMLElement} */ (event.target).closest?.("[data-term]")
    );
  const listen = (
    /** @type {string} */ event,
    /** @type {(event: any) => void} */ what,
    /** @type {EventTarget} */ target = root,
  ) => target.addEventListener(event, what, { signal: listening.signal });
  listen("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const term = termOf(event);
    clearTimeout(timer);
    // the pointer may go from the term to its explanation
    if (box.contains(event.target) || (term && term === on)) return;
    if (term) timer = setTimeout(() => show(term), WAIT_MS);
    else timer = setTimeout(hide, WAIT_MS);
  });
  listen("pointerleave", hide);
  listen("focusin", (event) => {
    const term = termOf(event);
    if (term && /** @type {HTMLElement} */ (event.target).matches(":focus-visible")) show(term);
  });
  listen("focusout", hide);
  listen("click", (event) => {
    const term = termOf(event);
    if (term && event.target.closest("button, select, input") === null)
      term === on && event.pointerType === "touch" ? hide() : show(term);
    else hide();
  });
  listen("keydown", (event) => event.key === "Escape" && hide(), document);
  return () => {
    listening.abort();
    hide();
    box.remove();
  };
}

/**
 * Under the term, or over it where there is no room; never out of the view.
 * @param {HTMLElement} box
 * @param {HTMLElement} term
 * @param {HTMLElement} root
 */
function place(box, term, root) {
  const frame = root.getBoundingClientRect();
  const at = term.getBoundingClientRect();
  const left = Math.max(4, Math.min(at.left - frame.left, frame.width - box.offsetWidth - 4));
  const under = at.bottom + box.offsetHeight + GAP < window.innerHeight;
  box.style.left = `${left}px`;
  box.style.top = `${under ? at.bottom - frame.top + GAP : at.top - frame.top - box.offsetHeight - GAP}px`;
}
