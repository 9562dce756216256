"""Landscapes: functions of two variables, to watch a method on before using it on a network.

Each is (P, 2) → (P,), differentiable by autograd where the function is, and drawn on a rectangle
with its known minima.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from .expression import Formula

Extent = tuple[float, float, float, float]
"""x from, x to, y from, y to."""
Height = Callable[[Tensor, Tensor], Tensor]
"""Takes x and y, both of one shape, and returns the function values."""

SCAN_SIDE = 161
SCAN_ZOOMS = 10


@dataclass(frozen=True)
class Landscape:
    """A function of two variables and the rectangle on which it is drawn.

    Attributes:
        height: (x, y) → function value.
        extent: the rectangle that is drawn.
        start: a good starting point.
        minima: the global minima, if they are known.
        lowest: the value there; None if it is unknown.
        flops: operations in one evaluation, about.
    """

    name: str
    label: str
    about: str
    height: Height
    extent: Extent
    start: tuple[float, float]
    minima: tuple[tuple[float, float], ...] = ()
    lowest: float | None = None
    flops: int = 20

    def __call__(self, points: Tensor) -> Tensor:
        """Return the function values at points: (…, 2) → (…)."""
        return self.height(points[..., 0], points[..., 1])

    @property
    def size(self) -> tuple[float, float]:
        """Return width and height of the rectangle."""
        x0, x1, y0, y1 = self.extent
        return x1 - x0, y1 - y0

    @torch.no_grad()
    def grid(
        self, side: int, extent: Extent | None = None, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """Return the function values on a grid of the rectangle, or of another: (side, side), rows
        are y, row 0 at the low end.
        """
        x0, x1, y0, y1 = extent or self.extent
        ys, xs = torch.meshgrid(
            torch.linspace(y0, y1, side, dtype=dtype),
            torch.linspace(x0, x1, side, dtype=dtype),
            indexing="ij",
        )
        return self.height(xs, ys)

    @cached_property
    def partial(self) -> bool:
        """Return whether the function is undefined in parts of the rectangle, as √x left of 0."""
        return bool(torch.isnan(self.grid(SCAN_SIDE)).any())

    @cached_property
    def rise(self) -> float:
        """Return the typical height of the landscape above its minimum: the median over the
        rectangle.
        """
        heights = self.grid(SCAN_SIDE, dtype=torch.float64)
        heights = heights[torch.isfinite(heights)]
        return float(heights.median() - heights.min()) if len(heights) else 0.0

    @cached_property
    def stiffness(self) -> float:
        """Return the typical curvature: the median size of the second derivatives over the
        rectangle. Sets a gradient step that does not overshoot.
        """
        x0, x1, y0, y1 = self.extent
        # Between the lines of a grid: many functions have a kink on their axes.
        xs, ys = (
            torch.linspace(a, b, 34, dtype=torch.float64)[1:-1] + 0.00917 * (b - a)
            for a, b in ((x0, x1), (y0, y1))
        )
        points = torch.cartesian_prod(xs, ys).requires_grad_()
        (slope,) = torch.autograd.grad(self(points).sum(), points, create_graph=True)
        if not slope.requires_grad:  # a plane, or a step function
            return 0.0
        rows = [
            torch.autograd.grad(slope[:, i].sum(), points, retain_graph=True, allow_unused=True)[0]
            for i in range(2)
        ]
        bend = (
            torch.stack([torch.zeros_like(points) if row is None else row for row in rows])
            .square()
            .sum((0, 2))
            .sqrt()
        )
        bend = bend[torch.isfinite(bend)]
        return float(bend.median()) if len(bend) else 0.0


FUNCTIONS: dict[str, Landscape] = {}


def _landscape(
    name: str,
    label: str,
    about: str,
    extent: Extent,
    start: tuple[float, float],
    minima: tuple[tuple[float, float], ...],
    lowest: float,
    flops: int,
) -> Callable[[Height], Height]:
    def add(height: Height) -> Height:
        FUNCTIONS[name] = Landscape(
            name, label, about, height, extent, start, minima, lowest, flops
        )
        return height

    return add


def _square(half: float) -> Extent:
    return -half, half, -half, half


@_landscape(
    "sphere",
    "Sphere",
    "A round bowl: a method that fails here is broken.",
    _square(5),
    (-3.6, 2.8),
    ((0, 0),),
    0,
    3,
)
def sphere(x: Tensor, y: Tensor) -> Tensor:
    """Return x² + y²."""
    return x**2 + y**2


@_landscape(
    "ellipsoid",
    "Ellipsoid",
    "A narrow bowl, rotated by 30° and a hundred times steeper across than along.",
    _square(5),
    (-3.6, 2.4),
    ((0, 0),),
    0,
    9,
)
def ellipsoid(x: Tensor, y: Tensor) -> Tensor:
    """Return u² + 100 v² in axes u, v rotated by 30°."""
    cosine, sine = math.cos(math.pi / 6), math.sin(math.pi / 6)
    return (cosine * x + sine * y) ** 2 + 100 * (cosine * y - sine * x) ** 2


@_landscape(
    "rosenbrock",
    "Rosenbrock",
    "A banana-shaped valley: easy to fall into, slow to walk along (Rosenbrock 1960).",
    (-2, 2, -1, 3),
    (-1.2, 1.0),
    ((1, 1),),
    0,
    8,
)
def rosenbrock(x: Tensor, y: Tensor) -> Tensor:
    """Return (1 − x)² + 100 (y − x²)²."""
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


@_landscape(
    "beale",
    "Beale",
    "A flat basin between steep cliffs in the corners (Beale 1958).",
    _square(4.5),
    (-1.6, -1.4),
    ((3, 0.5),),
    0,
    16,
)
def beale(x: Tensor, y: Tensor) -> Tensor:
    """Return (1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)²."""
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


@_landscape(
    "himmelblau",
    "Himmelblau",
    "Four valleys, equally deep; which one is found depends on the first steps (Himmelblau 1972).",
    _square(5),
    (-0.27, -0.92),
    (
        (3, 2),
        (-2.805118086952745, 3.131312518250573),
        (-3.779310253377747, -3.283185991286170),
        (3.584428340330492, -1.848126526964404),
    ),
    0,
    10,
)
def himmelblau(x: Tensor, y: Tensor) -> Tensor:
    """Return (x² + y − 11)² + (x + y² − 7)²."""
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


@_landscape(
    "camel",
    "Six-hump camel",
    "Six valleys, two of them lowest (Dixon and Szegő 1978).",
    (-2.2, 2.2, -1.2, 1.2),
    (-1.65, 0.95),
    ((0.08984201368301331, -0.7126564032704135), (-0.08984201368301331, 0.7126564032704135)),
    -1.0316284534898774,
    16,
)
def camel(x: Tensor, y: Tensor) -> Tensor:
    """Return (4 − 2.1x² + x⁴/3) x² + xy + (4y² − 4) y²."""
    return (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + (4 * y**2 - 4) * y**2


@_landscape(
    "rastrigin",
    "Rastrigin",
    "A bowl full of dimples: slopes lead into the nearest one (Rastrigin 1974).",
    _square(5.12),
    (-3.6, 3.3),
    ((0, 0),),
    0,
    40,
)
def rastrigin(x: Tensor, y: Tensor) -> Tensor:
    """Return 20 + x² − 10 cos 2πx + y² − 10 cos 2πy."""
    return 20 + x**2 - 10 * torch.cos(2 * math.pi * x) + y**2 - 10 * torch.cos(2 * math.pi * y)


@_landscape(
    "ackley",
    "Ackley",
    "A nearly flat, rippled plain with one deep funnel in its middle (Ackley 1987).",
    _square(5),
    (-3.6, 3.2),
    ((0, 0),),
    0,
    60,
)
def ackley(x: Tensor, y: Tensor) -> Tensor:
    """Return 20 + e − 20 exp(−0.2 √(½(x² + y²))) − exp(½(cos 2πx + cos 2πy))."""
    ripples = torch.exp(0.5 * (torch.cos(2 * math.pi * x) + torch.cos(2 * math.pi * y)))
    return 20 + math.e - 20 * torch.exp(-0.2 * torch.sqrt(0.5 * (x**2 + y**2))) - ripples


@_landscape(
    "griewank",
    "Griewank",
    "Gentle waves over a very wide bowl (Griewank 1981).",
    _square(12),
    (-8.2, 8.6),
    ((0, 0),),
    0,
    30,
)
def griewank(x: Tensor, y: Tensor) -> Tensor:
    """Return 1 + (x² + y²)/4000 − cos x · cos(y/√2)."""
    return 1 + (x**2 + y**2) / 4000 - torch.cos(x) * torch.cos(y / math.sqrt(2))


@_landscape(
    "schwefel",
    "Schwefel",
    (
        "The deepest valley lies far out, the second deepest at the other end; beyond ±500 a "
        "wall rises (Schwefel 1981)."
    ),
    _square(500),
    (-230.0, 60.0),
    ((420.9687463599821, 420.9687463599821),),
    0,
    50,
)
def schwefel(x: Tensor, y: Tensor) -> Tensor:
    """Return 837.96577… − x sin √|x| − y sin √|y|, and a wall where it would continue to decrease
    outside its square.
    """

    def one(at: Tensor) -> Tensor:
        inside = at.clamp(-500, 500)
        # The tiny number keeps the derivative finite at 0, where that of √|x| is not.
        return (
            418.9828872724339
            - inside * torch.sin(torch.sqrt(inside.abs() + 1e-12))
            + 0.02 * (at - inside) ** 2
        )

    return one(x) + one(y)


@_landscape(
    "stairs",
    "Stairs",
    "A bowl cut into steps: the gradient is zero everywhere.",
    _square(5),
    (-3.6, 2.8),
    ((0, 0),),
    0,
    5,
)
def stairs(x: Tensor, y: Tensor) -> Tensor:
    """Return ⌊|x| + ½⌋² + ⌊|y| + ½⌋² (a step function in the manner of De Jong 1975)."""
    return torch.floor(x.abs() + 0.5) ** 2 + torch.floor(y.abs() + 0.5) ** 2


@lru_cache(maxsize=64)
def typed(formula: str, reach: float) -> Landscape:
    """Return the landscape of a formula on the square from −``reach`` to ``reach``.

    Its minimum is searched on a fine grid, and again on finer and finer ones around it; it counts
    as known if it is inside the square.

    Raises:
        BadInput: the formula cannot be parsed, or has no finite value on the square.
    """
    parsed = Formula.parse(formula)
    bare = Landscape(
        "formula",
        parsed.text,
        "Your own formula.",
        parsed,
        _square(reach),
        (-0.72 * reach, 0.56 * reach),
        flops=parsed.size,
    )
    known = torch.isfinite(bare.grid(SCAN_SIDE))  # in single precision, as lanes use it
    if not bool(known.any()):
        raise parsed.refuse(f"a formula with a value somewhere in the square of ±{reach:g}")
    start = bare.start
    if not math.isfinite(float(bare(torch.tensor(start)))):
        start = _nearest(known, bare.extent, start)
    lowest, place = _deepest(bare)
    return Landscape(
        bare.name,
        bare.label,
        bare.about,
        parsed,
        bare.extent,
        start,
        () if place is None else (place,),
        lowest,
        bare.flops,
    )


def _nearest(known: Tensor, extent: Extent, wanted: tuple[float, float]) -> tuple[float, float]:
    """Return the grid point nearest to a given one among those where the function is defined."""
    x0, x1, y0, y1 = extent
    rows, columns = known.nonzero(as_tuple=True)
    last = len(known) - 1
    xs, ys = x0 + columns.double() * (x1 - x0) / last, y0 + rows.double() * (y1 - y0) / last
    best = int(((xs - wanted[0]) ** 2 + (ys - wanted[1]) ** 2).argmin())
    return float(xs[best]), float(ys[best])


def _deepest(landscape: Landscape) -> tuple[float | None, tuple[float, float] | None]:
    """Return the minimum and its position by repeated zooming, or None twice if it is on the edge:
    there the function continues to decrease.
    """
    extent, last = landscape.extent, SCAN_SIDE - 1
    lowest, place = math.inf, (0.0, 0.0)
    for zoom in range(SCAN_ZOOMS):
        heights = landscape.grid(SCAN_SIDE, extent, torch.float64).nan_to_num(nan=math.inf)
        index = int(heights.argmin())
        row, column = divmod(index, SCAN_SIDE)
        if zoom == 0 and (row in (0, last) or column in (0, last)):
            return None, None
        x0, x1, y0, y1 = extent
        dx, dy = (x1 - x0) / last, (y1 - y0) / last
        x, y = x0 + column * dx, y0 + row * dy
        if float(heights[row, column]) < lowest:
            lowest, place = float(heights[row, column]), (x, y)
        extent = (place[0] - 4 * dx, place[0] + 4 * dx, place[1] - 4 * dy, place[1] + 4 * dy)
    return (lowest, place) if math.isfinite(lowest) else (None, None)
