"""Present mode: the playlist is whole, its recordings are here and small, an address chooses among
them.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from app import link, present
from app.live.bundle import FRONTEND
from app.live.mount import cold_methods
from app.present import Entry, chosen, playlist, wanted
from app.presets import presets
from engine.experiment.model import Experiment
from engine.messages.recording import Recording
from tests.tools.record import FIRST, MOST_BYTES, experiments, main

NAMES = [entry.recording for entry in playlist()]


def panels(layout: str) -> set[str]:
    """The names of the live view's panels, as it registers them itself."""
    text = (FRONTEND / "panels" / "registry.js").read_text("utf-8")
    block = text.split(f"\n  {layout}: {{")[1].split("\n  },")[0]
    return {line.split(":")[0].strip() for line in block.splitlines() if ": {" in line}


def test_the_playlist_has_enough_stories_and_none_twice() -> None:
    assert len(NAMES) == len(set(NAMES)) >= 7
    assert NAMES[0] == FIRST
    assert all(entry.title and entry.caption for entry in playlist())


@pytest.mark.parametrize("entry", playlist(), ids=NAMES)
def test_an_entry_is_recorded_as_its_preset_and_shows_panels_that_are_there(entry: Entry) -> None:
    path = present.RECORDINGS / f"{entry.recording}.kelvin"
    assert path.stat().st_size <= MOST_BYTES
    messages = list(Recording.read(path))
    kinds = [message["type"] for message in messages]
    assert kinds[0] == "stage"
    assert kinds.count("metrics") >= 40
    assert kinds.count("picture") == kinds.count("metrics")
    assert Experiment.parse(messages[0]["experiment"]) == experiments()[entry.recording]
    assert all(
        row["finished"]
        for row in [message for message in messages if message["type"] == "metrics"][-1]["lanes"]
    )
    there = panels("landscape" if messages[0]["data"]["kind"] == "function" else "network")
    assert entry.panels
    assert set(entry.panels) <= there
    assert entry.large is None or entry.large in there


def test_what_a_preset_claims_is_seen_in_its_recording() -> None:
    recorded = [preset for preset in presets() if preset.id in NAMES]
    assert len(recorded) >= 6
    for preset in recorded:
        metrics = [
            message
            for message in Recording.read(present.RECORDINGS / f"{preset.id}.kelvin")
            if message["type"] == "metrics"
        ]
        assert [said for claim in preset.expect if (said := claim.broken(metrics))] == [], preset.id


def test_without_a_choice_everything_is_shown() -> None:
    assert [entry.recording for entry in chosen({})] == NAMES
    assert [entry.recording for entry in chosen({"playlist": ""})] == NAMES


def test_an_address_chooses_recordings_in_its_own_order() -> None:
    assert [
        entry.recording for entry in chosen({"playlist": f"{NAMES[3]},{NAMES[0]},{NAMES[0]}"})
    ] == [NAMES[3], NAMES[0], NAMES[0]]
    assert chosen({"playlist": NAMES[2]})[0] is playlist()[2]


def test_what_is_not_here_is_left_out() -> None:
    odd = f"nothing-of-that-name,../secret,{NAMES[1]},<b>,UPPER"
    assert [entry.recording for entry in chosen({"playlist": odd})] == [NAMES[1]]
    assert [entry.recording for entry in chosen({"playlist": "nothing-of-that-name"})] == NAMES
    assert len(chosen({"playlist": ",".join([NAMES[0]] * 1000)})) == present.MOST_ENTRIES


def test_a_recording_of_the_visitors_own_can_be_on_the_stage() -> None:
    (entry,) = chosen({"playlist": "own:a1B2-c3_d4"})
    assert entry == Entry(recording="own:a1B2-c3_d4")


@pytest.mark.parametrize(
    ("parameters", "asked"),
    [
        ({"present": "1"}, True),
        ({"kiosk": "1"}, True),
        ({"present": "0"}, False),
        ({}, False),
        ({"dataset": "moons"}, False),
    ],
)
def test_only_an_address_that_asks_for_it_is_a_stage(
    parameters: dict[str, str], asked: bool
) -> None:
    assert wanted(parameters) is asked


def test_the_page_keeps_its_parameters_out_of_the_experiment() -> None:
    assert {"present", "kiosk", "playlist", "first", "own-playlist", "talk"} <= link.PAGE_KEYS


@pytest.mark.parametrize(
    ("asked", "found"),
    [("0123abcdef", "0123abcdef"), ("", None), ("../x", None), ("<b>", None), ("a" * 100, None)],
)
def test_an_address_names_a_playlist_of_the_visitors_own(asked: str, found: str | None) -> None:
    assert present.own_playlist({"own-playlist": asked}) == found
    assert present.own_playlist({"talk": asked}) == found, "what it was called before"
    assert present.own_playlist({}) is None


def test_the_browser_checks_slides_as_entries_are_checked_here() -> None:
    text = (FRONTEND / "data" / "playlist.js").read_text("utf-8")
    fields = Entry.model_json_schema()["properties"]
    assert f"MOST_SLIDES = {present.MOST_ENTRIES};" in text
    assert f"MOST_PANELS = {fields['panels']['maxItems']};" in text
    for field in ("title", "caption"):
        assert f"{field}: {fields[field]['maxLength']}" in text
    assert f"SLOWEST = {fields['pace']['minimum']};" in text
    assert f"FASTEST = {fields['pace']['maximum']:g};" in text


def test_the_cold_methods_are_those_that_use_the_gradient() -> None:
    assert {"adam", "sgd", "levenberg-marquardt"} <= set(cold_methods())
    assert not {"annealing", "eki", "forward-gradient", "spsa"} & set(cold_methods())


@pytest.mark.parametrize(
    "value",
    [
        {"recording": "../x"},
        {"recording": "a", "pace": 0},
        {"recording": "a", "caption": "c" * 400},
        {"recording": "a", "x": "metres"},
        {"recording": "a", "no": 1},
    ],
)
def test_a_wrong_entry_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Entry.model_validate_json(json.dumps(value))


def test_a_name_that_is_not_recorded_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.tools.record.ASSETS", tmp_path)
    assert main(["no-such-race"]) == 2
    complaint = capsys.readouterr().err.strip()
    assert "no-such-race" in complaint
    assert FIRST in complaint
    assert "\n" not in complaint
    assert not list(tmp_path.rglob("*"))


def test_the_race_that_is_taken_along_comes_first_and_the_others_follow() -> None:
    usual = [entry.recording for entry in chosen({})]
    assert [entry.recording for entry in chosen({"first": "own:0123"})] == ["own:0123", *usual]
    assert [entry.recording for entry in chosen({"first": usual[2]})] == [
        usual[2],
        *(name for name in usual if name != usual[2]),
    ]
    assert [entry.recording for entry in chosen({"first": "own:0123", "playlist": usual[1]})] == [
        "own:0123",
        usual[1],
    ]
    for wrong in ("", "../x", "no-such-recording", "own:" + "a" * 100, "<b>"):
        assert [entry.recording for entry in chosen({"first": wrong})] == usual
