"""The command line of studies: `python -m engine study list | run | show | check | export`."""

from __future__ import annotations

import csv
import json
import math
import os
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from tqdm import tqdm

from ..errors import BadInput
from ..system.output_files import file_target, folder_target
from .options import EXIT_TROUBLE

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
results_option = click.option(
    "--out",
    type=click.Path(path_type=Path),
    help=f"Results folder, as `study run` wrote it ({OUT} if it was not told); without it, what "
    "ships with Kelvin.",
)
size_option = click.option(
    "--size", type=click.Choice(["small", "full"]), default="small", show_default=True
)


def _is_file(name: str) -> bool:
    """Return whether a study is named by its file. Such a study has no results that ship."""
    return name.endswith(".toml")


def _studies(name: str) -> list[Study]:
    from ..studies.study import names, read, shipped

    if name == "all":
        return [shipped(one) for one in names()]
    if _is_file(name):
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
    if minutes is not None and not minutes > 0:
        raise BadInput("--minutes", minutes, "a number more than 0")
    studies = _studies(name)
    parts = _parts(only, studies)
    until = math.inf if minutes is None else time.monotonic() + 60 * minutes
    for one in studies:
        if size not in one.size:
            click.echo(f"{one.id}: it has no size {size}", err=True)
        elif not _has(one, parts):
            click.echo(f"{one.id}: it has nothing of {' '.join(only)}", err=True)
        else:
            _run(one, name, size, out, seeds, jobs, parts, until, dry)


def _parts(only: tuple[str, ...], studies: list[Study]) -> dict[str, str]:
    """Return what ``--only`` names.

    Raises:
        BadInput: none of the studies has it.
    """
    parts: dict[str, str] = {}
    for text in only:
        key, _, value = text.partition("=")
        if key not in ("lane", "case") or not value:
            raise BadInput("--only", text, "lane=ID or case=ID")
        if key in parts:
            raise BadInput("--only", text, f"one {key} only; {parts[key]} is named too")
        known = [part.id for one in studies for part in (one.lane if key == "lane" else one.case)]
        if value not in known:
            raise BadInput("--only", text, f"{key}= and one of {', '.join(dict.fromkeys(known))}")
        parts[key] = value
    if not any(_has(one, parts) for one in studies):
        lanes = {
            lane.id
            for one in studies
            for case in one.case
            if case.id == parts["case"]
            for lane in one.lanes_of(case)
        }
        raise BadInput(
            "--only",
            " ".join(only),
            f"for the case {parts['case']} one of the lanes {', '.join(sorted(lanes))}",
        )
    return parts


def _has(one: Study, parts: dict[str, str]) -> bool:
    """Return whether a study has the case and the lane that ``--only`` names, together."""
    return any(
        parts.get("case", case.id) == case.id and parts.get("lane", lane.id) == lane.id
        for case in one.case
        for lane in one.lanes_of(case)
    )


def _run(
    one: Study,
    name: str,
    size: Size,
    folder: Path,
    seeds: int | None,
    jobs: int,
    only: dict[str, str],
    until: float,
    dry: bool,
) -> None:
    from ..studies import tables
    from ..studies.runner import first_runs
    from ..studies.verdict_check import check_verdict

    out = folder / one.id
    check_verdict(one, size)
    first = first_runs(one, size, seeds, only)
    if dry:
        known = [value["wall_seconds"] for run in first if (value := _result(out, run)) is not None]
        rate = sum(known) / len(known) if known else None
        told = "unknown time" if rate is None else f"about {rate * len(first) / jobs / 60:.0f} min"
        click.echo(
            f"{one.id}: {len({run.key for run in first})} runs, {told}, "
            "and then those of the settings that tuning chooses"
        )
        return
    _prepare(folder, one)
    complete = _follow(one.id, out, first, jobs, until)
    tuned = tables.tuned_runs(one, size, out, seeds, only)
    complete = _follow(f"{one.id} (tuned)", out, tuned, jobs, until) and complete
    if not complete:
        click.echo(f"{one.id}: not finished; the same command goes on", err=True)
        return
    try:
        tables.write(out / "tables", one, size, out)
    except OSError as error:
        _cannot_write("--out", out / "tables", error)
    if not only:
        said = _verdict(one, out / "tables", _command(name, folder))
        if said is not None:
            click.echo(f"{one.id}: {said}")


