"""Which of several ways to compute the same thing is the fastest, found out once by timing.

The first way is taken unless another is clearly faster, so that two runs on one machine choose alike and give the same numbers to the last bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping

import torch
from torch import Tensor

CLEARLY = 0.7
"""Another way must take less than this share of the first one's time."""
ROUNDS = 2
_chosen: dict[Hashable, str] = {}


def fastest(key: Hashable, ways: Mapping[str, Callable[[], Tensor]]) -> Callable[[], Tensor]:
    """The way to go for that key: timed when the key is met first, remembered from then on.

    Args:
        key: all that the times depend on.
        ways: by name, the one expected to be the fastest first.
    """
    if key not in _chosen:
        times = {name: _time(way) for name, way in ways.items()}
        first, best = next(iter(ways)), min(times, key=times.__getitem__)
        _chosen[key] = best if times[best] < CLEARLY * times[first] else first
    return ways[_chosen[key]]


def chosen() -> dict[Hashable, str]:
    """What was found so far."""
    return dict(_chosen)


def _time(way: Callable[[], Tensor]) -> float:
    """Seconds of the quickest of some rounds, after one to warm up."""
    least = float("inf")
    for _ in range(1 + ROUNDS):
        since = time.perf_counter()
        answer = way()
        if answer.device.type == "cuda":
            torch.cuda.synchronize(answer.device)
        least = min(least, time.perf_counter() - since)
    return least
