"""Networks on packed weights. Importing this package registers them all."""

from engine.networks.base import NETWORKS, Layer, Network, NetworkChoice
from engine.networks.cnn import CNN
from engine.networks.landscape_point import Point, PointNetwork
from engine.networks.mlp import MLP
from engine.networks.recurrent import Recurrent
from engine.networks.rere import RereCNN
from engine.networks.resnet import ResNet
from engine.networks.transformer import Transformer
from engine.networks.yegenoglu import YegenogluCNN

__all__ = [
    "CNN",
    "MLP",
    "NETWORKS",
    "Layer",
    "Network",
    "NetworkChoice",
    "Point",
    "PointNetwork",
    "Recurrent",
    "RereCNN",
    "ResNet",
    "Transformer",
    "YegenogluCNN",
]
