"""What the machine itself does, measured in the run whose figures it stands beside: how fast memory
is copied, what a fresh page costs, how fast large matrices are multiplied.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

NUMBERS = 2**24
"""In an array, 64 MiB: more than most caches hold."""
SIDE = 2048
"""Of the matrices."""


@dataclass(frozen=True)
class Machine:
    """What was found.

    Attributes:
        copy: bytes read and written in a second while an array is copied to memory in use.
        page: how many times as long it takes to fill fresh memory as memory in use.
        product: floating-point operations in a second of a 2048³ product in float32.
        threads: PyTorch's.
    """

    copy: float
    page: float
    product: float
    threads: int

    def __str__(self) -> str:
        return (
            f"this machine, in this run: copies {self.copy / 1e9:.1f} GB/s (read and written), "
            f"fresh memory {self.page:.1f}× the time of memory in use, "
            f"2048³ products {self.product / 1e9:.0f} GFLOP/s, {self.threads} "
            f"{'thread' if self.threads == 1 else 'threads'}"
        )

    def copying(self, read: float, written: float) -> float:
        """Milliseconds that so many numbers (float32) read and written take at that rate."""
        return 1e3 * 4 * (read + written) / self.copy

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return asdict(self)


def measure(rounds: int = 5) -> Machine:
    """Medians of so many rounds after one to warm up, taken in turns."""
    one, other = torch.ones(NUMBERS), torch.empty(NUMBERS)
    a, b, c = (torch.randn(SIDE, SIDE) for _ in range(3))
    times = _timed(
        {
            "copy": lambda: other.copy_(one),
            "used": other.zero_,
            "fresh": lambda: torch.empty(NUMBERS).zero_(),
            "product": lambda: torch.mm(a, b, out=c),
        },
        rounds,
    )
    return Machine(
        2 * 4 * NUMBERS / times["copy"],
        times["fresh"] / times["used"],
        2 * SIDE**3 / times["product"],
        torch.get_num_threads(),
    )


def _timed(what: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in what}
    for turn in range(rounds + 1):
        for name, run in what.items():
            since = time.perf_counter()
            run()
            if turn:
                times[name].append(time.perf_counter() - since)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Measure and print."""
    print(measure())


if __name__ == "__main__":
    main()


def print_table(figures: Mapping[str, float], bars: Mapping[str, float]) -> None:
    """Print a line for every figure; where it has a bar, whether it is at most that."""
    for name, value in figures.items():
        bar = bars.get(name)
        said = "" if bar is None else f"<= {bar:g}  {'met' if value <= bar else 'MISSED'}"
        print(f"{name:28} {value:10.3f}  {said}")
