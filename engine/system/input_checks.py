r"""Check input from outside before it is interpreted: texts must be valid Unicode, numbers must fit
a message, lists must not nest too deeply.

JSON allows more than that. A lone surrogate ("\ud800") is not a character and has no bytes in
UTF-8; a zero byte ends a file's name; a whole number may have any length.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from ..errors import BadInput

MOST_LEVELS = 32
LARGEST = 2**63 - 1
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def check(value: Any, field: str = "", numbers: bool = False, levels: int = MOST_LEVELS) -> None:
    """Reject JSON values that cannot be passed on unchanged. Values of other kinds are left to
    other checks.

    Args:
        value: the input.
        field: its name, the prefix for the names of its parts.
        numbers: whether to reject whole numbers beyond 64 bits, too; fields with limits of their
            own give better messages.
        levels: how deep lists and objects may be nested.

    Raises:
        BadInput: the first invalid text, number that does not fit, or list that is nested too
            deeply.
    """
    if isinstance(value, str):
        _check_text(value, field)
    elif isinstance(value, int):
        if numbers and abs(value) > LARGEST:
            raise BadInput(
                field or "value", value, f"a whole number from −{LARGEST:,} to {LARGEST:,}"
            )
    elif isinstance(value, Mapping | list | tuple):
        if levels == 0:
            raise BadInput(
                field or "value",
                type(value).__name__,
                f"lists and objects at most {MOST_LEVELS} deep",
            )
        if isinstance(value, Mapping):
            for key, entry in value.items():
                if isinstance(key, str):
                    _check_text(key, field or "key")
                check(entry, f"{field}.{key}" if field else str(key), numbers, levels - 1)
        else:
            for i, entry in enumerate(value):
                check(entry, f"{field}[{i}]", numbers, levels - 1)


def from_json(text: str) -> Any:
    """Parse JSON in which no object has a key twice: otherwise one of two values would be lost.

    Raises:
        ValueError: it is not JSON, or has a key twice.
    """
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key!a} is given twice")
        found[key] = value
    return found


def is_number(text: str) -> bool:
    """Return whether a text is a number in the usual notation: ASCII digits, no spaces or
    underscores between them.
    """
    return _NUMBER.fullmatch(text.strip()) is not None


def usual_numbers(value: Any, annotation: Any) -> Any:
    """Return a value for a field if no number in it is in a notation that only Python reads.

    Raises:
        BadInput: a text such as "1_000", for a field that is not a text.
    """
    if isinstance(value, str) and ("_" in value or not value.isascii()):
        if not _takes_texts(annotation):
            raise BadInput("", value, "a number, such as 12 or 0.5")
    elif isinstance(value, list | tuple):
        for entry in value:
            usual_numbers(entry, annotation)
    return value


def _takes_texts(annotation: Any) -> bool:
    """Return whether a field of that type may be a text, or a list of texts."""
    inside = get_args(annotation)
    return annotation is str or isinstance(annotation, str) or any(map(_takes_texts, inside))


def _check_text(text: str, field: str) -> None:
    if "\0" in text:
        raise BadInput(field or "value", text, "text without zero bytes")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadInput(field or "value", text, "text that can be written in UTF-8") from None
