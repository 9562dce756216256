"""Convolutions as matrix products, row by row, for a whole population.

Libraries are fast for few images with many channels; a population has few channels and many
networks. Here the samples are innermost, (Y, C, X, B), and every image is stored in k copies, each
shifted by one pixel in x: (Y, k, C, X, B). Then the k·k·C inputs of one row of outputs are at equal
distances in memory, the same for all X·B of its positions, so a row of outputs is one plain product
(maps × kkC) by (kkC × XB) that reads the images in place. Unfolding them would need k·k copies;
this needs k.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ..kernels.scratch import scratch_buffer
from .activation import ActivationFunction


def shifted(images: Tensor, kernel: int, pad: int, name: str) -> Tensor:
    """Return copies of images shifted in x, with zeros around them: (m, Y, C, X, B) → (m, Y +
    2·pad, k, C, X + 2·pad − k + 1, B) in the buffer of that name.
    """
    members, rows, channels, columns, batch = images.shape
    across = columns + 2 * pad - kernel + 1
    copies = scratch_buffer(
        name, (members, rows + 2 * pad, kernel, channels, across, batch), images
    )
    if pad:
        copies[:, :pad].zero_()
        copies[:, pad + rows :].zero_()
    for by in range(kernel):
        low, high = max(0, pad - by), min(across, columns + pad - by)
        inside = copies[:, pad : pad + rows, by]
        inside[..., :low, :].zero_()
        inside[..., high:, :].zero_()
        inside[..., low:high, :] = images[..., low + by - pad : high + by - pad, :]
    return copies


def matrices(kernels: Tensor) -> Tensor:
    """Return kernels in the layout for the products: (P, maps, C, k, k) → (P, maps, k·k·C)."""
    return kernels.permute(0, 1, 3, 4, 2).flatten(2)


def convolved(copies: Tensor, weights: Tensor, kernel: int, out: Tensor) -> Tensor:
    """Convolve one image's rows: `shifted` copies (Y', k, C, X, B) and weights (maps, k·k·C) →
    ``out`` (Y, maps, X·B).
    """
    rows, _, channels, columns, batch = copies.shape
    rows, across = rows - kernel + 1, columns * batch
    patches = copies.as_strided(
        (rows, kernel * kernel * channels, across), (kernel * channels * across, across, 1)
    )
    return torch.bmm(weights.expand(rows, *weights.shape), patches, out=out)


def bent_and_pooled(
    sums: Tensor,
    bias: Tensor | None,
    bend: ActivationFunction,
    pool: Literal["max", "mean"],
    side: int,
) -> Tensor:
    """Add biases, apply the activation, and pool squares of that side, in place: (m, Y, C, X, B),
    (m, C) → (m, Y//side, C, X//side, B).

    The activation is non-decreasing, so the maximum of a square is the same before and after it;
    applying it after pooling is less work.
    """
    if pool == "mean" and side > 1:
        bend.in_place(_biased(sums, bias))
    if side > 1:
        rows, columns = sums.shape[1] // side, sums.shape[3] // side
        sums = _joined(sums[:, : rows * side].unflatten(1, (rows, side)), 2, pool)
        sums = _joined(sums[:, :, :, : columns * side].unflatten(3, (columns, side)), 4, pool)
        if pool == "mean":
            return sums.div_(side * side)
    return bend.in_place(_biased(sums, bias))


def _biased(sums: Tensor, bias: Tensor | None) -> Tensor:
    return sums if bias is None else sums.add_(bias[:, None, :, None, None])


def _joined(parts: Tensor, at: int, pool: str) -> Tensor:
    """Return the maximum, or the sum, along a dimension, written over the first entry."""
    first, *others = parts.unbind(at)
    for other in others:
        if pool == "max":
            torch.maximum(first, other, out=first)
        else:
            first.add_(other)
    return first
