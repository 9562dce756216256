"""Members whose loss or outputs are no number, in every method: left out, redrawn or refused, and
never the end of a lane in which something finite is left.
"""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.errors import BadInput
from engine.optimizers import OPTIMIZERS, State
from engine.populations.base import Population
from engine.race.race import Race
from tests.engine.support.races import ends_well, on_formula, on_moons
from tests.there import there

ASKING = [name for name in OPTIMIZERS.names() if OPTIMIZERS.get(name).sees in ("loss", "outputs")]
"""Methods that ask about other places than their estimate."""


# On landscapes with an edge.


@pytest.mark.slow
@pytest.mark.parametrize("formula", ["sqrt(x)+y^2", "log(x)+y^2", "1/x", "sqrt(1-x^2-y^2/4)*5+y"])
@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_an_edge_of_the_domain_is_no_end_while_members_are_inside(name: str, formula: str) -> None:
    try:
        race = on_formula(formula, name, x=0.5, y=0.5)
    except BadInput:
        pytest.skip("it needs samples to learn from")
    ends_well(race)
    if formula.startswith("sqrt(x)") and name in ASKING:
        assert race.lanes[0].trouble is None
        assert there(race.results()[0]["loss"]) <= math.sqrt(0.5) + 0.25


def test_an_estimate_outside_the_domain_is_told_and_comes_back() -> None:
    race = on_formula(
        "sqrt(x)+y^2",
        {"name": "openai-es", "sigma": 0.5, "learning_rate": 2.0},
        x=0.3,
        y=0,
        amount=6e3,
        marks=60,
    )
    rows = [frame.metrics["lanes"][0] for frame in race]
    outside = [i for i, row in enumerate(rows) if not math.isfinite(row["loss"])]
    assert outside
    assert all(
        "is not finite, but other points" in rows[i]["note"]
        for i in outside
        if not rows[i]["finished"]
    )
    assert any(math.isfinite(row["loss"]) for row in rows[outside[0] + 1 :])
    assert race.lanes[0].trouble is None


def test_where_nothing_is_a_number_every_lane_ends_with_a_sentence() -> None:
    for name in (
        "openai-es",
        "low-rank-es",
        "spsa",
        "mezo",
        "finite-differences",
        "forward-gradient",
        "adam",
        "sgd",
        "lbfgs",
    ):
        race = on_formula("sqrt(x)+y^2", name)
        race.frame(0)
        race.put_weight(0, 0, -50.0)
        frames = list(race)
        trouble = frames[-1].metrics["lanes"][0]["trouble"]
        assert trouble is not None, name
        assert "inside Kelvin" not in trouble


# Answers that fail one by one.

KINDS = {"NaN": math.nan, "+inf": math.inf, "-inf": -math.inf, "1e36": 1e36}


