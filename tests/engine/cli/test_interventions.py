"""The command line runs again what was done by hand, ends by rules, and writes what a race leaves
behind.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.datasets.hand_drawn import HandDrawn
from engine.messages.encoding import encode
from engine.messages.recording import Recording
from engine.observation import weights_file
from engine.race.race import Race
from tests.engine.support.command_line import run

ASKED = (
    "run",
    "--dataset",
    "moons",
    "--set",
    "dataset.points=60",
    "--optimizer",
    "annealing",
    "--versus",
    "adam",
    "--evaluations",
    "1e5",
    "--json",
)
EVENTS = [
    {"kind": "turn", "lane": 1, "step": 50, "field": "learning_rate", "value": 0.003},
    {"kind": "reheat", "lane": 0, "step": 3, "value": 5},
    {"kind": "weight", "lane": 1, "step": 60, "index": 3, "value": 1.5},
    {"kind": "points", "steps": [30, 160], "value": HandDrawn().points},
]


def lanes(out: str) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in lane.items() if key not in ("seconds", "core_seconds")}
        for lane in json.loads(out)["lanes"]
    ]


@pytest.mark.slow
def test_a_recording_is_run_again_with_all_that_was_done_by_hand(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "events.json").write_text(json.dumps(EVENTS))
    code, first, err = run(
        capsys, *ASKED, "--events", str(tmp_path / "events.json"), "--record", str(tmp_path)
    )
    assert code == 0, err
    done = json.loads(first)["events"]
    assert sorted(event["kind"] for event in done) == ["points", "reheat", "turn", "weight"]
    assert json.loads(first)["experiment"]["dataset"]["name"] == "moons", (
        "the experiment as it was given"
    )
    file = json.loads(first)["recording"]
    assert lanes(run(capsys, "run", file, "--json")[1]) == lanes(first)
    (tmp_path / "result.json").write_text(first)
    for source in (file, str(tmp_path / "result.json")):
        assert lanes(run(capsys, *ASKED, "--events", source)[1]) == lanes(first)
    assert lanes(run(capsys, *ASKED)[1]) != lanes(first)
    kinds = Counter(message["type"] for message in Recording.read(Path(file)))
    assert kinds["stage"] == kinds["weights"] == 1
    assert 10 <= kinds["detail"] <= 21
    assert kinds["metrics"] == kinds["picture"] > kinds["detail"]


def test_a_race_turned_in_the_page_is_run_again(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from engine.experiment.query_string import from_flat

    race = Race(
        from_flat(
            {"dataset": "moons", "dataset.points": "60", "lanes": "adam", "evaluations": "5e4"}
        )
    )
    messages, k = [encode(race.stage()), encode(race.metrics(0))], 0
    while not race.finished:  # looked at whenever, as in the page
        race.advance()
        if race.lanes[0].step in (40, 90):
            race.set_hyperparameter(0, "learning_rate", 0.1 / race.lanes[0].step)
        if race.lanes[0].step % 7 == 0:
            k += 1
            messages.append(encode(race.metrics(k)))
    messages.append(encode(race.metrics(k + 1)))
    file = Recording(messages).write(tmp_path / "page.kelvin")
    code, out, err = run(capsys, "run", str(file), "--json")
    assert code == 0, err
    assert lanes(out) == [
        {key: value for key, value in row.items() if key not in ("seconds", "core_seconds")}
        for row in race.results()
    ]


def test_stop_rules_and_weights(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "out" / "race.safetensors"
    code, out, err = run(
        capsys, *ASKED, "--target", "0.2", "--patience", "0.9", "--weights", str(file)
    )
    assert code == 0, err
    assert f"--weights: made the folder {file.parent}" in err.splitlines()
    result = json.loads(out)
    adam = result["lanes"][1]
    assert adam["stopped"] == f"Adam reached the target loss 0.2 at step {adam['steps']:,}."
    assert result["experiment"]["stop"] == {"target": 0.2, "patience": 0.9}
    assert "events" not in result
    assert weights_file.load(Path(result["weights"])).steps == [
        lane["steps"] for lane in result["lanes"]
    ]
    _, table, _ = run(capsys, *ASKED[:-1], "--target", "0.2")
    assert adam["stopped"] in table


def test_a_target_below_every_loss_is_refused_and_a_folder_that_is_there_is_not_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, err = run(capsys, *ASKED, "--target", "-0.1")
    assert code == 2
    assert "-0.1 is not allowed; expected at least 0, as no loss is lower" in err
    function = ("--dataset", "landscape", "--optimizer", "adam", "--evaluations", "50")
    code, _, err = run(capsys, "run", *function, "--target", "-5")
    assert code == 0, "a height may be negative"
    code, _, err = run(capsys, *ASKED, "--weights", str(tmp_path / "race.safetensors"))
    assert code == 0
    assert "folder" not in err


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        ("{", "--events: "),
        ("7", "events: 7 is not allowed; expected a list"),
        (
            '[{"kind": "turn", "lane": 5, "step": 1, "field": "learning_rate", "value": 1}]',
            "events[0].lane: 5 is not allowed; expected a whole number from 0 to 1",
        ),
        (
            '[{"kind": "turn", "lane": 1, "step": 1, "field": "batch", "value": 1}]',
            "batch: 1 is not allowed; expected a knob that may be turned",
        ),
    ],
)
def test_events_that_cannot_be_done_are_one_line_and_exit_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, events: str, sentence: str
) -> None:
    (tmp_path / "events.json").write_text(events)
    code, out, err = run(capsys, *ASKED, "--events", str(tmp_path / "events.json"))
    assert (code, out) == (2, "")
    assert err.strip().splitlines()[-1].startswith(sentence)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--events", "nowhere.json"),
        ("--events", "nowhere.kelvin"),
        ("--weights", "/dev/null/x/y"),
        ("--target", "low"),
        ("--patience", "7"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    code, out, err = run(capsys, *ASKED, *arguments)
    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_checkpoint_belongs_to_its_events(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "events.json").write_text(json.dumps(EVENTS))
    asked = (*ASKED, "--events", str(tmp_path / "events.json"))
    _, whole, _ = run(capsys, *asked)
    kept, advance, steps = tmp_path / "race", Race.advance, iter(range(120))

    def advance_or_stop(race: Race) -> int:
        if next(steps, None) is None:
            raise KeyboardInterrupt
        return advance(race)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Race, "advance", advance_or_stop)
        assert run(capsys, *asked, "--checkpoint", str(kept))[0] == 130
    assert run(capsys, *ASKED, "--checkpoint", str(kept))[0] == 2, (
        "the same experiment, but not its events"
    )
    code, again, _ = run(capsys, *asked, "--checkpoint", str(kept))
    assert code == 0
    assert lanes(again) == lanes(whole)
    assert json.loads(again)["events"] == json.loads(whole)["events"]
