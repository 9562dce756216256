"""The gallery page and what the server knows of recordings: those that ship, in short."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from app import palette
from app.gallery import DASHES, METHODS, MOST, chart, share_chart, time_chart
from app.live import shipped as module
from app.live.shipped import NUMBERS, SPARK_POINTS, shipped, spark, summary
from app.live.stream import routes
from engine.experiment.model import Experiment
from engine.messages.encoding import encode
from engine.messages.recording import Recording
from tests.app.test_pages import ROOT, open_app, shown

FIRST = ROOT / "assets" / "recordings" / "first-screen.kelvin"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in the place of the shipped recordings, with no playlist."""
    monkeypatch.setattr(module, "RECORDINGS", tmp_path)
    monkeypatch.setattr(module, "PLAYLIST", tmp_path / "playlist.json")
    return tmp_path


def test_the_page_opens_and_the_explorer_is_as_it_was_afterwards() -> None:
    app = open_app({"dataset": "moons", "annealing.population_size": "33"})
    before = shown(app)
    app.switch_page("pages/gallery.py").run()
    assert not app.exception
    assert "stay in this browser" in app.sidebar.caption[0].value
    app.switch_page("pages/explore.py").run()
    assert shown(app) == before
    assert before == Experiment.parse(
        {"dataset": "moons", "lanes": [{"name": "annealing", "population_size": 33}, "adam"]}
    )


def test_the_gallery_can_be_the_first_page() -> None:
    app = (
        AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=300)
        .switch_page("pages/gallery.py")
        .run()
    )
    assert not app.exception


def test_every_shipped_recording_is_listed_with_what_it_holds() -> None:
    listed = {one["name"]: one for one in shipped()}
    assert set(listed) == {path.stem for path in FIRST.parent.glob("*.kelvin")}
    first = listed["first-screen"]
    messages = list(Recording.read(FIRST))
    metrics = [message for message in messages if message["type"] == "metrics"]
    assert first["size"] == FIRST.stat().st_size
    assert first["title"]
    assert all(one["summary"]["label"] != "Landscape" for one in listed.values()), (
        "a landscape is called by its own name"
    )
    assert first["summary"] == summary(messages[0], metrics[-1])
    assert first["summary"]["dataset"] == "spirals"
    assert [lane["optimizer"] for lane in first["summary"]["lanes"]] == ["annealing", "adam"]
    for row, last in zip(first["summary"]["results"], metrics[-1]["lanes"], strict=True):
        assert row == {name: last[name] for name in NUMBERS}
    assert [len(line) for line in first["spark"]] == [SPARK_POINTS] * 2
    assert first["spark"][1][0] == metrics[0]["lanes"][1]["loss"]
    assert first["spark"][1][-1] == metrics[-1]["lanes"][1]["loss"]


