"""A worker at the wheel of a real race: what it does when it is told to, and in which order it
tells of it.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import pytest

from engine.datasets.hand_drawn import encode_points
from engine.experiment.model import Experiment
from engine.messages.encoding import Message, decode, encode
from engine.workers import race_runner
from engine.workers.race_runner import FOR_EVER, Cancelled, RaceRunner


class Wire:
    """Stands in for the rest of the worker: gives the commands in its lists, one list each time the
    race waits, and keeps what it is told.
    """

    def __init__(self, *orders: list[Message]) -> None:
        self.orders = deque(orders)
        self.messages: list[Message] = []

    def send(self, message: Message) -> None:
        self.messages.append(decode(encode(message)))

    def drive(self, runner: RaceRunner) -> None:
        """Run a race until it is over, or cancelled because there are no more orders."""
        for wait in runner.run():
            if wait == FOR_EVER:
                runner.inbox.extend(self.orders.popleft() if self.orders else [{"do": "cancel"}])

    def kinds(self) -> list[str]:
        return [message.get("state") or message["type"] for message in self.messages]


def drive(
    *orders: list[Message],
    lanes: tuple[Any, ...] = ({"name": "annealing", "population_size": 4}, "adam"),
    dataset: Any = None,
) -> Wire:
    """A race that is paused before its first step; then it meets one list of commands after the
    other and is cancelled.
    """
    wire = Wire(*orders)
    value = {
        "dataset": dataset or {"name": "moons", "points": 40},
        "lanes": list(lanes),
        "budget": {"currency": "evaluations", "amount": 1e7},
    }
    runner = RaceRunner(Experiment.parse(value), wire.send)
    runner.inbox.append({"do": "pause"})
    with pytest.raises(Cancelled):
        wire.drive(runner)
    return wire


STILL = ["metrics", "picture", "detail", "weights"]
BEGUN = ["stage", "metrics", "picture", "running", *STILL, "paused"]


def test_stages_of_every_lane_come_before_the_frame_they_lead_to() -> None:
    wire = drive([{"do": "stages"}], [{"do": "step"}])
    assert wire.kinds() == [*BEGUN, "stages", "stages", *STILL, *STILL]
    first, second = (message for message in wire.messages if message["type"] == "stages")
    assert [(first["lane"], first["step"]), (second["lane"], second["step"])] == [(0, 1), (1, 1)]
    frames = [message for message in wire.messages if message["type"] == "metrics"]
    assert first["k"] == second["k"] == frames[-2]["k"]
    assert [[lane["step"] for lane in frame["lanes"]] for frame in frames] == [
        [0, 0],
        [0, 0],
        [1, 1],
        [2, 2],
    ]
    stage = wire.messages[0]["lanes"]
    for told, lane in zip((first, second), stage, strict=True):
        assert len(told["stages"]) == len(lane["stages"]) >= 2
        assert all(lane["stages"][i]["line"] for i in range(len(lane["stages"])))


def test_what_is_done_while_it_stands_still_is_shown_at_once_and_together() -> None:
    text = encode_points(
        Experiment().dataset.load(0).x_train[:30], Experiment().dataset.load(0).y_train[:30]
    )
    wire = drive(
        [
            {"do": "turn", "lane": 1, "field": "learning_rate", "value": 0.02},
            {"do": "weight", "lane": 1, "index": 3, "value": 2.5},
            {"do": "reheat", "lane": 0, "factor": 3.0},
            {"do": "points", "points": text},
            {"do": "plane", "kind": "random"},
        ]
    )
    assert wire.kinds() == [*BEGUN, *STILL]
    metrics, picture, _, weights = wire.messages[-4:]
    assert [event["kind"] for event in metrics["events"]] == ["turn", "weight", "reheat", "points"]
    assert metrics["events"][-1] == {"kind": "points", "steps": [0, 0], "value": text}
    assert weights["lanes"][1][3] == 2.5
    assert picture["lanes"][1]["weights"][3] == 2.5
    assert picture["plane"]["kind"] == "random"
    assert [lane["step"] for lane in metrics["lanes"]] == [0, 0]


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (
            {"do": "turn", "lane": 1, "field": "batch", "value": 3},
            "batch: 3 is not allowed; expected a knob that may be turned while it runs",
        ),
        (
            {"do": "turn", "lane": 1, "field": "learning_rate", "value": -1},
            "learning_rate: -1 is not allowed",
        ),
        (
            {"do": "weight", "lane": 0, "index": 10**6, "value": 1.0},
            "index: 1000000 is not allowed",
        ),
        (
            {"do": "reheat", "lane": 1, "factor": 2.0},
            "lane: 1 is not allowed; expected a lane whose method has a temperature",
        ),
        ({"do": "points", "points": "gAAAC" * 9}, "points: 'class 2' is not allowed"),
    ],
)
def test_what_cannot_be_done_is_told_and_changes_nothing(command: Message, sentence: str) -> None:
    wire = drive([command], [{"do": "step"}])
    assert wire.kinds() == [*BEGUN, "problem", *STILL]
    problem = wire.messages[len(BEGUN)]
    assert problem["passing"]
    assert problem["sentence"].startswith(sentence)
    assert wire.messages[-4]["events"] == []


def test_points_and_planes_of_a_landscape_are_refused() -> None:
    text = "gAAAA" * 9
    wire = drive(
        [{"do": "points", "points": text}, {"do": "plane", "kind": "pca"}],
        lanes=("adam",),
        dataset="landscape",
    )
    assert wire.kinds() == [*BEGUN, "problem", "problem"]


def test_many_weights_are_sent_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race_runner, "WEIGHTS_BYTES", 100)
    wire = drive([{"do": "step"}], [{"do": "weights"}])
    assert wire.kinds() == [
        *[kind for kind in BEGUN if kind != "weights"],
        "metrics",
        "picture",
        "detail",
        "weights",
    ]
    assert wire.messages[-1]["steps"] == [1, 1]
    assert (
        len(wire.messages[-1]["lanes"][0])
        == wire.messages[0]["dimension"]
        == wire.messages[0]["layers"][-1]["stop"]
    )


def test_dear_details_come_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(time, "process_time", lambda: clock[0])
    value = {
        "dataset": {"name": "moons", "points": 40},
        "lanes": ["adam"],
        "budget": {"currency": "evaluations", "amount": 1e7},
    }
    wire = Wire()
    at_the_wheel = RaceRunner(Experiment.parse(value), wire.send)
    detail = at_the_wheel.race.detail
    cost = [0.004]

    def slow(k: int) -> Message:
        clock[0] += cost[0]
        return detail(k)

    monkeypatch.setattr(at_the_wheel.race, "detail", slow)
    at_the_wheel._look()
    for _ in range(1000):
        at_the_wheel._detail_if_due()
        clock[0] += 0.1
    assert wire.kinds().count("detail") == pytest.approx(100 / race_runner.DETAIL_SECONDS, abs=3), (
        "every two seconds where it is cheap"
    )
    cost[0] = 0.08
    at_the_wheel.detail_costs.clear()
    before = wire.kinds().count("detail")
    for _ in range(1000):
        at_the_wheel._detail_if_due()
        clock[0] += 0.1
    dear = wire.kinds().count("detail") - before
    assert dear * cost[0] <= 100 * race_runner.DETAIL_SHARE + cost[0]
    assert dear >= 8
