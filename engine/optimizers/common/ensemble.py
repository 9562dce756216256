"""What ensemble Kalman inversion needs of its members' outputs, added up over the data, and how the
members mix.

Everything is in the space of the J members: however many data and weights there are, what is kept
is J×J, and the weights are touched by one product of (J, J) and (J, D).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ...errors import NothingLeft
from ...kernels.scratch import scratch_buffer
from ...losses import Height, wanted
from ...oracle import Oracle
from ...random.rng import Rng
from .survivors import enough, redrawn, surviving

COLLAPSED = (
    "its ensemble has collapsed: its {:,} members are one and the same network, so that no "
    "difference is left to move by"
)
ROUNDINGS = 4
"""Members that differ by no more than so many roundings of their mean are one and the same."""
OUTPUT_BYTES = 2**25
"""Outputs of all members that are held at once, 32 MiB; what is made of them takes some times as
much."""
COLUMN_BYTES = 2**21
"""Weights of all members that are mixed at once, 2 MiB: what the cores' caches hold."""

AHEAD = 3
"""How many standard deviations of the ensemble's heights below its lowest one a landscape's target
lies: at the lowest itself an ensemble closes before it is down."""


@dataclass
class Sums:
    """Sums over the M = B·K data of outputs G (J, M) at the targets y.

    Attributes:
        losses: (J,) mean loss of every member.
        data: M.
        cross: (J, J) slopes or residuals times departures: Σ r_j (G_k − Ḡ); row j is who moves.
        gram: (J, J) Σ (G_j − Ḡ)(G_k − Ḡ), or (M, M) over the members where data are fewer than
            those; empty where it was not asked for.
        misfits: (J,) Σ (y − G)².
        noise: as ``cross`` (or (J, M)) for standard normal perturbations of the targets in place of
            residuals; None without.
        centred, residual: (J, M) G − Ḡ and y − G, where data are fewer than members; else None.
        alive: (J,) bool, whose outputs were usable; the numbers of the others mean nothing. None
            where those of all were.
    """

    losses: Tensor
    data: int
    cross: Tensor
    gram: Tensor
    misfits: Tensor
    noise: Tensor | None = None
    centred: Tensor | None = None
    residual: Tensor | None = None
    alive: Tensor | None = None

    @classmethod
    def of(
        cls,
        u: Tensor,
        form: Literal["loss", "discrete"],
        perturb: bool,
        look: bool,
        rng: Rng,
        oracle: Oracle,
    ) -> Sums:
        """Ask for the outputs of the members (J, D), as many samples at a time as `OUTPUT_BYTES`
        hold.

        Args:
            u: the ensemble.
            form: "loss" takes ∂ℓ/∂G for r, "discrete" y − G, in double precision.
            perturb: whether the targets get noise ("discrete" only).
            look: whether the Gram matrix is wanted.
            rng: where the noise comes from.
            oracle: asked once for every slice of its batch.

        Raises:
            NothingLeft: fewer than two members have usable outputs.
        """
        size, found, alive = len(u), None, None
        # Apple's GPUs (mps) have no doubles.
        wide = u.dtype if form == "loss" or u.device.type == "mps" else torch.float64
        # Not so few that the products get thin.
        samples = max(-(-size // 8), OUTPUT_BYTES // (size * u.element_size() * 16))
        # Targets with noise of their own, and a matrix over the data, are of the whole batch.
        spread = oracle.splits_batch and not (
            form == "discrete"
            and (perturb or len(oracle.targets) * oracle.network.layers[-1].shape[0] < size)
        )
        for share in oracle.own_chunks(samples) if spread else oracle.batch_chunks(samples):
            g = oracle.outputs(u)
            losses = oracle.loss.values(g, oracle.targets) * share
            good, seen = surviving(g, losses), g
            if not bool(good.all()):  # what they answered stays out of every sum
                alive = good if alive is None else alive & good
                if not spread:  # of a share of the data one does not know
                    enough(alive)
                seen, g = g[good], torch.where(good[:, None, None], g, 0.0)
                losses = torch.where(good, losses, torch.inf)
            r = (
                oracle.loss.derivative(g, oracle.targets)
                if form == "loss"
                else aimed_at(seen, oracle) - g
            ).flatten(1)
            centred, few = (g - g.mean(0)).flatten(1).to(wide), share == 1 and r.shape[1] < size
            misfits = r.square().sum(1)
            noise = rng.normal(*r.shape).to(wide) if perturb and form == "discrete" else None
            r = r.to(wide)
            gram = (centred.T @ centred if few else centred @ centred.T) if look else centred[:0]
            if few and form == "discrete":
                return cls(losses, r.shape[1], centred[:0], gram, misfits, noise, centred, r, alive)
            part = cls(
                losses,
                r.shape[1],
                r @ centred.T,
                gram,
                misfits,
                None if noise is None else noise @ centred.T,
            )
            found = part if found is None else found.added(part)
        assert found is not None, "no samples"
        found.alive = alive
        if spread:
            found._add_up(found.data // _share(oracle) * len(oracle.targets), oracle)
        return found

    def _add_up(self, data: int, oracle: Oracle) -> None:
        """Add what the other ranks found on their shares of the batch.

        Args:
            data: M of the whole batch.
            oracle: what they share.
        """
        failed = (
            torch.zeros_like(self.losses) if self.alive is None else (~self.alive).to(self.losses)
        )
        parts = [self.losses, self.misfits, failed, self.cross, self.gram]
        flat = torch.cat([part.to(self.cross).flatten() for part in parts])
        told = [
            part.view_as(own).to(own)
            for own, part in zip(
                parts, oracle.added(flat).split([part.numel() for part in parts]), strict=True
            )
        ]
        self.losses, self.misfits, failed, self.cross, self.gram = told
        self.data = data
        if bool((failed > 0).any()):
            self.alive = failed == 0
            enough(self.alive)

    def of_survivors(self) -> Sums:
        """Return the sums over those members alone whose outputs were usable, as if there had been
        no others.
        """
        if self.alive is None:
            return self
        rows, noise = self.alive.nonzero().squeeze(1), self.noise
        losses, misfits = self.losses[rows], self.misfits[rows]
        if self.centred is not None and self.residual is not None:
            centred = self.centred[rows]
            centred = centred - centred.mean(0)
            return Sums(
                losses,
                self.data,
                centred[:0],
                centred.T @ centred,
                misfits,
                None if noise is None else noise[rows],
                centred,
                self.residual[rows],
            )

        def among(products: Tensor) -> Tensor:
            """Turn products with departures from all members' mean into products with departures
            from the survivors'.
            """
            kept = products[rows][:, rows]
            return kept - kept.mean(1, keepdim=True)

        # Over the data it cannot be told whose part is whose; only a number shown is made of it.
        gram = self.gram[:0]
        if len(self.gram) == len(self.losses):
            gram = among(self.gram)
            gram = gram - gram.mean(0)
        return Sums(
            losses,
            self.data,
            among(self.cross),
            gram,
            misfits,
            None if noise is None else among(noise),
        )

    def added(self, other: Sums) -> Sums:
        """Add the sums of other data of the same members, in place."""
        for one, two in (
            (self.losses, other.losses),
            (self.cross, other.cross),
            (self.misfits, other.misfits),
        ):
            one.add_(two)
        if self.gram.numel():
            self.gram.add_(other.gram)
        if self.noise is not None and other.noise is not None:
            self.noise.add_(other.noise)
        self.data += other.data
        return self


def _share(oracle: Oracle) -> int:
    """Return how many samples of the batch are this rank's."""
    assert oracle.ranks is not None
    first, last = oracle.ranks.part(len(oracle.targets))
    return last - first


def aimed_at(g: Tensor, oracle: Oracle) -> Tensor:
    """Return what the outputs (J, B, K) of an ensemble are pulled to: (B, K), one-hot rows for
    classes or the numbers to be met.

    A height has nothing to meet. A place as far below the lowest of the ensemble as `AHEAD` says
    stands in for it, so that lifting the ground as a whole changes nothing.
    """
    return (
        g.amin(0) - AHEAD * g.std(0, correction=0)
        if isinstance(oracle.loss, Height)
        else wanted(g, oracle.targets)
    )


def factorised(matrix: Tensor) -> Tensor:
    """Return Cholesky factors of symmetric matrices (…, n, n). Where rounding has cost one its
    positive definiteness, as much is added to its diagonal as rounding may have taken.

    Raises:
        NothingLeft: that does not help.
    """
    factor, failed = torch.linalg.cholesky_ex(matrix)
    if bool((failed == 0).all() & torch.isfinite(factor).all()):
        return factor
    size = matrix.shape[-1]
    rounding = (
        size * torch.finfo(matrix.dtype).eps * matrix.diagonal(dim1=-2, dim2=-1).abs().amax(-1)
    )
    eye = torch.eye(size, dtype=matrix.dtype, device=matrix.device)
    for times in (1, 100, 10_000):
        factor, failed = torch.linalg.cholesky_ex(matrix + times * rounding[..., None, None] * eye)
        if bool((failed == 0).all() & torch.isfinite(factor).all()):
            return factor
    raise NothingLeft("it diverged, for the covariance of its outputs could not be factorised")


def collapsed(spread: float, mean: Tensor) -> bool:
    """Return whether members at that distance from their mean (D,) are all one and the same, as far
    as their numbers can tell.
    """
    return spread <= ROUNDINGS * torch.finfo(mean.dtype).eps * float(torch.linalg.vector_norm(mean))


def replaced(u: Tensor, survivors: Tensor, alive: Tensor, rng: Rng) -> None:
    """Write the survivors as they have moved (m, D) back into the ensemble (J, D), and draw those
    that failed from them, in place.
    """
    u[alive] = survivors
    u[~alive] = redrawn(survivors, int((~alive).sum()), rng)


def mixed(u: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Add W (u − ū) to u in place, some weights of all members at a time, while the cache holds
    them: (J, D), (J, J).

    With d = u − ū and w̄ the mean of W's rows, the new mean is ū + w̄ d and the new departures from
    it are (I + W − 1 w̄) d: one product gives both, and the spread is found before anything is
    added to the mean.

    Returns:
        The mean (D,) and the members' root mean square distance from it, ().
    """
    size, dimension = u.shape
    step = max(
        64, (COLUMN_BYTES if u.device.type == "cpu" else OUTPUT_BYTES) // (size * u.element_size())
    )
    pull = weights.mean(0, keepdim=True)
    both = torch.cat([weights - pull, pull])
    both.diagonal().add_(1)
    means, squares = torch.empty_like(u[0]), u.new_zeros(())
    for start in range(0, dimension, step):
        part = u[:, start : start + step]
        mean = torch.mean(part, 0, out=means[start : start + step])
        found = scratch_buffer("departures after", (size + 1, part.shape[1]), u)
        torch.mm(
            both,
            torch.sub(part, mean, out=scratch_buffer("departures", tuple(part.shape), u)),
            out=found,
        )
        departures = found[:size]
        squares += torch.dot(departures.view(-1), departures.view(-1))
        torch.add(departures, mean.add_(found[size]), out=part)
    return means, (squares / size).sqrt()
