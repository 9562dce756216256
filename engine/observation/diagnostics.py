"""What one looks at more closely, every second or two: what each particle of a cloud says by
itself, which classes are taken for which, and how the weights of a layer are spread.

None of it is charged to a lane, and the work is bounded whatever the network.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .. import evaluation
from ..messages.encoding import Message
from ..networks.base import Layer, Network
from .predictions import MEMBER_SIDE, Answers, areas, odds_map

DETAIL_FLOPS = 2e8
"""Work of asking the particles of one lane; where all would cost more, only the first are asked."""
BINS = 32


def members(answers: Answers, particles: Tensor) -> Message | None:
    """What the particles (n, D) of a cloud say, each by itself; index i is the cloud's particle i.

    Args:
        answers: what one network says; its coarse inputs, or its wall, are what every particle is
            asked.
        particles: finite weights.

    Returns:
        One of ``maps`` u1 (m, 16, 16), ``areas`` u1 (m, 2, 16, 16), ``curves`` f4 (m, 40), evenly
        spaced from the first to the last drawn point, and ``predicted`` u1 (m, M). m is n, or how
        many `DETAIL_FLOPS` allow. None on a landscape, where a particle says no more than where it
        is, and where not even one is allowed.
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
    """How often each class is taken for each: theta (D,), x (B, *shape), y (B,) → int32 (K, K),
    rows the truth, columns the answer.
    """
    step = (
        evaluation.together(len(x))
        if network.mixes
        else max(1, evaluation.chunk_members(network, 1, theta.device))
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
    """How the weights (D,) are spread in every layer, in `BINS` even bins from the smallest to the
    largest.

    Weights that are no numbers are left out; a layer with nothing else has no bounds. Where all
    weights are one and the same, the bins reach half a unit to either side.
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
