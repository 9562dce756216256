"""Any module of PyTorch as a network, for notebooks: a whole population of it at once by
``torch.func.vmap``.

    network = ModuleNetwork(nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.GELU(), nn.Linear(32,
    10)), torch.zeros(1, 64))

The general path: whatever the module does is vectorised over the members' weights. A module with
state that a forward pass changes (batch norm in training) or that draws random numbers (dropout in
training) is not a function of its weights: call ``eval()`` on it first.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.utils.flop_counter import FlopCounterMode

from .base import Network, pack


class ModuleNetwork(Network):
    """A module on packed weights, in the order of its ``named_parameters``.

    Args:
        module: from samples (B, *shape) to outputs (B, K). It is not changed.
        x: one or several samples, (B, *shape), to count the operations of a pass.
    """

    def __init__(self, module: nn.Module, x: Tensor) -> None:
        self.module = module
        sizes, fan_in = [], 1.0
        for name, parameter in module.named_parameters():
            if parameter.ndim > 1:  # a bias has the fan-in of the weights before it
                fan_in = float(parameter[0].numel())
            sizes.append((name, tuple(parameter.shape), fan_in))
        self.layers = pack(sizes)
        largest = [1]
        hooks = [
            part.register_forward_hook(
                lambda _part, _given, answer: largest.append(
                    answer.numel() if isinstance(answer, Tensor) else 0
                )
            )
            for part in module.modules()
        ]
        try:
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                module(x)
        finally:
            for hook in hooks:
                hook.remove()
        self.flops = max(1, counter.get_total_flops() // len(x))
        self.peak_activations = max(1, max(largest) // len(x))

    def forward(self, population: Tensor, x: Tensor) -> Tensor:
        buffers = dict(self.module.named_buffers())

        def one(theta: Tensor) -> Tensor:
            weights = {
                layer.name: theta[layer.start : layer.stop].view(layer.shape)
                for layer in self.layers
            }
            return functional_call(self.module, {**weights, **buffers}, (x,))

        with warnings.catch_warnings():
            # `vmap` would run this operation member by member: an error is better than a long wait.
            warnings.filterwarnings("error", "There is a performance drop")
            return vmap(one)(population)

    def theta(self) -> Tensor:
        """Return the module's own weights, packed: (D,)."""
        return torch.cat([parameter.detach().flatten() for parameter in self.module.parameters()])
