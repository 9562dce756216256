"""Make a timetable of a hub and its spokes, and all pairings that a crew may fly in it.

Every leg is flown by one crew. A pairing is a crew's day: legs one after another, from the hub and
home again.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np

from .pairing_instance import PairingInstance

PLACES = (
    "Hub", "Aldan", "Brege", "Corva", "Dunmar", "Elster", "Fjell", "Gavia", "Hollen", "Istra",
    "Jura", "Kelso", "Lorne",
)  # fmt: skip
"""Names of places: the hub, and as many spokes as are asked for. They are on no map."""
DAY = (6 * 60, 19 * 60)
"""Minutes after midnight between which the planes leave the hub."""
FLIGHT = (45, 110)
"""Minutes of a flight to the nearest and to the farthest spoke, about."""
TURN = (40, 75)
"""Minutes that a plane stays at a spoke."""
CONNECTION = 40
"""Least minutes between two legs of a crew."""
WAIT = 150
"""Most minutes between two legs of a crew."""
DUTY = 600
"""Most minutes from the start of a crew's first leg to the end of its last."""
BRIEFING = 60
"""Minutes that every crew is paid besides."""
CHOICES = 5
"""Most legs that a crew may go on with, the next ones to leave, so that pairings can be listed."""
MOST_LEGS_A_CREW = 8


def timetable(name: str, label: str, legs: int, spokes: int, seed: int) -> PairingInstance:
    """Return a timetable as a set partitioning problem, whose costs are minutes of duty. A crew may
    always fly out and home with the same plane, so there is a cover.

    Args:
        name: of the instance.
        label: of the instance.
        legs: how many there are; an even number.
        spokes: how many places there are beside the hub.
        seed: of the random numbers. Python's own generator promises the same in all versions.
    """
    draw = random.Random(f"timetable\x1f{legs}\x1f{spokes}\x1f{seed}").random
    span = [int(FLIGHT[0] + (FLIGHT[1] - FLIGHT[0]) * draw()) // 5 * 5 for _ in range(spokes)]
    trips = legs // 2
    flown = []
    for trip in range(trips):
        spoke = trip % spokes if trip < spokes else int(spokes * draw())
        out = int(DAY[0] + (DAY[1] - DAY[0]) * (trip + draw()) / trips) // 5 * 5
        back = out + span[spoke] + int(TURN[0] + (TURN[1] - TURN[0]) * draw()) // 5 * 5
        flown.append((out, out + span[spoke], 0, spoke + 1, trip, 0))
        flown.append((back, back + span[spoke], spoke + 1, 0, trip, 1))
    flown.sort()
    table = np.array([leg[:4] for leg in flown], np.int32)
    mate: dict[tuple[int, int], int] = {leg[4:]: i for i, leg in enumerate(flown)}
    own = {mate[trip, 0]: mate[trip, 1] for trip in range(trips)}
    found = list(dict.fromkeys(pairings(table, own)))
    sizes = [len(one) for one in found]
    costs = [int(table[one[-1], 1] - table[one[0], 0]) + BRIEFING for one in found]
    start, end, origin, target = (np.ascontiguousarray(column) for column in table.T)
    return PairingInstance(
        name,
        label,
        legs,
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32),
        np.array([leg for one in found for leg in one], np.int32),
        np.array(costs, np.int64),
        PLACES[: spokes + 1],
        start,
        end,
        origin,
        target,
        unit="h",
        scale=1 / 60,
    )


def pairings(
    table: np.ndarray[tuple[int, int], np.dtype[np.int32]], own: dict[int, int]
) -> Iterator[tuple[int, ...]]:
    """Yield the pairings that the rules allow: from the hub and home, at most ten hours, with time
    to change planes; and every trip out and home with one plane.

    Args:
        table: (legs, 4): start, end, from, to, in the order of their starts.
        own: for a leg from the hub, the leg by which the same plane comes home.
    """
    legs = table.tolist()
    further: list[list[int]] = []
    for leg, (_, end, _, to) in enumerate(legs):
        ready = (
            i
            for i in range(leg + 1, len(legs))
            if legs[i][2] == to and end + CONNECTION <= legs[i][0] <= end + WAIT
        )
        further.append([i for i, _ in zip(ready, range(CHOICES), strict=False)])
    yield from own.items()
    for first, (start, _, origin, _) in enumerate(legs):
        if origin != 0:
            continue
        stack: list[tuple[int, ...]] = [(first,)]
        while stack:
            path = stack.pop()
            if legs[path[-1]][3] == 0:
                yield path
            if len(path) < MOST_LEGS_A_CREW:
                stack += [(*path, leg) for leg in further[path[-1]] if legs[leg][1] - start <= DUTY]
