"""The limits that a server sets for a visitor's race."""

from __future__ import annotations

from app.text import t
from engine.experiment.model import Experiment
from engine.workers.pool import most_threads


def within(experiment: Experiment) -> tuple[Experiment, str | None]:
    """Limit a visitor's experiment to the processor threads that this server allows.

    Returns:
        The experiment, and None or a sentence on what was changed.
    """
    asked, most = experiment.threads, most_threads()
    if asked <= most:
        return experiment, None
    said = t("pages.threads", asked=asked, most=most)
    return experiment.model_copy(update={"threads": most}), said
