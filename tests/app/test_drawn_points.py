"""Points drawn by hand are written by the browser and by the engine alike: both read and write the
vectors of drawn_points.json.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

from engine.datasets.hand_drawn import LEAST_POINTS, decode_points, encode_points

VECTORS = json.loads((Path(__file__).parent / "drawn_points.json").read_text("utf-8"))


def test_the_engine_writes_what_the_browser_writes() -> None:
    assert len(VECTORS) >= 5
    for one in VECTORS:
        points = torch.tensor(one["points"], dtype=torch.float64)
        assert encode_points(points[:, :2].float(), points[:, 2].long()) == one["text"]


def test_the_engine_reads_what_the_browser_reads() -> None:
    for one in VECTORS:
        count = len(one["places"])
        x, y = decode_points(
            one["text"] * -(-LEAST_POINTS // count)
        )  # fewer than four are no dataset
        places = torch.tensor(one["places"])
        assert torch.equal(x[:count], places[:, :2])
        assert torch.equal(y[:count], places[:, 2].long())
