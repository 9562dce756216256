"""Mirrored pairs, their noise in every form, and numbers drawn block by block, each against the
same thing written out.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from engine import evaluation
from engine.losses import LOSSES
from engine.networks import CNN, MLP, NETWORKS
from engine.networks.base import Network
from engine.observation.observer import memory_of
from engine.optimizers.low_rank_es import LowRankES
from engine.optimizers.openai_es import OpenAIES
from engine.populations import chunks, noise
from engine.populations.antithetic import AntitheticPopulation
from engine.populations.base import dense
from engine.populations.noise import DenseNoise, LowRankNoise, Noise, SeededNoise
from engine.random import noise_table
from engine.random.rng import LARGE, Rng
from tests.engine.support.stand_ins import points, run

PAIRS = 7
NETWORKS_TRIED: dict[str, tuple[Any, tuple[int, ...]]] = {
    "linear": (MLP(hidden=()), (5,)),
    "one hidden": (MLP(hidden=(6,)), (5,)),
    "three hidden": (MLP(hidden=(6, 4, 7), activation="relu"), (1, 2, 3)),
    "cnn": (CNN(channels_1=2, channels_2=3), (1, 8, 8)),
    "rere": (NETWORKS.build("rere-cnn"), (1, 16, 16)),
}


def noise_of(kind: str, network: Network, dtype: torch.dtype) -> Noise:
    generator = torch.Generator().manual_seed(3)
    if kind == "regenerated":
        return SeededNoise(17, PAIRS, torch.empty(network.dimension, dtype=dtype))
    if kind == "kept":
        return DenseNoise(torch.randn(PAIRS, network.dimension, generator=generator, dtype=dtype))
    oracle: Any = type("Has", (), {"network": network})()
    theta = torch.empty(network.dimension, dtype=dtype)
    return LowRankES(pairs=PAIRS, rank=int(kind)).draw(
        theta, None, Rng(1, "x", dtype=dtype), oracle
    )


def pairs_on(
    name: str, kind: str, dtype: torch.dtype, scaled: bool = True
) -> tuple[Network, AntitheticPopulation, Tensor, Tensor]:
    choice, shape = NETWORKS_TRIED[name]
    network = choice.build(shape, 4)
    generator = torch.Generator().manual_seed(5)
    theta = network.init(generator, torch.float64).to(dtype)
    scale = torch.cat(
        [
            torch.full((layer.stop - layer.start,), layer.fan_in**-0.5, dtype=dtype)
            for layer in network.layers
        ]
    )
    x = torch.randn(90, *shape, generator=generator, dtype=torch.float64).to(dtype)
    return (
        network,
        AntitheticPopulation(theta, noise_of(kind, network, dtype), 0.3, scale if scaled else None),
        x,
        torch.arange(90) % 4,
    )


@pytest.mark.parametrize("chunk", [None, 400])
@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-11), (torch.float32, 2e-5)])
@pytest.mark.parametrize("kind", ["kept", "regenerated", "1", "3"])
@pytest.mark.parametrize("name", NETWORKS_TRIED)
def test_pairs_are_judged_as_if_they_were_written_out(
    name: str,
    kind: str,
    dtype: torch.dtype,
    close: float,
    chunk: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network, asked, x, y = pairs_on(name, kind, dtype)
    loss = LOSSES["cross-entropy"]
    expected = loss.values(network.forward(asked.dense(), x), y)
    assert float(expected.std()) > 0.002
    if chunk is not None:
        monkeypatch.setattr("engine.populations.chunks.CHUNK_FLOATS", {"cpu": chunk})
    torch.testing.assert_close(
        evaluation.losses(network, loss, asked, x, y), expected, rtol=0, atol=close
    )


def test_plain_reach_needs_no_scale_and_bf16_writes_the_pairs_out() -> None:
    network, asked, x, y = pairs_on("one hidden", "kept", torch.float32, scaled=False)
    loss = LOSSES["squared-error"]
    torch.testing.assert_close(
        asked.dense()[:PAIRS], asked.theta + 0.3 * asked.noise.chosen(torch.arange(PAIRS))
    )
    expected = evaluation.losses(network, loss, asked.dense(), x, y)
    torch.testing.assert_close(evaluation.losses(network, loss, asked, x, y), expected)
    with chunks.precision("bf16"):
        rough = evaluation.losses(network, loss, asked, x, y)
        torch.testing.assert_close(
            rough, evaluation.losses(network, loss, asked.dense(), x, y), rtol=0.01, atol=0.01
        )
    assert not torch.equal(rough, expected)


def test_it_answers_like_the_tensor_it_stands_for() -> None:
    _, asked, _, _ = pairs_on("one hidden", "regenerated", torch.float64)
    whole = asked.dense()
    assert (len(asked), asked.shape, asked.ndim, asked.dtype, asked.device) == (
        len(whole),
        whole.shape,
        whole.ndim,
        whole.dtype,
        whole.device,
    )
    rows = torch.tensor([0, 9, 3, 13])
    assert torch.equal(asked[rows], whole[rows])
    assert torch.equal(asked[::4], whole[::4])
    assert torch.equal(asked[2], whole[2])
    assert torch.equal(asked[:, 3], whole[:, 3])
    assert torch.equal(torch.stack([asked, asked])[1], whole)  # type: ignore[list-item]
    assert torch.equal(asked - whole, torch.zeros_like(whole))  # type: ignore[operator]
    assert asked == asked.moved(2, 0.0)
    assert asked != asked.moved(2, 0.5)
    assert asked != whole
    assert bool(torch.isfinite(asked).all())  # type: ignore[arg-type]
    asked.theta[4] = torch.inf
    finite = torch.isfinite(asked).all(0)  # type: ignore[arg-type]
    assert torch.equal(finite, torch.isfinite(asked.theta))
    assert dense(whole) is whole


@pytest.mark.parametrize("kind", ["kept", "regenerated", "1", "4"])
def test_noise_adds_up_as_its_rows_do(kind: str) -> None:
    network = MLP(hidden=(6,)).build((5,), 4)
    drawn = noise_of(kind, network, torch.float64)
    rows, weights = (
        drawn.chosen(torch.arange(PAIRS)),
        torch.linspace(-1, 2, PAIRS, dtype=torch.float64),
    )
    torch.testing.assert_close(drawn.combine(weights), weights @ rows, rtol=0, atol=1e-12)
    for layer, part in zip(network.layers, drawn.parts(2, 5, network.layers), strict=True):
        written = part[0] if len(part) == 1 else part[0] @ part[1].mT * part[0].shape[2] ** -0.5
        torch.testing.assert_close(
            written.flatten(1), rows[2:5, layer.start : layer.stop], rtol=0, atol=1e-12
        )


def test_rows_come_again_the_same_however_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(noise_table, "BLOCK", {"cpu": 100})
    drawn = SeededNoise(5, 23, torch.empty(30))  # three rows in a block
    whole = drawn.drawn(0, 23).clone()
    assert float(whole.std()) == pytest.approx(1, abs=0.1)
    for start, stop in ((0, 1), (4, 5), (2, 9), (21, 23)):
        assert torch.equal(drawn.drawn(start, stop), whole[start:stop])
    assert torch.equal(drawn.chosen(torch.tensor([22, 0, 7])), whole[[22, 0, 7]])
    monkeypatch.setattr(noise, "KEPT_BYTES", 30 * 4 * 16 * 6)
    assert list(drawn.pieces()) == [(0, 6), (6, 12), (12, 18), (18, 23)]
    torch.testing.assert_close(drawn.combine(torch.ones(23)), whole.sum(0))
    assert (
        abs(float(torch.corrcoef(whole.flatten().view(-1, 3).T)[0, 1])) < 0.2
    )  # neighbours have nothing to do with each other


def test_many_numbers_are_the_same_whoever_draws_them_and_follow_their_law() -> None:
    threads = torch.get_num_threads()
    shape = (5, LARGE)
    try:
        torch.set_num_threads(1)
        one = [Rng(2, "x").normal(*shape), Rng(2, "x").uniform(*shape)]
        torch.set_num_threads(3)
        three = [Rng(2, "x").normal(*shape), Rng(2, "x").uniform(*shape)]
    finally:
        torch.set_num_threads(threads)
    assert all(map(torch.equal, one, three))
    normal, uniform = (draw.flatten().double() for draw in one)
    count = len(normal)
    for numbers, law in ((normal, torch.special.ndtr), (uniform, lambda x: x)):
        ordered = law(numbers.sort().values)
        apart = (
            (ordered - torch.arange(1, count + 1, dtype=torch.float64) / count).abs().max()
        )  # Kolmogorov and Smirnov's distance from the law
        assert float(apart) < 2 / count**0.5
    assert float(normal.mean()) == pytest.approx(0, abs=0.003)
    assert float((normal**2).mean()) == pytest.approx(1, abs=0.005)
    assert float((normal**4).mean()) == pytest.approx(3, abs=0.03)
    assert 4.5 < float(normal.max()) < 7
    assert -7 < float(normal.min()) < -4.5
    assert float(uniform.mean()) == pytest.approx(0.5, abs=0.002)
    assert 0 <= float(uniform.min()) < float(uniform.max()) < 1
    rng = Rng(2, "x")
    again, later, lane = rng.normal(*shape), rng.at(1).normal(*shape), Rng(2, "y").normal(*shape)
    assert torch.equal(again, one[0])
    rows = torch.cat([one[0], later, lane]).double()
    assert (
        float((torch.corrcoef(rows) - torch.eye(15, dtype=torch.float64)).abs().max())
        < 5 / LARGE**0.5
    )  # neither rows, steps nor lanes know of each other
    columns = one[0].flatten()[: LARGE // 64 * 64].view(-1, 64).double().T
    assert (
        float((torch.corrcoef(columns) - torch.eye(64, dtype=torch.float64)).abs().max())
        < 6 / columns.shape[1] ** 0.5
    )
    assert not torch.equal(rng.normal(*shape), rng.normal(*shape))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_tables_are_what_sums_of_two_need(dtype: torch.dtype) -> None:
    normal, uniform = noise_table.numbers("normal", dtype), noise_table.numbers("uniform", dtype)
    assert normal.shape == uniform.shape == (noise_table.TABLE,)
    assert float(normal.double().mean()) == pytest.approx(0, abs=1e-8)
    assert float(normal.double().square().mean()) == pytest.approx(0.5, rel=1e-7)
    assert 4.8 < float(normal.max()) * 2**0.5 < 6
    assert 0 <= float(uniform.min()) < float(uniform.max()) < 1
    assert torch.equal(uniform, (uniform * 2**24).round() / 2**24)
    drawn = noise_table.fill(
        torch.empty(noise_table.TABLE, dtype=dtype), 7
    )  # longer than a stretch may be
    assert float(drawn.double().square().mean()) == pytest.approx(1, abs=0.01)
    quarter = drawn.view(4, -1).double()
    assert float((torch.corrcoef(quarter) - torch.eye(4, dtype=torch.float64)).abs().max()) < 0.01


@pytest.mark.parametrize("method", [OpenAIES(pairs=6), LowRankES(pairs=6)])
def test_a_hand_moves_what_the_pairs_are_mirrored_about(method: OpenAIES) -> None:
    oracle, theta = points(0)
    state: Any = run(method, oracle, theta, 3)
    before, estimate = state.population.dense(), state.estimate.clone()
    method.set_weight(state, 4, float(estimate[4]) + 2)
    moved = state.population[:] - before
    torch.testing.assert_close(moved[:, 4], torch.full((12,), 2.0), rtol=0, atol=1e-5)
    moved[:, 4] = 0
    assert not moved.any()
    state.population = state.population.dense()  # as a snapshot keeps it
    method.set_weight(state, 4, float(estimate[4]))
    torch.testing.assert_close(state.population[:], before, rtol=0, atol=1e-5)


def test_noise_that_would_be_large_is_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    oracle, theta = points(0)
    kept: Any = run(OpenAIES(pairs=50), oracle, theta, 3)
    assert isinstance(kept.population.noise, DenseNoise)
    monkeypatch.setattr("engine.optimizers.openai_es.KEPT_BYTES", 0)
    state: Any = run(OpenAIES(pairs=50), oracle, theta, 3)
    assert isinstance(state.population.noise, SeededNoise)
    assert memory_of(state) < 12 * theta.nbytes < memory_of(kept)
    again: Any = run(OpenAIES(pairs=50), oracle, theta, 3)
    assert torch.equal(state.estimate, again.estimate)
    factors: Any = run(LowRankES(pairs=50), oracle, theta, 3)
    assert isinstance(factors.population.noise, LowRankNoise)
    assert memory_of(factors) < memory_of(kept) * 2
