"""Schedules of temperatures and of learning rates.

A schedule is a function of progress p in [0, 1], the share of the lane's budget that is spent. With
K planned steps p = k/K; a budget in seconds has no K, but it does have p. Every schedule runs from
T0 at p = 0 to Tmin at p = 1. If the published law has no K of its own (it cools for ever), its K is
the step at which it reaches Tmin, or its constant is chosen so that it does; each function says
which.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

PlannedName = Literal[
    "geometric",
    "linear",
    "quadratic",
    "cosine",
    "logarithmic",
    "cauchy",
    "lundy-mees",
    "very-fast",
    "generalized",
]
"""Schedules known in advance: T is a function of progress alone."""
ScheduleName = Literal[
    "geometric",
    "linear",
    "quadratic",
    "cosine",
    "logarithmic",
    "cauchy",
    "lundy-mees",
    "very-fast",
    "generalized",
    "adaptive",
    "aarts-van-laarhoven",
]
SCHEDULES: dict[str, str] = {
    "geometric": (
        "T falls by the same factor in every equal share of the budget: T0·(Tmin/T0)^p "
        "(Kirkpatrick, Gelatt and Vecchi 1983)."
    ),
    "linear": "T falls by the same amount in every equal share of the budget: T0 + (Tmin − T0)·p.",
    "quadratic": "T falls fast at first and levels off: Tmin + (T0 − Tmin)·(1 − p)².",
    "cosine": "T starts and ends gently, half a cosine wave: Tmin + (T0 − Tmin)·(1 + cos πp)/2.",
    "logarithmic": (
        "The slow law that provably finds the optimum, c/ln(k + 2), made steeper so that it ends "
        "in time: T0/(1 + a·ln(1 + k/2)) (Geman and Geman 1984)."
    ),
    "cauchy": (
        "Fast annealing, T0/(1 + k) with as many steps k as it takes to reach Tmin: quick at "
        "first, then very slow (Szu and Hartley 1987)."
    ),
    "lundy-mees": (
        "1/T rises by the same amount in every step: T ← T/(1 + βT). Ending at the same Tmin it "
        "is the same curve as fast annealing (Lundy and Mees 1986)."
    ),
    "very-fast": (
        "T0·exp(−c·k^(1/D')): a plunge, then a long cold tail; the larger D', the steeper the "
        "plunge (Ingber 1989)."
    ),
    "generalized": (
        "T0·(2^(q−1) − 1)/((k + 2)^(q−1) − 1), with an acceptance rule of its own that gets "
        "greedier as it cools (Tsallis and Stariolo 1996)."
    ),
    "adaptive": (
        "T follows the acceptance rate: colder while more proposals are accepted than aimed at, "
        "warmer while fewer (Lam and Delosme 1988)."
    ),
    "aarts-van-laarhoven": (
        "T falls slowly where the chains' losses differ much, so that they stay near "
        "equilibrium: T ← T/(1 + T·ln(1 + δ)/(3σ)) (Aarts and van Laarhoven 1985)."
    ),
}
"""Name → description of a schedule in one line."""

LOG_STEPS = 1000
"""K of the logarithmic schedule."""
INGBER_DIMENSION = 2.0
"""D' of the very fast schedule."""
MOST_STEPS = 1e300
"""Limit on K of the generalized schedule, to stay in the range of floats."""
VISITING = 2.62
"""q_v of generalized annealing."""
ACCEPTING = -5.0
"""q_a of generalized annealing."""


def geometric(start: float, end: float, progress: float) -> float:
    """Return T0·a^k with a = (Tmin/T0)^{1/K}, written in p = k/K."""
    return float(start * (end / start) ** progress)


def linear(start: float, end: float, progress: float) -> float:
    """Return T0 + (Tmin − T0)·p: a straight line, ending at Tmin rather than 0 so that the last
    steps still use a temperature.
    """
    return start + (end - start) * progress


def quadratic(start: float, end: float, progress: float) -> float:
    """Return Tmin + (T0 − Tmin)((K − k)/K)²."""
    return end + (start - end) * (1 - progress) ** 2


def cosine(start: float, end: float, progress: float) -> float:
    """Return Tmin + (T0 − Tmin)(1 + cos(πk/K))/2."""
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2


def logarithmic(start: float, end: float, progress: float, steps: int = LOG_STEPS) -> float:
    """Return T0/(1 + a ln(1 + k/2)) with k = Kp, K = ``steps`` and a such that T = Tmin at k = K.

    With a = 1/ln 2 this is c/ln(k + 2), c = T0 ln 2, the law of Geman and Geman. That one would
    need K = 2^{T0/Tmin} − 2 steps to reach Tmin, so it is never run unchanged; if T0/Tmin = ln(K +
    2)/ln 2 both are the same.
    """
    a = (start / end - 1) / math.log1p(steps / 2)
    return start / (1 + a * math.log1p(steps * progress / 2))


def cauchy(start: float, end: float, progress: float) -> float:
    """Return T0/(1 + k) with k = Kp; it reaches Tmin at K = T0/Tmin − 1."""
    return start / (1 + (start / end - 1) * progress)


def lundy_mees(start: float, end: float, progress: float) -> float:
    """Return T_{k+1} = T_k/(1 + βT_k) solved: 1/T_k = 1/T0 + kβ, with β = (1/Tmin − 1/T0)/K."""
    return 1 / (1 / start + (1 / end - 1 / start) * progress)