def spoilt(race: Race, value: float, every: int, first: int = 1) -> None:
    """Let every so-manieth member fail in what the lane is answered, from that step on; 1 is every
    one.
    """
    lane = race.lanes[0]
    oracle = lane.oracle
    losses, outputs, jvp = oracle.losses, oracle.outputs, oracle.jvp

    def bad(answer: Tensor) -> Tensor:
        if lane.step < first:
            return answer
        answer = answer.clone()
        answer[every - 1 :: every] = value
        return answer

    def told(find: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def answered(*asked: Tensor | Population) -> Tensor:
            answer = bad(find(*asked))
            oracle.answers = [*oracle.answers[:-1], answer] if oracle.answers else []
            return answer

        return answered

    oracle.losses, oracle.outputs, oracle.jvp = told(losses), bad_outputs(outputs, bad), told(jvp)  # type: ignore[method-assign]


def bad_outputs(
    find: Callable[..., Tensor], bad: Callable[[Tensor], Tensor]
) -> Callable[..., Tensor]:
    return lambda population: bad(find(population))


SETTINGS: dict[str, dict[str, Any]] = {
    "eki": {"population_size": 24},
    "enkf": {"population_size": 24},
    "levenberg-marquardt": {"batch": 8},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_members_that_fail_poison_neither_the_others_nor_the_estimate(name: str, kind: str) -> None:
    race = on_moons({"name": name, **SETTINGS.get(name, {})})
    spoilt(race, KINDS[kind], 3)
    for _ in range(12):
        if not race.finished:
            race.advance()
    lane = race.lanes[0]
    assert lane.trouble is None, lane.trouble
    assert torch.isfinite(lane.state.estimate).all()
    if isinstance(lane.state.population, Tensor):
        assert torch.isfinite(lane.state.population).all()
    assert float(lane.state.estimate.abs().max()) < 1e3
    ends_well(race)


@pytest.mark.parametrize("name", ASKING)
def test_how_a_member_failed_makes_no_difference(name: str) -> None:
    found = []
    for value in (math.nan, math.inf, -math.inf):
        race = on_moons({"name": name, **SETTINGS.get(name, {})})
        spoilt(race, value, 4)
        while race.lanes[0].step < 8 and not race.finished:
            race.advance()
        found.append(race.lanes[0].state.estimate)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@pytest.mark.parametrize("name", ASKING)
def test_a_lane_of_which_everything_fails_ends_with_a_sentence_or_stays_where_it_is(
    name: str,
) -> None:
    race = on_moons({"name": name, **SETTINGS.get(name, {})}, amount=6e4)
    spoilt(race, math.nan, 1, first=3)
    ends_well(race)
    lane = race.lanes[0]
    remembers = lane.state.estimate_loss is not None or bool(
        lane.state.losses is not None and torch.isfinite(lane.state.losses).any()
    )
    assert lane.trouble is not None or remembers, "what remembers a good place may go on from it"
    if name in ("eki", "enkf"):
        assert lane.trouble is not None
        assert "none of its 24 members had outputs that can be computed with" in lane.trouble


@pytest.mark.parametrize("name", ["openai-es", "low-rank-es"])
def test_a_step_that_led_where_nothing_has_a_loss_is_taken_back(name: str) -> None:
    race = on_formula("sqrt(x)+y^2", name)
    lane = race.lanes[0]
    for _ in range(3):
        race.advance()
    before = lane.state.population
    assert before is not None
    lane.state.estimate[0] = -50.0  # as if the step had led there
    race.advance()
    assert torch.equal(lane.state.estimate, before.theta)  # type: ignore[attr-defined]
    ends_well(race)
    assert lane.trouble is None
    longer = on_formula("sqrt(x)+y^2", name, amount=6000)
    ends_well(longer)
    assert longer.lanes[0].trouble is None
    note = longer.results()[0]["note"]
    assert note is None or "undid" in note


@pytest.mark.slow
@pytest.mark.parametrize("name", ["spsa", "mezo", "finite-differences"])
@pytest.mark.parametrize("seed", [0, 1])
def test_after_a_step_that_is_taken_back_the_next_is_shorter(name: str, seed: int) -> None:
    """Near x = 0 the slope of √x has no bound, so a step of any fixed rate leads out; the minimum
    lies at that edge.
    """
    race = on_formula("sqrt(x)+y^2", name, amount=6000, seed=seed, marks=30)
    lane = race.lanes[0]
    found = [frame.metrics["lanes"][0]["loss"] for frame in race]
    assert lane.state.undone > 0
    assert math.isfinite(found[-1]), "the last step is taken back, too"
    assert found[0] == 2
    assert found[-1] < 0.5, "it goes on descending"
    note = race.results()[0]["note"]
    assert note is not None
    if name == "mezo":  # its way back is rounded, and may end at x = 0 itself
        assert "undid" in note or "is kept" in note
    else:
        assert f"undid {lane.state.undone:,} of {lane.step:,} steps" in note


def test_steps_grow_again_after_one_was_taken_back() -> None:
    state = State(torch.zeros(2))
    state.undo()
    state.undo()
    assert (state.undone, state.pace) == (2, 0.25)
    for _ in range(14):
        state.keep()
    assert 0.25 < state.pace < 1
    state.keep()
    assert (state.undone, state.pace) == (2, 1.0)
