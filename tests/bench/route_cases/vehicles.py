"""Bars of the capacitated vehicle routing problem: files of CVRPLIB, and drawn deliveries beside
PyVRP.
"""

from __future__ import annotations

import statistics

from engine.combinatorial.instances import INSTANCES
from engine.combinatorial.methods import METHODS

from .common import SEEDS, Row, all_at_most, beside, data, gaps, race

TOWN = {"name": "deliveries", "customers": 200, "seed": 11}


def rows(seconds_scale: float = 1.0) -> list[Row]:
    """Return a row for every bar.

    Args:
        seconds_scale: factor on all budgets, below 1 for a quick look.
    """
    found = [
        gaps(
            name,
            data("cvrp", f"{name}.vrp"),
            "annealing",
            2.0 * seconds_scale,
            "optimum in 2 s, every seed",
            all_at_most(0.0),
        )
        for name in ("E-n22-k4", "A-n32-k5")
    ]
    lanes = ("annealing", "tempering", "pyvrp", "or-tools")
    others = [
        beside(f"{name}, all beside each other", instance, lanes, seconds * seconds_scale)
        for name, instance, seconds in (
            ("E-n22-k4", data("cvrp", "E-n22-k4.vrp"), 2.0),
            ("A-n32-k5", data("cvrp", "A-n32-k5.vrp"), 2.0),
            ("200 deliveries, seed 11", TOWN, 10.0),
        )
    ]
    return [*found, *others, beside_pyvrp(10.0 * seconds_scale), mean_rate(2.0 * seconds_scale)]


def beside_pyvrp(seconds: float) -> Row:
    """Return the row that compares annealing with PyVRP, each lane on the same seconds."""
    name = "200 deliveries, seed 11, beside PyVRP"
    bar = f"median within 1 % of PyVRP's in {seconds:g} s"
    refusal = METHODS.get("pyvrp")().refusal(INSTANCES.build(TOWN).load())
    if refusal is not None:
        return {"row": name, "bar": bar, "value": None, "met": None, "detail": refusal}
    ours, theirs = [], []
    for seed in SEEDS:
        one, other = race(TOWN, ["annealing", "pyvrp"], seconds, seed)
        ours.append(one["best"])
        theirs.append(other["best"])
    apart = 100 * (statistics.median(ours) / statistics.median(theirs) - 1)
    return {
        "row": name,
        "bar": bar,
        "value": round(apart, 3),
        "met": apart <= 1.0,
        "detail": f"annealing {_listed(ours)}; PyVRP {_listed(theirs)}",
    }


def mean_rate(seconds: float) -> Row:
    """Return the row of moves proposed in a second."""
    result = race(TOWN, ["annealing"], seconds)[0]
    rate = result["moves"] / result["seconds"] / 1e6
    return {
        "row": "200 deliveries: moves in a second",
        "bar": "15 M",
        "value": round(rate, 1),
        "met": rate >= 15.0,
        "detail": f"{result['moves']:,} in {result['seconds']:.2f} s",
    }


def _listed(lengths: list[int]) -> str:
    return ", ".join(f"{length:,}" for length in lengths)
