"""Draw many random numbers block by block: each block has a seed of its own, so any block can be
drawn again without those before it.

PyTorch and NumPy draw on the CPU at one to eight nanoseconds a number, which for a population takes
longer than to evaluate it. Here a block is the sum of two slices of a table of independent random
numbers, each from an offset of its own, chosen by the seed: uniform numbers are added modulo 1, and
two normal numbers of variance ½ make a standard normal one. That costs no more than to read the
table. It extends the shared noise table of Salimans, Ho, Chen, Sidor and Sutskever (2017,
https://arxiv.org/abs/1703.03864), who use one slice: two blocks hold the same numbers only if both
offsets agree, or, shifted, if the distance between them does. The numbers do not depend on how many
cores draw them.
"""

from __future__ import annotations

from functools import cache, lru_cache
from math import gcd
from typing import Literal

import numpy as np
import torch
from torch import Tensor

BLOCK = {"cpu": 2**18}
"""Numbers in a block, per kind of device; `ELSEWHERE` if none is given, for devices where a call
costs more than its numbers.
"""
ELSEWHERE = 2**22
SPACING = 0x9E3779B97F4A7C15
"""Distance between the seeds of neighbouring blocks: 2⁶⁴ over the golden ratio."""
TABLE = 2**21
"""Numbers in a table, 8 MiB in float32, so that a shared cache can hold the one in use."""
STRETCH = TABLE // 4
"""The most numbers from one pair of slices."""
WORD = 2**64

Law = Literal["normal", "uniform"]


def block_of(device: torch.device) -> int:
    """Return how many numbers a block holds on that device."""
    return BLOCK.get(device.type, ELSEWHERE)


def fill(
    out: Tensor, seed: int, law: Law = "normal", first: int = 0, size: int | None = None
) -> Tensor:
    """Fill a contiguous tensor with the numbers of the blocks from ``first`` on.

    Args:
        out: the tensor, filled member by member; the last block may be cut short.
        seed: of all blocks, not negative.
        law: standard normal numbers, or uniform ones in [0, 1).
        first: the first block's number.
        size: numbers in a block; `block_of` the device by default.
    """
    width = out[0].numel() if out.ndim > 1 and len(out) else max(1, out.numel())
    for block, part in enumerate(out.view(-1).split(size or block_of(out.device)), first):
        if out.device.type == "cpu":
            stretch(part, seed, block, law, size or block_of(out.device), width)
        else:
            generator = torch.Generator(out.device).manual_seed((seed + block * SPACING) % 2**63)
            part.normal_(generator=generator) if law == "normal" else part.uniform_(
                generator=generator
            )
    return out


def places(seed: int, block: int, size: int, width: int) -> list[tuple[int, int]]:
    """Return where in the table the two slices of a block begin, or the slices of several pairs if
    one is too short for it.

    Two members that read the same number of the table at the same weight would be correlated by ½
    in all weights that they share in this way. Of all slices of a draw no two begin, counted from
    the beginning of a member, at offsets that are equal modulo the width, so that no members do: as
    long as there are fewer slices than weights, and than offsets in the table.

    Args:
        seed: of all blocks.
        block: its number.
        size: numbers in a block.
        width: of a member: number i of the draw, counted through all blocks, belongs to weight i
            modulo the width.
    """
    pieces, wide = -(-size // STRETCH), width > STRETCH
    modulus = TABLE - STRETCH if wide else max(2, width)
    state, found = mixed(seed + mixed(block * SPACING)), []
    for piece in range(pieces):
        state, start = mixed(state + SPACING), piece * STRETCH
        room, both = TABLE - min(STRETCH, size - start), []
        for which, bits in ((0, state >> 32), (1, state & 0xFFFFFFFF)):
            place = _apart(seed, which, block * pieces + piece, modulus)
            if not wide:
                place = (place + block * size + start) % modulus
                place += modulus * (bits % -(-(room - place) // modulus))
            both.append(place)
        found.append((both[0], both[1]))
    return found


def _apart(seed: int, which: int, number: int, modulus: int) -> int:
    """Return a number below the modulus for each first (0) and each second (1) slice of a draw, all
    of them different as long as there are enough.
    """
    half = modulus // 2
    low, count = (0, half) if which == 0 else (half, modulus - half)
    factor, shift = _line(seed, which, count)
    return low + (factor * number + shift) % count


@lru_cache(maxsize=64)
def _line(seed: int, which: int, count: int) -> tuple[int, int]:
    """Return a factor coprime to the count, so that its multiples run through all numbers below it,
    and a starting point.
    """
    word = mixed(seed + SPACING * (which + 3))
    factor = 1 + word % count
    while gcd(factor, count) != 1:
        factor += 1
    return factor, mixed(word) % count


def stretch(
    out: Tensor, seed: int, block: int, law: Law, size: int, width: int, skipped: int = 0
) -> None:
    """Fill ``out`` (n,) with numbers of one block of that size, after skipping so many; for the
    width see `places`.
    """
    table = numbers(law, out.dtype)
    for start, (one, two) in zip(
        range(0, size, STRETCH), places(seed, block, size, width), strict=True
    ):
        first, last = max(start, skipped), min(start + STRETCH, size, skipped + len(out))
        if first >= last:
            continue
        part = out[first - skipped : last - skipped]
        torch.add(
            table[one + first - start : one + last - start],
            table[two + first - start : two + last - start],
            out=part,
        )
        if law == "uniform":
            part.frac_()


def mixed(word: int) -> int:
    """Return 64 bits that depend on every bit of the word (the finaliser of SplitMix64: Steele, Lea
    and Flood, 2014, https://doi.org/10.1145/2660193.2660195).
    """
    word = (word ^ (word >> 30)) % WORD * 0xBF58476D1CE4E5B9 % WORD
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % WORD
    return word ^ (word >> 31)


@cache
def numbers(law: Law, dtype: torch.dtype) -> Tensor:
    """Return the table of independent random numbers: (TABLE,). The normal ones have mean 0 and
    variance ½ over the whole table, so that a sum of two has variance 1.
    """
    source = np.random.Generator(np.random.PCG64DXSM(1 if law == "normal" else 2))
    if law == "uniform":
        # Multiples of 2⁻²⁴, so that their sums stay exact.
        return torch.from_numpy(source.random(TABLE, dtype=np.float32)).to(dtype)
    table = torch.from_numpy(source.standard_normal(TABLE))
    return ((table - table.mean()) / table.std(correction=0) * 0.5**0.5).to(dtype)
