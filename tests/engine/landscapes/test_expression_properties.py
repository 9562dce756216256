"""Typed formulas that nobody thought of: they mean what Python says they mean, or are refused."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.landscapes.expression import MAX_TEXT, Formula
from tests.engine.support.properties import few

POINTS = np.array([[-2.5, 0.5], [0.25, -1.5], [1.0, 2.0], [3.5, 0.125], [-0.75, -0.5], [0.0, 0.0]])
NUMPY: dict[str, Any] = {
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos,
    "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh,
    "exp": np.exp, "log": np.log, "log2": np.log2, "log10": np.log10, "sqrt": np.sqrt,
    "abs": np.abs, "floor": np.floor, "ceil": np.ceil, "round": np.round, "sign": np.sign,
}  # fmt: skip
PAIRED: dict[str, Any] = {"min": np.minimum, "max": np.maximum}
NUMBER = re.compile(r"(?<![\w.])(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?")
ATOMS = st.sampled_from(["x", "y", "x", "y", "pi", "e", "2", "0.5", "3.", ".25", "1e-2", "12"])
EXPONENTS = st.sampled_from(["2", "3", "-1", "0.5", "x", "-y", "2 ** 2", "-2 ** 2", "(x + 1)"])


def longer(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Write texts one after the other without brackets, so that precedence decides what they are."""
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(" ".join),
        inner.map(lambda text: f"({text})"),
        st.tuples(st.sampled_from("+-"), inner).map("".join),
        st.tuples(st.sampled_from([*NUMPY]), inner).map(lambda both: f"{both[0]}({both[1]})"),
        st.tuples(st.sampled_from([*PAIRED]), inner, inner).map(
            lambda three: f"{three[0]}({three[1]}, {three[2]})"
        ),
        st.tuples(inner, EXPONENTS).map(lambda both: f"({both[0]}) ** {both[1]}"),
        st.tuples(ATOMS, EXPONENTS).map(" ** ".join),
    )


TEXTS = st.recursive(ATOMS, longer, max_leaves=12).filter(
    lambda text: len(text) < MAX_TEXT - 20 and re.search(r"\b[xy]\b", text) is not None
)
PIECES = st.sampled_from(
    [*"xye+-*/^(),|²·−.", "**", "sin", "log2", "max", "2", "0.5", "1e3", " ", "pi", "π", "xy", "__"]
)


def value(formula: Formula) -> np.ndarray:
    x, y = torch.tensor(POINTS.T, dtype=torch.float64)
    return formula(x, y).expand(len(POINTS)).numpy()


def evaluated(text: str, kind: type[np.floating]) -> np.ndarray:
    """What Python makes of the text, every number in it of that type."""
    x, y = POINTS.T.astype(kind)
    names = {**NUMPY, **PAIRED, "x": x, "y": y, "pi": kind(np.pi), "e": kind(np.e), "N": kind}
    with np.errstate(all="ignore"):
        found = eval(
            NUMBER.sub(lambda match: f"N({match[0]!r})", text), {"__builtins__": {}}, names
        )
    return np.asarray(np.broadcast_to(found, len(POINTS)), dtype=np.float64)


def read(text: str) -> Formula | BadInput:
    """The formula, or why it is none; any other exception is a fault."""
    try:
        return Formula.parse(text, "dataset.formula")
    except BadInput as error:
        return error


def test_formulas_have_the_values_that_python_gives_them() -> None:
    compared = 0

    @few(150)
    @given(TEXTS)
    def check(text: str) -> None:
        nonlocal compared
        expected, rough = evaluated(text, np.float64), evaluated(text, np.float32)
        # Where rounding alone makes another number, as on the edge of a step, nothing is compared.
        steady = np.isclose(rough, expected, rtol=1e-3, atol=1e-3, equal_nan=True)
        found = value(Formula.parse(text))
        agree = np.isclose(found, expected, rtol=1e-9, atol=1e-9, equal_nan=True)
        assert agree[steady].all(), (text, found, expected)
        compared += int((steady & np.isfinite(expected)).sum())

    check()
    assert compared > 400, "of 900 values"


@few(60)
@given(TEXTS, st.data())
def test_another_spelling_is_the_same_formula(text: str, data: st.DataObject) -> None:
    plain = value(Formula.parse(text))
    spellings = [
        text.replace("**", "^"),
        text.replace("-", "−").replace(" * ", "·").replace(" / ", "÷"),
        text.upper(),
        re.sub(r" ([-+*/]) ", r"\1", text),
        re.sub(r"(?<!\*)\* \(", "(", text),
        re.sub(r"\babs\(([xy0-9. ]*)\)", r"|\1|", text),
        f"  {text}  ",
        f"({text})",
    ]
    other = data.draw(st.sampled_from(spellings))
    np.testing.assert_array_equal(value(Formula.parse(other)), plain, err_msg=other)
    assert Formula.parse(other).text == other


@few(100)
@given(st.one_of(st.lists(PIECES, max_size=25).map("".join), st.text(max_size=40)))
def test_what_is_no_formula_is_refused_and_nothing_else_happens(text: str) -> None:
    found = read(text)
    if isinstance(found, Formula):
        assert value(found).shape == (len(POINTS),)
    else:
        assert found.field == "dataset.formula"
        assert "\n" not in str(found)


@few(60)
@given(TEXTS, st.data())
def test_a_formula_with_a_foreign_piece_is_refused(text: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text)))
    piece = data.draw(
        st.sampled_from(["$", "import", "'", '"', "lambda", "=", "__", "z", ";", ")("])
    )
    broken = f"{text[:place]}{piece}{text[place:]}"
    with pytest.raises(BadInput):
        Formula.parse(broken)


@few(30)
@given(st.sampled_from(["(", "|", "-", "sin(", "x^", "2*(", "max(x,"]), st.integers(1, 3000))
def test_however_deep_it_is_it_ends(piece: str, times: int) -> None:
    for text in (piece * times, piece * times + "x" + ")" * times, "x" + piece * times):
        found = read(text)
        if isinstance(found, Formula):
            assert value(found).shape == (len(POINTS),)
        else:
            assert "expected" in str(found)
