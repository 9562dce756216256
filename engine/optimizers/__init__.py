"""Optimizers, one file per method. Importing this package registers them all, in the order people see: by family, from the oldest idea to the newest."""

# isort: off  (the order is the picker's)
from engine.optimizers import (  # noqa: F401  # noqa: F401  # noqa: F401  # noqa: F401  # noqa: F401  # noqa: F401  # noqa: F401
    adam,
    adamw,
    annealing,
    cbo,
    cma_es,
    coolmomentum,
    differential_evolution,
    eki,
    enkf,
    finite_differences,
    forward_gradient,
    genetic,
    harmony_search,
    hybrid,
    langevin,
    lbfgs,
    levenberg_marquardt,
    low_rank_es,
    mezo,
    nesterov,
    openai_es,
    parallel_tempering,
    population_annealing,
    pso,
    random_search,
    sep_cma_es,
    sgd,
    snes,
    spsa,
)

# isort: on
from engine.optimizers.base import OPTIMIZERS, Optimizer, State

__all__ = ["OPTIMIZERS", "Optimizer", "State"]
