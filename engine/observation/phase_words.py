"""The lines of slow motion where there is no network: on a landscape."""

from __future__ import annotations

import re

RECOMBINED = re.compile(r"\bgets? (positive )?weights\b|\bweighted\b")
"""Weights that are no network's: of a mean."""
WORDS = (
    (r"\bthe mini-batch's loss\b", "the height"),
    (r" (?:of|on) (?:this|the|the same) (?:mini-)?batch\b", ""),
    (r"\bnetworks\b", "points"),
    (r"\bNetworks\b", "Points"),
    (r"\bnetwork\b", "point"),
    (r"\blosses\b", "heights"),
    (r"\bloss's\b", "height's"),
    (r"\bloss\b", "height"),
    (r"\bweights\b", "coordinates"),
    (r"\bweight's\b", "coordinate's"),
    (r"\bweight\b", "coordinate"),
)


def on_landscape(line: str) -> str:
    """Return a line on a step of a method in the words of a landscape: a network is a point, its
    weights are coordinates, its loss is a height.
    """
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"\0{len(kept) - 1}\0"

    line = RECOMBINED.sub(keep, line)
    for words, others in WORDS:
        line = re.sub(words, others, line)
    return re.sub(r"\0(\d+)\0", lambda match: kept[int(match[1])], line)
