"""What the pages with a live view have in common: the address a visitor went back to, the question
a race was picked for, and what would be raced, in a line.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import streamlit as st

from app import presets
from app.text import t
from engine.experiment.model import Experiment

ASKED = "question asked"
"""Session key of the preset whose explanation stays with its race."""


def ask(preset: presets.Preset) -> None:
    """Keep a question's explanation in sight."""
    st.session_state[ASKED] = preset.id


def follow(experiment: Experiment) -> None:
    """Keep in sight the explanation of the question an address names, whatever its seed; of none
    where it names another race.

    Args:
        experiment: the one a visitor went back or forward to.
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
        close()
    else:
        ask(found)


def _unseeded(experiment: Experiment) -> Experiment:
    return experiment.model_copy(update={"seed": 0})


def close() -> None:
    """Let go of the explanation: it was closed, or another race was opened."""
    st.session_state.pop(ASKED, None)


def question(landscape: bool) -> dict[str, Any] | None:
    """The question asked on a page, as the live view shows it; None where there is none.

    Args:
        landscape: whether it is the page of landscapes.
    """
    found = next(
        (preset for preset in presets.presets() if preset.id == st.session_state.get(ASKED)), None
    )
    if found is None:
        return None
    experiment = found.experiment()
    if (experiment.dataset.kind == "function") != landscape:
        return None
    return {
        "id": found.id,
        "title": found.title,
        "why": found.why,
        "experiment": experiment.to_json(),
    }


def about(experiment: Experiment) -> str:
    """What an experiment races, in a line: "Two spirals · Multi-layer perceptron · Simulated
    annealing against Adam".
    """
    lanes = t("live.versus").join(lane.label for lane in experiment.lanes)
    if experiment.dataset.kind == "function":
        return t("live.about-landscape", data=experiment.dataset.label, lanes=lanes)
    return t(
        "live.about", data=experiment.dataset.label, network=experiment.network.label, lanes=lanes
    )


def parameters(address: Any) -> dict[str, str]:
    """The parameters of an address as the browser tells it: "?dataset=moons"."""
    return dict(parse_qsl(str(address).removeprefix("?"), keep_blank_values=True))
