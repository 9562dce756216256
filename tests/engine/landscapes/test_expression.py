"""Formulas: read right, differentiated right, and nothing hostile gets through."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import engine.landscapes.expression
from engine.errors import BadInput
from engine.landscapes.expression import ALSO, MAX_NODES, PAIRED, Formula, Misread

X, Y = (
    torch.tensor([0.3, 1.7, -2.2, 0.9], dtype=torch.float64),
    torch.tensor([1.1, -0.4, 0.6, 2.5], dtype=torch.float64),
)

READ: list[tuple[str, Callable[[Tensor, Tensor], Any]]] = [
    ("x^2 + 10*sin(3*y)", lambda x, y: x * x + 10 * torch.sin(3 * y)),
    ("x**2-y**2", lambda x, y: x * x - y * y),
    ("-x^2", lambda x, y: -(x * x)),
    ("(-x)^2", lambda x, y: x * x),
    ("2^3^2*x", lambda x, y: 512 * x),
    ("2^-1 x", lambda x, y: x / 2),
    ("x - y - 1", lambda x, y: (x - y) - 1),
    ("x / y / 2", lambda x, y: (x / y) / 2),
    ("x / 2y", lambda x, y: x / 2 * y),
    ("2x + 3 y", lambda x, y: 2 * x + 3 * y),
    ("xy", lambda x, y: x * y),
    ("2(x+1)(y-1)", lambda x, y: 2 * (x + 1) * (y - 1)),
    ("3sin(x)cos(y)", lambda x, y: 3 * torch.sin(x) * torch.cos(y)),
    ("sin(x)^2", lambda x, y: torch.sin(x) ** 2),
    ("x² + y³ − π", lambda x, y: x**2 + y**3 - math.pi),
    ("2² x", lambda x, y: 4 * x),
    ("X + Y", lambda x, y: x + y),
    ("+-+x", lambda x, y: -x),
    ("|x - |y||", lambda x, y: (x - y.abs()).abs()),
    ("1.5e1*x + .5 + 2.", lambda x, y: 15 * x + 2.5),
    ("e^x + pi*y", lambda x, y: torch.exp(x) + math.pi * y),
    ("2^x", lambda x, y: 2**x),
    (
        "min(x, y, 0.5) + max(x, y)",
        lambda x, y: (
            torch.minimum(torch.minimum(x, y), torch.tensor(0.5).to(x)) + torch.maximum(x, y)
        ),
    ),
    (
        "tanh(x) + atan(y) + cosh(x) + sinh(y)",
        lambda x, y: torch.tanh(x) + torch.atan(y) + torch.cosh(x) + torch.sinh(y),
    ),
    (
        "floor(x) + sign(y) + abs(x) + sqrt(abs(y))",
        lambda x, y: torch.floor(x) + torch.sign(y) + x.abs() + y.abs().sqrt(),
    ),
    ("exp(-x^2-y^2)", lambda x, y: torch.exp(-x * x - y * y)),
    (
        "ln(2 + x^2) + log2(4 + x) + log10(3 + y) + lg(3 + y) + ld(4 + x)",
        lambda x, y: torch.log(2 + x * x) + 2 * torch.log2(4 + x) + 2 * torch.log10(3 + y),
    ),
    (
        "arctan(x) + arcsin(x/9) + arccos(y/9) + asin(x/9)",
        lambda x, y: torch.atan(x) + 2 * torch.asin(x / 9) + torch.acos(y / 9),
    ),
    (
        "arsinh(x) + arctanh(y/9) + arccosh(4 + x)",
        lambda x, y: torch.asinh(x) + torch.atanh(y / 9) + torch.acosh(4 + x),
    ),
    (
        "ceil(x) + ceiling(y) + round(x) + sgn(y)",
        lambda x, y: torch.ceil(x) + torch.ceil(y) + torch.round(x) + torch.sign(y),
    ),
    ("sin^2(x) + cos**3(y)", lambda x, y: torch.sin(x) ** 2 + torch.cos(y) ** 3),
    ("sin²(x) + 2cos²(y)x", lambda x, y: torch.sin(x) ** 2 + 2 * torch.cos(y) ** 2 * x),
    ("-sin^2(x)^2", lambda x, y: -((torch.sin(x) ** 2) ** 2)),
    ("max^2(x, y)", lambda x, y: torch.maximum(x, y) ** 2),
    ("(x)(y) + 2(x+1) + pi x", lambda x, y: x * y + 2 * (x + 1) + math.pi * x),
    ("2log(3+x)", lambda x, y: 2 * torch.log(3 + x)),
    ("2|x|y + |x||y|", lambda x, y: 2 * x.abs() * y + x.abs() * y.abs()),
    ("|x(|y| + 1)|", lambda x, y: (x * (y.abs() + 1)).abs()),
    ("xe^x + ysin(x) + 2ex", lambda x, y: x * torch.exp(x) + y * torch.sin(x) + 2 * math.e * x),
    ("xlog2(5+x) + yatan2(y, x)", lambda x, y: x * torch.log2(5 + x) + y * torch.atan2(y, x)),
    ("xlog(5+x) + 2piy", lambda x, y: x * torch.log(5 + x) + 2 * math.pi * y),
    ("exp(x)y + xexp(y)", lambda x, y: torch.exp(x) * y + x * torch.exp(y)),
    ("x⁵ + y¹⁰ + x⁰", lambda x, y: x**5 + y**10 + 1),
    ("√(x^2 + 1) + 2√4y", lambda x, y: torch.sqrt(x * x + 1) + 4 * y),
    ("x ∗ y", lambda x, y: x * y),
    ("atan2(y, x) + arctan2(y, x)", lambda x, y: 2 * torch.atan2(y, x)),
    (
        "cbrt(x) + mod(y, 2)",
        lambda x, y: x.sign() * x.abs() ** (1 / 3) + torch.remainder(y, y * 0 + 2),
    ),
    ("log(2 + x^2) tan(y)", lambda x, y: torch.log(2 + x * x) * torch.tan(y)),
]


@pytest.mark.parametrize(("text", "expected"), READ, ids=[text for text, _ in READ])
def test_formulas_mean_what_they_say(text: str, expected: Callable[[Tensor, Tensor], Any]) -> None:
    torch.testing.assert_close(Formula.parse(text)(X, Y), expected(X, Y), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "text", ["x^2 + 10*sin(3*y)", "x", "|x| + exp(y) x^3", "min(x, y^2) / 3", "x^y + 1 + x^2"]
)
def test_derivatives_agree_forward_backward_and_with_differences(text: str) -> None:
    formula = Formula.parse(text)
    points = torch.stack([X.abs() + 0.1, Y], 1)

    def height(at: Tensor) -> Tensor:
        return formula(at[..., 0], at[..., 1])

    directions = torch.tensor(
        [[1.0, 0.5], [-0.3, 2.0], [0.7, -1.0], [0.2, 0.1]], dtype=torch.float64
    )
    forward = torch.func.jvp(height, (points,), (directions,))[1]
    backward = (torch.func.vmap(torch.func.grad(height))(points) * directions).sum(1)
    differences = (height(points + 1e-6 * directions) - height(points - 1e-6 * directions)) / 2e-6
    torch.testing.assert_close(forward, backward)
    torch.testing.assert_close(forward, differences, rtol=1e-6, atol=1e-6)


def test_a_square_has_a_slope_at_negative_numbers() -> None:
    x = torch.tensor([-2.0], requires_grad=True)
    (slope,) = torch.autograd.grad(Formula.parse("x^2")(x, x).sum(), x)
    assert slope.item() == -4


REFUSED = [
    ("", "a formula of x and y"),
    ("   ", "a formula of x and y"),
    ("3", "with x or y in it"),
    ("pi*e", "with x or y in it"),
    ("x +", "a number, x, y, a function or an opening bracket, at character 4"),
    ("x 2", "an operator, such as + or *, before 2, at character 3"),
    ("(x", "a closing ) for the ( opened at 1, at character 3"),
    ("x)", "an opening bracket before this closing one, at character 2"),
    ("|x", "a closing | for the | opened at 1, at character 3"),
    ("sin x", "an opening bracket after sin, as in sin(x), at character 5"),
    ("sin(x, y)", "one value in sin"),
    ("max(x)", "two or more values in max"),
    ("x + foo(y)", "at character 5"),
    ("1e999*x", "numbers up to 1,000,000, at character 1"),
    ("10000000*x", "numbers up to 1,000,000, at character 1"),
    ("x^1000", "an exponent from −30 to 30, at character 3"),
    ("x^(9^9)", "an exponent from −30 to 30, at character 3"),
    ("9^9^9^9^9*x", "an exponent from −30 to 30"),
    ("x^(1/0)", "an exponent from −30 to 30"),
    ("x^(0/0)", "an exponent from −30 to 30"),
    ("x = 3", "at character 3"),
    ("x % 2", "at character 3"),
    ("x // 2", "a number, x, y, a function or an opening bracket, at character 4"),
    ("x < y", "at character 3"),
    ("x if y else 1", "at character 3"),
    ("[x]", "at character 1"),
    ("{x}", "at character 1"),
    ("'x'", "at character 1"),
    ("x; y", "at character 2"),
    ("x\x00y", "at character 2"),
    ("x.real", "at character 2"),
    ("x.__class__", "at character 2"),
    ("__import__('os')", "at character 1"),
    ("().__class__.__bases__", "at character 3"),
    ("lambda: x", "at character 7"),
    ("lambda x: x", "at character 9"),
    ("eval(x)", "at character 1"),
    ("exec(x)", "at character 1"),
    ("open(x)", "at character 1"),
    ("x.backward()", "at character 2"),
    ("print(x)", "at character 1"),
    ("𝐱 + y", "at character 1"),
    ("ｘ + y", "at character 1"),
    ("x + é", "at character 5"),
    ("x + ٣", "at character 5"),
    ("x\u202ey", "at character 2"),
    ("ſin(x)", "at character 1"),
    ("(" * 10_000 + "x" + ")" * 10_000, "at most 200 characters"),
    ("(" * 90 + "x" + ")" * 90, "at most 40 brackets inside each other"),
    ("|" * 190 + "x", "at most 40 brackets inside each other"),
    ("x" + "^x" * 90, "at most 40 powers of powers"),
    ("sin(" * 45 + "x", "at most 40 brackets inside each other"),
    ("x" + "+1" * 99, f"at most {MAX_NODES} numbers and operations"),
    ("x" * 200, f"at most {MAX_NODES} numbers and operations"),
]


@pytest.mark.parametrize(("text", "allowed"), REFUSED, ids=[repr(text[:24]) for text, _ in REFUSED])
def test_what_cannot_be_read_is_refused_in_one_line_that_says_where(
    text: str, allowed: str
) -> None:
    with pytest.raises(BadInput) as refusal:
        Formula.parse(text)
    message = str(refusal.value)
    assert message.startswith("formula: ")
    assert allowed in message
    assert "\n" not in message
    assert len(message) < 300


def test_nothing_is_ever_evaluated_as_code() -> None:
    tree = ast.parse(Path(engine.landscapes.expression.__file__).read_text("utf-8"))
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not called & {
        "eval",
        "exec",
        "compile",
        "__import__",
        "getattr",
        "open",
        "globals",
        "locals",
        "vars",
    }
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imported == {"math", "re", "torch"}


def test_values_that_do_not_exist_are_not_errors() -> None:
    values = Formula.parse("log(x) + 1/y")(torch.tensor([-1.0, 1.0]), torch.tensor([1.0, 0.0]))
    assert math.isnan(values[0])
    assert math.isinf(values[1])


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("2(x)3", 5, "*"),
        ("x 3", 3, "*"),
        ("(x+1) 2", 7, "*"),
        ("sin(x)2", 7, "*"),
        ("xy2", 3, "*"),
        ("sin^-1(x)", 5, "asin(x), or 1/sin(x)"),
        ("sin^y(x)", 5, "whole number"),
        ("sin^2.5(x)", 5, "whole number"),
        ("sin^99(x)", 5, "whole number"),
        ("sin^2 x", 7, "opening bracket"),
        ("ln x", 4, "opening bracket after log"),
        ("x + lnx", 7, "opening bracket after log"),
        ("x + yes", 5, "numbers, x, y"),
        ("√x^2", 3, "what is under the root"),
        ("atan2(x, y, 1)", 1, "two values in atan2"),
        ("|x|2", 4, "an operator"),
        ("x + $y", 5, "numbers, x, y"),
    ],
)
def test_a_refusal_names_the_place_and_a_way_out(text: str, place: int, told: str) -> None:
    with pytest.raises(BadInput) as refused:
        Formula.parse(text)
    assert isinstance(refused.value, Misread)
    assert refused.value.place == place
    assert told in refused.value.allowed


def test_other_names_change_no_value() -> None:
    for other, name in ALSO.items():
        if name in PAIRED:
            continue
        inside = "3 + x/9" if name.startswith(("acosh", "log")) else "x/9"
        assert torch.equal(
            Formula.parse(f"{other}({inside})")(X, Y), Formula.parse(f"{name}({inside})")(X, Y)
        ), other
