"""The move of consensus-based optimisation, fused: `engine.optimizers.cbo.move`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from . import compiled
from .compiled import COLUMNS, Array, kernel
from .row_blocks import gather_rows, row_blocks, rows_of
from .scratch import scratch_buffer

if TYPE_CHECKING:
    from ..random.random_rows import RandomRows


def move_particles(
    rule: Callable[..., Tensor],
    x: Tensor,
    chosen: Tensor | None,
    weights: Tensor,
    z: RandomRows,
    *,
    drift: float,
    noise: float,
    anisotropic: bool,
) -> Tensor:
    """Form the consensus v̄ = Σ_i w_i x_i of every group and move its particles by the rule, in
    place.

    Args:
        rule: `engine.optimizers.cbo.move`.
        x: (P, D) the particles.
        chosen: (n,) which of them move, group by group; None for all.
        weights: (g, m) of each particle in its group.
        z: standard normal numbers (n, D).
        drift: λ Δt.
        noise: σ √Δt.
        anisotropic: whether each weight is moved by its own distance.

    Returns:
        v̄ of every group, in a buffer: (g, D).
    """
    v = scratch_buffer("consensus", (len(weights), x.shape[1]), x)
    if anisotropic and compiled.fit(x) and z.tabled:
        moving = torch.arange(len(x)) if chosen is None else chosen.contiguous()
        where = (weights.to(x).contiguous(), *z.stretches(x))
        cbo_update(x.shape[1], x, moving, *where, drift, noise, v, grain=COLUMNS)
        return v
    for groups, rows in batches(weights.numel(), weights.shape[1], rows_of(x.shape[1], x.device)):
        at = x[rows] if chosen is None else gather_rows(x, chosen[rows], "particles")
        grouped = at.unflatten(0, (-1, weights.shape[1]))
        torch.bmm(weights[groups].to(x).unsqueeze(1), grouped, out=v[groups].unsqueeze(1))
        for some in row_blocks(at):
            drawn = slice(rows.start + some.start, rows.start + some.stop)
            members = at[some].unflatten(0, (groups.stop - groups.start, -1))
            moved = rule(
                members,
                v[groups].unsqueeze(1),
                z[drawn].to(x).view_as(members),
                drift=drift,
                noise=noise,
                anisotropic=anisotropic,
            ).flatten(0, 1)
            if chosen is None:
                x[drawn] = moved
            else:
                x.index_copy_(0, chosen[drawn], moved)
    return v


def batches(count: int, group: int, most: int) -> Iterator[tuple[slice, slice]]:
    """Iterate over groups of so many particles: as many groups at a time as have at most ``most``
    particles, or a single larger one; which groups, and their rows.
    """
    step = max(1, most // group)
    for first in range(0, count // group, step):
        last = min(first + step, count // group)
        yield slice(first, last), slice(first * group, last * group)


@kernel("T[:, ::1], int64[::1], T[:, ::1], T[::1], int64[:, ::1], int64, T, T, T[:, ::1]", "x", "v")
def cbo_update(
    first: int,
    last: int,
    x: Array,
    rows: Array,
    weights: Array,
    table: Array,
    places: Array,
    members: int,
    drift: Array,
    noise: Array,
    v: Array,
) -> None:
    """Move those rows (g m,) of x with anisotropic noise, some columns of each group at a time."""
    width, (groups, size) = x.shape[1], weights.shape
    for start in range(first, last, COLUMNS):
        stop = min(start + COLUMNS, last)
        for g in range(groups):
            mean = v[g, start:stop]
            for j in range(len(mean)):
                mean[j] = 0
            for i in range(g * size, (g + 1) * size):
                place, weight = x[rows[i], start:stop], weights[g, i - g * size]
                for j in range(len(mean)):
                    mean[j] += weight * place[j]
            for i in range(g * size, (g + 1) * size):
                block, skipped = i // members, i % members * width + start
                place = x[rows[i], start:stop]
                one, two = table[places[block, 0] + skipped :], table[places[block, 1] + skipped :]
                for j in range(len(mean)):
                    place[j] += (place[j] - mean[j]) * (noise * (one[j] + two[j]) - drift)
