"""Tables, verdicts, the map, and the export that other programs read."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from engine.cli.main import cli
from engine.errors import BadInput
from engine.studies import ioh, stats, tables
from engine.studies.report import Report, primary_p, the_map
from engine.studies.study import Study
from engine.studies.verdict import Facts, filled, number, verdict
from tests.engine.studies.test_runner import finished


@pytest.fixture
def folder(study: Study, tmp_path: Path) -> Path:
    """The tables of the small study."""
    finished(study, tmp_path / "tiny")
    tables.write(tmp_path / "tiny" / "tables", study, "small", tmp_path / "tiny")
    return tmp_path / "tiny" / "tables"


def test_the_tables_hold_every_run_and_its_checkpoints(study: Study, folder: Path) -> None:
    runs, rows = tables.read(folder, "runs"), tables.read(folder, "checkpoints")
    assert {row["variant"] for row in runs} >= {"default", "tuned", "trial 0", "× 0.5", "× 1"}
    for run in runs:
        mine = [
            row
            for row in rows
            if all(row[name] == run[name] for name in ("case", "lane", "variant", "seed"))
        ]
        assert [row["checkpoint"] for row in mine] == list(range(len(mine)))
        assert mine[-1]["evaluations"] == run["evaluations"]
        assert mine[-1]["outcome"] == run["outcome"]
        assert json.loads(run["experiment"])["seed"] == run["seed"]
        assert json.loads(run["machine"])["gflops"] > 0


def test_the_summary_is_of_the_runs(study: Study, folder: Path) -> None:
    runs, summary = tables.read(folder, "runs"), tables.read(folder, "summary")
    row = next(
        row
        for row in summary
        if (row["case"], row["lane"], row["variant"], row["metric"], row["target"])
        == ("bowl/16", "spsa", "default", "evaluations", 1)
    )
    mine = [
        json.loads(run["hits"])[1]
        for run in runs
        if (run["case"], run["lane"], run["variant"]) == ("bowl/16", "spsa", "default")
    ]
    costs, reached = [hit["evaluations"] for hit in mine], [hit["reached"] for hit in mine]
    expected = stats.expected_running_time_interval(costs, reached)
    assert (row["value"], row["low"], row["high"]) == pytest.approx(expected)
    assert (row["n"], row["reached"]) == (3, sum(reached))
    score = next(
        row
        for row in summary
        if (row["case"], row["lane"], row["metric"]) == ("bowl/16", "spsa", "loss")
    )
    losses = [
        run["loss"]
        for run in runs
        if (run["case"], run["lane"], run["variant"]) == ("bowl/16", "spsa", "default")
    ]
    assert score["value"] == pytest.approx(np.median(losses), rel=1e-6)
    assert (score["low"], score["high"]) == pytest.approx((min(losses), max(losses)), rel=1e-6)
    assert score["interval"] == "lowest and highest"


def test_a_cost_is_interpolated_between_the_looks_that_the_target_was_reached_between() -> None:
    rows = [
        {"evaluations": 100, "core_seconds": 1.0, "rounds": 1, "loss": 1.0, "accuracy": 0.5},
        {"evaluations": 400, "core_seconds": 2.0, "rounds": 4, "loss": 0.01, "accuracy": 0.9},
    ]
    hit = {"on": "loss", "goal": 0.1, "reached": True, "evaluations": 400}
    (found,) = tables.between_looks({"rows": rows, "hits": [hit]})
    assert found["evaluations"] == pytest.approx(200)  # half-way on both logarithms
    assert found["core_seconds"] == pytest.approx(math.sqrt(2), rel=1e-5)
    (found,) = tables.between_looks(
        {"rows": rows, "hits": [{**hit, "on": "accuracy", "goal": 0.8}]}
    )
    assert found["evaluations"] == pytest.approx(100 * 4**0.75, rel=1e-5)
    (found,) = tables.between_looks({"rows": rows, "hits": [{**hit, "reached": False}]})
    assert found["evaluations"] == 400  # all that it spent
    (found,) = tables.between_looks({"rows": rows, "hits": [{**hit, "evaluations": 100}]})
    assert found["evaluations"] == 100  # reached at the first look


def test_what_ships_has_the_courses_almost_to_the_last_digit(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "SHIPPED", tmp_path / "shipped")
    size = tables.ship(folder, "tiny")
    assert size == sum(path.stat().st_size for path in (tmp_path / "shipped").rglob("*.parquet"))
    assert tables.read(tmp_path / "shipped" / "tiny", "runs") == tables.read(folder, "runs")
    whole = [
        row for row in tables.read(folder, "checkpoints") if not row["variant"].startswith("trial")
    ]
    short = tables.read(tmp_path / "shipped" / "tiny", "checkpoints")
    assert len(short) == len(whole) > 0
    for one, other in zip(whole, short, strict=True):
        assert one.keys() == other.keys()
        for name, value in one.items():
            if isinstance(value, float):
                assert other[name] == pytest.approx(value, rel=1 / 60_000), name
            else:
                assert other[name] == value, name


def test_in_the_primary_comparison_a_seed_has_one_vote(study: Study) -> None:
    def run(case: str, lane: str, seed: int, cost: float) -> dict[str, object]:
        hits = [{"evaluations": cost, "reached": True}]
        return {
            "case": case,
            "lane": lane,
            "variant": "default",
            "seed": seed,
            "hits": json.dumps(hits),
        }

    rows = [
        run(case, lane, seed, cost)
        for seed in range(5)
        for case in ("bowl/4", "bowl/16")
        for lane, cost in (("spsa", 200.0), ("adam", 100.0))
    ]
    found = Report(study, [], rows, "")
    assert primary_p(found) == pytest.approx(2 * 0.5**5)  # five seeds, not ten pairs


def test_a_verdict_is_the_first_rule_that_holds_with_its_numbers(
    study: Study, folder: Path
) -> None:
    runs = tables.read(folder, "runs")
    facts = Facts(study, runs)
    said = verdict(study, runs)
    ratio = facts.ratio("bowl/16", "spsa", "adam")
    assert ratio.value > 1
    assert said == (
        f"Adam is cheaper: {number(ratio.value)} times [{number(ratio.low)}, {number(ratio.high)}]; "
        f"{facts.cost('bowl/4', 'adam')}."
    )
    slope = facts.slope("bowl", "spsa")
    costs = [
        (run["along"], json.loads(run["hits"])[-1], run["seed"], run["samples"])
        for run in runs
        if (run["lane"], run["variant"]) == ("spsa", "default")
    ]
    theirs = stats.log_slope(
        [one[0] for one in costs],
        [one[1]["evaluations"] / one[3] for one in costs],
        [one[2] for one in costs],
    )
    assert (slope.value, slope.low) == pytest.approx((theirs.value, theirs.low))
    assert filled("{reached('bowl/4', 'adam')}", facts) == "1"
    with pytest.raises(BadInput, match="a case and a lane"):
        filled("{cost('nowhere', 'adam')}", facts)
    with pytest.raises(BadInput, match="no function"):
        filled("{open('x')}", facts)


def test_a_ladder_is_read_at_its_cheapest_rung_that_succeeds(study: Study, folder: Path) -> None:
    runs = tables.read(folder, "runs")
    facts = Facts(study, runs)
    for case in ("bowl/4", "bowl/16"):
        shares = {}
        for rung in ("× 0.5", "× 1"):
            mine = [
                json.loads(run["hits"])[-1]["reached"]
                for run in runs
                if (run["case"], run["lane"], run["variant"]) == (case, "annealing", rung)
            ]
            shares[rung] = sum(mine) / len(mine)
        expected = "× 0.5" if shares["× 0.5"] >= 2 / 3 else "× 1"
        assert facts.rung(case, "annealing") == expected


def test_the_map_has_the_cheapest_method_of_each_column(study: Study, folder: Path) -> None:
    runs = tables.read(folder, "runs")
    one = Report(study, tables.read(folder, "summary"), runs, "")
    cells = the_map([one])
    assert {(cell.situation, cell.case) for cell in cells} == {("few weights", "bowl/16")}
    assert {cell.column for cell in cells} == {"gradient", "two losses", "one loss"}
    facts = Facts(study, runs)
    best = min(cells, key=lambda cell: cell.value)
    assert best.factor == 1
    for cell in cells:
        assert cell.value == facts.cost("bowl/16", cell.lane, target=0).value
        if math.isfinite(cell.value):
            assert cell.factor == pytest.approx(cell.value / best.value)
    with pytest.raises(BadInput, match="currency"):
        the_map([one], "euros")


def test_iohinspector_reads_what_is_exported(study: Study, folder: Path, tmp_path: Path) -> None:
    iohinspector = pytest.importorskip("iohinspector")
    results = tables.results_of(study, "small", folder.parent)
    written = ioh.export(results, tmp_path / "ioh")
    assert len(written) == 2 * 5  # two cases × adam, adam tuned, spsa, two rungs
    manager = iohinspector.DataManager()
    manager.add_folder(str(tmp_path / "ioh"))
    assert len(manager.data_sets) == len(written)
    frame = manager.load(monotonic=True, include_meta_data=True)
    for value in results:
        if value["variant"].startswith("trial"):
            continue
        mine = frame.filter(
            (frame["algorithm_name"] == f"{value['lane']} ({value['variant']})")
            & (frame["function_name"] == value["case"])
            & (frame["instance"] == value["seed"] + 1)
        )
        assert mine["raw_y"].min() == pytest.approx(
            min(row["loss"] for row in value["rows"]), rel=1e-8
        )
        assert mine["evaluations"].max() == max(2, value["rows"][-1]["evaluations"])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1234.0, "1,230"),
        (12.345, "12.3"),
        (2.5e7, "2.5·10⁷"),
        (3.21e-5, "3.21·10⁻⁵"),
        (math.inf, "∞"),
        (math.nan, "unknown"),
    ],
)
def test_numbers_are_written_as_people_write_them(value: float, text: str) -> None:
    assert number(value) == text


def test_the_command_line_lists_and_refuses(tmp_path: Path) -> None:
    listed = CliRunner().invoke(cli, ["study", "list", "--json"])
    assert listed.exit_code == 0
    assert {one["id"] for one in json.loads(listed.output)} >= {"dimension", "sa-cnn", "forgetting"}
    for arguments, said in (
        (["study", "run", "nothing"], "study: 'nothing'"),
        (["study", "run", "span", "--only", "x"], "--only"),
        (["study", "export", "span"], "--ioh DIR"),
    ):
        done = CliRunner().invoke(cli, [*arguments, "--out", str(tmp_path)])
        assert done.exit_code != 0
        assert said in str(done.exception)
