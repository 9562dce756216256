"""Instances of files: stored under a token like all files of strangers, read in a process of their
own, and given by path on the command line only.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.combinatorial import checks, instances
from engine.combinatorial.instance import Known
from engine.combinatorial.instances import INSTANCES, CityFile, of_path, with_token
from engine.datasets.user import OwnImages, UserTable
from engine.errors import BadInput
from engine.uploads import store as upload_store
from engine.uploads.store import INFO, OWNER, READER, find, store
from tests.engine.combinatorial.reading.test_table import EARTH
from tests.engine.combinatorial.reading.test_tsplib import SQUARE, TOUR, explicit
from tests.engine.support.files import flowers


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A store of the test's own."""
    monkeypatch.setenv("KELVIN_UPLOADS", str(tmp_path / "uploads"))
    caches = (instances._info, instances._read)
    for cache in caches:
        cache.cache_clear()
    yield tmp_path / "uploads"
    for cache in caches:
        cache.cache_clear()


def test_a_file_of_cities_is_read_once_and_found_again_by_its_token(folder: Path) -> None:
    info = store(SQUARE.encode(), "C:\\me\\square <1>.tsp", purpose="cities")
    assert (info.kind, info.rows, info.name, info.notes) == ("cities", 4, "square ‹1›.tsp", ())
    assert find(info.token) == info
    assert store(SQUARE.encode(), "again.tsp", purpose="cities").token == info.token
    config = INSTANCES.build({"name": "file", "token": info.token})
    config.check()
    assert config.size() == 4
    assert config.title == "Your own file (square ‹1›.tsp)"
    found = config.load()
    assert (found.name, found.label, found.size) == ("square", "four corners", 4)
    assert checks.length(found, range(4)) == 40
    assert config.load() is found
    assert sorted(path.name for path in (folder / info.token).iterdir()) == [
        "cities.npz",
        "file",
        "info.json",
    ]


def test_what_had_to_be_guessed_is_told() -> None:
    info = store(explicit("UPPER_ROW", 3, "1 2 3").encode(), "three.tsp", purpose="cities")
    assert [note[:29] for note in CityFile(token=info.token).notes()] == [
        "The file has no coordinates: "
    ]
    info = store(b"0,0\n3,4\n", "two.csv", purpose="cities")
    assert info.notes[0].startswith("The first row is a city")


def test_a_table_may_be_stored_as_samples_and_as_cities() -> None:
    text = flowers().replace("length,width", "x,y").replace(",,", ",1,").replace("\n,", "\n1,")
    samples, cities = store(text.encode(), "a.csv"), store(text.encode(), "a.csv", purpose="cities")
    assert samples.token != cities.token
    assert (samples.kind, cities.kind) == ("table", "cities")
    with pytest.raises(BadInput, match=r"instance\.token: 'a\.csv' .* read as cities"):
        CityFile(token=samples.token).check()
    for config in (UserTable(token=cities.token), OwnImages(token=cities.token)):
        with pytest.raises(BadInput, match=r"dataset\.token: 'a\.csv' .* pictures, not cities"):
            config.check()


def test_the_tokens_of_visitors_tell_nothing_and_their_files_make_room(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_store, "VISITOR_FILES", 2)
    mine = store(SQUARE.encode(), "a.tsp", "me", purpose="cities")
    yours = store(SQUARE.encode(), "a.tsp", "you", purpose="cities")
    assert len({mine.token, yours.token, store(SQUARE.encode(), "a", purpose="cities").token}) == 3
    assert (folder / mine.token / OWNER).read_text() == "me"
    for number in (5, 6):
        store(SQUARE.replace("10 10", f"10 {number}").encode(), "b.tsp", "me", purpose="cities")
    with pytest.raises(BadInput, match=r"^instance\.token: .* upload the file again"):
        CityFile(token=mine.token).check()
    assert CityFile(token=yours.token).size() == 4


def test_what_is_refused_leaves_nothing_behind(folder: Path) -> None:
    for text, why in (
        (SQUARE.replace("4 0 10\n", ""), r"4 cities in NODE_COORD_SECTION, as DIMENSION says"),
        (flowers(), "x and y, or lat and lon"),
        ("", "not empty"),
    ):
        with pytest.raises(BadInput, match=why) as caught:
            store(text.encode(), "given", purpose="cities")
        assert str(caught.value).startswith("file: 'given' is not allowed; expected ")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("token", ["", "0" * 32, "../../etc/passwd", "x" * 64])
def test_an_unknown_token_is_one_line(token: str) -> None:
    config = CityFile(token=token)
    assert config.title == "Your own file"
    for ask in (config.check, config.load, config.size, config.notes):
        with pytest.raises(BadInput, match=r"^instance\.token: "):
            ask()


