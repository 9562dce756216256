"""Compiled loops. A module is imported when it is first used: it then loads Numba, and compiles
its loops if this machine has not done so before.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import distance as distance
    from . import greedy as greedy
    from . import one_way as one_way
    from . import tours as tours


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    return import_module(f".{name}", __name__)
