"""Keep an instance that was read, as one file of arrays, so that it need not be read again."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ..instance import Known, TourInstance
from ..landing_instance import LandingInstance
from ..pairing_instance import PairingInstance
from ..routes_instance import RoutesInstance

FILE = "cities.npz"
KINDS: dict[str, Any] = {
    cls.kind: cls for cls in (TourInstance, RoutesInstance, PairingInstance, LandingInstance)
}


def keep(instance: Any, folder: Path) -> None:
    """Write an instance into a folder."""
    said: dict[str, Any] = {"kind": instance.kind}
    arrays: dict[str, Any] = {}
    for field in fields(instance):
        value = getattr(instance, field.name)
        if isinstance(value, np.ndarray):
            arrays[field.name] = value
        elif field.init:
            said[field.name] = value.to_json() if isinstance(value, Known) else value
    np.savez(folder / FILE, allow_pickle=False, said=np.array(json.dumps(said)), **arrays)


def kept(folder: Path) -> Any:
    """Return the instance in a folder.

    Raises:
        OSError, ValueError, KeyError, BadZipFile: there is none, or it is damaged.
    """
    with np.load(folder / FILE, allow_pickle=False) as file:
        said = json.loads(str(file["said"]))
        arrays = {name: file[name] for name in file.files if name != "said"}
    cls = KINDS[said.pop("kind", "tour")]
    for name, value in said.items():
        if isinstance(value, list):
            said[name] = tuple(value)
    if said.get("known") is not None:
        said["known"] = Known(**said["known"])
    return cls(**arrays, **said)
