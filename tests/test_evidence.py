"""The evidence that ships: the README says what its tables say, and one seed run again agrees."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.studies.check import differences
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
    assert "nan" not in found.verdict
    assert found.seeds >= 3
    assert found.core_minutes > 0


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
