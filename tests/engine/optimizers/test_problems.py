"""Every method on problems that are no sphere: a rotated ellipsoid, Rosenbrock's valley and
Rastrigin's dimples, from its defaults.
"""

import pytest

from engine.errors import CannotRun
from engine.experiment.model import Experiment
from engine.optimizers import OPTIMIZERS
from engine.race.race import Race
from tests.there import there

LEFT = {"ellipsoid": 0.05, "rosenbrock": 0.4, "rastrigin": 0.5}
"""Landscape → the share of the first height above the lowest point that may be left after 3,000
evaluations. On Rastrigin the nearest dimple counts."""


@pytest.mark.parametrize(
    "landscape", ["ellipsoid", "rosenbrock", pytest.param("rastrigin", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_it_goes_down(name: str, landscape: str) -> None:
    asked = {
        "dataset": {"name": "landscape", "function": landscape},
        "lanes": [name],
        "budget": {"currency": "evaluations", "amount": 3000},
        "seed": 1,
    }
    if name == "levenberg-marquardt":  # it needs samples, and says so
        with pytest.raises(CannotRun):
            Experiment.parse(asked)
        return
    race = Race(Experiment.parse(asked))
    start = there(race.results()[0]["loss"])
    while not race.finished:
        race.advance()
    end = there(race.results()[0]["loss"])
    assert end <= LEFT[landscape] * start
