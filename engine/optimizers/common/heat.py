"""Heat that a visitor adds to a schedule of temperatures while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from ...schedules import heat_left
from ..base import State


@dataclass(kw_only=True)
class HeatedState(State):
    """A state whose temperature follows a schedule and may be raised above it.

    Attributes:
        heat: factor on the scheduled temperature left over from a reheat, as it was at
            ``heated_at``; 1 without.
        heated_at: progress at the last reheat.
        seen: progress at the last step.
    """

    heat: float = 1.0
    heated_at: float = 0.0
    seen: float = 0.0


def warmth(state: HeatedState, progress: float) -> float:
    """Return the factor on the scheduled temperature that is left of a reheat."""
    return heat_left(state.heat, state.heated_at, progress)


def add_heat(state: HeatedState, factor: float) -> None:
    """Multiply the temperature by a factor, from which it falls back to its schedule."""
    state.heat, state.heated_at = warmth(state, state.seen) * factor, state.seen
