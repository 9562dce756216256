"""Settings as texts: one for every field, as links and the command line have them.

A list is written with commas, an empty one or a missing value as ``none``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from .errors import BadInput
from .registry import Config, Fields, fields
from .system.input_checks import is_number

LONGEST = 30
"""Most digits of a whole number, in any notation."""


def read_value(cls: type[Fields], field: str, text: str, key: str) -> Any:
    """Convert a text to its value; numbers stay texts, for pydantic to parse."""
    kind = next(entry for entry in fields(cls) if entry["name"] == field)
    if kind["type"] == "array":
        return (
            []
            if text in ("none", "")
            else [
                whole_number(key, entry) if kind.get("item_minimum") is not None else entry
                for entry in text.split(",")
            ]
        )
    if text == "none" and kind.get("optional"):
        return None
    if kind["type"] == "integer":
        return whole_number(key, text)
    if kind["type"] == "number" and "_" in text:  # which Python would ignore
        raise BadInput(key, text, "a number, such as 0.1 or 1e6")
    return text


def write_value(value: Any) -> str:
    """Return a value as a text, from which `read_value` reads it."""
    if value is None or value == () or value == []:
        return "none"
    if isinstance(value, tuple | list):
        return ",".join(write_value(entry) for entry in value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value)


def settings_of(
    owner: str, choice: Config, suggested: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Return ``owner.field`` → text of the fields that differ from their defaults."""
    defaults = {name: info.default for name, info in type(choice).model_fields.items()} | dict(
        suggested or {}
    )
    return {
        f"{owner}.{name}": write_value(getattr(choice, name))
        for name, default in defaults.items()
        if getattr(choice, name) != default
    }


def whole_number(key: str, text: str) -> str:
    """Return a whole number in any notation (1000, 1e3) in the form that pydantic parses; other
    texts unchanged, for pydantic to reject.
    """
    if "_" in text:  # which Python would ignore
        raise BadInput(key, text, "a whole number")
    if not is_number(text) or len(text) > LONGEST:
        return text
    value = Decimal(text.strip())
    return (
        str(int(value))
        if value.adjusted() < LONGEST and value == value.to_integral_value()
        else text
    )


def number(key: str, text: str) -> float:
    """Return a number.

    Raises:
        BadInput: the text is none.
    """
    try:
        if "_" in text:  # which Python would ignore
            raise ValueError
        return float(text)
    except ValueError:
        raise BadInput(key, text, "a number, such as 30 or 1e6") from None
