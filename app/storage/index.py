"""The index of kept races: an SQLite database in WAL mode, so that a crash never damages it.

What can be asked of all races at once is here: who has which, how each stands, the last numbers of
every lane. Frames are in files of their own, see `app.storage.frames`: they are only ever read as a
whole, and a database of them would be written twice.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.text import t
from engine.errors import BadInput

VERSION = 2
MIGRATIONS = {
    1: """
        CREATE TABLE races (
            token TEXT PRIMARY KEY,
            watch TEXT NOT NULL UNIQUE,
            owner TEXT NOT NULL,
            key TEXT NOT NULL,
            experiment TEXT NOT NULL,
            state TEXT NOT NULL,
            sentence TEXT,
            wants_pause INTEGER NOT NULL DEFAULT 0,
            touched_by_hand INTEGER NOT NULL DEFAULT 0,
            pinned INTEGER NOT NULL DEFAULT 0,
            created REAL NOT NULL,
            used REAL NOT NULL,
            bytes INTEGER NOT NULL DEFAULT 0
        );
        CREATE INDEX races_by_use ON races (used);
        CREATE TABLE results (
            token TEXT NOT NULL REFERENCES races (token) ON DELETE CASCADE,
            lane INTEGER NOT NULL,
            label TEXT NOT NULL,
            step INTEGER,
            evaluations REAL,
            flops REAL,
            seconds REAL,
            loss REAL,
            accuracy REAL,
            test_loss REAL,
            test_accuracy REAL,
            PRIMARY KEY (token, lane)
        );
    """,
    2: """
        ALTER TABLE races ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE races ADD COLUMN pinned_by TEXT NOT NULL DEFAULT '';
    """,
}
"""What takes a database from the version before to this one."""
RESULTS = (
    "step",
    "evaluations",
    "flops",
    "seconds",
    "loss",
    "accuracy",
    "test_loss",
    "test_accuracy",
)


@dataclass
class Row:
    """A race in the index.

    Attributes:
        token: lets its owner see and steer it.
        watch: lets others see it.
        owner: who asked for it, as `app.visitors` tells visitors apart; empty if unknown.
        key: a hash of the experiment; equal ones are the same race.
        experiment: JSON values.
        state: the last one that was told.
        sentence: that was told with it, or None.
        wants_pause: whether its visitor has paused it.
        touched_by_hand: whether it was changed while it ran.
        pinned: whether it is kept whatever its age.
        created: Unix time.
        used: Unix time when it was last looked at.
        bytes: on the disk.
        shared: whether another visitor asked for it too, so that one alone cannot delete it.
        pinned_by: who pinned it, as `app.visitors` tells visitors apart.
    """

    token: str
    watch: str
    owner: str
    key: str
    experiment: dict[str, Any]
    state: str = "starting"
    sentence: str | None = None
    wants_pause: bool = False
    touched_by_hand: bool = False
    pinned: bool = False
    created: float = 0.0
    used: float = 0.0
    bytes: int = 0
    shared: bool = False
    pinned_by: str = ""


COLUMNS = tuple(Row.__dataclass_fields__)


class Index:
    """The database. Used by one thread at a time.

    Args:
        path: of the file.

    Raises:
        BadInput: it was written by a newer Kelvin, or is no index of races.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._base = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=NORMAL")
            self._base.execute("PRAGMA foreign_keys=ON")
            found = self._base.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.DatabaseError as error:
            raise BadInput(
                "KELVIN_STORE", str(path), t("hosting.index-foreign", why=error)
            ) from None
        if found > VERSION:
            raise BadInput(
                "KELVIN_STORE",
                str(path),
                t("hosting.index-newer", most=VERSION, found=found),
            )
        for version in range(found + 1, VERSION + 1):
            self._base.executescript(
                f"BEGIN; {MIGRATIONS[version]} PRAGMA user_version={version}; COMMIT;"
            )

    def close(self) -> None:
        self._base.close()

    def rows(self) -> list[Row]:
        """Return all races, the one used longest ago first."""
        with closing(
            self._base.execute(f"SELECT {', '.join(COLUMNS)} FROM races ORDER BY used")
        ) as found:
            return [_row(one) for one in found]

    def put(self, row: Row) -> None:
        """Add a race, or replace what is known of it."""
        values = [
            json.dumps(value, separators=(",", ":")) if name == "experiment" else value
            for name, value in vars(row).items()
        ]
        marks, names = ", ".join("?" * len(COLUMNS)), ", ".join(COLUMNS)
        changes = ", ".join(f"{name}=excluded.{name}" for name in COLUMNS[1:])
        self._base.execute(
            f"INSERT INTO races ({names}) VALUES ({marks}) "
            f"ON CONFLICT (token) DO UPDATE SET {changes}",
            values,
        )

    def put_results(self, token: str, labels: list[str], metrics: Mapping[str, Any]) -> None:
        """Keep the last numbers of every lane of a race."""
        rows = [
            (token, lane, label, *(row.get(name) for name in RESULTS))
            for lane, (label, row) in enumerate(
                zip(labels, metrics.get("lanes") or [], strict=False)
            )
        ]
        marks = ", ".join("?" * (3 + len(RESULTS)))
        self._base.executemany(
            f"INSERT OR REPLACE INTO results (token, lane, label, {', '.join(RESULTS)}) "
            f"VALUES ({marks})",
            rows,
        )

    def results(self, token: str) -> list[dict[str, Any]]:
        """Return the last numbers of every lane of a race."""
        names = ("label", *RESULTS)
        with closing(
            self._base.execute(
                f"SELECT {', '.join(names)} FROM results WHERE token=? ORDER BY lane", (token,)
            )
        ) as found:
            return [dict(zip(names, one, strict=True)) for one in found]

    def remove(self, token: str) -> None:
        """Remove a race."""
        self._base.execute("DELETE FROM races WHERE token=?", (token,))


def _row(values: tuple[Any, ...]) -> Row:
    row = Row(*values)
    row.experiment = json.loads(values[COLUMNS.index("experiment")])
    for name in ("wants_pause", "touched_by_hand", "pinned", "shared"):
        setattr(row, name, bool(getattr(row, name)))
    return row
