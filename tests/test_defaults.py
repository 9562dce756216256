"""The comparison of candidates for defaults: what it measures, how it judges, what it keeps."""

from __future__ import annotations

import itertools
import json
import math
import random
import time
from pathlib import Path
from typing import Any

import pytest

import engine.oracle
from engine.experiment.model import Experiment
from engine.optimizers import OPTIMIZERS
from tests.tools import defaults


@pytest.mark.parametrize("group", defaults.GROUPS)
def test_candidates_are_of_the_method_differ_and_one_of_them_is_the_default(group: str) -> None:
    built = [OPTIMIZERS.build(lane) for lane in defaults.GROUPS[group]]
    assert {one.name for one in built} == {group}
    assert all(one != other for one, other in itertools.combinations(built, 2))
    assert OPTIMIZERS.build(group) in built


@pytest.mark.parametrize("dataset", defaults.SAMPLES)
def test_budgets_are_counted_in_the_samples_there_are(dataset: str) -> None:
    experiment = Experiment.parse({"dataset": dataset, "lanes": ["adam"]})
    assert experiment.dataset.sizes()[0] == defaults.SAMPLES[dataset]


def test_ratios_ranks_and_spread_by_their_definitions() -> None:
    generator = random.Random(5)
    ends = [[generator.uniform(0.01, 1) for _ in range(3)] for _ in range(8)]
    for place, (mean, spread, rank) in enumerate(defaults.judge(ends)):
        ratios = [row[place] / min(row) for row in ends]
        assert mean == pytest.approx(math.prod(ratios) ** (1 / len(ratios)))
        assert math.log(spread) ** 2 == pytest.approx(
            sum(math.log(ratio / mean) ** 2 for ratio in ratios) / len(ratios)
        )
        assert rank == pytest.approx(
            sum(1 + sorted(row).index(row[place]) for row in ends) / len(ends)
        )


def test_what_has_learned_is_equal_and_what_diverged_has_learned_nothing() -> None:
    (one, _, first), (other, _, second) = defaults.judge(
        [[1e-9, 1e-6], [0.0, defaults.LEARNED / 2]]
    )
    assert one == other == 1
    assert first == second == 1.5
    fine, diverged = defaults.judge([[0.01, math.inf]])
    assert fine[0] == 1
    assert diverged[0] == pytest.approx(100)
    worse, diverged = defaults.judge([[5.0, math.inf]])  # ended above where it began
    assert worse[0] == diverged[0] == 1


def test_inside_a_lanes_seconds_are_the_processors() -> None:
    before = vars(engine.oracle)["time"]
    with defaults.processor_time():
        assert vars(engine.oracle)["time"].perf_counter is time.process_time
    assert vars(engine.oracle)["time"] is before


def test_finished_runs_are_kept_and_only_what_is_missing_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(defaults, "SAMPLES", {"iris": 100})
    monkeypatch.setattr(defaults, "PASSES", 40)
    monkeypatch.setattr(defaults, "SECONDS", 0.01)
    monkeypatch.setattr(defaults, "SEEDS", (101, 102))
    keep = tmp_path / "defaults.jsonl"
    found = defaults.measure(("spsa",), keep)
    lines = keep.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2 * 2 * len(defaults.GROUPS["spsa"])
    assert all(end > 0 for rows in found.values() for row in rows for end in row)
    run: list[Any] = []
    here = defaults.left
    monkeypatch.setattr(defaults, "left", lambda value: run.append(value) or here(value))
    keep.write_text("".join(f"{line}\n" for line in lines[1:]) + lines[0][:50], encoding="utf-8")
    assert set(defaults.measure(("spsa",), keep, run=False)) == {("spsa", "seconds")}
    assert run == []
    again = defaults.measure(("spsa",), keep)
    assert defaults.measure(("spsa",), keep, run=False) == again
    assert [json.loads(lines[0])["experiment"]] == run
    assert (
        again["spsa", "evaluations"] == found["spsa", "evaluations"]
    )  # the same evaluations give the same losses
    assert again["spsa", "seconds"] == found["spsa", "seconds"]
    told = defaults.table(again).splitlines()
    assert sum(line.startswith("| SPSA |") for line in told) == len(defaults.GROUPS["spsa"])
    assert sum("●" in line and line.startswith("|") for line in told) == 1


def test_a_group_that_is_none_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["defaults", "--keep", "nowhere", "magic"])
    with pytest.raises(SystemExit):
        defaults.main()
    assert "magic is none of annealing" in capsys.readouterr().err
