"""A lane is warm before its clock starts: its first step makes nothing that later ones would
find.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from engine.optimizers import OPTIMIZERS
from tests.engine.support.repeating import MLP, drive, lane_of, outcome, race_of


def first_steps(*arguments: str) -> dict[str, dict[str, Any]]:
    """What the first steps made, by method."""
    command = [sys.executable, "-m", "tests.engine.support.warming", *arguments]
    found: dict[str, dict[str, Any]] = {}
    for line in subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.splitlines():
        found |= json.loads(line)
    return found


FORKS = pytest.mark.skipif(
    not hasattr(os, "fork"),
    reason="each method is tried in a copy of a process that has imported no method's own needs",
)


def check(methods: list[str]) -> None:
    found = first_steps(*methods)
    assert list(found) == methods
    assert {name: made for name, made in found.items() if any(made.values())} == {}


@FORKS
@pytest.mark.timeout(600)
def test_the_first_step_makes_nothing_new() -> None:
    """No module is imported, no loop compiled, no table of numbers made, no thread or buffer: by
    whichever lane moves first it would be paid for.
    """
    check(["levenberg-marquardt", "snes", "adam"])


@FORKS
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_nor_does_that_of_any_method() -> None:
    check(OPTIMIZERS.names())


@pytest.mark.slow
@FORKS
@pytest.mark.timeout(600)
def test_without_warming_it_would() -> None:
    found = first_steps("cold", "levenberg-marquardt", "snes")
    assert found["levenberg-marquardt"]["modules"]
    assert found["snes"]["tables"]
    assert found["snes"]["buffers"] > 2**20


@pytest.mark.parametrize(
    "method", ["annealing", "lbfgs", "cma-es", "openai-es", "eki", "parallel-tempering"]
)
def test_warming_changes_nothing(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lane = lane_of(method)
    expected = outcome(drive(race_of(MLP, [lane]), 2), 0)
    monkeypatch.setattr("engine.race.race.warm_up", lambda *_: None)
    assert outcome(drive(race_of(MLP, [lane]), 2), 0) == expected
