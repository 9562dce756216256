"""One step in slow motion: it changes nothing, and what it shows is true."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from engine import evaluation
from engine.experiment.model import Experiment
from engine.messages.encoding import Message, decode, encode
from engine.observation.step_trace import MOST, SEGMENT, Listener, step_with_stages
from engine.optimizers import OPTIMIZERS
from engine.race.race import Race

NAMES = OPTIMIZERS.names()


def race_of(
    name: str, settings: dict[str, Any] | None = None, budget: float = 1e9, **more: Any
) -> Race:
    """Sixty moons and 22 weights."""
    spec: dict[str, Any] = {
        "dataset": {"name": "moons", "points": 60},
        "network": {"name": "mlp", "hidden": [4]},
        "lanes": [{"name": name, **(settings or {})}],
        "budget": {"currency": "evaluations", "amount": budget},
    }
    return Race(Experiment.parse(spec | more))


def on_ground(name: str, settings: dict[str, Any] | None = None) -> Race:
    """A landscape of two weights: there points in the plane are the weights themselves, and losses
    a formula.
    """
    spec = {
        "dataset": {"name": "landscape", "function": "himmelblau"},
        "lanes": [{"name": name, **(settings or {})}],
    }
    return Race(Experiment.parse(spec | {"budget": {"currency": "evaluations", "amount": 1e9}}))


def himmelblau(points: Tensor) -> Tensor:
    x, y = points.double().T
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def stages(race: Race, k: int = 0) -> Message:
    message = step_with_stages(race, race.lanes[0], k)
    assert decode(encode(message))["type"] == "stages"
    return message


def shown(race: Race, message: Message) -> dict[str, Message]:
    """What is shown → the entry of the last phase that shows it in this step; all phases that show
    the same part of it must say the same.
    """
    found: dict[str, Message] = {}
    told: dict[tuple[str, str], Message] = {}
    for phase, entry in zip(race.lanes[0].optimizer.phases, message["stages"], strict=True):
        if entry.get("absent"):
            continue
        before = told.setdefault((phase.shows, phase.of), entry)
        for key in ("points", "values", "accepted"):
            assert (before[key] is None) == (entry[key] is None)
            assert before[key] is None or torch.equal(before[key], entry[key])
        found[phase.shows] = entry
    return found


def named(race: Race, message: Message) -> dict[str, Message]:
    """A phase's name → its entry."""
    phases = race.lanes[0].optimizer.phases
    return {phase.name: entry for phase, entry in zip(phases, message["stages"], strict=True)}


@pytest.mark.parametrize("batch", [0, 16])
@pytest.mark.parametrize("name", NAMES)
def test_watching_changes_nothing(name: str, batch: int) -> None:
    plain, watched = race_of(name, {"batch": batch}), race_of(name, {"batch": batch})
    for step in range(1, 5):
        plain.advance_lane(plain.lanes[0])
        message = stages(watched, step)
        assert (message["k"], message["lane"], message["step"]) == (step, 0, step)
        one, two = plain.lanes[0], watched.lanes[0]
        assert (one.step, one.oracle.evaluations, one.oracle.flops) == (
            two.step,
            two.oracle.evaluations,
            two.oracle.flops,
        )
        for field in fields(one.state):
            value, other = getattr(one.state, field.name), getattr(two.state, field.name)
            if isinstance(value, Tensor):
                assert torch.equal(value, other) or bool(value.isnan().any()), field.name
            elif isinstance(value, list):
                torch.testing.assert_close(value, other, rtol=0, atol=0, equal_nan=True)
            elif field.name not in ("vectors", "steps", "changes"):
                assert value == other, field.name
    doors = {"losses", "outputs", "gradients", "jvp", "jacobian"}
    assert not doors & vars(watched.lanes[0].oracle).keys(), "the listener has gone"


