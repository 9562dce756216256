"""Temperatures of tours: where they begin and end, and how they fall."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...schedules import (
    ACCEPTING,
    PLANNED,
    ScheduleName,
    follow_acceptance,
    follow_spread,
    generalized_steps,
    heat_left,
    lam_target,
)

COLDEST = 1e-9
"""Temperatures below this are this: distances are whole numbers, so it accepts no rise."""
HOTTEST = 1e30
SMOOTHING = 0.9
"""Share of a running average kept from step to step."""
SETTLING = 0.02
"""Share of the budget at T₀ in which the schedule of Aarts and van Laarhoven learns how much the
lengths differ there."""
METROPOLIS = 1.0
"""Shape of the Metropolis rule, as `kernels.tours.anneal` takes it."""


@dataclass
class Cooling:
    """A temperature and what decides on it.

    Attributes:
        start, end: T₀ and T_min, in units of distance.
        temperature: the present one.
        plan: what the schedule alone would be, or None where it follows the chain.
        target: the acceptance aimed at, or None.
        heat: factor on the schedule after a reheat.
        heated_at: progress at the last reheat.
        seen: progress at the last step.
        recent_acceptance: running mean of the share of moves accepted, or None before the first
            step.
        mean, length_std: running mean and standard deviation of the length.
        reference: σ/T when the schedule of Aarts and van Laarhoven began to cool.
        record_at: progress when the shortest tour was last improved.
    """

    start: float
    end: float
    temperature: float
    plan: float | None = None
    target: float | None = None
    heat: float = 1.0
    heated_at: float = 0.0
    seen: float = 0.0
    recent_acceptance: float | None = None
    mean: float | None = None
    length_std: float = 0.0
    reference: float | None = None
    record_at: float = 0.0

    def cool(self, schedule: ScheduleName, progress: float) -> float:
        """Return the temperature at a share of the budget, and keep it."""
        passed = max(0.0, progress - self.seen)
        temperature = self.temperature
        if schedule == "adaptive":
            self.target = lam_target(progress)
            if self.recent_acceptance is not None:
                temperature = follow_acceptance(
                    temperature, self.start, self.end, self.recent_acceptance, self.target, passed
                )
        elif schedule == "aarts-van-laarhoven":
            if progress >= SETTLING and self.length_std > 0:
                self.reference = self.reference or self.length_std / temperature
                temperature = follow_spread(
                    temperature, self.end, self.length_std, self.reference, passed, progress
                )
        else:
            self.plan = PLANNED[schedule](self.start, self.end, progress)
            temperature = self.plan * heat_left(self.heat, self.heated_at, progress)
        self.seen = progress
        self.temperature = held(temperature)
        return self.temperature

    def rule(self, schedule: ScheduleName, progress: float) -> tuple[float, float]:
        """Return the temperature and the shape of the acceptance rule: generalized annealing has
        one of its own (Tsallis and Stariolo 1996).
        """
        if schedule != "generalized":
            return self.temperature, METROPOLIS
        steps = progress * generalized_steps(self.start, self.end)
        return held(self.temperature / (1 + steps)), ACCEPTING

    def reheat(self, schedule: ScheduleName, factor: float) -> None:
        """Multiply the temperature; the heat fades within a tenth of the budget."""
        if schedule in PLANNED:
            left = heat_left(self.heat, self.heated_at, self.seen)
            self.heat, self.heated_at = min(max(left * factor, 1e-30), HOTTEST), self.seen
        self.temperature = held(self.temperature * factor)

    def rescale(self, start: float, end: float) -> None:
        """Take T₀ and T_min of another instance; the present temperature changes as T₀ does."""
        factor = start / self.start
        self.temperature = held(self.temperature * factor)
        self.length_std *= factor
        self.start, self.end = start, end
        if self.mean is not None:
            self.mean *= factor

    def listen(self, length: int, moves: int, accepted: int, sums: NDArray[np.float64]) -> None:
        """Take in a step: how many moves were accepted, and how the length varied.

        Args:
            length: of the tour at the start of the step.
            moves: proposed.
            accepted: made.
            sums: Σ(E − E₀) and Σ(E − E₀)² over the proposals.
        """
        rate = accepted / max(1, moves)
        before = self.recent_acceptance
        self.recent_acceptance = (
            rate if before is None else SMOOTHING * before + (1 - SMOOTHING) * rate
        )
        mean = sums[0] / max(1, moves)
        variance = max(0.0, sums[1] / max(1, moves) - mean**2)
        mean += length
        if self.mean is None:
            self.mean, self.length_std = mean, math.sqrt(variance)
            return
        away, gain = mean - self.mean, 1 - SMOOTHING
        self.length_std = math.sqrt(
            max(0.0, SMOOTHING * (self.length_std**2 + gain * away**2) + gain * variance)
        )
        self.mean += gain * away


def held(temperature: float) -> float:
    """Return the temperature, within the range that can be computed with."""
    return min(max(temperature, COLDEST), HOTTEST)
