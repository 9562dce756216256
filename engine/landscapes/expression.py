"""Formulas of x and y, typed by a visitor.

A text is cut into tokens and read by precedence climbing into a tree of torch operations; nothing
in it is ever evaluated as code, and what the grammar below does not name is refused with the place
where it stands. Texts, trees and numbers are bounded.

    sum:      product (("+" | "-") product)*
    product:  signed (("*" | "/") signed | factor)*    2x, 3 sin(x), (x+1)(y-1); the number first
    signed:   ("+" | "-")* power
    power:    factor (("^" | "**") signed)?                  −x^2 is −(x²), 2^3^2 is 2^(3²)
    factor:   number | "x" | "y" | "pi" | "e" | function power? "(" sum ("," sum)* ")"
              | "(" sum ")" | "|" sum "|"
    power of a function: ("^" | "**") whole number           sin^2(x) is (sin x)²
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import BadInput

MAX_TEXT, MAX_NODES, MAX_DEPTH = 200, 120, 40
MAX_NUMBER, MAX_EXPONENT = 1e6, 30.0

Node = Callable[[Tensor, Tensor], Tensor]

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "asin": torch.asin,
    "acos": torch.acos,
    "atan": torch.atan,
    "sinh": torch.sinh,
    "cosh": torch.cosh,
    "tanh": torch.tanh,
    "asinh": torch.asinh,
    "acosh": torch.acosh,
    "atanh": torch.atanh,
    "exp": torch.exp,
    "log": torch.log,
    "log2": torch.log2,
    "log10": torch.log10,
    "sqrt": torch.sqrt,
    "cbrt": lambda x: torch.sign(x) * torch.abs(x).pow(1 / 3),
    "abs": torch.abs,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "round": torch.round,
    "sign": torch.sign,
}
ALSO = {"ln": "log", "lg": "log10", "ld": "log2", "ceiling": "ceil", "sgn": "sign", "tg": "tan"} | {
    f"{prefix}{name}": f"a{name}"
    for name in ("sin", "cos", "tan", "tan2", "sinh", "cosh", "tanh")
    for prefix in ("arc", "ar")
}
"""Alternative names of functions."""
PAIRED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "min": torch.minimum,
    "max": torch.maximum,
    "atan2": torch.atan2,
    "mod": torch.remainder,
}
EXACTLY_TWO = ("atan2", "mod")
"""Functions of two values and not of more."""
CONSTANTS = {"pi": math.pi, "e": math.e}
ALLOWED = f"numbers, x, y, pi, e, + - * / ^, brackets and {', '.join([*FUNCTIONS, *PAIRED])}"

_SPELLINGS = str.maketrans("−–×·⋅∗÷", "--****/")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)|(?P<name>[a-z]*?(?:log2|log10|(?:a|arc?)tan2)(?![a-z0-9])|[a-z]+|π)|(?P<sign>\*\*|[-+*/^(),|√])|(?P<raised>[⁰¹²³⁴⁵⁶⁷⁸⁹]+))",
    re.ASCII | re.IGNORECASE,
)
_KNOWN = [*FUNCTIONS, *PAIRED, *ALSO, *CONSTANTS, "x", "y"]
_WORDS = re.compile("|".join(sorted(_KNOWN, key=len, reverse=True)))
"""A name that a formula may have, the longest first."""


@dataclass(frozen=True)
class Token:
    """A piece of the text: its kind ("number", "name", "sign" or "end"), its text, and the
    character at which it begins, from 1.
    """

    kind: str
    text: str
    place: int


@dataclass(frozen=True)
class Formula:
    """A parsed formula.

    Attributes:
        text: as typed.
        tree: computes it.
        size: nodes in the tree.
    """

    text: str
    tree: Node
    size: int

    @classmethod
    def parse(cls, text: str, field: str = "formula") -> Formula:
        """Parse a formula.

        Raises:
            BadInput: it cannot be parsed; gives the position, and what would be allowed there.
        """
        return _Reader(text, field).read()

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Return its value at x and y, both of one shape."""
        return self.tree(x, y)

    def refuse(self, allowed: str) -> BadInput:
        return BadInput("formula", self.text, allowed)


class Misread(BadInput):
    """A formula that cannot be parsed.

    Attributes:
        place: the character, from 1, at which something else was expected; 0 if the message already
            gives it.
        wanted: what was expected there.
    """

    place: int = 0
    wanted: str = ""


