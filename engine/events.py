"""Where scripts exported by earlier versions of Kelvin find what they import."""

from .race.interventions import parse_events

__all__ = ["parse_events"]
