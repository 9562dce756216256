"""A race that is interrupted, wherever that is, and taken up again is the race that was not
interrupted: results, frames and recording.
"""

import json
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.datasets.hand_drawn import HandDrawn
from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.messages.encoding import Message, encode
from engine.messages.recording import Recording
from engine.optimizers import OPTIMIZERS
from engine.race import checkpoint
from engine.race.interrupt import Interrupt
from engine.race.interventions import parse_events
from engine.race.race import Race
from tests.engine.support.command_line import run
from tests.engine.support.interrupting import interrupted, without_clock

MOONS = {"dataset": {"name": "moons", "points": 60}, "network": {"name": "mlp", "hidden": [4]}}
EVENTS = [
    {"kind": "turn", "lane": 1, "step": 50, "field": "learning_rate", "value": 0.003},
    {"kind": "reheat", "lane": 0, "step": 3, "value": 5},
    {"kind": "weight", "lane": 1, "step": 60, "index": 3, "value": 1.5},
    {"kind": "points", "steps": [9, 70], "value": HandDrawn().points},
]
RACES: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "target": ({**MOONS, "lanes": ["adam", "sgd"], "stop": {"target": 0.5}}, []),
    "patience": ({**MOONS, "lanes": ["sgd", "eki", "cma-es"], "stop": {"patience": 0.05}}, []),
    "events": ({**MOONS, "lanes": ["annealing", "adam"]}, EVENTS),
    "schedules": (
        {
            **MOONS,
            "lanes": [
                {"name": "annealing", "schedule": "adaptive"},
                {"name": "annealing", "schedule": "aarts-van-laarhoven"},
                "coolmomentum",
            ],
        },
        [],
    ),
    "stand-ins": ({**MOONS, "lanes": ["openai-es", "low-rank-es", "spsa"]}, []),
    "landscape": (
        {
            "dataset": {"name": "landscape", "function": "himmelblau"},
            "lanes": ["annealing", "adam", "lbfgs"],
        },
        [],
    ),
}


