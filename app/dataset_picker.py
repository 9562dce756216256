"""The choice of the dataset, as a Streamlit component: a row of thumbnails, and all datasets in
groups behind one button.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import streamlit as st

from app import thumbnails, uploads
from app.live.bundle import version
from app.live.component import Component
from app.palette import palette
from app.text import catalogue, t
from app.widgets import kept, put
from engine.datasets import DATASETS, DatasetConfig
from engine.datasets.hand_drawn import HandDrawn
from engine.errors import BadInput
from engine.experiment.model import Experiment

COMPONENT = "dataset_picker"
"""The component's key."""
KEY = "dataset"
"""The name under which the choice is kept."""
OTHER = "dataset beside"
"""The name under which the last choice outside of the favourites is kept."""
FAVOURITES = ("spirals", "moons", "digits")
BESIDE = "circles"
"""The fourth thumbnail, until something else is picked."""
GROUPS = {
    "points": ("points",),
    "curves": ("curve",),
    "tables": ("table",),
    "pictures": ("images",),
    "text": ("text",),
}
"""Groups, in the order they are shown, and the kinds of data in each."""
OWN = (HandDrawn.name, uploads.NAME)
"""The group of the visitor's own data."""
WORDS = ("datasets.", "touch.draw", "touch.square")
"""Beginnings of the texts that the component shows."""

# Its place is as high as the row, so that nothing below moves when the row comes.
_component = Component(
    "kelvin_dataset",
    "dataset_picker/main.js",
    t("live.did-not-load"),
    html='<div class="kd-place" style="min-height: 104px"></div>',
)


def chosen() -> str:
    """Return the name of the dataset that is picked: `uploads.NAME` for a file of the
    visitor's own.
    """
    name = str(kept().get(KEY))
    return name if name in options() else str(put(KEY, Experiment().dataset.name))


def options() -> dict[str, type[DatasetConfig]]:
    """Return what can be picked, by name. A dataset that is not listed is offered while it is the
    one that a link has picked.
    """
    found = {
        cls.name: cls
        for cls in DATASETS
        if cls.kind != "function"
        and not cls.needs_file
        and (cls.listed or cls.name == kept().get(KEY))
    }
    return {**found, uploads.NAME: DATASETS.get("own-table")}


def near(picked: str) -> list[str]:
    """Return the names of the thumbnails in the row: the favourites, and one beside them."""
    if picked not in FAVOURITES:
        kept()[OTHER] = picked
    beside = kept().get(OTHER)
    return [*FAVOURITES, beside if beside in options() else BESIDE]


def draw(dataset: DatasetConfig | None, on_points: Callable[[str, int], None]) -> None:
    """Draw the choice.

    Args:
        dataset: the dataset in use, with its settings; None while none of the visitor's files is.
        on_points: called with points that a visitor has drawn, and the number of their classes.
    """
    picked = chosen()
    _component(
        key=COMPONENT,
        data={
            **still(),
            "groups": _groups(),
            "picked": picked,
            "near": near(picked),
            **_described(dataset),
            "points": str(
                kept().get(f"dataset.{HandDrawn.name}.points")
                or HandDrawn.model_fields["points"].default
            ),
        },
        on_picked_change=_picked,
        on_drawn_change=lambda: on_points(*_drawn()),
    )


@lru_cache(maxsize=1)
def still() -> dict[str, Any]:
    """Return the data that never change while the server runs."""
    return {
        "version": version(),
        "palette": palette(),
        "text": {key: text for key, text in catalogue().items() if key.startswith(WORDS)},
        "own": list(OWN),
    }


def _picked() -> None:
    """Use the dataset that was clicked."""
    name = str(st.session_state[COMPONENT].picked)
    if name in options():
        put(KEY, name)


def _drawn() -> tuple[str, int]:
    """Return the points that were drawn, and the number of their classes."""
    drawn = st.session_state[COMPONENT].drawn
    return str(drawn["points"]), int(drawn["groups"])


def _groups() -> list[dict[str, Any]]:
    """Return the groups, each with its title and its datasets."""
    offered = options()
    groups = [
        {
            "title": t(f"datasets.{group}"),
            "datasets": [
                _card(cls) for name, cls in offered.items() if cls.kind in kinds and name not in OWN
            ],
        }
        for group, kinds in GROUPS.items()
    ]
    own = [
        {**_card(HandDrawn), "title": t("datasets.drawn-card")},
        {
            "name": uploads.NAME,
            "label": uploads.label(),
            "sentence": t("datasets.own-sentence"),
            "image": thumbnails.address(thumbnails.OWN),
        },
    ]
    return [*groups, {"title": t("datasets.own"), "datasets": own}]


def _card(cls: type[DatasetConfig]) -> dict[str, str]:
    return {
        "name": cls.name,
        "label": cls.label,
        "sentence": cls.sentence or cls.about,
        "image": thumbnails.address(cls.name),
    }


def _described(dataset: DatasetConfig | None) -> dict[str, str]:
    """Return the name of the dataset in use, its size, what it is and where it is from, and the
    thumbnail of its kind, as far as they are known.
    """
    if dataset is None:
        return {
            "label": uploads.label(),
            "size": t("datasets.size-none"),
            "sizes": "",
            "about": "",
            "image": "",
        }
    described = {
        "label": uploads.name_of(dataset) or dataset.label,
        "about": dataset.about,
        "image": thumbnails.address(dataset.name) if dataset.needs_file else "",
    }
    try:
        train, test = dataset.sizes()
    except BadInput:
        return {**described, "size": "", "sizes": ""}
    kind = "table" if dataset.needs_file and dataset.kind == "curve" else dataset.kind
    return {
        **described,
        "size": t(f"datasets.size-{kind}", count=f"{train:,}"),
        "sizes": t("datasets.size-hint", train=f"{train:,}", test=f"{test:,}"),
    }
