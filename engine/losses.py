"""Losses of a whole population at once.

Targets are class numbers (B,) int64, which stand for one-hot rows, or numbers to be met (B,) float,
which stand for rows of one. Every loss gives the mean over the batch for each member, and the
derivative of a *sample's* loss with respect to the network's outputs (the only derivative ensemble
Kalman inversion needs; no derivative of the network is taken).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from .errors import BadInput


class Loss(ABC):
    """A loss on the outputs."""

    name: ClassVar[str]
    label: ClassVar[str]
    numbers: ClassVar[bool] = False
    """Whether targets may be numbers, not classes only."""
    lowest: ClassVar[float | None] = 0.0
    """The lowest there can be; None where it is not known."""

    @abstractmethod
    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss over the batch: outputs (P, B, K), targets (B,) → (P,)."""

    @abstractmethod
    def derivative(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """∂ℓ/∂G of each sample's own loss: (P, B, K) → (P, B, K). The mean loss has this divided by
        B.
        """


def wanted(outputs: Tensor, targets: Tensor) -> Tensor:
    """The outputs aimed at: targets (B,) → (B, K), one-hot rows for classes, the number itself
    where K = 1.
    """
    if targets.is_floating_point():
        return targets.to(outputs.dtype).unsqueeze(-1)
    return functional.one_hot(targets, outputs.shape[-1]).to(outputs.dtype)


def leads(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """By how much the other outputs lead the target's, for a cross-entropy that keeps its digits.

    With d_k = z_k − z_y, softmax's loss is log(1 + Σ_{k≠y} exp d_k). The sum leaves out the 1 of
    the target itself: beside it a loss of 1e-9 would round to 0, and so would the slope p_y − 1.

    Args:
        outputs: z (P, B, K).
        targets: (B,) classes.

    Returns:
        m (P, B, 1), the largest d_k or 0 where the target leads; Σ_{k≠y} exp(d_k − m), (P, B, 1);
        and its terms (P, B, K), with 0 for the target.
    """
    chosen = targets.expand(len(outputs), -1).unsqueeze(-1)
    top, target = outputs.detach().amax(-1, keepdim=True), outputs.gather(-1, chosen)
    # target − target.detach() is 0: it only gives the slope of d_k. As z − top the terms have fewer
    # roundings than as d − m.
    terms = (outputs - top - (target - target.detach())).exp().scatter(-1, chosen, 0.0)
    return top - target.detach(), terms.sum(-1, keepdim=True), terms


class CrossEntropy(Loss):
    """−log softmax(outputs)[target]."""

    name = "cross-entropy"
    label = "Cross-entropy"

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        most, others, _ = leads(outputs, targets)
        return (most + (others + torch.expm1(-most)).log1p()).mean((-2, -1))

    def derivative(self, outputs: Tensor, targets: Tensor) -> Tensor:
        most, others, terms = leads(outputs, targets)
        return (terms - others * wanted(outputs, targets)) / (others + torch.exp(-most))


class SquaredError(Loss):
    """½ ‖outputs − target‖², the ½·MSE of Rere et al. (2015)."""

    name = "squared-error"
    label = "Squared error"
    numbers = True

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return 0.5 * (self.derivative(outputs, targets) ** 2).sum(-1).mean(-1)

    def derivative(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs - wanted(outputs, targets)


class AbsoluteError(Loss):
    """‖outputs − target‖₁: it has no slope where it is met and the same slope everywhere else."""

    name = "absolute-error"
    label = "Absolute error"
    numbers = True

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - wanted(outputs, targets)).abs().sum(-1).mean(-1)

    def derivative(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - wanted(outputs, targets)).sign()


class Hinge(Loss):
    """max(0, 1 + largest other output − the target's): Crammer and Singer (2001),
    https://jmlr.org/papers/v2/crammer01a.html; with two classes it is the usual hinge of a support
    vector machine on the difference of the outputs. Classes only. It is flat, at zero, once every
    sample is answered rightly by a margin of one.
    """

    name = "hinge"
    label = "Hinge"

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self._margins(outputs, targets)[0].mean(-1)

    def derivative(self, outputs: Tensor, targets: Tensor) -> Tensor:
        missed, chosen, rival = self._margins(outputs, targets)
        slope = (missed > 0).to(outputs.dtype).unsqueeze(-1)
        return torch.zeros_like(outputs).scatter(-1, rival, slope) - torch.zeros_like(
            outputs
        ).scatter(-1, chosen, slope)

    @staticmethod
    def _margins(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """By how much each sample misses the margin (P, B), and which outputs that hangs on: the
        target's and the largest other one, both (P, B, 1).
        """
        chosen = targets.expand(outputs.shape[0], -1).unsqueeze(-1)
        other, rival = outputs.scatter(-1, chosen, -torch.inf).max(-1, keepdim=True)
        return torch.relu(1 + other - outputs.gather(-1, chosen)).squeeze(-1), chosen, rival


class ZeroOne(Loss):
    """The share of samples answered wrongly. Its derivative is zero wherever it exists, so methods
    that follow it stand still; those that only compare losses do not mind.
    """

    name = "zero-one"
    label = "0–1 (share of errors)"

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs.argmax(-1) != targets).to(outputs.dtype).mean(-1) + 0.0 * outputs.sum(
            (-1, -2)
        )  # so that a gradient can be asked for, and is zero

    def derivative(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return torch.zeros_like(outputs)


class Height(Loss):
    """The output itself, made small: what a landscape asks for. No loss to choose elsewhere."""

    name = "height"
    label = "Height"
    numbers = True
    lowest = None

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs.sum(-1).mean(-1)

    def derivative(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return torch.ones_like(outputs)


HEIGHT = Height.name
LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (CrossEntropy(), SquaredError(), AbsoluteError(), Hinge(), ZeroOne())
}


def get_loss(name: str) -> Loss:
    """The loss of that name.

    Raises:
        BadInput: no such loss.
    """
    if name == HEIGHT:
        return Height()
    if name not in LOSSES:
        raise BadInput("loss", name, f"one of {', '.join(LOSSES)}")
    return LOSSES[name]


def accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """The share of samples whose largest output is the target: (P, B, K), (B,) → (P,); NaN where
    targets are numbers, which are never simply right.
    """
    if targets.is_floating_point():
        return torch.full((outputs.shape[0],), torch.nan, device=outputs.device)
    if outputs.shape[-1] == 2:  # argmax is slow across the last of few dimensions
        return ((outputs[..., 1] > outputs[..., 0]) == targets.bool()).to(torch.float32).mean(-1)
    return (outputs.argmax(-1) == targets).to(torch.float32).mean(-1)
