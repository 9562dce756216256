"""Data of one's own in the page: a file is given, what is in it is told, and what is picked names a
dataset that can be raced on.
"""

from __future__ import annotations

import base64
import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from app import uploads
from app.uploads import likely
from app.visitors import Rate
from engine.datasets import user
from engine.experiment.model import Experiment
from engine.experiment.query_string import to_flat
from engine.uploads.limits import NotNow
from engine.uploads.store import INFO, find
from tests.app.test_pages import open_app, shown
from tests.engine.support.files import class_folders, flowers, picture, zipped


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A store of the test's own."""
    monkeypatch.setenv("KELVIN_UPLOADS", str(tmp_path / "uploads"))
    yield tmp_path / "uploads"
    for cache in (user._plan, user._load_table, user._pictures, user._load_images):
        cache.cache_clear()


def page() -> None:
    import streamlit as st

    from app import uploads

    st.session_state["answer"] = uploads.draw(st.session_state.get("current"))


def opened(current: dict[str, Any] | None = None) -> AppTest:
    app = AppTest.from_function(page, default_timeout=300)
    app.session_state["current"] = current
    return app.run()


def given(name: str, data: bytes, kind: str = "text/csv") -> AppTest:
    app = opened()
    app.file_uploader[0].upload(name, data, kind)
    app = app.run()
    assert not app.exception, app.exception
    return app


def pick(app: AppTest, name: str) -> None:
    """Pick a dataset, as a click on its thumbnail does."""
    app.session_state["kept"]["dataset"] = name
    app.run()


def said(app: AppTest) -> str:
    return " ".join(entry.value for entry in (*app.markdown, *app.caption)).replace("\\", "")


def drawn(app: AppTest) -> str:
    """The HTML of what is in the file."""
    (entry,) = app.get("html")
    body: str = entry.proto.body
    return body


def test_before_there_is_a_file_it_says_what_may_be_given() -> None:
    app = opened()
    assert not app.exception
    assert app.session_state["answer"] is None
    assert "a CSV table" in said(app)
    assert not app.error
    assert "with one folder of PNG or JPEG files for every class" in app.file_uploader[0].help


def test_a_table_is_told_and_any_of_its_columns_can_be_picked() -> None:
    app = given("flowers.csv", flowers().encode())
    assert "**flowers.csv**: 60 rows, 5 columns." in said(app)
    assert app.session_state["answer"] == {
        "name": "own-table",
        "token": app.session_state["answer"]["token"],
        "target": "kind",
        "task": "auto",
    }
    assert (
        "3 classes (iris, lily, rose). Columns used: 4; inputs: 5. "
        "Rows for training: 48, for testing: 12."
    ) in said(app)
    assert "Missing: length (1), colour (1)." in said(app)
    assert not app.expander, "nothing is folded"
    app.selectbox[0].select("price").run()
    assert app.session_state["answer"]["target"] == "price"
    assert "A number. Columns used: 4; inputs: 7." in said(app)
    experiment = Experiment.parse({"dataset": app.session_state["answer"]})
    assert experiment.loss == "squared-error"
    app.selectbox[0].select("colour").run()
    assert Experiment.parse({"dataset": app.session_state["answer"]}).loss == "cross-entropy"


def test_the_first_rows_are_shown_as_they_were_read() -> None:
    lines = ["id,price,place,same,<b>"]
    lines += [
        f'{7 * i * i},"1.{400 + i},50",{["here", "there"][i % 2]},1,{i % 3}' for i in range(40)
    ]
    lines[3] = lines[3].replace("there", "").replace("here", "")
    app = given("rows.csv", "\n".join(lines).encode())
    table = drawn(app)
    assert table.count("<tr>") == 6, "names, and five rows"
    assert re.findall("<small>([^<]*)</small>", table) == [
        "left out",
        "number",
        "category",
        "left out",
        "number",
    ]
    rows = [re.findall("<td[^>]*>([^<]*)</td>", row) for row in table.split("<tr>")[2:]]
    assert rows[1] == ["7", "1401.5", "there", "1", "1"], "“1.401,50” is shown as it was read"
    assert rows[2][2] == "missing"
    assert "&lt;b&gt;" not in table
    assert "(b)" in table or "b" in re.findall(r'scope="col"[^>]*>([^<]*)<small>', table)[4]


