"""Shared fixtures."""

import os
from pathlib import Path

import pytest
import torch

torch.set_num_threads(2)


@pytest.fixture
def kelvin_data() -> Path:
    """The folder of the standard data files, where there is one (``KELVIN_DATA``)."""
    folder = os.environ.get("KELVIN_DATA")
    if not folder:
        pytest.skip("KELVIN_DATA is not set: no standard data files here")
    return Path(folder)
