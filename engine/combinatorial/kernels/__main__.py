"""Compile all loops for this machine: `python -m engine.combinatorial.kernels`."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from . import __path__ as folder

if __name__ == "__main__":
    for module in iter_modules(folder):
        if module.name != "__main__":
            import_module(f".{module.name}", __package__)
