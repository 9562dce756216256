"""Measurements that are no races: how well an estimated gradient agrees with the true one, how many
directions the loss bends in, what a confined optimizer can learn.

Each returns one row of numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from .. import evaluation
from ..experiment.model import Experiment
from ..optimizers.common.recombination_weights import centred_ranks
from ..oracle import Oracle
from ..race.race import Race
from ..random.rng import Rng

Row = dict[str, float]
Probe = Callable[[Experiment, Mapping[str, Any]], Row]
PROBES: dict[str, Probe] = {}


def probe(function: Probe) -> Probe:
    """Register a measurement under its function's name, with hyphens."""
    PROBES[function.__name__.replace("_", "-")] = function
    return function


def _oracle(race: Race, sees: str, batch: int = 0) -> Oracle:
    return Oracle(race.network, race.loss, race.dataset, sees, batch, race.experiment.seed)  # type: ignore[arg-type]


def _trained(race: Race, steps: int) -> Tensor:
    """Return the first weights after some steps of Adam (1e-2, full batch)."""
    theta = race.theta.clone().requires_grad_()
    optimizer = torch.optim.Adam([theta], lr=1e-2)
    data = race.dataset
    for _ in range(steps):
        optimizer.zero_grad()
        outputs = race.network.forward(theta.unsqueeze(0), data.x_train)
        race.loss.values(outputs, data.y_train).sum().backward()
        optimizer.step()
    return theta.detach()


