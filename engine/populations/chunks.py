"""How much of a population and of a batch is evaluated at once, and in which precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from ..kernels import chunking
from ..system import arithmetic

if TYPE_CHECKING:
    from ..networks.base import Network

CHUNK_FLOATS = {"cpu": chunking.FLOATS_AT_ONCE}
"""Activations held at once in a layer, per kind of device; `chunking.ELSEWHERE` if none
is given.
"""

MIXED = 1024
"""Largest batch evaluated in one piece by networks whose outputs depend on the whole batch (batch
normalisation).
"""

_part: ContextVar[tuple[int, int]] = ContextVar("part", default=(0, 1))

Precision = Literal["float32", "tf32", "bf16"]
_precision: ContextVar[Precision] = ContextVar("precision", default="float32")


@contextmanager
def precision(name: Precision) -> Iterator[None]:
    """Evaluate float32 networks with products of that precision inside the block; losses are always
    float32.

    "tf32" rounds the factors to 10 bits on a GPU and is float32 elsewhere; "bf16" keeps weights and
    activations to 8 bits. Either must be stated with a result: methods that compare losses one by
    one (Metropolis' rule) request "float32", and get it regardless of PyTorch's global settings.
    """
    token = _precision.set(name)
    try:
        with arithmetic.products("tf32" if name == "tf32" else "float32"):
            yield
    finally:
        _precision.reset(token)


def is_bf16() -> bool:
    """Return whether networks are evaluated in bfloat16."""
    return _precision.get() == "bf16"


def rounded(numbers: Tensor) -> Tensor:
    """Round numbers to the chosen precision."""
    return numbers.bfloat16() if is_bf16() and numbers.dtype == torch.float32 else numbers


@contextmanager
def part(number: int, count: int) -> Iterator[None]:
    """Evaluate only one of ``count`` parts of every population that spreads inside the block."""
    token = _part.set((number, count))
    try:
        yield
    finally:
        _part.reset(token)


def own_rows(rows: int, size: int, together: int = 1) -> Iterator[tuple[int, int]]:
    """Return the chunks of a population that are this process's part: the first of its rows, and
    the first of the next.

    Chunks are whole ones of those that a single process would make, so that the results are the
    same to the last bit; only where there are fewer chunks than processes are they made smaller.

    Args:
        rows: of the population.
        size: of a chunk.
        together: chunks begin at a multiple of it.
    """
    number, count = _part.get()
    if count > 1:
        each = -(-rows // count)
        size = min(size, -(-each // together) * together)
    starts = range(0, rows, size)
    first, last = len(starts) * number // count, len(starts) * (number + 1) // count
    for start in starts[first:last]:
        yield start, min(rows, start + size)


def chunk_members(network: Network, samples: int, device: torch.device) -> int:
    """Return how many members to evaluate at once on ``samples`` samples."""
    return max(1, floats_at_once(device.type) // max(1, network.peak_activations * samples))


def chunk_samples(network: Network, device: torch.device) -> int:
    """Return how many samples to evaluate at once, for any number of members."""
    return max(64, floats_at_once(device.type) // network.peak_activations)


def together(samples: int) -> int:
    """Return how many samples to evaluate at once if outputs depend on the whole batch: all, or
    equal parts of at most `MIXED`.
    """
    return -(-samples // -(-samples // MIXED)) if samples else 1


def samples_at_once(network: Network, x: Tensor) -> int:
    """Return the number of samples (B, *shape) per chunk."""
    return together(len(x)) if network.batch_dependent else chunk_samples(network, x.device)


def floats_at_once(kind: str) -> int:
    """Return how many activations of the widest layer are held at once on that kind of device."""
    return CHUNK_FLOATS.get(kind, chunking.ELSEWHERE)
