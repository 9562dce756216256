"""The limits that a server sets for a visitor's race."""

from __future__ import annotations

from typing import Any, TypeVar

from app.experiments import AnyExperiment
from app.text import t
from engine.experiment.model import Experiment
from engine.workers.pool import most_threads

E = TypeVar("E", bound=AnyExperiment)


def within(experiment: E) -> tuple[E, str | None]:
    """Limit a visitor's experiment to the processor threads that this server allows.

    Returns:
        The experiment, and None or a sentence on what was changed.
    """
    most = most_threads()
    if not isinstance(experiment, Experiment) or experiment.threads <= most:
        return experiment, None
    said = t("pages.threads", asked=experiment.threads, most=most)
    limited: Any = experiment.model_copy(update={"threads": most})
    return limited, said
