"""Where a race starts: the law of the initial weights, or weights that are given."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from ..errors import BadInput
from ..registry import Fields


class Start(Fields):
    """The initial weights that all lanes share."""

    law: Literal["usual", "normal", "glorot", "zeros", "file"] = Field(
        "usual",
        description=(
            "How initial weights are drawn: usual (uniform within ±1/√fan-in, as PyTorch does), "
            "normal (standard deviation sigma in every weight), glorot (uniform within "
            "±gain·√(6/(fan-in + fan-out)), biases zero), zeros, or file (weights that an earlier "
            "race has saved)."
        ),
    )
    sigma: float = Field(
        1.0,
        gt=0,
        le=100,
        description="Standard deviation of every weight and bias, for the law normal.",
    )
    gain: float = Field(
        1.0, gt=0, le=100, description="Factor of the range, for the law glorot; 4 for sigmoids."
    )
    file: str | None = Field(
        None,
        description=(
            "A file of weights saved by a race of the same network, for the law file; on the "
            "command line and in a notebook only."
        ),
    )
    lane: int = Field(0, ge=0, le=3, description="The lane of that file, counted from 0.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.law == "file") != (self.file is not None):
            raise BadInput(
                "start.file",
                self.file,
                "the path of a file of weights for the law file, and none for the other laws",
            )
        return self

    def unused(self) -> list[str]:
        """Return what is set and does nothing with this law, a sentence each."""
        return [
            f"start.{name} is not used: it belongs to start.law={law}, and this is {self.law}."
            for name, law in (("sigma", "normal"), ("gain", "glorot"), ("lane", "file"))
            if self.law != law and getattr(self, name) != type(self).model_fields[name].default
        ]
