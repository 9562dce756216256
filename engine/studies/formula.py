"""Evaluate the small formulas of study files: arithmetic, comparisons and calls of given functions.

Nothing else is possible in them, so a study file from elsewhere is only data.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import BadInput

OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
ALWAYS: dict[str, Any] = {
    "min": min,
    "max": max,
    "abs": abs,
    "round": round,
    "sqrt": math.sqrt,
    "log10": math.log10,
    "isfinite": math.isfinite,
    "true": True,
    "false": False,
}
LONGEST = 2000
LARGEST_POWER = 64


def evaluate(text: str, names: Mapping[str, Any], field: str = "formula") -> Any:
    """Return the value of a formula.

    Args:
        text: such as ``max(1, D // 32)`` or ``slope('bowl', 'spsa').low > 0.9``.
        names: values and functions that it may use, besides `ALWAYS`.
        field: what it is, for messages.

    Raises:
        BadInput: it is not a formula, uses an unknown name, or cannot be computed.
    """
    tree, known = _parsed(text, field), {**ALWAYS, **names}
    try:
        return _value(tree, known)
    except BadInput:
        raise
    except _Unknown as error:
        raise BadInput(field, text, f"{error}; known are {', '.join(sorted(known))}") from None
    except (ArithmeticError, TypeError, ValueError) as error:
        raise BadInput(field, text, f"a formula that can be computed ({error})") from None


def check(text: str, names: Mapping[str, Any], field: str = "formula") -> None:
    """Check that the names and calls of a formula fit, also those that ``and``, ``or`` and chains
    of comparisons would skip.

    Args:
        text: the formula.
        names: as for `evaluate`; the functions may check what they are called with. That their
            values cannot be divided or logarithmised is no fault of the formula.
        field: what it is, for messages.

    Raises:
        BadInput: it is not a formula, uses an unknown name, or calls a function wrongly.
    """
    tree, known = _parsed(text, field), {**ALWAYS, **names}
    parts: list[ast.AST] = [tree]
    for node in ast.walk(tree):
        if isinstance(node, ast.BoolOp):
            parts += node.values
        elif isinstance(node, ast.Compare):
            parts += [node.left, *node.comparators]
    for part in parts:
        try:
            _value(part, known)
        except BadInput:
            raise
        except _Unknown as error:
            raise BadInput(field, text, f"{error}; known are {', '.join(sorted(known))}") from None
        except TypeError as error:
            raise BadInput(field, text, f"a formula that can be computed ({error})") from None
        except (ArithmeticError, ValueError):
            continue


def _parsed(text: str, field: str) -> ast.AST:
    if len(text) > LONGEST:
        raise BadInput(field, text[:60] + "…", f"at most {LONGEST} characters")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise BadInput(field, text, "a formula such as max(1, D // 32)") from None


class _Unknown(Exception):
    """A name or a construction that formulas do not have."""


def _value(node: ast.AST, known: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=int() | float() | str() as value):
            return value
        case ast.Name(id=name):
            if name not in known:
                raise _Unknown(f"no {name}")
            return known[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            a, b = _value(left, known), _value(right, known)
            if isinstance(op, ast.Pow) and abs(b) > LARGEST_POWER:
                raise _Unknown(f"powers up to {LARGEST_POWER}")
            return OPERATORS[type(op)](a, b)
        case ast.UnaryOp(op=op, operand=operand) if type(op) in OPERATORS:
            return OPERATORS[type(op)](_value(operand, known))
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_value(one, known) for one in values)
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(_value(one, known) for one in values)
        case ast.Compare(left=left, ops=ops, comparators=others):
            value = _value(left, known)
            for comparison, other in zip(ops, others, strict=True):
                if type(comparison) not in OPERATORS:
                    raise _Unknown("no such comparison")
                right = _value(other, known)
                if not OPERATORS[type(comparison)](value, right):
                    return False
                value = right
            return True
        case ast.Attribute(value=owner, attr=name) if not name.startswith("_"):
            found = getattr(_value(owner, known), name, None)
            if not isinstance(found, int | float | str):
                raise _Unknown(f"no .{name}")
            return found
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            if name not in known or not callable(known[name]):
                raise _Unknown(f"no function {name}")
            return known[name](
                *(_value(one, known) for one in args),
                **{str(one.arg): _value(one.value, known) for one in keywords},
            )
        case _:
            raise _Unknown(f"no {type(node).__name__.lower()}")
