"""Check chosen columns and price them again, straight from the instance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..pairing_instance import PairingInstance
from .tour import _listed as listed


def length(instance: PairingInstance, columns: ArrayLike) -> int:
    """Return the price of a complete cover: the sum of the costs of its columns.

    Args:
        instance: what is covered.
        columns: numbers of the chosen columns, from 0.

    Raises:
        ValueError: they do not cover every row exactly once.
    """
    wrong = check(instance, columns)
    if wrong:
        raise ValueError(f"no cover of {instance.name}: {'; '.join(wrong)}")
    return sum(int(instance.costs[column]) for column in np.asarray(columns).tolist())


def check(instance: PairingInstance, columns: ArrayLike) -> list[str]:
    """Return what is wrong with chosen columns, a phrase each; nothing if every row is covered
    exactly once.

    Args:
        instance: what is covered.
        columns: numbers of the chosen columns, from 0.
    """
    given = np.asarray(columns)
    if given.ndim != 1 or not (given.dtype.kind in "iu" or given.size == 0):
        return ["it is not a list of whole numbers"]
    chosen, wrong = given.tolist(), []
    outside = [column for column in chosen if not 0 <= column < instance.columns]
    if outside:
        wrong.append(
            f"there is no column {listed(np.array(outside))}: they are numbered 0 to "
            f"{instance.columns - 1}"
        )
    covered = [0] * instance.rows
    for column in chosen:
        if 0 <= column < instance.columns:
            for row in instance.entries[
                int(instance.starts[column]) : int(instance.starts[column + 1])
            ].tolist():
                covered[row] += 1
    twice = [row for row, count in enumerate(covered) if count > 1]
    bare = [row for row, count in enumerate(covered) if count == 0]
    if twice:
        wrong.append(f"covered more than once: row {listed(np.array(twice))}")
    if bare:
        wrong.append(f"not covered: row {listed(np.array(bare))}")
    return wrong
