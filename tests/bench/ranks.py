"""Measure what a race gains when several processes share it: evaluations a second.

    python -m tests.bench.ranks [--ranks 1 2] [--steps 6] [--rounds 3] [--json]

Two rates: of the clock, and of the processor time of the rank that took longest, which is what the
clock would show if every rank had a core to itself and the losses travelled in no time. On a busy
machine only the second one means anything. The rates are the best of some rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from engine.system import environment

BATCH = 256
LANES: dict[str, dict[str, Any]] = {
    "OpenAI-ES, P = 4,096": {"name": "openai-es", "pairs": 2048, "batch": BATCH},
    "SNES, P = 4,096": {"name": "snes", "population_size": 4096, "batch": BATCH},
    "random search, P = 4,096": {
        "name": "random-search",
        "population_size": 4096,
        "batch": BATCH,
    },
    "EKI, J = 512": {"name": "eki", "population_size": 512, "batch": BATCH},
}
MEMBERS = {"EKI, J = 512": 512}


def inside(out: str, steps: int, rounds: int) -> None:
    """Run the races as one rank, and write what it took."""
    environment.prepare()
    from engine.experiment.model import Experiment
    from engine.race.race import Race
    from engine.system import ranks

    together = ranks.join()
    found: dict[str, Any] = {}
    for _ in range(rounds):
        for name, lane in LANES.items():
            value = {
                "dataset": "digits",
                "network": {"name": "mlp", "hidden": [256]},
                "lanes": [lane],
                "budget": {
                    "currency": "evaluations",
                    "amount": steps * BATCH * MEMBERS.get(name, 4096),
                },
                "device": "cpu",
            }
            race = Race(Experiment.parse(value), marks=1, pictures=False)
            begun = race.lanes[0].oracle
            before = begun.evaluations, begun.seconds, begun.core_seconds
            for _frame in race:
                pass
            oracle = race.lanes[0].oracle
            told = {
                "dimension": race.network.dimension,
                "evaluations": oracle.evaluations - before[0],
                "seconds": oracle.seconds - before[1],
                "core_seconds": oracle.core_seconds - before[2],
            }
            known = found.get(name)
            if known is not None:
                told |= {kind: min(told[kind], known[kind]) for kind in ("seconds", "core_seconds")}
            found[name] = told
    number = 0 if together is None else together.number
    Path(f"{out}.{number}").write_text(json.dumps(found))
    ranks.leave()


def measured(count: int, steps: int, rounds: int) -> dict[str, dict[str, float]]:
    """Return the rates of so many ranks, by race."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "rank"
        command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(count)]
        command += ["-m", "tests.bench.ranks", "--inside", str(out)]
        command += ["--steps", str(steps), "--rounds", str(rounds)]
        subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        told = [json.loads(Path(f"{out}.{number}").read_text()) for number in range(count)]
    return {
        name: {
            "evaluations/s": one["evaluations"] / one["seconds"],
            "evaluations/core s": one["evaluations"]
            / max(rank[name]["core_seconds"] for rank in told),
            "dimension": one["dimension"],
        }
        for name, one in told[0].items()
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        inside(options.inside, options.steps, options.rounds)
        return
    rows = {count: measured(count, options.steps, options.rounds) for count in options.ranks}
    if options.json:
        print(json.dumps(rows))
        return
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f}; one thread a rank; digits, batches of {BATCH}")
    print(f"{'':<28}{'ranks':>6}{'evaluations/s':>16}{'×':>6}{'of core time':>16}{'×':>6}")
    for name in LANES:
        first = rows[options.ranks[0]][name]
        for count, found in rows.items():
            row = found[name]
            cells = "".join(
                f"{row[kind]:>16,.0f}{row[kind] / first[kind]:>6.2f}"
                for kind in ("evaluations/s", "evaluations/core s")
            )
            print(f"{name:<28}{count:>6}{cells}")


if __name__ == "__main__":
    main()
