"""Check landing times and price them again, straight from the instance."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from ..landing_instance import LandingInstance
from .tour import SHOWN
from .tour import _listed as listed


def length(instance: LandingInstance, landings: ArrayLike) -> int:
    """Return the price of landings: how far from their targets they are, weighted.

    Args:
        instance: what lands.
        landings: (2 n,) the times of all planes, then their runways.

    Raises:
        ValueError: a window or a separation is not kept.
    """
    wrong = check(instance, landings)
    if wrong:
        raise ValueError(f"no landings of {instance.name}: {'; '.join(wrong)}")
    price = 0
    for plane, time in enumerate(np.asarray(landings)[: instance.size].tolist()):
        apart = time - int(instance.target[plane])
        price += apart * int(instance.after[plane]) if apart > 0 else 0
        price -= apart * int(instance.before[plane]) if apart < 0 else 0
    return price


def check(instance: LandingInstance, landings: ArrayLike) -> list[str]:
    """Return what is wrong with landings, a phrase each; nothing if every plane lands within its
    window and all pairs on a runway are far enough apart, not neighbours alone.

    Args:
        instance: what lands.
        landings: (2 n,) the times of all planes, then their runways from 0.
    """
    given, size = np.asarray(landings), instance.size
    if given.ndim != 1 or given.dtype.kind not in "iu" or len(given) != 2 * size:
        return [f"it is not a list of {size} times and {size} runways, whole numbers"]
    times, runways = given[:size].tolist(), given[size:].tolist()
    wrong = []
    nowhere = [i for i, runway in enumerate(runways) if not 0 <= runway < instance.runways]
    early = [i for i, time in enumerate(times) if time < instance.earliest[i]]
    late = [i for i, time in enumerate(times) if time > instance.latest[i]]
    for planes, what in (
        (nowhere, "on no runway"),
        (early, "before its earliest time"),
        (late, "after its latest time"),
    ):
        if planes:
            wrong.append(f"{what}: plane {listed(np.array(planes))}")
    close = []
    for one, other in combinations(range(size), 2):
        if runways[one] == runways[other]:
            apart = times[other] - times[one]
            if apart < instance.separation[one, other] and -apart < instance.separation[other, one]:
                close.append(f"{one} and {other}")
    if close:
        rest = f" and {len(close) - SHOWN:,} more" if len(close) > SHOWN else ""
        wrong.append(f"too close: planes {', '.join(close[:SHOWN])}{rest}")
    return wrong
