"""Draw the weights that all lanes of a race start from, or read them from a file."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..errors import BadInput
from ..experiment.start import Start
from ..networks import Network
from ..observation.weights_file import load
from ..random.hashed_seed import hashed_seed


def first_weights(start: Start, network: Network, seed: int) -> Tensor:
    """Return initial weights (D,), float32 on the CPU, so that they are the same on every device.

    Raises:
        BadInput: the file cannot be read, or its weights do not fit the network.
    """
    generator = torch.Generator().manual_seed(hashed_seed(seed, "first weights"))
    if start.law == "usual":
        return network.init(generator)
    if start.law == "file":
        return _from_file(start, network)
    theta = torch.zeros(network.dimension)
    if start.law == "normal":
        theta.normal_(0, start.sigma, generator=generator)
    elif start.law == "glorot":
        for layer in network.layers:
            if len(layer.shape) > 1:
                fan_out = layer.shape[0] * torch.Size(layer.shape[2:]).numel()
                reach = start.gain * (6 / (layer.fan_in + fan_out)) ** 0.5
                theta[layer.start : layer.stop].uniform_(-reach, reach, generator=generator)
    return theta


def _from_file(start: Start, network: Network) -> Tensor:
    found = load(Path(str(start.file)))
    if start.lane >= len(found.lanes):
        raise BadInput("start.lane", start.lane, f"below {len(found.lanes)}, as in the file")
    if [layer.shape for layer in found.network.layers] != [layer.shape for layer in network.layers]:
        raise BadInput(
            "start.file",
            str(start.file),
            f"weights of this network: {network.dimension:,} numbers in the same layers",
        )
    return found.lanes[start.lane].float()
