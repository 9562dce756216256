"""Parallel tempering, or replica exchange (Swendsen and Wang, 1986; Geyer, 1991).

https://doi.org/10.1103/PhysRevLett.57.2607. P replicas walk by the Metropolis rule at the
temperatures T_1 < … < T_P of a geometric ladder. After every move neighbours on the ladder swap
their temperatures (not their weights, which would be P·D numbers) with probability

min(1, exp((1/T_i − 1/T_j)(L_i − L_j)))

pairs (1, 2), (3, 4), … and pairs (2, 3), (4, 5), … in turn. A replica stuck at the cold end so gets
to the hot one, where it forgets its valley, and back. Swaps leave Boltzmann's law at every
temperature as it is. The ladder stands still: nothing is cooled.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import OPTIMIZERS, Phase
from .common.heat import warmth
from .common.metropolis import (
    COLDEST,
    HOTTEST,
    SMOOTHING,
    Metropolis,
    MetropolisState,
    metropolis,
)


@dataclass(kw_only=True)
class ParallelTemperingState(MetropolisState):
    """The replicas; ``step_sizes`` belong to the rungs, coldest first, not to the replicas.

    Attributes:
        rung: (P,) int64, where on the ladder each replica stands; 0 is the coldest.
        swap_rates: (P − 1,) running share of swaps taken between a rung and the next.
        moves: moves made so far.
        swaps: rounds of swaps made so far.
    """

    rung: Tensor
    swap_rates: Tensor
    moves: int = 0
    swaps: int = 0


def swap_accepts(u: Tensor, t_i: Tensor, t_j: Tensor, l_i: Tensor, l_j: Tensor) -> Tensor:
    """Return which pairs of replicas with losses L at temperatures T swap, given uniform numbers u,
    (n,) each. Infinite losses of both make the exponent NaN, and nothing is swapped.
    """
    return u < torch.exp((1 / t_i - 1 / t_j) * (l_i - l_j))  # Swendsen and Wang 1986


@OPTIMIZERS.add
class ParallelTempering(Metropolis[ParallelTemperingState]):
    """Replicas on a ladder of temperatures that swap places."""

    name = "parallel-tempering"
    label = "Parallel tempering"
    paper = "Swendsen and Wang 1986, https://doi.org/10.1103/PhysRevLett.57.2607"
    sentence = (
        "Needs no cooling plan and keeps escaping bad valleys for as long as it runs; "
        "only its few coldest replicas improve the loss, and with many weights neighbours hardly "
        "ever swap."
    )
    phases = (
        Phase(
            "Propose",
            "Every replica tries a random move of its weights, with the step size of its rung.",
            "asked",
        ),
        Phase(
            "Evaluate",
            "The loss of every tried network is compared with the loss its replica has now.",
            "answered",
        ),
        Phase(
            "Accept or not",
            "Better moves are kept; worse ones by chance, more often at the hot end of the ladder.",
            "moved",
        ),
        Phase(
            "Swap",
            (
                "Neighbours on the ladder trade temperatures: surely if the hotter has the lower "
                "loss, else by chance."
            ),
            "swapped",
        ),
    )

    formerly = renamed(
        chains="population_size",
        start_temperature="initial_temperature",
        end_temperature="final_temperature",
    )

    population_size: int = Field(
        4,
        ge=2,
        le=16384,
        description=(
            "How many replicas walk, each at its own temperature; more of them, closer rungs and "
            "more swaps."
        ),
        json_schema_extra={"scale": "log", "label": "Replicas"},
    )
    initial_temperature: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description=(
            "Temperature of the hottest replica; auto measures how much worse proposals make the "
            "loss."
        ),
        json_schema_extra={"live": True, "scale": "log", "label": "Hottest temperature"},
    )
    final_temperature: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description=(
            "Temperature of the coldest replica; auto is cold enough that almost nothing worse "
            "is accepted."
        ),
        json_schema_extra={"live": True, "scale": "log", "label": "Coldest temperature"},
    )
    swap_every: int = Field(
        1,
        ge=1,
        le=10_000,
        description="Moves between two rounds of swaps. Swaps cost no evaluations.",
        json_schema_extra={"live": True, "scale": "log", "unit": "moves", "advanced": True},
    )

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> ParallelTemperingState:
        state = self.gather(
            ParallelTemperingState,
            theta,
            rng,
            oracle,
            rung=torch.arange(self.population_size, device=theta.device),
            swap_rates=torch.zeros(
                self.population_size - 1, dtype=theta.dtype, device=theta.device
            ),
        )
        state.temperature, state.target = state.end, self.target_acceptance if self.adapts else None
        self.show(state, self.ladder(state, oracle.progress))
        return state

    def step(
        self, state: ParallelTemperingState, rng: Rng, oracle: Oracle
    ) -> ParallelTemperingState:
        self.rejudge(state, oracle)
        state.seen = oracle.progress
        ladder = self.ladder(state, state.seen)
        sizes = state.step_sizes[state.rung]
        kept = self.walk(state, sizes, metropolis(ladder[state.rung]), rng, oracle)
        self.adjust(state, sizes, kept)
        state.step_sizes[state.rung] = sizes
        state.moves += 1
        if state.moves % self.swap_every == 0:
            oracle.mark("swapped", ladder, *self.swap(state, ladder, rng))
        shown = self.track_acceptance(
            state, kept, {"coldest": ladder[0], "swap rate": state.swap_rates.mean()}
        )
        state.temperature, state.metrics["swap rate"] = shown["coldest"], shown["swap rate"]
        self.show(state, ladder)
        return state

    def ladder(self, state: ParallelTemperingState, progress: float) -> Tensor:
        """Return T_1 < … < T_P (P,), the same factor from rung to rung; hotter as a whole after a
        reheat.
        """
        exponents = torch.linspace(
            0,
            1,
            self.population_size,
            dtype=torch.float64 if state.losses.device.type != "mps" else torch.float32,
            device=state.losses.device,
        )
        return (
            (state.end * (state.start / state.end) ** exponents * warmth(state, progress))
            .clamp(COLDEST, HOTTEST)
            .to(state.losses)
        )

    def swap(self, state: ParallelTemperingState, ladder: Tensor, rng: Rng) -> tuple[Tensor, ...]:
        """Swap temperatures between neighbours on the ladder: one round.

        Returns:
            The lower rung of every pair, the replicas that stood on both, and whether they swapped;
            nothing where there was no pair.
        """
        # The lower rung i of every pair; j = i + 1.
        low = torch.arange(state.swaps % 2, self.population_size - 1, 2, device=ladder.device)
        state.swaps += 1
        if len(low) == 0:  # two replicas have no second kind of pair
            return ()
        u = rng.uniform(len(low)).to(ladder)
        replica = state.rung.argsort()  # who stands on a rung
        energy = state.losses[replica]
        swapped = swap_accepts(u, ladder[low], ladder[low + 1], energy[low], energy[low + 1])
        below, above = replica[low], replica[low + 1]
        state.rung[below] = torch.where(swapped, low + 1, low)
        state.rung[above] = torch.where(swapped, low, low + 1)
        state.swap_rates[low] = torch.lerp(swapped.to(ladder), state.swap_rates[low], SMOOTHING)
        return low, below, above, swapped

    def show(self, state: ParallelTemperingState, ladder: Tensor) -> None:
        """Set the rows for the page: temperatures of all replicas, swap rates of all rungs."""
        state.vectors |= {"temperature": ladder[state.rung], "swap rate": state.swap_rates.clone()}
