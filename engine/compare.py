"""Every method on one problem, from its defaults, with equal budgets: one after the other, so that each has the machine to itself."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.errors import BadInput, CannotRun
from engine.experiment import Experiment
from engine.optimizers import OPTIMIZERS
from engine.race import Race

FLOOR = "random-search"
"""What every method must beat, or its sentence says why it does not."""


def rows(experiment: Experiment, methods: Iterable[str], kept: Path | None = None) -> Iterator[dict[str, Any]]:
    """How each method ends, as soon as it has ended.

    Args:
        experiment: dataset, network, loss, budget and seed; its lanes are replaced by each method in turn.
        methods: names from the catalogue.
        kept: a file of rows, one JSON object a line. Rows in it are not run again, new ones are added, so a comparison that was stopped goes on from there.

    Returns:
        One after the other, what `Race.results` says of the lane, with ``family``, ``sees`` and ``sentence``; or ``optimizer`` and ``refused``, the reason why it cannot run this.

    Raises:
        BadInput: the file of rows belongs to another experiment, or cannot be read.
    """
    base = {key: value for key, value in experiment.to_json().items() if key != "lanes"}
    return _rows(base, methods, kept, _read(kept, base) if kept else {})


def _rows(base: dict[str, Any], methods: Iterable[str], kept: Path | None, done: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for name in methods:
        if name in done:
            yield done[name]
            continue
        row = _run(name, base)
        if kept:
            with kept.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"experiment": base, "row": row}, ensure_ascii=False) + "\n")
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
    except Exception as error:  # what is not even the lane's: the next method may fare better
        race.fail(race.lanes[0], error)
        return about | race.results()[0]


def _read(kept: Path, base: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    if not kept.exists():
        return {}
    done: dict[str, dict[str, Any]] = {}
    try:
        for line in kept.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry["experiment"] != base:
                raise BadInput("--keep", str(kept), "rows of this same experiment, or a new file")
            done[entry["row"]["optimizer"]] = entry["row"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput("--keep", str(kept), "a file of rows that a comparison wrote, or a new one") from None
    return done


def ranked(table: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows by training loss, the lowest first, each told whether it beats the floor; what diverged and what could not run comes last."""
    floor = next((row.get("loss") for row in table if row["optimizer"] == FLOOR), None)

    def height(row: dict[str, Any]) -> float:
        loss = row.get("loss")
        return float("inf") if loss is None else float(loss)

    ordered = sorted(table, key=lambda row: ("refused" in row, height(row)))
    return [{**row, "beats_random_search": None if floor is None or "refused" in row else height(row) <= floor} for row in ordered]
