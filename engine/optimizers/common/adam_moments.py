"""The moments of Adam, for every method that makes its steps (Kingma and Ba, 2015, algorithm 1).

https://arxiv.org/abs/1412.6980. Both functions follow the conventions of `torch.optim.Adam`.
"""

from __future__ import annotations

import math

from torch import Tensor


def follow(m: Tensor, v: Tensor, g: Tensor, *, beta1: float, beta2: float) -> None:
    """Move the running means of the gradient, m, and of its square, v, towards g, in place: (…, D)
    each.
    """
    m.lerp_(g, 1 - beta1)  # m ← β₁ m + (1 − β₁) g
    v.mul_(beta2).addcmul_(g, g, value=1 - beta2)  # v ← β₂ v + (1 − β₂) g²


def denominator(v: Tensor, n: int, *, beta2: float, epsilon: float) -> Tensor:
    """Return √v̂ + ε (D,) after n steps, v̂ = v / (1 − β₂ⁿ)."""
    return v.sqrt().div_(math.sqrt(1 - beta2**n)).add_(epsilon)
