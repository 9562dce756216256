"""The interface of populations: what the oracle evaluates.

A population may be a tensor (P, D), or computed when it is needed; to other code both behave like
the tensor.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from ..kernels.row_blocks import gather_rows
from .chunks import chunk_members, own_rows, rounded, samples_at_once

if TYPE_CHECKING:
    from ..networks.base import Network
    from .layerwise import ActivationCache

Answer = tuple[slice | Tensor, slice, Tensor]
"""Members, samples and their outputs (p, K, b), in a buffer."""


class Population(ABC):
    """P members of D weights, computed when needed."""

    spreads: ClassVar[bool] = False
    """Whether `answers` leaves members to other processes, as `engine.populations.chunks.own_rows`
    says."""

    @property
    @abstractmethod
    def like(self) -> Tensor:
        """Return some tensor (…, D) of the type and on the device of the members."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def members(self, rows: Tensor) -> Tensor:
        """Return those rows as a new tensor: (m,) → (m, D)."""

    def answers(self, network: Network, x: Tensor, cache: ActivationCache) -> Iterator[Answer]:
        """Evaluate the members on samples (B, *shape), chunk by chunk; the members of one chunk of
        samples come one after another. The cache notes the operations, and may save some.
        """
        cache.flops = len(self) * len(x) * network.flops
        yield from answers(network, self, x)

    def beginning(self, count: int) -> Tensor | Population:
        """Return the first members."""
        return self[:count]

    def evaluated(self, network: Network) -> int:
        """Return the operations of one sample and member that count as evaluation: those of the
        network, whatever is saved of them, or of the part that is evaluated at all.
        """
        return network.flops

    def finite(self) -> Tensor:
        """Return which weights are finite, (P, D) bool."""
        return torch.isfinite(self.dense())

    @property
    def shape(self) -> torch.Size:
        return torch.Size((len(self), self.like.shape[-1]))

    @property
    def ndim(self) -> int:
        return 2

    @property
    def device(self) -> torch.device:
        return self.like.device

    @property
    def dtype(self) -> torch.dtype:
        return self.like.dtype

    def numel(self) -> int:
        return self.shape.numel()

    def dense(self) -> Tensor:
        """Return all members: (P, D)."""
        return self.members(torch.arange(len(self), device=self.device))

    def clone(self) -> Tensor:
        """Return the tensor that it represents."""
        return self.dense()

    def __eq__(self, other: object) -> bool:
        """Return whether both represent the same tensor."""
        return isinstance(other, Population) and torch.equal(self.dense(), other.dense())

    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, rows: Any) -> Tensor:
        """Return members by a slice or by an index tensor, like the rows of a tensor; for other
        indices the whole tensor is written out.
        """
        if isinstance(rows, slice):
            rows = torch.arange(*rows.indices(len(self)), device=self.device)
        if isinstance(rows, Tensor) and rows.dtype == torch.long and rows.ndim == 1:
            return self.members(rows)
        return self.dense()[rows]

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Pass the tensor, written out, to functions of torch; only whether it is finite may be
        known without.
        """
        if function is torch.isfinite:
            return args[0].finite()
        return function(
            *(dense(one) for one in args),
            **{name: dense(one) for name, one in (kwargs or {}).items()},
        )


@dataclass(eq=False)
class DensePopulation(Population):
    """A tensor (P, D)."""

    tensor: Tensor
    spreads = True

    @property
    def like(self) -> Tensor:
        return self.tensor

    def __len__(self) -> int:
        return len(self.tensor)

    def members(self, rows: Tensor) -> Tensor:
        return self.tensor[rows]

    def dense(self) -> Tensor:
        return self.tensor

    def __getitem__(self, rows: Any) -> Tensor:
        return self.tensor[rows]


@dataclass(eq=False)
class PopulationSubset(Population):
    """Some members of a population, read from its memory when they are evaluated.

    Attributes:
        population: (P, D) all members.
        rows: (m,) int64, the chosen ones.
    """

    population: Tensor
    rows: Tensor
    spreads = True

    @property
    def like(self) -> Tensor:
        return self.population

    def __len__(self) -> int:
        return len(self.rows)

    def members(self, rows: Tensor) -> Tensor:
        return self.population.index_select(0, self.rows[rows])

    def __getitem__(self, rows: Any) -> Tensor:
        """Return rows as for a tensor; consecutive members are in a buffer that the next evaluation
        overwrites.
        """
        if isinstance(rows, slice):
            return gather_rows(self.population, self.rows[rows], "chosen")
        return super().__getitem__(rows)


def dense(value: Any) -> Any:
    """Return a population written out as a tensor; also inside a list or a tuple."""
    if isinstance(value, list | tuple) and any(isinstance(one, Population) for one in value):
        return type(value)(map(dense, value))
    return value.dense() if isinstance(value, Population) else value


def as_population(members: Tensor | Population) -> Population:
    """Return the population itself, or a tensor (P, D) as one."""
    return DensePopulation(members) if isinstance(members, Tensor) else members


def answers(network: Network, population: Tensor | Population, x: Tensor) -> Iterator[Answer]:
    """Evaluate members chunk by chunk, each written out."""
    step = samples_at_once(network, x)
    for first in range(0, len(x), step):
        part = x[first : first + step]
        ready = network.prepare(rounded(part))
        size = chunk_members(network, len(part), population.device)
        for start, stop in own_rows(len(population), size):
            answer = network.evaluate(rounded(population[start:stop]), ready)
            yield (
                slice(start, stop),
                slice(first, first + step),
                answer.to(population.dtype),
            )
