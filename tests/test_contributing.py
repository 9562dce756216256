"""The methods in CONTRIBUTING.md work as they stand there: one new file, no edit elsewhere."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
MOST_LINES = 40
EDITED = """
from engine.combinatorial.experiment import CombinatorialExperiment
from engine.combinatorial.query_string import from_flat, to_flat
from engine.combinatorial.race import CombinatorialRace

race = CombinatorialRace(CombinatorialExperiment.parse({
    "instance": {"name": "random", "cities": 60},
    "lanes": ["nearest-neighbour"],
    "budget": {"currency": "evaluations", "amount": 1e5},
}))
assert from_flat(to_flat(race.experiment)) == race.experiment
race.advance()
race.set_cities(drop=[3, 7])
assert race.step_in_phases(race.lanes[0], 0)["type"] == "move"
while not race.finished:
    race.advance()
(row,) = race.results()
assert row["feasible"] and not row["trouble"], row
"""
"""What a page asks of a race on cities while it runs."""


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a copy of the engine that has the methods of CONTRIBUTING.md."""
    folder = tmp_path_factory.mktemp("contributing")
    shutil.copytree(
        ROOT / "engine", folder / "engine", ignore=shutil.ignore_patterns("__pycache__")
    )
    # compiled loops are kept beside their source; compiling them again would take a minute
    loops = "engine/combinatorial/kernels/__pycache__"
    (folder / loops).mkdir()
    for file in (ROOT / loops).glob("*.nb[ic]"):
        with suppress(FileNotFoundError):  # another process has replaced it
            shutil.copy2(file, folder / loops)
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    found = re.findall(r"`(engine/[\w/]+\.py)`:\n\n```python\n(.*?)```", text, re.DOTALL)
    assert [name for name, _ in found] == [
        "engine/optimizers/one_plus_one_es.py",
        "engine/combinatorial/methods/nearest_neighbour.py",
    ]
    for name, code in found:
        assert sum(bool(line.strip()) for line in code.splitlines()) <= MOST_LINES
        (folder / name).write_text(code, "utf-8")
    return folder


def python(folder: Path, *arguments: str) -> str:
    """Return what Python prints when it is run in a folder."""
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def engine(folder: Path, *arguments: str) -> dict[str, Any]:
    """Return what the command line of a folder's engine prints."""
    found: dict[str, Any] = json.loads(python(folder, "-m", "engine", *arguments, "--json"))
    return found


def families(methods: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Return the names of methods by family; each family must stand in one row."""
    row = [method["family"] for method in methods]
    assert row == sorted(row, key=row.index)
    return {
        family: [method["name"] for method in methods if method["family"] == family]
        for family in row
    }


def test_a_method_is_one_new_file(copied: Path) -> None:
    listed = engine(copied, "list")["optimizers"]
    assert families(listed)["Evolution"][-1] == "one-plus-one-es"
    race = ("--dataset", "moons", "--optimizer", "one-plus-one-es", "--evaluations", "800000")
    (lane,) = engine(copied, "run", *race, "--set", "one-plus-one-es.sigma=0.5")["lanes"]
    assert lane["loss"] < 0.45  # 0.7 at the start
    assert lane["accuracy"] > 0.8


def test_a_method_for_combinatorial_problems_is_one_new_file(copied: Path) -> None:
    listed = engine(copied, "route", "list")["methods"]
    assert "nearest-neighbour" in families(listed)["Rule"]
    race = ("--method", "nearest-neighbour", "--versus", "random-search", "--evaluations", "1e6")
    ours, chance = engine(copied, "route", *race, "--set", "nearest-neighbour.choice=2")["lanes"]
    assert ours["feasible"]
    assert ours["best"] < 0.5 * chance["best"]
    python(copied, "-c", EDITED)
