"""Landscapes as datasets: a function value to minimise, and no samples to learn from.

There is a single dummy sample; the function value at a point does not depend on it.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from pydantic import Field, field_validator, model_validator

from ..errors import BadInput
from ..landscapes.benchmark_functions import FUNCTIONS, Landscape, typed
from ..landscapes.expression import MAX_TEXT, Formula
from .base import DATASETS, Dataset, DatasetConfig

FunctionName = Literal[
    "sphere",
    "ellipsoid",
    "rosenbrock",
    "beale",
    "himmelblau",
    "camel",
    "rastrigin",
    "ackley",
    "griewank",
    "schwefel",
    "stairs",
    "formula",
]


@DATASETS.add
class Landscapes(DatasetConfig):
    """A function of two variables: a benchmark function, or a formula that the user typed."""

    name = "landscape"
    label = "Landscape"
    kind = "function"
    only_network = "point"
    shape = (2,)
    classes = ("height",)
    sentence = "A function of two variables, where every step can be seen."
    about = (
        "A function of two variables, where every step can be seen. The weights are a point; the "
        "loss is the function value there."
    )

    function: FunctionName = Field(
        "rosenbrock", description="Which landscape.", json_schema_extra={"label": "Landscape"}
    )
    formula: str = Field(
        "",
        description=(
            f"Your own function of x and y, at most {MAX_TEXT} characters; used when the "
            f"landscape is “formula”."
        ),
    )
    reach: float = Field(
        5.0,
        ge=0.01,
        le=1000,
        description="Half the side of the square for your own formula, centred at 0.",
        json_schema_extra={"scale": "log"},
    )
    start_x: float | None = Field(
        None,
        ge=-1e4,
        le=1e4,
        description="Start of all lanes, x; by default the landscape's own.",
    )
    start_y: float | None = Field(
        None,
        ge=-1e4,
        le=1e4,
        description="Start of all lanes, y; by default the landscape's own.",
    )

    @model_validator(mode="before")
    @classmethod
    def _meant(cls, value: Any) -> Any:
        """Take a formula without the name of a landscape for the landscape."""
        if isinstance(value, dict) and value.get("formula") and "function" not in value:
            return {**value, "function": "formula"}
        return value

    @field_validator("formula")
    @classmethod
    def _readable(cls, value: str) -> str:
        if value.strip():
            Formula.parse(value, "")
        return value.strip()

    def check(self) -> None:
        landscape = self.landscape()
        if (self.start_x is None) != (self.start_y is None):
            raise BadInput(
                "start_y" if self.start_y is None else "start_x",
                None,
                "a number, because the other coordinate is set",
            )
        if self.start_x is not None and self.start_y is not None:
            # In single precision, as lanes use it: 1e200 is infinite there.
            height = landscape(torch.tensor([self.start_x, self.start_y]))
            if not bool(torch.isfinite(height)):
                raise BadInput("start_x", self.start_x, "a point where the function is defined")

    def unused(self) -> list[str]:
        return [
            f"dataset.{name} is not used: it belongs to dataset.function=formula, and this is "
            f"{self.function}."
            for name in ("formula", "reach")
            if self.function != "formula"
            and getattr(self, name) != type(self).model_fields[name].default
        ]

    def landscape(self) -> Landscape:
        """Return the function, and its known properties."""
        return (
            typed(self.formula, self.reach)
            if self.function == "formula"
            else FUNCTIONS[self.function]
        )

    @property
    def start(self) -> tuple[float, float] | None:
        """Return the start chosen by the user, or None."""
        return (
            None if self.start_x is None or self.start_y is None else (self.start_x, self.start_y)
        )

    def load(self, seed: int) -> Dataset:
        x, y = torch.zeros(1, 2), torch.zeros(1)
        return Dataset(x, y, x.clone(), y.clone(), self.classes, self.kind)

    def sizes(self) -> tuple[int, int]:
        return 1, 1
