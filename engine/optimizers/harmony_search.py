"""Harmony search (Geem, Kim and Loganathan, 2001).

https://doi.org/10.1177/003754970107600201. A memory holds the best H networks ("harmonies") so far.
A new one is improvised weight by weight ("note by note"):

x_j = m_j + bw_j (2 u − 1) with probability HMCR · PAR      from a random harmony m, adjusted
x_j = m_j                  with probability HMCR (1 − PAR)  from a random harmony m
x_j ~ U(lowest_j, highest_j) otherwise

and replaces the worst of the memory where it is better. Every note comes from another
random harmony, so a new one has as many parents as there are. Here Q are improvised from the same
memory and judged in one batched evaluation; letting them replace the worst one after the other
leaves the best H of old and new, whatever the order.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from ..kernels.harmony_search import new_harmonies
from ..kernels.row_blocks import replace
from ..kernels.spread import distance
from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import OPTIMIZERS, Asked, Optimizer, Phase, State, losses_stale, shifted
from .common.config_fields import batch_field
from .common.finite_losses import finite_losses
from .common.survivors import copies


@dataclass(kw_only=True)
class HarmonySearchState(State):
    """The memory: ``population`` (H, D) and its ``losses``; ``estimate`` is the best harmony.

    Attributes:
        centre: (D,) the first weights, the middle of the range of every weight.
    """

    population: Tensor
    losses: Tensor
    centre: Tensor


EDGE = 1e-3
"""A weight so near the edge of its range, as a share of the range, lies at it: what it aims at is
likely outside."""


def improvise(
    m: Tensor,
    choice: Tensor,
    u: Tensor,
    *,
    hmcr: float,
    par: float,
    bw: Tensor,
    low: Tensor,
    high: Tensor,
) -> Tensor:
    """Improvise harmonies (Q, D) from remembered notes m (Q, D) and uniform numbers: ``choice``
    says which of the three each note is, u how far it is moved.
    """
    adjusted = (m + bw * (2 * u - 1)).clamp(low, high)
    remembered = torch.where(choice < hmcr * par, adjusted, m)
    return torch.where(choice < hmcr, remembered, low + (high - low) * u)


@OPTIMIZERS.add
class HarmonySearch(Optimizer[HarmonySearchState]):
    """New networks are improvised, weight by weight, from a memory of good ones."""

    name = "harmony-search"
    label = "Harmony search"
    family = "Evolution"
    sees = "loss"
    selects = True
    paper = "Geem, Kim and Loganathan 2001, https://doi.org/10.1177/003754970107600201"
    sentence = (
        "Simple, and fine where every weight can be chosen by itself; it takes each from another "
        "network and so destroys what only works together, "
        "which with thousands of weights makes it slow. It never leaves a box about the first "
        "weights (Range), so a minimum outside is out of reach: weights gather at the edge."
    )
    phases = (
        Phase(
            "Improvise",
            (
                "New networks take each weight from a random one in memory, some moved a little, "
                "a few drawn again."
            ),
            "asked",
        ),
        Phase("Judge", "Every new network's loss is taken.", "answered"),
        Phase(
            "Remember",
            "The best of memory and new ones are the new memory; its best is the network used.",
            "moved",
        ),
    )

    formerly = renamed(
        memory="memory_size",
        considering="memory_considering_rate",
        adjusting="pitch_adjusting_rate",
        improvised="new_harmonies",
        range="bounds",
        cooling="final_fraction",
    )

    batch: int = batch_field(128, "On mini-batches the whole memory is evaluated again each step.")
    memory_size: int = Field(
        16,
        ge=1,
        le=16384,
        description="How many good networks are remembered (H).",
        json_schema_extra={"scale": "log", "unit": "networks"},
    )
    memory_considering_rate: float = Field(
        0.999,
        ge=0,
        le=1,
        description=(
            "Share of the weights taken from the memory (HMCR); the others are anything in the "
            "range, which with many weights soon ruins a network."
        ),
        json_schema_extra={"live": True, "step": 0.001, "label": "Memory considering rate"},
    )
    pitch_adjusting_rate: float = Field(
        0.3,
        ge=0,
        le=1,
        description="Share of those that are moved a little (PAR).",
        json_schema_extra={"live": True, "step": 0.01, "label": "Pitch adjusting rate"},
    )
    bandwidth: float = Field(
        0.5,
        ge=1e-5,
        le=10,
        description=(
            "The most such a weight is moved (bw), in units of each layer's natural size, "
            "1/√inputs."
        ),
        json_schema_extra={"live": True, "scale": "log"},
    )
    final_fraction: float = Field(
        0.1,
        ge=1e-4,
        le=1,
        description=(
            "Share of the bandwidth left at the end of the budget; 1 keeps it constant, as "
            "published."
        ),
        json_schema_extra={"live": True, "scale": "log", "label": "Bandwidth left at the end"},
    )
    bounds: float = Field(
        3.0,
        ge=1e-2,
        le=1000,
        description=(
            "How far from the first weights any weight may go, in units of each layer's natural "
            "size, 1/√inputs: a box that the search never leaves."
        ),
        json_schema_extra={"label": "Range", "live": True, "scale": "log"},
    )
    new_harmonies: int = Field(
        64,
        ge=1,
        le=16384,
        description=(
            "New networks in one step, all from the same memory; 1 is the published method."
        ),
        json_schema_extra={
            "scale": "log",
            "unit": "networks",
            "label": "New networks per step",
            "advanced": True,
        },
    )

    def memory_rows(self) -> int:
        # The memory and the new ones; on a GPU what is forgotten is replaced in a copy.
        return 2 * self.memory_size + self.new_harmonies

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> HarmonySearchState:
        memory = (
            rng.uniform(self.memory_size, theta.numel())
            .to(theta)
            .mul_(2)
            .sub_(1)
            .mul_(self.reach(oracle, theta))
            .add_(theta)
        )
        memory[0] = theta  # the shared first weights are remembered
        losses = finite_losses(memory, oracle)
        state = HarmonySearchState(
            theta.clone(), population=memory, losses=losses, centre=theta.clone()
        )
        state.estimate_loss = float(losses[0])
        state.metrics["bandwidth"] = self.bandwidth
        return state

    def step(self, state: HarmonySearchState, rng: Rng, oracle: Oracle) -> HarmonySearchState:
        memory, losses = state.population, state.losses
        if losses_stale(state, oracle):
            losses = finite_losses(memory, oracle)
        failed = torch.isinf(losses)
        # No note is taken from a harmony that failed: one of the others stands in its place.
        if bool(failed.any()):
            origin = copies(failed, rng)
            replace(
                memory,
                failed & (origin != torch.arange(len(origin), device=origin.device)),
                memory.clone(),
                origin,
            )
            losses = losses[origin]
        bandwidth = self.bandwidth * self.final_fraction**oracle.progress
        new = self.improvise(state, bandwidth, rng, oracle)
        replaced = self.remember(state, losses, new, finite_losses(new, oracle))
        lowest, index = state.losses.min(0)
        state.estimate = memory[index].clone()
        at_the_edge = (
            ((state.estimate - state.centre).abs() >= (1 - EDGE) * self.reach(oracle, memory))
            .to(lowest)
            .mean()
        )
        # The step's one wait for the device.
        shown = torch.stack([lowest, replaced, at_the_edge]).tolist()
        state.estimate_loss, state.metrics["replaced"], state.metrics["share at the edge"] = shown
        state.metrics["bandwidth"] = bandwidth
        return state

    def diagnostics(self, state: HarmonySearchState) -> dict[str, float]:
        return {} if state.population is None else {"spread": float(distance(state.population))}

    def shift_memory(self, state: HarmonySearchState, index: int, difference: float) -> None:
        """Move the range of that weight along with the memory, else the next adjusted note would be
        cut back into it.
        """
        state.centre = shifted(state.centre, index, difference)

    def accepted_rows(self, state: HarmonySearchState, asked: Asked) -> Tensor | None:
        """Return the new harmonies that are now remembered, identified by their losses."""
        return None if state.losses is None else torch.isin(asked.values, state.losses)

    def remember(
        self, state: HarmonySearchState, losses: Tensor, new: Tensor, new_losses: Tensor
    ) -> Tensor:
        """Keep the best H of the memory and of new harmonies (Q, D), an old one before a new one
        that is as good. What is kept stays where it is.

        Args:
            state: its ``population`` is changed in place, its ``losses`` are updated.
            losses: (H,) of the memory.
            new: harmonies improvised.
            new_losses: (Q,) theirs.

        Returns:
            How many were replaced, ().
        """
        size, both = len(losses), torch.cat([losses, new_losses])
        kept = both.argsort(stable=True)[:size]
        forgotten = torch.ones_like(both, dtype=torch.bool).index_fill_(0, kept, False)[:size]
        # Those kept of the new ones have the highest numbers; the first of them takes the first
        # place that is free, and so on.
        newcomers = kept.sort(descending=True).values - size
        origin = newcomers[(forgotten.cumsum(0) - 1).clamp(min=0)].clamp(min=0)
        replace(state.population, forgotten, new, origin)
        state.losses = torch.where(forgotten, new_losses[origin], losses)
        return forgotten.sum().to(losses)

    def improvise(
        self, state: HarmonySearchState, bandwidth: float, rng: Rng, oracle: Oracle
    ) -> Tensor:
        """Improvise new harmonies (Q, D), if they are many in a buffer."""
        memory = state.population
        assert memory is not None
        low = state.centre - self.reach(oracle, memory)
        high = state.centre + self.reach(oracle, memory)
        width = bandwidth * oracle.init_scale.to(memory)
        return new_harmonies(
            improvise,
            memory,
            self.new_harmonies,
            rng,
            hmcr=self.memory_considering_rate,
            par=self.pitch_adjusting_rate,
            bw=width,
            low=low,
            high=high,
        )

    def reach(self, oracle: Oracle, like: Tensor) -> Tensor:
        """Return how far every weight may go from the first ones: (D,)."""
        return self.bounds * oracle.init_scale.to(like)
