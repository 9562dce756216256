"""Losses of a whole population at once.

Targets are class numbers (B,) int64, which represent one-hot rows, or regression targets (B,)
float, which represent rows of one. Every loss returns the mean over the batch for each member, and
the derivative of a *sample's* loss with respect to the network's outputs (the only derivative that
ensemble Kalman inversion needs; no derivative of the network is taken).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from .errors import BadInput


class Loss(ABC):
    """A loss function of the outputs."""

    name: ClassVar[str]
    label: ClassVar[str]
    numbers: ClassVar[bool] = False
    """Whether targets may be numbers, not only classes."""
    lowest: ClassVar[float | None] = 0.0
    """The lowest possible loss; None if it is unknown."""

    @abstractmethod
    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss over the batch: outputs (P, B, K), targets (B,) → (P,)."""

    @abstractmethod
    def derivative(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return ∂ℓ/∂G of each sample's own loss: (P, B, K) → (P, B, K). The mean loss has this
        divided by B.
        """


def wanted(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the target outputs: targets (B,) → (B, K), one-hot rows for classes, the number itself
    for K = 1.
    """
    if targets.is_floating_point():
        return targets.to(outputs.dtype).unsqueeze(-1)
    return functional.one_hot(targets, outputs.shape[-1]).to(outputs.dtype)


def leads(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the differences of the other outputs from the target's, for a cross-entropy without
    cancellation.

    With d_k = z_k − z_y, softmax's loss is log(1 + Σ_{k≠y} exp d_k). The sum leaves out the 1 of
    the target itself: beside it a loss of 1e-9 would round to 0, and so would the slope p_y − 1.

    Args:
        outputs: z (P, B, K).
        targets: (B,) classes.

    Returns:
        m (P, B, 1), the largest d_k or 0 where the target's output is the largest; Σ_{k≠y} exp(d_k
            − m), (P, B, 1); and its terms (P, B, K), with 0 for the target.
    """
    chosen = targets.expand(len(outputs), -1).unsqueeze(-1)
    top, target = outputs.detach().amax(-1, keepdim=True), outputs.gather(-1, chosen)
    # target − target.detach() is 0 and only provides the slope of d_k. Terms of z − top have fewer
    # rounding errors than those of d − m.
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
    """‖outputs − target‖₁: it has no slope at the target and the same slope everywhere else."""

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
    sample is classified correctly by a margin of one.
    """

    name = "hinge"
    label = "Hinge"
    kappa: ClassVar[float] = 1.0
    """The margin κ."""

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self._margins(outputs, targets)[0].mean(-1)

    def derivative(self, outputs: Tensor, targets: Tensor) -> Tensor:
        missed, chosen, rival = self._margins(outputs, targets)
        slope = (missed > 0).to(outputs.dtype).unsqueeze(-1)
        return torch.zeros_like(outputs).scatter(-1, rival, slope) - torch.zeros_like(
            outputs
        ).scatter(-1, chosen, slope)

    @classmethod
    def _margins(cls, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return by how much each sample misses the margin (P, B), and the indices of the two
        outputs that determine it: the target's and the largest other one, both (P, B, 1).
        """
        chosen = targets.expand(outputs.shape[0], -1).unsqueeze(-1)
        other, rival = outputs.scatter(-1, chosen, -torch.inf).max(-1, keepdim=True)
        missed = torch.relu(cls.kappa + other - outputs.gather(-1, chosen))
        return missed.squeeze(-1), chosen, rival


class Margin(Hinge):
    """The hinge with a margin κ of 16, for outputs that are whole numbers: those of a network of ±1
    weights with 32 neurons below its outputs lie between −32 and 32, and half of that is a margin
    that all samples can reach and few have at first. (With the hinge's 1 such a network has learned
    nothing to spare once every training sample is right.)
    """

    name = "margin"
    label = "Margin of 16"
    kappa = 16.0


class ZeroOne(Loss):
    """The error rate. Its derivative is zero wherever it exists, so gradient methods do not move;
    methods that only compare losses are not affected.
    """

    name = "zero-one"
    label = "0–1 (share of errors)"

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        # So that a gradient can be computed, and is zero.
        return (outputs.argmax(-1) != targets).to(outputs.dtype).mean(-1) + 0.0 * outputs.sum(
            (-1, -2)
        )

    def derivative(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return torch.zeros_like(outputs)


class Height(Loss):
    """The output itself, which is minimised: the loss of a landscape. It cannot be chosen
    elsewhere.
    """

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
    for loss in (CrossEntropy(), SquaredError(), AbsoluteError(), Hinge(), Margin(), ZeroOne())
}


def get_loss(name: str) -> Loss:
    """Return the loss of that name.

    Raises:
        BadInput: there is no such loss.
    """
    if name == HEIGHT:
        return Height()
    if name not in LOSSES:
        raise BadInput("loss", name, f"one of {', '.join(LOSSES)}")
    return LOSSES[name]


def accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the share of samples whose largest output is the target: (P, B, K), (B,) → (P,); NaN
    for regression targets, which have no accuracy.
    """
    if targets.is_floating_point():
        return torch.full((outputs.shape[0],), torch.nan, device=outputs.device)
    if outputs.shape[-1] == 2:  # argmax is slow along a short last dimension
        return ((outputs[..., 1] > outputs[..., 0]) == targets.bool()).to(torch.float32).mean(-1)
    return (outputs.argmax(-1) == targets).to(torch.float32).mean(-1)
