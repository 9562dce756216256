"""What evaluating takes beside the population, at its peak, in a process of its own: ``python -m
tests.bench.memory MEMBERS HIDDEN INPUTS`` prints MiB. Linux only.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

STATUS, PEAK_RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def measured(members: int, hidden: int, inputs: int) -> float | None:
    """MiB beside a population of so many perceptrons inputs-hidden-10 on 256 samples; None where
    the system does not tell.
    """
    if not PEAK_RESET.exists():
        return None
    command = [sys.executable, "-m", "tests.bench.memory", str(members), str(hidden), str(inputs)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def resident(what: str) -> float:
    """MiB now ("VmRSS") or at the peak ("VmHWM")."""
    found = re.search(rf"^{what}:\s+(\d+) kB", STATUS.read_text(), re.MULTILINE)
    assert found
    return int(found[1]) / 1024


def main() -> None:
    """Measure and print."""
    members, hidden, inputs = map(int, sys.argv[1:])
    from engine.system import environment

    environment.prepare()  # before torch: it asks for large pages
    from engine import evaluation
    from engine.losses import LOSSES
    from engine.networks import MLP

    import torch  # isort: skip

    network = MLP(hidden=(hidden,)).build((inputs,), 10)
    population = torch.empty(members, network.dimension).uniform_(-0.1, 0.1)
    x, y = torch.rand(256, inputs), torch.zeros(256, dtype=torch.long)
    torch.mm(torch.rand(64, 64), torch.rand(64, 64))  # what the libraries themselves take
    PEAK_RESET.write_text("5")
    before = resident("VmRSS")
    for _ in range(2):
        evaluation.losses(network, LOSSES["cross-entropy"], population, x, y)
    print(resident("VmHWM") - before)


if __name__ == "__main__":
    main()
