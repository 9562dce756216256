"""Accept a move by chance, and sum up the energies of a chain (Metropolis et al. 1953; Tsallis and
Stariolo 1996).

A rise Δ of the energy is kept with probability min(1, exp(−Δ/T)), or [1 − (1 − q) Δ/T]^{1/(1−q)}
for a shape q other than 1.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import inner
from .random_bits import TWO_TO_32, uniform


@inner
def steepest(temperature, shape):
    """Return the rise beyond which none is kept: there exp(−Δ/T) is below the 2⁻³² that random
    numbers are told apart by, or the bracket of the other rule is negative.

    Args:
        temperature: T, above 0.
        shape: q; 1 is Metropolis' rule.
    """
    return 23.0 * temperature if shape == 1.0 else temperature / (1.0 - shape)


@inner
def kept(rise, temperature, shape, bits):
    """Return whether a rise, above 0 and at most `steepest`, is kept.

    Args:
        rise: Δ.
        temperature, shape: see `steepest`.
        bits: 64 random bits.
    """
    u = uniform(bits)
    if shape != 1.0:
        return u < (1.0 - (1.0 - shape) * rise / temperature) ** (1.0 / (1.0 - shape))
    cold = rise / temperature
    if u * (1.0 + cold * (1.0 + 0.5 * cold)) >= 1.0:
        return False  # exp(−z) ≤ 1/(1 + z + z²/2): most are refused without it
    return u < math.exp(-cold)


@inner
def allowed(bits, temperature, shape):
    """Return the largest rise that is kept, drawn before the move is judged.

    Args:
        bits: 64 random bits.
        temperature, shape: see `steepest`.
    """
    u = (float(bits >> np.uint64(32)) + 1.0) / TWO_TO_32  # in (0, 1]
    if shape == 1.0:
        return -temperature * math.log(u)
    return temperature * (1.0 - u ** (1.0 - shape)) / (1.0 - shape)


@inner
def add_energy(sums, away, proposals):
    """Add an energy, as its difference to the first, and its square to ``sums`` (2,), for so many
    proposals that met it.
    """
    sums[0] += away * proposals
    sums[1] += away * away * proposals
