"""The runner: resumed after it was killed, no row twice, the choice of settings."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.studies import tables
from engine.studies.plan import Run, runs_of
from engine.studies.runner import chosen_settings, execute, first_runs, result, row_file, run_all
from engine.studies.study import Study, read
from tests.engine.studies.conftest import TEXT

ROOT = Path(__file__).parents[3]


def finished(study: Study, out: Path) -> list[Run]:
    """Run a study in this process, and return all its runs."""
    runs = first_runs(study, "small", None, {})
    kept = {run.needs for run in runs}
    for run in {run.key: run for run in runs}.values():
        execute(out, run, run.key in kept)
    tuned = tables.tuned_runs(study, "small", out)
    for run in {run.key: run for run in tuned}.values():
        if result(out, run) is None:
            execute(out, run)
    return runs + tuned


def without_times(value: object) -> object:
    """The same result without what a clock measured."""
    if isinstance(value, dict):
        left_out = {"core_seconds", "seconds", "wall_seconds", "machine"}
        return {k: without_times(v) for k, v in value.items() if k not in left_out}
    return [without_times(v) for v in value] if isinstance(value, list) else value


def test_a_run_gives_the_same_rows_again(study: Study, tmp_path: Path) -> None:
    run = next(run for run in runs_of(study, "small") if run.lane == "spsa")
    for folder in ("a", "b"):
        execute(tmp_path / folder, run)
    first, again = result(tmp_path / "a", run), result(tmp_path / "b", run)
    assert first is not None
    assert again is not None
    assert without_times(first["rows"]) == without_times(again["rows"])
    rows = first["rows"]
    assert rows[0]["step"] == rows[0]["evaluations"] == 0
    assert [row["checkpoint"] for row in rows] == list(range(len(rows)))
    looks = [row["evaluations"] for row in rows[1:]]
    assert looks == sorted(set(looks))
    # two losses of all samples for each direction, every step in one call of the oracle
    directions = run.experiment["lanes"][0]["directions"]
    assert rows[-1]["evaluations"] == rows[-1]["step"] * 2 * directions * run.samples
    assert rows[-1]["rounds"] == rows[-1]["step"]
    hit = first["hits"][-1]
    assert hit["reached"]
    assert hit["goal"] == pytest.approx(0.1 * rows[0]["loss"])
    reached = next(row for row in rows if row["loss"] <= hit["goal"])
    assert hit["evaluations"] == reached["evaluations"]


def test_a_lane_that_others_start_from_is_not_tuned_for_it(tmp_path: Path) -> None:
    later = """
[[lane]]
id = "later"
title = "Adam, after SPSA"
sees = "gradient"
setting = { name = "adam", batch = 0 }
start_from = "bowl/spsa"
"""
    path = tmp_path / "tiny.toml"
    at = TEXT.index("[[verdict]]")
    text = TEXT[:at] + later.lstrip() + TEXT[at:]
    path.write_text(text.replace("small = [4, 16]", "small = [4]"), encoding="utf-8")
    study = read(path)
    finished(study, tmp_path / "tiny")
    chosen = chosen_settings(study, "small", tmp_path / "tiny")
    assert set(chosen) == {("bowl/4", "adam"), ("bowl/4", "later")}


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on_and_no_row_is_there_twice(tmp_path: Path) -> None:
    path, out = tmp_path / "tiny.toml", tmp_path / "out"
    path.write_text(TEXT, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "engine",
        "study",
        "run",
        str(path),
        "--out",
        str(out),
    ]
    for _ in range(2):  # twice: the whole group, workers too, without a chance to clean up
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        rows = out / "tiny" / "rows"
        before = len([*rows.glob("*.json")]) if rows.exists() else 0
        while process.poll() is None and (
            not rows.exists() or len([*rows.glob("*.json")]) < before + 3
        ):
            time.sleep(0.02)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    kept = {path: path.stat().st_mtime_ns for path in rows.glob("*.json")}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # none was written again
    runs = tables.read(out / "tiny" / "tables", "runs")
    places = [(row["case"], row["lane"], row["variant"], row["seed"]) for row in runs]
    assert len(set(places)) == len(places)
    assert {json.loads(p.read_text())["key"] for p in rows.glob("*.json")} >= {
        row["key"] for row in runs
    }
    assert done.stdout.startswith("tiny: Adam is cheaper")
    fresh = subprocess.run(
        [*command[:-1], str(tmp_path / "fresh")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert fresh.returncode == 0, fresh.stderr
    for name in ("runs", "summary"):
        one, other = (
            tables.read(folder / "tiny" / "tables", name) for folder in (out, tmp_path / "fresh")
        )
        clocks = {"core_seconds", "machine", "hits"}
        if name == "summary":
            one, other = (
                [row for row in rows if row["metric"] != "core_seconds"] for rows in (one, other)
            )
        assert [{k: v for k, v in row.items() if k not in clocks} for row in one] == [
            {k: v for k, v in row.items() if k not in clocks} for row in other
        ]


def children(pid: int) -> list[int]:
    """The processes that a process has started and that are still there."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,command="], capture_output=True, text=True, check=True
    ).stdout
    split = [line.split(maxsplit=2) for line in listed.splitlines()]
    return [int(one[0]) for one in split if int(one[1]) == pid and "spawn_main" in one[2]]


