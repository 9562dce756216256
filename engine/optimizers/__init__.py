"""Optimizers, one file per method. Importing this package registers every one that it holds."""

from importlib import import_module
from pkgutil import iter_modules

from .base import OPTIMIZERS, Optimizer, State

FAMILIES = {
    "Annealing": ("annealing", "parallel_tempering", "population_annealing", "hybrid"),
    "Langevin": ("coolmomentum", "langevin"),
    "Kalman": ("eki", "enkf"),
    "Swarm": ("pso", "cbo"),
    "Evolution": (
        "genetic",
        "differential_evolution",
        "harmony_search",
        "openai_es",
        "snes",
        "sep_cma_es",
        "cma_es",
        "low_rank_es",
    ),
    "Zeroth order": ("finite_differences", "spsa", "mezo", "forward_gradient", "random_search"),
    "Gradient": (
        "sgd",
        "nesterov",
        "adam",
        "adamw",
        "lbfgs",
        "levenberg_marquardt",
        "multistart",
    ),
}
"""Family → modules in the order people see: from the oldest idea to the newest. A module that is
not named here comes last in its family.
"""

_ORDER = [module for modules in FAMILIES.values() for module in modules]


def _place(module: str) -> int:
    name = module.rpartition(".")[2]
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


for _info in iter_modules(__path__):
    if not _info.ispkg:
        import_module(f"{__name__}.{_info.name}")
OPTIMIZERS.sort(lambda method: (list(FAMILIES).index(method.family), _place(method.__module__)))

__all__ = ["FAMILIES", "OPTIMIZERS", "Optimizer", "State"]
