"""Simulated annealing (Kirkpatrick, Gelatt and Vecchi, 1983) with many chains.

https://doi.org/10.1126/science.220.4598.671. Every chain proposes θ' = θ + s·q and accepts by the
Metropolis rule, at a temperature that falls over the budget; all chains are proposed and judged in
one batched evaluation. Generalized annealing (Tsallis and Stariolo, 1996,
https://doi.org/10.1016/S0378-4371(96)00271-3) has an acceptance rule of its own:

accept if Δ ≤ 0 or u < [1 − (1 − q_a) Δ/T']^{1/(1−q_a)},     T' = T/(k + 1)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pydantic import Field
from torch import Tensor

from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from ..schedules import (
    ACCEPTING,
    PLANNED,
    ScheduleName,
    follow_acceptance,
    follow_spread,
    generalized,
    generalized_steps,
    lam_target,
)
from .base import OPTIMIZERS, Phase
from .common.heat import warmth
from .common.metropolis import (
    COLDEST,
    SMOOTHING,
    Metropolis,
    MetropolisState,
    held,
    metropolis,
    tsallis,
)
from .common.survivors import ABSURD

SETTLING = 0.02
"""Share of the budget at T₀ in which the schedule of Aarts and van Laarhoven learns how much the
losses differ there."""


@dataclass(kw_only=True)
class AnnealingState(MetropolisState):
    """The chains, and running statistics of them for the schedules that follow these.

    Attributes:
        mean, loss_std: running mean and standard deviation of the chains' losses.
        reference: σ/T when the schedule of Aarts and van Laarhoven began to cool; None before.
        recent_acceptance: of the adaptive schedule: averaged over fewer steps where a run has few;
            None before the first.
        share: share of the budget that a step takes.
        lowest: the lowest loss lately, averaged over batches where they change; None before the
            first step.
        record: its lowest value since the last reheat.
        record_at: progress when it was set.
        waited: steps since then.
    """

    mean: float | None = None
    loss_std: float = 0.0
    reference: float | None = None
    recent_acceptance: float | None = None
    share: float = 0.0
    lowest: float | None = None
    record: float = math.inf
    record_at: float = 0.0
    waited: int = 0


@OPTIMIZERS.add
class Annealing(Metropolis[AnnealingState]):
    """Metropolis chains that are cooled."""

    name = "annealing"
    label = "Simulated annealing"
    paper = "Kirkpatrick, Gelatt and Vecchi 1983, https://doi.org/10.1126/science.220.4598.671"
    sentence = (
        "Needs nothing but the loss and escapes bad valleys while it is hot; with many weights "
        "most proposals are wasted, so it is slow."
    )
    phases = (
        Phase(
            "Propose",
            "Every chain tries a random move of its weights, as far as its step size lets it.",
            "asked",
        ),
        Phase(
            "Evaluate",
            "The loss of every tried network is compared with the loss its chain has now.",
            "answered",
        ),
        Phase(
            "Accept or not",
            (
                "Better moves are kept; worse ones by chance, the rarer the larger the rise and "
                "the lower the temperature."
            ),
            "moved",
        ),
    )

    formerly = renamed(chains="population_size", accepting="acceptance_q")

    population_size: int = Field(
        4,
        ge=1,
        le=16384,
        description="How many independent chains walk side by side; the best one counts.",
        json_schema_extra={"label": "Chains", "scale": "log"},
    )
    schedule: ScheduleName = Field(
        "geometric",
        description="How the temperature falls over the budget.",
        json_schema_extra={"label": "Cooling"},
    )
    reheat_after: float | None = Field(
        None,
        ge=0.001,
        le=1,
        description=(
            "Share of the budget without a new best loss after which it is reheated; none never "
            "does."
        ),
        json_schema_extra={"live": True, "scale": "log", "advanced": True},
    )
    reheat_after_steps: int | None = Field(
        None,
        ge=1,
        le=1_000_000_000,
        description=("Steps without a new best loss after which it is reheated; none never does."),
        json_schema_extra={"live": True, "scale": "log", "unit": "steps", "advanced": True},
    )
    reheat_factor: float = Field(
        10.0,
        ge=1,
        le=1e6,
        description=(
            "How many times hotter a reheat makes it; the heat fades within a tenth of the budget."
        ),
        json_schema_extra={"live": True, "scale": "log", "advanced": True},
    )
    acceptance_q: float = Field(
        ACCEPTING,
        ge=-1000,
        le=0.9,
        description=(
            "Shape of generalized cooling's acceptance rule (q_a): the lower, the fewer uphill "
            "moves; near 1 it is Metropolis' rule."
        ),
        json_schema_extra={"live": True, "step": 0.1, "advanced": True},
    )

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> AnnealingState:
        state = self.gather(AnnealingState, theta, rng, oracle)
        state.temperature = state.start
        state.plan = self.planned_temperature(state, 0.0)
        state.target = (
            lam_target(0)
            if self.schedule == "adaptive"
            else self.target_acceptance
            if self.adapts
            else None
        )
        return state

    def step(self, state: AnnealingState, rng: Rng, oracle: Oracle) -> AnnealingState:
        # The old best is gone with what the visitor changed: waiting for a new one begins afresh.
        if state.stale:
            state.lowest = None
            state.record = math.inf
            state.record_at = state.seen
            state.waited = 0
        self.rejudge(state, oracle)
        progress = oracle.progress
        temperature = self.cool(state, progress)
        accept = metropolis(temperature)
        if self.schedule == "generalized":
            accept = tsallis(
                temperature
                / (1 + progress * generalized_steps(state.start, state.end, self.visiting_q)),
                self.acceptance_q,
            )
        kept = self.walk(state, state.step_sizes, accept, rng, oracle)
        self.smooth(
            state,
            self.track_acceptance(
                state, kept, {"kept": kept.mean(), **self.loss_statistics(state)}
            ),
            oracle.batch_changed,
        )
        # There the temperature answers for the acceptance; two answers would drive each other away.
        if self.schedule != "adaptive":
            self.adjust(state, state.step_sizes, kept)
        return state

    def cool(self, state: AnnealingState, progress: float) -> float:
        """Return the temperature now: the schedule's, times what is left of a reheat, the visitor's
        or its own.
        """
        if self.stuck(state, progress):
            self.reheat(state, self.reheat_factor)
            state.record, state.record_at, state.waited = math.inf, progress, 0
        passed = max(0.0, progress - state.seen)
        temperature = state.temperature or state.start
        if self.schedule == "adaptive":
            # Acceptance is averaged over a hundredth of the budget's steps: an answer that comes
            # later than T moves makes it swing.
            state.target = lam_target(progress)
            if state.recent_acceptance is not None:
                temperature = max(
                    COLDEST,
                    follow_acceptance(
                        temperature,
                        state.start,
                        state.end,
                        state.recent_acceptance,
                        state.target,
                        passed,
                    ),
                )
        elif self.schedule == "aarts-van-laarhoven":
            if progress >= SETTLING and state.loss_std > 0:
                state.reference = state.reference or state.loss_std / temperature
                temperature = follow_spread(
                    temperature, state.end, state.loss_std, state.reference, passed, progress
                )
        else:
            state.plan = self.planned_temperature(state, progress)
            assert state.plan is not None
            temperature = state.plan * warmth(state, progress)
        state.seen, state.temperature = progress, held(temperature)
        state.share = passed
        return state.temperature

    def stuck(self, state: AnnealingState, progress: float) -> bool:
        """Return whether the best loss has not fallen for as long as a reheat waits."""
        if self.reheat_after is not None and progress - state.record_at >= self.reheat_after:
            return True
        return self.reheat_after_steps is not None and state.waited >= self.reheat_after_steps

    def loss_statistics(self, state: AnnealingState) -> dict[str, Tensor]:
        """Measure how the chains' losses lie about their running mean, and the mean step size: ()
        each, for the schedules and the page.
        """
        losses = state.losses.nan_to_num(posinf=0.0).clamp(-ABSURD, ABSURD)
        away = losses - (losses.mean() if state.mean is None else state.mean)
        return {
            "lowest": state.losses.min(),
            "mean": losses.mean(),
            "away": away.mean(),
            "square": away.square().mean(),
            "step size": state.step_sizes.mean(),
        }

    def smooth(self, state: AnnealingState, now: dict[str, float], batches: bool) -> None:
        """Take in a step's losses: their running mean and spread, and whether the best has
        moved.
        """
        state.metrics["step size"] = now["step size"]
        smoothing = min(SMOOTHING, max(0.0, 1 - 100 * state.share))
        state.recent_acceptance = (
            now["kept"]
            if state.recent_acceptance is None
            else smoothing * state.recent_acceptance + (1 - smoothing) * now["kept"]
        )
        gain = 1 - SMOOTHING
        if state.mean is None:
            state.mean, state.loss_std = now["mean"], math.sqrt(now["square"])
        else:
            variance = (
                SMOOTHING * state.loss_std**2 + gain * now["square"] - (gain * now["away"]) ** 2
            )
            state.mean += gain * now["away"]
            state.loss_std = math.sqrt(max(0.0, variance))
        # The lowest loss of one batch says little on the next, so with batches their average is
        # what has to move.
        lowest = now["lowest"]
        state.lowest = (
            lowest
            if not batches or state.lowest is None
            else SMOOTHING * state.lowest + gain * lowest
        )
        state.waited += 1
        if state.lowest < state.record:
            state.record, state.record_at, state.waited = state.lowest, state.seen, 0

    def planned_temperature(self, state: AnnealingState, progress: float) -> float | None:
        if self.schedule == "generalized":
            return generalized(state.start, state.end, progress, self.visiting_q)
        return (
            PLANNED[self.schedule](state.start, state.end, progress)
            if self.schedule in PLANNED
            else None
        )

    def on_hyperparameter_change(self, state: AnnealingState, field: str, value: Any) -> None:
        super().on_hyperparameter_change(state, field, value)
        if self.schedule == "adaptive":  # its target is the schedule's own
            state.target = lam_target(state.seen)

    def reheat(self, state: AnnealingState, factor: float) -> bool:
        if self.schedule in PLANNED:
            return super().reheat(state, factor)
        state.temperature = held((state.temperature or state.start) * factor)
        return True
