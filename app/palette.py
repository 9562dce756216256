"""The colours, once, for Python and the browser.

One colour per lane everywhere, by default warm for gradient-free methods and cold for backprop;
lanes differ in their markers as well, and the lightness of a lane's colour shows its temperature.
Classes have colours of their own, so that a decision map is never mistaken for a lane.
"""

from __future__ import annotations

from typing import Any

LANES = ("#d9532c", "#2b6ea6", "#3f8f5b", "#8a5fbf")
LANES_ON_DARK = ("#f07a52", "#5aa5e0", "#63b982", "#b18ae0")
SYMBOLS = ("circle", "square", "diamond", "triangle-up")
DASHES = ("solid", "30px,2.5px", "12px,2.5px", "30px,2.5px,4px,2.5px")
"""Dash styles of outlines, which have no markers. Curves over time are solid: a gap would look like
a missing sample.
"""

CLASSES = ("#2a9d94", "#e2a43b", "#b6577f")
"""Colours of the classes in a decision map."""
CLASS_POINTS = ("#0f6f68", "#b2741a", "#7f2c52")
CLASS_POINTS_ON_DARK = ("#a8efe6", "#ffdf9e", "#f7c3da")
"""Colours of the classes' points, darker or lighter so that they are visible on their own
colour.
"""
NEUTRAL, NEUTRAL_ON_DARK = "#f7f2ea", "#2a2622"
"""Colour where a decision map is undecided."""

LANDSCAPE: tuple[tuple[float, str], ...] = (
    (0.0, "#fffaf0"),
    (0.35, "#f1e9db"),
    (0.7, "#ddd1bf"),
    (1.0, "#c4b6a2"),
)
LANDSCAPE_ON_DARK: tuple[tuple[float, str], ...] = (
    (0.0, "#5a4f43"),
    (0.35, "#443c34"),
    (0.7, "#332d28"),
    (1.0, "#241f1b"),
)
"""Colours from low to high loss, light to dark or, in the dark theme, earth colours."""

TERRAIN: tuple[tuple[float, str], ...] = (
    (0.0, "#7fb0b5"),
    (0.16, "#a5c8c4"),
    (0.36, "#cfdfcf"),
    (0.58, "#ebe6cf"),
    (0.8, "#eed9b4"),
    (1.0, "#e0bd92"),
)
TERRAIN_ON_DARK: tuple[tuple[float, str], ...] = (
    (0.0, "#0f3a44"),
    (0.16, "#17474c"),
    (0.36, "#28504b"),
    (0.58, "#4a5144"),
    (0.8, "#5f5443"),
    (1.0, "#786249"),
)
"""The same for landscapes of two variables, where the surface itself is of interest: from water to
sand.
"""

RIGHT, WRONG = "#3f8f5b", "#d9532c"

RECORDINGS = (
    "#1b5eaa",
    "#e26509",
    "#038c76",
    "#8c2e72",
    "#735c04",
    "#4c8af8",
    "#2a2a33",
    "#d067b5",
)
RECORDINGS_ON_DARK = (
    "#5ba6fb",
    "#f28923",
    "#519e80",
    "#ab66bb",
    "#ddcd5f",
    "#a6d3ff",
    "#f2ece2",
    "#ffa5b2",
)
"""Colours of whole races side by side, where a lane's colour cannot show which race it belongs to.
Chosen to differ also for colour-blind readers (tests/app/test_gallery_page.py).
"""

FACTORS: tuple[tuple[float, str], ...] = (
    (0.0, "#0b3f5c"),
    (0.25, "#256f97"),
    (0.5, "#6fabca"),
    (0.75, "#b6d4e3"),
    (1.0, "#e4eef4"),
)
FACTORS_ON_DARK: tuple[tuple[float, str], ...] = (
    (0.0, "#5cc0f2"),
    (0.25, "#3989b4"),
    (0.5, "#2b6080"),
    (0.75, "#234456"),
    (1.0, "#1f3039"),
)
"""Colours of how many times dearer than the best: one hue, so that its lightness alone tells."""


def palette() -> dict[str, Any]:
    """Return all colours as JSON values."""
    return {
        "lanes": list(LANES),
        "lanesOnDark": list(LANES_ON_DARK),
        "symbols": list(SYMBOLS),
        "classes": list(CLASSES),
        "classPoints": list(CLASS_POINTS),
        "classPointsOnDark": list(CLASS_POINTS_ON_DARK),
        "neutral": NEUTRAL,
        "neutralOnDark": NEUTRAL_ON_DARK,
        "landscape": [list(stop) for stop in LANDSCAPE],
        "landscapeOnDark": [list(stop) for stop in LANDSCAPE_ON_DARK],
        "terrain": [list(stop) for stop in TERRAIN],
        "terrainOnDark": [list(stop) for stop in TERRAIN_ON_DARK],
        "wrong": WRONG,
        "recordings": list(RECORDINGS),
        "recordingsOnDark": list(RECORDINGS_ON_DARK),
    }
