"""A race on a map in a worker process: the same commands as for networks, and edits of cities."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from engine.any_race import parse_experiment
from engine.combinatorial import checks
from engine.combinatorial.instance import TourInstance
from engine.combinatorial.instances import RandomCities
from engine.workers.pool import Pool
from tests.engine.support.listening import Listener, eventually


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    pool = Pool(1)
    yield pool
    pool.close()


def test_a_race_on_a_map_is_steered(pool: Pool) -> None:
    listener = Listener()
    experiment = parse_experiment(
        {
            "instance": {"name": "random", "cities": 40},
            "lanes": ["annealing", "tempering", "iterated"],
            "budget": {"currency": "seconds", "amount": 600},
        }
    )
    job = pool.submit(experiment.to_json(), listener)
    stage = listener.wait(lambda message: message["type"] == "stage")
    assert stage["data"]["kind"] == "tour"
    listener.wait(lambda message: message["type"] == "picture" and message["k"] > 2)
    job.command({"do": "pause"})
    listener.state("paused")
    job.command({"do": "cities", "move": [[0, 5.0, 5.0]], "drop": [1], "add": [[9.0, 9.0]]})
    job.command({"do": "kick", "lane": 0})
    job.command({"do": "reheat", "lane": 1, "factor": 2.0})
    job.command({"do": "turn", "lane": 0, "field": "final_temperature", "value": 0.1})

    def events() -> list[str]:
        return [event["kind"] for one in listener.of("metrics") for event in one["events"]]

    eventually(lambda: events() == ["cities", "kick", "reheat", "turn"])
    at = len(listener.messages)
    job.command({"do": "stages"})
    listener.wait(lambda message: message["type"] == "move", at)
    picture = listener.of("picture")[-1]
    places = RandomCities(cities=40).load().places
    places[0] = 5, 5
    moved = [*places[[0, *range(2, 40)]].tolist(), [9.0, 9.0]]
    now = np.array(moved)
    instance = TourInstance("t", "t", "EUC_2D", now, now)
    for lane in picture["lanes"]:
        assert not checks.check(instance, lane["best"])
    for wrong in (
        {"do": "weight", "lane": 0, "index": 0, "value": 1.0},
        {"do": "points", "points": "AAAA"},
        {"do": "plane", "kind": "pca"},
        {"do": "cities", "drop": [99]},
        {"do": "kick", "lane": 7},
    ):
        at = len(listener.messages)
        job.command(wrong)
        problem = listener.wait(lambda message: message["type"] == "problem", at)
        assert problem["passing"]
        assert "\n" not in problem["sentence"]
    job.command({"do": "resume"})
    listener.state("running", at)
    job.command({"do": "cancel"})
    eventually(lambda: job.over)
