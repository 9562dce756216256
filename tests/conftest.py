"""Shared fixtures."""

import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch

torch.set_num_threads(1)  # small problems, and nothing that waits for a core another test holds


@pytest.fixture(autouse=True)
def same_numbers() -> None:
    """Every test starts from the same seeds, whatever ran before it."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture
def kelvin_data() -> Path:
    """The folder of the standard data files, where there is one (``KELVIN_DATA``)."""
    folder = os.environ.get("KELVIN_DATA")
    if not folder:
        pytest.skip("KELVIN_DATA is not set: no standard data files here")
    return Path(folder)