@pytest.mark.parametrize("name", NAMES)
def test_every_stage_has_its_picture(name: str) -> None:
    race = race_of(name)
    for k in range(3):
        message = stages(race, k)
        found = shown(race, message)
        asked = found["asked"]
        assert asked["points"].shape[1] == 2
        assert 1 <= len(asked["points"]) <= MOST
        assert asked["values"] is None
        if "answered" in found:
            answered = found["answered"]
            count = len(asked["points"])
            assert torch.allclose(answered["points"][:count], asked["points"], atol=1e-5)
            assert len(answered["points"]) == count or name == "levenberg-marquardt", (
                "whose first try alone is known before it is judged"
            )
            assert answered["values"].shape == (len(answered["points"]),)
            assert bool(torch.isfinite(answered["values"]).all())
        state, lane = race.lanes[0].state, race.lanes[0]
        if "moved" not in found:
            estimate = race.observer.plane.project(state.estimate.unsqueeze(0))[0]
            assert torch.allclose(found["improved"]["estimate"][1], estimate, atol=1e-5)
            continue
        moved = found["moved"]
        here = (
            state.estimate.unsqueeze(0)
            if state.population is None or lane.optimizer.sampled
            else state.population
        )
        assert torch.allclose(moved["points"], race.observer.plane.project(here)[:MOST], atol=1e-5)
        true = evaluation.losses(race.network, race.loss, here, lane.oracle.x, lane.oracle.targets)
        assert torch.allclose(moved["values"], true)


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name != "levenberg-marquardt"]
)  # which refuses landscapes: they have no residuals
def test_losses_shown_are_those_of_the_places_shown(name: str) -> None:
    race = on_ground(name)
    for k in range(3):
        state = race.lanes[0].state
        before = state.estimate.unsqueeze(0) if state.population is None else state.population
        before = before.clone()
        found = shown(race, stages(race, k))
        for what in {"answered", "moved"} & found.keys():
            if found[what].get("along"):
                continue
            points, values = found[what]["points"], found[what]["values"]
            assert torch.allclose(values.double(), himmelblau(points), rtol=1e-3, atol=1e-3), what
        if race.lanes[0].oracle.sees == "gradient" and name not in ("lbfgs", "hybrid"):
            assert torch.equal(found["asked"]["points"], before), (
                "the gradient was taken where it stood"
            )


def test_slopes_shown_are_those_along_the_directions_shown() -> None:
    race = on_ground("forward-gradient", {"directions": 5})
    before = race.lanes[0].state.estimate.clone().double().requires_grad_()
    answered = shown(race, stages(race))["answered"]
    (gradient,) = torch.autograd.grad(himmelblau(before.unsqueeze(0)).sum(), before)
    directions = (answered["points"].double() - before.detach()) / SEGMENT
    assert answered["along"]
    assert torch.allclose(answered["values"].double(), directions @ gradient, rtol=1e-3)


def test_the_share_accepted_is_the_acceptance_measured() -> None:
    for name in ("annealing", "parallel-tempering", "population-annealing"):
        race = race_of(name, {"population_size": 40, "batch": 0, "proposal": "gaussian"})
        found = shown(race, stages(race))
        accepted = found["answered"]["accepted"]
        assert accepted.dtype == torch.uint8
        assert float(accepted.float().mean()) == pytest.approx(
            race.lanes[0].state.acceptance, abs=1e-6
        )
        assert torch.equal(found["moved"]["accepted"], accepted)
        kept = accepted.bool()
        assert torch.equal(found["moved"]["points"][kept], found["asked"]["points"][kept])
        assert not bool(
            (found["moved"]["points"][~kept] == found["asked"]["points"][~kept]).all(1).any()
        )
        assert 0 < int(accepted.sum()) < 40


def test_a_new_batch_is_no_question_of_the_step() -> None:
    """Chains judged anew because the mini-batch is another one are not among the points asked
    about.
    """
    for name, size in (
        ("annealing", 4),
        ("differential-evolution", 32),
        ("harmony-search", 64),
        ("pso", 64),
    ):
        race = race_of(name, {"batch": 16})
        for k in range(3):
            found = shown(race, stages(race, k))
            assert len(found["asked"]["points"]) == size
            assert found["answered"]["accepted"].shape == (size,)


