"""Classical multidimensional scaling (Torgerson, 1952): places in the plane whose distances are
much like given ones.
"""

from __future__ import annotations

import numpy as np

from ..instance import Floats, Integers

WHOLE = 400
"""Up to this many cities, all eigenvectors are computed."""
ROUNDS, BLOCK = 100, 8
"""Beyond: how often a block of how many vectors is multiplied by the matrix."""


def classical_scaling(matrix: Integers) -> Floats:
    """Return places (n, 2) for distances (n, n), of which both directions are averaged.

    The same distances always give the same places; distances that are all equal to 0, or those of
    one line, leave a coordinate 0.
    """
    size = len(matrix)
    if size < 2:
        return np.zeros((size, 2))
    products = (matrix.astype(np.float64) + matrix.T) ** 2 / -8
    products -= products.mean(0)
    products -= products.mean(1)[:, None]
    values, vectors = _largest(products)
    # Distances that fit no plane have negative values too, which say nothing of places.
    places = vectors * np.sqrt(np.maximum(values, 0.0))
    side = np.take_along_axis(places, np.abs(places).argmax(0)[None], 0)
    return np.ascontiguousarray(places * np.where(side < 0, -1.0, 1.0))


def _largest(matrix: Floats) -> tuple[Floats, Floats]:
    """Return the two largest eigenvalues of a symmetric matrix and their vectors (n, 2); for a
    large one nearly so.
    """
    if len(matrix) <= WHOLE:
        values, vectors = np.linalg.eigh(matrix)
        return values[:-3:-1], vectors[:, :-3:-1]
    block = np.random.Generator(np.random.PCG64(0)).normal(size=(len(matrix), BLOCK))
    shift = 0.0
    for turn in range(ROUNDS):
        block, _ = np.linalg.qr(matrix @ block + shift * block)
        if turn == ROUNDS // 5:  # from here on, no negative value is larger than the positive ones
            shift = max(0.0, -float(np.linalg.eigvalsh(block.T @ (matrix @ block))[0]))
    values, turns = np.linalg.eigh(block.T @ (matrix @ block))
    return values[:-3:-1], block @ turns[:, :-3:-1]
