"""Tables and pictures of one's own as datasets: what is learned from what, what is held out, and
races on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.datasets import Dataset, user
from engine.datasets.user import OwnImages, UserTable, held_out, plan_table
from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.race.race import Race
from engine.uploads.store import UploadInfo, store, table_columns
from tests.engine.support.files import flowers, picture, plain_picture, zipped
from tests.there import there


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store of this module's own: the files in it are read once for all tests."""
    place = tmp_path_factory.mktemp("uploads")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KELVIN_UPLOADS", str(place))
        yield place
    for cache in (user._plan, user._load_table, user._pictures, user._load_images):
        cache.cache_clear()


@pytest.fixture(scope="module")
def table() -> UploadInfo:
    return store(flowers().encode(), "flowers.csv")


@pytest.fixture(scope="module")
def pets() -> UploadInfo:
    bright = {f"bright/{i}.png": plain_picture((200 + i, 200, 200)) for i in range(15)}
    dark = {f"dark/{i}.png": plain_picture((10 + i, 20, 30)) for i in range(10)}
    return store(zipped({**bright, **dark}), "pets.zip")


def test_classes_are_learned_from_all_other_columns(table: UploadInfo) -> None:
    choice = UserTable(token=table.token, target="kind")
    data = choice.load(0)
    assert (choice.kind, data.kind) == ("table", "table")
    assert choice.shape == data.shape == (5,)  # length, width, red, blue, price
    assert choice.classes == data.classes == ("iris", "lily", "rose")
    assert (len(data.y_train), len(data.y_test)) == choice.sizes() == (48, 12)
    assert data.y_test.bincount().tolist() == [4, 4, 4]
    for column in (0, 1, 4):
        assert float(data.x_train[:, column].mean()) == pytest.approx(0, abs=0.03)
        assert float(data.x_train[:, column].std()) == pytest.approx(1, abs=0.03)
    assert set(data.x_train[:, 2:4].sum(1).tolist()) <= {0.0, 1.0}
    assert data.x_train.dtype == torch.float32
    assert choice.load(1) is data, "the seed of a race changes nothing"


def test_numbers_to_be_met_are_a_curve(table: UploadInfo) -> None:
    choice = UserTable(token=table.token, target="price")
    data = choice.load(0)
    assert (choice.kind, choice.classes, choice.shape) == ("curve", ("price",), (7,))
    assert float(data.y_train.mean()) == pytest.approx(0, abs=1e-6)
    assert float(data.y_train.std(correction=0)) == pytest.approx(1, abs=1e-5)
    assert choice.sizes() == (48, 12)
    assert "is standardised" in choice.plan.notes[0]
    experiment = Experiment.parse({"dataset": choice})
    assert experiment.loss == "squared-error"
    with pytest.raises(BadInput, match="one for numbers on own-table"):
        Experiment.parse({"dataset": choice, "loss": "hinge"})


def rows_of(data: Dataset) -> set[bytes]:
    return {row.tobytes() for row in torch.cat([data.x_train, data.x_test]).numpy()}


def test_rows_without_an_entry_to_learn_are_left_out_and_holes_are_the_mean(
    table: UploadInfo,
) -> None:
    colours = UserTable(token=table.token, target="colour")
    assert colours.sizes() == (48, 11)
    assert sum(len(part) for part in (colours.load(0).y_train, colours.load(0).y_test)) == 59
    assert colours.plan.notes == ("Left out, with no entry in colour: 1 row.",)
    kinds = UserTable(token=table.token, target="kind").load(0)
    entries = table_columns(table)
    together = torch.cat([kinds.x_train, kinds.x_test])
    assert (together[:, 0] == 0).sum() == np.isnan(entries["length"]).sum() == 1
    assert (together[:, 2:4].sum(1) == 0).sum() == 1
    assert len(rows_of(kinds)) == 60


def test_means_and_deviations_are_those_of_training_alone(table: UploadInfo) -> None:
    data = UserTable(token=table.token, target="kind").load(0)
    width = table_columns(table)["width"]
    shown = torch.cat([data.x_train, data.x_test])[:, 1].double().numpy()
    # The same straight line takes every entry to what is shown, and over training rows it has mean
    # 0 and deviation 1.
    a, b = np.polyfit(np.sort(width), np.sort(shown), 1)
    np.testing.assert_allclose(np.sort(shown), a * np.sort(width) + b, atol=1e-5)
    assert abs(float(data.x_train[:, 1].mean())) < 1e-6
    assert abs(float(data.x_test[:, 1].mean())) > 1e-3


