"""Members that failed, and those that did not: what every population method does where a loss or an
output is no number.

A member has failed where what it was asked for is NaN, infinite, or so large that its square added
up over the data is beyond single precision. It is left out of means, covariances and weights, ranks
behind everybody else, and is drawn again from the survivors where a method cannot do with fewer
members: from a Gaussian with their mean and their covariance, as in CliMA's EnsembleKalmanProcesses
(https://clima.github.io/EnsembleKalmanProcesses.jl). A lane is over only when nothing finite is
left.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import NothingLeft
from ...random.rng import Rng

ABSURD = 1e15
"""Numbers beyond this are taken for failures where they are squared or added up."""


def usable(numbers: Tensor) -> Tensor:
    """Return which numbers can be computed with: of any shape, bool."""
    return numbers.abs() <= ABSURD  # never true of NaN


def surviving(outputs: Tensor, losses: Tensor) -> Tensor:
    """Return which members have usable outputs (J, B, K) and losses (J,): (J,) bool."""
    return usable(outputs.abs().amax((1, 2))) & usable(losses)


def overflowed(x: Tensor, losses: Tensor) -> Tensor:
    """Return which members (P, D) have weights that are not finite: (P,) bool. Only those without a
    finite loss (P,) are looked at.
    """
    found = ~torch.isfinite(losses)
    if bool(found.any()):
        found[found.clone()] = ~torch.isfinite(x[found]).all(1)
    return found


def enough(alive: Tensor, least: int = 2) -> None:
    """Check that so many members (J,) are left.

    Raises:
        NothingLeft: they are not.
    """
    left = int(alive.sum())
    if left < least:
        raise NothingLeft(
            f"it diverged, for {'only 1' if left else 'none'} of its {len(alive):,} members "
            f"had outputs that can be computed with"
        )


def redrawn(survivors: Tensor, count: int, rng: Rng) -> Tensor:
    """Draw new members (n, D) from a Gaussian with the mean and the covariance of the survivors (m,
    D).
    """
    mean = survivors.mean(0)
    weights = rng.normal(count, len(survivors)).to(survivors) / len(survivors) ** 0.5
    return (weights @ (survivors - mean)).add_(mean)


def copies(failed: Tensor, rng: Rng) -> Tensor:
    """Choose for each member (P,) the member that takes its place: itself, or where it failed a
    survivor drawn at random. (P,) int64; all themselves where all failed.
    """
    places = torch.arange(len(failed), device=failed.device)
    alive = places[~failed]
    if not len(alive):
        return places
    drawn = alive[rng.integers(len(alive), len(failed)).to(failed.device)]
    return torch.where(failed, drawn, places)
