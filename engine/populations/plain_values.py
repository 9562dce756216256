"""Convert populations that are not written out to plain values and back: what is needed to compute
them again, not their members.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from .antithetic import AntitheticPopulation
from .base import Population
from .noise import DenseNoise, LowRankNoise, SeededNoise

KINDS: dict[str, type] = {
    "Mirrored": AntitheticPopulation,
    "Kept": DenseNoise,
    "Regenerated": SeededNoise,
    "Factors": LowRankNoise,
}
"""Classes that are stored in this form, by the names that checkpoints use; any other population is
written out.
"""
NAMES = {kind: name for name, kind in KINDS.items()}
MARK = "stand-in"


def packed(value: Any) -> Any:
    """Return the same value with every such population as a dict of its parts, also inside lists,
    tuples and dicts.
    """
    if type(value) in NAMES:
        return {
            MARK: NAMES[type(value)],
            **{one.name: packed(_held(value, one.name)) for one in fields(value)},
        }
    if isinstance(value, Population):
        return value.dense()
    if isinstance(value, list | tuple):
        return type(value)(map(packed, value))
    if isinstance(value, dict):
        return {key: packed(entry) for key, entry in value.items()}
    return value


def _held(value: Any, name: str) -> Any:
    held = getattr(value, name)
    # This tensor only gives a shape and a type: its values are not used.
    return (
        torch.zeros_like(held)
        if isinstance(value, SeededNoise) and isinstance(held, Tensor)
        else held
    )


def unpacked(value: Any) -> Any:
    """Return the value that `packed` converted."""
    if isinstance(value, dict):
        parts = {key: unpacked(entry) for key, entry in value.items() if key != MARK}
        return KINDS[value[MARK]](**parts) if MARK in value else parts
    if isinstance(value, list | tuple):
        return type(value)(map(unpacked, value))
    return value