def test_the_first_pictures_of_every_class_are_shown() -> None:
    app = given("pets.zip", zipped(class_folders(6)), "application/zip")
    found = drawn(app)
    assert re.findall("<figcaption[^>]*>([^<]*)<", found) == ["cats", "dogs"] * 4
    files = re.findall('src="data:image/png;base64,([^"]*)"', found)
    assert len(set(files)) == 8
    image = Image.open(io.BytesIO(base64.b64decode(files[0])))
    assert (image.size, image.mode) == ((48, 48), "RGB")
    assert not app.expander


def test_few_numbers_are_learned_as_one_wishes() -> None:
    text = "a,stars\n" + "".join(f"{i},{i % 4}\n" for i in range(40))
    app = given("stars.csv", text.encode())
    assert app.session_state["answer"]["target"] == "stars"
    assert app.session_state["answer"]["task"] == "classes"
    assert "4 classes (0, 1, 2, 3)" in said(app)
    app.segmented_control[0].select("numbers").run()
    assert not app.exception
    assert app.session_state["answer"]["task"] == "numbers"
    assert Experiment.parse({"dataset": app.session_state["answer"]}).dataset.kind == "curve"


def test_pictures_are_told_and_made_as_large_as_one_wishes() -> None:
    app = given(
        "pets.zip",
        zipped({**class_folders(6), "pets/cats/cut.png": picture(1, (60, 60))[:-200]}),
        "application/zip",
    )
    assert "**pets.zip**: 12 images in 2 classes: cats, dogs." in said(app)
    assert "Inputs: 3,072. Images for training: 10, for testing: 2." in said(app)
    assert "Left out, damaged or cut off: 1 file." in said(app)
    app.slider[0].set_value(16).run()
    app.segmented_control[0].select("grey").run()
    assert not app.exception
    answer = app.session_state["answer"]
    assert (answer["name"], answer["side"], answer["colour"]) == ("own-images", 16, "grey")
    assert Experiment.parse({"dataset": answer}).dataset.shape == (1, 16, 16)


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("note.txt", b"hello", "a table with at least two columns"),
        ("book.csv", b"PK\x03\x04[Content_Types].xml", "save the table as CSV"),
        ("pets.zip", zipped({"../cats/1.png": b"x"}), "an archive whose names stay inside it"),
        ("one.zip", zipped(class_folders(5, ("cats",))), "at least two of them"),
        ("long.csv", b"a,b\n" + b"1,2\n" * 25 + b"1,2,3\n", "line 27 has 3 where there are 2"),
    ],
)
def test_what_cannot_be_used_is_a_sentence(name: str, data: bytes, why: str) -> None:
    app = given(name, data)
    assert app.session_state["answer"] is None
    assert len(app.error) == 1
    assert app.error[0].value.replace("\\", "").startswith(f"{name} cannot be used. Kelvin takes ")
    assert why.casefold() in (app.error[0].value.replace("\\", "") + said(app)).casefold()


@pytest.mark.parametrize(
    "data",
    [
        b"a,b,c\n" + b"1,001\n" * 30,
        b"a,b\n" + b"1,001\n" * 30,
        b"price,amount\n" + b'"1,001","1,001"\n' * 30,
    ],
)
def test_a_refusal_is_one_short_sentence_and_what_was_found_is_told_below(data: bytes) -> None:
    app = given("prices.csv", data)
    sentence = app.error[0].value.replace("\\", "")
    assert len(sentence) <= 120
    assert sentence.count(".") == 3  # of the file's name, and of two sentences
    assert "**Contents of the file**: " in said(app)
    assert not app.expander, "nothing is folded"
    assert not app.warning


