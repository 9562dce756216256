"""Compiled loops: their shares, what they tell PyTorch of what they wrote, numbers that are none,
and when they are compiled. Each method's step by them: `test_row_blocks`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numba
import pytest
import torch

from engine import Experiment, Race
from engine.kernels import compiled
from engine.kernels.compiled import MANY, Array, Kernel, fit, kernel
from engine.kernels.row_blocks import copied
from engine.optimizers import OPTIMIZERS
from engine.optimizers.common.spread import departures
from engine.optimizers.pso import PSO
from engine.random.rng import Rng
from tests.engine.support.stand_ins import FunctionOracle


@kernel("T[::1], T[::1], T, int64", "x")
def counted(first: int, last: int, x: Array, by: Array, factor: Array, grain: int) -> None:
    """Add to x what each share is given; mark where a share begins that should not."""
    for i in range(first, last):
        x[i] += factor * by[i]
    if first % grain:
        x[first] = -1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize(
    ("count", "grain"), [(0, 1), (1, 1), (5, 1), (1000, 1), (1000, 64), (100, 64), (63, 64)]
)
def test_every_row_is_in_one_share(
    count: int, grain: int, threads: int, dtype: torch.dtype
) -> None:
    x, by, before = (
        torch.zeros(count, dtype=dtype),
        torch.arange(count, dtype=dtype),
        torch.get_num_threads(),
    )
    torch.set_num_threads(threads)
    try:
        counted(count, x, by, 0.5, grain, grain=grain)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(x, 0.5 * torch.arange(count, dtype=dtype))


def test_pytorch_is_told_what_was_written_to_and_what_was_not() -> None:
    x, by = torch.zeros(9), torch.ones(9)
    versions = x._version, by._version
    counted(9, x, by, 1.0, 1)
    assert x._version > versions[0]
    assert by._version == versions[1]
    with pytest.raises(ValueError, match="nothing"):
        kernel("T[::1]", "nothing")(counted.function)


def test_what_goes_wrong_in_another_thread_is_told() -> None:
    def loop(first: int, last: int, x: Any) -> None:
        if first == 2:
            raise ArithmeticError(f"at {first}")

    broken, before = Kernel(loop, "T[::1]", []), torch.get_num_threads()
    broken.loops[torch.float32] = loop
    torch.set_num_threads(2)
    try:
        with pytest.raises(ArithmeticError, match="at 2"):
            broken(10, torch.zeros(10))
    finally:
        torch.set_num_threads(before)


def test_kernels_are_for_many_numbers_row_after_row() -> None:
    x = torch.zeros(2, MANY // 2)
    assert fit(x)
    assert fit(x, x.clone())
    assert fit(x.double())
    assert not fit(x[:1])
    assert not fit(x.T)
    assert not fit(x.half())
    assert not fit(x, x.double())
    assert not fit(x, x[:, ::2])
    assert not fit(torch.zeros(MANY, 2, device="meta"))


def test_a_number_that_is_none_stays_one() -> None:
    """The clamp of a speed must not make a number of it: a swarm that diverges has to be seen
    to.
    """
    x, v = torch.zeros(64, MANY // 64), torch.zeros(64, MANY // 64)
    x[3, 5], v[4, 6], v[5, 7], v[6, 8] = torch.nan, torch.nan, torch.inf, -torch.inf
    oracle: Any = FunctionOracle(lambda rows: rows.sum(1), x.shape[1])
    oracle.scale = torch.ones(x.shape[1])
    method, p = PSO(population_size=64, velocity_limit=0.25), torch.zeros_like(x)
    strayed = method.fly(x, v, p, torch.zeros(64, dtype=torch.long), Rng(0, "x"), oracle)
    assert bool(x[3, 5].isnan())
    assert bool(v[3, 5].isnan())
    assert bool(x[4, 6].isnan())
    assert [float(v[5, 7]), float(v[6, 8])] == [0.25, -0.25]
    assert strayed.isnan().nonzero().tolist() == [[3]]
    assert int(x.isnan().sum()) == 2
    place = torch.zeros(MANY // 64)
    total, squares = torch.zeros_like(place), torch.zeros_like(place)
    departures(len(place), x, place, total, squares)
    assert (
        total.isnan().nonzero().flatten().tolist()
        == squares.isnan().nonzero().flatten().tolist()
        == [5, 6]
    )


def test_a_race_has_its_loops_compiled_before_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Kernel] = []
    monkeypatch.setattr(compiled, "prepare", asked.extend)
    monkeypatch.setattr(
        Kernel, "__call__", lambda self, *arguments, **options: asked.index(self)
    )  # fails where it was not asked for
    for name in OPTIMIZERS.names():
        method = OPTIMIZERS.build({"name": name})
        if not method.loops():
            continue
        field = next(
            field
            for field in (
                "particles",
                "members",
                "individuals",
                "improvised",
                "ensemble",
                "chains",
                "points",
                "population",
            )
            if field in type(method).model_fields
        )
        lane = {"name": name, field: 512} | ({"memory": 512} if name == "harmony-search" else {})
        small = {**lane, field: 8} | ({"memory": 8} if name == "harmony-search" else {})
        for one, wanted in ((small, ()), (lane, method.loops())):
            asked.clear()
            Race(
                Experiment.parse(
                    {
                        "dataset": "digits",
                        "network": {"name": "mlp", "hidden": [8]},
                        "lanes": [one],
                        "device": "cpu",
                    }
                )
            )
            assert tuple(asked) == wanted, name


def test_a_loop_is_compiled_once_and_without_a_folder_too(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    compiles = numba.njit

    def njit(types: str, cache: bool = False, **options: Any) -> Any:
        asked.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return compiles(types, **options)

    monkeypatch.setattr(numba, "njit", njit)
    fresh = Kernel(counted.function, counted.signature, ["x"])
    compiled.prepare([fresh])
    x = torch.zeros(4)
    fresh(4, x, torch.ones(4), 2.0, 1)
    assert torch.equal(x, torch.full((4,), 2.0))
    assert asked == [True, False]


def test_rows_are_copied_within_one_population() -> None:
    x = torch.arange(12.0).view(6, 2)
    copied(2, x, x, torch.tensor([1, 4]), torch.tensor([0, 5]))
    assert x[:, 0].tolist() == [0, 0, 4, 6, 10, 10]


def test_every_kernel_is_some_methods(request: pytest.FixtureRequest) -> None:
    """So that none is compiled within a step, at the lane's cost."""
    named = {one for name in OPTIMIZERS.names() for one in OPTIMIZERS.build({"name": name}).loops()}
    written = sum(
        path.read_text(encoding="utf-8").count("\n@kernel(")
        for path in Path(request.config.rootpath, "engine").rglob("*.py")
    )
    assert written == len(named) > 5
