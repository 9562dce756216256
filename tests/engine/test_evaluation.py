"""Every fast path of the evaluator against the plain one: torch's own layers one network at a time,
or `Network.forward`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine import evaluation
from engine.datasets.landscape import Landscapes
from engine.kernels import chunking, scratch
from engine.kernels.losses import values
from engine.losses import LOSSES, get_loss
from engine.networks import CNN, MLP, NETWORKS
from engine.networks.base import Network
from engine.networks.cnn import FEW
from engine.populations import chunks
from tests.engine.networks.test_networks import (
    cnn_module,
    loop,
    mlp_module,
    rere_module,
    yegenoglu_module,
)

CLOSE = {torch.float64: 1e-10, torch.float32: 2e-5}


def given(
    network: Network, shape: tuple[int, ...], members: int, samples: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """A population and samples."""
    generator = torch.Generator().manual_seed(members)
    population = torch.stack([network.init(generator, torch.float64) * 2 for _ in range(members)])
    return population.to(dtype), torch.randn(
        samples, *shape, generator=generator, dtype=torch.float64
    ).to(dtype)


@pytest.fixture(params=[None, 500])
def chunked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one piece, and in pieces so small that members and samples are both cut."""
    if request.param is not None:
        monkeypatch.setattr("engine.populations.chunks.CHUNK_FLOATS", {"cpu": request.param})


@pytest.mark.usefixtures("chunked")
@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "heaviside", "sign"])
@pytest.mark.parametrize("hidden", [(), (5,), (9, 4, 3)])
def test_perceptrons_are_torchs_layers(
    hidden: tuple[int, ...], activation: Any, dtype: torch.dtype
) -> None:
    network = MLP(hidden=hidden, activation=activation).build((1, 3, 2), 4)
    population, x = given(network, (1, 3, 2), 7, 150, dtype)
    expected = loop(
        network, mlp_module([6, *hidden, 4], activation), population.double(), x.double()
    )
    torch.testing.assert_close(
        evaluation.outputs(network, population, x).double(), expected, rtol=0, atol=CLOSE[dtype]
    )


CNNS: list[tuple[str, Any, Any, tuple[int, ...]]] = [
    ("3×3", CNN(channels_1=3, channels_2=5), cnn_module, (1, 10, 7)),
    ("5×5", CNN(channels_1=4, channels_2=3, kernel=5, activation="tanh"), cnn_module, (3, 9, 12)),
    (
        "steps",
        CNN(channels_1=3, channels_2=2, activation="sign", straight_through=True),
        cnn_module,
        (2, 8, 8),
    ),
    (
        "rere",
        NETWORKS.build("rere-cnn"),
        lambda shape, classes, _: rere_module(shape, classes),
        (1, 17, 22),
    ),
    (
        "yegenoglu",
        NETWORKS.build("yegenoglu-cnn"),
        lambda shape, classes, _: yegenoglu_module(shape, classes),
        (2, 15, 18),
    ),
]


