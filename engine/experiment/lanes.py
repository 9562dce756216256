"""What every race checks of its lanes and its seed, whatever it is a race on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationInfo

from ..errors import BadInput
from ..registry import Config
from ..system.input_checks import usual_numbers

MAX_LANES = 4
MAX_SEED = 2**31 - 1


def lane_entries(value: Any, what: str, names: Iterable[str]) -> list[Any]:
    """Return the entries of a list of lanes, each still as it was given.

    Args:
        value: what was given as ``lanes``.
        what: what the entries are, in the plural.
        names: of those that there are.

    Raises:
        BadInput: it is no list, or a list of too few or too many.
    """
    if isinstance(value, str | Mapping | Config) or not isinstance(value, Iterable):
        raise BadInput("lanes", value, f"a list of 1 to {MAX_LANES} {what} ({', '.join(names)})")
    entries = list(value)
    if not 1 <= len(entries) <= MAX_LANES:
        given = [
            entry.get("name") if isinstance(entry, Mapping) else getattr(entry, "name", entry)
            for entry in entries
        ]
        raise BadInput(
            "lanes",
            ",".join(map(str, given)),
            f"at most {MAX_LANES} lanes" if entries else "at least one lane",
        )
    return entries


def whole_number(value: Any, info: ValidationInfo) -> Any:
    """Return a number as pydantic takes it; True and False, which it would take as well, are none.

    Raises:
        BadInput: the value is True or False; the error names the field.
    """
    if isinstance(value, bool):
        raise BadInput(info.field_name or "", value, "a whole number")
    return usual_numbers(value, int)
