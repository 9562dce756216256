"""Accept a move by chance: how much worse it may make a solution (Metropolis et al. 1953; Tsallis
and Stariolo 1996).
"""

from __future__ import annotations

import math

import numpy as np

from .jit import inner
from .tours import TWO_TO_32


@inner
def allowed(bits, temperature, shape):
    """Return the largest rise that is accepted, drawn before the move is judged: a rise Δ is kept
    with probability min(1, exp(−Δ/T)), or [1 − (1 − q) Δ/T]^{1/(1−q)} for a shape q other than 1.

    Args:
        bits: 64 random bits.
        temperature: T, above 0.
        shape: q; 1 is Metropolis' rule.
    """
    u = (float(bits >> np.uint64(32)) + 1.0) / TWO_TO_32  # in (0, 1]
    if shape == 1.0:
        return -temperature * math.log(u)
    return temperature * (1.0 - u ** (1.0 - shape)) / (1.0 - shape)
