"""Text that is no text, numbers without room and lists without end are refused where they come in,
and end nothing where they would go out.
"""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from app.replay import main as replay
from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.experiment.query_string import from_flat
from engine.messages.encoding import decode, encode
from engine.race.interventions import parse_events
from engine.race.race import Race
from engine.system.input_checks import MOST_LEVELS, check
from tests.engine.support.command_line import run

BAD_TEXTS = ["\ud800", "a\udfffb", "\udc80", "\0", "moons\0"]


def name(bad: Any) -> str:
    """Of a test's case."""
    return (
        ascii(bad)[1:-1]
        if isinstance(bad, str)
        else f"{bad.bit_length()} bits"
        if isinstance(bad, int)
        else "a list"
    )


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def sendable(error: BadInput) -> str:
    """The sentence, which must be one line that every terminal and every socket takes."""
    text = str(error)
    assert text.encode("utf-8")
    assert text.isprintable()
    assert decode(encode({"type": "problem", "sentence": text}))["sentence"] == text
    return text


def places(bad: Any) -> list[Any]:
    """Experiments with that value in every place there is."""
    return [
        {"dataset": bad},
        {"dataset": {"name": "moons", "noise": bad}},
        {"dataset": {"name": "drawn", "points": bad}},
        {"dataset": {"name": "landscape", "function": "formula", "formula": bad}},
        {"network": {"name": "mlp", "activation": bad}},
        {"network": {"name": "mlp", "hidden": [bad]}},
        {"loss": bad},
        {"lanes": [bad]},
        {"lanes": [{"name": "adam", "learning_rate": bad}]},
        {"budget": {"currency": bad}},
        {"budget": {"amount": bad}},
        {"stop": {"target": bad}},
        {"seed": bad},
        {"device": bad},
        {"precision": bad},
        {"dataset": {"name": "own-table", "token": bad}},
        *([{bad: 1}, {"dataset": {"name": "moons", bad: 1}}] if isinstance(bad, str) else []),
    ]


@pytest.mark.parametrize(
    "bad",
    [*BAD_TEXTS, nested(MOST_LEVELS + 1), nested(900), 10**400, -(10**400), 10**5000],
    ids=name,
)
def test_no_place_of_an_experiment_takes_it(bad: Any) -> None:
    for value in places(bad):
        with pytest.raises(BadInput) as caught:
            Experiment.parse(value)
        sendable(caught.value)


@pytest.mark.parametrize("bad", BAD_TEXTS)
def test_no_link_and_no_setting_takes_it(bad: str) -> None:
    for flat in (
        {"dataset": bad},
        {bad: "1"},
        {"adam.learning_rate": bad, "lanes": "adam"},
        {f"adam.{bad}": "1", "lanes": "adam"},
        {"lanes": f"adam,{bad}"},
    ):
        with pytest.raises(BadInput) as caught:
            from_flat(flat)
        sendable(caught.value)


@pytest.mark.parametrize("bad", [*BAD_TEXTS, 10**30, nested(900)], ids=name)
def test_no_event_takes_it(bad: Any) -> None:
    events: list[dict[str, Any]] = [
        {"kind": "turn", "lane": 0, "step": 1, "field": bad, "value": 1},
        {"kind": "turn", "lane": 0, "step": 1, "field": "learning_rate", "value": bad},
        {"kind": "points", "steps": [1], "value": bad},
        {"kind": "turn", "lane": 0, "step": bad, "field": "learning_rate", "value": 1},
        {"kind": "weight", "lane": 0, "step": 1, "index": bad, "value": 1},
        {"kind": bad},
    ]
    for event in events:
        with pytest.raises(BadInput) as caught:
            parse_events([event])
        sendable(caught.value)


@pytest.mark.parametrize("factor", [float("nan"), float("inf"), 0, -1, True, "2"])
def test_heat_is_a_number_above_0_or_nothing_happens(factor: Any) -> None:
    race = Race(
        Experiment.parse({"dataset": {"name": "moons", "points": 60}, "lanes": ["annealing"]})
    )
    before = race.lanes[0].state.temperature
    with pytest.raises(BadInput, match="expected a number above 0"):
        race.reheat(0, factor)
    assert (race.lanes[0].state.temperature, race.done) == (before, [])


