"""Random numbers for every weight of a population, (P, D), not in memory as a whole unless they are
few: drawn in blocks of rows, or number by number inside a kernel.

On the CPU a block of numbers (see `engine.random.noise_table`) holds a few whole members, so that a
member's numbers are one slice of a table plus another slice of it, wherever a block of rows begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..kernels.scratch import scratch_buffer
from . import noise_table


@dataclass
class RandomRows:
    """Random numbers (P, D), drawn when needed.

    Attributes:
        law: of the numbers.
        seed: of all of them.
        count: P.
        width: D.
        like: a tensor with the type and the device.
        whole: all of them, if they are few.
    """

    law: noise_table.Law
    seed: int
    count: int
    width: int
    like: Tensor
    whole: Tensor | None = None
    _places: Tensor | None = field(default=None, init=False, repr=False)

    @property
    def members(self) -> int:
        """Return the number of members in a block."""
        return max(1, noise_table.block_of(self.like.device) // self.width)

    @property
    def tabled(self) -> bool:
        """Return whether `stretches` is available: on the CPU, if there are many numbers and not
        too many for a member.
        """
        return (
            self.whole is None
            and self.like.device.type == "cpu"
            and self.width <= noise_table.STRETCH
        )

    def stretches(self, like: Tensor) -> tuple[Tensor, Tensor, int]:
        """Return where a kernel reads the numbers.

        Args:
            like: a tensor with the type of the numbers.

        Returns:
            The table, where in it the two slices of every block of members begin (blocks, 2), and
                how many members' numbers, one after the other, a slice holds.
        """
        if self._places is None:  # asked for again by every chunk of a population
            self._places = torch.tensor(
                [
                    noise_table.places(self.seed, block, self.members * self.width, self.width)[0]
                    for block in range(-(-self.count // self.members))
                ]
            )
        return noise_table.numbers(self.law, like.dtype), self._places, self.members

    def __getitem__(self, strip: slice) -> Tensor:
        """Return those rows' numbers, (m, D). The caller may change them until the next rows of the
        same law are drawn.
        """
        if self.whole is not None:
            return self.whole[strip]
        return self.into(
            scratch_buffer(f"drawn {self.law}", (strip.stop - strip.start, self.width), self.like),
            strip,
        )

    def into(self, out: Tensor, strip: slice) -> Tensor:
        """Write the same numbers to the caller's memory, (m, D) and contiguous.

        Drawing a row again gives the same numbers; on a GPU drawing a block of rows again does, and
        blocks that begin at different rows are independent.
        """
        if self.whole is not None:
            return out.copy_(self.whole[strip])
        if self.like.device.type != "cpu":
            return noise_table.fill(out, self.seed, self.law, strip.start, out.numel())
        first = strip.start
        while first < strip.stop:
            block, skipped = divmod(first, self.members)
            last = min(strip.stop, first - skipped + self.members)
            part = out[first - strip.start : last - strip.start].view(-1)
            noise_table.stretch(
                part,
                self.seed,
                block,
                self.law,
                self.members * self.width,
                self.width,
                skipped * self.width,
            )
            first = last
        return out

    def scaled(self, out: Tensor, strip: slice, scale: Tensor) -> Tensor:
        """Return the same numbers times a scale (D,)."""
        if self.whole is not None:
            return torch.mul(self.whole[strip].to(out), scale, out=out)
        return self.into(out, strip).mul_(scale)
