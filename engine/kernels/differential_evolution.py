"""The trials of differential evolution, fused: `engine.optimizers.differential_evolution.trial`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from . import compiled
from .compiled import COLUMNS, Array, kernel
from .row_blocks import gather_rows, row_blocks
from .scratch import scratch_buffer

if TYPE_CHECKING:
    from ..random.random_rows import RandomRows


def make_trials(
    rule: Callable[..., Tensor],
    x: Tensor,
    base: Tensor,
    parents: Tensor,
    j: Tensor,
    r: RandomRows,
    *,
    F: float,
    CR: float,
) -> Tensor:
    """Make the trials of a population by the rule, in a buffer: (P, D).

    Args:
        rule: `engine.optimizers.differential_evolution.trial`.
        x: (P, D) the population.
        base: (m, D) where a is taken from: x itself, or the best member alone.
        parents: (3, P) int64, rows a of ``base`` and b, c of x.
        j: (P,) int64, the weight of each trial that is the mutant's in any case.
        r: uniform numbers (P, D).
        F: differential weight.
        CR: crossover rate.
    """
    trials = scratch_buffer("trials", tuple(x.shape), x)
    if compiled.fit(x) and r.tabled:
        where = (parents.contiguous(), j.contiguous(), *r.stretches(x))
        de_trial(x.shape[1], x, base.contiguous(), *where, F, CR, trials, grain=COLUMNS)
        return trials
    a, b, c = parents
    for rows in row_blocks(x):
        abc = (
            base if len(base) == 1 else gather_rows(base, a[rows], "a"),
            gather_rows(x, b[rows], "b"),
            gather_rows(x, c[rows], "c"),
        )
        trials[rows] = rule(x[rows], *abc, r[rows].to(x), j[rows], F=F, CR=CR)
    return trials


@kernel(
    (
        "T[:, ::1], T[:, ::1], int64[:, ::1], int64[::1], T[::1], int64[:, ::1], int64, T, T, "
        "T[:, ::1]"
    ),
    "trials",
)
def de_trial(
    first: int,
    last: int,
    x: Array,
    base: Array,
    parents: Array,
    j: Array,
    table: Array,
    places: Array,
    members: int,
    F: Array,
    CR: Array,
    trials: Array,
) -> None:
    """Make the trials some columns at a time: of all members a core's own cache holds them."""
    for start in range(first, last, COLUMNS):
        stop = min(start + COLUMNS, last)
        for i in range(len(x)):
            a = base[parents[0, i], start:stop]
            b, c = x[parents[1, i], start:stop], x[parents[2, i], start:stop]
            own, trial = x[i, start:stop], trials[i, start:stop]
            block, skipped = i // members, i % members * x.shape[1] + start
            one, two = table[places[block, 0] + skipped :], table[places[block, 1] + skipped :]
            for k in range(len(trial)):
                r = one[k] + two[k]
                mutant, same = a[k] + F * (b[k] - c[k]), own[k]
                trial[k] = mutant if r - np.trunc(r) < CR else same
            if start <= j[i] < stop:
                k = j[i] - start
                trial[k] = a[k] + F * (b[k] - c[k])
