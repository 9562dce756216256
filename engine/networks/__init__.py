"""Networks on packed weights. Importing this package registers them all."""

from .base import NETWORKS, Layer, Network, NetworkConfig
from .binary import Binary, BinaryNetwork
from .bowl import BowlNetwork, BowlWeights
from .cnn import CNN
from .landscape_point import Point, PointNetwork
from .mlp import MLP
from .recurrent import Recurrent
from .rere import RereCNN
from .resnet import ResNet
from .transformer import Transformer
from .yegenoglu import YegenogluCNN

__all__ = [
    "CNN",
    "MLP",
    "NETWORKS",
    "Binary",
    "BinaryNetwork",
    "BowlNetwork",
    "BowlWeights",
    "Layer",
    "Network",
    "NetworkConfig",
    "Point",
    "PointNetwork",
    "Recurrent",
    "RereCNN",
    "ResNet",
    "Transformer",
    "YegenogluCNN",
]