@pytest.mark.parametrize(
    "flat",
    [{}, {"dataset.token": "0" * 32}, {"dataset.token": "0" * 32, "dataset.target": "price"}],
)
@pytest.mark.parametrize("name", ["own-table", "own-images"])
def test_a_link_to_a_file_that_is_not_here_is_answered_in_words_of_the_page(
    name: str, flat: dict[str, str]
) -> None:
    if name == "own-images":
        flat = {key: text for key, text in flat.items() if key != "dataset.target"}
    app = open_app({"dataset": name, **flat})
    assert shown(app) == Experiment()
    (warning,) = app.warning
    for word in ("--set", "PATH", "token", "dataset."):
        assert word not in warning.value.replace("\\", "").replace("\u2060", "")
    assert "choose “Your own data” among all datasets" in warning.value


def test_a_column_that_cannot_be_learned_is_told_and_names_no_dataset() -> None:
    text = "a,rare\n" + "".join(f"{i},{i if i < 5 else ''}\n" for i in range(40))
    app = given("rare.csv", text.encode())
    assert app.selectbox[0].value == "rare"
    answer: Any = app.session_state["answer"]
    assert answer is None
    assert "a column with at least 20 entries" in app.warning[0].value
    app.selectbox[0].select("a").run()
    answer = app.session_state["answer"]
    assert answer["target"] == "a"


def test_a_refused_file_does_not_take_the_one_before_away() -> None:
    app = given("flowers.csv", flowers().encode())
    before = app.session_state["answer"]
    app.file_uploader[0].upload("note.txt", b"hello", "text/plain")
    app = app.run()
    assert app.session_state["answer"] == before
    assert len(app.error) == 1
    assert not app.file_uploader[0].value, "the refused file is not the one in use"


