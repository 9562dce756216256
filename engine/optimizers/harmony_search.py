"""Harmony search (Geem, Kim and Loganathan, 2001).

https://doi.org/10.1177/003754970107600201. A memory holds the best H networks ("harmonies") so far.
A new one is improvised weight by weight ("note by note"):

x_j = m_j + bw_j (2 u − 1) with probability HMCR · PAR      from a random harmony m, adjusted
x_j = m_j                  with probability HMCR (1 − PAR)  from a random harmony m
x_j ~ U(lowest_j, highest_j) otherwise

and replaces the worst of the memory where it is better. Every note comes from a harmony drawn anew,
so a new harmony has as many parents as there are. Here Q are improvised from the same memory and
judged in one batched evaluation; letting them replace the worst one after the other leaves the best
H of old and new, whatever the order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ..kernels import compiled
from ..kernels.compiled import MANY, Array, Kernel, kernel
from ..kernels.row_blocks import copied, replace, strips
from ..kernels.scratch import buffer
from ..oracle import Oracle
from ..random import noise_table
from ..random.rng import Rng
from ..registry import renamed
from .base import OPTIMIZERS, Asked, Optimizer, Stage, State, outdated, shifted
from .common.finite_losses import judge
from .common.spread import departures, distance
from .common.survivors import copies

NOTES = 256
"""Columns improvised at a time."""


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
    stages = (
        Stage(
            "Improvise",
            (
                "New networks take each weight from a random one in memory, some moved a little, "
                "a few drawn anew."
            ),
            "asked",
        ),
        Stage("Judge", "Every new network's loss is taken.", "answered"),
        Stage(
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

    batch: int = Field(
        128,
        ge=0,
        le=65536,
        description=(
            "Samples looked at in one step; 0 takes all of them. On mini-batches the whole "
            "memory is judged anew each step."
        ),
        json_schema_extra={"step": 16, "unit": "samples"},
    )
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

    def loops(self) -> tuple[Kernel, ...]:
        return (improvised, copied, departures)

    def memory_rows(self) -> int:
        return (
            2 * self.memory_size + self.new_harmonies
        )  # the memory and the new ones; on a GPU what is forgotten is replaced in a copy

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
        losses = judge(memory, oracle)
        state = HarmonySearchState(
            theta.clone(), population=memory, losses=losses, centre=theta.clone()
        )
        state.estimate_loss = float(losses[0])
        state.metrics["bandwidth"] = self.bandwidth
        return state

    def step(self, state: HarmonySearchState, rng: Rng, oracle: Oracle) -> HarmonySearchState:
        memory, losses = state.population, state.losses
        if outdated(
            state,
            oracle,
            # Losses on different batches cannot be compared: the luckiest batch would be remembered
            # for
            # ever
        ):
            losses = judge(memory, oracle)
        failed = torch.isinf(losses)
        if bool(
            failed.any()
        ):  # no note is taken from a harmony that failed: one of the others stands in its place
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
        replaced = self.remember(state, losses, new, judge(new, oracle))
        lowest, index = state.losses.min(0)
        state.estimate = memory[index].clone()
        at_the_edge = (
            ((state.estimate - state.centre).abs() >= (1 - EDGE) * self.reach(oracle, memory))
            .to(lowest)
            .mean()
        )
        shown = torch.stack(
            [lowest, replaced, at_the_edge]
        ).tolist()  # the step's one wait for the device
        state.estimate_loss, state.metrics["replaced"], state.metrics["share at the edge"] = shown
        state.metrics["bandwidth"] = bandwidth
        return state

    def diagnostics(self, state: HarmonySearchState) -> dict[str, float]:
        return {} if state.population is None else {"spread": float(distance(state.population))}

    def shift(self, state: HarmonySearchState, index: int, difference: float) -> None:
        """The range of that weight moves along with the memory, else the next adjusted note would
        be cut back into it.
        """
        state.centre = shifted(state.centre, index, difference)

    def taken(self, state: HarmonySearchState, asked: Asked) -> Tensor | None:
        """The new harmonies that are now remembered, told by their losses."""
        return None if state.losses is None else torch.isin(asked.values, state.losses)

    def remember(
        self, state: HarmonySearchState, losses: Tensor, new: Tensor, new_losses: Tensor
    ) -> Tensor:
        """Keep the best H of the memory and of new harmonies (Q, D), an old one before a new one
        that is as good. What is kept stays where it is.

        Args:
            state: its ``population`` is changed in place, its ``losses`` are told anew.
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
        """New harmonies (Q, D), if they are many in a buffer."""
        memory = state.population
        assert memory is not None
        low, high = (
            state.centre - self.reach(oracle, memory),
            state.centre + self.reach(oracle, memory),
        )
        width = bandwidth * oracle.scale.to(memory)
        new = buffer("improvised", (self.new_harmonies, memory.shape[1]), memory)
        if compiled.fit(new, memory) and new.shape[1] <= noise_table.STRETCH:
            return self.improvise_many(new, memory, width, low, high, rng)
        for strip in strips(new):
            new[strip] = self.improvise_some(
                strip.stop - strip.start, memory, width, low, high, rng
            )
        return new

    def improvise_some(
        self, count: int, memory: Tensor, width: Tensor, low: Tensor, high: Tensor, rng: Rng
    ) -> Tensor:
        """New harmonies (n, D) from the memory (H, D): adjusted by at most the width (D,), and
        within the bounds (D,).
        """
        shape = count, memory.shape[1]
        remembered = memory.gather(0, rng.integers(len(memory), *shape).to(memory.device))
        # One number decides between the three: below HMCR·PAR adjusted, below HMCR remembered, else
        # anything.
        choice = rng.uniform(*shape).to(memory)
        value = rng.uniform(*shape).to(memory)
        adjusted = (remembered + width * (2 * value - 1)).clamp(low, high)
        notes = torch.where(
            choice < self.memory_considering_rate * self.pitch_adjusting_rate, adjusted, remembered
        )
        return torch.where(choice < self.memory_considering_rate, notes, low + (high - low) * value)

    def improvise_many(
        self, new: Tensor, memory: Tensor, width: Tensor, low: Tensor, high: Tensor, rng: Rng
    ) -> Tensor:
        """The same, written to ``new`` (Q, D), with fewer random numbers.

        Whose note is taken is the sum, modulo H, of two stretches of a table of whole numbers
        (`picks`), as `blocks` tells. One uniform number u says whether a note is adjusted, u < PAR,
        and how far, 1 − 2u/PAR. Which notes are anything instead is not decided note by note: the
        distances between them are geometric. A note remembered from outside the range, which is
        there only where a hand made it narrower, is brought back into it.
        """
        count, dimension = new.shape
        (table, places, members), (_, pick_places, _) = (
            rng.rows("uniform", count, dimension).stretches(memory) for _ in range(2)
        )
        share = (
            self.pitch_adjusting_rate,
            2 / self.pitch_adjusting_rate if self.pitch_adjusting_rate > 0 else 0.0,
        )
        improvised(
            dimension,
            new,
            memory,
            picks(len(memory)),
            pick_places,
            table,
            places,
            members,
            *share,
            width,
            low,
            high,
            grain=NOTES,
        )
        rare = 1 - self.memory_considering_rate
        for rows in torch.arange(count).split(1 + int(MANY / (rare * dimension + 1))):
            anything = sparse(len(rows) * dimension, rare, rng)
            row, column = anything // dimension + rows[0], anything % dimension
            new[row, column] = low[column] + (high - low)[column] * rng.uniform(len(anything)).to(
                memory
            )
        return new

    def reach(self, oracle: Oracle, like: Tensor) -> Tensor:
        """How far every weight may go from the first ones: (D,)."""
        return self.bounds * oracle.scale.to(like)


