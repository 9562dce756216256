"""Random bits of a loop: xorshift64* (Marsaglia 2003; Vigna 2016), whose state the loop keeps."""

from __future__ import annotations

import numpy as np

from .jit import inner

TWO_TO_32 = 4294967296.0


@inner
def advanced(x):
    """Return the next state of xorshift64*."""
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    return x


@inner
def scrambled(x):
    """Return 64 random bits of a state."""
    return x * np.uint64(2685821657736338717)


@inner
def below(bits, count):
    """Return a whole number in [0, count) of 64 random bits."""
    return np.int64(((bits >> np.uint64(32)) * np.uint64(count)) >> np.uint64(32))


@inner
def uniform(bits):
    """Return a number in [0, 1), a multiple of 2⁻³², of 64 random bits."""
    return float(bits >> np.uint64(32)) / TWO_TO_32
