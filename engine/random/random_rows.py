"""Random numbers for every weight of a population, (P, D), nowhere in one piece unless they are
few: had strip by strip, or number by number inside a kernel.

On the CPU a block of numbers (see `blocks`) is that of a few whole members, so that a member's
numbers are one run of a table plus another run of it, wherever a strip begins.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..kernels.scratch import buffer
from . import noise_table


@dataclass
class Drawn:
    """Such numbers.

    Attributes:
        law: of the numbers.
        seed: of all of them.
        count: P.
        width: D.
        like: tells the type and the device.
        whole: all of them, where they are few.
    """

    law: noise_table.Law
    seed: int
    count: int
    width: int
    like: Tensor
    whole: Tensor | None = None

    @property
    def members(self) -> int:
        """Members in a block."""
        return max(1, noise_table.block_of(self.like.device) // self.width)

    @property
    def tabled(self) -> bool:
        """Whether `stretches` can be had: on the CPU, where they are many and a member's are not
        too many.
        """
        return (
            self.whole is None
            and self.like.device.type == "cpu"
            and self.width <= noise_table.STRETCH
        )

    def stretches(self, like: Tensor) -> tuple[Tensor, Tensor, int]:
        """Where the numbers are to be read, for a kernel.

        Args:
            like: tells the type of the numbers.

        Returns:
            The table, where in it the two stretches of every block of members begin (blocks, 2),
            and how many members' numbers, one after the other, a stretch holds.
        """
        places = [
            noise_table.places(self.seed, block, self.members * self.width, self.width)[0]
            for block in range(-(-self.count // self.members))
        ]
        return noise_table.numbers(self.law, like.dtype), torch.tensor(places), self.members

    def __getitem__(self, strip: slice) -> Tensor:
        """Those rows' numbers, (m, D): the caller's to change, until the next strip of the same law
        is asked for.
        """
        if self.whole is not None:
            return self.whole[strip]
        return self.into(
            buffer(f"drawn {self.law}", (strip.stop - strip.start, self.width), self.like), strip
        )

    def into(self, out: Tensor, strip: slice) -> Tensor:
        """The same in memory of the caller's, (m, D) and contiguous.

        A row asked for again is the same; on a GPU a strip is, and strips that begin at different
        rows have nothing to do with each other.
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
        """The same times a scale (D,)."""
        if self.whole is not None:
            return torch.mul(self.whole[strip].to(out), scale, out=out)
        return self.into(out, strip).mul_(scale)
