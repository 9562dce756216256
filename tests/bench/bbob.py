"""Measure budgets to target on BBOB, beside the reference libraries on the same problems.

    python -m tests.bench.bbob [--json] [--instances 15] [--runs 3] [--methods cma-es,pso]

Functions f1 (sphere), f2 (separable ellipsoid), f8 (Rosenbrock), f10 (rotated ellipsoid) and f15
(rotated Rastrigin) of the noiseless suite (Hansen, Finck, Ros and Auger 2009) at D = 10, from the
package `ioh`. A run ends at the first evaluation within the target of the optimum, or at its cap;
what counts is the median over the runs on all instances, where a run that never got there counts as
infinite. The bar: ours needs at most 1.3 times the evaluations of the reference (`cmaes`, `scipy`,
`pyswarms`). Needs requirements-bench.txt.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import statistics
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ioh
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from engine.optimizers import OPTIMIZERS
from engine.random.rng import Rng
from tests.engine.support.stand_ins import FunctionOracle

DIMENSION = 10
FUNCTIONS = {
    1: "sphere",
    2: "ellipsoid",
    8: "Rosenbrock",
    10: "rotated ellipsoid",
    15: "rotated Rastrigin",
}
BAR = 1.3
LIMIT = 5.0
"""All BBOB optima lie within ±4; the usual domain is ±5."""
WIDE = 25.0
"""So wide that no bound is ever felt: ours has none."""
SPREAD = 2 * LIMIT / 12**0.5
"""Standard deviation of a uniform start in the domain."""


class Done(Exception):
    """The target was reached, or the cap."""


class Meter:
    """A problem that counts, and stops whoever asks once the target or the cap is reached.

    Attributes:
        hit: the evaluation at which the target was reached, or infinity.
    """

    def __init__(self, function: int, instance: int, target: float, cap: int) -> None:
        self.problem = ioh.get_problem(
            function, instance=instance, dimension=DIMENSION, problem_class=ioh.ProblemClass.BBOB
        )
        self.best, self.target, self.cap = self.problem.optimum.y, target, cap
        self.count, self.hit = 0, math.inf

    def many(self, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """(P, D) → (P,)."""
        return np.array([self.one(row) for row in x])

    def one(self, x: np.ndarray[Any, Any]) -> float:
        """(D,) → a number."""
        if self.count >= self.cap:
            raise Done
        self.count += 1
        value = float(self.problem(x)) - self.best
        if value <= self.target:
            self.hit = self.count
            raise Done
        return value


class MeterOracle(FunctionOracle):
    """The same problem for a method of ours; progress is the share of the cap."""

    def __init__(self, meter: Meter) -> None:
        super().__init__(
            lambda population: torch.from_numpy(meter.many(population.numpy())),
            DIMENSION,
            total=meter.cap,
        )

    def _count(self, population: Tensor, price: int = 1) -> None:
        super()._count(population, price)
        self.judged.clear()


def ours(name: str, **settings: Any) -> Callable[[Meter, int], None]:
    """A method of ours, from the middle of the domain."""

    def run(meter: Meter, seed: int) -> None:
        method, oracle = OPTIMIZERS.build({"name": name, **settings}), MeterOracle(meter)
        rng = Rng(seed, "lane 0", dtype=torch.float64)
        state = method.init(torch.zeros(DIMENSION, dtype=torch.float64), rng, oracle)
        step = 0
        while True:
            step += 1
            state = method.step(state, rng.at(step), oracle)

    return run


def annealing(meter: Meter, seed: int) -> None:
    """Our annealing with its default moves, one chain, cooled within so many evaluations and then
    heated again from its best, as the reference does.
    """
    method, start, run = (
        OPTIMIZERS.build({"name": "annealing", "population_size": 1}),
        torch.zeros(DIMENSION, dtype=torch.float64),
        0,
    )
    while True:
        oracle = MeterOracle(meter)
        oracle.total = COOLING
        rng = Rng(seed, f"lane {run}", dtype=torch.float64)
        state, step = method.init(start, rng, oracle), 0
        while oracle.progress < 1:
            step += 1
            state = method.step(state, rng.at(step), oracle)
        start, run = state.estimate, run + 1


def cmaes(separable: bool) -> Callable[[Meter, int], None]:
    """The reference CMA-ES and sep-CMA-ES."""

    def run(meter: Meter, seed: int) -> None:
        from cmaes import CMA, SepCMA

        method = (SepCMA if separable else CMA)(mean=np.zeros(DIMENSION), sigma=2.0, seed=seed)
        while True:
            asked = [method.ask() for _ in range(method.population_size)]
            method.tell([(x, meter.one(x)) for x in asked])

    return run


def scipy_de(meter: Meter, seed: int) -> None:
    """The reference differential evolution: rand/1/bin, a new generation at once, the same
    constants and size.
    """
    from scipy.optimize import differential_evolution

    start = np.random.default_rng(seed).normal(0, SPREAD, (MEMBERS, DIMENSION))
    differential_evolution(
        meter.one,
        [(-WIDE, WIDE)] * DIMENSION,
        strategy="rand1bin",
        mutation=0.5,
        recombination=0.9,
        updating="deferred",
        init=start,
        polish=False,
        tol=0,
        maxiter=10**6,
        rng=seed,
    )


def pyswarms(meter: Meter, seed: int) -> None:
    """The reference swarm: global best, the same constants and size."""
    from pyswarms.single import GlobalBestPSO

    np.random.seed(seed)
    start = np.random.normal(0, SPREAD, (PARTICLES, DIMENSION))
    swarm = GlobalBestPSO(
        PARTICLES, DIMENSION, {"c1": 1.49618, "c2": 1.49618, "w": 0.729844}, init_pos=start
    )
    swarm.optimize(meter.many, meter.cap // PARTICLES + 1, verbose=False)


def dual_annealing(meter: Meter, seed: int) -> None:
    """The reference generalised annealing, without its local search."""
    from scipy.optimize import dual_annealing as anneal

    while True:
        anneal(
            meter.one,
            [(-LIMIT, LIMIT)] * DIMENSION,
            no_local_search=True,
            maxiter=meter.cap // (2 * DIMENSION),
            maxfun=10**9,
            x0=np.zeros(DIMENSION),
            rng=seed,
        )
        seed += 1000


MEMBERS, PARTICLES, COOLING = 50, 40, 500


@dataclass(frozen=True)
class Pair:
    """A method of ours and its reference; how near to the optimum of every function both must come,
    and the evaluations they may take.

    Targets are what the reference reaches within its cap: the last digit for the strategies that
    learn a covariance, the valley for those that do not; on Rastrigin, whose global optimum is a
    matter of restarts, a good basin.
    """

    ours: Callable[[Meter, int], None]
    theirs: Callable[[Meter, int], None]
    reference: str
    targets: dict[int, float]
    cap: int


PAIRS = {
    "cma-es": Pair(
        ours("cma-es", sigma=2.0),
        cmaes(False),
        "cmaes.CMA",
        {1: 1e-8, 2: 1e-8, 8: 1e-8, 10: 1e-8, 15: 30},
        20_000,
    ),
    "sep-cma-es": Pair(
        ours("sep-cma-es", sigma=2.0),
        cmaes(True),
        "cmaes.SepCMA",
        {1: 1e-8, 2: 1e-8, 8: 5, 10: 1e4, 15: 30},
        30_000,
    ),
    "differential-evolution": Pair(
        ours(
            "differential-evolution",
            strategy="rand/1/bin",
            members=MEMBERS,
            weight=0.5,
            crossover=0.9,
            dither=0.0,
            spread=SPREAD,
        ),
        scipy_de,
        "scipy differential_evolution",
        {1: 1e-3, 2: 1e-3, 8: 5, 10: 10, 15: 30},
        60_000,
    ),
    "pso": Pair(
        ours("pso", particles=PARTICLES, spread=SPREAD, velocity_limit=None),
        pyswarms,
        "pyswarms GlobalBestPSO",
        {1: 1e-3, 2: 1e-3, 8: 10, 10: 1e4, 15: 30},
        60_000,
    ),
    "annealing": Pair(
        annealing,
        dual_annealing,
        "scipy dual_annealing",
        {1: 1, 2: 1e3, 8: 100, 10: 1e4, 15: 60},
        40_000,
    ),
}


def measure(
    method: Callable[[Meter, int], None],
    function: int,
    target: float,
    cap: int,
    instances: int,
    runs: int,
) -> list[float]:
    """Evaluations to the target in every run on every instance; infinity where the cap came
    first.
    """
    hits = []
    for instance in range(1, instances + 1):
        for run in range(runs):
            meter = Meter(function, instance, target, cap)
            with contextlib.suppress(Done):
                method(meter, instance + 100 * run)
            hits.append(meter.hit)
    return hits


def table(methods: list[str], instances: int, runs: int) -> list[dict[str, Any]]:
    """All rows."""
    rows = []
    with tqdm(total=len(methods) * len(FUNCTIONS), unit="problem") as bar:
        for name in methods:
            pair = PAIRS[name]
            for function, about in FUNCTIONS.items():
                target = pair.targets[function]
                bar.set_postfix_str(f"{name} on f{function}")
                mine, theirs = (
                    measure(method, function, target, pair.cap, instances, runs)
                    for method in (pair.ours, pair.theirs)
                )
                one, two = statistics.median(mine), statistics.median(theirs)
                ratio = one / two if math.isfinite(two) and math.isfinite(one) else None
                rows.append(
                    {
                        "method": name,
                        "reference": pair.reference,
                        "function": f"f{function} {about}",
                        "target": target,
                        "ours": one if math.isfinite(one) else None,
                        "theirs": two if math.isfinite(two) else None,
                        "ratio": ratio,
                        "met": one <= BAR * two,
                        "reached": [sum(map(math.isfinite, mine)), sum(map(math.isfinite, theirs))],
                    }
                )
                bar.update()
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--instances", type=int, default=15)
    parser.add_argument(
        "--runs", type=int, default=3, help="runs on each instance, with seeds of their own"
    )
    parser.add_argument("--methods", default=",".join(PAIRS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    rows = table(options.methods.split(","), options.instances, options.runs)
    if options.json:
        print(
            json.dumps(
                {
                    "dimension": DIMENSION,
                    "instances": options.instances,
                    "runs": options.runs,
                    "bar": BAR,
                    "rows": rows,
                }
            )
        )
        return
    print(
        f"{'method':<24}{'function':<24}{'target':>9}{'ours':>10}{'theirs':>10}{'ratio':>7}  "
        f" reached"
    )
    for row in rows:
        counts = [
            f"{row[key]:,.0f}" if row[key] is not None else "never" for key in ("ours", "theirs")
        ]
        ratio = f"{row['ratio']:.2f}" if row["ratio"] is not None else "–"
        reached = "/".join(map(str, row["reached"]))
        print(
            f"{row['method']:<24}{row['function']:<24}{row['target']:>9.0e}{counts[0]:>10}{counts[1]:>10}{ratio:>7} "
            f"  {reached}{'' if row['met'] else '   MISSED'}"
        )


if __name__ == "__main__":
    main()
