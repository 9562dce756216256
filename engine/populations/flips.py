"""Networks of ±1 weights that chains tried, one flip after the other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .base import Population


@dataclass(eq=False)
class FlipWalk(Population):
    """The tries of P chains: (b · P, D), try by try.

    Attributes:
        before: θ (P, D), where the chains stood.
        chosen: (b, P) int64, the weight that each try negated.
        first: losses where they stood (P,).
        losses: of the tries (b, P), infinite where they were not finite or not made.
        kept: (b, P) bool, which of them their chains kept.
    """

    before: Tensor
    chosen: Tensor
    first: Tensor
    losses: Tensor
    kept: Tensor

    @property
    def like(self) -> Tensor:
        return self.before

    def __len__(self) -> int:
        return self.kept.numel()

    def members(self, rows: Tensor) -> Tensor:
        return torch.stack([self._member(*divmod(row, len(self.before))) for row in rows.tolist()])

    def _member(self, at: int, chain: int) -> Tensor:
        made = torch.cat([self.kept[:at, chain], self.kept.new_ones(1)])
        chosen = self.chosen[: at + 1, chain][made]
        flips = torch.zeros_like(self.before[chain]).index_add_(
            0, chosen, torch.ones_like(chosen, dtype=self.before.dtype)
        )
        return torch.where(flips % 2 == 1, -self.before[chain], self.before[chain])

    def energy(self) -> Tensor:
        """Return the losses where the chains stand after the tries, (P,)."""
        numbers = torch.arange(1, len(self.kept) + 1, device=self.kept.device).unsqueeze(1)
        last = (self.kept * numbers).amax(0)
        return torch.cat([self.first.unsqueeze(0), self.losses]).gather(0, last.unsqueeze(0))[0]

    def lowest(self) -> tuple[Tensor, Tensor]:
        """Return the lowest loss of a try that was kept, (), and its network, (D,)."""
        value, row = torch.where(self.kept, self.losses, torch.inf).flatten().min(0)
        return value, self.members(row.unsqueeze(0))[0]
