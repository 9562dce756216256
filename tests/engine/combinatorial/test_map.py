"""The airports and the coastline that ship are what the program that made them makes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engine.combinatorial.instances import AIRPORTS, INSTANCES

COASTLINE = AIRPORTS.parents[3] / "assets" / "coastline.json"


def rings() -> list[np.ndarray]:
    """The rings of all land, in degrees (m, 2)."""
    found = json.loads(COASTLINE.read_text("utf-8"))
    return [np.array(ring).reshape(-1, 2) / 100 for ring in found["rings"]]


def inside(place: tuple[float, float], ring: np.ndarray) -> bool:
    """Whether a way straight to the north crosses the ring an odd number of times."""
    (x, y), one, other = place, ring[:-1], ring[1:]
    between = (one[:, 0] > x) != (other[:, 0] > x)
    one, other = one[between], other[between]
    at = one[:, 1] + (x - one[:, 0]) / (other[:, 0] - one[:, 0]) * (other[:, 1] - one[:, 1])
    return bool((at > y).sum() % 2)


def test_airports_are_those_of_the_package() -> None:
    pytest.importorskip("airportsdata")
    from tests.tools.make_map import airports

    assert AIRPORTS.read_text("utf-8") == airports()


def test_the_coastline_is_small_and_its_rings_are_closed() -> None:
    assert COASTLINE.stat().st_size < 60_000
    assert len(rings()) > 100
    for ring in rings():
        assert len(ring) > 3
        assert ring[0].tolist() == ring[-1].tolist()
        assert (np.abs(ring) <= [180, 90]).all()
        assert (ring[1:] != ring[:-1]).any(1).all()
        along = np.abs(np.diff(ring[:, 0]))
        assert (along < 60)[ring[1:, 1] > -90].all()  # none jumps across the map


@pytest.mark.parametrize(
    ("place", "land"),
    [
        ((13.4, 52.5), True),
        ((-100.0, 40.0), True),
        ((134.0, -25.0), True),
        ((0.0, -85.0), True),
        ((-175.0, 67.0), True),
        ((175.0, 67.0), True),
        ((179.9, -16.5), True),
        ((0.0, 88.0), False),
        ((-40.0, 30.0), False),
        ((80.0, -20.0), False),
        ((-150.0, 0.0), False),
    ],
)
def test_land_is_where_it_is(place: tuple[float, float], land: bool) -> None:
    assert (sum(inside(place, ring) for ring in rings()) % 2 == 1) == land


def test_airports_lie_on_land_or_at_its_shore() -> None:
    coast, far = rings(), []
    found = INSTANCES.build("airports").load()
    for name, (x, y) in zip(found.names or (), found.places.tolist(), strict=True):
        nearest = min(np.hypot(*(ring - [x, y]).T).min() for ring in coast)
        if nearest > 2 and not any(inside((x, y), ring) for ring in coast):
            far.append(name)
    assert far == []
