"""The convolutional network of Yegenoglu, Krajsek, Diaz Pier and Herty (2020), which was trained by
an ensemble Kalman filter.

https://doi.org/10.1007/978-3-030-64580-9_7. 10 maps 5×5 – sigmoid – max-pool 2 – 20 maps 5×5 –
sigmoid – dense, without biases: 18,050 weights on 28×28 images of 10 classes, 12,800 of them in the
output layer, for nothing is pooled after the second convolution.
"""

from __future__ import annotations

from .activation import ActivationFunction
from .base import NETWORKS, NetworkConfig
from .cnn import CNNNetwork, image_shape


@NETWORKS.add
class YegenogluCNN(NetworkConfig):
    """A historical network without settings."""

    name = "yegenoglu-cnn"
    label = "CNN of Yegenoglu et al. (2020)"
    kinds = ("images",)

    def build(self, shape: tuple[int, ...], classes: int) -> CNNNetwork:
        return CNNNetwork(
            image_shape(self.name, shape, 14),
            classes,
            (10, 20),
            5,
            ActivationFunction("sigmoid"),
            padded=False,
            pools=(2, 1),
            bias=False,
        )
