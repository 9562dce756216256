"""What the annealing family shares: Metropolis chains (Metropolis et al., 1953) that are proposed
and judged together.

https://doi.org/10.1063/1.1699114. Every chain proposes θ' = θ + s·q, q symmetric, and accepts it
with probability min(1, exp(−(L(θ') − L(θ))/T)); at a fixed T the chains then follow Boltzmann's law
exp(−L/T). Here are the knobs of a proposal, the calibration of the temperatures, step sizes that
hold an acceptance rate, and heat added by the visitor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Generic, Self

import torch
from pydantic import Field
from torch import Tensor
from typing_extensions import TypeVar

from ...errors import BadInput
from ...networks.base import Layer
from ...oracle import FLIPPED_AT_ONCE, Oracle
from ...populations.chunks import precision
from ...populations.layerwise import LayerwisePopulation
from ...random.rng import Rng
from ...registry import renamed
from ...schedules import VISITING
from ..base import FLOAT, Asked, Optimizer, Problem, losses_stale, same_rows
from . import proposals
from .finite_losses import finite_losses
from .heat import HeatedState, add_heat
from .proposals import (
    Proposal,
    ProposalName,
    Shape,
    propose,
    worth_caching,
)

SMOOTHING = 0.98
"""Share of a running average kept from step to step."""
COLDEST = 1e-37
"""Temperatures below this are this: single precision divides by nothing smaller."""
HOTTEST = 1e30
"""Temperatures above this are this."""
GAIN, SLOWING, POWER = 0.05, 50, 2 / 3
"""How fast step sizes are adapted at first, after how many steps at one temperature that slows
down, and by which power of the steps."""
TRACKING = 20.0
"""How much of the steps at one temperature a change of the temperature by a factor e makes
forgotten, as an exponent."""


@dataclass(kw_only=True)
class MetropolisState(HeatedState):
    """The chains. ``population`` holds θ (P, D), ``losses`` their energies L(θ), always of one
    batch.

    Attributes:
        step_sizes: (P,) s, one per chain.
        best_loss: () the lowest energy any chain has had on this batch.
        start, end: T₀ and T_min, given or calibrated.
        rates: (P,) running acceptance of every chain; None before the first step.
        age: steps for which the step sizes have been adapted at about this temperature.
        adapted_at: temperature of the last of them; None before the first.
    """

    population: Tensor
    losses: Tensor
    step_sizes: Tensor
    best_loss: Tensor
    start: float = 1.0
    end: float = 1e-3
    rates: Tensor | None = None
    age: float = 0.0
    adapted_at: float | None = None


MS = TypeVar("MS", bound=MetropolisState, default=Any)


class Metropolis(Optimizer[MS], Generic[MS]):
    """Chains, their proposals and their temperatures."""

    family = "Annealing"
    sees = "loss"
    selects = True

    formerly = renamed(
        chains="population_size",
        start_temperature="initial_temperature",
        end_temperature="final_temperature",
        target="target_acceptance",
        share="block_fraction",
        tail="visiting_q",
    )

    population_size: int = Field(
        16,
        ge=1,
        le=16384,
        description="How many independent chains walk side by side; the best one counts.",
        json_schema_extra={"label": "Chains", "scale": "log"},
    )
    initial_temperature: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description=(
            "Temperature at the start; auto measures how much worse proposals make the loss."
        ),
        json_schema_extra={"label": "Start temperature", "live": True, "scale": "log"},
    )
    final_temperature: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description=(
            "Temperature at the end; auto is cold enough that almost nothing worse is accepted."
        ),
        json_schema_extra={"label": "End temperature", "live": True, "scale": "log"},
    )
    proposal: ProposalName = Field(
        "sparse",
        description="What a proposal moves: a few random weights, all of them, those of one layer, "
        "a few that sometimes jump very far (Cauchy), one that often does (visiting, of "
        "generalized annealing), or the signs of a few (flip, for weights of ±1).",
        json_schema_extra={"live": True},
    )
    block_fraction: float = Field(
        0.02,
        gt=0,
        le=1,
        description="Share of the weights that a sparse, Cauchy or flip proposal moves (at least "
        "one).",
        json_schema_extra={"live": True, "scale": "log", "label": "Weights moved"},
    )
    step_size: float = Field(
        1.0,
        gt=0,
        le=100,
        description="Size of a move, in units of each layer's natural size.",
        json_schema_extra={"live": True, "metric": "step size", "scale": "log", "advanced": True},
    )
    adapt: bool = Field(
        True,
        description=(
            "Adjust each chain's step size to hold the acceptance aimed at; adaptive cooling "
            "leaves it alone."
        ),
        json_schema_extra={"live": True, "label": "Adaptive step", "advanced": True},
    )
    target_acceptance: float = Field(
        0.234,
        gt=0,
        lt=1,
        description="Acceptance the step size is adjusted to.",
        json_schema_extra={
            "live": True,
            "step": 0.01,
            "label": "Acceptance aimed at",
            "advanced": True,
        },
    )
    start_acceptance: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="Acceptance of uphill moves that auto start temperature aims at.",
        json_schema_extra={"step": 0.01, "advanced": True},
    )
    visiting_q: float = Field(
        VISITING,
        ge=1.1,
        le=2.9,
        description=(
            "How heavy the tails of the visiting distribution are (q_v): 2 is Cauchy, more jumps "
            "farther. Also the q of generalized cooling."
        ),
        json_schema_extra={"live": True, "step": 0.01, "advanced": True},
    )

    flips: int = Field(
        1000,
        ge=1,
        le=100_000,
        description=(
            "Flips that every chain tries one after the other in a step, at one temperature, where "
            "a proposal flips a single weight of ±1; elsewhere a step is one proposal."
        ),
        json_schema_extra={"scale": "log", "label": "Flips per step", "advanced": True},
    )

    def memory_rows(self) -> int:
        return self.population_size * (
            3 if self.proposal in ("gaussian", "layer") or self.block_fraction == 1 else 1
        )

    def footprint(self, problem: Problem) -> int:
        walked = self.proposal == "flip" and problem.binary
        batch, least = problem.batch_of(self.batch), problem.activations
        chains = (
            min(self.population_size, max(1, FLIPPED_AT_ONCE // (least * batch))) if walked else 0
        )
        tries = 8 * self.flips * self.population_size if walked else 0
        sums = 4 * chains * least * batch + 4 * batch * (problem.outputs + least)
        return super().footprint(problem) + (FLOAT * (sums + tries) if walked else 0)

    def gather(self, kind: type[MS], theta: Tensor, rng: Rng, oracle: Oracle, **own: Tensor) -> MS:
        """Put every chain at θ, judge it and calibrate the temperatures.

        Args:
            kind: of the state that is made.
            theta: (D,) the first weights.
            rng: for the proposals that the temperatures are calibrated by.
            oracle: who judges.
            own: what that kind of state has besides.
        """
        population = theta.repeat(self.population_size, 1)
        losses = self.judged(population, oracle)
        state = kind(
            theta.clone(),
            population=population,
            losses=losses,
            best_loss=losses.min(),
            step_sizes=theta.new_full((self.population_size,), self.step_size),
            **own,  # type: ignore[arg-type]
        )
        state.start, state.end = map(held, self.calibrate(state, rng, oracle))
        return state

    def rejudge(self, state: MetropolisState, oracle: Oracle) -> None:
        """Evaluate the chains again where needed: energies of another batch, or of other
        weights, cannot be compared with new ones.
        """
        set_by_visitor = state.stale
        if losses_stale(state, oracle):
            state.losses = self.judged(state.population, oracle)
            # After a new batch the best chain of the next move takes over; what the visitor set
            # stays until a chain is better.
            state.best_loss = (
                finite_losses(state.estimate.unsqueeze(0), oracle)[0]
                if set_by_visitor
                else torch.full_like(state.best_loss, math.inf)
            )

    def judged(self, population: Tensor | LayerwisePopulation, oracle: Oracle) -> Tensor:
        """Evaluate losses (P,) in float32, as they are compared one by one, reusing activations of
        layers that do not move.
        """
        if isinstance(population, Tensor) and self.cached_layers(oracle):
            population = LayerwisePopulation(population)
        with precision("float32"):
            return finite_losses(population, oracle)

    def propose(self, state: MetropolisState, sizes: Tensor, rng: Rng, oracle: Oracle) -> Proposal:
        """Propose a move of every chain, with step sizes (P,)."""
        # Jumps of the visiting distribution shrink as it cools, unless their size is adapted
        # anyway.
        relative = (
            1.0
            if self.adapt or state.temperature is None
            else min(state.temperature / state.start, 1e12)
        )
        shape = Shape(self.proposal, self.block_fraction, self.visiting_q, relative)
        return propose(
            shape,
            state.population,
            sizes,
            oracle.init_scale.to(state.population),
            self.cached_layers(oracle),
            rng,
        )

    def cached_layers(self, oracle: Oracle) -> tuple[Layer, ...]:
        """Return the network's layers where it pays to keep activations of layers below those that
        move, else none: a new batch in every step leaves little to reuse.
        """
        network = oracle.network
        if self.proposal == "layer":
            return network.layers
        if self.batch or not network.hidden or min(network.hidden) < proposals.WIDE:
            return ()
        few = Shape(self.proposal, self.block_fraction).count(network.dimension)
        return network.layers if worth_caching(few, network.starts, network.dimension) else ()

    def walk(
        self,
        state: MetropolisState,
        sizes: Tensor,
        accept: Acceptance,
        rng: Rng,
        oracle: Oracle,
    ) -> Tensor:
        """Propose and judge one move of every chain, or as many single flips as a step has.

        Args:
            state: of the chains; changed in place.
            sizes: (P,) step sizes.
            accept: which moves are kept.
            rng: where the move and u come from, in this order.
            oracle: who judges.

        Returns:
            (P,) which moves were kept, as 0 and 1; of several flips their share.
        """
        if self.flips_one(oracle):
            return self.flip(state, accept, rng, oracle)
        move = self.propose(state, sizes, rng, oracle)
        losses = self.judged(move.population, oracle)
        u = rng.uniform(self.population_size).to(losses)
        kept = accept(u, losses - state.losses)
        state.population = move.settle(kept)
        state.losses = torch.where(kept, losses, state.losses)
        lowest, index = state.losses.min(0)
        better = lowest < state.best_loss
        state.best_loss = torch.where(better, lowest, state.best_loss)
        state.estimate = torch.where(better, state.population[index], state.estimate)
        return kept.to(losses.dtype)

    def flips_one(self, oracle: Oracle) -> bool:
        """Return whether a proposal flips a single weight of ±1, so that a step tries many of them
        from sums that are known.
        """
        network = oracle.network
        shape = Shape(self.proposal, self.block_fraction)
        return self.proposal == "flip" and network.binary and shape.count(network.dimension) == 1

    def flip(self, state: MetropolisState, accept: Acceptance, rng: Rng, oracle: Oracle) -> Tensor:
        """Try single flips of every chain, one after the other, as `walk` does."""
        members, dimension = state.population.shape
        chosen = rng.integers(dimension, self.flips, members).to(state.population.device)
        u = rng.uniform(self.flips, members).to(state.losses)
        walked = oracle.flip(state.population, chosen, accept.limits(u))
        state.losses = walked.energy()
        lowest, there = walked.lowest()
        better = lowest < state.best_loss
        state.best_loss = torch.where(better, lowest, state.best_loss)
        state.estimate = torch.where(better, there, state.estimate)
        return walked.kept.to(state.losses.dtype).mean(0)

    def track_acceptance(
        self, state: MetropolisState, kept: Tensor, more: dict[str, Tensor] | None = None
    ) -> dict[str, float]:
        """Update the running acceptance, and fetch the step's numbers from the device in one go.

        Args:
            state: whose acceptance runs on.
            kept: (P,) what `walk` gave.
            more: further numbers () wanted on the host.

        Returns:
            ``more`` as numbers.
        """
        more = more or {}
        numbers = torch.stack(
            [state.best_loss, kept.mean(), *(value.to(kept) for value in more.values())]
        )
        state.estimate_loss, rate, *rest = numbers.tolist()  # the step's one wait for the device
        state.acceptance = (
            rate
            if state.acceptance is None
            else SMOOTHING * state.acceptance + (1 - SMOOTHING) * rate
        )
        state.rates = kept if state.rates is None else torch.lerp(state.rates, kept, 1 - SMOOTHING)
        state.vectors["acceptance"] = state.rates
        return dict(zip(more, rest, strict=True))

    @property
    def adapts(self) -> bool:
        """Return whether step sizes are adjusted; a flip has none."""
        return self.adapt and self.proposal != "flip"

    def adjust(self, state: MetropolisState, sizes: Tensor, kept: Tensor) -> None:
        """Lengthen steps where more moves were kept than aimed at, shorten them where fewer were;
        ``sizes`` (P,) in place.

        Robbins–Monro on log s (Andrieu and Thoms 2008, algorithm 4). A step size that follows the
        chain's own last moves for ever disturbs Boltzmann's law, so at a fixed temperature the gain
        vanishes, slowly enough for the step size to arrive. While T falls the law moves, and the
        gain stays up as far as T moves it.
        """
        if not self.adapts:
            return
        now = state.temperature or COLDEST
        moved = abs(math.log(now / state.adapted_at)) if state.adapted_at else 0.0
        state.age, state.adapted_at = state.age * math.exp(-TRACKING * moved), now
        gain = GAIN * (1 + state.age / SLOWING) ** -POWER
        state.age += 1
        sizes.mul_(torch.exp(gain * (kept - self.target_acceptance))).clamp_(
            1e-4 * self.step_size, 4 * self.step_size
        )

    def calibrate(self, state: MetropolisState, rng: Rng, oracle: Oracle) -> tuple[float, float]:
        """Calibrate T₀ and T_min by how much worse trial proposals make the loss; the trials are
        charged like any others.

        At T₀ uphill moves from the first weights are accepted with probability ``start_acceptance``
        on average, to within about 0.1, for there are some 64 trials; T_min is so cold that a
        hundredth of the median uphill move is accepted once in a hundred times.
        """
        if self.initial_temperature is not None and self.final_temperature is not None:
            return max(COLDEST, self.initial_temperature), max(COLDEST, self.final_temperature)
        rises = []
        for _ in range(max(1, 64 // self.population_size)):
            move = self.propose(state, state.step_sizes, rng, oracle)
            rises.append(self.judged(move.population, oracle) - state.losses)
            move.settle(
                torch.zeros(self.population_size, dtype=torch.bool, device=state.losses.device)
            )
        rise = torch.cat(rises)
        rise = rise[torch.isfinite(rise) & (rise > 0)]
        typical = float(rise.median()) if len(rise) else 1e-3
        start = self.initial_temperature or accepting(rise, typical, self.start_acceptance)
        end = self.final_temperature or min(start, typical / 100 / -math.log(0.01))
        return max(COLDEST, start), max(COLDEST, end)

    def with_hyperparameter(self, field: str, value: Any) -> Self:
        if value is None and field in ("initial_temperature", "final_temperature"):
            raise BadInput(
                field, None, "a temperature; auto measures it before the first step only"
            )
        return super().with_hyperparameter(field, value)

    def on_hyperparameter_change(self, state: MS, field: str, value: Any) -> None:
        """Take temperatures for those of the plan from now on; give a step size to every chain,
        which adapts it from there.
        """
        if field == "initial_temperature":
            state.start = held(value)
        elif field == "final_temperature":
            state.end = held(value)
        elif field == "step_size":
            state.step_sizes = torch.full_like(state.step_sizes, value)
        elif field in ("adapt", "target_acceptance", "proposal"):
            state.age = 0.0
            state.target = self.target_acceptance if self.adapts else None

    def accepted_rows(self, state: MS, asked: Asked) -> Tensor | None:
        """Return the moves kept: where a chain now stands at what it tried. Of many flips the state
        tells only the last.
        """
        if self.proposal == "flip" and self.flips > 1:
            return None
        return same_rows(state.population, asked)

    def reheat(self, state: MS, factor: float) -> bool:
        add_heat(state, factor)
        state.heat = held(state.heat)
        return True


def held(temperature: float) -> float:
    """Clamp a temperature to those that can be computed with."""
    return min(max(temperature, COLDEST), HOTTEST)


def accepting(rises: Tensor, typical: float, share: float) -> float:
    """Find the temperature at which that share of uphill moves, (n,) rises, is accepted on average:
    Σ exp(−Δ/T)/n = share, by bisection on log T.
    """
    if not len(rises):
        return typical / -math.log(share)
    relative = (rises / typical).cpu().double()
    low, high = -60.0, 60.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (
            (middle, high)
            if float(torch.exp(-relative / math.exp(middle)).mean()) < share
            else (low, middle)
        )
    return typical * math.exp((low + high) / 2)


def metropolis_accepts(u: Tensor, delta: Tensor, t: float | Tensor) -> Tensor:
    """Return which rises Δ (…,) are accepted at T, given uniform numbers u (…,)."""
    return (delta <= 0) | (u < torch.exp(-delta / t))  # Metropolis et al. 1953


def tsallis_accepts(u: Tensor, delta: Tensor, t: float | Tensor, q: float) -> Tensor:
    """Return which rises Δ (…,) are accepted at T, given uniform numbers u (…,), for q < 1."""
    bracket = 1 - (1 - q) * delta / t
    return (delta <= 0) | (u < bracket.clamp(min=0) ** (1 / (1 - q)))  # Tsallis and Stariolo 1996


@dataclass(frozen=True)
class Acceptance:
    """Which moves are kept at a temperature, given uniform numbers u and rises Δ = L(θ') − L(θ).

    Metropolis' rule keeps a move if Δ ≤ 0 or u < exp(−Δ/T), at any T: a tie is kept always. From
    infinite to infinite Δ is no number, and the move is not kept. With q < 1 a move is kept if Δ ≤
    0 or u < [1 − (1−q) Δ/T]^{1/(1−q)}, never where the bracket is negative (Tsallis and Stariolo
    1996). q → 1 is Metropolis' rule.
    """

    temperature: float | Tensor
    q: float | None = None

    def __call__(self, u: Tensor, rise: Tensor) -> Tensor:
        """Return which moves are kept."""
        temperature = floored(self.temperature)
        if self.q is None:
            return metropolis_accepts(u, rise, temperature)
        return tsallis_accepts(u, rise, temperature, self.q)

    def limits(self, u: Tensor) -> Tensor:
        """Return how large a rise may be, at least 0: the same rules solved for Δ."""
        temperature = floored(self.temperature)
        if self.q is None:
            return -temperature * u.log()
        return temperature * (1 - u ** (1 - self.q)) / (1 - self.q)


def metropolis(temperature: float | Tensor) -> Acceptance:
    """Return Metropolis' rule."""
    return Acceptance(temperature)


def tsallis(temperature: float, q: float) -> Acceptance:
    """Return the rule of generalized annealing."""
    return Acceptance(temperature, q)


def floored(temperature: float | Tensor) -> float | Tensor:
    """Clamp a temperature to what single precision can divide by."""
    return (
        temperature.clamp_min(COLDEST)
        if isinstance(temperature, Tensor)
        else max(temperature, COLDEST)
    )
