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
    (module) => module.mount({ ...component, data: { ...data, base } }),
    () => (parentElement.textContent = DID_NOT_LOAD),
  );
  return () => kelvin.then((module) => module.unmount(parentElement), () => {});
}
"""
"""Streamlit sends it again with every message, so it holds no more than an import.

A proxy may cut a prefix off before Kelvin sees an address, so the server cannot know the path: the
page's own scripts do.
"""


class Component:
    """A part of a page that a module of the front end mounts, updates and unmounts.

    Args:
        name: the component's name, the same for as long as the server runs.
        entry: the module below the frontend that exports ``mount`` and ``unmount``.
        did_not_load: what stands in its place where the module cannot be fetched.
    """

    def __init__(self, name: str, entry: str, did_not_load: str) -> None:
        self._mount = st.components.v2.component(
            name, html="", js=bootstrap(entry, did_not_load), isolate_styles=False
        )

    def __call__(self, *, key: str, data: dict[str, Any], **on_change: Any) -> Any:
        """Draw it.

        Args:
            key: the component's key, the same in every run.
            data: what the module is given, besides the server's base path.
            on_change: calls for changes of the component's state, as Streamlit names them.

        Returns:
            The component's state.
        """
        return self._mount(key=key, data={**data, "base": base()}, **on_change)


def bootstrap(entry: str, did_not_load: str) -> str:
    """The script of a component.

    Args:
        entry: the module that mounts it.
        did_not_load: what stands in its place where that cannot be fetched.
    """
    return _BOOTSTRAP.replace("ENTRY", entry).replace("DID_NOT_LOAD", json.dumps(did_not_load))


def base() -> str:
    """The server's own base path, such as "/tools", or nothing."""
    path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""
