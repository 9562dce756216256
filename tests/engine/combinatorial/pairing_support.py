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


def with_dear_columns(dear: int, seed: int = 0) -> PairingInstance:
    """Pairs of 21 rows and four triples: since 21 is odd, no cover does without a triple."""
    rng = np.random.default_rng(seed)
    columns = [rng.choice(21, 2, replace=False).tolist() for _ in range(126)]
    columns += [rng.choice(21, 3, replace=False).tolist() for _ in range(4)]
    costs = [*rng.integers(10, 16, 126).tolist(), *[dear] * 4]
    return of_columns(21, [sorted(one) for one in columns], costs)


def with_a_dear_part(seed: int) -> PairingInstance:
    """80 rows as usual, and 40 that only columns of twenty times their cost cover."""
    rng = np.random.default_rng(seed)
    columns = [rng.choice(80, rng.integers(1, 5), replace=False).tolist() for _ in range(700)]
    costs = [int(rng.integers(10, 20)) * len(one) for one in columns]
    dear = [(rng.choice(40, rng.integers(1, 3), replace=False) + 80).tolist() for _ in range(200)]
    costs += [int(rng.integers(200, 900)) * len(one) for one in dear]
    return of_columns(120, [sorted(one) for one in columns + dear], costs)


def optimum(one: PairingInstance) -> int:
    """The price of the cheapest cover, by SciPy's integer program."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csc_matrix

    shape = (one.rows, one.columns)
    covers = csc_matrix((np.ones(len(one.entries)), one.entries, one.starts), shape=shape)
    found = milp(
        one.costs.astype(float),
        constraints=LinearConstraint(covers, 1, 1),
        integrality=np.ones(one.columns),
        bounds=Bounds(0, 1),
    )
    assert found.success, found.message
    return round(found.fun)
