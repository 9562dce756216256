"""Small set partitioning problems, and plain code that says what is right."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from engine.combinatorial.pairing_instance import PairingInstance


def of_columns(rows: int, columns: list[list[int]], costs: list[int]) -> PairingInstance:
    return PairingInstance(
        "p",
        "test",
        rows,
        np.concatenate([[0], np.cumsum([len(one) for one in columns])]).astype(np.int32),
        np.array([row for one in columns for row in one], np.int32),
        np.array(costs, np.int64),
    )


def instance(rows: int, columns: int, seed: int = 0, ties: bool = False) -> PairingInstance:
    """Random columns; every row is in one of them, but a cover need not exist."""
    rng = np.random.default_rng(seed)
    most = max(1, min(rows, 5))
    found = [rng.permutation(rows)[: rng.integers(1, most + 1)].tolist() for _ in range(columns)]
    for row in range(rows):
        if not any(row in one for one in found):
            found[int(rng.integers(columns))] += [row]
    costs = rng.integers(0, 4 if ties else 1000, columns).tolist()
    return of_columns(rows, [sorted(set(one)) for one in found], costs)


def cheapest(one: PairingInstance) -> int | None:
    """The price of the cheapest cover, by trying all sets of columns; None if there is none."""
    rows = [frozenset(one.rows_of(column).tolist()) for column in range(one.columns)]
    best = None
    for flags in itertools.product((False, True), repeat=one.columns):
        chosen = [column for column, flag in enumerate(flags) if flag]
        if sum(len(rows[column]) for column in chosen) != one.rows:
            continue
        if len(frozenset().union(*(rows[column] for column in chosen))) != one.rows:
            continue
        price = sum(int(one.costs[column]) for column in chosen)
        best = price if best is None else min(best, price)
    return best


def energy(one: PairingInstance, owner: NDArray[np.int32], penalty: int) -> int:
    """The energy of a packing, all of it."""
    chosen = {column for column in owner.tolist() if column >= 0}
    for column in chosen:
        assert (owner[one.rows_of(column)] == column).all(), "columns overlap"
    assert sum(len(one.rows_of(column)) for column in chosen) == (owner >= 0).sum()
    bare = int((owner < 0).sum())
    return sum(int(one.costs[column]) for column in chosen) + penalty * bare
