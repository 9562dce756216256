"""Temperature schedules.

A schedule is a function of progress p in [0, 1], the share of the lane's budget that is spent. With K planned steps, p = k/K; a budget in seconds has no K, but it does have p.
"""

from __future__ import annotations

from typing import Literal

ScheduleName = Literal["geometric", "linear", "adaptive"]
SCHEDULES: dict[str, str] = {
    "geometric": "T falls by the same factor in every equal share of the budget: T0·(Tmin/T0)^p (Kirkpatrick, Gelatt and Vecchi 1983).",
    "linear": "T falls by the same amount in every equal share of the budget: T0 + (Tmin − T0)·p.",
    "adaptive": "T follows the acceptance rate: colder while more proposals are accepted than aimed at, warmer while fewer (Lam and Delosme 1988).",
}
"""Name → one line for people."""


def geometric(start: float, end: float, progress: float) -> float:
    """T0·a^k with a = (Tmin/T0)^{1/K}, written in p = k/K."""
    return float(start * (end / start) ** progress)


def linear(start: float, end: float, progress: float) -> float:
    """T0 + (Tmin − T0)·p: straight down, ending at Tmin rather than 0 so that the last steps still mean something."""
    return start + (end - start) * progress


def lam_target(progress: float) -> float:
    """The acceptance rate of the "modified Lam" schedule (Swartz 1993; Boyan 1998).

    From 1 down to 0.44 in the first 15 % of the run, 0.44 until 65 %, then towards 0.
    """
    if progress < 0.15:
        return float(0.44 + 0.56 * 560.0 ** (-progress / 0.15))
    if progress < 0.65:
        return 0.44
    return float(0.44 * 440.0 ** (-(progress - 0.65) / 0.35))
