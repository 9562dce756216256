"""The evaluator beside the libraries people use, on the same shapes and the same batch, in one run.

    python -m tests.bench.peers [--json] [--only openai-es] [--only update] [--rounds 7] [--figure
    .cache/peers.html]

Whatever is compared is timed in turns, and the median counts; so a machine that is busy for a while
slows all of them. Needs requirements-bench.txt; a library that is not installed is named as such,
and its bar is then not judged. On a machine with no GPU the last row says so. What the machine
itself does is printed before and after: bars are multiples of that, so that they mean the same
everywhere.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from engine.system import environment

environment.prepare()  # before torch: it asks for large pages

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from engine import Experiment
from engine import evaluation as evaluate
from engine.datasets.base import Dataset
from engine.errors import CannotRun
from engine.losses import LOSSES
from engine.networks import CNN, MLP
from engine.networks.base import Network
from engine.optimizers import OPTIMIZERS, enkf
from engine.optimizers.common.ensemble import Sums
from engine.oracle import Oracle
from engine.random.rng import Rng
from tests.bench import machine
from tests.bench.contest import Row, compared, figure, timed
from tests.bench.libraries import Missing, evosax_generation, evox_generation
from tests.bench.memory import measured

INPUTS, CLASSES, BATCH = 784, 10, 256
SIGMA, RATE = 0.1, 0.01
POPULATIONS: dict[str, dict[str, int]] = {
    "openai-es": {"pairs": 128},
    "low-rank-es": {"pairs": 128},
    "snes": {"population_size": 256},
    "sep-cma-es": {"population_size": 256},
    "genetic": {"population_size": 256},
    "differential-evolution": {"population_size": 256},
    "harmony-search": {"memory_size": 256, "new_harmonies": 256},
    "pso": {"population_size": 256},
    "cbo": {"population_size": 256},
    "random-search": {"population_size": 256},
    "eki": {"population_size": 256},
    "enkf": {"population_size": 256},
    "annealing": {"population_size": 256},
    "parallel-tempering": {"population_size": 256},
    "population-annealing": {"population_size": 256},
}
"""Every population method with 256 networks judged in a step."""


def problem(
    members: int, hidden: tuple[int, ...] = (64,), inputs: int = INPUTS, batch: int = BATCH
) -> tuple[Network, Tensor, Dataset]:
    """A perceptron, a population and random samples."""
    network = MLP(hidden=hidden).build((inputs,), CLASSES)
    generator = torch.Generator().manual_seed(0)
    population = torch.stack([network.init(generator) for _ in range(members)])
    x, y = (
        torch.rand(batch, inputs, generator=generator),
        torch.randint(CLASSES, (batch,), generator=generator),
    )
    return network, population, Dataset(x, y, x[:2], y[:2], tuple("0123456789"), "table")


def stepper(
    name: str, network: Network, data: Dataset, **settings: Any
) -> tuple[Callable[[], Any], Oracle]:
    """Steps of a method of ours, one at each call."""
    method = OPTIMIZERS.build({"name": name, "batch": 0, **settings})
    oracle, rng = (
        Oracle(network, LOSSES["cross-entropy"], data, method.required_oracle()),
        Rng(0, "lane 0"),
    )
    held = [method.init(network.init(torch.Generator().manual_seed(0)), rng, oracle)]
    steps = [0]

    def step() -> None:
        steps[0] += 1
        held[0] = method.step(held[0], rng.at(steps[0]), oracle)

    return step, oracle


def evaluation(rounds: int) -> Row:
    """How near a whole evaluation comes to the machine's own speed at a large product."""
    network, population, data = problem(512)
    a, b, c = (torch.randn(2048, 2048) for _ in range(3))
    loss = LOSSES["cross-entropy"]
    times = timed(
        {
            "ours": lambda: evaluate.losses(network, loss, population, data.x_train, data.y_train),
            "matmul": lambda: torch.mm(a, b, out=c),
        },
        rounds,
    )
    rate, peak = (
        512 * BATCH * network.flops / times["ours"] / 1e6,
        2 * 2048**3 / times["matmul"] / 1e6,
    )
    notes = (
        f"{rate:.0f} of {peak:.0f} GFLOP/s; {512 * BATCH / times['ours'] * 1e3:,.0f} evaluations/s"
    )
    return Row(
        "evaluation",
        "MLP 784-64-10, P = 512, B = 256, share of 2048³ product's rate",
        f"{rate / peak:.2f}",
        "≥ 0.75",
        rate / peak >= 0.75,
        times["ours"],
        notes=notes,
    )


