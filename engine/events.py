"""Where scripts exported by earlier versions of Kelvin find what they import."""

from engine.race.interventions import parse_events

__all__ = ["parse_events"]
