"""Chains that try one output layer after the other, from sums that are known.

With o the sums of the output layer and d those of a move, a try costs its loss alone: o + d, the
outputs' activation, the loss, and the rule that keeps the try or not. For one chain that is less
work than it takes to start the operations, so a compiled loop goes through all tries.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ..losses import CrossEntropy, Loss, SquaredError, wanted
from .compiled import TYPES, Array, kernel
from .losses import values

RULES = ("metropolis", "inverted", "greedy")
"""Which tries are kept, by their rise Δ and a limit: Δ ≤ 0 or Δ < limit; Δ ≤ 0 or limit < Δ < ∞;
Δ < 0."""
KNOWN_LOSSES: dict[type[Loss], int] = {SquaredError: 0, CrossEntropy: 1}
FEWEST = 16
"""Tries from which on the compiled loop is used."""
MOST = 2**13
"""Sums of all chains up to which it is: from there on PyTorch's operations are as quick."""


def keeps(rise: Tensor, limit: Tensor, rule: str) -> Tensor:
    """Return which tries a rule of `RULES` keeps; none without a finite loss."""
    if rule == "greedy":
        return rise < 0
    return (rise <= 0) | (
        rise < limit if rule == "metropolis" else (rise > limit) & (rise < torch.inf)
    )


def walk(
    sums: Tensor,
    moves: Tensor,
    energy: Tensor,
    limits: Tensor,
    rule: str,
    loss: Loss,
    targets: Tensor,
    activation: str | None,
    finish: Callable[[Tensor], Tensor],
) -> tuple[Tensor, Tensor]:
    """Try the moves of every chain one after the other.

    Args:
        sums: o (P, K, B), where the chains stand; changed in place.
        moves: d (b, P, K, B), what each try adds.
        energy: (P,) the chains' losses; changed in place.
        limits: (b, P), see `RULES`.
        rule: one of `RULES`.
        loss: which.
        targets: (B,) classes or numbers.
        activation: name of the function applied to the sums, or None.
        finish: that function, in place.

    Returns:
        Losses of the tries, infinite where they are not finite, and which were kept: (b, P).
    """
    if (
        len(moves) >= FEWEST
        and sums.numel() <= MOST
        and type(loss) in KNOWN_LOSSES
        and activation in (None, "sigmoid")
        and sums.device.type == "cpu"
        and sums.dtype in TYPES
    ):
        losses, kept = torch.empty_like(limits), torch.empty_like(limits, dtype=torch.bool)
        numbers = targets.is_floating_point()
        walk_chains(
            len(sums),
            sums,
            moves.contiguous(),
            energy,
            limits.contiguous(),
            wanted(sums[0].T, targets).T.contiguous(),
            torch.zeros_like(targets, dtype=torch.long) if numbers else targets.contiguous(),
            RULES.index(rule),
            KNOWN_LOSSES[type(loss)],
            int(activation is not None),
            losses,
            kept,
        )
        return losses, kept
    found, taken = [], []
    for move, limit in zip(moves, limits, strict=True):
        tried = sums + move
        new = finite(values(loss, finish(tried.clone()), targets))
        keep = keeps(new - energy, limit, rule)
        sums.copy_(torch.where(keep[:, None, None], tried, sums))
        energy.copy_(torch.where(keep, new, energy))
        found.append(new)
        taken.append(keep)
    return torch.stack(found), torch.stack(taken)


def finite(losses: Tensor) -> Tensor:
    """Replace losses that are not finite by infinity: they never win."""
    return losses.nan_to_num(nan=math.inf, posinf=math.inf, neginf=math.inf)


@kernel(
    (
        "T[:, :, ::1], T[:, :, :, ::1], T[::1], T[:, ::1], T[:, ::1], int64[::1], int64, int64, "
        "int64, T[:, ::1], boolean[:, ::1]"
    ),
    "sums",
    "energy",
    "losses",
    "kept",
)
def walk_chains(
    first: int,
    last: int,
    sums: Array,
    moves: Array,
    energy: Array,
    limits: Array,
    goals: Array,
    classes: Array,
    rule: int,
    loss: int,
    bend: int,
    losses: Array,
    kept: Array,
) -> None:
    """Walk some chains: as `walk` with PyTorch's operations, try by try."""
    outputs, batch = goals.shape
    out, one = np.empty_like(goals), goals.dtype.type(1)
    for p in range(first, last):
        here = sums[p]
        for t in range(len(moves)):
            move = moves[t, p]
            for k in range(outputs):
                for j in range(batch):
                    out[k, j] = here[k, j] + move[k, j]
            if bend == 1:
                for k in range(outputs):
                    for j in range(batch):
                        out[k, j] = one / (one + np.exp(-out[k, j]))
            total = 0.0
            if loss == 0:
                for k in range(outputs):
                    for j in range(batch):
                        miss = out[k, j] - goals[k, j]
                        total += miss * miss
                total *= 0.5
            else:
                for j in range(batch):
                    target = classes[j]
                    top = out[0, j]
                    for k in range(1, outputs):
                        top = max(top, out[k, j])
                    most, others = top - out[target, j], 0.0
                    for k in range(outputs):
                        if k != target:
                            others += np.exp(out[k, j] - top)
                    total += most + np.log1p(others + np.expm1(-most))
            new = total / batch
            if not abs(new) < np.inf:
                new = np.inf
            losses[t, p] = new
            rise = losses[t, p] - energy[p]
            if rule == 2:
                keep = rise < 0
            elif rule == 1:
                keep = rise <= 0 or limits[t, p] < rise < np.inf
            else:
                keep = rise <= 0 or rise < limits[t, p]
            kept[t, p] = keep
            if keep:
                energy[p] = losses[t, p]
                for k in range(outputs):
                    for j in range(batch):
                        here[k, j] += move[k, j]
