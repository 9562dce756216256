"""Losses of a whole population at once.

Every loss gives the mean over the batch for each member, and the derivative of a *sample's* loss with respect to the network's outputs (the only derivative ensemble
Kalman inversion needs; no derivative of the network is taken).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from engine.errors import BadInput


class Loss(ABC):
    """A loss on class targets."""

    name: ClassVar[str]
    label: ClassVar[str]

    @abstractmethod
    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss over the batch: outputs (P, B, K), targets (B,) int64 → (P,)."""

    @abstractmethod
    def derivative(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """∂ℓ/∂G of each sample's own loss: (P, B, K) → (P, B, K). The mean loss has this divided by B."""


class CrossEntropy(Loss):
    """−log softmax(outputs)[target]."""

    name = "cross-entropy"
    label = "Cross-entropy"

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        chosen = outputs.gather(-1, targets.expand(outputs.shape[0], -1).unsqueeze(-1)).squeeze(-1)
        return (outputs.logsumexp(-1) - chosen).mean(-1)

    def derivative(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs.softmax(-1) - functional.one_hot(targets, outputs.shape[-1]).to(outputs.dtype)


class SquaredError(Loss):
    """½ ‖outputs − onehot(target)‖², the ½·MSE of Rere et al. (2015)."""

    name = "squared-error"
    label = "Squared error"

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return 0.5 * (self.derivative(outputs, targets) ** 2).sum(-1).mean(-1)

    def derivative(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs - functional.one_hot(targets, outputs.shape[-1]).to(outputs.dtype)


LOSSES: dict[str, Loss] = {loss.name: loss for loss in (CrossEntropy(), SquaredError())}


def get_loss(name: str) -> Loss:
    """The loss of that name.

    Raises:
        BadInput: no such loss.
    """
    if name not in LOSSES:
        raise BadInput("loss", name, f"one of {', '.join(LOSSES)}")
    return LOSSES[name]


def accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """The share of samples whose largest output is the target: (P, B, K), (B,) → (P,)."""
    return (outputs.argmax(-1) == targets).to(torch.float32).mean(-1)
