"""Buffers that are used again, so that nothing is allocated while a population is evaluated.

A fresh block of memory costs page faults, often more than the arithmetic done in it. Every thread
has buffers of its own. On a GPU PyTorch's allocator keeps them already.
"""

from __future__ import annotations

import threading
from math import prod

import torch
from torch import Tensor


class Buffers(threading.local):
    """One thread's memory."""

    def __init__(self) -> None:
        self.blocks: dict[tuple[str, torch.dtype], Tensor] = {}


_buffers = Buffers()


def scratch_buffer(name: str, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Return a contiguous tensor of that shape with ``like``'s type and device, holding anything.
    The next call with the same name gives the same memory again.

    Args:
        name: what it is for; two buffers in use at a time need two names.
        shape: of the tensor.
        like: tells the type and the device.
    """
    if like.device.type != "cpu":
        return torch.empty(shape, dtype=like.dtype, device=like.device)
    size = prod(shape)
    block = _buffers.blocks.get((name, like.dtype))
    if block is None or block.numel() < size:
        with torch.inference_mode(False):
            block = _buffers.blocks[name, like.dtype] = torch.empty(size, dtype=like.dtype)
    return block[:size].view(shape)


def release() -> None:
    """Give this thread's buffers back."""
    _buffers.blocks.clear()


def held() -> int:
    """Return the bytes of this thread's buffers."""
    return sum(block.untyped_storage().nbytes() for block in _buffers.blocks.values())
