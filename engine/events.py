"""Names that scripts exported by earlier versions of Kelvin import from here."""

from .race.interventions import parse_events

__all__ = ["parse_events"]
