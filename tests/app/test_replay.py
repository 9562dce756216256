"""What the browser exports, looked at from Python; and the replay in one file, put together by
either.
"""

from __future__ import annotations

import ast
import base64
import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from safetensors.torch import load_file
from starlette.testclient import TestClient

from app import replay
from engine.experiment.model import Experiment
from engine.messages.encoding import encode
from engine.messages.recording import Recording
from engine.observation import weights_file
from engine.race.interventions import parse_events
from engine.race.race import Race
from tests.app.live_fake import build
from tests.node import NODE

ROOT = Path(__file__).resolve().parents[2]
FIRST = ROOT / "assets" / "recordings" / "first-screen.kelvin"
ABOUT = {
    "title": 'a "race" </title><script>alert(1)</script> __KELVIN_RECORDING__',
    "date": "2026-11-24",
    "raced": True,
    "view": {"large": "loss"},
}


@pytest.fixture(scope="module")
def handled() -> tuple[Race, list[bytes]]:
    """A short race that hands were laid on, and its messages."""
    experiment = Experiment.parse(
        {
            "dataset": "moons",
            "network": {"name": "mlp", "hidden": [5]},
            "lanes": ["annealing", "adam"],
            "budget": {"currency": "evaluations", "amount": 60_000},
            "seed": 5,
        }
    )
    race = Race(experiment)
    messages = [encode(race.stage()), encode(race.metrics(0)), encode(race.picture(0))]
    for k in range(1, 9):
        for _ in range(12):
            if not race.finished:
                race.advance()
        if k == 2:
            race.set_hyperparameter(1, "learning_rate", 0.03)
        elif k == 3:
            race.reheat(0, 4.0)
        elif k == 4:
            race.put_weight(1, 2, 0.75)
        messages += [encode(race.metrics(k)), encode(race.picture(k))]
    while not race.finished:
        race.advance()
    messages += [encode(race.metrics(9)), encode(race.picture(9)), encode(race.weights(9))]
    return race, messages


