"""A small causal transformer (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762) that predicts
the next character, for a whole population at once.

Pre-norm blocks as in GPT-2 (Radford et al. 2019), with LayerNorm N, causal attention of several
heads and GELU:

    h ← h + W_o attention(N(h)),     h ← h + W_2 gelu(W_1 N(h)),
    outputs = W N(h) at the last character

Only the last character needs a prediction, so the last block computes queries only there; the
outputs of the earlier ones are never computed. The result is exact.
"""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from ..datasets.base import DatasetConfig
from ..errors import BadInput
from .base import NETWORKS, Network, NetworkConfig, pack

WIDER = 4
"""Width of the two dense layers of a block in the middle, relative to the embedding."""
EPSILON = 1e-5
"""Added to the variance in LayerNorm, as torch.nn.LayerNorm does."""


class TransformerNetwork(Network):
    """Embedding of characters and positions, blocks, LayerNorm, one linear layer.

    Args:
        steps: T, characters in a sample.
        characters: K, the size of the alphabet, also the number of outputs.
        width: E, the size of the embedding.
        heads: of every block's attention; they share E equally.
        blocks: how many.
    """

    def __init__(self, steps: int, characters: int, width: int, heads: int, blocks: int) -> None:
        self.steps, self.width, self.heads, self.blocks = steps, width, heads, blocks
        e, m = width, WIDER * width
        packed: list[tuple[str, tuple[int, ...], float]] = [
            ("characters.weight", (characters, e), e),
            ("places.weight", (steps, e), e),
        ]
        for i in range(blocks):
            packed += [
                (f"{i}.norm1.weight", (e,), e), (f"{i}.norm1.bias", (e,), e),
                (f"{i}.attention.weight", (3 * e, e), e), (f"{i}.attention.bias", (3 * e,), e),
                (f"{i}.mix.weight", (e, e), e), (f"{i}.mix.bias", (e,), e),
                (f"{i}.norm2.weight", (e,), e), (f"{i}.norm2.bias", (e,), e),
                (f"{i}.dense1.weight", (m, e), e), (f"{i}.dense1.bias", (m,), e),
                (f"{i}.dense2.weight", (e, m), m), (f"{i}.dense2.bias", (e,), m),
            ]  # fmt: skip
        self.layers = pack(
            [
                *packed,
                ("norm.weight", (e,), e),
                ("norm.bias", (e,), e),
                ("out.weight", (characters, e), e),
                ("out.bias", (characters,), e),
            ]
        )
        # for one position: the heads combined, and the two dense layers
        after = 2 * e * e + 4 * e * m
        whole = steps * (6 * e * e + after) + 4 * steps * steps * e
        last = steps * 4 * e * e + 2 * e * e + 4 * steps * e + after
        self.flops = (blocks - 1) * whole + last + 2 * characters * e
        self.readout_flops = 2 * characters * e
        self.peak_activations = steps * (max(3 * e, m) + e) + heads * steps * steps

    def init(self, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return initial weights (D,): U(±1/√fan_in), LayerNorms with weight 1 and bias 0."""
        theta = super().init(generator, dtype)
        for layer in self.layers:
            if "norm" in layer.name:
                theta[layer.start : layer.stop] = float(layer.name.endswith("weight"))
        return theta

    def forward(self, population: Tensor, x: Tensor) -> Tensor:
        *_, w, b = self.unpack(population)
        return dense(self._normed(population, x), w, b).squeeze(2)

    def features(self, theta: Tensor, ready: Tensor) -> Tensor:
        return self._normed(theta.unsqueeze(0), ready)[0, :, 0].T

    def _normed(self, population: Tensor, x: Tensor) -> Tensor:
        """Return N(h) at the last character, the linear layer's input: (P, D), (B, T) → (P, B, 1,
        E).
        """
        characters, places, *tensors = self.unpack(population)
        h = characters[:, x.long()] + places.unsqueeze(1)  # (P, B, T, E)
        for i in range(self.blocks):
            h = self._block(h, tensors[12 * i : 12 * i + 12], last=i == self.blocks - 1)
        norm_w, norm_b = tensors[12 * self.blocks : 12 * self.blocks + 2]
        return norm(h, norm_w, norm_b)

    def _block(self, h: Tensor, tensors: list[Tensor], last: bool) -> Tensor:
        """Apply a block: (P, B, T, E) → the same, or (P, B, 1, E) of the last position only."""
        w_n1, b_n1, w_a, b_a, w_mix, b_mix, w_n2, b_n2, w_1, b_1, w_2, b_2 = tensors
        e = self.width
        seen = norm(h, w_n1, b_n1)
        if last:
            h = h[:, :, -1:]
            query = dense(seen[:, :, -1:], w_a[:, :e], b_a[:, :e])
            key, value = dense(seen, w_a[:, e:], b_a[:, e:]).chunk(2, -1)
        else:
            query, key, value = dense(seen, w_a, b_a).chunk(3, -1)
        h = h + dense(self._attend(query, key, value), w_mix, b_mix)
        return h + dense(functional.gelu(dense(norm(h, w_n2, b_n2), w_1, b_1)), w_2, b_2)

    def _attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Return every head's mean of the values, weighted by softmax(q·k/√d): queries (P, B, T or
        1, E), keys and values (P, B, T, E) → as the queries.
        """
        # Shapes: (P, B, heads, T, d).
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(2, 3) for part in (query, key, value)
        )
        match = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        if query.shape[2] > 1:  # causal: no position may attend to later ones
            ahead = torch.ones(match.shape[-2:], dtype=torch.bool, device=match.device).triu(1)
            match = match.masked_fill(ahead, -torch.inf)
        return (match.softmax(-1) @ v).transpose(2, 3).flatten(-2)


