"""Recurrent networks for a whole population at once: images row by row, texts character by
character.

Elman (1990), https://doi.org/10.1207/s15516709cog1402_1:

    h_t = tanh(W x_t + U h_{t−1} + b)

Gated recurrent units (Cho et al. 2014, https://arxiv.org/abs/1406.1078, as cuDNN and torch.nn.GRU
have them), ⊙ entry by entry:

    r = σ(W_r x_t + U_r h + b_r),                   z = σ(W_z x_t + U_z h + b_z)
    n = tanh(W_n x_t + b_n + r ⊙ (U_n h + c)),      h_t = (1 − z) ⊙ n + z ⊙ h

The outputs are a linear function of the last h. h_0 = 0.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from ..datasets.base import DatasetConfig
from ..errors import BadInput
from .base import NETWORKS, Network, NetworkConfig, pack

Cell = Literal["elman", "gru"]
GATES: dict[Cell, int] = {"elman": 1, "gru": 3}


class RecurrentNetwork(Network):
    """One recurrent layer and a linear one on its last state.

    Args:
        steps: T, the number of inputs of a sample, one after the other.
        inputs: I, numbers in one of them; for characters, the size of the alphabet.
        units: h.
        classes: K outputs.
        cell: the kind of recurrent cell.
        characters: whether a sample is T character indices, each a one-hot row of I, or an image
            (C, T, W) read row by row, I = C·W.
    """

    def __init__(
        self, steps: int, inputs: int, units: int, classes: int, cell: Cell, characters: bool
    ) -> None:
        self.steps, self.units, self.cell, self.characters = steps, units, cell, characters
        rows = GATES[cell] * units
        # Biases that only appear as a sum are one bias; torch keeps two. All are drawn U(±1/√h), as
        # in torch.nn.GRU.
        packed: list[tuple[str, tuple[int, ...], float]] = [
            ("in.weight", (rows, inputs), units),
            ("past.weight", (rows, units), units),
            ("in.bias", (rows,), units),
        ]
        if cell == "gru":
            packed.append(("candidate.bias", (units,), units))
        self.layers = pack(
            [*packed, ("out.weight", (classes, units), units), ("out.bias", (classes,), units)]
        )
        # A character selects its column, which needs no product; and the first state is zero, so it
        # is not multiplied.
        self.entering = 0 if characters else 2 * steps * rows * inputs
        self.flops = self.entering + 2 * ((steps - 1) * rows * units + classes * units)
        self.readout_flops = 2 * classes * units
        self.peak_activations = steps * rows + 3 * rows

    def forward(self, population: Tensor, x: Tensor) -> Tensor:
        *_, w_out, b_out = self.unpack(population)
        h = self._last_state(population, x)
        return torch.baddbmm(b_out.unsqueeze(-1), w_out, h).transpose(1, 2)

    def features(self, theta: Tensor, ready: Tensor) -> Tensor:
        return self._last_state(theta.unsqueeze(0), ready)[0]

    def _last_state(self, population: Tensor, x: Tensor) -> Tensor:
        """Return h_T, the linear layer's input: (P, D), (B, *shape) → (P, h, B)."""
        w, u, b, *c, _, _ = self.unpack(population)
        entering = self._entering(w, x) + b[:, :, None, None]
        h: Tensor | None = None
        for now in entering.unbind(2):  # (P, rows, B)
            h = (
                self._gru(now, u, c[0].unsqueeze(-1), h)
                if self.cell == "gru"
                else torch.tanh(now if h is None else torch.baddbmm(now, u, h))
            )
        assert h is not None
        return h

    def _entering(self, w: Tensor, x: Tensor) -> Tensor:
        """Return W x_t of all steps at once, since all members read the same samples: (P, rows, I),
        (B, *shape) → (P, rows, T, B).
        """
        if self.characters:
            return w[:, :, x.long().T]
        rows = x.permute(1, 3, 2, 0).flatten(0, 1)  # (C·W, T, B)
        return (
            torch.matmul(w.flatten(0, 1), rows.flatten(1))
            .unflatten(0, w.shape[:2])
            .unflatten(2, rows.shape[1:])
        )

    def _gru(self, now: Tensor, u: Tensor, c: Tensor, h: Tensor | None) -> Tensor:
        """Compute one step: W x + b (P, 3h, B), U (P, 3h, h), c (P, h, 1), h (P, h, B) or None at
        first → (P, h, B).
        """
        gates, candidate = now.split((2 * self.units, self.units), 1)
        if h is None:
            r, z = torch.sigmoid(gates).chunk(2, 1)
            return (1 - z) * torch.tanh(candidate + r * c)
        u_gates, u_candidate = u.split((2 * self.units, self.units), 1)
        r, z = torch.sigmoid(torch.baddbmm(gates, u_gates, h)).chunk(2, 1)
        n = torch.tanh(candidate + r * torch.baddbmm(c, u_candidate, h))
        return n + z * (h - n)


@NETWORKS.add
class Recurrent(NetworkConfig):
    """Reads an image row by row, or a text character by character."""

    name = "recurrent"
    label = "Recurrent (RNN)"
    kinds = ("images", "text")
    between = "recurrent units"

    cell: Cell = Field(
        "gru",
        description=(
            "Kind of recurrent cell: elman feeds back its last output, gru has gates that control "
            "what to keep."
        ),
    )
    units: int = Field(
        32,
        ge=1,
        le=256,
        description="Size of the state that is passed from one row or character to the next.",
        json_schema_extra={"scale": "log"},
    )

    def build(self, shape: tuple[int, ...], classes: int) -> RecurrentNetwork:
        if len(shape) == 3:
            return RecurrentNetwork(
                shape[1], shape[0] * shape[2], self.units, classes, self.cell, characters=False
            )
        return RecurrentNetwork(shape[0], classes, self.units, classes, self.cell, characters=True)

    def build_for(self, dataset: DatasetConfig) -> RecurrentNetwork:
        if dataset.kind not in self.kinds:
            raise BadInput(
                "network",
                self.name,
                "an image or text dataset for this network, or the network mlp",
            )
        return self.build(dataset.shape, len(dataset.classes))
