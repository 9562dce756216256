"""Races whose lanes are not checked, for tests that count what goes through a network: what a check
takes is charged to nobody.
"""

from __future__ import annotations

from engine.race.race import Race


def unchecked(race: Race) -> Race:
    """Let a race's lanes go on without looking at their losses."""
    vars(race)["check"] = lambda lane: None
    return race