@probe
def agreement(experiment: Experiment, options: Mapping[str, Any]) -> Row:
    """Measure the cosine between an estimated gradient and the true one.

    Options: ``estimator`` (rademacher: two losses along ±1 directions, as SPSA; gaussian: along
    normal ones, as ES; forward: directional derivatives; ranks: ES with centred ranks),
    ``directions`` m, ``steps`` of Adam before, ``radius``.
    """
    race = Race(experiment, pictures=False)
    with race.settled():
        theta = _trained(race, int(options.get("steps", 0)))
        estimator, m = str(options["estimator"]), int(options["directions"])
        oracle = _oracle(race, "jvp" if estimator == "forward" else "loss")
        radius, d = float(options.get("radius", 1e-2)), theta.numel()
        rng = Rng(experiment.seed, "directions")
        g = torch.zeros(d, dtype=torch.float64)
        step = max(1, 4_000_000 // d)
        drawn, values = [], []
        for first in range(0, m, step):
            rows = min(step, m - first)
            v = (
                2.0 * rng.integers(2, rows, d).float() - 1.0
                if estimator == "rademacher"
                else rng.normal(rows, d)
            )
            if estimator == "forward":
                slopes = oracle.jvp(theta, v)
            else:
                both = torch.cat([theta + radius * v, theta - radius * v])
                losses = oracle.losses(both)
                if estimator == "ranks":
                    drawn.append(v)
                    values.append(losses)
                    continue
                slopes = (losses[:rows] - losses[rows:]) / (2 * radius)
            g += (slopes @ v).double()
        if estimator == "ranks":
            v = torch.cat(drawn)
            losses = torch.cat(
                [
                    torch.cat([one[: len(one) // 2] for one in values]),
                    torch.cat([one[len(one) // 2 :] for one in values]),
                ]
            )
            plus, minus = centred_ranks(losses).chunk(2)
            g = ((plus - minus).to(v) @ v).double()
        true = evaluation.gradients(
            race.network, race.loss, theta.unsqueeze(0), race.dataset.x_train, race.dataset.y_train
        )[0].double()
        cosine = float(g @ true / (g.norm() * true.norm()))
    theory = math.sqrt(m / (m + d + 1))
    return {
        "cosine": cosine,
        "theory": theory,
        "over_theory": cosine / theory,
        "share": m / d,
        "evaluations": float(oracle.evaluations),
    }


@probe
def effective_rank(experiment: Experiment, options: Mapping[str, Any]) -> Row:
    """Measure the effective rank of the Hessian, tr H / λ_max, at the first weights: λ_max by power
    iteration with Hessian–vector products, the trace by Hutchinson's estimator.

    Options: ``steps`` of Adam before, ``probes``, ``iterations``.
    """
    race = Race(experiment, pictures=False)
    with race.settled():
        theta, data = _trained(race, int(options.get("steps", 0))), race.dataset
        rng = Rng(experiment.seed, "hessian")

        def loss(at: Tensor) -> Tensor:
            outputs = race.network.forward(at.unsqueeze(0), data.x_train)
            return race.loss.values(outputs, data.y_train)[0]

        def product(v: Tensor) -> Tensor:
            at = theta.clone().requires_grad_()
            (slope,) = torch.autograd.grad(loss(at), at, create_graph=True)
            (found,) = torch.autograd.grad((slope * v).sum(), at)
            return found.detach()

        v = rng.normal(theta.numel())
        largest = 0.0
        for _ in range(int(options.get("iterations", 40))):
            v = v / v.norm()
            w = product(v)
            largest, v = float(v @ w), w
            if not bool(w.norm() > 0):
                break
        probes = int(options.get("probes", 16))
        trace = 0.0
        for _ in range(probes):
            z = 2.0 * rng.integers(2, theta.numel()).float() - 1.0
            trace += float(z @ product(z)) / probes
    return {"largest": largest, "trace": trace, "rank": trace / largest if largest else math.nan}


@probe
def confined_adam(experiment: Experiment, options: Mapping[str, Any]) -> Row:
    """Train with Adam in a random span of ``directions`` directions about the first weights, for
    ``steps`` steps on batches of ``batch`` samples: what an ensemble of that many members could
    reach if the span were all that holds it back.
    """
    race = Race(experiment, pictures=False)
    with race.settled():
        theta, network, loss = race.theta, race.network, race.loss
        count, batch = int(options["directions"]), int(options.get("batch", 64))
        rng = Rng(experiment.seed, "span")
        scale = _oracle(race, "gradient").init_scale
        basis = rng.normal(count, theta.numel()) * scale
        z = torch.zeros(count, requires_grad=True)
        optimizer = torch.optim.Adam([z], lr=float(options.get("rate", 0.05)))
        oracle = _oracle(race, "gradient", batch)
        for step in range(1, int(options.get("steps", 100)) + 1):
            oracle.next_batch(step)
            optimizer.zero_grad()
            at = theta + z @ basis
            loss.values(network.forward(at.unsqueeze(0), oracle.x), oracle.targets).sum().backward()
            optimizer.step()
        at = (theta + z @ basis).detach()
        return _final(race, at)


@probe
def span_residual(experiment: Experiment, options: Mapping[str, Any]) -> Row:
    """Measure the share of an ensemble's way that leads out of the span of its first members, and
    the accuracy it reaches.

    Options: ``steps``.
    """
    race = Race(experiment, pictures=False)
    with race.settled():
        lane = race.lanes[0]
        first = lane.state.population
        assert isinstance(first, Tensor)
        first, start = first.clone().double(), lane.state.estimate.clone()
        for _ in range(int(options.get("steps", 100))):
            race.advance_lane(lane)
        moved = (lane.state.estimate - start).double()
        basis = torch.linalg.qr((first - first.mean(0)).T[:, : len(first) - 1]).Q
        outside = moved - basis @ (basis.T @ moved)
        row = _final(race, lane.state.estimate)
    return {**row, "residual": float(outside.norm() / moved.norm())}


def _final(race: Race, theta: Tensor) -> Row:
    data = race.dataset
    row: Row = {}
    for name, (x, y) in {
        "": (data.x_train, data.y_train),
        "test_": (data.x_test, data.y_test),
    }.items():
        outputs = evaluation.outputs(race.network, theta.unsqueeze(0), x)
        scored = evaluation.scored(race.loss, outputs, y, len(y))[0]
        row[f"{name}loss"], row[f"{name}accuracy"] = scored[0], scored[1]
    return row
