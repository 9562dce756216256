"""Hyperparameters that several methods have, described once."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

UNITS = "in units of each layer's natural size, 1/√inputs"
"""What lengths in weight space are measured in."""


def batch_field(default: int, more: str = "", advanced: bool = False, step: int = 16) -> Any:
    """Return the size of the mini-batch.

    Args:
        default: samples; 0 takes all.
        more: a further sentence of the description.
        advanced: whether it stands among the advanced settings.
        step: of its slider.
    """
    description = "Samples looked at in one step; 0 takes all of them."
    extra: dict[str, Any] = {"step": step, "unit": "samples"}
    return Field(
        default,
        ge=0,
        le=65536,
        description=f"{description} {more}" if more else description,
        json_schema_extra=extra | {"advanced": True} if advanced else extra,
    )


def init_std_field(default: float, who: str) -> Any:
    """Return the standard deviation of the first population about the first weights.

    Args:
        default: in units of each layer's natural size.
        who: what is spread out, with its verb: "the swarm starts".
    """
    return Field(
        default,
        ge=1e-3,
        le=100,
        description=f"How far from the first weights {who} (standard deviation), {UNITS}.",
        json_schema_extra={"scale": "log", "label": "Start spread", "advanced": True},
    )


def learning_rate_field(
    default: float | None, description: str, lowest: float, highest: float
) -> Any:
    """Return a learning rate η.

    Args:
        default: None where the method finds one by itself.
        description: what it does in this method.
        lowest: the least allowed.
        highest: the most allowed.
    """
    return Field(
        default,
        ge=lowest,
        le=highest,
        description=description,
        json_schema_extra={"live": True, "label": "Step size", "scale": "log"},
    )


RateSchedule = Literal["constant", "linear", "cosine"]
"""How a learning rate falls over the budget; the two that fall are those of `engine.schedules`."""


def rate_schedule_field() -> Any:
    """Return the schedule of a learning rate; constant by default."""
    return Field(
        "constant",
        description=(
            "How the step size falls over the budget: not at all, along a straight line, or along "
            "half a cosine wave (Loshchilov and Hutter 2017)."
        ),
        json_schema_extra={"live": True, "label": "Step size schedule", "advanced": True},
    )


def final_rate_field() -> Any:
    """Return the share of a learning rate that is left at the end of the budget."""
    return Field(
        0.02,
        ge=0,
        le=1,
        description="Share of the step size left at the end of the budget, where it falls.",
        json_schema_extra={
            "live": True,
            "step": 0.01,
            "label": "Step size left at the end",
            "advanced": True,
        },
    )


def beta1_field(slope: str) -> Any:
    """Return β₁ of Adam, the share of the first moment that is kept.

    Args:
        slope: whose running mean it is.
    """
    return Field(
        0.9,
        ge=0,
        le=0.9999,
        description=f"Share of the {slope}'s running mean kept from step to step (β₁).",
        json_schema_extra={"live": True, "step": 0.01, "label": "β₁", "advanced": True},
    )


def beta2_field(slope: str) -> Any:
    """Return β₂ of Adam, the share of the second moment that is kept.

    Args:
        slope: whose square's running mean it is.
    """
    return Field(
        0.999,
        ge=0,
        le=0.999999,
        description=(
            f"Share of the running mean of the squared {slope} kept from step to step (β₂)."
        ),
        json_schema_extra={"live": True, "step": 0.001, "label": "β₂", "advanced": True},
    )


def epsilon_field(slope: str) -> Any:
    """Return ε of Adam, which is added to the root of the second moment.

    Args:
        slope: whose moment it is.
    """
    return Field(
        1e-8,
        ge=1e-16,
        le=1,
        description=f"Keeps the division from blowing up where {slope}s vanish (ε).",
        json_schema_extra={"live": True, "scale": "log", "label": "ε", "advanced": True},
    )


def sigma_field(default: float, description: str) -> Any:
    """Return the first step size σ of an evolution strategy that adapts it.

    Args:
        default: in units of each layer's natural size.
        description: whose step size it is.
    """
    return Field(
        default,
        ge=1e-4,
        le=100,
        description=f"{description}, {UNITS}; it adapts from there.",
        json_schema_extra={
            "live": True,
            "knob": "σ",
            "metric": "sigma",
            "scale": "log",
            "label": "First σ",
        },
    )


def generation_batch_field() -> Any:
    """Return the size of the mini-batch of a generation of CMA-ES."""
    return Field(
        256,
        ge=0,
        le=65536,
        description=(
            "Samples looked at in a generation, the same ones for all its networks; 0 takes all "
            "of them."
        ),
        json_schema_extra={"step": 16, "unit": "samples"},
    )


def generation_size_field(highest: int) -> Any:
    """Return λ of CMA-ES, the samples of a generation; None where the method finds it by itself.

    Args:
        highest: the most allowed.
    """
    return Field(
        None,
        ge=4,
        le=highest,
        description=(
            "Networks sampled in a generation (λ); auto is 4 + 3 ln D for D weights, rounded down."
        ),
        json_schema_extra={"label": "Population", "scale": "log", "unit": "networks"},
    )
