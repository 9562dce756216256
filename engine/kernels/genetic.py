"""The mutation of a genetic algorithm, fused: `engine.optimizers.genetic.mutate`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor

from . import compiled
from .compiled import COLUMNS, Array, kernel
from .row_blocks import gather_rows, row_blocks

if TYPE_CHECKING:
    from ..random.random_rows import RandomRows


def make_children(
    rule: Callable[..., Tensor],
    children: Tensor,
    parents: Tensor,
    first: Tensor,
    second: Tensor | None,
    mask: Callable[[slice], Tensor] | None,
    z: RandomRows,
    *,
    sigma: Tensor,
) -> None:
    """Write children (n, D) by the rule.

    Args:
        rule: `engine.optimizers.genetic.mutate`.
        children: where to.
        parents: (T, D).
        first: (n,) int64, each child's first parent.
        second: (n,) int64, its second one; None without crossover.
        mask: gives some rows (m, D) of what children have from their first parents, as 0 and 1.
        z: standard normal numbers (n, D).
        sigma: (D,) size of the mutations.
    """
    if second is None and compiled.fit(children, parents, sigma) and z.tabled:
        where = (first.contiguous(), *z.stretches(children), sigma)
        ga_mutate(children.shape[1], children, parents, *where, grain=COLUMNS)
        return
    for rows in row_blocks(children):
        one = gather_rows(parents, first[rows], "first parents")
        if second is None or mask is None:
            children[rows] = rule(one, None, None, z[rows].to(one), sigma=sigma)
        else:
            other = gather_rows(parents, second[rows], "second parents")
            chosen = mask(rows).to(one)
            children[rows] = rule(one, other, chosen, z[rows].to(one), sigma=sigma)


@kernel("T[:, ::1], T[:, ::1], int64[::1], T[::1], int64[:, ::1], int64, T[::1]", "children")
def ga_mutate(
    first: int,
    last: int,
    children: Array,
    parents: Array,
    chosen: Array,
    table: Array,
    places: Array,
    members: int,
    sigma: Array,
) -> None:
    """Mutate copies of parents, some columns at a time: of all parents a core's own cache holds
    them.
    """
    width = children.shape[1]
    for start in range(first, last, COLUMNS):
        stop = min(start + COLUMNS, last)
        size = sigma[start:stop]
        for i in range(len(children)):
            place, block = i % members * width + start, i // members
            one, two = table[places[block, 0] + place :], table[places[block, 1] + place :]
            child, parent = children[i, start:stop], parents[chosen[i], start:stop]
            for j in range(len(child)):
                child[j] = parent[j] + size[j] * (one[j] + two[j])
