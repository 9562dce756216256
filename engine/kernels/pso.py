"""The move of a particle swarm, fused: `engine.optimizers.pso.move`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from . import compiled
from .compiled import Array, kernel
from .row_blocks import gather_rows, row_blocks
from .scratch import scratch_buffer

if TYPE_CHECKING:
    from ..random.random_rows import RandomRows


def move_swarm(
    rule: Callable[..., tuple[Tensor, Tensor]],
    x: Tensor,
    v: Tensor,
    p: Tensor,
    guides: Tensor,
    r1: RandomRows,
    r2: RandomRows,
    *,
    w: float,
    c1: float,
    c2: float,
    v_max: Tensor | None,
) -> None:
    """Move places x and velocities v (P, D) by the rule, in place.

    Args:
        rule: `engine.optimizers.pso.move`.
        x: (P, D) places.
        v: (P, D) velocities.
        p: (P, D) best places.
        guides: (P,) int64, whose best place draws each particle.
        r1: (P, D) uniform numbers.
        r2: (P, D) more of them.
        w: inertia.
        c1: cognitive constant.
        c2: social constant.
        v_max: (D,) the most a weight may change; None leaves it free.
    """
    if compiled.fit(x, v, p) and r1.tabled:
        limit = x.new_full((x.shape[1],), torch.inf) if v_max is None else v_max.contiguous()
        (table, own, members), (_, others, _) = r1.stretches(x), r2.stretches(x)
        arrays = (x, v, p, guides.contiguous(), table, own, others, members, limit)
        pso_update(len(x), *arrays, w, c1, c2)
        return
    for rows in row_blocks(x):
        g = gather_rows(p, guides[rows], "guides")
        first = r1.into(scratch_buffer("r1", tuple(g.shape), x), rows)
        new = rule(
            *(x[rows], v[rows], p[rows], g, first, r2[rows].to(x)),
            w=w,
            c1=c1,
            c2=c2,
            v_max=v_max,
        )
        x[rows], v[rows] = new


@kernel(
    (
        "T[:, ::1], T[:, ::1], T[:, ::1], int64[::1], T[::1], int64[:, ::1], int64[:, ::1], "
        "int64, T[::1], T, T, T"
    ),
    "x",
    "v",
)
def pso_update(
    first: int,
    last: int,
    x: Array,
    v: Array,
    p: Array,
    guides: Array,
    table: Array,
    own: Array,
    others: Array,
    members: int,
    limit: Array,
    w: Array,
    c1: Array,
    c2: Array,
) -> None:
    """Move some particles. ``own`` and ``others`` say where in the table r₁ and r₂ are."""
    for i in range(first, last):
        block, row = i // members, i % members * x.shape[1]
        a, b = table[own[block, 0] + row :], table[own[block, 1] + row :]
        c, d = table[others[block, 0] + row :], table[others[block, 1] + row :]
        place, velocity, best, guide = x[i], v[i], p[i], p[guides[i]]
        for j in range(len(place)):
            r1, r2 = a[j] + b[j], c[j] + d[j]
            r1, r2 = r1 - np.trunc(r1), r2 - np.trunc(r2)
            new = w * velocity[j] + c1 * r1 * (best[j] - place[j]) + c2 * r2 * (guide[j] - place[j])
            if new > limit[j]:
                new = limit[j]
            elif new < -limit[j]:
                new = -limit[j]
            velocity[j] = new
            place[j] += new
