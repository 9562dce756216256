"""Bars of the travelling salesman problem, on files of TSPLIB and random cities."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from engine.combinatorial.instances import INSTANCES
from engine.combinatorial.methods import METHODS
from engine.combinatorial.problem import problem_of

from .common import Row, all_at_most, beside, data, gaps, optimum_in, race

RATES = {"1,002 (pr1002)": 20.0, "10,000": 20.0, "100,000": 9.0}
"""Proposals in a second, in millions."""
EXPECTED = 0.7124
"""Length of the optimal tour of n random cities in a square of area A, over √(nA) (Johnson, McGeoch
and Rothberg 1996)."""


def tsp(name: str) -> Any:
    """Return the path of a file of TSPLIB, or None."""
    return data("tsplib", f"{name}.tsp")


def rows(scale: float = 1.0) -> list[Row]:
    """Measure all rows.

    Args:
        scale: of every budget, below 1 for a quick look.
    """
    found: list[Row] = []

    def add(lane: Any, name: str, seconds: float, bar: str, holds: Any) -> None:
        label = lane if isinstance(lane, str) else lane["name"]
        found.append(gaps(f"{name}, {label}", tsp(name), lane, seconds * scale, bar, holds))

    for name, seconds in (("eil51", 2.0), ("berlin52", 2.0), ("kroA100", 5.0)):
        add("annealing", name, seconds, f"optimum in {seconds} s, every seed", all_at_most(0))
    add("annealing", "ch150", 3, "≤ 0.7 % in 3 s", all_at_most(0.7))
    for lane in ("tempering", "iterated"):
        add(lane, "ch150", 8, "optimum in 8 s, every seed", all_at_most(0))
    add("annealing", "a280", 5, "≤ 0.2 % in 5 s, optimum 4 of 5", optimum_in(4, 0.2))
    add("annealing", "pcb442", 10, "≤ 0.4 % in 10 s", all_at_most(0.4))
    add("annealing", "pr1002", 20, "≤ 1.0 % in 20 s", all_at_most(1.0))
    add("iterated", "pr1002", 10, "≤ 0.8 % in 10 s", all_at_most(0.8))
    if "genetic" in METHODS:
        for name, seconds in (("eil51", 0.5), ("berlin52", 0.5), ("kroA100", 0.5), ("ch150", 0.5)):
            add("genetic", name, seconds, f"optimum in {seconds} s", all_at_most(0))
        add("genetic", "a280", 1, "optimum in 1 s", all_at_most(0))
        add("genetic", "pcb442", 2, "optimum in 2 s", all_at_most(0))
        add("genetic", "pr1002", 6, "≤ 0.1 % in 6 s", all_at_most(0.1))
        sure = {"name": "genetic", "population": 300}
        add(sure, "pr1002", 25, "optimum in 25 s, population 300", all_at_most(0))
    found += opponents(scale)
    found += rates()
    found += large(scale)
    return found


def opponents(scale: float) -> list[Row]:
    """Measure solvers of others beside ours, in one race each: no bar, but whom a bar is about."""
    large = ("annealing", "genetic", "fast-tsp", "or-tools")
    small = ("annealing", "elastic-net", "sinkhorn", "restarts")
    return [
        beside(f"{name}, {what}", tsp(name), lanes, seconds * scale)
        for name, what, lanes, seconds in (
            ("eil51", "gradients of a smooth stand-in", small, 3.0),
            ("berlin52", "gradients of a smooth stand-in", small, 3.0),
            ("kroA100", "gradients of a smooth stand-in", small, 6.0),
            ("pcb442", "heat and local search", ("tempering", "iterated", "restarts"), 10.0),
            ("a280", "all beside each other", large, 10.0),
            ("pcb442", "all beside each other", large, 10.0),
            ("pr1002", "all beside each other", large, 20.0),
        )
    ]


def rates() -> list[Row]:
    """Measure proposals in a second at working temperatures, from a greedy tour."""
    import time

    from engine.combinatorial import moves
    from engine.combinatorial.tour_problem import TourProblem

    found = []
    for name, bar in RATES.items():
        cities = int(name.split(" ")[0].replace(",", ""))
        instance = INSTANCES.build({"name": "random", "cities": cities}).load()
        problem: TourProblem = problem_of(instance)
        tour, _ = problem.greedy_tour()
        near = problem.neighbours(8)
        pos = np.empty(cities, np.int32)
        pos[tour] = np.arange(cities, dtype=np.int32)
        length = problem.length(tour)
        numbers = np.array([length, length, 0, 0, 0], np.int64)
        best, state = tour.copy(), np.array([7], np.uint64)
        count, took = 0, 0.0
        for share in np.linspace(0, 1, 60):
            temperature = problem.spacing * 0.7 * (0.04 / 0.7) ** share
            began = time.thread_time()
            moves.anneal(
                problem,
                tour,
                pos,
                near,
                (temperature, 1.0),
                200_000,
                best,
                numbers,
                np.zeros(2),
                state,
            )
            took += time.thread_time() - began
            count += 200_000
        rate = count / took / 1e6
        found.append(
            {
                "row": f"proposals of annealing, {name} cities",
                "bar": f"≥ {bar:g} million/s",
                "value": round(rate, 1),
                "met": rate >= bar,
                "detail": "T from 0.7 to 0.04 mean distances to the five nearest",
            }
        )
    return found


def large(scale: float) -> list[Row]:
    """Measure 10,000 and 100,000 random cities, each in a process of its own for its memory."""
    found = []
    for cities, bar in ((10_000, 2.5), (100_000, 6.0)):
        program = (
            "from tests.bench.route_cases.tours import one_large; "
            f"print(*one_large({cities}, {20 * scale}))"
        )
        output = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout
        over, megabytes = map(float, output.split())
        found.append(
            {
                "row": f"{cities:,} random cities, annealing",
                "bar": f"≤ {bar} % over 0.7124√(nA) in 20 s, ≤ 400 MiB",
                "value": round(over, 2),
                "met": over <= bar and megabytes <= 400,
                "detail": f"{megabytes:.0f} MiB resident at most",
            }
        )
    return found


def one_large(cities: int, seconds: float) -> tuple[float, float]:
    """Return per cent over the expected optimum, and the most memory resident, in MiB."""
    instance = {"name": "random", "cities": cities}
    result = race(instance, ["annealing"], seconds)[0]
    expected = EXPECTED * (cities * 1e12) ** 0.5
    # not ru_maxrss, which a process inherits from the one that started it
    status = Path("/proc/self/status").read_text() if Path("/proc/self/status").exists() else ""
    peak = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    resident = float(peak[0]) / 1024 if peak else float("nan")
    return 100 * (result["best"] / expected - 1), resident
