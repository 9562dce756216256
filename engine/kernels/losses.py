"""Losses of outputs as the evaluator has them: feature-major, (P, K, B).

The same numbers as `Loss.values`, without turning the outputs round and with as few passes over
them as there can be. A loss that is not known here is asked itself.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from ..losses import AbsoluteError, CrossEntropy, Height, Loss, SquaredError


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return −log softmax(outputs)[target], in place: the sum that `engine.losses.leads` takes, its
    largest output taken off first.
    """
    chosen = targets.expand(len(outputs), 1, -1)
    top = outputs.amax(1, keepdim=True)
    most = top - outputs.gather(1, chosen)
    others = outputs.sub_(top).exp_().scatter_(1, chosen, 0).sum(1, keepdim=True)
    return most.add_(others.add_(torch.expm1(-most)).log1p_()).mean((1, 2))


def departures(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return outputs less what they shall be, in place: (P, K, B)."""
    if targets.is_floating_point():
        return outputs.sub_(targets.to(outputs.dtype))
    return outputs.sub_(functional.one_hot(targets, outputs.shape[1]).T.to(outputs.dtype))


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return ½ ‖outputs − target‖²."""
    return departures(outputs, targets).square_().sum((1, 2)).mul_(0.5 / outputs.shape[2])


def absolute_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return ‖outputs − target‖₁."""
    return departures(outputs, targets).abs_().sum((1, 2)).div_(outputs.shape[2])


def height(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the outputs themselves."""
    return outputs.sum(1).mean(1)


KNOWN: dict[type[Loss], Callable[[Tensor, Tensor], Tensor]] = {
    CrossEntropy: cross_entropy,
    SquaredError: squared_error,
    AbsoluteError: absolute_error,
    Height: height,
}


def values(loss: Loss, outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean loss over the batch of every member: (P, K, B), (B,) → (P,).

    Args:
        loss: which.
        outputs: feature-major; may be overwritten.
        targets: classes or numbers.
    """
    known = KNOWN.get(type(loss))
    if known is None or not outputs.is_contiguous():
        return loss.values(outputs.transpose(1, 2), targets)
    return known(outputs, targets)
