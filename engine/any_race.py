"""Make a race of any kind from JSON values: of networks, of a landscape, or on a combinatorial
problem, which has an ``instance`` instead of a dataset.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .combinatorial.experiment import CombinatorialExperiment
    from .combinatorial.race import CombinatorialRace
    from .experiment.model import Experiment
    from .race.race import Race
    from .race.seed_races import SeedRaces

    AnyExperiment = Experiment | CombinatorialExperiment
    AnyRace = Race | SeedRaces | CombinatorialRace


def parse_experiment(value: Any, local_files: bool = False) -> AnyExperiment:
    """Return the experiment of JSON values.

    Args:
        value: the JSON values.
        local_files: whether paths on this machine may be given instead of tokens of files.

    Raises:
        BadInput: the first error, in one line.
    """
    from .combinatorial.experiment import CombinatorialExperiment

    if isinstance(value, CombinatorialExperiment) or (
        isinstance(value, Mapping) and "instance" in value
    ):
        return CombinatorialExperiment.parse(value, local_files)
    from .experiment.model import Experiment

    return Experiment.parse(value, local_files)


def race_of(experiment: AnyExperiment) -> AnyRace:
    """Return the race of an experiment, before its first step."""
    from .combinatorial.experiment import CombinatorialExperiment

    if isinstance(experiment, CombinatorialExperiment):
        from .combinatorial.race import CombinatorialRace

        return CombinatorialRace(experiment)
    from .race.seed_races import race_of as race_of_networks

    return race_of_networks(experiment)


def can_be_saved(race: AnyRace) -> bool:
    """Return whether a race can be saved and continued."""
    from .combinatorial.race import CombinatorialRace

    if isinstance(race, CombinatorialRace):
        from .combinatorial import checkpoint

        return checkpoint.can_be_saved(race)
    return not race.torn


def state_of(race: AnyRace) -> dict[str, Any]:
    """Return the state of a race between two steps; see the checkpoints of either kind."""
    from .combinatorial.race import CombinatorialRace

    if isinstance(race, CombinatorialRace):
        from .combinatorial import checkpoint as combinatorial

        return combinatorial.take(race)
    from .race import checkpoint
    from .race.seed_races import SeedRaces

    return checkpoint.take_seeds(race) if isinstance(race, SeedRaces) else checkpoint.take(race)


def load_checkpoint(path: Path) -> tuple[AnyRace, dict[str, Any]]:
    """Return the race in a file of a checkpoint, ready to continue, and what a worker has saved
    with it (``runner``; empty if nothing).

    Raises:
        BadInput: the file is not a checkpoint, or its experiment cannot run here.
    """
    from .race import checkpoint

    kept = checkpoint.read(path)
    runner = kept.pop("runner", {})
    with checkpoint.fitting(path):
        if kept["version"] in checkpoint.OF_NETWORKS:
            return checkpoint.restored(kept), runner
        from .combinatorial import checkpoint as combinatorial

        return combinatorial.restored(kept), runner