def dense(h: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """Apply every member's linear layer at every position: (P, B, T, in), (P, out, in), (P, out) →
    (P, B, T, out).
    """
    return torch.baddbmm(b.unsqueeze(1), h.flatten(1, 2), w.transpose(1, 2)).unflatten(
        1, h.shape[1:3]
    )


def norm(h: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """Apply every member's LayerNorm over the last axis: (P, B, T, E), (P, E), (P, E) → (P, B, T,
    E).
    """
    return functional.layer_norm(h, h.shape[-1:], eps=EPSILON) * w[:, None, None] + b[:, None, None]


@NETWORKS.add
class Transformer(NetworkConfig):
    """Predicts the next character from those before it."""

    name = "transformer"
    label = "Transformer"
    kinds = ("text",)
    between = "transformer blocks"

    width: int = Field(
        32,
        ge=4,
        le=256,
        description="Size of the embedding of one character; the heads share it equally.",
        json_schema_extra={"scale": "log"},
    )
    heads: int = Field(
        4,
        ge=1,
        le=16,
        description=(
            "Attention heads in every block: each can attend to other characters before the "
            "current one."
        ),
    )
    blocks: int = Field(
        2, ge=1, le=6, description="Blocks of attention and two dense layers, one after the other."
    )

    def build(self, shape: tuple[int, ...], classes: int) -> TransformerNetwork:
        if len(shape) != 1:
            raise BadInput(
                "network",
                self.name,
                "a text dataset for this network, or the network mlp, cnn or recurrent",
            )
        if self.width % self.heads:
            fitting = [n for n in range(1, 17) if self.width % n == 0]
            raise BadInput(
                "network.heads",
                self.heads,
                f"a divisor of {self.width}: {', '.join(map(str, fitting))}",
            )
        return TransformerNetwork(shape[0], classes, self.width, self.heads, self.blocks)

    def build_for(self, dataset: DatasetConfig) -> TransformerNetwork:
        if dataset.kind not in self.kinds:
            raise BadInput(
                "network", self.name, "a text dataset for this network, or the network mlp"
            )
        return self.build(dataset.shape, len(dataset.classes))
