"""Drive races a few steps and print what came of them in short, as JSON, for processes that differ.

python -m tests.engine.support.repeating THREADS STEPS METHOD…
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import torch

from engine import Experiment, Race
from engine.populations.base import dense
from engine.race import checkpoint

MLP = {"dataset": "digits", "network": {"name": "mlp", "hidden": [24]}}
CNN = {"dataset": "digits", "network": {"name": "cnn", "channels_1": 3, "channels_2": 4}}
SMALL: dict[str, dict[str, Any]] = {
    "eki": {"population_size": 24, "batch": 40},
    "enkf": {"population_size": 24, "batch": 40},
    "levenberg-marquardt": {"batch": 60},
    "finite-differences": {"coordinates": 20},
}
"""Settings that make a method's step short on these problems."""


def lane_of(method: str) -> dict[str, Any]:
    """A lane of that method."""
    return {"name": method, **SMALL.get(method, {})}


def race_of(problem: dict[str, Any], lanes: list[dict[str, Any]], threads: int = 1) -> Race:
    """A race on the CPU that is far from its end."""
    return Race(
        Experiment.parse(
            {
                **problem,
                "lanes": lanes,
                "budget": {"currency": "evaluations", "amount": 2e6},
                "device": "cpu",
                "threads": threads,
            }
        )
    )


def drive(race: Race, steps: int, looked: bool = False) -> Race:
    """Take so many steps of every lane in turn, looking at everything before each of them or
    never.
    """
    for k in range(steps):
        if looked:
            race.metrics(k)
            race.picture(k)
            race.detail(k)
        for lane in race.lanes:
            race.advance_lane(lane)
    return race


def resumed(race: Race, folder: Path) -> Race:
    """The race, saved and taken up again."""
    return checkpoint.load(checkpoint.save(race, folder / "race.snapshot"))


def outcome(race: Race, lane: int) -> dict[str, Any]:
    """Counters, losses and all that a lane's method knows, each tensor as a hash of its bits."""
    one = race.lanes[lane]
    scores = race.score(one)
    counted = {
        "step": one.step,
        "evaluations": one.oracle.evaluations,
        "flops": one.oracle.flops,
        "scores": [value.hex() for value in scores],
    }
    return counted | {f"state.{name}": hashed(value) for name, value in vars(one.state).items()}


def hashed(value: Any) -> Any:
    """The same with tensors as hashes of their bits and numbers to the last digit."""
    value = dense(value)
    if isinstance(value, torch.Tensor):
        return (
            f"{tuple(value.shape)} "
            f"{hashlib.sha256(value.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes()).hexdigest()[:16]}"
        )
    if isinstance(value, dict):
        return {str(key): hashed(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [hashed(entry) for entry in value]
    return value.hex() if isinstance(value, float) else str(value)


def main() -> None:
    """Race each method and print what came of it."""
    threads, steps, *methods = sys.argv[1:]
    found = {
        method: outcome(drive(race_of(MLP, [lane_of(method)], int(threads)), int(steps)), 0)
        for method in methods
    }
    found["cnn"] = outcome(
        drive(race_of(CNN, [{"name": "openai-es"}, {"name": "adam"}], int(threads)), int(steps)), 0
    )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
