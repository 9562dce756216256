"""The command line of studies: `python -m engine study list | run | show | check | export`."""

from __future__ import annotations

import csv
import json
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

from ..errors import BadInput

if TYPE_CHECKING:
    from ..studies.plan import Run
    from ..studies.study import Size, Study

OUT = Path("runs") / "evidence"
EXIT_DIFFERS = 1


@click.group("study")
def study() -> None:
    """Run published claims again, with controls, several seeds and intervals."""


out_option = click.option(
    "--out", type=click.Path(path_type=Path), default=OUT, show_default=True, help="Results folder."
)
size_option = click.option(
    "--size", type=click.Choice(["small", "full"]), default="small", show_default=True
)


def _studies(name: str) -> list[Study]:
    from ..studies.study import names, read, shipped

    if name == "all":
        return [shipped(one) for one in names()]
    if name.endswith(".toml"):
        return [read(Path(name))]
    return [shipped(name)]


@study.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print everything about them as JSON.")
def list_studies(as_json: bool) -> None:
    """List the studies."""
    everything = _studies("all")
    if as_json:
        click.echo(json.dumps([one.model_dump(mode="json") for one in everything]))
        return
    for one in everything:
        click.echo(f"{one.id:<18} {one.title}")


@study.command()
@click.argument("name")
@size_option
@out_option
@click.option("--seeds", type=click.IntRange(1, 100), help="Seeds; the study's number by default.")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True)
@click.option("--only", multiple=True, metavar="lane=ID|case=ID", help="Run only these parts.")
@click.option("--minutes", type=float, help="Start no run after so many minutes; go on later.")
@click.option("--dry", is_flag=True, help="Print what would be run, and about how long it takes.")
def run(
    name: str,
    size: Size,
    out: Path,
    seeds: int | None,
    jobs: int,
    only: tuple[str, ...],
    minutes: float | None,
    dry: bool,
) -> None:
    """Run a study (a name, a .toml file or all) and write its tables.

    It goes on where it was stopped: runs whose rows are there are not run again.
    """
    parts = {}
    for text in only:
        key, _, value = text.partition("=")
        if key not in ("lane", "case") or not value:
            raise BadInput("--only", text, "lane=ID or case=ID")
        parts[key] = value
    until = math.inf if minutes is None else time.monotonic() + 60 * minutes
    for one in _studies(name):
        if size not in one.size:
            click.echo(f"{one.id}: it has no size {size}", err=True)
            continue
        _run(one, size, out / one.id, seeds, jobs, parts, until, dry)


def _run(
    one: Study,
    size: Size,
    out: Path,
    seeds: int | None,
    jobs: int,
    only: dict[str, str],
    until: float,
    dry: bool,
) -> None:
    from ..studies import tables
    from ..studies.runner import first_runs

    first = first_runs(one, size, seeds, only)
    if dry:
        known = [value["wall_seconds"] for run in first if (value := _result(out, run)) is not None]
        rate = sum(known) / len(known) if known else None
        told = "unknown time" if rate is None else f"about {rate * len(first) / jobs / 60:.0f} min"
        click.echo(
            f"{one.id}: {len({run.key for run in first})} runs and those of tuned settings, {told}"
        )
        return
    complete = _follow(one.id, out, first, jobs, until)
    tuned = tables.tuned_runs(one, size, out, seeds, only)
    complete = _follow(f"{one.id} (tuned)", out, tuned, jobs, until) and complete
    if not complete:
        click.echo(f"{one.id}: not finished; the same command goes on", err=True)
        return
    tables.write(out / "tables", one, size, out, seeds)
    if not only:
        click.echo(f"{one.id}: {_verdict(one, out / 'tables')}")


def _result(out: Path, run: Run) -> dict[str, Any] | None:
    from ..studies.runner import result

    return result(out, run)


def _follow(title: str, out: Path, runs: list[Run], jobs: int, until: float) -> bool:
    """Run runs with a progress bar; return whether all are finished."""
    from ..studies.runner import run_all

    kept = frozenset(run.needs for run in runs if run.needs is not None)
    total = len({run.key for run in runs})
    finished = 0
    with tqdm(total=total, unit="run", file=sys.stderr, desc=title, dynamic_ncols=True) as bar:
        for run, outcome, seconds, done, _ in run_all(out, runs, jobs, kept, until):
            finished = done
            bar.n = done
            bar.set_postfix_str(f"{run.case} {run.lane} {run.seed}: {outcome}, {seconds:.1f} s")
        finished = sum(_result(out, run) is not None for run in {r.key: r for r in runs}.values())
        bar.n = finished
    return finished == total