def test_what_each_method_took() -> None:
    race = race_of("differential-evolution", {"batch": 0})
    found = shown(race, stages(race))
    assert float(found["answered"]["accepted"].float().mean()) == pytest.approx(
        race.lanes[0].state.metrics["success"]
    )
    race = race_of("harmony-search", {"batch": 0})
    found = shown(race, stages(race))
    assert int(found["answered"]["accepted"].sum()) == race.lanes[0].state.metrics["replaced"]
    assert found["moved"]["accepted"] is None, (
        "the memory is sorted anew: no row belongs to a row asked about"
    )
    race = race_of("random-search", {"batch": 0, "centre": "best"})
    for k in range(4):
        before = race.lanes[0].state.estimate.clone()
        found = shown(race, stages(race, k))
        assert int(found["answered"]["accepted"].sum()) == int(
            not torch.equal(before, race.lanes[0].state.estimate)
        )
    race = race_of("levenberg-marquardt", {"batch": 0})
    found = shown(race, stages(race))
    tries = int(race.lanes[0].state.metrics["tries"])
    assert found["answered"]["accepted"].tolist() == [0] * (tries - 1) + [1], (
        "tries in vain, and the one that helped"
    )
    race = race_of("adam")
    assert shown(race, stages(race))["answered"]["accepted"] is None