def there(pid: int) -> bool:
    """Whether a process is at work: one that ended and was not waited for is not."""
    told = subprocess.run(
        ["ps", "-p", str(pid), "-o", "stat="], capture_output=True, text=True, check=False
    ).stdout.strip()
    return bool(told) and not told.startswith("Z")


@pytest.mark.slow
def test_workers_end_when_the_main_process_is_killed_in_the_middle_of_their_runs(
    tmp_path: Path,
) -> None:
    path, out = tmp_path / "long.toml", tmp_path / "out"
    text = TEXT.replace('"60 * D * N + 300 * N"', '"1e12"\ncore_seconds = 3600.0\nstop = false')
    path.write_text(text, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "engine", "study", "run", str(path), "--out", str(out)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    workers: list[int] = []
    try:
        until = time.monotonic() + 120
        while time.monotonic() < until and not (workers := children(process.pid)):
            time.sleep(0.1)
        time.sleep(6)  # it may be starting or at its run; it has to end in either case
    finally:
        process.kill()
        process.wait()
    assert workers
    since = time.monotonic()
    try:
        while any(there(pid) for pid in workers):
            assert time.monotonic() - since < 10
            time.sleep(0.1)
    finally:
        for pid in workers:
            if there(pid):
                os.kill(pid, signal.SIGKILL)


def test_the_choice_is_the_cheapest_trial_and_ties_go_to_the_default(
    study: Study, tmp_path: Path
) -> None:
    finished(study, tmp_path)
    chosen = chosen_settings(study, "small", tmp_path)
    assert {lane for _, lane in chosen} == {"adam"}
    for (case, lane), variant in chosen.items():
        costs = {}
        for run in runs_of(study, "small"):
            if (run.case, run.lane) == (case, lane) and run.variant.startswith("trial"):
                found = result(tmp_path, run)
                assert found is not None
                hit = found["hits"][1]
                costs[run.trial] = hit["evaluations"] if hit["reached"] else float("inf")
        best = min(costs.values())
        assert variant.trial == min(trial for trial, cost in costs.items() if cost == best)


def test_an_experiment_that_cannot_run_is_an_outcome(study: Study, tmp_path: Path) -> None:
    run = next(iter(runs_of(study, "small")))
    broken = {**run.experiment, "lanes": [{"name": "adam", "batch": -1}]}
    value = execute(tmp_path, Run(**{**vars(run), "experiment": broken}))
    assert value["outcome"] == "refused"
    assert "batch" in value["trouble"]


def test_runs_that_need_weights_wait_for_them(study: Study, tmp_path: Path) -> None:
    run = next(run for run in runs_of(study, "small") if run.lane == "adam")
    later = Run(**{**vars(run), "needs": run.key, "seed": 9})
    order = [one.seed for one, *_ in run_all(tmp_path, [later, run], kept=frozenset({run.key}))]
    assert order == [run.seed, 9]
    first, second = (result(tmp_path, one) for one in (run, later))
    assert first is not None
    assert second is not None
    # it starts where the other ended
    assert second["rows"][0]["loss"] == pytest.approx(first["rows"][-1]["loss"], rel=1e-5)
    assert row_file(tmp_path, later.key).exists()