def generation(name: str, what: str, bar: float, rounds: int, **settings: Any) -> Row:
    """A whole generation of an evolution strategy."""
    network, _, data = problem(1)
    contenders: dict[str, Callable[[], Any]] = {
        "ours": stepper(name, network, data, pairs=256, sigma=SIGMA, rate=RATE, **settings)[0]
    }
    missing = []
    for library, make in {"evosax": evosax_generation, "EvoX": evox_generation}.items():
        try:
            contenders[library] = make(data.x_train, data.y_train, 512, SIGMA, RATE)
        except Missing as error:
            missing.append(str(error))
    return compared(Row(name, what, notes="; ".join(missing)), contenders, bar, rounds)


def convolution(rounds: int) -> Row:
    """Our convolutions against vmap and against a loop."""
    network = CNN(channels_1=6, channels_2=12).build((1, 28, 28), CLASSES)
    module = nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 12, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(588, CLASSES),
    )
    generator = torch.Generator().manual_seed(0)
    population = torch.stack([network.init(generator) for _ in range(64)])
    x, y = (
        torch.rand(128, 1, 28, 28, generator=generator),
        torch.randint(CLASSES, (128,), generator=generator),
    )
    names = list(dict(module.named_parameters()))
    weights = dict(zip(names, network.unpack(population), strict=True))
    criterion = nn.CrossEntropyLoss()

    def one(parameters: dict[str, Tensor]) -> Tensor:
        return criterion(functional_call(module, parameters, (x,)), y)

    def looped() -> list[Tensor]:
        return [one({name: tensor[i] for name, tensor in weights.items()}) for i in range(64)]

    with torch.no_grad():
        return compared(
            Row(
                "cnn", "CNN 28×28: 6 maps 3×3, pool 2, 12 maps 3×3, pool 2, dense; P = 64, B = 128"
            ),
            {
                "ours": lambda: evaluate.losses(network, LOSSES["cross-entropy"], population, x, y),
                "vmap": lambda: vmap(one)(weights),
                "loop": looped,
            },
            2,
            rounds,
        )


def inversion(rounds: int) -> Row:
    """A step of EKI against the same written plainly in NumPy: the discrete form, outputs
    included.
    """
    size = 500
    network, _, data = problem(1, (100,), batch=64)
    ours, oracle = stepper("eki", network, data, ensemble=size, form="discrete", randomised=False)
    x, y = data.x_train.numpy(), np.eye(CLASSES)[data.y_train.numpy()]

    def plain(dtype: Any) -> Callable[[], Any]:
        u = np.random.default_rng(0).normal(0, 1 / 28, (size, network.dimension)).astype(dtype)
        inputs, wanted = x.astype(dtype), y.reshape(1, -1)

        def step() -> None:
            w1, b1, w2, b2 = (
                u[:, layer.start : layer.stop].reshape(size, *layer.shape)
                for layer in network.layers
            )
            h = np.tanh(inputs @ w1.transpose(0, 2, 1) + b1[:, None])
            g = (h @ w2.transpose(0, 2, 1) + b2[:, None]).reshape(size, -1).astype(np.float64)
            centred = (g - g.mean(0)) / size**0.5
            gain = np.linalg.solve(
                centred @ centred.T + 0.5 * np.eye(size), centred @ (wanted - g).T
            ).T
            u[:] = u + (gain / size**0.5).astype(dtype) @ (u - u.mean(0))

        return step

    row = compared(
        Row(
            "eki",
            (
                f"EKI step, J = {size}, D = {network.dimension:,}, 64·10 outputs, against NumPy "
                f"in its own double precision"
            ),
        ),
        {"ours": ours, "NumPy": plain(np.float64)},
        1.5,
        rounds,
    )
    single = timed({"ours": ours, "NumPy float32": plain(np.float32)}, rounds)
    u = oracle.network.init(torch.Generator()).repeat(size, 1)
    sums = timed(
        {"sums": lambda: Sums.of(u, "discrete", False, True, Rng(0, "x"), oracle)}, rounds
    )["sums"]
    row.notes = (
        f"NumPy with weights in float32: {single['NumPy float32']:.0f} ms, "
        f"{single['NumPy float32'] / single['ours']:.2f}×; outputs and sums {sums:.0f} ms of ours"
    )
    return row


