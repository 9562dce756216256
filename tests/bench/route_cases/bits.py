"""Bars of a reader of digits whose 2,368 weights are ±1, trained by flips of single weights."""

from __future__ import annotations

import statistics
import time
from typing import Any

import torch

from engine.experiment.model import Experiment
from engine.race.race import Race

from .common import SEEDS, Row

ANNEALING: dict[str, Any] = {
    "name": "annealing",
    "population_size": 1,
    "initial_temperature": 0.02,
    "final_temperature": 0.002,
}
"""One chain: the losses of 1,437 digits differ by multiples of 1/1437 = 0.0007, and from T = 0.02
down to three of them all that matters freezes."""
ADAM: dict[str, Any] = {"name": "adam", "batch": 128, "learning_rate": 0.01}
SECONDS = 20.0
RATE = 100_000
ACCURACY = 0.95


def rows(scale: float = 1.0) -> list[Row]:
    """Measure all rows.

    Args:
        scale: of every budget, below 1 for a quick look.
    """
    rate = flips_per_second()
    found = [
        {
            "row": "flips of one weight, digits, 64-32-10",
            "bar": f"≥ {RATE:,} /s",
            "value": round(rate),
            "met": rate >= RATE,
            "detail": "steps of 1,000 flips at T = 0.02, all 1,437 training samples in each flip",
        }
    ]
    for hidden, bar in ((32, ACCURACY), (64, None)):
        for name, lane, straight in (
            ("annealing by flips", ANNEALING, False),
            ("Adam, straight through", ADAM, True),
        ):
            judged = bar if lane is ANNEALING else None
            found.append(accuracy(name, lane, straight, hidden, SECONDS * scale, judged))
    return found


def race_of(lane: dict[str, Any], straight: bool, hidden: int, amount: float, seed: int) -> Race:
    """Return a race of one lane on the digits, of so many processor seconds."""
    network = {"name": "binary", "hidden": [hidden], "straight_through": straight}
    return Race(
        Experiment.parse(
            {
                "dataset": "digits",
                "network": network,
                "lanes": [lane],
                "budget": {"currency": "evaluations", "amount": amount},
                "seed": seed,
                "device": "cpu",
            }
        ),
        marks=1,
        pictures=False,
    )


def flips_per_second(steps: int = 300) -> float:
    """Measure flips of one chain in a second of the processor, all that a step does included."""
    race = race_of(ANNEALING, False, 32, 1e12, 0)
    for _ in range(20):
        race.advance()
    torch.set_num_threads(1)
    began = time.thread_time()
    for _ in range(steps):
        race.advance()
    return 1000 * steps / (time.thread_time() - began)


def accuracy(
    name: str, lane: dict[str, Any], straight: bool, hidden: int, seconds: float, bar: float | None
) -> Row:
    """Return the row of a lane that is given so many processor seconds. What it can evaluate in
    them is measured first, so that its budget, and with it its cooling, is in evaluations.
    """
    trial = race_of(lane, straight, hidden, 1e12, 0)
    while trial.lanes[0].oracle.core_seconds < 1:
        trial.advance()
    oracle = trial.lanes[0].oracle
    amount = seconds * oracle.evaluations / oracle.core_seconds
    train, test, took = [], [], []
    for seed in SEEDS:
        race = race_of(lane, straight, hidden, amount, seed)
        last = list(race)[-1].metrics["lanes"][0]
        train.append(100 * last["accuracy"])
        test.append(100 * last["test_accuracy"])
        took.append(race.lanes[0].oracle.core_seconds)
    told = ", ".join(f"{value:.1f}" for value in test)
    return {
        "row": f"digits, {64 * hidden + 10 * hidden:,} bits, {name}",
        "bar": "–" if bar is None else f"≥ {bar:.0%} of test digits in {seconds:g} s, every seed",
        "value": round(statistics.median(test), 2),
        "met": None if bar is None else min(test) >= 100 * bar,
        "detail": f"test %: {told}; train median {statistics.median(train):.1f} %, "
        f"{statistics.median(took):.1f} s",
    }
