"""The oracle answers what torch answers, refuses what is not seen, and charges what it should."""

import pytest
import torch
from torch.func import grad

from engine.datasets.base import Dataset
from engine.losses import LOSSES
from engine.networks import MLP
from engine.oracle import ALLOWED, NotSeen, Oracle, Sees

CLASSES = 3


@pytest.fixture
def data() -> Dataset:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(50, 2, generator=generator, dtype=torch.float64)
    y = torch.randint(CLASSES, (50,), generator=generator)
    return Dataset(x, y, x, y, ("a", "b", "c"), "points")


def oracle_on(data: Dataset, sees: Sees, batch: int = 0, loss: str = "cross-entropy") -> Oracle:
    return Oracle(MLP(hidden=(5,)).build((2,), CLASSES), LOSSES[loss], data, sees, batch, seed=7)


def reference(oracle: Oracle, theta: torch.Tensor) -> torch.Tensor:
    """The mean loss, written with torch's own loss functions."""
    answer = oracle.network.forward(theta.unsqueeze(0), oracle.x)[0]
    if oracle.loss.name == "cross-entropy":
        return torch.nn.functional.cross_entropy(answer, oracle.targets)
    if oracle.loss.name == "absolute-error":
        return CLASSES * torch.nn.functional.l1_loss(
            answer, torch.nn.functional.one_hot(oracle.targets, CLASSES).double()
        )
    if oracle.loss.name == "zero-one":
        return (answer.argmax(1) != oracle.targets).double().mean() + 0 * answer.sum()
    if oracle.loss.name in ("hinge", "margin"):
        margin = 1 if oracle.loss.name == "hinge" else 16
        one_hot = torch.nn.functional.one_hot(oracle.targets, CLASSES).double()
        return torch.relu(
            (answer + margin - 1e9 * one_hot).amax(1) - (answer * one_hot).sum(1)
        ).mean()
    return (
        0.5 * ((answer - torch.nn.functional.one_hot(oracle.targets, CLASSES)) ** 2).sum(1).mean()
    )


@pytest.mark.parametrize("loss", list(LOSSES))
def test_answers_agree_with_torch(data: Dataset, loss: str) -> None:
    generator = torch.Generator().manual_seed(0)
    oracle = oracle_on(data, "gradient", loss=loss)
    population = torch.randn(4, oracle.network.dimension, generator=generator, dtype=torch.float64)
    values, gradients = oracle.gradients(population)
    for row, value, gradient in zip(population, values, gradients, strict=True):
        torch.testing.assert_close(value, reference(oracle, row), rtol=0, atol=1e-12)
        torch.testing.assert_close(
            gradient, grad(lambda at: reference(oracle, at))(row), rtol=0, atol=1e-12
        )
    torch.testing.assert_close(oracle.losses(population), values, rtol=0, atol=1e-12)
    directions = torch.randn(4, oracle.network.dimension, generator=generator, dtype=torch.float64)
    slopes = oracle_on(data, "jvp", loss=loss).jvp(population[0], directions)
    torch.testing.assert_close(slopes, directions @ gradients[0], rtol=0, atol=1e-12)
    jacobian = oracle_on(data, "jacobian", loss=loss).jacobian(population[0])
    # The chain rule: ∇L is the outputs' Jacobian times the loss's derivative with respect to the
    # outputs.
    seen = oracle_on(data, "outputs", loss=loss)
    by_outputs = seen.loss.derivative(seen.outputs(population[:1]), seen.targets).flatten() / len(
        seen.targets
    )
    torch.testing.assert_close(jacobian.T @ by_outputs, gradients[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("sees", list(ALLOWED))
def test_asking_for_more_than_declared_is_an_error_and_costs_nothing(
    data: Dataset, sees: Sees
) -> None:
    oracle = oracle_on(data, sees)
    theta = torch.zeros(oracle.network.dimension, dtype=torch.float64)
    questions = {
        "losses": lambda: oracle.losses(theta.unsqueeze(0)),
        "outputs": lambda: oracle.outputs(theta.unsqueeze(0)),
        "jvp": lambda: oracle.jvp(theta, theta.unsqueeze(0)),
        "gradients": lambda: oracle.gradients(theta.unsqueeze(0)),
        "jacobian": lambda: oracle.jacobian(theta),
    }
    for question, ask in questions.items():
        before = oracle.evaluations
        if question in ALLOWED[sees]:
            ask()
            assert oracle.evaluations > before
        else:
            with pytest.raises(NotSeen, match=question):
                ask()
            assert oracle.evaluations == before


@pytest.mark.parametrize(
    ("sees", "question", "price"),
    [
        ("loss", "losses", 1),
        ("outputs", "outputs", 1),
        ("gradient", "gradients", 3),
        ("jvp", "jvp", 3),
        ("jacobian", "jacobian", 1 + 2 * CLASSES),
    ],
)
@pytest.mark.parametrize("batch", [0, 16])
def test_prices(data: Dataset, sees: Sees, question: str, price: int, batch: int) -> None:
    oracle = oracle_on(data, sees, batch)
    members = 1 if question == "jacobian" else 6
    theta = torch.zeros(members, oracle.network.dimension, dtype=torch.float64)
    {
        "jvp": lambda: oracle.jvp(theta[0], theta),
        "jacobian": lambda: oracle.jacobian(theta[0]),
    }.get(question, lambda: getattr(oracle, question)(theta))()
    assert oracle.evaluations == members * price * (batch or 50)
    # A pass back takes no product for the derivative with respect to the samples.
    saved = (
        {"gradients": 1, "jacobian": CLASSES}.get(question, 0)
        * members
        * (batch or 50)
        * oracle.network.entering
    )
    assert oracle.flops == oracle.evaluations * oracle.network.flops - saved


def test_batches_cover_every_sample_once_an_epoch_and_are_the_same_for_every_lane(
    data: Dataset,
) -> None:
    one, two = oracle_on(data, "loss", 10), oracle_on(data, "gradient", 10)
    rows = []
    for step in range(5):
        one.next_batch(step)
        two.next_batch(step)
        assert torch.equal(one.x, two.x)
        assert one.batch_changed == (step > 0)
        rows.append(one.x)
    assert torch.equal(torch.cat(rows).sort(0).values, data.x_train.sort(0).values)
    first = rows[0].clone()
    one.next_batch(5)
    assert not torch.equal(one.x, first)  # a new epoch, a new order
    one.next_batch(0)
    assert torch.equal(one.x, first)


def test_chunked_equals_unchunked(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = oracle_on(data, "outputs")
    population = torch.randn(
        33,
        oracle.network.dimension,
        generator=torch.Generator().manual_seed(5),
        dtype=torch.float64,
    )
    losses, outputs = oracle.losses(population), oracle.outputs(population)
    monkeypatch.setattr("engine.populations.chunks.CHUNK_FLOATS", {"cpu": 5 * 50 * 4})
    torch.testing.assert_close(oracle.losses(population), losses, rtol=0, atol=1e-12)
    torch.testing.assert_close(oracle.outputs(population), outputs, rtol=0, atol=1e-12)


def test_progress_is_the_share_of_the_budget(data: Dataset) -> None:
    network = MLP(hidden=()).build((2,), CLASSES)
    oracle = Oracle(network, LOSSES["cross-entropy"], data, "loss", budget=("evaluations", 1000))
    assert oracle.progress == 0
    oracle.losses(torch.zeros(4, network.dimension, dtype=torch.float64))
    assert oracle.progress == pytest.approx(0.2)
    for _ in range(9):
        oracle.losses(torch.zeros(4, network.dimension, dtype=torch.float64))
    assert oracle.progress == 1
