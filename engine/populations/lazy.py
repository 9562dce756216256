"""A population that is evaluated without being written out. To whoever looks at members it behaves
like the tensor (P, D) it stands for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..kernels.row_blocks import gathered


class Unwritten(ABC):
    """P members of D weights."""

    @property
    @abstractmethod
    def like(self) -> Tensor:
        """Any tensor (…, D) of the type and on the device of the members."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def members(self, rows: Tensor) -> Tensor:
        """Those rows written out, as a tensor of their own: (m,) → (m, D)."""

    def finite(self) -> Tensor:
        """Which weights are numbers, (P, D) bool."""
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

    def dense(self) -> Tensor:
        """All of them: (P, D)."""
        return self.members(torch.arange(len(self), device=self.device))

    def clone(self) -> Tensor:
        """The tensor it stands for."""
        return self.dense()

    def __eq__(self, other: object) -> bool:
        """Whether both stand for the same tensor."""
        return isinstance(other, Unwritten) and torch.equal(self.dense(), other.dense())

    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, rows: Any) -> Tensor:
        """Members by a slice or by an index tensor of their numbers, as a tensor gives its rows;
        whatever else is asked of the tensor written out.
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
        """Any function of torch sees the tensor written out, but what is finite may be known
        without.
        """
        if function is torch.isfinite:
            return args[0].finite()
        return function(
            *(dense(one) for one in args),
            **{name: dense(one) for name, one in (kwargs or {}).items()},
        )


@dataclass(eq=False)
class Chosen(Unwritten):
    """Some members of a population, taken from where they lie as they are evaluated.

    Attributes:
        population: (P, D) where.
        rows: (m,) int64 which.
    """

    population: Tensor
    rows: Tensor

    @property
    def like(self) -> Tensor:
        return self.population

    def __len__(self) -> int:
        return len(self.rows)

    def members(self, rows: Tensor) -> Tensor:
        return self.population.index_select(0, self.rows[rows])

    def __getitem__(self, rows: Any) -> Tensor:
        """As of a tensor; members in a row lie in a buffer that the next question overwrites."""
        if isinstance(rows, slice):
            return gathered(self.population, self.rows[rows], "chosen")
        return super().__getitem__(rows)


def dense(value: Any) -> Any:
    """A population written out, where it is not already; also each in a list or a tuple."""
    if isinstance(value, list | tuple) and any(isinstance(one, Unwritten) for one in value):
        return type(value)(map(dense, value))
    return value.dense() if isinstance(value, Unwritten) else value
