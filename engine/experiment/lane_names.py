"""Name the lanes of a race: by their methods and, if several share one, by the settings that
differ.

The browser does the same for old recordings, whose stages have no such names
(`app/live/frontend/data/lane_names.js`); `tests/app/lane_names.json` keeps both consistent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

from ..registry import Config, fields

MOST = 2
"""Largest number of settings in a name."""
LAST = ("batch",)
"""Settings that are named only if no other setting differs."""
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

Say = Callable[[int, str, Any], str]
"""Returns the text for a setting and its value in a lane (given by its index)."""


def lane_names(lanes: Sequence[Config]) -> list[str]:
    """Return a name for every lane, no two alike: "Adam", "SGD with momentum, step size 0.7",
    "Langevin dynamics 2".
    """
    labels = [{entry["name"]: entry["label"] for entry in fields(type(lane))} for lane in lanes]
    return told_apart(
        [lane.label for lane in lanes],
        [_settings(lane.to_json()) for lane in lanes],
        lambda i, field, value: f", {_lower(labels[i][field])} {worth(value)}",
    )


def stage_names(stage: Mapping[str, Any]) -> list[str]:
    """Return the same for the lanes of a stage, whose labels may be only those of their methods."""
    lanes, given = stage["lanes"], stage["experiment"].get("lanes", [])
    settings = [
        _settings(given[i]) if i < len(given) and isinstance(given[i], Mapping) else {}
        for i in range(len(lanes))
    ]
    knobs = [
        {knob["name"]: _lower(knob["label"]) for knob in lane.get("knobs") or ()} for lane in lanes
    ]
    return told_apart(
        [lane["label"] for lane in lanes],
        settings,
        lambda i, field, value: f", {knobs[i].get(field, field.replace('_', ' '))} {worth(value)}",
    )


def told_apart(labels: Sequence[str], settings: Sequence[Mapping[str, Any]], say: Say) -> list[str]:
    """Return the labels; equal ones get the settings that distinguish them, or a number.

    Args:
        labels: by lane.
        settings: of every lane, by name, in the order in which they are named.
        say: the text that a lane adds to its label for a setting.
    """
    names = list(labels)
    for label in set(labels):
        alike = [i for i, one in enumerate(labels) if one == label]
        if len(alike) < 2:
            continue
        different = [
            field
            for field in settings[alike[0]]
            if len({repr(settings[i].get(field)) for i in alike}) > 1
        ]
        different.sort(key=lambda field: field in LAST)  # stable: equal keys stay in order
        chosen = (
            different
            if len(different) <= MOST
            else _telling(different, [settings[i] for i in alike])
        )
        said = {
            i: "".join(say(i, field, settings[i].get(field)) for field in chosen) for i in alike
        }
        for i in alike:
            same = [other for other in alike if said[other] == said[i]]
            names[i] = f"{label}{f' {same.index(i) + 1}' if len(same) > 1 else ''}{said[i]}"
    return names


def _telling(different: list[str], settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the fewest settings that distinguish all lanes, or the first few if those are too
    many.
    """
    for count in range(1, MOST + 1):
        for chosen in combinations(different, count):
            if len({repr([one.get(field) for field in chosen]) for one in settings}) == len(
                settings
            ):
                return list(chosen)
    return different[:MOST]


def _settings(lane: Mapping[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in lane.items() if field != "name"}


def _lower(label: str) -> str:
    """Return a label for use within a sentence: "step size"; "MCMC" and "β₁" stay as they are."""
    return label[0].lower() + label[1:] if label[1:2].islower() or label[1:2] == " " else label


def worth(value: Any) -> str:
    """Format a setting for reading: 0.7, 0.002, 10⁻⁶, on, automatic."""
    if value is None:
        return "automatic"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int | float):
        return plain(value)
    if isinstance(value, list | tuple):
        return ", ".join(worth(one) for one in value)
    return str(value)


def plain(value: float) -> str:
    """Format a number with at most three significant digits and without trailing zeros."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    if value == 0 or (isinstance(value, int) and size < 1_000_000):
        return f"{value}".replace("-", "−") if value else "0"
    if 0.0009995 <= size < 999_500:
        decimals = max(0, 2 - math.floor(math.log10(size)))
        text = f"{value:.{decimals}f}"
        return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")
    digits, power = f"{value:.2e}".split("e")
    digits = digits.rstrip("0").rstrip(".").replace("-", "−")
    raised = f"10{str(int(power)).translate(RAISED)}"
    return raised if digits == "1" else f"−{raised}" if digits == "−1" else f"{digits}×{raised}"
