"""The ensemble Kalman filter as an optimizer of networks (Yegenoglu, Krajsek, Diaz Pier and Herty,
2020).

https://doi.org/10.1007/978-3-030-64580-9_7; the filter's form is that of Iglesias, Law and Stuart
(2013, https://doi.org/10.1088/0266-5611/29/4/045001). An ensemble U of J networks is moved by the
samples of a mini-batch one after the other. For sample d, with outputs g_d (K per member) and the
target's one-hot vector y_d:

C_up = (1/J) Σ_j (u_j − ū)(g_dj − ḡ_d)ᵀ,     C_pp = (1/J) Σ_j (g_dj − ḡ_d)(g_dj − ḡ_d)ᵀ
u_j ← u_j + C_up (C_pp + γI)⁻¹ (y_d − g_dj)

Raw outputs are compared with the targets, whatever the loss shown, and are not evaluated again
inside the batch, only between its repeats. The network deployed is the mean ū. The paper's targets
are 1 and 0; softmax of such outputs is nearly flat (with ten classes the cross-entropy cannot fall
below 1.46), so Kelvin's default is higher. On a landscape, which has no target, y lies three
standard deviations of the ensemble's heights below the lowest of them.

Every update pulls the members together, so a small ensemble freezes long before it has learnt: with
18,050 weights, J = 200 and γ = 0.01 the spread fell from 0.097 to 0.002 within 100 updates and
accuracy stopped at 67 %. The paper takes J = 5,000. Watch the spread; more γ, inflation, or noise
on the targets hold against it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from ..errors import NothingLeft
from ..kernels.spread import distance
from ..oracle import Oracle
from ..random.rng import Rng
from ..registry import renamed
from .base import DOUBLE, OPTIMIZERS, Optimizer, Phase, Problem, State
from .common.config_fields import batch_field
from .common.ensemble import (
    COLLAPSED,
    aimed_at,
    collapsed,
    factorised,
    mixed,
    replaced,
)
from .common.first_population import centred_population
from .common.survivors import enough, surviving

TOGETHER = 256
"""Outputs (samples × K) assimilated in one triangular solve: enough to keep the processor busy, few
enough that the system stays small beside the ensemble's own products."""


@dataclass(kw_only=True)
class EnKFState(State):
    """The ensemble: ``population`` holds U (J, D), ``estimate`` its mean, ``losses`` the members'
    losses where the last outputs were taken. Nothing else is carried.
    """

    population: Tensor


