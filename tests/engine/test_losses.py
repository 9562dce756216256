"""Losses against torch's own, for classes and for numbers."""

import math

import pytest
import torch
from torch.nn import functional

from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.kernels.losses import values
from engine.losses import LOSSES, accuracy, wanted

OUTPUTS = torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
CLASSES = torch.randint(4, (7,), generator=torch.Generator().manual_seed(2))
NUMBERS = torch.randn(7, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("cross-entropy", lambda g: functional.cross_entropy(g, CLASSES)),
        (
            "squared-error",
            lambda g: 2 * functional.mse_loss(g, functional.one_hot(CLASSES, 4).double()),
        ),
        (
            "absolute-error",
            lambda g: 4 * functional.l1_loss(g, functional.one_hot(CLASSES, 4).double()),
        ),
        (
            "hinge",
            lambda g: torch.stack(
                [
                    max(0 * row[0], *(1 + row[k] - row[c] for k in range(4) if k != c))
                    for row, c in zip(g, CLASSES, strict=True)
                ]
            ).mean(),
        ),
        (
            "margin",
            lambda g: torch.stack(
                [
                    max(0 * row[0], *(16 + row[k] - row[c] for k in range(4) if k != c))
                    for row, c in zip(g, CLASSES, strict=True)
                ]
            ).mean(),
        ),
        ("zero-one", lambda g: (g.argmax(-1) != CLASSES).double().mean()),
    ],
)
def test_values_are_torchs(name: str, theirs: object) -> None:
    expected = torch.stack([theirs(member) for member in OUTPUTS])  # type: ignore[operator]
    torch.testing.assert_close(
        LOSSES[name].values(OUTPUTS, CLASSES), expected, rtol=1e-14, atol=1e-14
    )


@pytest.mark.parametrize(
    ("name", "targets"),
    [(name, CLASSES) for name in LOSSES]
    + [(name, NUMBERS) for name, loss in LOSSES.items() if loss.numbers],
)
def test_the_derivative_is_autograds(name: str, targets: torch.Tensor) -> None:
    loss = LOSSES[name]
    at = (OUTPUTS if targets is CLASSES else OUTPUTS[:, :, :1]).clone().requires_grad_()
    (expected,) = torch.autograd.grad(loss.values(at, targets).sum() * len(targets), at)
    torch.testing.assert_close(
        loss.derivative(at.detach(), targets), expected, rtol=1e-13, atol=1e-13
    )


def test_numbers_are_met_as_they_are_and_never_simply_right() -> None:
    one = OUTPUTS[:, :, :1]
    torch.testing.assert_close(
        LOSSES["squared-error"].values(one, NUMBERS), ((one[..., 0] - NUMBERS) ** 2).mean(1) / 2
    )
    assert wanted(one, NUMBERS).shape == (7, 1)
    assert bool(accuracy(one, NUMBERS).isnan().all())
    torch.testing.assert_close(
        accuracy(OUTPUTS, CLASSES), (1 - LOSSES["zero-one"].values(OUTPUTS, CLASSES)).float()
    )


def test_with_two_classes_the_hinge_is_a_support_vector_machines() -> None:
    outputs, classes = OUTPUTS[:, :, :2], CLASSES % 2
    signed = (outputs[..., 1] - outputs[..., 0]) * (2 * classes - 1)
    torch.testing.assert_close(
        LOSSES["hinge"].values(outputs, classes),
        (1 - signed).clamp(min=0).mean(1),
        rtol=1e-14,
        atol=1e-14,
    )


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
    with pytest.raises(
        BadInput,
        match=(
            r"^loss: 'zero-one' is not allowed; expected one for numbers on step: squared-error, "
            r"absolute-error$"
        ),
    ):
        Experiment.parse({"dataset": "step", "loss": "zero-one"})


