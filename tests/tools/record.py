"""Record the races that ship with Kelvin: the first screen's, those of the playlist, and some of
the page of routes.

    python -m tests.tools.record [NAME …]

The first screen's race is the explorer's own default, and that of routes the one of the page of
routes, so that pressing Run gives what was just seen. Every other one is the preset of its name, so what is shown on a stage is what a visitor can
run, and what the preset claims is tested. Without names, all are recorded. Budgets in evaluations
give the same race again but for the clock.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from app import route_controls
from app.experiments import AnyExperiment
from app.present import playlist
from app.presets import presets
from engine.combinatorial.race import CombinatorialRace
from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.messages.encoding import encode
from engine.messages.recording import SUFFIX, Recording
from engine.race.race import Race

ASSETS = Path(__file__).resolve().parents[2] / "assets"
FIRST, ROUTES = "first-screen", "routes"
BESIDES = ("full-trucks", "cheap-proof", "first-come")
"""Presets that are recorded for the gallery alone: one for each other problem of the page of
routes."""
FRAMES, FIRST_FRAMES = 120, 150
LANE_FRAMES = 190
"""Frames of all lanes together: every lane has pictures of its own."""
DETAIL_EVERY = 10
"""Frames from one detail to the next: they are large."""
MOST_BYTES = 600_000
"""Of one file: everything that ships is loaded before a talk begins."""


def experiments() -> dict[str, AnyExperiment]:
    """Every shipped race by the name of its recording.

    Raises:
        BadInput: the playlist names a recording that is neither the first screen's nor a preset's.
    """
    known: dict[str, AnyExperiment] = {
        FIRST: Experiment(),
        ROUTES: route_controls.usual(),
        **{preset.id: preset.experiment() for preset in presets()},
    }
    names = dict.fromkeys([FIRST, *(entry.recording for entry in playlist()), ROUTES, *BESIDES])
    for name in names:
        if name not in known:
            raise BadInput("playlist", name, f"{FIRST} or the id of a preset")
    return {name: known[name] for name in names}


def messages(race: Race | CombinatorialRace) -> Iterator[bytes]:
    """A whole race, as it would go over the wire: the stage, every moment with its picture, some
    with details, at last the weights.
    """
    yield encode(race.stage())
    k, next_detail = 0, 0
    for frame in race:
        k = frame.k
        yield encode(frame.metrics)
        if frame.picture:
            yield encode(frame.picture)
        if k >= next_detail or race.finished:
            yield encode(race.detail(k))
            next_detail = k + DETAIL_EVERY
    if not isinstance(race, CombinatorialRace):
        yield encode(race.weights(k))


def main(names: list[str]) -> int:
    """Record the races of these names, or all of them.

    Returns:
        The exit status: 1 where a recording is larger than `MOST_BYTES`, 2 where a name is unknown.
    """
    torch.set_num_threads(1)  # as a worker on a small machine runs it
    there = experiments()
    unknown = [name for name in names if name not in there]
    if unknown:
        print(BadInput("NAME", unknown[0], f"one of {', '.join(there)}"), file=sys.stderr)
        return 2
    large = []
    for name in names or there:
        experiment = there[name]
        marks = FIRST_FRAMES if name == FIRST else min(FRAMES, LANE_FRAMES // len(experiment.lanes))
        race = (
            Race(experiment, marks=marks)
            if isinstance(experiment, Experiment)
            else CombinatorialRace(experiment, marks=marks)
        )
        path = Recording(messages(race)).write(ASSETS / "recordings" / f"{name}{SUFFIX}")
        size = path.stat().st_size
        if size > MOST_BYTES:
            large.append(f"{name} has {size:,} bytes, more than {MOST_BYTES:,}")
        shown = ("optimizer", "method", "loss", "test_accuracy", "best", "gap")
        found = [
            {key: value for key, value in row.items() if key in shown} for row in race.results()
        ]
        print(f"{path.name}: {size:,} bytes, {found}", flush=True)
    print("\n".join(large), end="\n" if large else "", file=sys.stderr)
    return 1 if large else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