@OPTIMIZERS.add
class EnKF(Optimizer[EnKFState]):
    """An ensemble that takes the samples in one by one."""

    name = "enkf"
    label = "Ensemble Kalman filter"
    family = "Kalman"
    sees = "outputs"
    paper = "Yegenoglu et al. 2020, https://doi.org/10.1007/978-3-030-64580-9_7"
    sentence = (
        "Learns from few looks at the data and without a gradient; it fits outputs to fixed "
        "numbers, so its accuracy is better than its cross-entropy, "
        "and an ensemble that is small beside the number of weights freezes before it has learnt."
    )
    phases = (
        Phase(
            "Forecast",
            "Every member of the ensemble computes its outputs on the mini-batch.",
            "asked",
            "here",
        ),
        Phase(
            "Gain",
            (
                "For each sample in turn: how weights vary with its outputs, over how outputs "
                "vary, noise added."
            ),
            "answered",
        ),
        Phase(
            "Update",
            (
                "The gain times its error moves every member, sample after sample; the mean is "
                "the network used."
            ),
            "moved",
        ),
    )

    formerly = renamed(ensemble="population_size", gamma="observation_noise", spread="init_std")

    batch: int = batch_field(64)
    population_size: int = Field(
        256,
        ge=2,
        le=16384,
        description="How many networks make up the ensemble (J).",
        json_schema_extra={"label": "Ensemble", "scale": "log", "unit": "networks"},
    )
    observation_noise: float = Field(
        3.0,
        ge=1e-6,
        le=1e6,
        description=(
            "How little one sample is trusted (γ, the variance of its noise): more of it, "
            "smaller steps and a slower freeze."
        ),
        json_schema_extra={"live": True, "scale": "log", "label": "Observation noise"},
    )
    init_std: float = Field(
        1.0,
        ge=1e-3,
        le=10,
        description=(
            "How far the members stand from the first weights (standard deviation), in units of "
            "each layer's natural size, 1/√inputs."
        ),
        json_schema_extra={"label": "Spread", "scale": "log"},
    )
    inflation: float = Field(
        0.01,
        ge=0,
        le=1,
        description=(
            "Share by which the ensemble is spread about its mean after every update, against "
            "freezing; 0 as published."
        ),
        json_schema_extra={"live": True, "step": 0.005},
    )
    height: float = Field(
        5.0,
        ge=0.1,
        le=100,
        description=(
            "What the right class's output is pulled to, all others to 0. 1 is the published "
            "one-hot target, with which a cross-entropy cannot fall far."
        ),
        json_schema_extra={"live": True, "step": 0.5, "label": "Target height"},
    )
    repeats: int = Field(
        1,
        ge=1,
        le=1000,
        description="Updates with one batch, with new outputs each, before the next batch.",
        json_schema_extra={"live": True, "advanced": True},
    )
    perturb: bool = Field(
        False,
        description=(
            "Give every member its own noisy copy of the targets, as filters of the weather do: "
            "the ensemble keeps its proper spread."
        ),
        json_schema_extra={"live": True, "label": "Perturb targets", "advanced": True},
    )

    def memory_rows(self) -> int:
        return self.population_size + 2

    def footprint(self, problem: Problem) -> int:
        """Add, in double precision, how much of every member each takes on, and the outputs, what
        they lack and their gains.
        """
        outputs = problem.batch_of(self.batch) * problem.outputs
        return super().footprint(problem) + DOUBLE * self.population_size * (
            3 * self.population_size + 4 * outputs
        )

    def init(self, theta: Tensor, rng: Rng, oracle: Oracle) -> EnKFState:
        u = centred_population(theta, self.population_size, self.init_std, rng, oracle)
        return EnKFState(theta.clone(), population=u, metrics={"spread": float(distance(u))})

    def step(self, state: EnKFState, rng: Rng, oracle: Oracle) -> EnKFState:
        u = state.population
        for number in range(self.repeats):
            if number and oracle.progress >= 1:  # the budget ends here, not when the repeats do
                break
            g = oracle.outputs(u)
            state.losses = oracle.loss.values(g, oracle.targets)
            alive = surviving(g, state.losses)
            members = u
            if not bool(alive.all()):
                enough(alive)
                state.losses = torch.where(alive, state.losses, torch.inf)
                g, members = g[alive], u[alive]
            y = (1.0 if oracle.targets.is_floating_point() else self.height) * aimed_at(
                g, oracle
            ).expand_as(g)
            if self.perturb:
                y = y + self.observation_noise**0.5 * rng.normal(*g.shape).to(g)
            v = assimilated(g, y, self.observation_noise)
            size, data = len(g), g[0].numel()
            oracle.work(
                4.0 * data * size**2
                + 3.0 * data * min(data, TOGETHER) * size
                + 2.0 * size * (size + 1) * u.shape[1]
            )
            if self.inflation:
                v = inflated(v, self.inflation)
            state.estimate, spread = mixed(members, v.to(u))
            if members is not u:
                replaced(u, members, alive, rng)
        state.metrics["spread"] = float(spread)
        if collapsed(state.metrics["spread"], state.estimate):
            raise NothingLeft(
                COLLAPSED.format(len(u)),
                "More observation noise, inflation or perturbed targets hold against it.",
            )
        return state


def inflated(v: Tensor, share: float) -> Tensor:
    """Return V (J, J) for an ensemble that is then spread by a share about the mean that V leads
    to: a mix of departures, too.
    """
    eye = torch.eye(len(v), dtype=v.dtype, device=v.device)
    return (1 + share) * v + share * (eye - v.mean(0))


def assimilated(g: Tensor, y: Tensor, gamma: float) -> Tensor:
    """Return V (J, J), so that U + V (U − Ū) is what the samples make of U one after the other,
    from outputs g and targets y (J, B, K), in double precision.

    With P_d = g_d − ḡ_d (J, K) and L_d = (y_d − g_d) (C_pp + γI)⁻¹ / J (J, K) a sample's update is
    U ← U + L_d P_dᵀ (U − Ū) = (I + L_d P_dᵀ) U, for the columns of P_d add up to zero. The product
    of these over the samples is I + L X, where L and P hold all L_d and P_d side by side and X_d =
    P_dᵀ + Σ_{e<d} P_dᵀ L_e X_e: a triangular system, solved at once for many samples instead of one
    by one.
    """
    wide = torch.float32 if g.device.type == "mps" else torch.float64  # mps has no doubles
    size, samples, classes = g.shape
    residual = (y - g).to(wide).transpose(0, 1)
    p = (g - g.mean(0)).to(wide).transpose(0, 1)  # (B, J, K)
    noisy = p.mT @ p / size + gamma * torch.eye(classes, dtype=wide, device=g.device)
    gains = torch.cholesky_solve(residual.mT, factorised(noisy)).mT / size
    v = torch.zeros(size, size, dtype=wide, device=g.device)
    together = max(1, TOGETHER // classes)
    for start in range(0, samples, together):
        side_by_side = [
            part[start : start + together].transpose(0, 1).flatten(1) for part in (gains, p)
        ]
        left, right = side_by_side
        count = left.shape[1] // classes
        earlier = (
            torch.ones(count, count, dtype=wide, device=g.device)
            .tril(-1)
            .repeat_interleave(classes, 0)
            .repeat_interleave(classes, 1)
        )
        x = torch.linalg.solve_triangular(
            -earlier * (right.T @ left), right.T + right.T @ v, upper=False, unitriangular=True
        )
        v.addmm_(left, x)
    return v
