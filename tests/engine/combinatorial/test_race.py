"""A race on a map: turns, messages, edits by a visitor, failures, and their repetition."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from engine.combinatorial import checks
from engine.combinatorial.experiment import CombinatorialExperiment
from engine.combinatorial.instances import OwnCities
from engine.combinatorial.interventions import parse_events
from engine.combinatorial.methods.annealing import Annealing
from engine.combinatorial.query_string import from_flat, to_flat
from engine.combinatorial.race import CombinatorialRace, gap_of
from engine.errors import BadInput, CannotRun
from engine.messages.encoding import decode, encode
from engine.messages.recorder import Recorder
from tests.there import there

from .support import race

ALL = ["annealing", "tempering", "iterated", "restarts"]


def finished(one: CombinatorialRace) -> CombinatorialRace:
    for _ in one:
        pass
    return one


def test_no_share_tells_how_far_a_price_is_from_nothing() -> None:
    assert gap_of(110, 100) == 0.1
    assert gap_of(0, 0) == 0
    assert gap_of(5, 0) is None


def test_the_lane_furthest_behind_moves_next() -> None:
    one = race(ALL, amount=5e6)
    for _ in range(400):
        before = [lane.meter.spent for lane in one.lanes]
        moved = one.advance()
        assert before[moved] == min(before)


def test_what_is_shown_is_what_a_check_finds() -> None:
    """In every frame: lengths, present tours, gaps, shared edges."""
    one = race(ALL, cities=40, amount=1e6)
    stage = decode(encode(one.stage()))
    assert stage["version"] == 2
    assert stage["data"]["kind"] == "tour"
    assert len(stage["data"]["points"]) == 40
    for frame in one:
        metrics, picture = decode(encode(frame.metrics)), decode(encode(frame.picture or {}))
        lengths = []
        for row, drawn in zip(metrics["lanes"], picture["lanes"], strict=True):
            assert not checks.check(one.instance, drawn["best"])
            assert row["loss"] == checks.length(one.instance, drawn["best"])
            assert row["current"] == checks.length(one.instance, drawn["current"])
            lengths.append(row["loss"])
        assert metrics["reference"] == {"value": min(lengths), "kind": "best of this race"}
        for row in metrics["lanes"]:
            assert row["gap"] == pytest.approx(row["loss"] / min(lengths) - 1)
            assert 0 < row["shared"] <= 1
    assert metrics["lanes"][0]["progress"] == 1


def test_with_a_known_optimum_a_lane_ends_when_it_is_found() -> None:
    one = finished(race(ALL, amount=1e8, instance={"name": "circle", "cities": 20}))
    for row in one.results():
        assert row["gap"] == 0
        assert "optimum" in there(row["stopped"])
        assert row["spent"] < 1
    assert one.frame(99).metrics["reference"]["kind"] == "optimum"
    assert one.frame(99).metrics["lanes"][0]["shared"] == 1


def test_stop_rules_end_a_lane() -> None:
    instance = {"name": "grid", "side": 8}
    one = finished(race(["restarts"], amount=1e9, instance=instance, stop={"gap": 0.05}))
    assert "target gap" in (one.lanes[0].stopped or "") or one.results()[0]["gap"] == 0
    length = 80_000
    one = finished(race(["restarts"], amount=1e9, instance=instance, stop={"length": length}))
    assert there(one.results()[0]["best"]) <= length


@pytest.mark.parametrize("cities", [1, 2, 3])
def test_three_cities_leave_nothing_to_search(cities: int) -> None:
    one = finished(race(ALL, cities=cities))
    for row in one.results():
        assert row["feasible"]
        assert row["steps"] == 0
        assert "nothing to search" in there(row["note"])
    assert one.finished


@pytest.mark.parametrize("cities", [4, 5, 6, 7])
def test_few_cities_are_refused_by_what_needs_more(cities: int) -> None:
    with pytest.raises(CannotRun, match="at least 8 cities"):
        race(["iterated"], cities=cities)


def test_all_methods_start_from_the_same_tour() -> None:
    for start in ("random", "greedy"):
        one = race(ALL, start=start)
        tours = [one.present(lane) for lane in one.lanes]
        assert all(np.array_equal(tours[0], tour) for tour in tours)  # type: ignore[arg-type]
    greedy = race(["annealing"], cities=300, start="greedy").lanes[0].state
    chance = race(["annealing"], cities=300, start="random").lanes[0].state
    assert greedy is not None
    assert chance is not None
    assert (greedy.current or 0) < 0.2 * (chance.current or 0)


def edits(one: CombinatorialRace) -> None:
    for _ in range(40):
        one.advance()
    one.set_cities(move=[[3, 10.0, 20.0], [4, 10.0, 20.0]])
    for _ in range(10):
        one.advance()
    one.set_cities(drop=[0, 7], add=[[5e5, 5e5], [1.0, 2.0], [3.0, 4.0]])
    one.kick(0)
    one.reheat(0, 4.0)
    one.set_hyperparameter(0, "final_temperature", 0.2)
    for _ in range(10):
        one.advance()


def test_cities_are_moved_dropped_and_added_while_all_methods_search() -> None:
    one = race(ALL, cities=30, amount=3e6)
    before = one.instance.places.copy()
    edits(one)
    assert one.instance.size == 31
    kept = [k for k in range(30) if k not in (0, 7)]
    expected = before.copy()
    expected[3] = expected[4] = 10, 20
    assert np.array_equal(one.instance.places[:28], expected[kept])
    assert one.instance.places[28:].tolist() == [[5e5, 5e5], [1, 2], [3, 4]]
    assert one.best_known is None
    for frame in one:
        for drawn in (frame.picture or {})["lanes"]:
            assert not checks.check(one.instance, drawn["best"])
            assert not checks.check(one.instance, drawn["current"])
    assert all(row["feasible"] for row in one.results())


def test_an_edited_race_is_repeated_from_its_events() -> None:
    one = race(ALL, cities=30, amount=3e6)
    edits(one)
    finished(one)
    again = finished(race(ALL, cities=30, amount=3e6, events=parse_events(one.done)))
    assert again.done == one.done
    for left, right in zip(one.results(), again.results(), strict=True):
        for key in ("best", "moves", "evaluations", "steps"):
            assert left[key] == right[key]


def test_a_lane_that_ended_goes_on_after_an_edit() -> None:
    genetic = {"name": "genetic", "population": 4}
    one = race([genetic, "annealing"], cities=12, amount=3e6)
    while not one.lanes[0].finished:
        one.advance()
    assert "converged" in (one.lanes[0].note or "")
    spent = one.lanes[0].meter.evaluations
    assert spent < 3e6
    one.set_cities(move=[[0, 5e5, 5e5]])
    assert not one.lanes[0].finished
    assert one.lanes[0].note is None
    finished(one)
    assert one.lanes[0].meter.evaluations > spent
    row = one.results()[0]
    assert row["feasible"]
    again = CombinatorialRace(one.began, events=parse_events(one.done))
    finished(again)
    assert [row["best"] for row in again.results()] == [row["best"] for row in one.results()]


def test_what_stopped_a_lane_is_no_longer_said_after_an_edit() -> None:
    best = finished(race(["iterated"], cities=30, amount=1e6)).results()[0]["best"]
    one = race(["iterated", "annealing"], cities=30, amount=1e6, stop={"length": best})
    while one.lanes[0].stopped is None:
        one.advance()
    step = one.lanes[0].step
    one.set_cities(move=[[0, 9e6, 9e6]])
    assert not one.lanes[0].finished
    finished(one)
    assert one.lanes[0].step > step
    assert one.lanes[0].stopped is None


def test_temperatures_after_an_edit_are_in_the_new_unit() -> None:
    for name, knob in (("annealing", "final_temperature"), ("tempering", "coldest_temperature")):
        one = race([name], cities=30, amount=1e6)
        one.advance()
        one.set_cities(move=[[i, 5e6 * i, 4e6 * (i % 5)] for i in range(30)])
        state: Any = one.lanes[0].state
        held = state.cooling if name == "annealing" else state
        before = held.start, held.end
        one.set_hyperparameter(0, knob, getattr(one.lanes[0].method, knob) or AUTO[name])
        assert (held.start, held.end) == pytest.approx(before)


AUTO = {"annealing": 0.04, "tempering": 0.05}
"""The usual coldest temperatures on a map."""


def test_an_edit_keeps_the_best_answer() -> None:
    """Present tours may be far from it: just reheated, or kicked."""
    names = [*ALL, "genetic", "elastic-net", "sinkhorn", "random-search"]
    for lanes in (names[:4], names[4:]):
        one = race(lanes, cities=60, amount=2e6)
        while one.progress < 0.6 and not one.finished:
            one.advance()
        for lane in one.running:
            one.reheat(lane.index, 8.0)
            if lane.method.name in ("annealing", "tempering", "iterated"):
                one.kick(lane.index)
        for _ in range(3):
            for lane in one.running:
                one.advance_lane(lane)
        before = [one.best(lane) for lane in one.lanes]
        x, y = one.instance.places[0].tolist()
        one.set_cities(move=[[0, x, y]])
        for lane, found in zip(one.lanes, before, strict=True):
            after = one.best(lane)
            assert found is not None
            assert after is not None
            assert after[1] <= found[1], lane.method.name
            assert after[1] == checks.length(one.instance, after[0])
        finished(one)
        for result, found in zip(one.results(), before, strict=True):
            assert found is not None
            assert result["feasible"]
            assert there(result["best"]) <= found[1]


def test_two_edits_at_once_leave_a_population_its_tours() -> None:
    one = race([{"name": "genetic", "population": 8}], cities=40, amount=3e6)
    while one.lanes[0].state is not None and one.lanes[0].state.metrics["tours"] < 8:
        one.advance()
    one.set_cities(move=[[0, 5e5, 5e5]])
    waiting = len(one.lanes[0].state.seeds)  # type: ignore[union-attr]
    assert waiting
    one.set_cities(move=[[0, 6e5, 5e5]])
    assert len(one.lanes[0].state.seeds) == waiting  # type: ignore[union-attr]


def test_a_new_city_goes_where_it_costs_least() -> None:
    square = "0,0;10,0;10,10;0,10"
    one = race(["annealing"], instance={"name": "own", "cities": square}, amount=1e5)
    finished_tour = one.best(one.lanes[0])
    assert finished_tour is not None
    scale = one.instance.scale
    state = one.lanes[0].state
    assert state is not None
    state.tour[:] = (0, 1, 2, 3)  # type: ignore[index]
    one.set_cities(add=[[5 / scale, 0.1 / scale]])
    present = one.present(one.lanes[0])
    assert present is not None
    order = np.roll(present, -int(np.flatnonzero(present == 0)[0])).tolist()
    assert order == [0, 4, 1, 2, 3]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ({"drop": [30]}, "city 30"),
        ({"move": [[-1, 0, 0]]}, "city -1"),
        ({"add": [[0, float("nan")]]}, "cities.add"),
        ({"add": [[0, 1e18]]}, "far away"),
        ({"drop": list(range(28))}, "4 to 2,000"),
        ({"add": [[0, 0]] * 2000}, "4 to 2,000"),
        ({"move": "no"}, "cities.move"),
        ({"add": [[1]]}, "cities.add"),
    ],
)
def test_edits_that_do_not_fit_change_nothing(edit: dict[str, Any], words: str) -> None:
    one = race(["annealing"], cities=30)
    places = one.instance.places.copy()
    with pytest.raises(BadInput, match=words) as caught:
        one.set_cities(**edit)
    assert "\n" not in str(caught.value)
    assert np.array_equal(one.instance.places, places)
    assert not one.done


def test_too_few_cities_for_a_method_are_refused() -> None:
    one = race(["annealing", "iterated"], cities=9)
    with pytest.raises(CannotRun, match="iterated"):
        one.set_cities(drop=[0, 1])
    assert one.instance.size == 9


def test_instances_without_coordinates_cannot_be_edited() -> None:
    one = race(["annealing"], instance={"name": "random", "cities": 2001}, amount=1e5)
    with pytest.raises(BadInput, match="at most 2,000"):
        one.set_cities(drop=[0])


def test_a_failing_lane_ends_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Annealing.step

    def fails(self: Annealing, state: Any, *rest: Any) -> None:
        if rest[-1] == 5:
            raise ArithmeticError("a number that is none")
        whole(self, state, *rest)

    monkeypatch.setattr(Annealing, "step", fails)
    one = finished(race(["annealing", "restarts"], amount=5e5))
    assert "step 5" in (one.lanes[0].trouble or "")
    assert "a number that is none" in (one.lanes[0].trouble or "")
    first, second = one.results()
    assert first["feasible"], "its best tour is kept"
    assert second["trouble"] is None
    assert second["spent"] >= 1


def test_recordings_hold_the_race() -> None:
    one = race(ALL, cities=30, amount=5e5)
    recorder = Recorder(one)
    for frame in one:
        recorder.add(frame)
    recording = recorder.recording()
    assert recording.stage["version"] == 2
    assert CombinatorialExperiment.parse(recording.stage["experiment"]) == one.began
    kinds = [message["type"] for message in recording]
    assert kinds.count("picture") == kinds.count("metrics") == 11


def test_slow_motion_shows_one_move() -> None:
    one = race(ALL, cities=30, amount=5e6)
    for _ in range(200):
        one.advance()
    for lane in one.lanes:
        before = one.present(lane)
        message = decode(encode(one.step_in_phases(lane, 7)))
        after = one.present(lane)
        assert message["type"] == "move"
        assert before is not None
        assert after is not None
        if lane.method.name in ("annealing", "restarts"):
            assert len(message["removed"]) == len(message["added"])
        change = checks.length(one.instance, after) - checks.length(one.instance, before)
        assert message["rise"] == change or message["accepted"] is False


def test_slow_motion_shows_what_annealing_proposes_and_with_which_chance_it_is_kept() -> None:
    one = race([{"name": "annealing", "initial_temperature": 0.5}], cities=30, amount=5e6)
    for _ in range(20):
        one.advance()
    lane, kept, refused = one.lanes[0], 0, 0
    expected = 0.0
    for k in range(200):
        before = one.present(lane)
        message = decode(encode(one.step_in_phases(lane, k)))
        after = one.present(lane)
        assert before is not None
        assert after is not None
        change = checks.length(one.instance, after) - checks.length(one.instance, before)
        assert change == (message["rise"] if message["accepted"] else 0)
        gone, came = (
            int(sum(checks.distances(one.instance, *pairs.T))) if len(pairs) else 0
            for pairs in (message["removed"], message["added"])
        )
        assert came - gone == message["rise"], "what is drawn is what is judged"
        rise, temperature = message["rise"], message["temperature"]
        chance = min(1.0, math.exp(-rise / temperature))
        assert message["chance"] == pytest.approx(chance, rel=1e-6)
        kept, refused = kept + message["accepted"], refused + (not message["accepted"])
        expected += chance
    assert refused > 20
    assert abs(kept - expected) < 4 * 50**0.5, "as often as the chances say"


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"instance": "airports", "lanes": ["annealing", "annealing"], "seed": 3},
        {
            "instance": {"name": "clustered", "cities": 77, "seed": 5},
            "lanes": [{"name": "annealing", "schedule": "cosine", "reheat_after": 0.1}, "restarts"],
            "budget": {"currency": "evaluations", "amount": 1e7},
            "stop": {"gap": 0.01, "length": 5},
            "start": "greedy",
        },
        {"instance": {"name": "own", "cities": "1,2;3,4;5,6;7.5,-8e2"}},
    ],
)
def test_links_hold_the_experiment(value: dict[str, Any]) -> None:
    experiment = CombinatorialExperiment.parse(value)
    assert CombinatorialExperiment.parse(experiment.to_json()) == experiment
    assert from_flat(to_flat(experiment)) == experiment


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"instance": "nowhere"}, "instance"),
        ({"instance": {"name": "random", "cities": 0}}, "instance.cities"),
        ({"lanes": []}, "lanes"),
        ({"lanes": ["annealing"] * 5}, "lanes"),
        ({"lanes": ["adam"]}, r"lanes\[0\]"),
        ({"lanes": [{"name": "annealing", "neighbours": 2}]}, r"lanes\[0\].neighbours"),
        ({"budget": {"currency": "flops", "amount": 1}}, "budget.currency"),
        ({"budget": {"currency": "seconds", "amount": 0}}, "budget.amount"),
        ({"start": "middle"}, "start"),
        ({"seed": True}, "seed"),
        ({"seed": -1}, "seed"),
        ({"stop": {"gap": -1}}, "stop.gap"),
        ({"more": 1}, "more"),
        ({"lanes": ["fast-tsp"], "budget": {"currency": "evaluations", "amount": 1}}, "lanes"),
    ],
)
def test_bad_experiments_get_one_line(value: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput, match=field) as caught:
        CombinatorialExperiment.parse(value)
    assert "\n" not in str(caught.value)
    assert "expected" in str(caught.value)


def test_a_file_is_named_by_its_path_on_the_command_line_only() -> None:
    value = {"instance": {"name": "file", "file": "/etc/passwd"}}
    with pytest.raises(BadInput, match=r"instance\.file"):
        CombinatorialExperiment.parse(value)


def test_own_cities_are_what_an_edited_race_leaves() -> None:
    one = race(["annealing"], cities=12, amount=1e5)
    one.set_cities(move=[[0, 5.0, 6.0]], drop=[3])
    own = OwnCities.of(one.instance)
    assert own.load().places == pytest.approx(one.instance.places * 1000)
