"""Print what the first step of a lane makes that later ones find, as JSON.

    python -m tests.engine.support.warming [cold] METHOD…

Each method is tried in a process of its own.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import torch

from engine import Experiment
from engine.kernels import compiled, scratch
from engine.optimizers import OPTIMIZERS
from engine.race import race as race_module
from engine.race.race import Race
from engine.random import noise_table

MIN_NUMEL = 160
"""Members that make a population of these networks large enough for compiled loops."""
COUNTS = ("population_size", "new_harmonies", "memory_size", "pairs")


def lane_of(method: str) -> dict[str, Any]:
    """A lane with many members, where it has any."""
    optimizer = OPTIMIZERS.build({"name": method})
    fields = type(optimizer).model_fields
    counts = [name for name in COUNTS if type(getattr(optimizer, name, None)) is int]
    many = {} if method in ("eki", "enkf") else dict.fromkeys(counts, MIN_NUMEL)
    return {"name": method, **many, **({"coordinates": 20} if "coordinates" in fields else {})}


def made() -> dict[str, Any]:
    """All that is made once, as it stands."""
    loops = [one for kernels in compiled.ALL.values() for one in kernels]
    return {
        "modules": set(sys.modules),
        "loops": sum(len(one.loops) for one in loops),
        "tables": noise_table.numbers.cache_info().misses,
        "pools": compiled._pool.cache_info().misses,
        "buffers": scratch.held(),
    }


def first_step(method: str, cold: bool) -> dict[str, Any]:
    """What the first step of that method made."""
    if cold:
        race_module.warm_up = lambda *_: None  # type: ignore[attr-defined]
    value = {
        "dataset": "digits",
        "network": {"name": "mlp", "hidden": [24]},
        "lanes": [lane_of(method)],
        "device": "cpu",
        "threads": 2,
    }
    race = Race(Experiment.parse({**value, "budget": {"currency": "evaluations", "amount": 1e9}}))
    before = made()
    race.advance()
    after = made()
    assert race.lanes[0].trouble is None, race.lanes[0].trouble
    new = sorted(name for name in after["modules"] - before["modules"])
    return {"modules": new[:5]} | {
        what: after[what] - before[what] for what in before if what != "modules"
    }


def main() -> None:
    """Try each method."""
    torch.set_num_threads(1)
    cold, methods = "cold" in sys.argv[1:], [name for name in sys.argv[1:] if name != "cold"]
    for method in methods:
        if not (child := os.fork()):
            try:
                print(json.dumps({method: first_step(method, cold)}), flush=True)
            finally:
                os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
