"""Many random numbers, drawn block by block: each block has a seed of its own, so blocks can be drawn side by side, and any of them again without those before it.

PyTorch draws on the CPU with one core, and takes longer to draw a network's noise than to evaluate the network. Here all cores draw, with SFC64 (Doty-Humphrey, as NumPy ships
it), and normal numbers are looked up: 16 random bits choose among the means of 65,536 equally likely pieces of the normal law, scaled to variance 1. What this leaves out are the
tails beyond 4.3, one number in 60,000. The numbers do not depend on how many cores draw them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Literal

import numpy as np
import torch
from torch import Tensor

BLOCK = {"cpu": 2**18}
"""Numbers in a block, per kind of device; `ELSEWHERE` where none is given, for there a call costs more than its numbers."""
ELSEWHERE = 2**22
SPACING = 0x9E3779B97F4A7C15
"""Between the seeds of neighbouring blocks on a GPU: 2⁶⁴ over the golden ratio."""

Law = Literal["normal", "uniform"]


def block_of(device: torch.device) -> int:
    """How many numbers a block holds on that device."""
    return BLOCK.get(device.type, ELSEWHERE)


def fill(out: Tensor, seed: int, law: Law = "normal", first: int = 0, size: int | None = None) -> Tensor:
    """Fill a contiguous tensor with the numbers of the blocks from ``first`` on.

    Args:
        out: to be filled; the last block may be cut short.
        seed: of all blocks, not negative.
        law: standard normal numbers, or uniform ones in [0, 1).
        first: the first block's number.
        size: numbers in a block; `block_of` the device by default.
    """
    parts = list(enumerate(out.view(-1).split(size or block_of(out.device)), first))

    def one(numbered: tuple[int, Tensor]) -> None:
        _draw(numbered[1], seed, numbered[0], law)

    threads = torch.get_num_threads() if out.device.type == "cpu" else 1
    if threads > 1 and len(parts) > 1:
        list(_pool(threads).map(one, parts))
    else:
        for part in parts:
            one(part)
    return out


def _draw(out: Tensor, seed: int, block: int, law: Law) -> None:
    if out.device.type != "cpu":
        generator = torch.Generator(out.device).manual_seed((seed + block * SPACING) % 2**63)
        if law == "normal":
            out.normal_(generator=generator)
        else:
            out.uniform_(generator=generator)
        return
    source = np.random.SFC64([seed, block])
    if law == "uniform":
        numbers = out.numpy()
        np.random.Generator(source).random(dtype=numbers.dtype, out=numbers)
        return
    bits = source.random_raw(-(-out.numel() // 4)).view(np.uint16)[: out.numel()]
    torch.index_select(normal_table(out.dtype), 0, torch.from_numpy(bits.astype(np.int32)), out=out)


@cache
def normal_table(dtype: torch.dtype) -> Tensor:
    """The means of 2¹⁶ equally likely pieces of the standard normal law, in order, scaled to variance 1: (65536,)."""
    edges = torch.special.ndtri(torch.linspace(0, 1, 2**16 + 1, dtype=torch.float64))
    density = torch.exp(-edges.square() / 2) / (2 * torch.pi) ** 0.5
    means = (density[:-1] - density[1:]) * 2**16
    return (means / means.std(correction=0)).to(dtype)


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "kelvin-noise")
