"""Compute the details that are sent every second or two: the predictions of each particle of a
cloud, the confusion matrix, and histograms of the weights of each layer.

None of this is counted for a lane, and the work is bounded for any network.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .. import evaluation
from ..messages.encoding import Message
from ..networks.base import Layer, Network
from ..populations import chunks
from .predictions import MEMBER_SIDE, Predictions, areas, odds_map

DETAIL_FLOPS = 2e8
"""Limit on the FLOPs for the particles of one lane; if all would cost more, only the first ones are
evaluated.
"""
BINS = 32


def members(answers: Predictions, particles: Tensor) -> Message | None:
    """Return the predictions of each particle (n, D) of a cloud; index i is the cloud's particle i.

    Args:
        answers: computes the predictions of a network; every particle is evaluated on its coarse
            inputs, or its grid of samples.
        particles: finite weights.

    Returns:
        One of ``maps`` u1 (m, 16, 16), ``areas`` u1 (m, 2, 16, 16), ``curves`` f4 (m, 40), evenly
            spaced from the first to the last drawn point, and ``predicted`` u1 (m, M). m is n, or
            as many as `DETAIL_FLOPS` allows. None on a landscape, where a particle is nothing but a
            point, and if `DETAIL_FLOPS` does not allow even one.
    """
    kind = answers.data.kind
    inputs = answers.data.x_test[answers.wall] if kind == "images" else answers.coarse
    if inputs is None:
        return None
    asked = particles[: int(DETAIL_FLOPS // (answers.network.flops * len(inputs)))]
    if not len(asked):
        return None
    outputs = evaluation.outputs(answers.network, asked, inputs)
    if kind == "images":
        return {"predicted": outputs.argmax(-1).to(torch.uint8)}
    if kind == "curve":
        return {"curves": outputs[..., 0]}
    if outputs.shape[-1] == 2:
        return {"maps": odds_map(outputs).unflatten(1, (MEMBER_SIDE, MEMBER_SIDE))}
    return {"areas": areas(outputs).unflatten(2, (MEMBER_SIDE, MEMBER_SIDE))}


@torch.no_grad()
def confusion(network: Network, theta: Tensor, x: Tensor, y: Tensor, classes: int) -> Tensor:
    """Return the confusion matrix of theta (D,) on x (B, *shape), y (B,): int32 (K, K), rows are
    true classes, columns predicted ones.
    """
    step = (
        chunks.together(len(x))
        if network.batch_dependent
        else max(1, chunks.chunk_members(network, 1, theta.device))
    )
    answer = torch.cat(
        [network.forward(theta.unsqueeze(0), part)[0].argmax(-1) for part in x.split(step)]
    )
    return (
        torch.bincount(y * classes + answer, minlength=classes**2)
        .reshape(classes, classes)
        .to(torch.int32)
    )


def histograms(layers: Sequence[Layer], theta: Tensor) -> Message:
    """Return a histogram of the weights (D,) of every layer, in `BINS` equal bins from the smallest
    to the largest.

    NaN and infinite weights are left out; a layer with nothing else has no bounds. If all weights
    are equal, the bins extend half a unit to either side.
    """
    weights = theta.detach().cpu()
    finite = bool(torch.isfinite(weights).all())
    counts, low, high = (
        torch.zeros(len(layers), BINS),
        [torch.nan] * len(layers),
        [torch.nan] * len(layers),
    )
    for i, layer in enumerate(layers):
        values = weights[layer.start : layer.stop]
        if not finite:
            values = values[torch.isfinite(values)]
        if len(values):
            low[i], high[i] = float(values.min()), float(values.max())
            if low[i] == high[i]:
                low[i], high[i] = low[i] - 0.5, high[i] + 0.5
            counts[i] = torch.histc(values, BINS, low[i], high[i])
    return {"counts": counts, "low": low, "high": high}
