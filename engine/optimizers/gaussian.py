"""Samples of a Gaussian with a standard deviation for every weight, and the sums over them that move it: shared by the separable evolution strategies and random search.

x_k = μ + σ ⊙ z_k,     z_k ~ N(0, I),     Σ_k u_k z_k,     Σ_k v_k z_k²

The z_k are not kept: for the sums they are drawn again, strip by strip, which is quicker than to read as many numbers from memory, and loses no digit where σ is far smaller
than μ.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.evaluator.drawn import Drawn
from engine.evaluator.strips import Sum, strips
from engine.evaluator.workspace import buffer


def sampled(x: Tensor, z: Drawn, mean: Tensor, deviation: Tensor, mirrored: bool = False) -> Tensor:
    """Write samples.

    Args:
        x: (λ, D) where to.
        z: rows of D standard normal numbers; λ of them, or with mirrored pairs half as many, rounded up.
        mean: (D,) μ.
        deviation: (D,) σ.
        mirrored: whether the second half is μ − σ ⊙ z of the same z as the first; an odd last one is dropped.

    Returns:
        x.
    """
    half = (len(x) + 1) // 2 if mirrored else len(x)
    first, second = x[:half], x[half:]
    for strip in strips(first):
        part = z.scaled(first[strip], strip, deviation)
        if mirrored:
            torch.sub(mean, part[: len(second[strip])], out=second[strip])
        part.add_(mean)
    return x


def weighted(z: Drawn, u: Tensor, v: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Σ_k u_k z_k and Σ_k v_k z_k² of the rows drawn, (n,) weights each: (D,), (D,). ``like`` (D,) tells the type and the device."""
    if z.whole is not None:
        whole = z.whole.to(like)
        return u @ whole, v @ whole.square()
    one, two = Sum("z", len(u), like), Sum("z²", len(u), like)
    for strip in strips(u.unsqueeze(1).expand(-1, len(like))):
        part = z[strip].to(like)
        square = torch.mul(part, part, out=buffer("squares", tuple(part.shape), part))
        one.add(part, u[strip])
        two.add(square, v[strip])
    return one.value(), two.value()


def folded(u: Tensor) -> tuple[Tensor, Tensor]:
    """What u weighs z and z² with when its samples are mirrored pairs: (λ,) → differences and sums, (⌈λ/2⌉,) each, a dropped last one weighing nothing."""
    half = (len(u) + 1) // 2
    mirrored = torch.nn.functional.pad(u[half:], (0, 2 * half - len(u)))
    return u[:half] - mirrored, u[:half] + mirrored