@pytest.mark.parametrize("bad", BAD_TEXTS)
@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--dataset"),
        ("run", "--set"),
        ("run", "--record"),
        ("run", "--weights"),
        ("run", "--checkpoint"),
        ("run", "--events"),
        ("run",),
        ("compare", "--keep"),
        ("compare", "--methods"),
    ],
)
def test_no_argument_is_it(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], bad: str
) -> None:
    code, out, err = run(capsys, *arguments, bad)
    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert "argument[" in err


@pytest.mark.parametrize(
    "text",
    [
        '{"dataset": "\\ud800"}',
        '{"lanes": ["adam\\u0000"]}',
        '{"\\udc00": 1}',
        json.dumps({"dataset": nested(500)}),
        '{"seed": 1e999}',
    ],
)
def test_no_file_holds_it(capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str) -> None:
    (tmp_path / "race.json").write_text(text)
    for arguments in (
        ("run", str(tmp_path / "race.json")),
        ("run", "--events", str(tmp_path / "race.json")),
    ):
        code, out, err = run(capsys, *arguments)
        assert (code, out) == (2, "")
        assert len(err.strip().splitlines()) == 1


def test_the_replay_says_so_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        replay(["a\0b"])
    assert stop.value.code == 2
    assert "zero bytes" in capsys.readouterr().err


def test_whatever_is_sent_is_sent() -> None:
    """Neither a text without bytes nor a number without room keeps a message from being sent."""
    message = {
        "type": "x",
        "text": "a\ud800b",
        "\udfff": 1,
        "large": 10**25,
        "larger": -(10**400),
        "fits": 2**64 - 1,
        "least": -(2**63),
    }
    back = decode(encode(message))
    assert (back["text"], back["large"], back["larger"]) == ("a?b", 1e25, None)
    assert (back["fits"], back["least"]) == (2**64 - 1, -(2**63))


def test_a_refusal_is_one_printable_line_whatever_was_refused() -> None:
    chance = random.Random(5)
    for _ in range(300):
        text = "".join(
            chr(
                chance.choice(
                    (
                        chance.randrange(0x100),
                        chance.randrange(0xD000, 0xE100),
                        chance.randrange(0x2000, 0x2100),
                    )
                )
            )
            for _ in range(9)
        )
        sendable(BadInput(text, text, text))


def test_what_is_plain_passes() -> None:
    check({"a": [1, 2.5, None, True, "Käse 🧀"], "b": {"c": nested(MOST_LEVELS - 4)}}, numbers=True)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (
            {"lanes": [{"name": "annealing", "population_size": "1_000"}]},
            "lanes[0].population_size",
        ),
        ({"lanes": [{"name": "adam", "learning_rate": "0.0_1"}]}, "lanes[0].learning_rate"),
        ({"lanes": [{"name": "spsa", "learning_rate": "٣"}]}, "lanes[0].learning_rate"),
        ({"network": {"name": "mlp", "hidden": ["1_6"]}}, "network.hidden"),
        ({"dataset": {"name": "moons", "points": "1_00"}}, "dataset.points"),
        ({"budget": {"currency": "evaluations", "amount": "1_000"}}, "budget.amount"),
        ({"stop": {"target": "0_1"}}, "stop.target"),
        ({"seed": "1_0"}, "seed"),
        ({"threads": "1_0"}, "threads"),
    ],
)
def test_numbers_that_only_python_reads_are_refused_in_json(value: Any, place: str) -> None:
    with pytest.raises(BadInput) as refused:
        Experiment.parse(value)
    assert refused.value.field == place
    assert str(refused.value).count(":") == 1


def test_usual_numbers_and_texts_are_taken_as_ever() -> None:
    lane = {"name": "annealing", "population_size": "12", "step_size": " 1e-1 ", "adapt": "true"}
    experiment = Experiment.parse({"lanes": [lane], "seed": "7", "budget": {"amount": "2.5"}})
    assert (experiment.lanes[0].population_size, experiment.seed) == (12, 7)  # type: ignore[attr-defined]
    own = {"name": "own-table", "token": "a" * 16, "target": "1_000"}
    with pytest.raises(BadInput) as refused:
        Experiment.parse({"dataset": own})
    assert "a number, such as" not in str(refused.value), "a column may be called so"
