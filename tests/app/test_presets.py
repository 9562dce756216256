"""Presets: each is a race, travels through a link, and what it claims comes out when it is run."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from streamlit.testing.v1 import AppTest

from app import link
from app.presets import KINDS, Claim, Preset, presets
from app.text import t
from engine.combinatorial.race import CombinatorialRace
from engine.experiment.model import Experiment
from engine.race.race import Race

MARKS = 40
IDS = [preset.id for preset in presets()]


@pytest.mark.parametrize("preset", presets(), ids=IDS)
def test_a_preset_is_an_experiment_and_travels_through_a_link(preset: Preset) -> None:
    experiment = preset.experiment()
    again, complaint = link.read_link(link.write_link(experiment))
    assert complaint is None
    assert again == experiment
    assert all(
        claim.lane < len(experiment.lanes)
        and (claim.over is None or claim.over < len(experiment.lanes))
        for claim in preset.expect
    )


def test_there_are_enough_of_every_kind_and_none_twice() -> None:
    assert len(IDS) == len(set(IDS)) >= 14
    for kind in KINDS:
        assert sum(preset.kind == kind for preset in presets()) >= 3
    assert len({preset.title for preset in presets()}) == len(IDS)


def moment(*rows: dict[str, Any]) -> dict[str, Any]:
    usual = {
        "loss": None,
        "test_accuracy": None,
        "agreement": None,
        "evaluations": 0,
        "trouble": None,
    }
    return {"lanes": [{**usual, **row} for row in rows]}


METRICS = [
    moment({"loss": 0.9, "evaluations": 10, "agreement": 0.2}, {"loss": 0.9, "evaluations": 10}),
    moment({"loss": 0.4, "evaluations": 20, "agreement": None}, {"loss": 0.3, "evaluations": 50}),
    moment(
        {"loss": 0.1, "evaluations": 30, "agreement": 0.6, "test_accuracy": 0.95},
        {"loss": None, "evaluations": 60, "trouble": "It diverged."},
    ),
]


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ({"lane": 0, "number": "loss", "max": 0.2}, 0.1),
        ({"lane": 0, "number": "agreement", "min": 0.3}, 0.4),
        ({"lane": 0, "number": "evaluations", "at_loss": 0.5, "max": 25}, 20),
        (
            {"lane": 1, "over": 0, "number": "evaluations", "at_loss": 0.5, "min": 2.4, "max": 2.6},
            2.5,
        ),
    ],
)
def test_a_claim_reads_its_number(claim: dict[str, Any], value: float) -> None:
    found = Claim.model_validate(claim)
    assert found.value(METRICS) == pytest.approx(value)
    assert found.broken(METRICS) is None


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ({"lane": 0, "number": "test_accuracy", "min": 0.99}, "test_accuracy of lane 0 is 0.95"),
        ({"lane": 0, "number": "loss", "max": 0.01}, "loss of lane 0 is 0.1"),
        ({"lane": 0, "trouble": True}, "did not diverge"),
        ({"lane": 1, "number": "loss", "max": 9}, "there is no loss of lane 1"),
        (
            {"lane": 0, "number": "evaluations", "at_loss": 0.05, "max": 1e9},
            "there is no evaluations of lane 0 at loss 0.05",
        ),
    ],
)
def test_a_claim_that_does_not_hold_says_so(claim: dict[str, Any], said: str) -> None:
    assert said in str(Claim.model_validate(claim).broken(METRICS))


@pytest.mark.parametrize(
    "claim",
    [
        {"lane": 0},
        {"lane": 0, "number": "loss"},
        {"lane": 0, "min": 1.0},
        {"lane": 9, "trouble": True},
        {"lane": 0, "number": "luck", "min": 1.0},
    ],
)
def test_a_claim_that_says_nothing_is_refused(claim: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Claim.model_validate(claim)


@pytest.mark.slow
@pytest.mark.parametrize("preset", presets(), ids=IDS)
def test_what_a_preset_claims_comes_out(preset: Preset) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        experiment = preset.experiment()
        race: Race | CombinatorialRace = (
            Race(experiment, marks=MARKS, pictures=False)
            if isinstance(experiment, Experiment)
            else CombinatorialRace(experiment, marks=MARKS, pictures=False)
        )
        metrics = [frame.metrics for frame in race]
    finally:
        torch.set_num_threads(threads)
    assert [said for claim in preset.expect if (said := claim.broken(metrics))] == []


def page() -> None:
    import streamlit as st

    from app import presets

    picked = presets.draw()
    if picked is not None:
        st.session_state.came = picked
    st.button("else", key="else")


def test_a_preset_that_is_picked_is_handed_to_the_page_once() -> None:
    app = AppTest.from_function(page, default_timeout=300).run()
    app.button(key="presets").click().run()
    assert not app.exception
    said = " ".join(markdown.value for markdown in app.markdown)
    for preset in presets():
        assert preset.title in said
        assert preset.why.format(*preset.lanes) in said
    assert [heading.value for heading in app.subheader] == [t(f"present.{kind}") for kind in KINDS]
    assert "came" not in app.session_state
    app.button(key="try digits-eki").click().run()
    assert not app.exception
    assert app.session_state["came"] == next(
        preset for preset in presets() if preset.id == "digits-eki"
    )
    del app.session_state["came"]
    app.button(key="else").click().run()
    assert "came" not in app.session_state
