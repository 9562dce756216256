"""Low-rank evolution strategy, EGGROLL (Sarkar et al., 2025, "Evolution Strategies at the
Hyperscale").

https://arxiv.org/abs/2511.16652. The noise on a weight matrix is a product of two thin Gaussian
matrices instead of a full one: far fewer random numbers to draw and to keep, and on large networks
far cheaper to apply. Each E_i has rank r, yet the step, a sum of many, has a high one.

E_i = A_i B_iᵀ / √r,     A_i ∈ R^{outputs×r}, B_i ∈ R^{inputs×r},     entries ~ N(0, 1)
W_i± = W ± σ E_i,     G = 1/(2n) Σ_i (r_i⁺ − r_i⁻) E_i = (A weighted)ᵀ B / (2n√r),
W ← Adam(W, G)

The entries of E have mean 0, variance 1 and no correlation, as full noise has, but they are not
independent. The sum goes through the factors, one product per matrix with all A_i side by side and
all B_i below each other, and so does evaluating, E_i h = A_i (B_iᵀ h) / √r: no E_i is ever made.
Biases get full Gaussian noise. Ranks, mirrored pairs, Adam and units are those of OpenAI's
strategy.
"""

from __future__ import annotations

from math import prod

import torch
from pydantic import Field
from torch import Tensor

from ..oracle import Oracle
from ..populations.noise import LowRankNoise, Part
from ..random import noise_table
from ..random.rng import Rng
from .base import OPTIMIZERS, Phase
from .openai_es import OpenAIES

TABLED = 2**16
"""Numbers of a factor from which on they come from a table: drawing them would take as long as all
that is done with them."""


@OPTIMIZERS.add
class LowRankES(OpenAIES):
    """Descends a gradient estimated from how mirrored low-rank noise ranks."""

    name = "low-rank-es"
    label = "Low-rank evolution strategy"
    family = "Evolution"
    sees = "loss"
    paper = "Sarkar et al. 2025, https://arxiv.org/abs/2511.16652"
    sentence = (
        "As good a guess at the slope as full noise for a small part of the random numbers, "
        "which pays on wide layers; "
        "on networks as small as these it learns like OpenAI's strategy and gains little."
    )
    phases = (
        Phase(
            "Shake",
            (
                "Mirrored pairs of networks: noise that is a product of two thin matrices per "
                "layer, added and taken away."
            ),
            "asked",
        ),
        Phase(
            "Rank", "The losses are put in order; from here on only the ranks count.", "answered"
        ),
        Phase(
            "Step",
            (
                "The noise's factors, added up by the ranks, point uphill on average; Adam steps "
                "the other way."
            ),
            "moved",
        ),
    )

    rank: int = Field(
        1,
        ge=1,
        le=64,
        description=(
            "Rank of the noise on every weight matrix (r): 1 is the cheapest, more is closer to "
            "full noise."
        ),
        json_schema_extra={"scale": "log", "label": "Rank"},
    )

    def draw(self, theta: Tensor, last: object, rng: Rng, oracle: Oracle) -> LowRankNoise:
        """Draw for every layer the factors A (n, outputs, r) and B (n, inputs, r) of a matrix, or
        the noise (n, size) of a bias. A kernel counts as a matrix with a row per output.
        """
        tensors: list[Part] = []
        for layer in oracle.network.layers:
            size, rows = layer.stop - layer.start, layer.shape[0]
            if len(layer.shape) == 1:
                tensors.append((normal(theta, rng, self.pairs, size),))
            else:
                a = normal(theta, rng, self.pairs, rows, self.rank)
                b = normal(theta, rng, self.pairs, size // rows, self.rank)
                tensors.append((a, b))
        return LowRankNoise(tensors, self.rank)


def normal(theta: Tensor, rng: Rng, *shape: int) -> Tensor:
    """Draw standard normal numbers; many from `noise_table`, in a fifth of the time."""
    if theta.device.type == "cpu" and prod(shape) >= TABLED:
        return noise_table.fill(torch.empty(shape, dtype=theta.dtype), rng.key())
    return rng.normal(*shape).to(theta)