def test_many_points_are_thinned_evenly() -> None:
    race = race_of(
        "finite-differences",
        {"coordinates": 0, "batch": 0},
        network={"name": "mlp", "hidden": [16, 16]},
    )
    dimension = len(race.theta)
    theta = race.theta
    found = shown(race, stages(race))
    every = 1
    while -(-2 * dimension // every) > MOST:
        every *= 2
    asked = found["asked"]["points"]
    assert len(asked) == -(-2 * dimension // every)
    # The method nudges 256 weights up, the same down, and so on; a probe every few of all of them
    # in that order.
    probes = []
    for start in range(0, dimension, 256):
        part = range(start, min(start + 256, dimension))
        for sign in (1, -1):
            for i in part:
                probe = theta.clone()
                probe[i] += sign * 0.01
                probes.append(probe)
    assert torch.allclose(
        asked, race.observer.plane.project(torch.stack(probes[::every])), atol=1e-5
    )
    race = race_of("annealing", {"population_size": 600})
    found = shown(race, stages(race))
    assert len(found["asked"]["points"]) == len(found["moved"]["points"]) == 150
    assert found["moved"]["accepted"].shape == (150,)


def test_directions_are_drawn_as_short_ends() -> None:
    race = on_ground("forward-gradient", {"directions": 5})
    before = race.lanes[0].state.estimate.clone()
    points = shown(race, stages(race))["asked"]["points"]
    assert points.shape == (5, 2)
    lengths = (points - before).norm(dim=1) / SEGMENT
    assert bool(((lengths > 0.01) & (lengths < 6)).all()), "normal directions"


def test_the_ensemble_shows_its_mean_losses_for_free() -> None:
    for name in ("eki", "enkf"):
        race = race_of(name, {"batch": 0, "population_size": 20})
        before = race.lanes[0].state.population
        assert before is not None
        before = before.clone()
        found = shown(race, stages(race))
        true = evaluation.losses(
            race.network, race.loss, before, race.dataset.x_train, race.dataset.y_train
        )
        assert torch.allclose(found["answered"]["values"], true, atol=1e-6)
        assert race.lanes[0].oracle.evaluations == 20 * 60, "outputs once, and nothing more"


def test_listening_takes_no_time_of_the_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that stands still but while a question is noted, where it moves on by a minute,
    and while one is answered, by a second.
    """
    race, now = race_of("annealing", {"batch": 0}), [0.0]
    lane = race.lanes[0]
    ask, note = lane.oracle.losses, Listener._note

    def answered(population: Tensor) -> Tensor:
        now[0] += 1
        return ask(population)

    def noted(*everything: Any) -> None:
        now[0] += 60
        note(*everything)

    for module in ("oracle", "observation.step_trace"):
        clock = SimpleNamespace(perf_counter=lambda: now[0], process_time=lambda: now[0])
        monkeypatch.setattr(f"engine.{module}.time", clock)
    monkeypatch.setattr(Listener, "_note", noted)
    monkeypatch.setattr(lane.oracle, "losses", answered)
    lane.oracle.seconds, lane.oracle.core_seconds = 5.0, 0.0
    stages(race)
    assert now[0] == 61
    assert lane.oracle.seconds == 6.0
    assert lane.oracle.core_seconds == 1.0
    assert vars(lane.oracle)["losses"] is answered, "what stood at a door before stands there again"


def test_weights_that_are_no_numbers_are_not_drawn() -> None:
    race = race_of("sgd", {"learning_rate": 1000.0})
    race.lanes[0].state.estimate.fill_(torch.nan)
    message = stages(race)
    assert all(
        entry == {"points": None, "values": None, "accepted": None} for entry in message["stages"]
    )


def test_a_swarm_tells_which_places_are_new_bests() -> None:
    race = race_of("pso", {"batch": 0})
    for k in range(3):
        state: Any = race.lanes[0].state
        before = state.best_losses.clone()
        improved = shown(race, stages(race, k))["improved"]
        state = race.lanes[0].state
        better = state.best_losses < before
        assert torch.equal(improved["accepted"].bool(), better)
        here = race.observer.plane.project(state.population)
        assert torch.allclose(improved["points"], here, atol=1e-5), "every particle stands there"


def test_a_guess_judged_again_is_none_of_the_guesses() -> None:
    race = race_of("random-search", {"batch": 16})
    for k in range(4):
        before = race.lanes[0].state.estimate.clone()
        improved = shown(race, stages(race, k))["improved"]
        optimizer: Any = race.lanes[0].optimizer
        assert len(improved["points"]) == optimizer.population_size
        new = not torch.equal(before, race.lanes[0].state.estimate)
        assert int(improved["accepted"].sum()) == int(new)


@pytest.mark.parametrize("size", [2, 7, 600])
def test_swaps_are_told_pair_by_pair_and_left_out_where_none_was_tried(size: int) -> None:
    race = race_of(
        "parallel-tempering",
        {"population_size": size, "swap_every": 2, "batch": 0},
    )
    seen = 0
    for k in range(1, 9):
        state: Any = race.lanes[0].state
        rung, rounds = state.rung.clone(), state.swaps
        swap = named(race, stages(race, k))["Swap"]
        pairs = len(range(rounds % 2, size - 1, 2))
        if k % 2 or not pairs:
            assert swap["absent"]
            continue
        state = race.lanes[0].state
        assert swap["tried"] == pairs
        assert swap["swapped"] == int((rung != state.rung).sum()) // 2
        assert len(swap["points"]) == 2 * len(swap["traded"]) <= MOST
        assert bool((swap["temperatures"][:, 0] < swap["temperatures"][:, 1]).all())
        if pairs <= MOST // 2:
            assert int(swap["traded"].sum()) == swap["swapped"]
            places = race.observer.plane.project(state.population)
            for i, low in enumerate(range(rounds % 2, size - 1, 2)):
                for j in (0, 1):
                    replica = int((rung == low + j).nonzero())
                    assert torch.allclose(swap["points"][2 * i + j], places[replica], atol=1e-5)
        seen += swap["swapped"]
    assert seen


@pytest.mark.parametrize("size", [40, 600])
def test_resampling_tells_who_died_and_who_was_copied(size: int) -> None:
    settings = {"population_size": size, "batch": 0}
    race = race_of("population-annealing", settings, budget=60 * 40 * size)
    died = 0
    for k in range(30):
        lane: Any = race.lanes[0]
        family, places = lane.state.family.clone(), race.observer.plane.project
        before = places(lane.state.population)
        told = named(race, stages(race, k))
        resampled = told["Resample"]
        gone = ~resampled["stayed"].bool()
        if size <= MOST:
            assert torch.allclose(resampled["from"], before, atol=1e-5)
        assert len(gone) <= MOST
        assert torch.equal(resampled["points"][~gone], resampled["from"][~gone])
        assert resampled["members"] == size
        assert resampled["died"] >= resampled["copied"]
        if size <= MOST:
            assert int(gone.sum()) == resampled["died"]
            assert int((lane.state.family != family).sum()) <= resampled["died"]
            for place in resampled["points"][gone]:
                assert bool((before - place).abs().sum(1).min() < 1e-5), "a copy of a member"
        assert torch.equal(told["Propose"]["from"], resampled["points"]), "moves begin there"
        assert torch.equal(told["Accept or not"]["from"], resampled["points"])
        died += resampled["died"]
    assert died


@pytest.mark.parametrize("name", ["cma-es", "sep-cma-es", "snes"])
def test_a_distribution_is_drawn_before_and_after(name: str) -> None:
    race = on_ground(name, {"population_size": 2000, "sigma": 0.3})
    after: Tensor | None = None
    for k in range(3):
        lane = race.lanes[0]
        before = lane.state.estimate.clone()
        told = named(race, stages(race, k))
        ellipses = told["Reshape"]["ellipses"]
        assert ellipses.shape == (2, 6)
        assert torch.allclose(ellipses[0, :2], before)
        assert torch.allclose(ellipses[1, :2], lane.state.estimate)
        asked = told["Sample"]["points"] - before
        a, b = ellipses[0, 2:4], ellipses[0, 4:]
        inside = (asked @ a / a.square().sum()).square() + (asked @ b / b.square().sum()).square()
        assert abs(a @ b) < 1e-4 * a.norm() * b.norm()
        assert 0.75 < float((inside < 1).float().mean()) < 0.95, "two standard deviations hold 86 %"
        assert after is None or torch.allclose(ellipses[0], after, atol=1e-4)
        after = ellipses[1]
    assert told["Reshape"]["growth"] > 0


def test_the_re_spread_is_left_out_where_it_is_not_due() -> None:
    race = race_of("eki", {"batch": 0, "respread_every": 3, "population_size": 20})
    for k in range(1, 7):
        told = named(race, stages(race, k))
        update, respread = told["Update"], told["Re-spread"]
        population = race.lanes[0].state.population
        assert population is not None
        now = race.observer.plane.project(population)
        if k % 3:
            assert respread["absent"]
            assert torch.allclose(update["points"], now, atol=1e-5)
        else:
            assert torch.allclose(respread["points"], now, atol=1e-5)
            assert torch.equal(respread["from"], update["points"])
            assert not torch.allclose(update["points"], now, atol=1e-3)


def test_a_line_search_tells_its_tries_after_its_direction() -> None:
    race = on_ground("lbfgs")
    for k in range(4):
        before = race.lanes[0].state.estimate.clone()
        told = named(race, stages(race, k))
        assert torch.equal(told["Direction"]["points"], before.unsqueeze(0))
        assert told["Direction"].get("known", False) == (k > 0), "its gradient was known"
        tries = told["Search"]["points"]
        assert not bool((tries == before).all(1).any())
        assert told["Judge"]["accepted"].shape == (len(tries),)
        assert int(told["Judge"]["accepted"].sum()) == 1


def test_a_step_before_a_search_is_told_before_it() -> None:
    race = race_of("hybrid", {"batch": 0})
    theta = race.lanes[0].state.estimate.clone()
    lane: Any = race.lanes[0]
    lane.oracle.next_batch(0)
    gradient = lane.oracle.gradients(theta.unsqueeze(0))[1][0]
    descended = theta - lane.optimizer.learning_rate * gradient
    told = named(race, stages(race))
    place = race.observer.plane.project(torch.stack([theta, descended]))
    assert torch.allclose(told["Descend"]["from"], place[:1], atol=1e-5)
    assert torch.allclose(told["Descend"]["points"], place[1:], atol=1e-5)
    assert torch.equal(told["Keep the best"]["from"], told["Descend"]["points"])
    race = race_of("hybrid", {"batch": 0, "rounds": 0})
    told = named(race, stages(race))
    assert told["Search"]["absent"]
    assert told["Judge"]["absent"]


def test_what_is_judged_where_it_stands_comes_from_nowhere_else() -> None:
    """Groups of particles are asked about in the groups' order, which is not the particles'."""
    for name in ("cbo", "multistart", "enkf"):
        asked = shown(race := race_of(name, {"batch": 0}), stages(race))["asked"]
        assert torch.equal(asked["from"], asked["points"])


def test_marks_cost_nothing_unless_somebody_listens() -> None:
    race = race_of("parallel-tempering", {"batch": 0})
    oracle = race.lanes[0].oracle
    assert "mark" not in vars(oracle)
    stages(race)
    assert "mark" not in vars(oracle), "the listener has gone"
    assert oracle.mark("anything", torch.ones(3)) is None
