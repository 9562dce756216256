"""Losses against torch's own, for classes and for numbers."""

import pytest
import torch
from torch.nn import functional

from engine.errors import BadInput
from engine.experiment import Experiment
from engine.losses import LOSSES, accuracy, wanted

OUTPUTS = torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
CLASSES = torch.randint(4, (7,), generator=torch.Generator().manual_seed(2))
NUMBERS = torch.randn(7, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("cross-entropy", lambda g: functional.cross_entropy(g, CLASSES)),
        ("squared-error", lambda g: 2 * functional.mse_loss(g, functional.one_hot(CLASSES, 4).double())),
        ("absolute-error", lambda g: 4 * functional.l1_loss(g, functional.one_hot(CLASSES, 4).double())),
        (
            "hinge",
            lambda g: torch.stack([max(0 * row[0], *(1 + row[k] - row[c] for k in range(4) if k != c)) for row, c in zip(g, CLASSES, strict=True)]).mean(),
        ),
        ("zero-one", lambda g: (g.argmax(-1) != CLASSES).double().mean()),
    ],
)
def test_values_are_torchs(name: str, theirs: object) -> None:
    expected = torch.stack([theirs(member) for member in OUTPUTS])  # type: ignore[operator]
    torch.testing.assert_close(LOSSES[name].values(OUTPUTS, CLASSES), expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "targets"),
    [(name, CLASSES) for name in LOSSES] + [(name, NUMBERS) for name, loss in LOSSES.items() if loss.numbers],
)
def test_the_derivative_is_autograds(name: str, targets: torch.Tensor) -> None:
    loss = LOSSES[name]
    at = (OUTPUTS if targets is CLASSES else OUTPUTS[:, :, :1]).clone().requires_grad_()
    (expected,) = torch.autograd.grad(loss.values(at, targets).sum() * len(targets), at)
    torch.testing.assert_close(loss.derivative(at.detach(), targets), expected, rtol=1e-13, atol=1e-13)


def test_numbers_are_met_as_they_are_and_never_simply_right() -> None:
    one = OUTPUTS[:, :, :1]
    torch.testing.assert_close(LOSSES["squared-error"].values(one, NUMBERS), ((one[..., 0] - NUMBERS) ** 2).mean(1) / 2)
    assert wanted(one, NUMBERS).shape == (7, 1)
    assert bool(accuracy(one, NUMBERS).isnan().all())
    torch.testing.assert_close(accuracy(OUTPUTS, CLASSES), (1 - LOSSES["zero-one"].values(OUTPUTS, CLASSES)).float())


def test_with_two_classes_the_hinge_is_a_support_vector_machines() -> None:
    outputs, classes = OUTPUTS[:, :, :2], CLASSES % 2
    signed = (outputs[..., 1] - outputs[..., 0]) * (2 * classes - 1)
    torch.testing.assert_close(LOSSES["hinge"].values(outputs, classes), (1 - signed).clamp(min=0).mean(1), rtol=1e-14, atol=1e-14)


def test_beyond_its_margin_the_hinge_is_flat() -> None:
    sure = 3 * torch.nn.functional.one_hot(CLASSES, 4).double().unsqueeze(0)
    assert float(LOSSES["hinge"].values(sure, CLASSES)) == 0
    assert not LOSSES["hinge"].derivative(sure, CLASSES).any()
    almost = sure / 6  # right, by half a unit
    assert float(LOSSES["hinge"].values(almost, CLASSES)) == 0.5
    assert LOSSES["hinge"].derivative(almost, CLASSES).abs().sum() == 2 * len(CLASSES)


def test_the_loss_nobody_chose_fits_the_data() -> None:
    assert Experiment.parse({"dataset": "sinc"}).loss == "squared-error"
    assert Experiment.parse({"dataset": "iris"}).loss == "cross-entropy"
    assert Experiment.parse({"dataset": "moons", "loss": "zero-one"}).loss == "zero-one"
    with pytest.raises(BadInput, match=r"^loss: 'zero-one' is not allowed; expected one for numbers on step: squared-error, absolute-error$"):
        Experiment.parse({"dataset": "step", "loss": "zero-one"})
