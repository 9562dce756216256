"""Declare the parts of a page that the front end draws, as Streamlit components (v2).

A component finds Kelvin's files below the path that the page itself came from.
"""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

_BOOTSTRAP = """
export default function (component) {
  const { data, parentElement } = component;
  const own = document.querySelector('script[src*="static/js/"]')?.src ?? "";
  const base = own ? new URL(own).pathname.replace(/\\/static\\/js\\/.*$/, "") : data.base;
  const kelvin = import(`${window.location.origin}${base}/kelvin/bundle/@${data.version}/ENTRY`);
  kelvin.then(
    (module) =>
      parentElement.isConnected && module.mount({ ...component, data: { ...data, base } }),
    () => (parentElement.textContent = DID_NOT_LOAD),
  );
  return () => kelvin.then((module) => module.unmount(parentElement), () => {});
}
"""
"""Streamlit sends it again with every message, so it holds only an import.

A proxy may remove a prefix before Kelvin sees a URL, so the server cannot know the path: it is
found from the page's own scripts. Streamlit may call it once more for a place that it has just
removed: nothing is mounted there.
"""


_SCROLL = """
export default function ({ data }) {
  if (window.kelvinScrolled === data.count) return;
  window.kelvinScrolled = data.count;
  const go = (tries) => {
    const place = document.querySelector(data.place);
    if (!place) return tries && setTimeout(go, 100, tries - 1);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    place.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
    place.querySelector("summary")?.focus({ preventScroll: true });
  };
  setTimeout(go, 150, 30);
}
"""
"""The part that is drawn may come after this script. A script written into the page would be
against the page's policy.
"""


class Component:
    """A part of a page that a module of the front end mounts, updates and unmounts.

    Args:
        name: the component's name, the same for as long as the server runs.
        entry: the module below the frontend that exports ``mount`` and ``unmount``.
        did_not_load: the text shown if the module cannot be loaded.
        html: what is there until the module is loaded.
    """

    def __init__(self, name: str, entry: str, did_not_load: str, html: str = "") -> None:
        self._mount = st.components.v2.component(
            name, html=html, js=bootstrap(entry, did_not_load), isolate_styles=False
        )

    def __call__(self, *, key: str, data: dict[str, Any], **on_change: Any) -> Any:
        """Draw the component.

        Args:
            key: the component's key, the same in every run.
            data: values for the module, besides the server's base path.
            on_change: callbacks for changes of the component's state, by Streamlit's names.

        Returns:
            The component's state.
        """
        return self._mount(key=key, data={**data, "base": base()}, **on_change)


def scroll(place: str, count: int) -> None:
    """Scroll to a part of the page and give it the focus.

    Args:
        place: its selector.
        count: how often the page has scrolled; the same number scrolls once.
    """
    mount = st.components.v2.component("kelvin_scroll", js=_SCROLL, isolate_styles=False)
    mount(key="kelvin scroll", data={"place": place, "count": count})


def bootstrap(entry: str, did_not_load: str) -> str:
    """Return the script of a component.

    Args:
        entry: the module that mounts it.
        did_not_load: the text shown if it cannot be loaded.
    """
    return _BOOTSTRAP.replace("ENTRY", entry).replace("DID_NOT_LOAD", json.dumps(did_not_load))


def base() -> str:
    """Return the server's own base path, such as "/tools", or ""."""
    path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""