def test_the_log_tells_of_files_and_not_how_they_are_called(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = logging.getLogger("kelvin")
    log.propagate = True
    caplog.set_level(logging.INFO, "kelvin")
    data = flowers().encode()
    app = given("salaries.csv", data)
    app.file_uploader[0].upload("diary.txt", b"hello", "text/plain")
    app.run()
    told = [
        (line.message, vars(line)["fields"]) for line in caplog.records if line.name == "kelvin"
    ]
    assert told[0] == ("file read", {"kind": "table", "bytes": len(data)})
    assert told[1][0] == "refused"
    assert {"reason": "upload", "bytes": 5}.items() <= told[1][1].items()
    assert "salaries" not in str(told)
    assert "diary" not in str(told)
    assert app.session_state["answer"]["token"] not in str(told)


def test_a_link_to_a_file_that_is_still_here_shows_it_and_one_that_is_gone_says_so(
    folder: Path,
) -> None:
    answer = given("flowers.csv", flowers().encode()).session_state["answer"]
    app = opened({**answer, "target": "price"})
    assert app.session_state["answer"] == {**answer, "target": "price"}
    assert "60 rows" in said(app)
    (folder / answer["token"] / INFO).unlink()
    app = opened(answer)
    assert app.session_state["answer"] is None
    assert "no longer available" in app.warning[0].value


def test_a_strangers_words_are_only_words() -> None:
    header = "**x**,[a](b),$k$"
    app = given(
        "t.csv",
        (header + "\n" + "".join(f"{i},{i * i},{'uv'[i % 2]}\n" for i in range(30))).encode(),
    )
    assert app.selectbox[0].options == ["**x**", "[a](b)", "$k$"]
    info = find(app.session_state["answer"]["token"])
    assert likely(info.targets).name == "$k$"
    assert likely(info.targets[:2]).name == "[a](b)"


def test_in_the_explorer_the_race_stays_until_there_is_a_file_and_then_is_about_it() -> None:
    app = open_app()
    before = shown(app)
    pick(app, "own")
    assert shown(app) == before
    untaken = "None of your files is in use yet: until one is, Run trains Two spirals."
    assert [warning.value for warning in app.warning] == [untaken]
    app.file_uploader[0].upload("empty.csv", b"\n", "text/csv")
    app = app.run()
    assert (len(app.error), len(app.warning)) == (1, 0), "one box says what is wrong"
    assert untaken in [caption.value for caption in app.caption], "a file that is refused is none"
    assert shown(app) == before
    app.file_uploader[0].upload("flowers.csv", flowers().encode(), "text/csv")
    app = app.run()
    dataset = shown(app).dataset
    assert (dataset.name, dataset.to_json()["target"]) == ("own-table", "kind")
    assert untaken not in [warning.value for warning in app.warning]
    app.selectbox(key=f"upload target {dataset.to_json()['token']}").select("price").run()
    experiment = shown(app)
    assert experiment.loss == "squared-error"
    assert "7 → 20 → 1 · tanh · 181 weights" in [caption.value for caption in app.caption]
    assert shown(open_app(to_flat(experiment))) == experiment, (
        "a link brings it back while the file is here"
    )
    app.file_uploader[0].upload("pets.zip", zipped(class_folders(6)), "application/zip")
    app = app.run()
    app.selectbox(key="control network").select("cnn").run()
    assert (shown(app).dataset.name, shown(app).network.name, shown(app).loss) == (
        "own-images",
        "cnn",
        "cross-entropy",
    )
    pick(app, "opticks")
    assert (shown(app).dataset.name, shown(app).network.name) == ("opticks", "transformer")
    assert not app.warning


def test_what_was_changed_or_left_out_stands_open_in_the_page() -> None:
    header = "price\tsize\tseven\tkind\n"
    rows = "".join(
        f"{'1,040' if i % 2 else '960'}\t{i % 3 + 1},000\t7\t{'pq'[i % 2]}\n" for i in range(3, 43)
    )
    app = given("t.tsv", (header + rows).encode())
    assert not app.expander
    told = said(app)
    assert "**Left out or changed (" in told
    assert "price: read as numbers: “1,040” as 1040 (commas between thousands)." in told
    assert "Left out: seven (the same number in every row, 7)." in told
    types = re.findall('data-type="([^"]*)"', drawn(app).split("</thead>")[0])
    assert types == ["number", "category", "left out", "category"]


def test_another_column_than_the_link_asks_for_is_not_learned_silently() -> None:
    answer = given("flowers.csv", flowers().encode()).session_state["answer"]
    app = opened({**answer, "target": "weight"})
    assert app.session_state["answer"]["target"] == "kind"
    assert "there is no such column in this file" in app.warning[0].value
    assert "Using kind instead" in app.warning[0].value
    text = "a,seven,kind\n" + "".join(f"{i * 1.5},7,{'pq'[i % 2]}\n" for i in range(30))
    answer = given("t.csv", text.encode()).session_state["answer"]
    app = opened({**answer, "target": "seven"})
    assert "the same number in every row" in app.warning[0].value.replace("\\", "")


def test_a_visitor_gives_so_many_files_a_minute() -> None:
    assert uploads.FILES_A_MINUTE == 10
    now = [0.0]
    rate = Rate(3, lambda: now[0])
    assert [rate.wait("me") for _ in range(4)] == [0, 0, 0, 60]
    assert rate.wait("them") == 0
    now[0] = 59.0
    assert rate.wait("me") == 1
    now[0] = 60.5
    assert [rate.wait("me") for _ in range(4)][2:] == [0, 60]


def test_a_file_too_many_and_a_full_disk_are_told_and_the_file_is_read_when_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = given("flowers.csv", flowers().encode())
    monkeypatch.setattr(uploads, "RATE", Rate(0))
    app.file_uploader[0].upload("other.csv", flowers(70).encode(), "text/csv")
    monkeypatch.setattr(Rate, "wait", lambda *_: 12.3)
    app = app.run()
    assert "other.csv was not read" in app.warning[0].value.replace("\\", "")
    assert "Try again in 13 seconds" in app.warning[0].value
    assert [one.label for one in app.button] == ["Try again"]
    monkeypatch.setattr(Rate, "wait", lambda *_: 0.0)

    def full(*_: object, **__: object) -> None:
        raise NotNow("other.csv", "the disk of the machine Kelvin runs on is full")

    with monkeypatch.context() as patch:
        patch.setattr(uploads, "store", full)
        app = app.run()
        assert "The file itself is fine" in app.warning[0].value
    app = app.run()
    assert not app.warning
    assert "70 rows" in said(app)
