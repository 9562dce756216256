"""Iterate over a race: steps until a frame is due, at equal shares of the budget. Races of networks
and on combinatorial problems share it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from ..messages.encoding import Frame
from .interrupt import held_back


class FrameIteration(ABC):
    """A race that yields its frames.

    Attributes:
        marks: how many frames it yields after the first.
        k: the number of the last frame, −1 before the first.
        closed: whether that frame was the end of the race.
    """

    marks: int
    k: int
    closed: bool
    _interrupted: bool

    @property
    @abstractmethod
    def finished(self) -> bool:
        """Return whether the race is over."""

    @property
    @abstractmethod
    def progress(self) -> float:
        """Return the share of the budget spent by the lane furthest behind."""

    @abstractmethod
    def settled(self) -> AbstractContextManager[None]:
        """Run the block as steps are run."""

    @abstractmethod
    def advance(self) -> Any:
        """Take one step of the lane furthest behind."""

    @abstractmethod
    def frame(self, k: int, closely: bool = True) -> Frame:
        """Return the frame of this moment."""

    def interrupt(self) -> None:
        """End the iteration after the current step. Iterating again continues from there."""
        self._interrupted = True

    def __iter__(self) -> Iterator[Frame]:
        while True:
            if self.due():
                yield self.next_frame()
            if self.finished:
                return
            try:
                with held_back(self.interrupt), self.settled():  # once for many steps
                    while not (self._interrupted or self.finished or self.due()):
                        self.advance()
            except KeyboardInterrupt:
                self._interrupted = False
                raise
            if self._interrupted:
                self._interrupted = False
                return

    def due(self) -> bool:
        """Return whether iterating yields a frame before the next step."""
        if self.finished:
            return not self.closed
        return self.k < 0 or self.progress >= (self.k + 1) / self.marks

    def next_frame(self) -> Frame:
        """Return the frame that is due."""
        k = self.k + 1
        if self.k >= 0 and not self.finished:
            k = max(k, math.floor(self.progress * self.marks))
        frame = self.frame(k)
        self.k, self.closed = k, self.finished
        return frame
