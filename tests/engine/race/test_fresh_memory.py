"""Nothing large is allocated inside a step: a page that is fresh costs several times a page in use,
on some machines more than all arithmetic done to it.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.engine.support.repeating import race_of

PROBLEM = {"dataset": "digits", "network": {"name": "mlp", "hidden": [64]}}
POPULATIONS: dict[str, dict[str, int]] = {
    "openai-es": {"pairs": 100},
    "low-rank-es": {"pairs": 100},
    "snes": {"population_size": 200},
    "sep-cma-es": {"population_size": 200},
    "genetic": {"population_size": 200},
    "differential-evolution": {"population_size": 200},
    "harmony-search": {"memory_size": 200, "new_harmonies": 200},
    "pso": {"population_size": 200},
    "cbo": {"population_size": 200},
    "random-search": {"population_size": 200},
    "eki": {"population_size": 200},
    "enkf": {"population_size": 200},
    "annealing": {"population_size": 200},
    "parallel-tempering": {"population_size": 200},
    "population-annealing": {"population_size": 200},
}


class Fresh(TorchDispatchMode):
    """Notes what operations answer in memory of at least so many bytes that none of their arguments
    had.
    """

    def __init__(self, least: int) -> None:
        super().__init__()
        self.least, self.found = least, list[tuple[str, tuple[int, ...]]]()

    def __torch_dispatch__(
        self, function: Any, types: Any, given: Any = (), named: Any = None
    ) -> Any:
        named = named or {}
        known = {
            one.untyped_storage().data_ptr()
            for one in tree_leaves((given, named))
            if isinstance(one, Tensor)
        }
        answer = function(*given, **named)
        for one in tree_leaves(answer):
            if (
                isinstance(one, Tensor)
                and one.untyped_storage().nbytes() >= self.least
                and one.untyped_storage().data_ptr() not in known
            ):
                self.found.append((str(function), tuple(one.shape)))
        return answer


@pytest.mark.parametrize("method", POPULATIONS)
def test_a_step_takes_no_fresh_memory_as_large_as_a_quarter_of_the_population(method: str) -> None:
    race = race_of(PROBLEM, [{"name": method, "batch": 32, **POPULATIONS[method]}])
    race.advance()
    race.advance()
    with Fresh(200 * race.network.dimension * 4 // 4) as fresh:
        race.advance()
    assert race.lanes[0].trouble is None
    assert fresh.found == []


def test_fresh_memory_would_be_noticed() -> None:
    x = torch.zeros(1000)
    with Fresh(4000) as fresh:
        x.add_(1).view(10, 100).mul_(2)
        assert fresh.found == []
        _ = x + 1, torch.empty(1000), x[:10] + 1
    assert [name for name, _ in fresh.found] == ["aten.add.Tensor", "aten.empty.memory_format"]
