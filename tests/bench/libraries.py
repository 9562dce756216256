"""One generation of OpenAI's evolution strategy as the libraries run it, for `tests.bench.peers`:
the same network, samples, σ and Adam.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

HIDDEN = 64


class Missing(Exception):
    """A library is not installed, or does not run here: in words."""


def evosax_generation(
    x: Tensor, y: Tensor, size: int, sigma: float, rate: float
) -> Callable[[], Any]:
    """Open_ES of evosax on JAX, asking, evaluating and telling compiled as one function.

    Raises:
        Missing: it is not here.
    """
    try:
        import jax
        import jax.numpy as jnp
        import optax
        from evosax.algorithms import Open_ES
    except ImportError as error:
        raise Missing(f"evosax: not installed ({error.name})") from None
    inputs, classes = x.shape[1], int(y.max()) + 1
    samples, targets = jnp.asarray(x.numpy()), jnp.asarray(y.numpy())
    solution = {
        "w1": jnp.zeros((inputs, HIDDEN)),
        "b1": jnp.zeros(HIDDEN),
        "w2": jnp.zeros((HIDDEN, classes)),
        "b2": jnp.zeros(classes),
    }
    method = Open_ES(
        population_size=size,
        solution=solution,
        optimizer=optax.adam(rate),
        std_schedule=optax.constant_schedule(sigma),
    )
    params = method.default_params

    def loss(weights: dict[str, Any]) -> Any:
        outputs = jnp.tanh(samples @ weights["w1"] + weights["b1"]) @ weights["w2"] + weights["b2"]
        return optax.softmax_cross_entropy_with_integer_labels(outputs, targets).mean()

    @jax.jit
    def step(key: Any, state: Any) -> Any:
        one, two = jax.random.split(key)
        population, state = method.ask(one, state, params)
        return method.tell(two, population, jax.vmap(loss)(population), state, params)[0]

    key = jax.random.key(0)
    held = [method.init(key, solution, params), key]

    def run() -> None:
        held[1], use = jax.random.split(held[1])
        held[0] = jax.block_until_ready(step(use, held[0]))

    run()
    return run


def evox_generation(
    x: Tensor, y: Tensor, size: int, sigma: float, rate: float
) -> Callable[[], Any]:
    """OpenES of EvoX with its own supervised problem (vmap over PyTorch modules), run eagerly.

    Raises:
        Missing: it is not here, or its workflow does not run.
    """
    try:
        from evox.algorithms import OpenES
        from evox.problems.neuroevolution.supervised_learning import SupervisedLearningProblem
        from evox.utils import ParamsAndVector
        from evox.workflows import StdWorkflow
    except ImportError as error:
        raise Missing(f"EvoX: not installed ({error.name})") from None
    model = nn.Sequential(
        nn.Linear(x.shape[1], HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, int(y.max()) + 1)
    )
    for parameter in model.parameters():
        parameter.requires_grad = False
    adapter = ParamsAndVector(dummy_model=model)
    centre = adapter.to_vector(dict(model.named_parameters()))
    loader: Any = [(x, y)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            problem = SupervisedLearningProblem(
                model,
                loader,
                nn.CrossEntropyLoss(reduction="none"),
                n_batch_per_eval=1,
                pop_size=size,
                device=torch.device("cpu"),
            )
            algorithm = OpenES(
                pop_size=size,
                center_init=centre,
                learning_rate=rate,
                noise_stdev=sigma,
                optimizer="adam",
                device=torch.device("cpu"),
            )
            workflow = StdWorkflow(
                algorithm=algorithm,
                problem=problem,
                solution_transform=adapter,
                device=torch.device("cpu"),
            )
            workflow.init_step()
            workflow.step()
    except Exception as error:
        raise Missing(f"EvoX: does not run here ({type(error).__name__}: {error})") from None
    return workflow.step
