"""Statistics over the seeds of a race: median, quartiles, range and wins."""

from __future__ import annotations

import math
from collections.abc import Sequence

Value = float | None
QUARTILES = (0.25, 0.5, 0.75)


def quantile(values: Sequence[Value], share: float, worst: float = math.inf) -> Value:
    """Return a quantile, interpolated linearly between neighbours (type 7 of Hyndman and Fan,
    1996, The American Statistician 50, 361–365; NumPy's default).

    Args:
        values: one for each seed; None and NaN count as the worst, so a seed that diverged is not
            left out.
        share: 0 to 1.
        worst: +inf where lower is better, −inf where higher is.

    Returns:
        The quantile; None if it is not finite, or if there are no values.
    """
    if not values:
        return None
    ordered = sorted(worst if one is None or math.isnan(one) else float(one) for one in values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    below, part = ordered[low], place - low
    if part == 0:
        return below if math.isfinite(below) else None
    above = ordered[low + 1]
    if not (math.isfinite(below) and math.isfinite(above)):
        return None
    return below + part * (above - below)


def wins(losses: Sequence[Sequence[Value]]) -> list[int]:
    """Count the seeds in which each lane has the lowest loss. Ties count for none of them.

    Args:
        losses: for each seed, one for each lane; None and NaN are worse than any number.

    Returns:
        One count for each lane. With a single lane there is nothing to win: [0].
    """
    lanes = len(losses[0]) if losses else 0
    found = [0] * lanes
    for row in losses:
        known = [math.inf if one is None or math.isnan(one) else one for one in row]
        best = min(known)
        if lanes > 1 and best < math.inf and known.count(best) == 1:
            found[known.index(best)] += 1
    return found
