"""Memory that tensors hold at a time, counted and not timed or sampled: the same on every
machine.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from engine.kernels import scratch


class LiveMemory(TorchDispatchMode):
    """Follows the storages made inside.

    Attributes:
        peak: the most bytes alive at once of those that were made inside.
    """

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._alive: dict[int, tuple[StorageWeakRef, int]] = {}
        self._sum = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        known = {
            one.untyped_storage()._cdata
            for one in tree_leaves((args, kwargs))
            if isinstance(one, Tensor)
        }
        result = function(*args, **(kwargs or {}))
        for one in tree_leaves(result):
            if isinstance(one, Tensor):
                storage = one.untyped_storage()
                if storage._cdata not in known and storage._cdata not in self._alive:
                    self._alive[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
                    self._sum += storage.nbytes()
        if self._sum > self.peak:
            self._forget()
            self.peak = max(self.peak, self._sum)
        return result

    def _forget(self) -> None:
        for key in [key for key, (storage, _) in self._alive.items() if storage.expired()]:
            self._sum -= self._alive.pop(key)[1]


def peak_of(race: Any, steps: int = 3) -> int:
    """The most bytes that the one lane of a race holds at once while it takes its first steps, its
    state included and all that was there before it left out.
    """
    scratch.release()
    with LiveMemory() as memory:
        lane = race._line_up(0, race.experiment.lanes[0])
        race.lanes = [lane]
        lane.watched = False
        for _ in range(steps):
            race.advance_lane(lane)
    assert lane.trouble is None, lane.trouble
    return memory.peak