def test_few_numbers_may_be_classes_or_numbers(tmp_path: Path) -> None:
    text = "a,stars\n" + "".join(f"{i},{i % 4}\n" for i in range(40))
    info = store(text.encode(), "stars.csv")
    assert plan_table(info, "stars", "auto").outputs == ("0", "1", "2", "3")
    assert plan_table(info, "stars", "numbers").outputs == ("stars",)
    assert UserTable(token=info.token, target="stars", task="numbers").kind == "curve"
    refused = [
        ("a", "classes", "numbers for a, which has 40 different ones, more than 20"),
        ("b", "auto", "one of the columns a, stars"),
    ]
    for target, task, why in refused:
        with pytest.raises(BadInput, match=why):
            Experiment.parse(
                {
                    "dataset": {
                        "name": "own-table",
                        "token": info.token,
                        "target": target,
                        "task": task,
                    }
                }
            )


def test_what_cannot_be_learned_is_refused_in_one_line(
    table: UploadInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = {"name": "own-table", "token": table.token, "target": "kind"}
    cases: list[tuple[dict[str, Any], str]] = [
        (
            {**value, "task": "numbers"},
            (
                "dataset.task: 'numbers' is not allowed; expected classes for kind, which holds "
                "no numbers"
            ),
        ),
        ({**value, "name": "own-images", "target": None}, "dataset"),
        (
            {"name": "own-table"},
            (
                "dataset.token: '' is not allowed; expected a file: upload one in the page, or "
                "give its path with --set dataset.file=PATH"
            ),
        ),
    ]
    for dataset, why in cases:
        with pytest.raises(BadInput) as caught:
            Experiment.parse(
                {"dataset": {key: entry for key, entry in dataset.items() if entry is not None}}
            )
        assert str(caught.value).startswith(why)
    monkeypatch.setattr(user, "MOST_NUMBERS", 60 * 5 - 1)
    with pytest.raises(BadInput, match="60 rows of 5 inputs are more than 299 numbers"):
        Experiment.parse({"dataset": value})


@pytest.mark.parametrize(
    ("count", "test"), [(1, 0), (2, 1), (3, 1), (5, 1), (10, 2), (12, 2), (13, 3), (100, 20)]
)
def test_a_fifth_is_held_out_but_never_all(count: int, test: int) -> None:
    assert held_out(count) == test


def test_pictures_are_loaded_at_the_side_and_in_the_colours_chosen(pets: UploadInfo) -> None:
    choice = OwnImages(token=pets.token, side=12)
    data = choice.load(0)
    assert choice.shape == data.shape == (3, 12, 12)
    assert choice.classes == data.classes == ("bright", "dark")
    assert (len(data.y_train), len(data.y_test)) == choice.sizes() == (20, 5)
    assert data.y_train.bincount().tolist() == [12, 8]
    assert bool((data.x_train[data.y_train == 0].mean((1, 2, 3)) > 0.75).all())
    assert bool((data.x_test[data.y_test == 1].mean((1, 2, 3)) < 0.15).all())
    grey = OwnImages(token=pets.token, side=8, colour="grey")
    assert grey.load(0).shape == grey.shape == (1, 8, 8)
    assert grey.load(5) is grey.load(0)


def test_an_archives_own_split_is_kept(folder: Path) -> None:
    files = {
        f"{part}/{kind}/{i}.png": picture(i)
        for part in ("train", "test")
        for kind in ("cats", "dogs")
        for i in range(4 if part == "train" else 3)
    }
    info = store(zipped(files), "split.zip")
    choice = OwnImages(token=info.token, side=8)
    data = choice.load(0)
    assert info.split
    assert (len(data.y_train), len(data.y_test)) == choice.sizes() == (8, 6)


def test_too_many_large_pictures_are_refused_with_the_side_that_fits(
    pets: UploadInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user, "PICTURE_BYTES", 25 * 3 * 20**2)
    assert Experiment.parse({"dataset": {"name": "own-images", "token": pets.token, "side": 20}})
    with pytest.raises(
        BadInput, match=r"^dataset\.side: 32 is not allowed; expected at most 20 for 25 pictures$"
    ):
        Experiment.parse({"dataset": {"name": "own-images", "token": pets.token}})


@pytest.mark.slow
@pytest.mark.parametrize("target", ["kind", "price", "colour"])
def test_races_on_tables_are_seen_from_first_to_last(table: UploadInfo, target: str) -> None:
    value = {
        "dataset": {"name": "own-table", "token": table.token, "target": target},
        "lanes": ["adam", "eki"],
    }
    race = Race(Experiment.parse({**value, "budget": {"currency": "evaluations", "amount": 1e5}}))
    stage = race.stage()["data"]
    picture_, detail = race.picture(0)["lanes"][0], race.detail(0)["lanes"][1]
    if target == "price":
        assert stage["curve"]["x"].shape == stage["curve"]["y"].shape == (48,)
        assert picture_["curve"].shape == stage["curve"]["at"].shape == (160,)
        assert detail["members"]["curves"].shape[1] == 40
        assert float(stage["curve"]["at"][0]) == pytest.approx(
            float(stage["curve"]["x"].min()), abs=1e-5
        )
    else:
        assert stage["points"]["x"].shape[1] == 2
        assert (picture_["map"] if target == "colour" else picture_["areas"]) is not None
    while not race.finished:
        race.advance()
    assert all(row["loss"] is not None and row["trouble"] is None for row in race.results())
    if target == "kind":
        assert there(race.results()[0]["test_accuracy"]) > 0.85


@pytest.mark.slow
def test_a_table_with_a_single_input_is_drawn_too() -> None:
    text = "size,kind\n" + "".join(f"{i},{'small' if i < 20 else 'large'}\n" for i in range(40))
    info = store(text.encode(), "sizes.csv")
    race = Race(
        Experiment.parse(
            {
                "dataset": {"name": "own-table", "token": info.token, "target": "kind"},
                "lanes": ["adam"],
            }
        )
    )
    points = race.stage()["data"]["points"]
    assert points["x"].shape == (32, 2)
    assert not points["x"][:, 1].any()
    assert race.picture(0)["lanes"][0]["map"].shape == (40, 40)


def test_a_race_on_pictures(pets: UploadInfo) -> None:
    value = {
        "dataset": {"name": "own-images", "token": pets.token, "side": 16},
        "network": "cnn",
        "lanes": ["adam"],
    }
    race = Race(Experiment.parse({**value, "budget": {"currency": "evaluations", "amount": 3000}}))
    assert race.stage()["data"]["wall"]["images"].shape == (5, 16, 16)
    while not race.finished:
        race.advance()
    assert race.results()[0]["test_accuracy"] == 1


def test_a_file_of_the_other_kind_names_the_dataset_to_take(
    pets: UploadInfo, table: UploadInfo
) -> None:
    with pytest.raises(
        BadInput, match=r"^dataset: 'own-table' is not allowed; expected own-images for pets\.zip$"
    ):
        Experiment.parse({"dataset": {"name": "own-table", "token": pets.token, "target": "a"}})
    with pytest.raises(
        BadInput,
        match=r"^dataset: 'own-images' is not allowed; expected own-table for flowers\.csv$",
    ):
        Experiment.parse({"dataset": {"name": "own-images", "token": table.token}})


def test_of_very_many_rows_the_first_few_thousand_are_drawn() -> None:
    from engine.networks import MLP
    from engine.observation.predictions import MOST_POINTS, Predictions

    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(MOST_POINTS + 50, 6, generator=generator), torch.arange(MOST_POINTS + 50) % 2
    data = Dataset(x, y, x[:50], y[:50], ("a", "b"), "table")
    drawn = Predictions(MLP().build((6,), 2), data).stage()["points"]
    assert drawn["x"].shape == (MOST_POINTS, 2)
    assert drawn["y"].shape == (MOST_POINTS,)


def test_a_race_on_a_file_tells_the_files_name(table: UploadInfo, pets: UploadInfo) -> None:
    for dataset, title in (
        (UserTable(token=table.token, target="kind"), "Your own table (flowers.csv)"),
        (OwnImages(token=pets.token), "Your own pictures (pets.zip)"),
    ):
        race = Race(
            Experiment.parse(
                {
                    "dataset": dataset.to_json(),
                    "lanes": ["adam"],
                    "budget": {"currency": "evaluations", "amount": 100},
                }
            )
        )
        assert race.stage()["data"]["label"] == title
    assert UserTable(token="0" * 32, target="kind").title == UserTable.label
