"""Losses to compare by: one that is no number must never win."""

from __future__ import annotations

import math

from torch import Tensor

from ...oracle import Oracle
from ...populations.base import Population


def finite_losses(x: Tensor | Population, oracle: Oracle) -> Tensor:
    """Evaluate losses (P,) of places (P, D); one that is NaN or −∞ counts as infinite: it is never
    the best and ranks last.
    """
    return oracle.losses(x).nan_to_num(nan=math.inf, posinf=math.inf, neginf=math.inf)
