"""The convolutional network of Rere, Fanany and Arymurthy (2015), who combined backpropagation with
simulated annealing.

https://doi.org/10.1016/j.procs.2015.12.114. 6 maps 5×5 – mean-pool 2 – 12 maps 5×5 – mean-pool 2 –
dense, with a sigmoid after each convolution and on the outputs: 3,898 weights on 28×28 images of 10
classes, 1,930 of them in the output layer. Its loss is squared error.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .activation import ActivationFunction
from .base import NETWORKS, NetworkConfig
from .cnn import CNNNetwork, image_shape

KERNEL = 5


class RereNetwork(CNNNetwork):
    """The network above, with the authors' initial weights."""

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__(
            shape,
            classes,
            (6, 12),
            KERNEL,
            ActivationFunction("sigmoid"),
            padded=False,
            pool="mean",
            output_activation=ActivationFunction("sigmoid"),
        )

    def init(self, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return initial weights (D,): U(±√(6/(fan_in + fan_out))) (Glorot and Bengio 2010), where
        a convolution's fan_out is the number of outputs that one pixel enters; biases 0.
        """
        theta = torch.zeros(self.dimension, device=generator.device, dtype=dtype)
        for layer in self.layers[::2]:
            fan_out = layer.shape[0] * torch.Size(layer.shape[2:]).numel()
            bound = (6 / (layer.fan_in + fan_out)) ** 0.5
            theta[layer.start : layer.stop].uniform_(-bound, bound, generator=generator)
        return theta


@NETWORKS.add
class RereCNN(NetworkConfig):
    """A historical network without settings."""

    name = "rere-cnn"
    label = "CNN of Rere et al. (2015)"
    kinds = ("images",)

    def build(self, shape: tuple[int, ...], classes: int) -> RereNetwork:
        return RereNetwork(image_shape(self.name, shape, 16), classes)
