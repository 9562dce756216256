"""Networks on packed weights. Importing this package registers them all."""

from engine.networks.base import NETWORKS, Layer, Network, NetworkChoice
from engine.networks.cnn import CNN
from engine.networks.mlp import MLP
from engine.networks.point import Point, PointNetwork
from engine.networks.rere import RereCNN
from engine.networks.yegenoglu import YegenogluCNN

__all__ = ["CNN", "MLP", "NETWORKS", "Layer", "Network", "NetworkChoice", "Point", "PointNetwork", "RereCNN", "YegenogluCNN"]
