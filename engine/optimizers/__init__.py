"""Optimizers, one file per method. Importing this package registers them all, in the order people
see: by family, from the oldest idea to the newest.
"""

from importlib import import_module

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
    "Gradient": ("sgd", "nesterov", "adam", "adamw", "lbfgs", "levenberg_marquardt"),
}
"""Family → modules of this package, each of which registers one method."""

for _modules in FAMILIES.values():
    for _module in _modules:
        import_module(f"{__name__}.{_module}")

__all__ = ["FAMILIES", "OPTIMIZERS", "Optimizer", "State"]
