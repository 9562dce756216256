"""Summaries of the recordings that ship with Kelvin: the race, its results, and a thinned curve for
a small chart.

The browser computes the same for the visitor's own recordings (`frontend/data/summary.js`); the
gallery shows both side by side.
"""

from __future__ import annotations

import json
import logging
import math
from functools import lru_cache
from pathlib import Path
from typing import Any

from app.text import t
from engine.errors import BadInput
from engine.experiment.lane_names import stage_names
from engine.messages.recording import SUFFIX, Recording
from engine.race.seed_statistics import quantile

log = logging.getLogger(__name__)

ASSETS = Path(__file__).resolve().parents[2] / "assets"
RECORDINGS, PLAYLIST = ASSETS / "recordings", ASSETS / "playlist.json"
SPARK_POINTS = 60
NUMBERS = ("loss", "accuracy", "test_loss", "test_accuracy", "evaluations", "flops", "seconds")


def shipped() -> list[dict[str, Any]]:
    """Return every shipped recording: name, title, size in bytes, summary and spark, by name.

    A file is read when first needed, and again only when it has changed. One that cannot be read is
    left out and logged.
    """
    found = []
    for path in sorted(RECORDINGS.glob(f"*{SUFFIX}")):
        stat = path.stat()
        try:
            told = _told(path, stat.st_mtime_ns, stat.st_size)
        except (BadInput, KeyError, TypeError) as error:
            log.warning("the recording %s is left out: %s", path.name, error)
            continue
        found.append(
            {
                "name": path.stem,
                "title": _title(path.stem, told["summary"]),
                "size": stat.st_size,
                **told,
            }
        )
    return found


@lru_cache(maxsize=256)
def _told(path: Path, changed: int, size: int) -> dict[str, Any]:
    """Return summary and spark of a file as it was at a time."""
    recording = Recording.read(path)
    stage, metrics = (
        recording.stage,
        [message for message in recording if message["type"] == "metrics"],
    )
    if not metrics:
        raise BadInput("recording", str(path), "at least one moment")
    return {"summary": summary(stage, metrics[-1]), "spark": spark(metrics)}


def summary(stage: dict[str, Any], last: dict[str, Any]) -> dict[str, Any]:
    """Return the summary of a recording.

    Args:
        stage: its stage.
        last: its last metrics.
    """
    data, experiment = stage["data"], stage["experiment"]
    seeds = experiment.get("seeds", 1)
    return {
        "dataset": data["name"],
        "label": (data.get("landscape") or data)["label"],
        "kind": data["kind"],
        "network": stage.get("network") or experiment.get("network", {}).get("name", ""),
        "lanes": [
            _lane(lane, name) for lane, name in zip(stage["lanes"], stage_names(stage), strict=True)
        ],
        "budget": {"currency": stage["budget"]["currency"], "amount": stage["budget"]["amount"]},
        "seed": experiment["seed"],
        **({"seeds": seeds} if seeds > 1 else {}),
        "results": [{name: _number(row.get(name)) for name in NUMBERS} for row in rows_of(last)],
    }


def rows_of(metrics: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each lane's numbers in metrics; of several seeds their medians."""
    block = metrics.get("seeds", {})
    if "values" not in block:
        return list(metrics["lanes"])
    values, fields = block["values"], block["fields"]
    return [
        {
            name: quantile(
                values[:, lane, fields.index(name)].tolist(),
                0.5,
                -math.inf if name.endswith("accuracy") else math.inf,
            )
            for name in NUMBERS
        }
        for lane in range(values.shape[1])
    ]


def _lane(lane: dict[str, Any], name: str) -> dict[str, str]:
    """Return a lane's name, and its method's name if that differs."""
    method = lane.get("method") or lane["label"]
    return {"optimizer": lane["optimizer"], "label": name} | (
        {"method": method} if method != name else {}
    )


def spark(metrics: list[dict[str, Any]]) -> list[list[float | None]]:
    """Return the training loss of every lane at no more than 60 evenly spaced moments, with the
    first and the last.
    """
    count = min(SPARK_POINTS, len(metrics))
    at = [int(i * (len(metrics) - 1) / (count - 1) + 0.5) if count > 1 else 0 for i in range(count)]
    rows = [rows_of(metrics[index]) for index in at]
    return [
        [_number(row[lane]["loss"]) for row in rows] for lane in range(len(metrics[0]["lanes"]))
    ]


def _number(value: Any) -> float | None:
    return (
        value
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        else None
    )


def _title(name: str, told: dict[str, Any]) -> str:
    """Return the title in the playlist, or a description of the race."""
    usual = t(
        "gallery.default-name",
        data=told["label"],
        lanes=t("gallery.vs").join(lane["label"] for lane in told["lanes"]),
    )
    return _playlist().get(name) or usual


def _playlist() -> dict[str, str]:
    """Return titles by recording, if the playlist has any."""
    try:
        entries = json.loads(PLAYLIST.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {
        one["recording"]: str(one["title"])
        for one in entries
        if isinstance(one, dict) and "recording" in one and "title" in one
    }