@pytest.mark.usefixtures("chunked")
@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize(
    ("about", "network_choice", "module_of", "shape"), CNNS, ids=[entry[0] for entry in CNNS]
)
def test_convolutions_row_by_row_are_torchs(
    about: str, network_choice: Any, module_of: Any, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    network = network_choice.build(shape, 6)
    population, x = given(network, shape, 3, 70, dtype)
    expected = loop(network, module_of(shape, 6, network_choice), population.double(), x.double())
    if about != "steps" or dtype == torch.float64:  # a jump makes of a rounding a difference of 2
        torch.testing.assert_close(
            evaluation.outputs(network, population, x).double(), expected, rtol=0, atol=CLOSE[dtype]
        )
    with torch.no_grad():
        rows = network.by_rows(population.double(), network.prepare(x.double()).copies).transpose(
            1, 2
        )
    torch.testing.assert_close(rows, expected, rtol=0, atol=1e-10)


@pytest.mark.usefixtures("chunked")
@pytest.mark.parametrize("name", [*LOSSES, "height"])
@pytest.mark.parametrize("numbers", [False, True])
def test_losses_of_outputs_as_they_come_are_the_losses(name: str, numbers: bool) -> None:
    loss = get_loss(name)
    if numbers and not loss.numbers:
        assert not loss.numbers  # asked for classes only
        return
    classes = 1 if numbers else 4
    network = MLP(hidden=(5,)).build((3,), classes)
    population, x = given(network, (3,), 9, 130, torch.float64)
    generator = torch.Generator().manual_seed(0)
    targets = (
        torch.randn(130, generator=generator, dtype=torch.float64)
        if numbers
        else torch.randint(classes, (130,), generator=generator)
    )
    expected = loss.values(network.forward(population, x), targets)
    torch.testing.assert_close(
        evaluation.losses(network, loss, population, x, targets), expected, rtol=0, atol=1e-12
    )


def test_a_loss_nobody_foresaw_is_asked_itself() -> None:
    class Largest(type(LOSSES["zero-one"])):  # type: ignore[misc]
        def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
            return outputs.amax((1, 2))

    outputs = torch.randn(3, 4, 5)
    assert torch.equal(
        values(Largest(), outputs, torch.zeros(5, dtype=torch.long)), outputs.amax((1, 2))
    )


def test_a_point_on_a_landscape_is_its_height() -> None:
    dataset = Landscapes()
    network = NETWORKS.build("point").build_for(dataset)
    population = torch.randn(5, 2, dtype=torch.float64)
    found = evaluation.losses(
        network,
        get_loss("height"),
        population,
        torch.zeros(1, 1, dtype=torch.float64),
        torch.zeros(1),
    )
    torch.testing.assert_close(found, dataset.landscape()(population))


def test_answers_are_the_callers_own() -> None:
    """No later evaluation writes into an answer given before."""
    network = MLP(hidden=(5,)).build((3,), 4)
    population, x = given(network, (3,), 6, 20, torch.float32)
    answer = evaluation.outputs(network, population, x)
    before = answer.clone()
    evaluation.outputs(network, population + 1, x)
    assert torch.equal(answer, before)


@pytest.mark.parametrize("members", [1, 200, 300])
def test_nothing_is_allocated_the_second_time_and_not_more_for_a_larger_population(
    members: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch.release()
    network = MLP(hidden=(50,)).build((20,), 4)
    monkeypatch.setattr(chunks, "CHUNK_FLOATS", {"cpu": members * 100 * network.peak_activations})
    population, x = given(network, (20,), 900, 100, torch.float32)
    y = torch.zeros(100, dtype=torch.long)
    evaluation.losses(network, LOSSES["cross-entropy"], population[:300], x, y)
    held = scratch.held()
    evaluation.losses(network, LOSSES["cross-entropy"], population, x, y)
    assert chunks.chunk_members(network, 100, x.device) == members
    assert 0 < held == scratch.held() < chunking.MOST_BYTES // 8
    scratch.release()
    assert scratch.held() == 0


def test_buffers_are_used_again() -> None:
    like = torch.zeros(1)
    first = scratch.scratch_buffer("a", (3, 4), like)
    assert scratch.scratch_buffer("a", (2, 5), like).data_ptr() == first.data_ptr()
    assert scratch.scratch_buffer("b", (3, 4), like).data_ptr() != first.data_ptr()
    assert scratch.scratch_buffer("a", (3, 4), like.double()).dtype == torch.float64
    assert scratch.scratch_buffer("a", (300, 4), like).shape == (300, 4)


@pytest.mark.parametrize("samples", [1, 8, 9, 40])
def test_the_shapes_decide_how_to_convolve(samples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Either way gives the same to a rounding; which one is taken hangs on no clock."""
    network = CNN(channels_1=3, channels_2=2).build((1, 8, 8), 4)
    population, x = given(network, (1, 8, 8), 3, samples, torch.float32)
    asked: list[str] = []
    for way in ("by_rows", "forward"):
        taken = getattr(network, way)
        monkeypatch.setattr(
            network, way, lambda *given, taken=taken, way=way: asked.append(way) or taken(*given)
        )
    monkeypatch.setattr("time.perf_counter", lambda: pytest.fail("the clock was asked"))
    found = evaluation.outputs(network, population, x)
    assert asked == ["forward" if samples <= FEW else "by_rows"]
    torch.testing.assert_close(found, network.forward(population, x), rtol=0, atol=2e-5)


def test_sizes_know_nothing_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its cache, nor its cores, nor how much of its memory is free: they decide what is
    added up together.
    """
    network = MLP(hidden=(50,)).build((20,), 4)

    def sizes() -> list[int]:
        devices = [torch.device(kind) for kind in ("cpu", "cuda", "mps")]
        return [
            size
            for device in devices
            for size in (
                chunks.chunk_members(network, 100, device),
                chunks.chunk_samples(network, device),
            )
        ]

    before = sizes()
    for path in (
        "os.cpu_count",
        "os.sched_getaffinity",
        "psutil.virtual_memory",
        "torch.cuda.mem_get_info",
        "pathlib.Path.read_text",
        "torch.get_num_threads",
    ):
        monkeypatch.setattr(path, lambda *_, path=path: pytest.fail(f"{path} was asked"))
    assert sizes() == before
    monkeypatch.undo()
    engine = Path(evaluation.__file__).parent
    written = Path(evaluation.__file__).read_text(encoding="utf-8")
    for room in ("kernels", "populations", "random", "networks"):
        modules = [*(engine / room).rglob("*.py")]
        assert modules, f"{room} has no modules"
        written += "".join(path.read_text(encoding="utf-8") for path in modules)
    # How long compiling took is taken off a warm-up's clock, and decides nothing else.
    written = written.replace("began = time.perf_counter()", "")
    written = written.replace("_spent.append(time.perf_counter() - began)", "")
    assert not any(
        word in written
        for word in (
            "/sys/",
            "/proc/",
            "perf_counter",
            "monotonic",
            "mem_get_info",
            "virtual_memory",
        )
    )


def test_a_precision_is_a_choice_and_losses_are_float32() -> None:
    network = MLP(hidden=(30,)).build((20,), 4)
    population, x = given(network, (20,), 8, 64, torch.float32)
    y = torch.arange(64) % 4
    exact = evaluation.losses(network, LOSSES["cross-entropy"], population, x, y)
    with chunks.precision("bf16"):
        rough = evaluation.losses(network, LOSSES["cross-entropy"], population, x, y)
        assert evaluation.outputs(network, population, x).dtype == torch.float32
        with chunks.precision("float32"):
            assert torch.equal(
                evaluation.losses(network, LOSSES["cross-entropy"], population, x, y), exact
            )
    assert rough.dtype == torch.float32
    assert 0 < float((rough - exact).abs().max()) < 0.05
    with chunks.precision("tf32"):
        assert torch.equal(
            evaluation.losses(network, LOSSES["cross-entropy"], population, x, y), exact
        )  # on a CPU nothing changes
    assert not torch.backends.cuda.matmul.allow_tf32
    assert torch.equal(evaluation.losses(network, LOSSES["cross-entropy"], population, x, y), exact)


@pytest.mark.parametrize("name", [*LOSSES, "height"])
@pytest.mark.parametrize("build", [MLP(hidden=(5,)), MLP(hidden=(), activation="relu")])
def test_the_slopes_that_are_looked_at_are_the_losses_own(name: str, build: MLP) -> None:
    loss, network = get_loss(name), build.build((3,), 4)
    population, x = given(network, (3,), 6, 20, torch.float64)
    y = torch.randint(4, (20,), generator=torch.Generator().manual_seed(1))
    at = population.clone().requires_grad_()
    expected = torch.autograd.grad(loss.values(network.forward(at, x), y).sum(), at)[0]
    torch.testing.assert_close(
        evaluation.gradients(network, loss, population, x, y), expected, rtol=1e-12, atol=1e-14
    )
    assert not population.requires_grad
