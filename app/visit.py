"""Functions shared by the pages with a live view: following the browser's back and forward, the
explanation of a guided experiment, and the race in one line.
"""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from app import presets
from app.experiments import AnyExperiment
from app.text import t
from engine.combinatorial.experiment import CombinatorialExperiment

ASKED = "question asked"
"""What a page calls the preset whose explanation is shown with its race, in its state: every page
has a question of its own.
"""

State = MutableMapping[Any, Any]


def ask(preset: presets.Preset, state: State) -> None:
    """Show a preset's explanation beside its race."""
    state[ASKED] = preset.id


def follow(experiment: AnyExperiment, state: State) -> None:
    """Show the explanation of the preset that a link matches, with any seed; hide it if the link is
    for another race.

    Args:
        experiment: the one that the page opens with, or after going back or forward.
        state: what the session keeps of the page.
    """
    found = next(
        (
            preset
            for preset in presets.presets()
            if _unseeded(preset.experiment()) == _unseeded(experiment)
        ),
        None,
    )
    if found is None:
        close(state)
    else:
        ask(found, state)


def _unseeded(experiment: AnyExperiment) -> AnyExperiment:
    return experiment.model_copy(update={"seed": 0})


def close(state: State) -> None:
    """Hide the explanation: it was closed, or another race was opened."""
    state.pop(ASKED, None)


def question(page: str, state: State) -> dict[str, Any] | None:
    """Return the explanation on a page, as the live view shows it; None if there is none.

    Args:
        page: its file, as `link` names it.
        state: what the session keeps of it.
    """
    found = next((preset for preset in presets.presets() if preset.id == state.get(ASKED)), None)
    if found is None:
        return None
    experiment = found.experiment()
    if found.page != page:
        return None
    everything = presets.presets()
    number = everything.index(found) + 1
    return {
        "id": found.id,
        "title": found.title,
        "why": found.why,
        "watch": found.watch,
        "lesson": found.lesson,
        "lanes": found.lanes,
        "number": number,
        "count": len(everything),
        "next": everything[number].id if number < len(everything) else None,
        "experiment": experiment.to_json(),
    }


def now() -> int:
    """Return the time in milliseconds: a race that is started by a page is known by it."""
    return time.time_ns() // 1_000_000


def about(experiment: AnyExperiment) -> str:
    """Return an experiment in one line: "Two spirals · Multi-layer perceptron · Simulated annealing
    against Adam".
    """
    lanes = t("live.versus").join(lane.label for lane in experiment.lanes)
    if isinstance(experiment, CombinatorialExperiment):
        return t("live.about-tour", data=experiment.instance.title, lanes=lanes)
    if experiment.dataset.kind == "function":
        return t("live.about-landscape", data=experiment.dataset.label, lanes=lanes)
    return t(
        "live.about", data=experiment.dataset.label, network=experiment.network.label, lanes=lanes
    )


def parameters(address: Any) -> dict[str, str]:
    """Return the parameters of a link in the browser's form: "?dataset=moons"."""
    return dict(parse_qsl(str(address).removeprefix("?"), keep_blank_values=True))
