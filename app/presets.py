"""Guided experiments: races chosen because each answers a part of one question: is there a
theoretical reason why learning without gradients is not mainstream?

Every preset says in two sentences what will be seen and why, and makes claims that a test checks by
running it: a preset whose claim does not hold is changed, not hidden.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import streamlit as st
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from app import link
from app.experiments import AnyExperiment, from_parameters
from app.text import t
from engine.messages.encoding import Message

PRESETS = Path(__file__).resolve().parents[1] / "assets" / "presets.json"
KINDS = ("good", "failure", "question")
"""The groups, in the order they are shown."""
PICKED = "preset picked"
"""Session key of the preset just chosen, until the page has loaded it."""
COLUMNS = 2

Number = Literal[
    "loss",
    "accuracy",
    "test_loss",
    "test_accuracy",
    "agreement",
    "evaluations",
    "flops",
    "seconds",
    "gap",
    "shared",
    "violation",
]


class Claim(BaseModel):
    """A claim about a race that can be checked: a number of a lane, or of two lanes as a ratio, or
    that a lane diverged.

    The number is that of the last moment; for ``agreement`` it is the median over all moments. With
    ``at_loss`` it is that of the first moment at which the lane's training loss is no higher, which
    is the time that a lane needed, in any currency.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    lane: int = Field(ge=0, le=3)
    number: Number | None = None
    min: float | None = None
    max: float | None = None
    over: int | None = Field(
        None, ge=0, le=3, description="Another lane: the number is then divided by that lane's."
    )
    at_loss: float | None = Field(None, gt=0)
    trouble: Literal[True] | None = Field(None, description="The lane diverges.")

    @model_validator(mode="after")
    def _says_something(self) -> Claim:
        if self.trouble is None and (
            self.number is None or (self.min is None and self.max is None)
        ):
            raise ValueError("a claim names a number and how small or large it is, or trouble")
        return self

    def broken(self, metrics: Sequence[Message]) -> str | None:
        """Return what is wrong with the claim, as a sentence; None if it holds.

        Args:
            metrics: of every moment of the race.
        """
        if self.trouble:
            return (
                None
                if metrics[-1]["lanes"][self.lane]["trouble"]
                else f"lane {self.lane} did not diverge"
            )
        found = self.value(metrics)
        name = (
            f"{self.number} of lane {self.lane}"
            + ("" if self.over is None else f" over lane {self.over}")
            + ("" if self.at_loss is None else f" at loss {self.at_loss:g}")
        )
        if found is None:
            return f"there is no {name}"
        fits = (self.min is None or found >= self.min) and (self.max is None or found <= self.max)
        return None if fits else f"{name} is {found:.4g}, not within [{self.min}, {self.max}]"

    def value(self, metrics: Sequence[Message]) -> float | None:
        """Return the number of the claim; None if the race has none."""
        own = self._of(metrics, self.lane)
        if self.over is None or own is None:
            return own
        other = self._of(metrics, self.over)
        return None if not other else own / other

    def _of(self, metrics: Sequence[Message], lane: int) -> float | None:
        rows = [moment["lanes"][lane] for moment in metrics]
        assert self.number is not None
        if self.at_loss is not None:
            rows = [row for row in rows if row["loss"] is not None and row["loss"] <= self.at_loss][
                :1
            ]
        if self.number == "agreement":
            seen = [row["agreement"] for row in rows if row["agreement"] is not None]
            return statistics.median(seen) if seen else None
        return rows[-1][self.number] if rows else None


class Preset(BaseModel):
    """One race and its explanation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    title: str = Field(min_length=1, max_length=60)
    why: str = Field(
        min_length=1,
        max_length=330,
        description='What is seen, and why; "{0}" is the first method.',
    )
    watch: str = Field(min_length=1, max_length=90, description="What to look at.")
    lesson: str = Field(min_length=1, max_length=120, description="What it shows, read at its end.")
    kind: Literal["good", "failure", "question"]
    flat: dict[str, str] = Field(description="The experiment, in the grammar of links.")
    panels: str = Field("", description="Panels to open, as links name them; the usual if empty.")
    expect: tuple[Claim, ...] = Field(min_length=1)

    def experiment(self) -> AnyExperiment:
        """The experiment of the race."""
        return from_parameters(self.flat)

    @property
    def page(self) -> str:
        """The page that shows it, as `link` names it."""
        return link.page_of(self.flat)

    @property
    def lanes(self) -> list[str]:
        """Names of the methods, as "{0}" and "{1}" in its texts stand for them."""
        return [lane.label for lane in self.experiment().lanes]


@lru_cache(maxsize=1)
def presets() -> tuple[Preset, ...]:
    """Return all presets that ship with Kelvin."""
    return TypeAdapter(tuple[Preset, ...]).validate_json(PRESETS.read_text("utf-8"))


def draw() -> Preset | None:
    """Draw the button that opens the presets. Call it before the controls are drawn.

    Returns:
        The preset that was just chosen, for the page to load and start, otherwise None.
    """
    if st.button(
        t("present.presets"),
        icon=":material/lightbulb:",
        key="presets",
        width="stretch",
        help=t("present.presets-hint"),
    ):
        _open()
    return picked()


def picked() -> Preset | None:
    """Return the preset that was just chosen, once; None if none was."""
    name = st.session_state.pop(PICKED, None)
    return next((preset for preset in presets() if preset.id == name), None)


def pick(name: str) -> None:
    """Choose a preset, by its id; the page that is drawn next takes it up."""
    st.session_state[PICKED] = name


@st.dialog(t("present.presets"), width="large")
def _open() -> None:
    """Draw the presets by group; choosing one closes the window."""
    st.markdown(t("present.presets-intro"))
    for kind in KINDS:
        st.subheader(t(f"present.{kind}"), anchor=False)
        members = [preset for preset in presets() if preset.kind == kind]
        for start in range(0, len(members), COLUMNS):
            columns: list[Any] = st.columns(COLUMNS)
            for column, preset in zip(columns, members[start : start + COLUMNS], strict=False):
                with column, st.container(border=True, height="stretch"):
                    st.markdown(f"**{preset.title}**")
                    st.markdown(preset.why.format(*preset.lanes))
                    if st.button(
                        t("present.try"),
                        key=f"try {preset.id}",
                        icon=":material/play_arrow:",
                        help=preset.title,
                        on_click=pick,
                        args=(preset.id,),
                    ):
                        st.rerun()