def _verdict(one: Study, folder: Path) -> str:
    from ..studies import tables
    from ..studies.verdict import verdict

    return verdict(one, tables.read(folder, "runs"))


@study.command()
@click.argument("name")
@out_option
@click.option("--json", "as_json", is_flag=True, help="Print the summary's rows as JSON.")
def show(name: str, out: Path, as_json: bool) -> None:
    """Print a study's summary and verdict."""
    from ..studies import tables
    from ..studies.verdict import number

    for one in _studies(name):
        folder = _tables_of(out, one.id)
        rows = tables.read(folder, "summary")
        if as_json:
            click.echo(
                json.dumps({"study": one.id, "verdict": _verdict(one, folder), "rows": rows})
            )
            continue
        click.echo(f"{one.title}\n{one.question}\n")
        for row in rows:
            if row["metric"] not in ("evaluations", one.metric):
                continue
            what = (
                row["metric"]
                if row["on"] is None
                else f"evaluations to {row['on']} {row['goal']:.3g}"
            )
            click.echo(
                f"{row['case']:<22} {row['lane']:<22} {row['variant']:<9} {what:<34} "
                f"{number(_none(row['value'])):>9} "
                f"[{number(_none(row['low']))}, {number(_none(row['high']))}]  "
                f"{row['reached']}/{row['n']}"
            )
        click.echo(f"\n{_verdict(one, folder)}")


def _none(value: float | None) -> float:
    return math.nan if value is None else value


def _tables_of(out: Path, name: str) -> Path:
    """Return the folder of a study's tables: those of ``--out``, else those that ship."""
    from ..studies.study import SHIPPED

    here = out / name / "tables"
    return here if here.exists() else SHIPPED / name


@study.command()
@click.argument("name")
@out_option
def ship(name: str, out: Path) -> None:
    """Copy the tables of finished studies to where they ship from, without the tuning's courses."""
    from ..studies.tables import ship as copy

    for one in _studies(name):
        if (out / one.id / "tables").exists():
            size = copy(out / one.id / "tables", one.id)
            click.echo(f"{one.id}: {size / 1024:,.0f} KiB")
        else:
            click.echo(f"{one.id}: no tables in {out}", err=True)


@study.command()
@click.argument("name")
@size_option
@out_option
@click.option("--seed", type=click.IntRange(0, 99), default=0, show_default=True)
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True)
def check(name: str, size: Size, out: Path, seed: int, jobs: int) -> None:
    """Run one seed of a study again, and say whether it agrees with the shipped tables.

    Exit status 1 if it does not.
    """
    from ..studies.check import differences

    failed = False
    for one in _studies(name):
        found = differences(one, size, out / one.id, seed, jobs)
        for line in found:
            click.echo(f"{one.id}: {line}")
        click.echo(f"{one.id}: {'differs' if found else 'agrees with the shipped tables'}")
        failed |= bool(found)
    sys.exit(EXIT_DIFFERS if failed else 0)


@study.command()
@click.argument("name")
@size_option
@out_option
@click.option("--ioh", type=click.Path(path_type=Path), help="Write IOHprofiler's format here.")
@click.option("--csv", "table", type=click.Path(path_type=Path), help="Write the summary as CSV.")
def export(name: str, size: Size, out: Path, ioh: Path | None, table: Path | None) -> None:
    """Export a study's results for other programs."""
    from ..studies import ioh as format_
    from ..studies import tables

    if ioh is None and table is None:
        raise BadInput("export", "nothing", "--ioh DIR, --csv FILE or both")
    for one in _studies(name):
        if ioh is not None:
            written = format_.export(tables.results_of(one, size, out / one.id), ioh)
            click.echo(f"{one.id}: {len(written)} descriptions in {ioh}")
        if table is not None:
            rows = tables.read(_tables_of(out, one.id), "summary")
            with table.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
            click.echo(f"{one.id}: {len(rows)} rows in {table}")