def logits(classes: int, size: float, lead: float) -> torch.Tensor:
    """(64, 1, K) float32 outputs, one member a row, of which the target's, class 1, is so far above
    the others on average.
    """
    outputs = size * torch.randn(64, 1, classes, generator=torch.Generator().manual_seed(classes))
    outputs[:, :, 1] += lead
    return outputs


LOGITS = [
    (classes, size, lead)
    for classes in (2, 3, 10)
    for size in (1e-3, 1, 20)
    for lead in (-3e4, -80, -3, 0, 1e-3, 3, 17, 25, 60)
]
RIGHT = torch.tensor([1])


@pytest.mark.parametrize(("classes", "size", "lead"), LOGITS)
def test_cross_entropy_in_single_precision_has_the_digits_of_double(
    classes: int, size: float, lead: float
) -> None:
    outputs = logits(classes, size, lead)
    exact = functional.cross_entropy(outputs[:, 0].double(), RIGHT.expand(64), reduction="none")
    others = (outputs[:, 0].double() - outputs[:, 0, 1:2].double())[
        :, [k for k in range(classes) if k != 1]
    ]
    exact = torch.where(
        exact > 1, exact, others.exp().sum(1).log1p()
    )  # in double, too, log-softmax rounds at 1e-16
    kept = exact > 1e-37  # below float32's normal numbers
    for path, found in (
        ("as the oracle's gradients ask", LOSSES["cross-entropy"].values(outputs, RIGHT)),
        (
            "as the evaluator asks",
            values(LOSSES["cross-entropy"], outputs.transpose(1, 2).contiguous(), RIGHT),
        ),
    ):
        torch.testing.assert_close(
            found.double()[kept],
            exact[kept],
            rtol=2e-5,
            atol=0,
            msg=path,
        )
        assert bool((found[kept] > 0).all())


@pytest.mark.parametrize(("classes", "size", "lead"), LOGITS)
def test_the_slope_of_cross_entropy_in_single_precision_has_the_digits_of_double(
    classes: int, size: float, lead: float
) -> None:
    outputs = logits(classes, size, lead)
    rows = outputs[:, 0].double()
    rest = [k for k in range(classes) if k != 1]
    exact = rows.softmax(1)
    exact[:, 1] = -exact[:, rest].sum(1)  # p_y − 1 without the difference
    at = outputs.clone().requires_grad_()
    (slope,) = torch.autograd.grad(LOSSES["cross-entropy"].values(at, RIGHT).sum(), at)
    kept = exact.abs() > 1e-37
    for found in (slope[:, 0], LOSSES["cross-entropy"].derivative(outputs, RIGHT)[:, 0]):
        torch.testing.assert_close(found.double()[kept], exact[kept], rtol=2e-5, atol=0)


def test_a_cross_entropy_of_a_billionth_is_told_from_none() -> None:
    for margin in (20.0, 40.0, 80.0):
        outputs = torch.tensor([[[margin, 0.0]]])
        assert float(LOSSES["cross-entropy"].values(outputs, torch.tensor([0]))) == pytest.approx(
            math.exp(-margin), rel=1e-5
        )
        assert float(
            values(LOSSES["cross-entropy"], outputs.transpose(1, 2).contiguous(), torch.tensor([0]))
        ) == pytest.approx(math.exp(-margin), rel=1e-5)


def test_the_slope_along_a_direction_has_the_digits_of_double() -> None:
    outputs, direction = logits(10, 1.0, 25.0), torch.ones(64, 1, 10).cumsum(2)
    exact = functional.softmax(outputs[:, 0].double(), 1)
    exact[:, 1] = 0
    exact = (exact * (direction[:, 0] - 2).double()).sum(1)  # the target's own direction is 2
    slope = torch.func.jvp(
        lambda at: LOSSES["cross-entropy"].values(at, RIGHT), (outputs,), (direction,)
    )[1]
    torch.testing.assert_close(slope.double(), exact, rtol=2e-5, atol=0)
