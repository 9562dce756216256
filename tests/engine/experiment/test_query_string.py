"""Links: experiment → link → experiment is the identity, whatever is in the experiment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.datasets import DATASETS, user
from engine.experiment.model import Experiment
from engine.experiment.query_string import from_flat, to_flat
from engine.networks import NETWORKS
from engine.optimizers import OPTIMIZERS
from engine.uploads.store import store
from tests.engine.support.files import class_folders, flowers, zipped
from tests.engine.support.properties import datasets, experiments, few

FILES = ("own-table", "own-images")
ONLY = {"bowl": "bowl", "point": "landscape"}
"""Networks that go with one dataset alone."""


@pytest.fixture(scope="module", autouse=True)
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """Datasets that are files of one's own, in a store of this module's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KELVIN_UPLOADS", str(tmp_path_factory.mktemp("uploads")))
        table, pets = (
            store(flowers().encode(), "flowers.csv"),
            store(zipped(class_folders(12)), "pets.zip"),
        )
        yield {
            "own-table": [
                {"name": "own-table", "token": table.token, "target": target, "task": task}
                for target, task in (("kind", "auto"), ("kind", "classes"), ("length", "numbers"))
            ],
            "own-images": [
                {"name": "own-images", "token": pets.token, "side": side, "colour": colour}
                for side, colour in ((8, "rgb"), (32, "grey"), (17, "rgb"))
            ],
        }
    for cache in (user._plan, user._load_table, user._pictures, user._load_images):
        cache.cache_clear()


def travels(experiment: Experiment) -> None:
    """Assert that the experiment comes out of its link, and of its JSON, as it went in."""
    flat = to_flat(experiment)
    link = urlencode(flat)
    arrived = from_flat(dict(parse_qsl(link, keep_blank_values=True)))
    assert arrived == experiment, link
    assert to_flat(arrived) == flat
    assert Experiment.parse(json.loads(json.dumps(experiment.to_json()))) == experiment


@pytest.mark.parametrize("name", DATASETS.names())
def test_every_dataset_travels(name: str, files: dict[str, list[dict[str, Any]]]) -> None:
    source = st.sampled_from(files[name]) if name in FILES else datasets(name)

    @few(3)
    @given(experiments(dataset=source))
    def check(experiment: Experiment) -> None:
        assert experiment.dataset.name == name
        travels(experiment)

    check()


@pytest.mark.parametrize("name", NETWORKS.names())
def test_every_network_travels(name: str) -> None:
    kinds = NETWORKS.get(name).kinds
    place = ONLY.get(name) or ("opticks" if "text" in kinds else "mnist-small")

    @few(3)
    @given(experiments(dataset=datasets(place), network=name))
    def check(experiment: Experiment) -> None:
        assert experiment.network.name == name
        travels(experiment)

    check()


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_every_method_travels(name: str) -> None:
    met = 0

    @few(3)
    @given(experiments(method=name))
    def check(experiment: Experiment) -> None:
        nonlocal met
        met += name in [lane.name for lane in experiment.lanes]
        travels(experiment)

    check()
    assert met >= 2, "the method itself was refused nearly always"
