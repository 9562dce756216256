"""Where a component finds Kelvin's files: below the path the page itself came from."""

from __future__ import annotations

import json

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