@pytest.fixture(scope="module")
def exported(handled: tuple[Race, list[bytes]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that JavaScript writes of it."""
    folder = tmp_path_factory.mktemp("exported")
    Recording(handled[1]).write(folder / "made.kelvin")
    (folder / "shell.html").write_text(replay.shell(), "utf-8")
    script = ROOT / "tests" / "app" / "frontend" / "export_files.mjs"
    subprocess.run(
        [NODE, str(script), str(folder / "made.kelvin"), str(folder), str(folder / "shell.html")],
        check=True,
        capture_output=True,
        text=True,
    )
    return folder


def without_time(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            name: value
            for name, value in row.items()
            if name not in ("seconds", "core_seconds") and value is not None
        }
        for row in rows
    ]


def test_the_python_code_repeats_the_race(
    handled: tuple[Race, list[bytes]], exported: Path
) -> None:
    # With as many threads as the tests have: sums in another order differ in the last bit, and a
    # race in all that follows.
    alike = {**os.environ, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, str(exported / "race.py")],
        cwd=ROOT,
        env=alike,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = ran.stdout.splitlines()
    race = handled[0]
    assert [line[: line.index("{") - 1] for line in lines] == [
        lane.label for lane in race.began.lanes
    ]
    assert without_time(
        [ast.literal_eval(line[line.index("{") :]) for line in lines]
    ) == without_time(race.results())


def test_the_experiment_holds_what_was_done_by_hand(
    handled: tuple[Race, list[bytes]], exported: Path
) -> None:
    race, told = handled[0], json.loads((exported / "race.json").read_text("utf-8"))
    assert Experiment.parse(told["experiment"]) == race.began
    events = parse_events(told)
    assert [event.kind for event in events] == ["turn", "reheat", "weight"]
    again = Race(race.began, pictures=False, events=events)
    for _ in again:
        pass
    assert without_time(again.results()) == without_time(race.results())


def test_the_numbers_are_those_of_the_frames(
    handled: tuple[Race, list[bytes]], exported: Path
) -> None:
    with open(exported / "race.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    frames = [message for message in Recording(handled[1]) if message["type"] == "metrics"]
    assert len(rows) == 2 * len(frames)
    columns = {
        "step": "step",
        "evaluations": "evaluations (samples through one network)",
        "loss": "loss",
        "test_accuracy": "test_accuracy (share)",
        "temperature": "temperature",
    }
    for i, row in enumerate(rows):
        frame = frames[i // 2]
        assert (int(row["frame"]), int(row["lane (from 0)"])) == (frame["k"], i % 2)
        for key, column in columns.items():
            value = frame["lanes"][i % 2][key]
            assert row[column] == "" if value is None else float(row[column]) == value


def test_the_weights_are_read_by_safetensors_and_by_the_engine(
    handled: tuple[Race, list[bytes]], exported: Path
) -> None:
    race, path = handled[0], exported / "race.safetensors"
    kept = load_file(path)
    assert len(kept) == len(race.lanes) * len(race.network.layers)
    for lane in race.lanes:
        for layer in race.network.layers:
            found = kept[weights_file.tensor_name(lane.index, layer)]
            assert tuple(found.shape) == layer.shape
            assert found.flatten().equal(lane.state.estimate[layer.start : layer.stop])
    loaded = weights_file.load(path)
    assert loaded.steps == [lane.step for lane in race.lanes]
    assert all(
        mine.equal(lane.state.estimate) for mine, lane in zip(loaded.lanes, race.lanes, strict=True)
    )


def test_the_recording_comes_back_message_by_message(
    handled: tuple[Race, list[bytes]], exported: Path
) -> None:
    assert Recording.read(exported / "race.kelvin").messages == handled[1]


def gaps(page: str) -> tuple[Any, bytes]:
    """What stands in a replay's gaps: the words about it, the recording."""
    about = re.search(r'id="kelvin-about">(.*?)</script>', page, re.DOTALL)
    recording = re.search(r'id="kelvin-recording">(.*?)</script>', page, re.DOTALL)
    assert about
    assert recording
    return json.loads(about[1]), base64.b64decode(recording[1], validate=True)


def test_browser_and_python_fill_the_shell_alike(exported: Path) -> None:
    made, recording = gaps((exported / "race.html").read_text("utf-8"))
    again = replay.fill(made, recording)
    assert recording == (exported / "made.kelvin").read_bytes()
    assert gaps(again) == (made, recording)
    assert (
        made["title"]
        == replay.title_of(Recording.read(exported / "made.kelvin").stage)
        == "Moons: Simulated annealing vs Adam"
    )
    assert made["view"] == {"large": "loss"}


def test_a_title_stays_a_title() -> None:
    page = replay.fill(ABOUT, b"recording")
    assert gaps(page) == (ABOUT, b"recording")
    assert page.count("<script") == replay.shell().count("<script")
    assert "&lt;/title&gt;" in page


def test_a_playlist_has_its_recordings_one_a_line() -> None:
    about = {**ABOUT, "slides": [{"recording": "a"}, {"recording": "b"}], "files": ["a", "b"]}
    page = replay.fill(about, b"first", b"second")
    found = re.search(r'id="kelvin-recording">(.*?)</script>', page, re.DOTALL)
    assert found
    assert [base64.b64decode(line) for line in found[1].split("\n")] == [b"first", b"second"]
    assert (
        "present/page.js"
        in base64.b64decode(re.findall(r"data:text/javascript;base64,([^\"]*)", page)[0]).decode()
    )


def test_the_shell_asks_nothing_of_a_network() -> None:
    shell = replay.shell()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', shell)
    assert policy
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    assert rules["default-src"] == "'none'"
    assert set().union(*(rule.split() for rule in rules.values())) <= {
        "'none'",
        "'unsafe-inline'",
        "data:",
        "blob:",
        *re.findall(r"'sha256-[^']*'", policy[1]),
    }
    assert "'unsafe-inline'" not in rules["script-src"]
    # Every script that runs is one whose digest is allowed.
    scripts = re.findall(
        r'<script(?: type="(?:importmap|module)")?>(.*?)</script>', shell, re.DOTALL
    )
    assert len(scripts) == 3
    for script in scripts:
        assert (
            f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
            in rules["script-src"]
        )
    # No tag of the page itself points outside.
    assert not re.findall(r'(?:src|href)="(?!data:)[^"]*"', shell)
    assert "@import" not in replay.style("styles/live.css")
    assert not re.findall(
        r"url\((?!['\"]?data:)", "".join(replay.style(name) for name in replay.STYLES)
    )


def test_the_modules_are_one() -> None:
    found = re.search(r'<script type="importmap">(.*?)</script>', replay.shell())
    assert found
    addresses = json.loads(found[1])["imports"]
    assert list(addresses) == ["kelvin"]
    source = base64.b64decode(
        addresses["kelvin"].removeprefix("data:text/javascript;base64,")
    ).decode()
    assert source.endswith('export const { open } = use("replay/main.js");\n')
    assert "msgpack.LICENSE" in source, "who wrote it stays in it"


def test_a_replay_is_small() -> None:
    assert len(replay.fill(ABOUT, FIRST.read_bytes())) < 4_000_000


def test_the_server_gives_the_shell_to_the_browser() -> None:
    with TestClient(build()) as client:
        answer = client.get("/kelvin/replay-shell.html")
        plain = client.get("/kelvin/replay-shell.html", headers={"accept-encoding": "identity"})
    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text == plain.text == replay.shell()


def test_from_the_command_line(tmp_path: Path) -> None:
    made = CliRunner().invoke(replay.main, [str(FIRST), "-o", str(tmp_path / "race.html")])
    assert made.exit_code == 0, made.output
    about, recording = gaps((tmp_path / "race.html").read_text("utf-8"))
    assert recording == FIRST.read_bytes()
    assert about["title"] == "Two spirals: Simulated annealing vs Adam"
    (tmp_path / "none.kelvin").write_bytes(b"nothing")
    for arguments in (
        [str(tmp_path / "none.kelvin")],
        [str(FIRST), "-o", str(tmp_path / "no" / "folder.html")],
    ):
        refused = CliRunner().invoke(replay.main, arguments)
        assert refused.exit_code == 2
        assert len(refused.output.splitlines()) == 1
        assert refused.output.startswith(("recording", "--output"))
