"""Another machine, as far as Python is told: this folder on ``PYTHONPATH`` makes every Python
process of a run read this before anything else.

``HARD_CACHE`` is the size of the shared cache in bytes, or ``none`` where the system does not tell;
it takes the place of what Linux lists under ``/sys`` and of what `os.sysconf` knows. ``HARD_CORES``
is the number of cores, for systems that cannot hold a process to one.
"""

import builtins
import io
import os
import re
from collections.abc import Callable
from typing import Any

TOLD = re.compile(r"/sys/devices/system/cpu/cpu\d+/cache(?=/|$)")
folder, cache, cores = (
    os.environ.get("HARD_FOLDER", ""),
    os.environ.get("HARD_CACHE", ""),
    os.environ.get("HARD_CORES", ""),
)


def elsewhere(path: Any) -> Any:
    """Return where to look instead: a folder that describes the other cache, or one that is not
    there.
    """
    given = os.fspath(path) if isinstance(path, (str, os.PathLike)) else path
    return TOLD.sub(lambda _: f"{folder}/cache", given) if isinstance(given, str) else path


def looking(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of the operating system that looks there."""

    def look(path: Any = ".", *rest: Any, **named: Any) -> Any:
        return function(elsewhere(path), *rest, **named)

    return look


if cache:
    builtins.open = io.open = looking(io.open)
    for name in ("listdir", "scandir", "stat", "open"):
        setattr(os, name, looking(getattr(os, name)))
    asked = os.sysconf

    def sysconf(name: Any) -> int:
        """Return what the other machine would say of its shared caches."""
        if isinstance(name, str) and re.fullmatch(r"SC_LEVEL[34]_CACHE_SIZE", name):
            if cache == "none":
                raise ValueError("unrecognized configuration name")
            return int(cache)
        return asked(name)

    os.sysconf = sysconf
if cores:
    os.cpu_count = lambda: int(cores)