@pytest.fixture(autouse=True)
def ctrl_c_is_heard() -> Iterator[None]:
    """As in a program that was started in the foreground."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def race_of(value: dict[str, Any], events: list[Any], amount: float, marks: int = 25) -> Race:
    experiment = Experiment.parse(
        {**value, "budget": {"currency": "evaluations", "amount": amount}}
    )
    return Race(experiment, marks=marks, events=parse_events(events))


def plain(message: Message) -> bytes:
    return encode(without_clock(message))


def parts(race: Race) -> list[bytes]:
    """What iterating gives from here on."""
    return [
        plain(part) for frame in race for part in (frame.metrics, frame.picture or {"type": "none"})
    ]


def results(race: Race) -> Any:
    return without_clock(race.results())


def parts_until_interrupted(race: Race, at: int) -> list[bytes]:
    """What iterating gives until Ctrl-C comes in that step."""
    found: list[bytes] = []
    with interrupted(at), pytest.raises(KeyboardInterrupt):
        found.extend(
            plain(part)
            for frame in race
            for part in (frame.metrics, frame.picture or {"type": "none"})
        )
    return found


def interrupted_and_resumed(race: Race, at: int, path: Path) -> tuple[list[bytes], Race]:
    """The frames of a race that was interrupted in a step and taken up again from a file, and the
    race at its end.
    """
    found = parts_until_interrupted(race, at)
    again = checkpoint.load(checkpoint.save(race, path))
    return found + parts(again), again


@pytest.mark.parametrize("name", RACES)
def test_interrupted_anywhere_and_resumed_is_not_interrupted(name: str, tmp_path: Path) -> None:
    value, events = RACES[name]
    amount = 600 if name == "landscape" else 2e4
    whole = race_of(value, events, amount)
    frames, ends = parts(whole), results(whole)
    assert len(frames) > 10
    assert any(lane.stopped for lane in whole.lanes) == ("stop" in value)
    steps = sum(lane.step for lane in whole.lanes)
    chance = random.Random(name)
    for at in sorted({1, steps, *(chance.randint(1, steps) for _ in range(2))}):
        found, again = interrupted_and_resumed(
            race_of(value, events, amount), at, tmp_path / "race"
        )
        assert found == frames, f"interrupted in step {at} of {steps}"
        assert results(again) == ends
        assert again.done == whole.done


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_every_method_interrupted_and_resumed_is_not_interrupted(name: str, tmp_path: Path) -> None:
    value = {**MOONS, "lanes": [{"name": name, "batch": 20}, "adam"], "stop": {"target": 0.02}}
    whole = race_of(value, [], 3e4)
    frames, ends = parts(whole), results(whole)
    chance = random.Random(name)
    for _ in range(3):
        at = chance.randint(1, sum(lane.step for lane in whole.lanes))
        found, again = interrupted_and_resumed(race_of(value, [], 3e4), at, tmp_path / "race")
        assert (found, results(again)) == (frames, ends), f"interrupted in step {at}"


def test_a_race_in_a_notebook_goes_on_after_ctrl_c() -> None:
    value = {**MOONS, "lanes": ["adam", "pso"]}
    whole, again = race_of(value, [], 2e4), race_of(value, [], 2e4)
    frames = parts(whole)
    assert parts_until_interrupted(again, 17) + parts(again) == frames
    assert parts(again) == [], "it is over"


def test_a_look_at_the_results_in_between_changes_nothing() -> None:
    value = {**MOONS, "lanes": ["adam"], "stop": {"target": 0.5}}
    whole, asked = race_of(value, [], 3e4, marks=4), race_of(value, [], 3e4, marks=4)
    list(whole)
    assert whole.lanes[0].stopped
    while not asked.finished and asked.lanes[0].step < whole.lanes[0].step - 1:
        asked.advance()
        asked.results()
    assert asked.lanes[0].stopped is None


def test_a_step_that_was_torn_is_neither_kept_nor_gone_on_from(tmp_path: Path) -> None:
    race = race_of({**MOONS, "lanes": ["adam"]}, [], 2e4)
    with interrupted(5, times=2), pytest.raises(KeyboardInterrupt):
        list(race)
    with pytest.raises(RuntimeError, match=r"^step 5 of Adam was left incomplete"):
        checkpoint.save(race, tmp_path / "race")
    with pytest.raises(RuntimeError, match=r"^step 5 of Adam was left incomplete"):
        race.advance()
    assert list(tmp_path.iterdir()) == []


def test_handlers_are_given_back() -> None:
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    with Interrupt() as interrupt:
        signal.raise_signal(signal.SIGTERM)
        assert interrupt.signal == signal.SIGTERM
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before
    list(race_of({**MOONS, "lanes": ["adam"]}, [], 2e3))
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
    assert interrupt.signal is None
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


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
    "--target",
    "0.05",
    "--json",
)


def told(out: str) -> Any:
    result = without_clock(json.loads(out))
    return {key: value for key, value in result.items() if key != "recording"}


def recorded(out: str) -> list[bytes]:
    return [plain(message) for message in Recording.read(Path(json.loads(out)["recording"]))]


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_the_command_line_resumes_the_recording_too(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "events.json").write_text(json.dumps(EVENTS))
    asked = (*ASKED, "--events", str(tmp_path / "events.json"), "--record", str(tmp_path / "runs"))
    _, whole, _ = run(capsys, *asked)
    messages = recorded(whole)
    kept, chance = tmp_path / "race", random.Random(int(number))
    for _ in range(3):
        with interrupted(chance.randint(1, 120), number=number):
            code, half, _ = run(capsys, *asked, "--checkpoint", str(kept))
        assert code == 128 + number
        assert json.loads(half)["stopped"]
        assert recorded(half)[:-1] == messages[: len(recorded(half)) - 1]
    code, out, _ = run(capsys, *asked, "--checkpoint", str(kept))
    assert code == 0
    assert recorded(out) == messages
    assert told(out) == told(whole)
    assert not kept.exists()


def test_a_second_ctrl_c_leaves_at_once_and_the_checkpoint_as_it_was(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kept = tmp_path / "race"
    with interrupted(30):
        run(capsys, *ASKED, "--checkpoint", str(kept))
    before = kept.read_bytes()
    with interrupted(10, times=2):
        code, out, err = run(capsys, *ASKED, "--checkpoint", str(kept))
    assert (code, out) == (130, "")
    assert "Traceback" not in err
    assert kept.read_bytes() == before


def test_a_recording_is_never_taken_up_in_the_middle(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kept, runs = tmp_path / "race", ("--record", str(tmp_path / "runs"))
    for first, second in (((), runs), (runs, ())):
        with interrupted(20):
            run(capsys, *ASKED, *first, "--checkpoint", str(kept))
        code, out, err = run(capsys, *ASKED, *second, "--checkpoint", str(kept))
        assert (code, out) == (2, "")
        assert err.strip().splitlines()[-1].startswith("--checkpoint: ")
        assert "--record" in err
        kept.unlink()


def test_a_snapshot_of_the_first_version_still_opens(tmp_path: Path) -> None:
    value = {**MOONS, "lanes": ["openai-es", "adam"], "stop": {"target": 0.1}}
    whole = race_of(value, [], 1e5, marks=200)
    list(whole)
    race = race_of(value, [], 1e5, marks=200)
    with interrupted(71), pytest.raises(KeyboardInterrupt):
        list(race)
    kept = checkpoint.take(race)
    old = {name: kept[name] for name in ("experiment", "dataset", "events")} | {
        "version": 1,
        "lanes": kept["lanes"],
    }
    for lane in old["lanes"]:
        del lane["watched"], lane["move"]
    old["lanes"][0]["state"]["population"] = race.lanes[0].state.population.dense()  # type: ignore[union-attr]
    torch.save(old, tmp_path / "old")
    again = checkpoint.load(tmp_path / "old")
    list(again)
    assert results(again) == results(whole)


def test_a_snapshot_that_cannot_be_written_is_refused_in_a_sentence(tmp_path: Path) -> None:
    race = race_of({**MOONS, "lanes": ["adam"]}, [], 2e3)
    with pytest.raises(BadInput, match="a file that can be written"):
        checkpoint.save(race, tmp_path / "nowhere" / "race")


def test_a_population_that_is_nowhere_is_not_written_out(tmp_path: Path) -> None:
    """512 MiB of members, of which the file needs a seed."""
    value = {
        "dataset": {"name": "moons", "points": 60}, "network": {"name": "mlp", "hidden": [256, 256]},
        "lanes": [{"name": "openai-es", "pairs": 1000, "batch": 1}], "budget": {"currency": "evaluations", "amount": 1e9},
    }  # fmt: skip
    race = Race(Experiment.parse(value))
    race.advance()
    path = checkpoint.save(race, tmp_path / "race")
    dimension = race.network.dimension
    assert path.stat().st_size < 40 * 4 * dimension < 2000 * 4 * dimension / 10
    one, other = race.lanes[0].state.population, checkpoint.load(path).lanes[0].state.population
    assert one is not None
    assert other is not None
    rows = torch.tensor([0, 999, 1000, 1999])
    assert torch.equal(one[rows], other[rows])
