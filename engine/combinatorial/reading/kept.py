"""Keep an instance that was read, as one file of arrays, so that it need not be read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..instance import Known, TourInstance

FILE = "cities.npz"


def keep(instance: TourInstance, folder: Path) -> None:
    """Write an instance into a folder."""
    said = {
        "name": instance.name,
        "label": instance.label,
        "metric": instance.metric,
        "geographic": instance.geographic,
        "guessed": instance.guessed,
        "names": instance.names,
        "known": instance.known.to_json() if instance.known else None,
        "unit": instance.unit,
        "scale": instance.scale,
    }
    arrays: dict[str, Any] = {"points": instance.points, "places": instance.places}
    if instance.matrix is not None:
        arrays["matrix"] = instance.matrix
    if instance.answer is not None:
        arrays["answer"] = instance.answer
    np.savez(folder / FILE, allow_pickle=False, said=np.array(json.dumps(said)), **arrays)


def kept(folder: Path) -> TourInstance:
    """Return the instance in a folder.

    Raises:
        OSError, ValueError, KeyError, BadZipFile: there is none, or it is damaged.
    """
    with np.load(folder / FILE, allow_pickle=False) as file:
        said = json.loads(str(file["said"]))
        known, names = said.pop("known"), said.pop("names")
        return TourInstance(
            points=file["points"],
            places=file["places"],
            matrix=file.get("matrix"),
            answer=file.get("answer"),
            known=Known(**known) if known else None,
            names=tuple(names) if names is not None else None,
            **said,
        )
