"""MeZO, memory-efficient zeroth-order SGD (Malladi, Gao, Nichani, Damian, Lee, Chen and Arora,
2023).

https://arxiv.org/abs/2305.17333, algorithm 1 (algorithm 2 with more than one direction). A network
of any size is trained in the memory that running it takes: the weights are moved to θ + εz, to θ −
εz and back in place, and the direction z is never kept but drawn again from the same seed whenever
it is needed.

d = (L(θ + εz) − L(θ − εz)) / (2ε),  z ~ N(0, I),     θ ← θ − η d z
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import Field
from torch import Tensor

from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import OPTIMIZERS, Optimizer, Phase, State
from .common.config_fields import batch_field, learning_rate_field
from .common.estimators import is_regression, slope, step_size_factor
from .common.survivors import usable

PIECE = 65536
"""Weights moved at once: the most numbers of z that are ever alive."""


@dataclass(kw_only=True)
class MeZOState(State):
    """One network, ``estimate`` θ.

    Attributes:
        last: (seed, length) of the last step's moves, by which it is taken back should no loss be a
            number where it led.
    """

    last: list[tuple[Tensor, Tensor]] = field(default_factory=list)


@OPTIMIZERS.add
class MeZO(Optimizer[MeZOState]):
    """Steps along random directions that are drawn again instead of remembered."""

    name = "mezo"
    label = "MeZO"
    family = "Zeroth order"
    sees = "loss"
    paper = "Malladi et al. 2023, https://arxiv.org/abs/2305.17333"
    sentence = (
        "Trains in no more memory than running the network takes, which is why huge language "
        "models are tuned with it; "
        "from scratch it is slow, for one direction a step says little of thousands of weights."
    )
    phases = (
        Phase(
            "Walk",
            (
                "The weights walk to either side along a random direction, of which only the "
                "seed is kept."
            ),
            "asked",
        ),
        Phase(
            "Slope",
            (
                "The difference of the two losses, over the distance between them, is the slope "
                "along it."
            ),
            "answered",
        ),
        Phase(
            "Step",
            (
                "The direction is drawn again from its seed, and the weights move down it by "
                "their slope."
            ),
            "moved",
        ),
    )

    formerly = renamed(rate="learning_rate", radius="epsilon")

    batch: int = batch_field(64)
    learning_rate: float | None = learning_rate_field(
        None,
        "How far a step goes for a gradient of 1 (η); auto is 8 n/(n + D + 1) for n directions and "
        "D weights, at most 1, and for numbers to be met without the 8.",
        lowest=1e-09,
        highest=1000,
    )
    epsilon: float = Field(
        0.001,
        ge=1e-6,
        le=10,
        description=(
            "How far a step looks to either side, in every weight alike (ε); too small drowns in "
            "rounding."
        ),
        json_schema_extra={"label": "Perturbation ε", "live": True, "scale": "log"},
    )
    directions: int = Field(
        1,
        ge=1,
        le=1024,
        description=(
            "Random directions averaged in one step, one after the other in the same memory (n): "
            "more of them, less noise, fewer steps."
        ),
        json_schema_extra={"live": True, "scale": "log"},
    )

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> MeZOState:
        return MeZOState(theta.clone())

    def step(self, state: MeZOState, rng: Rng, oracle: Oracle) -> MeZOState:
        theta, eps = state.estimate, self.epsilon
        seeds, slopes = [], []
        # One direction after the other on purpose: judged side by side they would need n copies of
        # the network, which is what MeZO is there to avoid.
        for number in range(self.directions):
            if number and oracle.progress >= 1:  # the budget ends here, not when the directions do
                break
            seed = rng.generator.get_state()
            plus = self.walk(theta, eps, seed, rng, oracle)
            minus = self.walk(theta, -2 * eps, seed, rng, oracle)
            move(theta, eps, seed, rng)
            seeds.append(seed)
            slopes.append(slope(plus, minus, eps, theta, oracle))
        told = [bool(usable(d)) for d in slopes]
        eta = self.learning_rate or step_size_factor(
            len(slopes), theta.numel(), is_regression(oracle)
        )
        eta *= state.pace
        known = [(seed, d) for seed, d, tells in zip(seeds, slopes, told, strict=True) if tells]
        moves = [(seed, length(d, eta, len(known))) for seed, d in known]
        if not moves and state.last:  # no loss is finite where the last step led
            for seed, along in state.last:
                move(theta, -along, seed, rng)
            state.undo()
        elif moves:
            state.keep()
        for seed, along in moves:
            move(theta, along, seed, rng)
        state.last = moves
        return state

    def shift_memory(self, state: MeZOState, index: int, difference: float) -> None:
        """Forget the way back: there is none from weights that the visitor set."""
        state.last = []

    def before(self, state: MeZOState) -> Tensor | None:
        if not isinstance(state, MeZOState) or not state.last:
            return None
        theta = state.estimate.clone()
        rng = Rng(0, "before", theta.device, theta.dtype)  # the seeds say which numbers
        for seed, along in state.last:
            move(theta, -along, seed, rng)
        return theta

    def way_back(self, state: MeZOState) -> bool:
        return isinstance(state, MeZOState) and bool(state.last)

    @staticmethod
    def walk(theta: Tensor, length: float, seed: Tensor, rng: Rng, oracle: Oracle) -> Tensor:
        """Move θ (D,) in place and evaluate the loss there: (1,)."""
        move(theta, length, seed, rng)
        return oracle.losses(theta.unsqueeze(0))


def length(d: Tensor, eta: float, n: int) -> Tensor:
    """Return how far θ moves along one of n directions of slope d, (1,): −η d / n."""
    return d * (-eta / n)  # algorithm 2, its last loop


def move(theta: Tensor, length: float | Tensor, seed: Tensor, rng: Rng) -> None:
    """Move θ ← θ + length·z in place, with the z (D,) that belongs to the seed; leaves the
    generator behind z.
    """
    rng.generator.set_state(seed)
    for piece in theta.split(PIECE):
        piece.add_(rng.normal(len(piece)).to(theta).mul_(length))
