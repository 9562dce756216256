"""Races that one or several processes run, for tests: `torchrun … -m tests.engine.support.shared_race
OUT` writes what rank 0 saw of each, and whether it evaluated a part only.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from engine import evaluation
from engine.experiment.model import Experiment
from engine.populations.base import Population
from engine.populations.gaussian import GaussianPopulation
from engine.race.race import Race
from engine.system import ranks

SMALL = {"dataset": {"name": "moons", "points": 60}, "device": "cpu"}
LARGE = {"dataset": "digits", "network": {"name": "mlp", "hidden": [32]}, "device": "cpu"}
RACES: dict[str, dict[str, Any]] = {
    "few weights": {
        **SMALL,
        "lanes": ["openai-es", "snes", "random-search", "spsa"],
        "budget": {"currency": "evaluations", "amount": 6e4},
    },
    "few weights, ensembles and others": {
        **SMALL,
        "lanes": [
            "eki",
            {"name": "eki", "form": "discrete", "batch": 0, "population_size": 32},
            "mezo",
            "genetic",
        ],
        "budget": {"currency": "evaluations", "amount": 6e4},
    },
    "many weights": {
        **LARGE,
        "lanes": [
            {"name": "openai-es", "pairs": 96},
            {"name": "snes", "population_size": 192},
            {"name": "snes", "population_size": 193, "antithetic": True},
            {"name": "random-search", "population_size": 192, "centre": "best", "batch": 200},
        ],
        "budget": {"currency": "evaluations", "amount": 9e5},
    },
    "all alike": {
        **SMALL,
        "lanes": [
            "annealing",
            "adam",
            "enkf",
            {"name": "eki", "perturb": True, "form": "discrete"},
        ],
        "budget": {"currency": "evaluations", "amount": 2e4},
    },
    "stopped by the clock": {
        **SMALL,
        "lanes": ["openai-es", "adam"],
        "budget": {"currency": "seconds", "amount": 0.3},
    },
}


def main(out: str, *names: str) -> None:
    together = ranks.join()
    seen: dict[str, Any] = {}
    members = {"asked": 0, "written": 0}
    losses = evaluation.losses

    def noted(network: Any, loss: Any, population: Any, *more: Any) -> Any:
        members["asked"] += len(population)
        return losses(network, loss, population, *more)

    dense = GaussianPopulation.dense

    def written(population: Population) -> Any:
        members["written"] += 1
        return dense(population)  # type: ignore[arg-type]

    evaluation.losses = noted  # type: ignore[assignment]
    GaussianPopulation.dense = written  # type: ignore[method-assign, assignment]
    for name in names or RACES:
        members["asked"] = members["written"] = 0
        race = Race(Experiment.parse(RACES[name]), marks=10, pictures=False)
        frames = [
            [
                {key: lane[key] for key in ("step", "evaluations", "flops", "loss", "test_loss")}
                for lane in frame.metrics["lanes"]
            ]
            for frame in race
        ]
        seen[name] = {
            "frames": frames,
            "rounds": [lane.oracle.rounds for lane in race.lanes],
            "estimates": [lane.state.estimate.tolist() for lane in race.lanes],
            "troubles": [lane.trouble for lane in race.lanes],
            "seconds": [lane.oracle.seconds for lane in race.lanes],
            **members,
        }
    number = 0 if together is None else together.number
    Path(f"{out}.{number}").write_text(json.dumps(seen))
    ranks.leave()


if __name__ == "__main__":
    main(*sys.argv[1:])
