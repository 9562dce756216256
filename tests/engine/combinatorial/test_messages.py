"""Stage, metrics and pictures of vehicle routes, rosters and landings: what a page needs to draw
them, held to code that shares nothing with the methods; and recordings of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.combinatorial import checks
from engine.combinatorial.experiment import CombinatorialExperiment
from engine.combinatorial.instances import INSTANCES
from engine.combinatorial.methods.first_come import served
from engine.combinatorial.race import CombinatorialRace
from engine.combinatorial.reading.cities import read_cities
from engine.errors import BadInput, CannotRun
from engine.messages.encoding import decode, encode
from engine.messages.recorder import Recorder
from engine.messages.recording import Recording
from tests.engine.combinatorial.routes_support import measured
from tests.there import there

INSTANCE: dict[str, dict[str, Any]] = {
    "routes": {"name": "deliveries", "customers": 30},
    "pairing": {"name": "timetable", "legs": 60},
    "landing": {"name": "landings", "planes": 20, "runways": 2},
}
ARRAYS: dict[str, dict[str, tuple[int, ...]]] = {
    "routes": {"points": (31, 2), "demand": (31,)},
    "pairing": {},
    "landing": {"windows": (20, 3), "penalties": (20, 2), "separation": (20, 20)},
}


def race(kind: str, amount: float = 3e5, **more: Any) -> CombinatorialRace:
    value = {
        "instance": INSTANCE[kind],
        "lanes": ["annealing", "tempering"],
        "budget": {"currency": "evaluations", "amount": amount},
    }
    return CombinatorialRace(CombinatorialExperiment.parse(value | more), marks=12)


def broken(instance: Any, solution: Any) -> int:
    """By how much a solution breaks its constraints, in plain loops."""
    if instance.kind == "routes":
        return measured(instance, solution)[1]
    if instance.kind == "pairing":
        covered = [row for column in solution for row in instance.rows_of(column).tolist()]
        assert len(covered) == len(set(covered)), "no row is covered twice"
        return int(instance.size) - len(covered)
    times = solution[: instance.size]
    return int(np.maximum(times - instance.latest, 0).sum())


@pytest.mark.parametrize("kind", INSTANCE)
def test_the_stage_has_what_a_panel_draws(kind: str) -> None:
    stage = race(kind).stage()
    data = stage["data"]
    assert (stage["version"], data["kind"]) == (2, kind)
    for name, shape in ARRAYS[kind].items():
        assert data[name].shape == shape, name
    assert data["scale"] > 0


def test_a_timetable_tells_of_places_and_times() -> None:
    data = race("pairing").stage()["data"]
    legs = {name: data["legs"][name].tolist() for name in ("start", "end", "from", "to")}
    assert all(0 <= place < len(data["places"]) for place in legs["from"] + legs["to"])
    assert all(one < other for one, other in zip(legs["start"], legs["end"], strict=True))
    assert data["columns"]["starts"][-1] == len(data["columns"]["rows"])


def test_large_prices_reach_the_page_as_they_are() -> None:
    """Six decimals make whole numbers of more than 32 bits of them."""
    plane = "0 10 20 30 12345678.123456 1.0 0 3\n"
    text = "2 10\n" + plane + plane.replace("0 3\n", "3 0\n")
    planes = read_cities(text.encode(), "large.txt")
    sent = decode(encode({"type": "stage", "data": planes.stage()}))["data"]
    assert sent["penalties"] == [[12345678123456, 1000000]] * 2
    assert np.array_equal(sent["windows"], [[10, 20, 30]] * 2)

    legs = read_cities(b"2 3\n1000000.123456 1 1\n5 1 2\n7.5 2 1 2\n", "large.txt")
    sent = decode(encode({"type": "stage", "data": legs.stage()}))["data"]
    assert sent["columns"]["costs"] == [1000000123456, 5000000, 7500000]


@pytest.mark.parametrize("kind", INSTANCE)
def test_every_picture_is_what_the_numbers_say(kind: str) -> None:
    one = race(kind)
    seen = 0
    for frame in one:
        assert frame.picture is not None
        for row, drawn in zip(frame.metrics["lanes"], frame.picture["lanes"], strict=True):
            assert row["violation"] == broken(one.instance, drawn["current"])
            if drawn["best"] is None:
                assert row["loss"] is None
                continue
            seen += 1
            assert checks.check(one.instance, drawn["best"]) == []
            assert checks.length(one.instance, drawn["best"]) == row["loss"]
    assert seen > 12


def test_routes_without_enough_vehicles_break_the_capacity_and_say_by_how_much() -> None:
    cheap = {"name": "annealing", "overload": 0.001}
    one = race("routes", amount=2e6, lanes=[cheap, "annealing"])
    last = list(one)[-1]
    low, usual = last.metrics["lanes"]
    assert low["violation"] > 10 * max(1, usual["violation"])
    assert usual["loss"] < low["loss"]
    assert one.lanes[0].state is not None
    chain: Any = one.lanes[0].state
    assert chain.chain.toll == one.problem.toll_of(0.001)


def test_a_price_of_overload_is_refused_where_nothing_is_carried() -> None:
    cheap = {"name": "annealing", "overload": 0.1}
    for kind in ("pairing", "landing"):
        with pytest.raises(CannotRun, match="delivery routes") as caught:
            race(kind, lanes=[cheap])
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", INSTANCE)
def test_a_recording_opens_again_with_the_same_pictures(kind: str, tmp_path: Path) -> None:
    one = race(kind)
    recorder = Recorder(one)
    pictures = []
    for frame in one:
        recorder.add(frame)
        assert frame.picture is not None
        pictures.append([lane["best"] for lane in frame.picture["lanes"]])
    again = Recording.read(recorder.recording().write(tmp_path / f"{kind}.kelvin"))
    assert again.stage["data"]["kind"] == kind
    assert CombinatorialExperiment.parse(again.stage["experiment"]) == one.began
    found = [message for message in again if message["type"] == "picture"]
    assert len(found) == len(pictures) > 10
    for message, was in zip(found, pictures, strict=True):
        for lane, best in zip(message["lanes"], was, strict=True):
            assert (best is None) == (lane["best"] is None)
            assert best is None or (np.asarray(lane["best"]) == best).all()


@pytest.mark.parametrize("kind", INSTANCE)
def test_a_kick_that_cannot_be_is_refused_in_the_problems_own_words(kind: str) -> None:
    one = race(kind, lanes=["annealing"])
    state = one.lanes[0].state
    one.lanes[0].state = None
    words = {"routes": "routes", "pairing": "crew", "landing": "landings"}
    with pytest.raises(BadInput, match=words[kind]) as caught:
        one.kick(0)
    assert "cities" not in str(caught.value)
    one.lanes[0].state = state
    one.kick(0)
    assert one.done[-1]["kind"] == "kick"


@pytest.mark.parametrize("runways", [1, 3])
def test_first_come_lands_planes_by_their_targets(runways: int) -> None:
    instance = INSTANCES.build(
        {"name": "landings", "planes": 15, "runways": runways, "seed": 3}
    ).load()
    solution = served(instance)
    n = instance.size
    times, on = solution[:n].astype(np.int64), solution[n:]
    for runway in range(runways):
        mine = [
            plane for plane in np.argsort(instance.target, kind="stable") if on[plane] == runway
        ]
        assert mine, "every runway is used"
        assert (np.diff(times[mine]) >= 0).all()
        for i, later in enumerate(mine):
            for before in mine[:i]:
                assert times[later] - times[before] >= instance.separation[before, later]


def test_first_come_is_one_answer_that_annealing_undercuts() -> None:
    one = race(
        "landing",
        amount=2e6,
        lanes=["first-come", "annealing"],
        instance={"name": "landings", "planes": 40, "runways": 1},
    )
    last = list(one)[-1]
    first, searched = one.results()
    assert first["feasible"]
    assert first["steps"] == 1
    assert there(searched["best"]) < there(first["best"])
    order = np.argsort(one.instance.target, kind="stable")
    times = last.picture["lanes"][0]["best"] if last.picture else None
    assert times is not None
    assert (np.diff(times[order]) >= 0).all()


def test_first_come_says_where_not_all_planes_can_land() -> None:
    one = race(
        "landing",
        lanes=["first-come"],
        instance={"name": "landings", "planes": 100, "runways": 1},
    )
    last = list(one)[-1].metrics["lanes"][0]
    assert last["loss"] is None
    assert last["violation"] > 0
    assert "not all planes" in last["note"]
