"""The catalogue: all datasets, networks, losses, optimizers and schedules, as JSON values."""

from __future__ import annotations

from typing import Any

from .datasets import DATASETS
from .losses import LOSSES
from .networks import NETWORKS
from .optimizers import OPTIMIZERS
from .registry import fields
from .schedules import SCHEDULES


def catalogue() -> dict[str, Any]:
    """Return datasets, networks, losses, optimizers and schedules with their fields, ranges and
    sources.
    """
    datasets = [
        {
            "name": cls.name,
            "label": cls.label,
            "kind": cls.kind,
            "shape": list(cls.shape),
            "classes": list(cls.classes),
            "about": cls.about,
            "needs_file": cls.needs_file,
            "fields": fields(cls),
        }
        for cls in DATASETS
    ]
    optimizers = [
        {
            "name": cls.name,
            "label": cls.label,
            "family": cls.family,
            "sees": cls.sees,
            "paper": cls.paper,
            "sentence": cls.sentence,
            "fields": fields(cls),
        }
        for cls in OPTIMIZERS
    ]
    return {
        "datasets": datasets,
        "networks": NETWORKS.describe(),
        "losses": [{"name": loss.name, "label": loss.label} for loss in LOSSES.values()],
        "optimizers": optimizers,
        "schedules": [{"name": name, "about": about} for name, about in SCHEDULES.items()],
    }
