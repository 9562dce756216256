"""Record the race of the first screen.

    python -m assets.record

The race is the explorer's own default, so that pressing Run gives what was just seen.
"""

from __future__ import annotations

import torch

from engine.datasets.images import ASSETS
from engine.experiment import Experiment
from engine.frames import encode
from engine.race import Race
from engine.recording import Recording

NAME = "first-screen"
FRAMES = 150


def main() -> None:
    """Run the default experiment and write its recording."""
    torch.set_num_threads(1)  # as a worker on a small machine runs it
    race = Race(Experiment(), marks=FRAMES)
    messages = [encode(race.stage())]
    for frame in race:
        messages += [encode(frame.metrics), encode(frame.picture or {})]
    path = Recording(messages).write(ASSETS / "recordings" / f"{NAME}.kelvin")
    print(f"{path}: {path.stat().st_size:,} bytes, {race.results()}")


if __name__ == "__main__":
    main()