def _words(piece: str) -> list[tuple[int, str]]:
    """Return the names that letters in a row are, with their places: xy is x times y, and ysin the
    sine times y. What cannot be cut into names whole is left as it is.
    """
    if piece == "π":
        return [(0, "pi")]
    words, at = [], 0
    while at < len(piece):
        match = _WORDS.match(piece, at)
        if match is None:
            return [(0, piece)]
        words.append((at, match[0]))
        at = match.end()
    return words


class _Reader:
    """A parser for one text."""

    def __init__(self, text: str, field: str) -> None:
        self.text, self.field = text, field
        self.size = self.depth = self.bars = 0
        self.uses_point = False
        if len(text) > MAX_TEXT:
            raise BadInput(field, text, f"at most {MAX_TEXT} characters")
        self.tokens = self._cut(text)
        self.at = 0

    def _cut(self, text: str) -> list[Token]:
        tokens: list[Token] = []
        # One character for one, so that positions stay the same.
        spelled = text.translate(_SPELLINGS)
        place = 0
        while spelled[place:].strip():
            match = _TOKEN.match(spelled, place)
            if match is None:
                raise self._refuse(ALLOWED, len(spelled) - len(spelled[place:].lstrip()) + 1)
            kind, place = str(match.lastgroup), match.end()
            piece, start = match[kind].lower(), match.start(kind) + 1
            if kind == "raised":
                exponent = piece.translate(_RAISED)
                tokens += [Token("sign", "^", start), Token("number", exponent, start)]
            elif kind == "name":
                tokens += [
                    Token("name", ALSO.get(word, word), start + i) for i, word in _words(piece)
                ]
            else:
                tokens.append(Token(kind, piece, start))
        return [*tokens, Token("end", "", len(text) + 1)]

    def read(self) -> Formula:
        if self.tokens[0].kind == "end":
            raise BadInput(self.field, self.text, "a formula of x and y, such as x^2 + 10*sin(3*y)")
        tree = self._sum()
        if self.now.kind != "end":
            raise self._refuse(
                "an operator, such as + or *"
                if self.now.text != ")"
                else "an opening bracket before this closing one",
                self.now.place,
            )
        if not self.uses_point:
            raise BadInput(self.field, self.text, "a formula with x or y in it")
        return Formula(self.text, tree, self.size)

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def _next(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def _take(self, *signs: str) -> str | None:
        """Read the sign at this position if it is one of these; otherwise return None."""
        if self.now.kind == "sign" and self.now.text in signs:
            return self._next().text
        return None

    def _sum(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._refuse(f"at most {MAX_DEPTH} brackets inside each other", self.now.place)
        left = self._product()
        while sign := self._take("+", "-"):
            left = self._node(torch.add if sign == "+" else torch.sub, left, self._product())
        self.depth -= 1
        return left

    def _product(self) -> Node:
        left = self._signed()
        while True:
            if sign := self._take("*", "/"):
                left = self._node(torch.mul if sign == "*" else torch.div, left, self._signed())
            elif self._begins_factor():
                left = self._node(torch.mul, left, self._power())
            elif self.now.kind == "number":
                raise self._refuse(
                    f"an operator, such as + or *, before {self.now.text}", self.now.place
                )
            else:
                return left

    def _begins_factor(self) -> bool:
        """Return whether a factor begins here that needs no sign before it, as in 2x or 3 sin(x).
        A bar does, unless it closes one that is open.
        """
        if self.now.kind == "name":
            return True
        opens = ("(", "√") if self.bars else ("(", "√", "|")
        return self.now.kind == "sign" and self.now.text in opens

    def _signed(self) -> Node:
        negative = False
        while sign := self._take("+", "-"):
            negative ^= sign == "-"
        power = self._power()
        return self._node(torch.neg, power) if negative else power

    def _power(self) -> Node:
        base = self._factor()
        if not self._take("^", "**"):
            return base
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._refuse(f"at most {MAX_DEPTH} powers of powers", self.now.place)
        place = self.now.place
        before = self.uses_point
        self.uses_point = False
        exponent = self._signed()
        varies, self.uses_point = self.uses_point, self.uses_point or before
        self.depth -= 1
        if varies:
            return self._node(torch.pow, base, exponent)
        # A constant exponent as a plain number: then x^2 has a derivative at negative x too.
        nothing = torch.zeros((), dtype=torch.float64)
        value = float(exponent(nothing, nothing))
        if not abs(value) <= MAX_EXPONENT:
            raise self._refuse(f"an exponent from −{MAX_EXPONENT:g} to {MAX_EXPONENT:g}", place)
        return self._node(lambda at: torch.pow(at, value), base)

    def _factor(self) -> Node:
        token = self._next()
        if token.kind == "number":
            value = float(token.text)
            if not abs(value) <= MAX_NUMBER:
                raise self._refuse(f"numbers up to {MAX_NUMBER:,.0f}", token.place)
            return self._constant(value)
        if token.kind == "name":
            return self._named(token)
        if token.text == "(":
            bars, self.bars = self.bars, 0
            inside = self._sum()
            self._close(")", token)
            self.bars = bars
            return inside
        if token.text == "|":
            self.bars += 1
            inside = self._sum()
            self._close("|", token)
            self.bars -= 1
            return self._node(torch.abs, inside)
        if token.text == "√":
            inside = self._factor()
            if self.now.text in ("^", "**"):
                raise self._refuse("brackets that say what is under the root", self.now.place)
            return self._node(torch.sqrt, inside)
        self.at -= 1
        raise self._refuse("a number, x, y, a function or an opening bracket", token.place)

    def _named(self, token: Token) -> Node:
        if token.text in ("x", "y"):
            self.uses_point = True
            return self._count(_x if token.text == "x" else _y)
        if token.text in CONSTANTS:
            return self._constant(CONSTANTS[token.text])
        if token.text not in FUNCTIONS and token.text not in PAIRED:
            raise self._refuse(ALLOWED, token.place)
        power = self._power_of(token)
        bracket = self.now
        if not self._take("("):
            raise self._refuse(
                f"an opening bracket after {token.text}, as in {token.text}(x)", bracket.place
            )
        bars, self.bars = self.bars, 0
        arguments = [self._sum()]
        while self._take(","):
            arguments.append(self._sum())
        self._close(")", bracket)
        self.bars = bars
        if token.text in PAIRED:
            if len(arguments) < 2:
                many = "two values" if token.text in EXACTLY_TWO else "two or more values"
                raise self._refuse(f"{many} in {token.text}, as in {token.text}(x, y)", token.place)
            if token.text in EXACTLY_TWO and len(arguments) > 2:
                raise self._refuse(
                    f"two values in {token.text}, as in {token.text}(x, y)", token.place
                )
            first, *others = arguments
            for other in others:
                first = self._node(PAIRED[token.text], first, other)
            return self._raised(first, power)
        if len(arguments) > 1:
            raise self._refuse(f"one value in {token.text}, as in {token.text}(x)", token.place)
        return self._raised(self._node(FUNCTIONS[token.text], arguments[0]), power)

    def _power_of(self, token: Token) -> float | None:
        """Read a power written between a function and its bracket, as in sin^2(x)."""
        if not self._take("^", "**"):
            return None
        # sin^-1 is the inverse to some and one over the sine to others.
        if self.now.kind == "sign" and self.now.text == "-":
            raise self._refuse(
                f"what is meant: a{token.text}(x), or 1/{token.text}(x)", self.now.place
            )
        number = self.now
        if (
            number.kind != "number"
            or not float(number.text).is_integer()
            or not 1 <= float(number.text) <= MAX_EXPONENT
        ):
            raise self._refuse(
                f"a whole number from 1 to {MAX_EXPONENT:g}, as in {token.text}^2(x)", number.place
            )
        return float(self._next().text)

    def _raised(self, base: Node, power: float | None) -> Node:
        return base if power is None else self._node(lambda at: torch.pow(at, power), base)

    def _close(self, sign: str, opened: Token) -> None:
        if not self._take(sign):
            raise self._refuse(
                f"a closing {sign} for the {opened.text} opened at {opened.place}", self.now.place
            )

    def _constant(self, value: float) -> Node:
        return self._count(lambda x, y: torch.full_like(x, value))

    def _node(self, operation: Callable[..., Tensor], *inputs: Node) -> Node:
        if len(inputs) == 1:
            (only,) = inputs
            return self._count(lambda x, y: operation(only(x, y)))
        left, right = inputs
        return self._count(lambda x, y: operation(left(x, y), right(x, y)))

    def _count(self, node: Node) -> Node:
        self.size += 1
        if self.size > MAX_NODES:
            raise BadInput(self.field, self.text, f"at most {MAX_NODES} numbers and operations")
        return node

    def _refuse(self, allowed: str, place: int) -> BadInput:
        refusal = Misread(self.field, self.text, f"{allowed}, at character {place}")
        refusal.place, refusal.wanted = place, allowed
        return refusal


def _x(x: Tensor, y: Tensor) -> Tensor:
    return x


def _y(x: Tensor, y: Tensor) -> Tensor:
    return y