def test_the_route_tells_it_as_json() -> None:
    client = TestClient(Starlette(routes=routes(lambda: pytest.fail("no hub is needed"), "/tools")))
    answer = client.get("/tools/kelvin/recordings.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == json.loads(json.dumps(shipped()))


def test_a_changed_file_is_read_again_and_a_broken_one_is_left_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shipped() == []
    shutil.copy(FIRST, folder / "one.kelvin")
    (folder / "broken.kelvin").write_bytes(FIRST.read_bytes()[:1000])
    (folder / "text.kelvin").write_text("hello")
    Recording([encode({"type": "stage", "version": 1})]).write(folder / "nothing.kelvin")
    reads = []
    read = Recording.read
    monkeypatch.setattr(Recording, "read", lambda path: (reads.append(path.name), read(path))[1])
    assert [one["name"] for one in shipped()] == ["one"]
    assert reads.count("one.kelvin") == 1
    shipped()
    assert reads.count("one.kelvin") == 1, "what has not changed is not read again"
    stage, *rest = Recording.read(FIRST).messages
    Recording([stage, *rest[:2]]).write(folder / "one.kelvin")
    assert [len(line) for line in shipped()[0]["spark"]] == [1, 1]


@pytest.mark.parametrize(
    ("playlist", "title"),
    [
        (None, "Two spirals: Simulated annealing vs Adam"),
        (
            (
                '[{"recording": "other", "title": "Not this"}, {"recording": "one", "title": '
                '"Hot and cold"}]'
            ),
            "Hot and cold",
        ),
        ("[", "Two spirals: Simulated annealing vs Adam"),
        ('{"recording": "one"}', "Two spirals: Simulated annealing vs Adam"),
    ],
)
def test_a_title_is_the_playlists_or_tells_what_was_raced(
    folder: Path, playlist: str | None, title: str
) -> None:
    shutil.copy(FIRST, folder / "one.kelvin")
    if playlist is not None:
        (folder / "playlist.json").write_text(playlist)
    assert shipped()[0]["title"] == title


def test_numbers_that_do_not_exist_are_null() -> None:
    metrics: list[dict[str, Any]] = [
        {"lanes": [{"loss": value}]} for value in (1.0, None, float("nan"), float("inf"), True, 2)
    ]
    assert spark(metrics) == [[1.0, None, None, None, None, 2]]


def test_the_chart_has_a_line_for_every_lane_of_every_recording() -> None:
    traces = chart().to_plotly_json()["data"]
    assert MOST == 8
    assert len(traces) == MOST * len(palette.LANES)
    looks = {
        (trace["line"]["color"], trace["line"]["dash"], trace["marker"]["symbol"])
        for trace in traces
    }
    assert len(looks) == len(traces)
    assert [trace["line"]["dash"] for trace in traces[:4]] == list(DASHES)
    assert {trace["line"]["color"] for trace in traces[4:8]} == {palette.RECORDINGS[1]}


def test_the_charts_of_targets_have_room_for_every_lane_as_a_method_of_its_own() -> None:
    assert MOST * len(palette.LANES) == METHODS
    assert len(time_chart().data) == METHODS + 1
    share = share_chart().data
    assert len(share) == 2 * METHODS + 1
    assert {trace.line.shape for trace in share[:METHODS]} == {"hv"}, "reached from then on"
    assert [trace.line.dash for trace in share[: METHODS : len(palette.RECORDINGS)]] == list(DASHES)


# The colours of recordings, for eyes with all kinds of cones and for those that lack one (Machado,
# Oliveira & Fernandes 2009, severity 1).

EYES = {
    "all": np.eye(3),
    "no long": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no medium": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "no short": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
APART = 0.08
"""Distance in OKLab: four to five times what can just be told apart side by side."""


def linear(colour: str) -> np.ndarray[Any, Any]:
    """Linear sRGB of "#rrggbb"."""
    value = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """WCAG's ratio."""
    dark, light = sorted(
        float(linear(colour) @ [0.2126, 0.7152, 0.0722]) + 0.05 for colour in (one, other)
    )
    return light / dark


def pairs(colours: tuple[str, ...], eye: str) -> Iterator[tuple[str, str, float]]:
    seen = {
        colour: OKLAB @ np.cbrt(np.clip(CONES @ np.clip(EYES[eye] @ linear(colour), 0, 1), 0, None))
        for colour in colours
    }
    for one, other in itertools.combinations(colours, 2):
        yield one, other, float(np.linalg.norm(seen[one] - seen[other]))


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("colours", [palette.RECORDINGS, palette.RECORDINGS_ON_DARK])
def test_the_colours_of_recordings_stay_apart_for_every_eye(
    colours: tuple[str, ...], eye: str
) -> None:
    close = [(one, other, round(far, 3)) for one, other, far in pairs(colours, eye) if far < APART]
    assert not close


@pytest.mark.parametrize(
    ("colours", "grounds"),
    [
        (palette.RECORDINGS, ("#ffffff", "#fbfaf7")),
        (palette.RECORDINGS_ON_DARK, ("#211e1b", "#161412")),
    ],
)
def test_lines_stand_out_from_their_ground(
    colours: tuple[str, ...], grounds: tuple[str, ...]
) -> None:
    assert min(contrast(colour, ground) for colour in colours for ground in grounds) >= 3
