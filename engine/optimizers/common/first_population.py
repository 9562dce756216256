"""Where populations start: about the first weights, which all lanes of a race share."""

from __future__ import annotations

from torch import Tensor

from ...oracle import Oracle
from ...random.rng import Rng


def drawn_about(centre: Tensor, count: int, std: float, rng: Rng, oracle: Oracle) -> Tensor:
    """Draw members (n, D) from a Gaussian about a place (D,).

    Args:
        centre: their mean.
        count: n.
        std: standard deviation, in units of each layer's natural size.
        rng: where the numbers come from.
        oracle: knows the natural sizes.
    """
    deviation = std * oracle.init_scale.to(centre)
    return rng.normal(count, centre.numel()).to(centre).mul_(deviation).add_(centre)


def first_population(theta: Tensor, count: int, std: float, rng: Rng, oracle: Oracle) -> Tensor:
    """Draw a population (P, D) as `drawn_about` does, of which the first weights θ (D,) themselves
    are the first member.
    """
    x = drawn_about(theta, count, std, rng, oracle)
    x[0] = theta
    return x


def centred_population(mean: Tensor, count: int, std: float, rng: Rng, oracle: Oracle) -> Tensor:
    """Draw members (n, D) as `drawn_about` does, whose departures add up to zero, so that their
    mean is the given one (D,).
    """
    z = rng.normal(count, mean.numel()).to(mean)
    return z.sub_(z.mean(0)).mul_(std * oracle.init_scale.to(mean)).add_(mean)