def very_fast(
    start: float, end: float, progress: float, dimension: float = INGBER_DIMENSION
) -> float:
    """Return T0 exp(−c k^{1/D'}) with k = Kp and c = ln(T0/Tmin)/K^{1/D'}, independent of K. With
    D' = 1 it is the geometric one.
    """
    return float(start * (end / start) ** (progress ** (1 / dimension)))


def generalized_steps(start: float, end: float, q: float = VISITING) -> float:
    """Return K at which the generalized schedule reaches Tmin; it need not be whole."""
    try:
        return float((1 + (2 ** (q - 1) - 1) * start / end) ** (1 / (q - 1)) - 2)
    except OverflowError:
        return MOST_STEPS


def generalized(start: float, end: float, progress: float, q: float = VISITING) -> float:
    """Return T0 (2^{q−1} − 1)/((k + 2)^{q−1} − 1) with k = Kp, K = `generalized_steps`."""
    k = progress * generalized_steps(start, end, q)
    return float(start * (2 ** (q - 1) - 1) / ((k + 2) ** (q - 1) - 1))


PLANNED: dict[str, Callable[[float, float, float], float]] = {
    "geometric": geometric,
    "linear": linear,
    "quadratic": quadratic,
    "cosine": cosine,
    "logarithmic": logarithmic,
    "cauchy": cauchy,
    "lundy-mees": lundy_mees,
    "very-fast": very_fast,
    "generalized": generalized,
}
"""Name → (T0, Tmin, p) → T."""


def share_left(name: str, final_fraction: float, progress: float) -> float:
    """Return the share of a learning rate at some progress: 1 at first, ``final_fraction`` at the
    end, by the schedule of that name; always 1 where it is constant.
    """
    return 1.0 if name == "constant" else PLANNED[name](1.0, final_fraction, progress)


def aarts_van_laarhoven(temperature: float, spread: float, pace: float) -> float:
    """Return T/(1 + T ln(1 + δ)/(3σ)), the temperature after one stage.

    Args:
        temperature: T.
        spread: σ, the standard deviation of the losses at T.
        pace: ln(1 + δ)/3, times the number of stages taken.
    """
    return temperature / (1 + temperature * pace / spread) if spread > 0 else temperature


BAND = 0.2
"""By how much acceptance must miss its target for the adaptive schedule to change the temperature
as fast as it may.
"""


def follow_acceptance(
    temperature: float, start: float, end: float, acceptance: float, target: float, passed: float
) -> float:
    """Return the temperature of the adaptive schedule after a share of the budget (Lam and Delosme
    1988).

    Colder while acceptance is above its target, warmer while below, in proportion, so that T comes
    to rest. A whole budget can take T from T₀ to T_min and back twice, however many steps it holds.

    Args:
        temperature: the present one.
        start: T₀.
        end: T_min; a visitor may have set one past the other.
        acceptance: the share of proposals accepted lately.
        target: the share aimed at.
        passed: the share of the budget since the last call.
    """
    coldest, hottest = sorted((start, end))
    aside = min(max((acceptance - target) / BAND, -1.0), 1.0)
    lowest, highest = math.log(coldest * 1e-3), math.log(hottest * 1e3)
    moved = math.log(temperature) - 4 * passed * aside * math.log(hottest / coldest)
    return math.exp(min(max(moved, lowest), highest))


def follow_spread(
    temperature: float,
    end: float,
    spread: float,
    reference: float,
    passed: float,
    progress: float,
) -> float:
    """Return the temperature of Aarts and van Laarhoven's schedule after a share of the budget.

    δ, the drift from equilibrium allowed, is chosen again in every step so that T arrives at T_min
    with the budget. Where σ/T stays what it was at first, as in a bowl (σ = T √(D/2)), that is the
    geometric schedule; where it grew T waits, and makes up for it towards the end, when σ/T counts
    for less and less.

    Args:
        temperature: the present one.
        end: T_min.
        spread: σ, the standard deviation of the losses now.
        reference: σ/T when cooling began.
        passed: the share of the budget since the last call.
        progress: the share of the budget spent.
    """
    relative = spread / temperature
    due = (
        math.log(temperature / end)
        * passed
        / max(1 - progress, passed, 1e-12)
        * (reference / relative) ** (1 - progress)
    )
    return max(
        end, aarts_van_laarhoven(temperature, spread, relative * math.expm1(min(due, 600.0)))
    )


def lam_target(progress: float) -> float:
    """Return the acceptance rate of the "modified Lam" schedule (Swartz 1993; Boyan 1998).

    From 1 down to 0.44 in the first 15 % of the run, 0.44 until 65 %, then towards 0.
    """
    if progress < 0.15:
        return float(0.44 + 0.56 * 560.0 ** (-progress / 0.15))
    if progress < 0.65:
        return 0.44
    return float(0.44 * 440.0 ** (-(progress - 0.65) / 0.35))


REHEAT_SHARE = 0.1
"""Share of the budget after which the logarithm of a reheating factor has decayed to a tenth."""


def heat_left(heat: float, heated_at: float, progress: float) -> float:
    """Return the rest of a reheating factor after some progress: its logarithm falls to a tenth in
    every `REHEAT_SHARE` of the budget.
    """
    return float(heat ** (0.1 ** ((progress - heated_at) / REHEAT_SHARE)))
