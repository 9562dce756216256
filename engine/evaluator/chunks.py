"""How much of a population to evaluate at once: what stays in the shared cache on the CPU, a share of the free memory on a GPU.

Between two products every activation is added to, bent and read again. While a chunk's activations stay in the cache that costs little; from memory it costs as much as the
products of a small network. A chunk must not be too small either: every operation on it has to be started, on every core.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch

DEFAULT_CACHE = 2**25
"""Bytes of third-level cache where the system does not tell."""
SHARE = 8
"""A chunk's widest layer takes this part of it (measured: a fourth to a sixteenth do equally well, a thirty-second costs half as much again for small networks)."""
MOST_BYTES = 2**28
"""What evaluating may take beside the population itself, however large that is: 256 MiB."""
UNITS = {"K": 2**10, "M": 2**20}


@cache
def cache_bytes(folder: str = "/sys/devices/system/cpu/cpu0/cache") -> int:
    """The third-level cache, in bytes, as Linux tells it."""
    for index in sorted(Path(folder).glob("index*")):
        try:
            if (index / "level").read_text().strip() == "3":
                size = (index / "size").read_text().strip()
                return int(size[:-1]) * UNITS[size[-1]]
        except (OSError, ValueError, KeyError, IndexError):
            continue
    return DEFAULT_CACHE


def floats_at_once(device: torch.device) -> int:
    """How many activations of the widest layer to hold at once on that device.

    On the CPU as many as an eighth of its cache holds in float32. On a GPU an eighth of what is free now, at most a fourth of `MOST_BYTES`: a layer's outputs, its inputs and
    what the loss makes of them are alive together.
    """
    if device.type == "cuda":
        return int(min(torch.cuda.mem_get_info(device)[0] // 8, MOST_BYTES // 4)) // 4
    if device.type == "cpu":
        return max(2**18, min(cache_bytes() // SHARE, MOST_BYTES // 16) // 4)
    return MOST_BYTES // 16