def _prepare(folder: Path, one: Study) -> None:
    """Check that the results of a study can be written, before the first run."""
    from ..studies.runner import ROWS

    for place in (folder, folder / one.id / ROWS, folder / one.id / "tables"):
        folder_target("--out", str(place))


def _cannot_write(option: str, place: Path, error: OSError) -> NoReturn:
    raise BadInput(option, str(place), f"a place that can be written ({error.strerror})") from None


def _command(name: str, out: Path) -> str:
    """Return the command that runs the rest of a study."""
    told = "" if out == OUT else f" --out {shlex.quote(str(out))}"
    return f"python -m engine study run {shlex.quote(name)}{told}"


def _result(out: Path, run: Run) -> dict[str, Any] | None:
    from ..studies.runner import result

    return result(out, run)


def _follow(title: str, out: Path, runs: list[Run], jobs: int, until: float) -> bool:
    """Run runs with a progress bar; return whether all are finished."""
    from ..studies.runner import run_all

    _report_damaged(out, runs)
    kept = frozenset(run.needs for run in runs if run.needs is not None)
    total = len({run.key for run in runs})
    with tqdm(total=total, unit="run", file=sys.stderr, desc=title, dynamic_ncols=True) as bar:
        try:
            for run, outcome, seconds, done, _ in run_all(out, runs, jobs, kept, until):
                bar.n = done
                bar.set_postfix_str(f"{run.case} {run.lane} {run.seed}: {outcome}, {seconds:.1f} s")
        except RuntimeError as error:
            bar.close()
            click.echo(f"{title}: {error}; the same command goes on", err=True)
            sys.exit(EXIT_TROUBLE)
        finished = sum(_result(out, run) is not None for run in {r.key: r for r in runs}.values())
        bar.n = finished
    return finished == total


def _report_damaged(out: Path, runs: list[Run]) -> None:
    from ..studies.runner import damaged

    for path in damaged(out, runs):
        click.echo(f"{path}: it is damaged; its run is run again", err=True)


def _verdict(one: Study, folder: Path, command: str) -> str | None:
    """Return the verdict; None, and a line on stderr that says what is missing, if results that it
    needs are not there yet.
    """
    from ..studies import tables
    from ..studies.verdict import verdict

    runs = tables.read(folder, "runs")
    try:
        return verdict(one, runs)
    except (ArithmeticError, LookupError, ValueError):  # BadInput is a ValueError
        missing = _missing(one, runs)
        if missing is None:
            raise
        click.echo(f"{one.id}: no results yet for {missing}; run {command}", err=True)
        return None


def _missing(one: Study, runs: list[dict[str, Any]]) -> str | None:
    """Return the first results that the verdict needs and that are not there, in words."""
    from ..studies.verdict_check import needed

    known: dict[tuple[str, str], set[str]] = {}
    for row in runs:
        if not row["variant"].startswith("trial"):
            known.setdefault((row["case"], row["lane"]), set()).add(row["variant"])
    size = runs[0]["size"] if runs else next(iter(one.size))
    for case, lane, variant in needed(one, size):
        if (case, lane) not in known:
            return f"case {case}, lane {lane}"
        if variant not in ("best", "default") and variant not in known[case, lane]:
            return f"case {case}, lane {lane} ({variant})"
    return None


@study.command()
@click.argument("name")
@results_option
@click.option("--json", "as_json", is_flag=True, help="Print the summary's rows as JSON.")
def show(name: str, out: Path | None, as_json: bool) -> None:
    """Print a study's summary and verdict: of what ships, or of your own results."""
    from ..studies import tables
    from ..studies.verdict import number

    for one, folder in _tables_of(name, out):
        rows = tables.read(folder, "summary")
        said = _verdict(one, folder, _command(name, OUT if out is None else out))
        if as_json:
            click.echo(json.dumps({"study": one.id, "verdict": said, "rows": rows}))
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
        if said is not None:
            click.echo(f"\n{said}")


def _none(value: float | None) -> float:
    return math.nan if value is None else value


