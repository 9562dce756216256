"""Packings as arrays, and the move that changes them: a column is put in, and what collides with it
is thrown out.

A packing is a set of columns none of which share a row; what it does not cover is bare. It is one
array, ``owner[row]``: the column that covers a row, or −1. Bare rows stand in a list besides:
``bare[:room[BARE]]``, and ``place[row]`` says where.

What a look at an entry costs is counted: the rows of the column that comes, and the size of each
that goes.
"""

from __future__ import annotations

import numpy as np

from .acceptance import add_energy, allowed
from .counters import ACCEPTED, CURRENT, LOWEST, MOVES, READS
from .jit import inner, kernel
from .random_bits import advanced, below, scrambled
from .tours import copy

BARE, STAMP = range(2)
"""Places in ``room``: how many rows are bare, and the last number written into ``seen``."""


@inner
def cover(row, column, owner, bare, place, room):
    """Give a row to a column; the row leaves the list of bare ones."""
    owner[row] = column
    at = place[row]
    if at >= 0:
        room[BARE] -= 1
        last = bare[room[BARE]]
        bare[at] = last
        place[last] = at
        place[row] = -1


@inner
def uncover(row, owner, bare, place, room):
    """Leave a row bare."""
    owner[row] = -1
    place[row] = room[BARE]
    bare[room[BARE]] = row
    room[BARE] += 1


@inner
def take_out(column, starts, entries, owner, bare, place, room):
    """Take a column out of the packing."""
    for k in range(starts[column], starts[column + 1]):
        uncover(entries[k], owner, bare, place, room)


@inner
def put_in(column, starts, entries, owner, bare, place, room):
    """Put a column into the packing, and take out what collides with it."""
    for k in range(starts[column], starts[column + 1]):
        other = owner[entries[k]]
        if other >= 0:
            take_out(other, starts, entries, owner, bare, place, room)
    for k in range(starts[column], starts[column + 1]):
        cover(entries[k], column, owner, bare, place, room)


@inner
def rise_of(column, starts, entries, costs, penalty, owner, seen, room, numbers):
    """Return by how much putting a column in changes the energy: its cost, less the costs of those
    that go, and the penalty for every row more that is bare.
    """
    room[STAMP] += 1
    stamp = room[STAMP]
    first, last = starts[column], starts[column + 1]
    rise = costs[column]
    bare = np.int64(0)
    numbers[READS] += last - first
    for k in range(first, last):
        other = np.int64(owner[entries[k]])
        bare -= 1
        if other >= 0 and seen[other] != stamp:
            seen[other] = stamp
            rise -= costs[other]
            bare += starts[other + 1] - starts[other]
            numbers[READS] += 1
    return rise + penalty * bare


@kernel(
    "int64(int32[::1], int32[::1], int64[::1], int32[::1], int32[::1], int64, float64, float64,"
    " int64, int32[::1], int32[::1], int32[::1], int64[::1], int64[::1], int32[::1], int64[::1],"
    " float64[::1], uint64[::1])"
)
def anneal(
    starts,
    entries,
    costs,
    row_starts,
    row_columns,
    penalty,
    temperature,
    shape,
    proposals,
    owner,
    bare,
    place,
    seen,
    room,
    best,
    numbers,
    sums,
    state,
):
    """Make so many proposals at one temperature: half of them put in a random column that covers a
    random bare row, if there is one, the others one that covers a random row. A column that is in
    already is taken out.

    Args:
        starts, entries: the rows of column c are ``entries[starts[c]:starts[c + 1]]``.
        costs: of the columns.
        row_starts, row_columns: the columns that cover a row, in the same way.
        penalty: price of a bare row.
        temperature, shape: of the acceptance rule, see `acceptance.allowed`.
        proposals: how many.
        owner, bare, place, room: the packing; changed in place.
        seen: (columns,) stamps, overwritten.
        best: (rows,) ``owner`` of the cheapest complete cover; changed in place.
        numbers: see `counters`.
        sums: (2,) gets Σ(E − E₀) and Σ(E − E₀)² over the proposals.
        state: (1,) of the random numbers.

    Returns:
        How many proposals met a complete cover.
    """
    rows = len(owner)
    whole = np.int64(0)
    x = state[0]
    first_energy = numbers[CURRENT]
    sums[:] = 0.0
    for _ in range(proposals):
        add_energy(sums, float(numbers[CURRENT] - first_energy), 1)
        whole += room[BARE] == 0
        x = advanced(x)
        bits = scrambled(x)
        if bits & np.uint64(1) == np.uint64(1) and room[BARE] > 0:
            row = np.int64(bare[below(bits, room[BARE])])
        else:
            row = below(bits, rows)
        first = np.int64(row_starts[row])
        x = advanced(x)
        column = np.int64(row_columns[first + below(scrambled(x), row_starts[row + 1] - first)])
        removal = owner[row] == column
        if removal:
            size = starts[column + 1] - starts[column]
            rise = penalty * size - costs[column]
            numbers[READS] += 1
        else:
            rise = rise_of(column, starts, entries, costs, penalty, owner, seen, room, numbers)
        x = advanced(x)
        if rise > 0 and rise > allowed(scrambled(x), temperature, shape):
            continue
        if removal:
            take_out(column, starts, entries, owner, bare, place, room)
        else:
            put_in(column, starts, entries, owner, bare, place, room)
        numbers[CURRENT] += rise
        numbers[ACCEPTED] += 1
        if room[BARE] == 0 and numbers[CURRENT] < numbers[LOWEST]:
            numbers[LOWEST] = numbers[CURRENT]
            copy(owner, best)
    numbers[MOVES] += proposals
    state[0] = x
    return whole


@kernel("void(int32[::1], int32[::1], int32, int32[::1], int32[::1], int32[::1], int64[::1])")
def remove(starts, entries, column, owner, bare, place, room):
    """Take a column out of a packing."""
    take_out(column, starts, entries, owner, bare, place, room)
