"""Equal budgets: how near every method comes to what it may spend, and what is said where it
cannot.
"""

from itertools import pairwise
from typing import Any

import pytest

from engine.experiment.model import Experiment
from engine.optimizers import OPTIMIZERS
from engine.race.race import Race
from tests.engine.support.command_line import run

SAMPLES = 60
NETWORK = {"name": "mlp", "hidden": [6]}
CUT = [
    "annealing",
    "parallel-tempering",
    "population-annealing",
    "pso",
    "genetic",
    "differential-evolution",
    "harmony-search",
    "random-search",
]


def race_of(lane: Any, currency: str, amount: float, **rest: Any) -> Race:
    value = {
        "dataset": {"name": "moons", "points": SAMPLES},
        "network": NETWORK,
        "lanes": [lane],
        "budget": {"currency": currency, "amount": amount},
    }
    return Race(Experiment.parse(value | rest), marks=1, pictures=False)


def spend(race: Race) -> list[float]:
    """What the lane had spent when it was set up and after every step."""
    currency, lane = race.experiment.budget.currency, race.lanes[0]
    spent = [lane.oracle.spent(currency)]
    while not race.finished:
        race.advance()
        spent.append(lane.oracle.spent(currency))
    return spent


@pytest.mark.parametrize("name", OPTIMIZERS.names())
@pytest.mark.parametrize("currency", ["evaluations", "flops"])
def test_no_lane_misses_its_budget_by_more_than_half_a_step(name: str, currency: str) -> None:
    price = (
        1
        if currency == "evaluations"
        else Race(
            Experiment.parse({"dataset": "moons", "network": NETWORK, "lanes": ["adam"]})
        ).network.flops
    )
    for amount in (20_011 * price, 31_999 * price):
        race = race_of(name, currency, amount)
        spent = spend(race)
        assert spent[0] <= amount, "setting it up is paid for"
        steps = [after - before for before, after in pairwise(spent)]
        if race.lanes[0].oracle.cuts:
            assert name in CUT
            assert amount <= spent[-1] < amount + SAMPLES * price, "it is cut to a member"
        elif (
            name == "lbfgs"
            # The length of its last step is not known beforehand, but it ends with the try that
            # spends
            # the budget
        ):
            assert spent[-1] < amount + 3 * 20 * SAMPLES * price
        elif len(steps) > 1:
            assert abs(spent[-1] - amount) <= max(steps[-2:]) / 2 + 1e-9
        row = race.results()[0]
        assert row["spent"] == pytest.approx(spent[-1] / amount)
        assert race.metrics(0)["lanes"][0]["progress"] == 1


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize("amount", [1, 7, 100, 1003])
def test_on_a_landscape_a_cut_method_spends_its_budget_to_the_evaluation(
    name: str, amount: int
) -> None:
    value = {
        "dataset": {"name": "landscape", "function": "himmelblau"},
        "lanes": [name],
        "budget": {"currency": "evaluations", "amount": amount},
    }
    race = Race(Experiment.parse(value), pictures=False)
    frames = list(race)
    assert race.lanes[0].oracle.evaluations == amount
    assert frames[-1].metrics["lanes"][0]["trouble"] is None
    loss = race.results()[0]["loss"]
    assert loss is not None
    assert loss <= frames[0].metrics["lanes"][0]["loss"], "nothing that was not judged was taken"


@pytest.mark.parametrize("name", CUT)
def test_a_budget_of_less_than_one_step_is_not_spent_several_times(name: str) -> None:
    for amount in (1000, 2500):
        race = race_of({"name": name, "batch": 0}, "evaluations", amount)
        spent = spend(race)
        assert amount <= spent[-1] < amount + SAMPLES


def test_what_a_lane_spent_beside_its_budget_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(
        capsys,
        "run",
        "--dataset",
        "moons",
        "--optimizer",
        "eki",
        "--versus",
        "adam",
        "--evaluations",
        "30000",
    )
    assert status == 0
    assert out.count("of 3e+04 evaluations, as near as its steps allow") == 1, (
        "Adam's steps are small"
    )
