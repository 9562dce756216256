"""Errors for input that Kelvin cannot use.

Every error message is one line with the field, the value and what is allowed; the CLI prints it
with exit status 2, the page shows it as a friendly message.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError


class BadInput(ValueError):
    """An input that Kelvin cannot use.

    Args:
        field: the place of the value, dotted from the experiment down, such as
            ``lanes[0].population_size``.
        value: the value that was given; long ones are shortened in the sentence.
        allowed: what would be accepted, as a phrase: "a whole number from 1 to 4096".
    """

    def __init__(self, field: str, value: Any, allowed: str) -> None:
        self.field, self.value, self.allowed = field, value, allowed
        super().__init__(one_line(f"{field}: {shorten(value)} is not allowed; expected {allowed}"))

    @property
    def sentence(self) -> str:
        """Return what is wrong as a sentence for the page, where the user chose from a list and
        typed no field or value.
        """
        return str(self)


class NotFetched(BadInput):
    """Data that Kelvin offers but could not download.

    Args:
        label: of the dataset, as people read it.
        why: the reason, as a clause.
        files: what must be in the folder ``name``, as the object of a sentence.
        other: the dataset that needs no download, by name.
        called: its label, as people read it.
    """

    def __init__(
        self, name: str, label: str, why: str, files: str, other: str, called: str
    ) -> None:
        self.label, self.why, self.files, self.called = label, why, files, called
        super().__init__(
            "dataset",
            name,
            f"{files} in a folder {name} of KELVIN_DATA or KELVIN_CACHE, since it could not be "
            f"downloaded ({why}); {other} works without it",
        )

    @property
    def sentence(self) -> str:
        return one_line(
            f"{self.label} could not be downloaded ({self.why}). Press Run to try again once there "
            f"is a connection, or take {self.called}, which needs none. Or put {self.files} into a "
            f"folder {self.value} of KELVIN_DATA, on the machine that Kelvin runs on."
        )


class CannotRun(BadInput):
    """A valid experiment that this machine or this method cannot run (too large, wrong kind of
    data).
    """


def one_line(text: str) -> str:
    """Return the text on one line, with unprintable characters replaced by their numbers, so that
    it can be shown and sent anywhere.
    """
    return "".join(
        one if one.isprintable() else " " if one.isspace() else ascii(one)[1:-1] for one in text
    )


class NothingLeft(ArithmeticError):
    """A method cannot continue: too few members are finite, or all of them are equal.

    Args:
        words: the reason, as a clause: "only 1 of its 128 members had finite outputs".
        advice: a sentence on what helps against this; empty for what usually helps the method.
    """

    def __init__(self, words: str, advice: str = "") -> None:
        self.advice = advice
        super().__init__(words)


def shorten(value: Any, limit: int = 60) -> str:
    """Return the value on one line, recognisable, with at most ``limit`` characters."""
    try:
        text = repr(value)
    except RecursionError:
        text = f"<{type(value).__name__}, lists in lists>"
    except Exception as error:  # an error in __repr__ must not hide the error itself
        text = f"<{type(value).__name__}: {error}>"
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


_ALLOWED = {
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "finite_number": "a finite number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "a text",
    "literal_error": "one of {expected}",
    "enum": "one of {expected}",
    "too_long": "at most {max_length} entries",
    "too_short": "at least {min_length} entries",
    "missing": "a value (it is required)",
    "extra_forbidden": "no such field here",
    "int_parsing_size": "a smaller whole number",
}


def _place(location: tuple[int | str, ...]) -> str:
    """Return ``("lanes", 0, "chains")`` as ``lanes[0].chains``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text or "experiment"


def explain(error: ValidationError, prefix: tuple[int | str, ...] = ()) -> BadInput:
    """Return the first error of a pydantic exception as a `BadInput`, in Kelvin's one-line form."""
    first = error.errors(include_url=False)[0]
    inner = first.get("ctx", {}).get("error")
    if isinstance(inner, BadInput):  # one of our validators already explained it
        place = _place(prefix + first["loc"])
        if inner.field.startswith(place) or place == "experiment":
            return inner
        return type(inner)(
            f"{place}.{inner.field}" if inner.field else place, inner.value, inner.allowed
        )
    template = _ALLOWED.get(first["type"])
    allowed = (
        template.format(**first.get("ctx", {}))
        if template
        else first["msg"][:1].lower() + first["msg"][1:]
    )
    return BadInput(_place(prefix + first["loc"]), first["input"], allowed)
