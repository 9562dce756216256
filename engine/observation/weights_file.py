"""Save the final weights of a race as a safetensors file that other programs can read.

Every tensor of every lane has a name of its own, ``lane0.layer0.weight``: lane, layer and part as
the network names them (a landscape's point has ``lane0.x`` and ``lane0.y``). With several seeds it
begins with the place of the seed, from 0: ``seed2.lane0.layer0.weight``. Shapes are PyTorch's,
outputs first. The file's metadata hold the experiment and the steps taken, as JSON, from which the
network can be built again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from ..errors import BadInput
from ..experiment.model import Experiment
from ..networks import Network
from ..networks.base import Layer
from ..system.output_files import appearing

if TYPE_CHECKING:
    from ..race.race import Race
    from ..race.seed_races import SeedRaces

SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Weights:
    """The content of a file of weights.

    Attributes:
        experiment: the race they come from, as it was when they were written.
        network: built again; every lane has the same.
        steps: taken by each lane; with several seeds, seed by seed.
        lanes: each lane's estimate, (D,), in the same order.
    """

    experiment: Experiment
    network: Network
    steps: list[int]
    lanes: list[Tensor]


def tensor_name(lane: int, layer: Layer, seed: int | None = None) -> str:
    """Return the name of one tensor in the file, of a seed's place if there are several."""
    of = "" if seed is None else f"seed{seed}."
    return f"{of}lane{lane}.{'layer' if layer.name[:1].isdigit() else ''}{layer.name}"


def save(race: Race | SeedRaces, path: Path) -> Path:
    """Write every lane's estimate. The file is written completely or not at all."""
    races: Sequence[Race] = getattr(race, "races", [race])
    parts = [(place if len(races) > 1 else None, one) for place, one in enumerate(races)]
    tensors = {
        tensor_name(lane.index, layer, seed): lane.state.estimate[layer.start : layer.stop]
        .reshape(layer.shape)
        .detach()
        .cpu()
        .contiguous()
        .clone()
        for seed, one in parts
        for lane in one.lanes
        for layer in race.network.layers
    }
    about = {
        "format": "pt",
        "experiment": json.dumps(race.experiment.to_json(), ensure_ascii=False),
        "steps": json.dumps([lane.step for _, one in parts for lane in one.lanes]),
    }
    with appearing(path) as part:
        part.write_bytes(to_bytes(tensors, metadata=about))
    return path


def load(path: Path) -> Weights:
    """Read a file written by `save`.

    Raises:
        BadInput: it does not exist, or is not a file of a race's weights.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            experiment = Experiment.parse(json.loads(about["experiment"]))
            network = experiment.network.build_for(experiment.dataset)
            steps = [int(step) for step in json.loads(about["steps"])]
            lanes = [
                torch.cat(
                    [
                        _fitting(file.get_tensor(tensor_name(lane, layer, seed)), layer)
                        for layer in network.layers
                    ]
                )
                for seed in (range(experiment.seeds) if experiment.seeds > 1 else [None])
                for lane in range(len(experiment.lanes))
            ]
    except OSError as error:
        raise BadInput(
            "weights", str(path), f"a readable file ({error.strerror or error})"
        ) from None
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput("weights", str(path), "a file of weights that Kelvin wrote") from None
    return Weights(experiment, network, steps, lanes)


def _fitting(tensor: Tensor, layer: Layer) -> Tensor:
    """Return the tensor, packed, if it fits the layer."""
    if tuple(tensor.shape) != layer.shape:
        raise ValueError(f"{layer.name} has another shape")
    return tensor.flatten()
