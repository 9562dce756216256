"""The choice of the dataset: what it offers, what it tells, and what follows from a click."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from app import dataset_picker, thumbnails
from app.live import stream
from engine.datasets import DATASETS
from engine.datasets.hand_drawn import HandDrawn
from tests.app.test_pages import open_app, shown

LISTED = [cls for cls in DATASETS if cls.listed and cls.kind != "function"]
MOST_BYTES, MOST_BYTES_IN_ALL = 4096, 80 * 1024


def given(app: AppTest) -> dict[str, Any]:
    """What the component is given."""
    for element in app.sidebar:
        proto: Any = getattr(element, "proto", None)
        if getattr(proto, "component_name", "") == "kelvin_dataset":
            data: dict[str, Any] = json.loads(proto.json)
            return data
    raise AssertionError("there is no choice of the dataset")


def pick(app: AppTest, name: str) -> None:
    """Pick a dataset, as a click on its thumbnail does."""
    app.session_state["kept"]["dataset"] = name
    app.run()


@pytest.mark.parametrize("name", [dataset_picker.OWN[1], *(cls.name for cls in LISTED)])
def test_every_listed_dataset_has_a_small_thumbnail_and_a_sentence(name: str) -> None:
    file = thumbnails.FOLDER / thumbnails.thumbnails()[name]
    assert 0 < file.stat().st_size <= MOST_BYTES
    if file.suffix == ".svg":
        text = file.read_text("utf-8")
        assert ":target " in text, "it has colours for the dark theme"
        assert re.search('<svg [^>]*id="dark"', text), "which its address asks for by this name"
    if name in DATASETS.names():
        sentence = DATASETS.get(name).sentence
        assert 20 < len(sentence) <= 90
        assert sentence.endswith(".")
        assert sentence.count(". ") == 0, "one sentence"


def test_the_thumbnails_are_small_and_none_is_left_over() -> None:
    files = list(thumbnails.FOLDER.iterdir())
    assert sum(file.stat().st_size for file in files) <= MOST_BYTES_IN_ALL
    assert {file.stem for file in files} <= {thumbnails.OWN, *DATASETS.names()}


def test_a_thumbnail_is_served_for_ever_and_nothing_else_is() -> None:
    def none() -> Any:
        raise AssertionError

    client = TestClient(Starlette(routes=stream.routes(none)))
    found = client.get(thumbnails.address("spirals"))
    assert (found.status_code, found.headers["content-type"]) == (200, "image/svg+xml")
    assert "immutable" in found.headers["cache-control"]
    assert client.get(thumbnails.address("digits")).headers["content-type"] == "image/png"
    assert thumbnails.address("no such dataset") == thumbnails.address(thumbnails.OWN)
    for name in ("nothing.svg", "..%2Ficon.svg", "%00"):
        assert client.get(f"/kelvin/thumbnails/{name}").status_code == 404


def test_all_datasets_are_offered_in_groups_once_each() -> None:
    groups = given(open_app())["groups"]
    assert [group["title"] for group in groups] == [
        "Points",
        "Curves",
        "Tables",
        "Pictures",
        "Text",
        "Your own",
    ]
    names = [card["name"] for group in groups for card in group["datasets"]]
    assert sorted(names) == sorted(
        [*(cls.name for cls in LISTED if not cls.needs_file), dataset_picker.OWN[1]]
    )
    assert [card["name"] for card in groups[-1]["datasets"]] == list(dataset_picker.OWN)
    for group in groups:
        for card in group["datasets"]:
            assert card["label"]
            assert card["sentence"]
            assert card["image"].startswith("/kelvin/thumbnails/")


def test_the_row_has_three_favourites_and_the_last_other_one() -> None:
    app = open_app()
    data = given(app)
    assert (data["picked"], data["near"]) == ("spirals", ["spirals", "moons", "digits", "circles"])
    assert (data["label"], data["size"]) == ("Two spirals", "400 points")
    pick(app, "iris")
    data = given(app)
    assert shown(app).dataset.name == "iris"
    assert (data["picked"], data["near"]) == ("iris", ["spirals", "moons", "digits", "iris"])
    assert data["size"].endswith(" rows")
    pick(app, "moons")
    assert given(app)["near"] == ["spirals", "moons", "digits", "iris"], "it stays where it was"


def test_the_size_is_that_of_the_settings() -> None:
    app = open_app({"dataset": "moons", "dataset.points": "120"})
    assert given(app)["size"] == "120 points"
    app.select_slider(key="control dataset.moons.points").set_value(1000).run()
    assert given(app)["size"] == "1,000 points", "in the very run in which it was set"
    pick(app, "digits")
    assert given(app)["size"] == "1,437 images"
    pick(app, "moons")
    assert given(app)["size"] == "1,000 points", "settings are kept"
    assert shown(app).dataset.to_json()["points"] == 1000


def test_what_is_not_listed_is_offered_while_a_link_has_picked_it() -> None:
    app = open_app({"dataset": "bowl"})
    data = given(app)
    assert (data["picked"], data["near"][3]) == ("bowl", "bowl")
    assert "bowl" in [card["name"] for group in data["groups"] for card in group["datasets"]]
    pick(app, "spirals")
    data = given(app)
    assert data["near"][3] == "circles"
    assert "bowl" not in [card["name"] for group in data["groups"] for card in group["datasets"]]


def test_a_name_that_is_none_is_answered_with_the_usual_dataset() -> None:
    app = open_app()
    pick(app, "nothing of the kind")
    assert shown(app).dataset.name == "spirals"


def test_points_that_were_drawn_are_used_and_shown() -> None:
    text = HandDrawn.model_fields["points"].default[:100]
    app = open_app({"dataset": "drawn", "dataset.points": text})
    data = given(app)
    assert (data["picked"], data["size"], data["points"]) == ("drawn", "20 points", text)
    app.session_state["told points"] = {"points": text[:50], "groups": 3}
    app.run()
    assert given(app)["points"] == text[:50]
    assert shown(app).dataset.to_json()["groups"] == 3
    pick(app, "spirals")
    assert given(app)["points"] == text[:50], "they are not forgotten"
    assert given(app)["near"][3] == "drawn"


def test_own_data_have_no_size_before_there_is_a_file() -> None:
    app = open_app()
    pick(app, "own")
    data = given(app)
    assert (data["picked"], data["label"], data["size"]) == (
        "own",
        "Your own data",
        "no file yet",
    )
