"""Compiled loops. A module is imported when it is first used: it then loads Numba, and compiles
its loops if this machine has not done so before.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import assembly as assembly
    from . import distance as distance
    from . import greedy as greedy
    from . import one_tree as one_tree
    from . import one_way as one_way
    from . import relaxation as relaxation
    from . import tours as tours

INSIDE = "KELVIN_COMPILES"
"""Set in the environment of the process that compiles."""
WAITING: list[Callable[[], None]] = []
"""Functions called before loops are compiled; they tell whoever waits why it takes long."""
_all = False


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    return import_module(f".{name}", __name__)


def compile_all() -> None:
    """Load every loop, compiled, so that no lane's clock runs while it is: within a second, or
    within a minute on a machine that has not done so before.
    """
    want_all()
    for module in iter_modules(__path__):
        if not module.name.startswith("_"):
            import_module(f".{module.name}", __name__)


def want_all() -> None:
    """Note that all loops will be wanted."""
    global _all
    _all = True


def all_wanted() -> bool:
    """Return whether all loops are to be there, not only those of a module that is imported: a
    server that starts waits for none but these.
    """
    return _all
