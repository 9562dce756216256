"""Compare all methods on one problem, from their defaults and with equal budgets. They run one
after the other, so that each has the machine to itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import BadInput, CannotRun, shorten
from ..experiment.model import Experiment
from ..optimizers import OPTIMIZERS
from ..system.input_checks import check
from .race import Race
from .results import SUMMARISED

VERSION = 1
"""Version of the rows in a file."""
COLUMNS = set(SUMMARISED)
"""Fields of a row besides the method, if the method could run."""
FLOOR = "random-search"
"""The method that every other method must beat; otherwise its summary must say why it does not."""


def rows(
    experiment: Experiment,
    methods: Iterable[str],
    kept: Path | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
    lost: Callable[[str], None] = lambda sentence: None,
) -> Iterator[dict[str, Any]]:
    """Yield the result of each method as soon as it has ended.

    Args:
        experiment: dataset, network, loss, budget and seed; its lanes are replaced by each method
            in turn.
        methods: names from the catalogue.
        kept: a file of rows, one JSON object a line. Methods with a row in it are not run again and
            new rows are added, so a comparison that was stopped continues from there.
        tell: called with a sentence if something in that file could not be used.
        lost: called with a sentence if a row could not be written to it; the comparison continues
            without it.

    Returns:
        One row after the other: the fields of `Race.results` for the lane, with ``family``,
            ``sees`` and ``sentence``; or ``optimizer`` and ``refused``, the reason why it cannot
            run this.

    Raises:
        BadInput: the file of rows belongs to another experiment, or cannot be read or written.
            Checked before the first method runs.
    """
    base = {key: value for key, value in experiment.to_json().items() if key != "lanes"}
    return _rows(base, methods, kept, _open(kept, base, tell) if kept else {}, lost)


def _rows(
    base: dict[str, Any],
    methods: Iterable[str],
    kept: Path | None,
    done: dict[str, dict[str, Any]],
    lost: Callable[[str], None],
) -> Iterator[dict[str, Any]]:
    for name in methods:
        if name in done:
            yield done[name]
            continue
        row = _run(name, base)
        if kept:
            try:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(
                        json.dumps(
                            {"version": VERSION, "experiment": base, "row": row}, ensure_ascii=False
                        )
                        + "\n"
                    )
            except OSError as error:
                lost(f"--keep: rows could not be written into {kept} ({error.strerror})")
                kept = None
        yield row


def _run(name: str, base: Mapping[str, Any]) -> dict[str, Any]:
    cls = OPTIMIZERS.get(name)
    about = {"optimizer": name, "family": cls.family, "sees": cls.sees, "sentence": cls.sentence}
    try:
        race = Race(Experiment.parse({**base, "lanes": [name]}), marks=20, pictures=False)
    except CannotRun as refusal:
        return {**about, "refused": refusal.allowed}
    try:
        for _ in race:
            pass
        return about | race.results()[0]
    except BadInput:
        raise
    except Exception as error:  # not an error of the lane: the next method may work
        race.fail(race.lanes[0], error)
        return about | race.results()[0]


def _open(
    kept: Path, base: Mapping[str, Any], tell: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Return the rows in a file. The file is created if necessary; an incomplete last line is
    removed and reported.
    """
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with kept.open("a+b") as file:
            file.seek(0)
            *lines, rest = file.read().split(b"\n")
            done = _read(kept, lines, base)
            if rest.strip():
                try:
                    done |= _read(kept, [rest], base)
                    file.write(b"\n")
                except _Broken:
                    file.truncate(sum(len(line) + 1 for line in lines))
                    tell(f"--keep: the last line of {kept} was cut off; its method is run again")
    except OSError as error:
        raise BadInput(
            "--keep", str(kept), f"a file that can be read and written ({error.strerror})"
        ) from None
    except _Broken as broken:
        raise BadInput(
            "--keep", str(kept), f"a file of rows that a comparison wrote, or a new one ({broken})"
        ) from None
    return done


class _Broken(ValueError):
    """A line that is not a row."""


def _read(kept: Path, lines: Iterable[bytes], base: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the rows in the lines of a file, by method."""
    done: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line.decode("utf-8"))
            row, version = entry["row"], entry.get("version", VERSION)
            name, told = row["optimizer"], entry["experiment"]
            check(entry, "row")
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            raise _Broken(f"line {number} is not a row") from None
        if (
            not isinstance(name, str)
            or not isinstance(told, dict)
            or not ("refused" in row or row.keys() >= COLUMNS)
        ):
            raise _Broken(f"line {number} is not a row")
        if version != VERSION:
            raise BadInput(
                "--keep",
                str(kept),
                (
                    f"rows of version {VERSION}, or a new file (a newer Kelvin wrote line "
                    f"{number}: version {shorten(version)})"
                ),
            )
        if told != base and (other := _differing(told, base)):
            raise BadInput(
                "--keep",
                str(kept),
                f"rows of this same experiment, or a new file (its {other} is another one)",
            )
        done[name] = row
    return done


def _differing(told: Mapping[str, Any], base: Mapping[str, Any]) -> str | None:
    """Return the first part in which two experiments differ, or None if they are equal. Missing
    parts count as their default.
    """
    try:
        one, other = (
            Experiment.parse({**value, "lanes": [FLOOR]}).to_json() for value in (told, base)
        )
    except BadInput:
        return next((key for key in (*base, *told) if told.get(key) != base.get(key)), "experiment")
    return next((key for key in other if one[key] != other[key]), None)


def ranked(table: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort rows by training loss, lowest first, and mark whether each beats the floor. Diverged
    methods and those that could not run come last.
    """
    floor = next((row.get("loss") for row in table if row["optimizer"] == FLOOR), None)

    def height(row: dict[str, Any]) -> float:
        loss = row.get("loss")
        return float("inf") if loss is None else float(loss)

    ordered = sorted(table, key=lambda row: ("refused" in row, height(row)))
    return [
        {
            **row,
            "beats_random_search": None
            if floor is None or "refused" in row
            else height(row) <= floor,
        }
        for row in ordered
    ]
