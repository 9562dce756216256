"""What is done to a race by hand: it works on every method, is told as an event, and a race is
repeated with it bit for bit.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.datasets.hand_drawn import HandDrawn, encode_points
from engine.errors import BadInput, CannotRun
from engine.experiment.model import Experiment
from engine.messages.encoding import decode, encode
from engine.messages.recording import Recording
from engine.optimizers import OPTIMIZERS
from engine.race import checkpoint
from engine.race.interventions import InterventionQueue, events_of, parse_events
from engine.race.race import Race

CLOCK_FIELDS = ("clock", "seconds", "core_seconds")


def experiment(*lanes: Any, dataset: Any = None, amount: float = 6e4, **rest: Any) -> Experiment:
    return Experiment.parse(
        {
            "dataset": dataset or {"name": "moons", "points": 60},
            "network": {"name": "mlp", "hidden": [4]},
            "lanes": lanes,
            "budget": {"currency": "evaluations", "amount": amount},
            **rest,
        }
    )


def points(n: int, seed: int = 0, classes: int = 2) -> str:
    generator = torch.Generator().manual_seed(seed)
    return encode_points(torch.randn(n, 2, generator=generator), torch.arange(n) % classes)


def without_clock(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: without_clock(entry) for key, entry in value.items() if key not in CLOCK_FIELDS
        }
    if isinstance(value, list):
        return [without_clock(entry) for entry in value]
    return value


def played(race: Race, hands: dict[int, list[tuple[Any, ...]]]) -> list[bytes]:
    """The metrics of a race in which a hand does things after some frames, without what a clock
    says.
    """
    told = []
    for frame in race:
        told.append(encode(without_clock(frame.metrics)))
        for do, *arguments in hands.get(frame.k, []):
            getattr(race, do)(*arguments)
    return told


HANDS: dict[int, list[tuple[Any, ...]]] = {
    0: [("set_hyperparameter", 1, "learning_rate", 0.003)],
    3: [("reheat", 0, 8.0), ("put_weight", 1, 7, -0.75)],
    5: [("set_points", points(37))],
    6: [
        ("put_weight", 0, 2, 1.25),
        ("set_hyperparameter", 1, "learning_rate", 0.05),
        ("set_hyperparameter", 1, "beta1", 0.8),
    ],
    9: [("set_points", points(90, 1)), ("reheat", 0, 0.25)],
}


def by_hand() -> tuple[Race, list[bytes]]:
    race = Race(
        experiment({"name": "annealing", "population_size": 8}, {"name": "adam", "batch": 16}),
        marks=15,
    )
    return race, played(race, HANDS)


def test_a_race_is_repeated_with_its_events_bit_for_bit() -> None:
    race, told = by_hand()
    assert len(race.done) == sum(map(len, HANDS.values()))
    again = Race(race.began, marks=15, events=parse_events(json.loads(json.dumps(race.done))))
    assert played(again, {}) == told
    assert again.done == race.done
    assert again.experiment == race.experiment != race.began
    without = Race(race.began, marks=15)
    assert played(without, {})[1] != told[1], "the events matter from the first on"


def test_a_recording_tells_of_the_events_and_a_race_is_repeated_from_it(tmp_path: Path) -> None:
    race = Race(
        experiment({"name": "annealing", "population_size": 8}, {"name": "adam", "batch": 16}),
        marks=15,
    )
    messages = [encode(race.stage())]
    for frame in race:
        messages.append(encode(frame.metrics))
        for do, *arguments in HANDS.get(frame.k, []):
            getattr(race, do)(*arguments)
    recording = Recording.read(Recording(messages).write(tmp_path / "race.kelvin"))
    assert [event.to_json() for event in events_of(recording)] == race.done
    again = Race(
        Experiment.parse(recording.stage["experiment"]), marks=15, events=events_of(recording)
    )
    assert played(again, {}) == [encode(without_clock(decode(data))) for data in messages[1:]]


def test_each_lane_meets_its_events_at_its_own_step_in_whatever_order_the_lanes_go() -> None:
    race, _ = by_hand()
    again = Race(race.began, events=parse_events(race.done))
    ends = [lane.step for lane in race.lanes]
    for lane, end in zip(
        reversed(again.lanes), reversed(ends), strict=True
    ):  # one after the other, the last first
        while lane.step < end:
            again.advance_lane(lane)
    for one, other in zip(race.lanes, again.lanes, strict=True):
        assert torch.equal(one.state.estimate, other.state.estimate)
        assert one.oracle.evaluations == other.oracle.evaluations
        assert one.optimizer == other.optimizer


def test_a_snapshot_carries_turned_knobs_other_points_and_events_to_come(tmp_path: Path) -> None:
    whole, told = by_hand()
    race = Race(whole.began, marks=15, events=parse_events(whole.done))
    for frame in race:
        if frame.k == 7:
            break
    again = checkpoint.load(checkpoint.save(race, tmp_path / "race"))
    assert again.experiment == race.experiment
    assert again.lanes[1].optimizer.learning_rate == 0.05  # type: ignore[attr-defined]
    assert again.done == race.done != whole.done
    while not again.finished:
        again.advance()
    assert again.done == whole.done
    assert [lane.state.estimate.tolist() for lane in again.lanes] == [
        lane.state.estimate.tolist() for lane in whole.lanes
    ]
    assert without_clock(again.results()) == without_clock(whole.results())
    last = without_clock(again.metrics(0))["lanes"]
    assert [row["test_loss"] for row in last] == [
        row["test_loss"] for row in decode(told[-1])["lanes"]
    ]


def test_a_turned_knob_holds_from_the_next_step_on() -> None:
    race = Race(
        experiment({"name": "sgd", "learning_rate": 0.1, "momentum": 0.0, "batch": 0}, amount=1e6)
    )
    lane = race.lanes[0]
    race.advance_lane(lane)
    race.set_hyperparameter(0, "learning_rate", 0.4)
    before = lane.state.estimate.clone()
    at = before.clone().unsqueeze(0).requires_grad_()
    (slope,) = torch.autograd.grad(
        race.loss.values(
            race.network.forward(at, race.dataset.x_train), race.dataset.y_train
        ).sum(),
        at,
    )
    race.advance_lane(lane)
    assert torch.allclose(lane.state.estimate, before - 0.4 * slope[0], atol=1e-7)
    assert race.metrics(0)["events"] == [
        {"kind": "turn", "steps": [1], "lane": 0, "step": 1, "field": "learning_rate", "value": 0.4}
    ]
    assert race.experiment.lanes[0].learning_rate == 0.4  # type: ignore[attr-defined]
    assert race.began.lanes[0].learning_rate == 0.1  # type: ignore[attr-defined]


@pytest.mark.parametrize("batch", [0, 20])
@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_every_method_goes_on_with_other_points(name: str, batch: int) -> None:
    race = Race(experiment({"name": name, "batch": batch}, amount=1e9))
    lane = race.lanes[0]
    for text in (points(23), points(150, 1), points(4, 2)):
        for _ in range(3):
            race.advance_lane(lane)
        weights, spent = (
            lane.state.estimate.clone(),
            (lane.step, lane.oracle.evaluations, lane.oracle.flops),
        )
        race.set_points(text)
        assert torch.equal(lane.state.estimate, weights)
        assert (lane.step, lane.oracle.evaluations, lane.oracle.flops) == spent
        assert lane.oracle.batch == (min(batch, len(text) // 5) or len(text) // 5)
    for _ in range(3):
        race.advance_lane(lane)
    assert bool(torch.isfinite(lane.state.estimate).all())
    assert len(lane.oracle.targets) == 4


def test_from_then_on_everybody_is_judged_by_the_other_points() -> None:
    race = Race(experiment("annealing", {"name": "adam", "batch": 10}, amount=1e6))
    race.picture(0)
    extent, landscape = race.stage()["data"]["points"]["extent"], race.picture(1)["landscape"]["id"]
    text = points(50, 3)
    race.set_points(text)
    rows = race.metrics(2)["lanes"]
    drawn = HandDrawn(points=text).load(0)
    for lane, row in zip(race.lanes, rows, strict=True):
        outputs = race.network.forward(lane.state.estimate.unsqueeze(0), drawn.x_train)[0]
        expected = torch.nn.functional.cross_entropy(outputs, drawn.y_train)
        assert row["loss"] == pytest.approx(float(expected), rel=1e-5)
        assert row["test_loss"] == pytest.approx(row["loss"], rel=1e-5)
    assert race.picture(2)["landscape"]["id"] > landscape, "the ground is another one"
    stage = race.stage()["data"]
    assert stage["points"]["extent"] == extent, "the square that is drawn stays"
    assert np.allclose(stage["points"]["x"].cpu(), drawn.x_train)
    assert race.experiment.dataset == HandDrawn(points=text)
    assert race.detail(2)["lanes"][0]["confusion"].sum() == 50


def test_what_cannot_be_done_is_refused_in_one_line_and_changes_nothing() -> None:
    race = Race(experiment("adam", "sgd", amount=1e5))
    race.advance()
    for do, field in (
        (lambda: race.set_hyperparameter(0, "batch", 3), "batch"),
        (lambda: race.set_hyperparameter(0, "learning_rate", -1), "learning_rate"),
        (lambda: race.set_hyperparameter(2, "learning_rate", 0.1), "lane"),
        (lambda: race.put_weight(0, 22, 1.0), "index"),
        (lambda: race.put_weight(0, -1, 1.0), "index"),
        (lambda: race.put_weight(0, 0, float("nan")), "value"),
        (lambda: race.put_weight(0, 0, 1e39), "value"),
        (lambda: race.put_weight(1, 0, -3.5e38), "value"),
        (lambda: race.set_points("AAAA"), "points"),
        (lambda: race.set_points(points(30, classes=3)), "points"),
    ):
        with pytest.raises(BadInput) as caught:
            do()
        assert str(caught.value).startswith(f"{field}: ")
        assert "\n" not in str(caught.value)
    assert race.done == []
    assert race.experiment is race.began
    while not race.finished:
        race.advance()
    with pytest.raises(
        BadInput, match=r"^lane: 0 is not allowed; expected a lane that still runs$"
    ):
        race.put_weight(0, 0, 1.0)
    with pytest.raises(BadInput, match="still runs"):
        race.set_points(points(10))
    with pytest.raises(
        BadInput, match=r"^points: 'digits' is not allowed; expected a race on a dataset of points$"
    ):
        Race(experiment("sgd", dataset="digits")).set_points(points(10))


def test_points_a_method_cannot_run_with_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    race = Race(experiment("adam", "sgd"))
    monkeypatch.setattr(
        OPTIMIZERS.get("sgd"),
        "refusal",
        lambda self, problem: "fewer points" if problem.samples > 50 else None,
    )
    race.set_points(points(50))
    with pytest.raises(
        CannotRun, match=r"points: '51 points for sgd' is not allowed; expected fewer points"
    ):
        race.set_points(points(51))
    assert len(race.dataset.y_train) == 50


def test_a_script_is_done_in_order_and_waits_for_the_lanes_it_is_for() -> None:
    events = parse_events(
        [
            {"kind": "points", "steps": [2, 5], "value": points(9)},
            {"kind": "weight", "lane": 0, "step": 2, "steps": [2, 5], "index": 0, "value": 1},
            {"kind": "turn", "lane": 1, "step": 6, "field": "learning_rate", "value": 0.1},
        ]
    )
    script = InterventionQueue(events, 2)
    assert script.due([1, 5], 0) == []
    assert script.due([2, 4], 1) == []
    assert script.due([2, 4], 0) == [(events[0], [0], True), (events[1], [0], True)], (
        "lane 0 goes on before lane 1 is there"
    )
    assert script.due([3, 4], 1) == []
    assert script.due([3, 5], 0) == [(events[0], [1], False)]
    assert script.due([9, 6], 0) == []
    assert script.due([9, 6], 1) == [(events[2], [1], True)]
    assert not script
    together = InterventionQueue(events, 2)
    assert together.due([2, 5], 1) == [(events[0], [0, 1], True), (events[1], [0], True)], (
        "the same order as before: both at once"
    )


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        ("x", "events: 'x' is not allowed; expected a list"),
        ([{"kind": "wave"}], "events[0]"),
        (
            [{"kind": "reheat", "lane": 0, "step": -1, "value": 2}],
            "events[0].reheat.step: -1 is not allowed; expected at least 0",
        ),
        (
            [{"kind": "reheat", "lane": 0, "step": 1, "value": float("nan")}],
            "events[0].reheat.value: nan is not allowed; expected a finite number",
        ),
    ],
)
def test_events_that_are_none_are_refused(events: Any, sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_events(events)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_events_of_another_race_are_refused() -> None:
    for event, field in (
        ({"kind": "turn", "lane": 1, "step": 0, "field": "learning_rate", "value": 1}, "lane"),
        ({"kind": "points", "steps": [1, 2], "value": points(9)}, "steps"),
    ):
        with pytest.raises(BadInput, match=rf"^events\[0\]\.{field}: "):
            Race(experiment("adam"), events=parse_events([event]))