@kernel(
    (
        "T[:, ::1], T[:, ::1], uint16[::1], int64[:, ::1], T[::1], int64[:, ::1], int64, T, T, "
        "T[::1], T[::1], T[::1]"
    ),
    "new",
)
def improvised(
    first: int,
    last: int,
    new: Array,
    memory: Array,
    picks: Array,
    pick_places: Array,
    table: Array,
    places: Array,
    members: int,
    share: Array,
    scale: Array,
    width: Array,
    low: Array,
    high: Array,
) -> None:
    """`HarmonySearch.improvise_many` but for the notes that are anything, some columns at a time: a
    core's own cache then holds them of all harmonies remembered.

    Three loops, for the second, which jumps about, cannot be done eight numbers at a time, and the
    others can.
    """
    size, nothing = np.uint32(len(memory)), memory.dtype.type(0)
    known, index = np.empty(size * NOTES, memory.dtype), np.empty(NOTES, np.uint32)
    for start in range(first, last, NOTES):
        stop = min(start + NOTES, last)
        most, least, greatest = width[start:stop], low[start:stop], high[start:stop]
        for i in range(len(memory)):
            row, copy = memory[i, start:stop], known[i * NOTES : (i + 1) * NOTES]
            for j in range(len(row)):
                copy[j] = row[j]
        for i in range(len(new)):
            block, skipped, notes = (
                i // members,
                i % members * new.shape[1] + start,
                new[i, start:stop],
            )
            left, right = (
                picks[pick_places[block, 0] + skipped :],
                picks[pick_places[block, 1] + skipped :],
            )
            for j in range(len(notes)):
                pick = np.uint32(left[j] + right[j])
                pick = np.uint32(pick - size) if pick >= size else pick
                index[j] = np.uint32(pick * np.uint32(NOTES) + j)
            for j in range(len(notes)):
                notes[j] = known[index[j]]
            one, two = table[places[block, 0] + skipped :], table[places[block, 1] + skipped :]
            for j in range(len(notes)):
                u = one[j] + two[j]
                u -= np.trunc(u)
                step = most[j] - most[j] * (scale * u)
                note = notes[j] + (step if u < share else nothing)
                note = least[j] if note < least[j] else note
                notes[j] = greatest[j] if note > greatest[j] else note


@lru_cache(maxsize=2)
def picks(size: int) -> Tensor:
    """Rows of a memory of that size, each as likely: (`TABLE`,) uint16."""
    return torch.from_numpy(
        np.random.Generator(np.random.PCG64DXSM(3)).integers(
            size, size=noise_table.TABLE, dtype=np.uint16
        )
    )


def sparse(count: int, share: float, rng: Rng) -> Tensor:
    """Which of so many things happen, each by itself with probability ``share``, as their numbers
    in order, int64: the gaps between them are geometric.
    """
    if share <= 0:
        return torch.empty(0, dtype=torch.long)
    most = math.ceil(count * share + 8 * math.sqrt(count * share)) + 16
    u = rng.uniform(most).double()
    gaps = (
        torch.ones_like(u)
        if share >= 1
        else (torch.log1p(-u) / math.log1p(-share)).floor_().add_(1)
    )
    numbers = gaps.cumsum(0).long() - 1
    return numbers[numbers < count]
