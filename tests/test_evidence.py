"""The evidence that ships: the README says what its tables say, and one seed run again agrees."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from engine.combinatorial.experiment import CombinatorialExperiment
from engine.experiment.model import Experiment
from engine.studies.check import differences
from engine.studies.plan import INSTANCE, runs_of
from engine.studies.report import available, holm_of_primaries, report, the_map
from engine.studies.study import SHIPPED, names, shipped
from tests.tools import evidence, figures

README = evidence.README

MOST_BYTES = 3_000_000
QUICK = ("agreement", "span", "forgetting", "swarms", "rugged")
"""Studies of which one seed is run again among the slow tests."""


def test_the_readme_says_what_the_tables_say() -> None:
    text = README.read_text(encoding="utf-8")
    assert evidence.filled(text) == text, "python -m tests.tools.evidence"
    assert figures.filled(text) == text, "python -m tests.tools.figures"


def test_the_tables_are_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*.parquet")) <= MOST_BYTES


@pytest.mark.parametrize("name", available())
def test_every_verdict_can_be_computed_from_its_tables(name: str) -> None:
    found = report(name)
    assert found.verdict
    assert not {"nan", "unknown"} & set(re.findall(r"\w+", found.verdict)), found.verdict
    assert int(found.seeds.split("–")[0]) >= 3
    assert found.core_minutes > 0


@pytest.mark.parametrize("name", available())
def test_the_tables_are_of_the_study_as_it_stands(name: str) -> None:
    """Each default run that is planned has a row, made by the same experiment."""
    study = shipped(name)
    rows = {
        (row["case"], row["lane"], row["variant"], row["seed"]): json.loads(row["experiment"])
        for row in report(name).runs
    }
    planned = [run for run in runs_of(study, "small") if not run.variant.startswith("trial")]
    assert planned
    for run in planned:
        value = rows.get((run.case, run.lane, run.variant, run.seed))
        assert value is not None, (run.case, run.lane, run.seed)
        kind = CombinatorialExperiment if INSTANCE in value else Experiment
        assert kind.parse(value).to_json() == run.experiment, (run.case, run.lane, run.seed)


@pytest.mark.parametrize("name", names())
def test_no_two_lanes_of_a_case_are_the_same(name: str) -> None:
    lanes: dict[str, tuple[str, str, str]] = {}
    for run in runs_of(shipped(name), "small", 1):
        if not run.variant.startswith("trial"):
            where = run.case, run.lane, run.variant
            assert lanes.setdefault(run.key, where) == where


def test_most_studies_have_results_and_the_map_has_rows() -> None:
    assert set(available()) <= set(names())
    reports = [report(name) for name in available()]
    cells = the_map(reports)
    assert len({cell.situation for cell in cells}) >= 5
    for row in {cell.situation for cell in cells}:
        best = [cell for cell in cells if cell.situation == row and cell.factor == 1]
        assert len(best) <= 1
    adjusted = holm_of_primaries(reports)
    assert all(0 <= p <= 1 for p in adjusted.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_one_seed_run_again_agrees_with_what_ships(name: str, tmp_path: Path) -> None:
    assert differences(shipped(name), "small", tmp_path, seed=0) == []
