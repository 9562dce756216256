"""The experiments of the page: on networks, or on combinatorial problems. Pages, links and the live
routes take either.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.combinatorial import query_string as combinatorial
from engine.combinatorial.experiment import CombinatorialExperiment
from engine.experiment import query_string as networks
from engine.experiment.model import Experiment

AnyExperiment = Experiment | CombinatorialExperiment


def from_parameters(flat: Mapping[str, str]) -> AnyExperiment:
    """Return the experiment of a link's parameters, of the kind that they name.

    Raises:
        BadInput: they do not describe one.
    """
    return combinatorial.from_flat(flat) if "instance" in flat else networks.from_flat(flat)
