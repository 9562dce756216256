"""Ctrl-C in the middle of a step, for tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from engine.race.lane import Lane
from engine.race.race import Race


@contextmanager
def interrupted(
    steps: int, times: int = 1, number: signal.Signals = signal.SIGINT
) -> Iterator[None]:
    """Let a signal come inside the step of any race that is the n-th from now on.

    Args:
        steps: n, from 1 on.
        times: how many signals come there.
        number: which signal.
    """
    taken = 0
    advance = Race.advance_lane

    def signalled(race: Race, lane: Lane) -> None:
        step = type(lane.optimizer).step

        def step_and_signal(*arguments: Any) -> Any:
            nonlocal taken
            taken += 1
            for _ in range(times if taken == steps else 0):
                signal.raise_signal(number)
            return step(*arguments)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(lane.optimizer), "step", step_and_signal)
            advance(race, lane)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Race, "advance_lane", signalled)
        yield


def without_clock(value: Any) -> Any:
    """A message without what differs from run to run: the time it took."""
    if isinstance(value, dict):
        return {
            key: without_clock(one)
            for key, one in value.items()
            if key not in ("clock", "seconds", "core_seconds")
        }
    if isinstance(value, list | tuple):
        return [without_clock(one) for one in value]
    return value
