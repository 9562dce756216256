"""Samples of a Gaussian with a standard deviation for every weight, and the sums over them that
move it: shared by the separable evolution strategies and random search.

x_k = μ + σ ⊙ z_k,     z_k ~ N(0, I),     Σ_k u_k z_k,     Σ_k v_k z_k²

The z_k are not kept: for the sums they are read off the table of random numbers again, which the
cache holds; that is quicker than to read as many numbers from memory, and loses no digit where σ is
far smaller than μ. Many samples are written in one pass, and both sums are made in another
(`sample_rows`, `add_weighted`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from . import compiled
from .compiled import COLUMNS, Array, kernel
from .row_blocks import Sum, row_blocks
from .scratch import scratch_buffer

if TYPE_CHECKING:
    from ..random.random_rows import RandomRows


def sampled(
    x: Tensor, z: RandomRows, mean: Tensor, deviation: Tensor, mirrored: bool = False
) -> Tensor:
    """Write samples.

    Args:
        x: (λ, D) where to.
        z: rows of D standard normal numbers; λ of them, or with mirrored pairs half as many,
            rounded up.
        mean: (D,) μ.
        deviation: (D,) σ.
        mirrored: whether the second half is μ − σ ⊙ z of the same z as the first; an odd last one
            is dropped.

    Returns:
        x.
    """
    half = (len(x) + 1) // 2 if mirrored else len(x)
    first, second = x[:half], x[half:]
    mean, deviation = mean.contiguous(), deviation.contiguous()
    if compiled.fit(x, mean, deviation) and z.tabled:
        opposite = second if mirrored else x[:0]
        sample_rows(half, first, opposite, *z.stretches(x), 0, mean, deviation)
        return x
    for strip in row_blocks(first):
        part = z.scaled(first[strip], strip, deviation)
        if mirrored:
            torch.sub(mean, part[: len(second[strip])], out=second[strip])
        part.add_(mean)
    return x


def sampled_part(out: Tensor, z: RandomRows, mean: Tensor, deviation: Tensor, start: int) -> None:
    """Write the samples from number ``start`` on, without mirrored ones, as many as ``out`` (m, D)
    has room for: the same numbers as those of `sampled`. On the CPU only.
    """
    mean, deviation = mean.contiguous(), deviation.contiguous()
    types = {one.dtype for one in (out, mean, deviation)}
    if z.tabled and types <= compiled.TYPES.keys() and len(types) == 1:
        sample_rows(len(out), out, out[:0], *z.stretches(out), start, mean, deviation)
        return
    for strip in row_blocks(out):
        rows = slice(start + strip.start, start + strip.stop)
        z.scaled(out[strip], rows, deviation).add_(mean)


def weighted(z: RandomRows, u: Tensor, v: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return Σ_k u_k z_k and Σ_k v_k z_k² of the rows drawn, (n,) weights each: (D,), (D,).
    ``like`` (D,) tells the type and the device.
    """
    if z.whole is not None:
        whole = z.whole.to(like)
        return u @ whole, v @ whole.square()
    if z.tabled and like.dtype in compiled.TYPES:
        along, squares = torch.zeros_like(like), torch.zeros_like(like)
        add_weighted(
            len(like),
            along,
            squares,
            *z.stretches(like),
            u.contiguous(),
            v.contiguous(),
            grain=COLUMNS,
        )
        return along, squares
    one, two = Sum("z", len(u), like), Sum("z²", len(u), like)
    for strip in row_blocks(u.unsqueeze(1).expand(-1, len(like))):
        part = z[strip].to(like)
        square = torch.mul(part, part, out=scratch_buffer("squares", tuple(part.shape), part))
        one.add(part, u[strip])
        two.add(square, v[strip])
    return one.value(), two.value()


def folded(u: Tensor) -> tuple[Tensor, Tensor]:
    """Return what u weighs z and z² with when its samples are mirrored pairs: (λ,) → differences
    and sums, (⌈λ/2⌉,) each, a dropped last one weighing nothing.
    """
    half = (len(u) + 1) // 2
    mirrored = torch.nn.functional.pad(u[half:], (0, 2 * half - len(u)))
    return u[:half] - mirrored, u[:half] + mirrored


@kernel(
    "T[:, ::1], T[:, ::1], T[::1], int64[:, ::1], int64, int64, T[::1], T[::1]", "x", "opposite"
)
def sample_rows(
    first: int,
    last: int,
    x: Array,
    opposite: Array,
    table: Array,
    places: Array,
    members: int,
    skipped: int,
    mean: Array,
    deviation: Array,
) -> None:
    """Write some samples, the first of which is number ``skipped``; ``opposite`` (m, D) are those
    that mirror the first ones.
    """
    for i in range(first, last):
        block, row = (i + skipped) // members, (i + skipped) % members * x.shape[1]
        one, two, out = table[places[block, 0] + row :], table[places[block, 1] + row :], x[i]
        if i < len(opposite):
            other = opposite[i]
            for j in range(len(out)):
                step = deviation[j] * (one[j] + two[j])
                out[j] = mean[j] + step
                other[j] = mean[j] - step
        else:
            for j in range(len(out)):
                out[j] = mean[j] + deviation[j] * (one[j] + two[j])


@kernel("T[::1], T[::1], T[::1], int64[:, ::1], int64, T[::1], T[::1]", "along", "squares")
def add_weighted(
    first: int,
    last: int,
    along: Array,
    squares: Array,
    table: Array,
    places: Array,
    members: int,
    u: Array,
    v: Array,
) -> None:
    """Add up some columns: rows that weigh nothing are passed over."""
    width = len(along)
    for start in range(first, last, COLUMNS):
        stop = min(start + COLUMNS, last)
        sums, sums_of_squares = along[start:stop], squares[start:stop]
        for i in range(len(u)):
            once, twice = u[i], v[i]
            if once == 0 and twice == 0:
                continue
            place = i % members * width + start
            one, two = (
                table[places[i // members, 0] + place :],
                table[places[i // members, 1] + place :],
            )
            for j in range(len(sums)):
                z = one[j] + two[j]
                sums[j] += once * z
                sums_of_squares[j] += twice * z * z
