"""Presentation mode: recordings full screen, in large type, controlled by the arrow keys
(`?present=1`) or in an endless loop (`&kiosk=1`).

Everything comes from recordings: no race is run, and neither a worker nor a socket is needed.
``playlist=`` in the link chooses recordings, by their names with commas between;
``own-playlist=`` a playlist of the visitor's own, by its id in their browser.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import streamlit as st
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic_core import to_jsonable_python

from app.live.component import Component
from app.live.mount import OWN, still
from app.text import t
from engine.combinatorial.instances import INSTANCES
from engine.combinatorial.methods import METHODS
from engine.datasets import DATASETS
from engine.messages.recording import SUFFIX
from engine.networks import NETWORKS
from engine.optimizers import OPTIMIZERS
from engine.oracle import Currency

ASSETS = Path(__file__).resolve().parents[1] / "assets"
RECORDINGS, PLAYLIST = ASSETS / "recordings", ASSETS / "playlist.json"
MOST_ENTRIES = 40
NAME = re.compile(rf"[a-z0-9-]{{1,80}}|{OWN}[\w-]{{1,80}}")
PLAYLIST_ID = re.compile(r"[\w-]{1,80}")
OWN_PLAYLIST, OWN_PLAYLIST_FORMERLY = "own-playlist", "talk"
"""The parameter that names a visitor's own playlist, and what it was called before."""
REGISTRIES: dict[str, Any] = {
    "dataset": DATASETS,
    "network": NETWORKS,
    "lane": OPTIMIZERS,
    "instance": INSTANCES,
    "method": METHODS,
}
"""What experiments are made of, by the names that the browser uses."""
BARE = """<style>
[data-testid="stSidebar"], [data-testid="stHeader"], [data-testid="stExpandSidebarButton"],
[data-testid="stSidebarCollapsedControl"] { display: none !important; }
</style>"""
"""Styles that hide everything else from the first moment on: the component's own style sheet loads
later.
"""

_component = Component("kelvin_present", "present/main.js", t("present.did-not-load"))


class Entry(BaseModel):
    """One recording of the playlist, and how to show it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    recording: str = Field(
        pattern=rf"^(?:{NAME.pattern})$",
        description=(
            "Name of a shipped recording, or own: and the id of one kept in the visitor's browser."
        ),
    )
    title: str = Field(
        "", max_length=60, description="What it is about; left empty, what was raced."
    )
    caption: str = Field(
        "", max_length=260, description="What to look at, in one or two sentences."
    )
    panels: tuple[str, ...] = Field(
        (),
        max_length=4,
        description="Those that are seen, in their order; none stands for the usual ones.",
    )
    large: str | None = Field(None, description="The panel that fills the board.")
    x: Currency | None = Field(
        None, description="Currency of the time axes; left out, the budget's."
    )
    y: Literal["loss", "accuracy"] | None = Field(None, description="What the loss panel draws.")
    pace: float = Field(
        1.0,
        ge=0.3,
        le=5,
        description="Above 1 it lingers over the beginning, where much happens in few steps.",
    )


@lru_cache(maxsize=1)
def playlist() -> tuple[Entry, ...]:
    """Return the whole playlist that ships with Kelvin."""
    return TypeAdapter(tuple[Entry, ...]).validate_json(PLAYLIST.read_text("utf-8"))


def chosen(parameters: Mapping[str, str]) -> tuple[Entry, ...]:
    """Return the playlist of a link.

    Args:
        parameters: of the link.

    Returns:
        The recording of ``first=``, then the entries of ``playlist=``, in its order; a recording
            that is in no playlist gets an entry of its own. Recordings that do not exist are left
            out; if none is left, or none is chosen, the whole playlist.
    """
    there = {
        entry.recording: entry
        for entry in playlist()
        if (RECORDINGS / f"{entry.recording}{SUFFIX}").is_file()
    }
    names = [
        name
        for name in parameters.get("playlist", "").split(",")[:MOST_ENTRIES]
        if NAME.fullmatch(name)
    ]
    first = parameters.get("first", "")
    names = (
        ([first, *names] if names else [first, *(name for name in there if name != first)])
        if NAME.fullmatch(first)
        else names
    )
    asked = [
        there.get(name) or Entry(recording=name)
        for name in names
        if name.startswith(OWN) or (RECORDINGS / f"{name}{SUFFIX}").is_file()
    ]
    return tuple(asked) or tuple(there.values())


def wanted(parameters: Mapping[str, str]) -> bool:
    """Return whether a link opens the presentation."""
    return any(parameters.get(name) == "1" for name in ("present", "kiosk"))


def own_playlist(parameters: Mapping[str, str]) -> str | None:
    """Return the id of the visitor's own playlist that a link asks for, or None."""
    asked = parameters.get(OWN_PLAYLIST, parameters.get(OWN_PLAYLIST_FORMERLY, ""))
    return asked if PLAYLIST_ID.fullmatch(asked) else None


@lru_cache(maxsize=1)
def defaults() -> dict[str, dict[str, dict[str, Any]]]:
    """Return what every field of datasets, networks, instances and methods is by default, as JSON
    values: the browser leaves those out of links.
    """
    return {
        kind: {
            cls.name: {
                name: to_jsonable_python(info.default)
                for name, info in cls.model_fields.items()
                if not info.is_required()
            }
            for cls in registry
        }
        for kind, registry in REGISTRIES.items()
    }


def draw() -> Any:
    """Draw the presentation of the link instead of the page."""
    st.html(BARE)
    parameters = st.query_params.to_dict()
    data = {
        **still(),
        "playlist": [entry.model_dump(mode="json") for entry in chosen(parameters)],
        "ownPlaylist": own_playlist(parameters),
        "defaults": defaults(),
        "kiosk": parameters.get("kiosk") == "1",
    }
    return _component(key="present", data=data)