def _tables_of(name: str, out: Path | None) -> list[tuple[Study, Path]]:
    """Return each study with the folder of its tables: those of ``--out``; without it those that
    ship, which a line on stderr says. A study file of one's own has none that ship.

    Raises:
        BadInput: there are none.
    """
    from ..studies.study import SHIPPED

    ships = out is None and not _is_file(name)
    place = OUT if out is None else out
    found = []
    for one in _studies(name):
        folder = SHIPPED / one.id if ships else place / one.id / "tables"
        if os.path.exists(folder / "summary.parquet"):
            found.append((one, folder))
        elif name == "all":
            click.echo(f"{one.id}: no tables in {SHIPPED if ships else place}", err=True)
    if not found:
        raise _nothing_in(place, name, "tables")
    if ships:
        click.echo("these tables ship with Kelvin; --out FOLDER reads your own", err=True)
    return found


def _nothing_in(place: Path, name: str, what: str) -> BadInput:
    """Return the error that a results folder has nothing of a study, with what there is."""
    from ..studies.runner import ROWS

    count = sum(len([*(place / one.id / ROWS).glob("*.json")]) for one in _studies(name))
    begun = f" ({count} runs are finished, not all)" if count and what == "tables" else ""
    return BadInput(
        "--out",
        str(place),
        f"a folder with {what} of {name}{begun}; to make them run {_command(name, place)}",
    )


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

    A study file of your own is compared with its tables in --out. Exit status 1 if it does not.
    """
    from ..studies import tables
    from ..studies.check import differences, runs_again
    from ..studies.study import SHIPPED

    own, failed, studies = _is_file(name), False, _studies(name)
    for one in studies:  # before the first run
        tables.read(out / one.id / "tables" if own else SHIPPED / one.id, "runs")
    for one in studies:
        known = out / one.id / "tables" if own else SHIPPED / one.id
        # beside the runs that the tables are of: those would only agree with themselves
        place = out / one.id / "check" if own else out / one.id
        folder_target("--out", str(out))
        folder_target("--out", str(place))
        _report_damaged(place, runs_again(one, size, seed))
        found = differences(one, size, place, seed, jobs, known)
        if own:
            shutil.rmtree(place, ignore_errors=True)
        for line in found:
            click.echo(f"{one.id}: {line}")
        those = f"tables in {out}" if own else "shipped tables"
        click.echo(f"{one.id}: {'differs' if found else f'agrees with the {those}'}")
        failed |= bool(found)
    sys.exit(EXIT_DIFFERS if failed else 0)


@study.command()
@click.argument("name")
@size_option
@results_option
@click.option("--ioh", type=click.Path(path_type=Path), help="Write IOHprofiler's format here.")
@click.option("--csv", "table", type=click.Path(path_type=Path), help="Write the summary as CSV.")
def export(name: str, size: Size, out: Path | None, ioh: Path | None, table: Path | None) -> None:
    """Export a study's results for other programs: your own runs (--ioh), summaries (--csv)."""
    from ..studies import tables

    if ioh is None and table is None:
        raise BadInput("export", "nothing", "--ioh DIR, --csv FILE or both")
    found = [] if table is None else _tables_of(name, out)
    if table is not None:
        file_target("--csv", str(table))
    if ioh is not None:
        _export_runs(name, size, OUT if out is None else out, ioh)
    if table is not None:
        rows = [row for _, folder in found for row in tables.read(folder, "summary")]
        try:
            with table.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(
                    file, list(dict.fromkeys(key for row in rows for key in row))
                )
                writer.writeheader()
                writer.writerows(rows)
        except OSError as error:
            _cannot_write("--csv", table, error)
        click.echo(f"{name}: {len(rows)} rows in {table}")


def _export_runs(name: str, size: Size, out: Path, ioh: Path) -> None:
    from ..studies import ioh as format_
    from ..studies import tables

    results = [(one, tables.results_of(one, size, out / one.id)) for one in _studies(name)]
    if not any(found for _, found in results):
        raise _nothing_in(out, name, "runs")
    folder_target("--ioh", str(ioh))
    for one, found in results:
        try:
            written = format_.export(found, ioh)
        except OSError as error:
            _cannot_write("--ioh", ioh, error)
        click.echo(f"{one.id}: {len(written)} descriptions in {ioh}")