def test_files_of_an_older_reader_are_read_again(folder: Path) -> None:
    info = store(SQUARE.encode(), "square.tsp", purpose="cities")
    path = folder / info.token / INFO
    value = json.loads(path.read_text()) | {"reader": 1, "rows": 99}
    path.write_text(json.dumps(value))
    (folder / info.token / "cities.npz").unlink()
    assert find(info.token).rows == 4
    assert json.loads(path.read_text())["reader"] == READER
    assert CityFile(token=info.token).load().size == 4


def test_a_damaged_store_is_one_line(folder: Path) -> None:
    info = store(SQUARE.encode(), "square.tsp", purpose="cities")
    (folder / info.token / "cities.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(BadInput, match=r"^instance\.token: .* upload the file again"):
        CityFile(token=info.token).load()


def test_a_race_goes_on_without_its_file(folder: Path) -> None:
    config = CityFile(token=store(SQUARE.encode(), "square.tsp", purpose="cities").token)
    assert (config.load().size, config.size()) == (4, 4)
    shutil.rmtree(folder)
    assert (config.load().size, config.size()) == (4, 4)
    with pytest.raises(BadInput):
        config.check()


def experiment(file: Any, **more: Any) -> dict[str, Any]:
    return {"instance": {"name": "file", "file": file, **more}, "seed": 3}


def test_a_path_becomes_a_token_on_the_command_line_only(tmp_path: Path) -> None:
    path = tmp_path / "square.tsp"
    path.write_text(SQUARE)
    value = with_token(experiment(str(path)), local_files=True)
    assert value == {"instance": {"name": "file", "token": of_path(str(path)).token}, "seed": 3}
    assert INSTANCES.build(value["instance"]).load().name == "square"
    with pytest.raises(BadInput, match=r"^instance\.file: .* from the command line and in a note"):
        with_token(experiment(str(path)), local_files=False)
    for other in ({"instance": "random"}, {"instance": {"name": "random", "file": "x"}}, {}):
        assert with_token(other, local_files=False) is other


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("nowhere.tsp", "a readable file (No such file or directory)"),
        (".", "a readable file (Is a directory)"),
        ("broken.tsp", "(there are 3, the last in line 9)"),
        ("large.tsp", "a file of at most 20 MiB"),
    ],
)
def test_files_that_cannot_be_read_are_one_line(path: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "broken.tsp").write_text(SQUARE.replace("4 0 10\n", ""))
    with (tmp_path / "large.tsp").open("wb") as file:
        file.truncate(20 * 2**20 + 1)
    with pytest.raises(BadInput) as caught:
        with_token(experiment(str(tmp_path / path)), local_files=True)
    assert str(caught.value).startswith("instance.file: ")
    assert why in str(caught.value)


def test_the_tour_beside_a_file_is_its_answer(tmp_path: Path) -> None:
    path = tmp_path / "square.tsp"
    path.write_text(SQUARE)
    alone = of_path(str(path)).token
    (tmp_path / "square.opt.tour").write_text(TOUR)
    both = of_path(str(path)).token
    assert alone != both
    assert CityFile(token=alone).load().answer is None
    found = CityFile(token=both).load()
    assert found.answer is not None
    assert found.answer.tolist() == [0, 2, 1, 3]
    assert found.known == Known(48, False, "the tour in its file")
    (tmp_path / "square.opt.tour").write_text(TOUR.replace("\n2\n", "\n3\n"))
    with pytest.raises(
        BadInput, match=r"square\.opt\.tour' is not .* every city once \(line 7 has"
    ):
        of_path(str(path))


def test_real_files_have_their_published_answer(kelvin_data: Path) -> None:
    path = kelvin_data / "combinatorial" / "tsplib" / "kroA100.tsp"
    found = CityFile(token=of_path(str(path)).token).load()
    assert found.known == Known(21282, True, "TSPLIB")
    assert found.answer is not None
    assert checks.length(found, found.answer) == 21282


def test_tables_are_given_by_path_too(tmp_path: Path) -> None:
    path = tmp_path / "capitals.csv"
    path.write_text(EARTH)
    found = CityFile(token=of_path(str(path)).token).load()
    assert (found.name, found.names) == ("capitals", ("Berlin", "Paris", "Oslo"))


@pytest.mark.slow
def test_the_largest_listed_distances_fit_the_process_that_reads_them() -> None:
    rows = np.random.default_rng(0).integers(0, 10, (3000, 3000)).tolist()
    text = explicit("FULL_MATRIX", 3000, *(" ".join(map(str, row)) for row in rows), type_="ATSP")
    info = store(text.encode(), "full.atsp", purpose="cities")
    assert CityFile(token=info.token).load().size == info.rows == 3000
    ones = "\n".join("7" for _ in range(3000 * 2999 // 2))
    info = store(explicit("UPPER_ROW", 3000, ones).encode(), "ones.tsp", purpose="cities")
    assert CityFile(token=info.token).load().size == 3000
