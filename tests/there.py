"""What must be there, for the type checker and for the test."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def there(value: T | None) -> T:
    """Return a value that must not be None."""
    assert value is not None
    return value
