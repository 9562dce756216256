"""The processes that share one race: ranks, as torchrun starts them and as MPI calls them.

Every rank runs the whole race with the same random numbers and evaluates a part of what the oracle
is asked for; what travels is the losses, or sums of J × J numbers. So all ranks know the same and
decide the same. What only one of them could know is told to all: the clock is that of rank 0, and
who was asked to stop tells the others, so that all stop after the same step.
"""

from __future__ import annotations

import hashlib
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..errors import BadInput

if TYPE_CHECKING:
    from torch import Tensor

NEEDED = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun tells every process that it starts."""
SILENCE = timedelta(minutes=30)
"""The longest that a rank waits for the others."""

_joined: Ranks | None = None


class RankLost(BaseException):
    """Raised when the ranks cannot go on together: this process must end. No lane may survive it,
    so it is not an `Exception`.
    """


class Ranks:
    """This process among those that share a race.

    Attributes:
        number: its own, from 0 on.
        count: how many there are.
        leaving: whether this one was asked to stop.
        ending: whether any was, as all know since the last step.
    """

    def __init__(self, number: int, count: int, quiet: bool = False) -> None:
        self.number, self.count = number, count
        self.leaving = self.ending = False
        self._quiet = quiet

    def alone(self) -> Ranks:
        """Return a stand-in that has the same part of the work and tells the others nothing: for
        steps that are thrown away.
        """
        return Ranks(self.number, self.count, quiet=True)

    def part(self, count: int) -> tuple[int, int]:
        """Return the first of ``count`` things that are this rank's, and the first that is not."""
        return count * self.number // self.count, count * (self.number + 1) // self.count

    def added(self, numbers: Tensor, elapsed: float) -> tuple[Tensor, float]:
        """Return the sum of every rank's numbers, (n,), and the seconds elapsed at rank 0.

        Raises:
            RankLost: another rank has ended.
        """
        if self._quiet:
            return numbers, elapsed
        import torch

        own = elapsed if self.number == 0 else 0.0
        both = torch.cat([numbers, numbers.new_tensor([own])])
        if both.device.type not in ("cpu", "cuda"):
            both = both.cpu()
        self._reduce(both)
        return both[:-1].to(numbers.device), float(both[-1])

    def tick(self, elapsed: float) -> float:
        """Return the seconds that a step took at rank 0, and learn whether any rank was asked to
        stop. Called by all after every step.

        Raises:
            RankLost: another rank has ended.
        """
        if self._quiet:
            return elapsed
        import torch

        own = elapsed if self.number == 0 else 0.0
        told = torch.tensor([own, float(self.leaving)], dtype=torch.float64)
        self._reduce(told)
        self.ending = bool(told[1] > 0)
        return float(told[0])

    def agree(self, what: str, *values: Any) -> None:
        """Make sure that all ranks have the same values: tensors, or anything with a `repr`.

        Raises:
            RankLost: they have not, or another rank has ended.
        """
        import torch

        digest = hashlib.blake2b(digest_size=7)
        for value in values:
            digest.update(
                value.detach().cpu().numpy().tobytes()
                if isinstance(value, torch.Tensor)
                else repr(value).encode()
            )
        number = int.from_bytes(digest.digest(), "little")
        ends = torch.tensor([number, -number])
        self._reduce(ends, most=True)
        if ends[0] != -ends[1]:
            raise RankLost(
                f"the ranks do not have the same {what}; expected one command, the same files and "
                f"machines of one kind"
            )

    def _reduce(self, numbers: Tensor, most: bool = False) -> None:
        """Replace numbers by all ranks' sum of them, or by the most that any has."""
        import torch.distributed as dist

        try:
            dist.all_reduce(numbers, dist.ReduceOp.MAX if most else dist.ReduceOp.SUM)
        except RuntimeError:
            raise RankLost(
                f"rank {self.number} of {self.count} stops: another rank has ended"
            ) from None


def launched() -> bool:
    """Return whether torchrun has started this process as one of several."""
    return all(name in os.environ for name in NEEDED) and os.environ["WORLD_SIZE"] != "1"


def speaks() -> bool:
    """Return whether this process is to report bad input: one on every machine."""
    return not launched() or os.environ["LOCAL_RANK"] == "0"


def join() -> Ranks | None:
    """Meet the other processes that torchrun has started; None if this one is alone.

    Raises:
        BadInput: the others were not met.
    """
    global _joined
    if _joined is None and launched():
        import torch
        import torch.distributed as dist

        cuda = torch.cuda.is_available()
        if cuda:
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
        try:
            dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", timeout=SILENCE)
        except (RuntimeError, ValueError) as error:
            address = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
            why = (str(error).splitlines() or ["no answer"])[0]
            raise BadInput(
                "torchrun", address, f"an address where all ranks meet ({why})"
            ) from None
        _joined = Ranks(dist.get_rank(), dist.get_world_size())
    return _joined


def joined() -> Ranks | None:
    """Return this process among those it has met; None if it is alone."""
    return _joined


def leave() -> None:
    """Leave the others."""
    global _joined
    if _joined is not None:
        import torch.distributed as dist

        _joined = None
        dist.destroy_process_group()