def one_layer(rounds: int) -> Row:
    """Annealing that moves a layer at a time, and remembers the others' answers, against all
    weights at a time.
    """
    network, _, data = problem(1)
    layer, everything = (
        stepper("annealing", network, data, chains=128, proposal=proposal)[0]
        for proposal in ("layer", "gaussian")
    )
    return compared(
        Row(
            "one-layer",
            "annealing 784-64-10, 128 chains, B = 256: one layer at a time, at equal proposals",
        ),
        {"ours": layer, "all weights": everything},
        1.8,
        rounds,
    )


def flat(rounds: int) -> Row:
    """Whether a member of a large population costs what a member of a small one does."""
    sizes = (64, 256, 1024, 4096)
    network, population, data = problem(max(sizes), (32,), 64)
    repeats = {size: max(sizes) // size for size in sizes}

    def run(size: int) -> Callable[[], Any]:
        return lambda: [
            evaluate.losses(
                network,
                LOSSES["cross-entropy"],
                population[i * size : (i + 1) * size],
                data.x_train,
                data.y_train,
            )
            for i in range(repeats[size])
        ]

    times = timed({str(size): run(size) for size in sizes}, rounds)
    each = {name: 1e6 * value / max(sizes) / BATCH for name, value in times.items()}
    worst = max(each.values()) / min(each.values())
    return Row(
        "flat",
        "time per evaluation, P = 64 → 4,096, MLP 64-32-10, B = 256",
        f"{worst:.2f}×",
        "≤ 1.15×",
        worst <= 1.15,
        each["4096"],
        each,
        "ns",
        "the slowest by the fastest",
    )


def memory(rounds: int) -> Row:
    """What evaluating takes beside the population, at its peak; and whether one that cannot fit is
    refused.
    """
    shapes = [(512, 64, 784), (8192, 64, 784), (65536, 32, 64)]
    found = [measured(*shape) for shape in shapes]
    notes = [
        f"P = {members:,} of {inputs}-{hidden}-10: {taken:.0f} MiB"
        for (members, hidden, inputs), taken in zip(shapes, found, strict=True)
        if taken is not None
    ]
    try:
        Experiment.parse(
            {
                "dataset": "mnist-small",
                "network": {"name": "mlp", "hidden": [1024, 1024]},
                "lanes": [{"name": "pso", "population_size": 16384}],
            }
        )
        refused = False
    except CannotRun:
        refused = True
    notes.append(
        "a population that cannot fit is refused before it is allocated"
        if refused
        else "a population that cannot fit is NOT refused"
    )
    worst = max((taken for taken in found if taken is not None), default=None)
    value, met = (
        ("not measured: no /proc here", None)
        if worst is None
        else (f"{worst:.0f} MiB", worst <= 256 and refused)
    )
    return Row(
        "memory",
        "resident memory beside the population, at its peak",
        value,
        "≤ 256 MiB",
        met,
        notes="; ".join(notes),
    )


TRAFFIC: dict[str, tuple[float, float, str]] = {
    # method: populations read, populations written (P × D numbers each; n = P/2 rows of noise are
    # half of one), which arrays these are
    "openai-es": (0.5, 0.5, "noise written as it is drawn, read to be added up"),
    "low-rank-es": (0.0, 0.0, "factors of the noise alone, which are few"),
    "snes": (1, 1, "samples written, read to be added up by rank"),
    "sep-cma-es": (1, 1, "samples written, read to be added up by rank"),
    "genetic": (1, 1, "parents read, children written"),
    "differential-evolution": (
        1,
        1,
        "members read, trials written; what replaces a member besides is not counted",
    ),
    "harmony-search": (
        1,
        1,
        "memory read, harmonies written; what enters the memory besides is not counted",
    ),
    "pso": (
        3,
        2,
        (
            "places, velocities and best places read, the first two written; better best places "
            "are not counted"
        ),
    ),
    "cbo": (2, 1, "places read for the mean and to be moved, and written"),
    "random-search": (0, 1, "points written"),
    "annealing": (1, 1, "places read, proposals written; what is accepted besides is not counted"),
    "parallel-tempering": (
        1,
        1,
        "places read, proposals written; what is accepted besides is not counted",
    ),
    "population-annealing": (
        1,
        1,
        "places read, proposals written; what is accepted or copied besides is not counted",
    ),
}
"""What an update must at least read and write, each array once: a kernel that did nothing else
would take as long as copying so much. Evaluation reads the population besides, which is its own
time. Random numbers, and what is done to a number in a register, are not counted; nor is what
depends on how many members were accepted, so the bar is low."""
UPDATE_BAR, UPDATE_SHARE = 1.5, 0.15
"""An update takes at most so many times that, or that share of a generation, whichever is more."""


def products(name: str, members: int, outputs: int, dimension: int, rounds: int) -> float:
    """Milliseconds of the products that a step of EKI or EnKF cannot do without, with random
    numbers: those of the outputs, and J × J × D for the members.
    """
    wide = torch.float64 if name == "enkf" else torch.float32
    mix, u, out = (
        torch.randn(members + 1, members),
        torch.randn(members, dimension),
        torch.empty(members + 1, dimension),
    )
    if name == "eki":
        g = torch.randn(members, outputs)
        return timed(
            {"all": lambda: (torch.mm(g, g.T), torch.mm(g, g.T), torch.mm(mix, u, out=out))}, rounds
        )["all"]
    together = max(1, enkf.TOGETHER // CLASSES) * CLASSES
    parts = [
        torch.randn(members, min(together, outputs - start), dtype=wide)
        for start in range(0, outputs, together)
    ]
    v = torch.randn(members, members, dtype=wide)
    return timed(
        {
            "all": lambda: (
                [(p.T @ p, p.T @ v, p @ (p.T @ v)) for p in parts],
                torch.mm(mix, u, out=out),
            )
        },
        rounds,
    )["all"]


def update(rounds: int, name: str) -> Row:
    """What a generation spends on all that is not evaluation, beside what it must at least
    spend.
    """
    network, _, data = problem(1)
    step, oracle = stepper(name, network, data, **POPULATIONS[name])
    inside = [0.0]
    for door in ("losses", "outputs"):
        ask = getattr(oracle, door)

        def asked(*question: Any, ask: Callable[..., Any] = ask) -> Any:
            since = time.perf_counter()
            try:
                return ask(*question)
            finally:
                inside[0] += time.perf_counter() - since

        setattr(oracle, door, asked)
    step()
    found = []
    for _ in range(rounds):
        inside[0], since = 0.0, time.perf_counter()
        step()
        found.append((1e3 * (time.perf_counter() - since), 1e3 * inside[0]))
    whole, evaluating = (
        statistics.median(one for one, _ in found),
        statistics.median(one for _, one in found),
    )
    mine = statistics.median(one - other for one, other in found)
    members, size = 256, 256 * network.dimension
    if name in TRAFFIC:
        read, written, what = TRAFFIC[name]
        least, unit = (
            machine.measure(rounds).copying(read * size, written * size),
            f"{read:g} PD read + {written:g} PD written ({what})",
        )
    else:
        least, unit = (
            products(name, members, BATCH * CLASSES, network.dimension, rounds),
            "its products alone",
        )
    bar = max(UPDATE_BAR * least, UPDATE_SHARE * whole)
    share = (
        f"{100 * mine / whole:.0f} % of a generation of {whole:.0f} ms, of which evaluation "
        f"takes {evaluating:.0f}"
    )
    return Row(
        f"update-{name}",
        f"all but evaluation, P = {members}, D = {network.dimension:,}, B = {BATCH}",
        f"{mine / bar:.2f} of the bar",
        f"≤ {bar:.1f} ms",
        mine <= bar,
        mine,
        notes=f"{share}; {f'{mine / least:.2f}× the {least:.1f} ms of ' if least else ''}{unit}",
    )


def gpu(rounds: int) -> Row:
    """The first row on a GPU, where there is one."""
    row = Row(
        "gpu",
        "MLP 784-64-10, P = 512, B = 256 on a GPU",
        "not measured",
        notes="no GPU here" if not torch.cuda.is_available() else "",
    )
    if torch.cuda.is_available():
        network, population, data = problem(512)
        population, data = population.cuda(), data.to("cuda")
        loss = LOSSES["cross-entropy"]

        def run() -> None:
            evaluate.losses(network, loss, population, data.x_train, data.y_train)
            torch.cuda.synchronize()

        row.ours = timed({"ours": run}, rounds)["ours"]
        row.value, row.notes = (
            f"{512 * BATCH * network.flops / row.ours / 1e6:,.0f} GFLOP/s",
            torch.cuda.get_device_name(),
        )
    return row


ROWS: dict[str, Callable[[int], Row]] = {
    "evaluation": evaluation,
    "openai-es": lambda rounds: generation(
        "openai-es", "one generation of OpenAI-ES, 784-64-10, 2·256 members, B = 256", 2, rounds
    ),
    "rank-1": lambda rounds: generation(
        "low-rank-es", "the same with rank-1 noise, against full rank", 10, rounds, rank=1
    ),
    "cnn": convolution,
    "eki": inversion,
    "one-layer": one_layer,
    "flat": flat,
    "memory": memory,
    **{f"update-{name}": partial(update, name=name) for name in POPULATIONS},
    "gpu": gpu,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--only",
        action="append",
        choices=["update", *ROWS],
        help="a row, or all updates; may be given several times",
    )
    parser.add_argument(
        "--rounds", type=int, default=7, help="timings of each, of which the median counts"
    )
    parser.add_argument(
        "--threads", type=int, default=torch.get_num_threads(), help="PyTorch threads"
    )
    parser.add_argument(
        "--figure", default=".cache/peers.html", help="where to write the Plotly figure"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    before = machine.measure(options.rounds)
    if not options.json:
        print(before, flush=True)
    rows = []
    for name in [
        row
        for only in options.only or ROWS
        for row in (ROWS if only == "update" else [only])
        if only != "update" or row.startswith("update-")
    ]:
        row = ROWS[name](options.rounds)
        row.name = name
        rows.append(row)
        if not options.json:
            verdict = "" if row.met is None else "met" if row.met else "MISSED"
            ours = "" if row.ours is None else f"ours {row.ours:.1f} {row.unit}"
            theirs = (
                ""
                if row.unit == "%"
                else ", ".join(
                    f"{other} {value:.1f} {row.unit}" for other, value in row.theirs.items()
                )
            )
            print(
                (
                    f"{name:<30}{row.value:>24}  "
                    f"{row.bar:<14}{verdict:<8}{row.what}\n{'':12}{'; '.join(filter(None, (ours, theirs, row.notes)))}"
                ),
                flush=True,
            )
    figure(rows, options.figure)
    after = machine.measure(options.rounds)
    if options.json:
        found = {"before": before.to_json(), "after": after.to_json()}
        print(
            json.dumps(
                {
                    "threads": options.threads,
                    "torch": torch.__version__,
                    "machine": found,
                    "rows": [asdict(row) for row in rows],
                }
            )
        )
    else:
        print(after)
        print(f"{options.threads} threads, torch {torch.__version__}; figure: {options.figure}")


if __name__ == "__main__":
    main()
