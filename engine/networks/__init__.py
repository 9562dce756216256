"""Networks on packed weights. Importing this package registers them all."""

from engine.networks.base import NETWORKS, Layer, Network, NetworkChoice
from engine.networks.cnn import CNN
from engine.networks.mlp import MLP

__all__ = ["CNN", "MLP", "NETWORKS", "Layer", "Network", "NetworkChoice"]
