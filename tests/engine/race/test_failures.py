"""What is raised, refused or no number in one lane ends that lane with a sentence, and no other."""

import json
import logging
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine import evaluation
from engine.errors import BadInput, NothingLeft
from engine.experiment.model import Experiment
from engine.messages.encoding import decode, encode
from engine.observation.step_trace import step_with_stages
from engine.observation.weights_file import load, save
from engine.optimizers import OPTIMIZERS, State
from engine.oracle import Oracle
from engine.populations.base import Population
from engine.race import checkpoint
from engine.race.comparison import rows
from engine.race.failures import cause_of, gentler
from engine.race.race import Race
from engine.registry import fields
from engine.workers.race_runner import RaceRunner
from tests.engine.support.command_line import run
from tests.engine.workers.test_worker import Wire
from tests.there import there

ADAM = OPTIMIZERS.build("adam")
KINDS: dict[str, tuple[Callable[[], Exception], str]] = {
    "factorisation": (
        lambda: torch.linalg.LinAlgError("linalg.cholesky: not positive-definite"),  # type: ignore[attr-defined]
        "a matrix could not be factorised",
    ),
    "division": (lambda: ZeroDivisionError("float division by zero"), "it divided by zero"),
    "overflow": (
        lambda: OverflowError("(34, 'Numerical result out of range')"),
        "a number became too large for its type",
    ),
    "root": (
        lambda: ValueError("math domain error"),
        "a computation failed on numbers such as infinity",
    ),
    "memory": (lambda: MemoryError(), "it needs more memory than this machine has left"),
    "CPU memory": (
        lambda: RuntimeError(
            "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't "
            "allocate memory: you tried to allocate 4 bytes."
        ),
        "it needs more memory than this machine has left",
    ),
    "GPU memory": (
        lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
        "it needs more memory than this machine has left",
    ),
    "nothing left": (
        lambda: NothingLeft("only 1 of its 8 members is finite"),
        "only 1 of its 8 members is finite",
    ),
    "defect": (
        lambda: KeyError("weights"),
        "an error inside Kelvin (KeyError), which is in the log",
    ),
}


def race_of(*lanes: Any, amount: float = 3e3, **rest: Any) -> Race:
    value = {
        "dataset": {"name": "moons", "points": 20},
        "network": {"name": "mlp", "hidden": [3]},
        "lanes": lanes or ("annealing", "adam"),
    }
    return Race(
        Experiment.parse(value | {"budget": {"currency": "evaluations", "amount": amount}} | rest),
        marks=5,
    )


def failing(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    at: int,
    error: Callable[[], Exception],
    spoil: bool = True,
) -> None:
    """Make a method raise at a step, having spoilt its state; 0 is `init`. The steps by which a
    lane is warmed are left out, for they would be counted.
    """
    monkeypatch.setattr("engine.race.race.warm_up", lambda *_: None)
    cls = OPTIMIZERS.get(name)
    init, step, taken = cls.init, cls.step, {"steps": 0}

    def broken_init(self: Any, theta: Any, rng: Any, oracle: Any) -> State:
        taken["steps"] = 0
        if at == 0:
            raise error()
        return init(self, theta, rng, oracle)

    def broken_step(self: Any, state: State, rng: Any, oracle: Any) -> State:
        taken["steps"] += 1
        if taken["steps"] < at:
            return step(self, state, rng, oracle)
        if spoil:
            state.estimate.fill_(math.nan)
            state.metrics["nonsense"] = math.inf
            state.temperature = math.nan
        raise error()

    monkeypatch.setattr(cls, "init", broken_init)
    monkeypatch.setattr(cls, "step", broken_step)


def sound(value: Any) -> bool:
    """Whether every number of a message that is shown is one: all but losses of members, which may
    be infinite.
    """
    if isinstance(value, dict):
        return all(sound(entry) for name, entry in value.items() if name != "cloud_loss")
    if isinstance(value, list):
        return all(sound(entry) for entry in value)
    if isinstance(value, torch.Tensor):
        return bool(torch.isfinite(value.float()).all())
    return not isinstance(value, float) or math.isfinite(value)


@pytest.mark.parametrize("at", [0, 1, 3], ids=["at init", "at the first step", "at a later step"])
@pytest.mark.parametrize(
    "names",
    [("annealing",), ("adam",), ("annealing", "adam")],
    ids=["lane 0", "lane 1", "both lanes"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_an_exception_ends_its_lane_alone(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    names: tuple[str, ...],
    at: int,
) -> None:
    error, words = KINDS[kind]
    for name in names:
        failing(monkeypatch, name, at, error)
    with caplog.at_level(logging.ERROR):
        race = race_of()
        stage, frames = race.stage(), list(race)
    assert race.finished
    last = frames[-1].metrics["lanes"]
    for lane, row, result in zip(race.lanes, last, race.results(), strict=True):
        assert sound(encode_decode(row))
        if lane.optimizer.name in names:
            assert row["trouble"] == lane.trouble == result["trouble"]
            assert f"ended at step {at}" in row["trouble"]
            assert words in row["trouble"]
            assert ("while it was set up" in row["trouble"]) == (at == 0)
            assert f"The last good moment, step {lane.good.step}" in row["trouble"]
            assert row["finished"]
            assert row["step"] == lane.step == at
            assert torch.isfinite(lane.state.estimate).all()
        else:
            assert row["trouble"] is None
            assert row["progress"] == 1
        assert math.isfinite(there(result["loss"]))
    logged = [record for record in caplog.records if record.exc_info]
    assert len(logged) == (len(names) if kind == "defect" else 0), (
        "a defect is logged with its traceback, what a number did is not"
    )
    assert decode(encode(stage))["lanes"][0]["population"] >= 1
    for frame in frames:
        assert frame.picture is not None
        assert sound(frame.picture)
    for lane, drawn in zip(race.lanes, (frames[-1].picture or {})["lanes"], strict=True):
        assert lane.trouble is None or drawn["cloud"] is None
    json.dumps(race.results(), allow_nan=False)


def encode_decode(row: dict[str, Any]) -> dict[str, Any]:
    """A row as it comes over the wire."""
    return dict(decode(encode({"type": "row", **row})))


def test_the_others_go_the_same_way_as_without_the_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = race_of()
    list(alone)
    failing(monkeypatch, "annealing", 2, KINDS["division"][0])
    race = race_of()
    list(race)
    assert torch.equal(race.lanes[1].state.estimate, alone.lanes[1].state.estimate)
    assert race.lanes[1].oracle.evaluations == alone.lanes[1].oracle.evaluations


def test_what_is_kept_is_the_last_good_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "adam", 4, KINDS["overflow"][0])
    race = race_of("adam")
    for _ in range(3):
        race.advance()
    good = race.metrics(0)["lanes"][0]
    kept = race.lanes[0].state.estimate.clone()
    race.advance()
    assert race.finished
    row = race.metrics(1)["lanes"][0]
    assert row["trouble"] == (
        f"Adam ended at step 4: a number became too large for its type. "
        f"The last good moment, step 3 with loss {good['loss']:.3g}, is kept. "
        "A smaller step size usually helps."
    )
    assert torch.equal(race.lanes[0].state.estimate, kept)
    assert row["loss"] == pytest.approx(good["loss"], rel=1e-5)
    with pytest.raises(RuntimeError, match="the race is over"):
        race.advance()


def test_interrupts_and_bad_input_go_their_way(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "adam", 1, lambda: BadInput("field", 1, "something else"))
    with pytest.raises(BadInput):
        list(race_of("adam"))
    monkeypatch.setattr(
        OPTIMIZERS.get("adam"), "step", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt())
    )
    with pytest.raises(KeyboardInterrupt):
        list(race_of("adam"))


@pytest.mark.parametrize("broken", [0, 1])
def test_a_lane_whose_own_numbers_fail_ends_and_the_other_goes_on(
    monkeypatch: pytest.MonkeyPatch, broken: int
) -> None:
    race = race_of("pso", "cbo")
    lane, other = race.lanes[broken], race.lanes[1 - broken]
    method = type(lane.optimizer)
    told = method.diagnostics

    def diagnostics(self: Any, state: Any) -> dict[str, float]:
        if state.population is not None:
            raise MemoryError
        return told(self, state)

    race.advance()
    race.advance()
    monkeypatch.setattr(method, "diagnostics", diagnostics)
    frames = list(race)
    assert "while its numbers were told" in str(lane.trouble)
    assert other.trouble is None
    assert other.finished
    assert frames[-1].metrics["lanes"][broken]["trouble"] == lane.trouble


@pytest.mark.parametrize("broken", [0, 1])
@pytest.mark.parametrize("where", ["scores", "slopes", "cloud", "answers", "detail", "plan"])
@pytest.mark.parametrize("kind", ["memory", "defect"])
def test_what_cannot_be_shown_of_a_lane_ends_that_lane(
    monkeypatch: pytest.MonkeyPatch, kind: str, where: str, broken: int
) -> None:
    race = race_of("annealing", "pso")
    lane = race.lanes[broken]
    for _ in range(4):
        race.advance()
    observer, error = race.observer, KINDS[kind][0]

    def about(population: torch.Tensor | Population) -> bool:
        return (
            isinstance(population, torch.Tensor)
            and any(torch.equal(row, lane.state.estimate) for row in population)
            and lane.trouble is None
        )

    def raising(find: Callable[..., Any], mine: Callable[..., bool]) -> Callable[..., Any]:
        def found(*given: Any, **more: Any) -> Any:
            if mine(*given):
                raise error()
            return find(*given, **more)

        return found

    if where == "scores":
        monkeypatch.setattr(
            evaluation,
            "outputs",
            raising(evaluation.outputs, lambda network, population, *_: about(population)),
        )
    elif where == "slopes":
        monkeypatch.setattr(
            evaluation,
            "gradients",
            raising(
                evaluation.gradients, lambda *_: lane.trouble is None and lane.move is not None
            ),
        )
    elif where == "cloud":
        monkeypatch.setattr(
            observer,
            "_cloud",
            raising(observer._cloud, lambda one: one is lane and lane.trouble is None),
        )
    elif where == "answers":
        monkeypatch.setattr(
            observer.answers,
            "of",
            raising(observer.answers.of, lambda population, *_: about(population)),
        )
    elif where == "detail":
        monkeypatch.setattr(
            "engine.observation.observer.histograms",
            raising(
                race_histograms,
                lambda layers, theta: (
                    lane.trouble is None and torch.equal(theta, lane.state.estimate)
                ),
            ),
        )
    else:
        monkeypatch.setattr(
            type(lane.optimizer),
            "planned_temperature",
            raising(type(lane.optimizer).planned_temperature, lambda *_: True),
        )
    stage, frame, detail = race.stage(), race.frame(0), race.detail(0)
    frame = race.frame(1) if where == "detail" else frame
    troubles = [row["trouble"] for row in frame.metrics["lanes"]]
    assert troubles[broken] is not None
    assert KINDS[kind][1] in troubles[broken]
    assert "while it was looked at" in troubles[broken]
    assert troubles[1 - broken] is None or where == "slopes", (
        "slopes are asked of all lanes that moved: there the stand-in cannot tell them apart"
    )
    assert sound(frame.picture)
    assert all(encode(message) for message in (stage, detail, frame.metrics))
    frames = list(race)
    assert frames[-1].metrics["lanes"][1 - broken]["progress"] == 1 or where == "slopes"


def race_histograms(*given: Any) -> Any:
    from engine.observation.diagnostics import histograms

    return histograms(*given)


@pytest.mark.parametrize("doing", ["turn", "weight", "reheat", "points"])
def test_a_hand_under_which_a_method_fails_ends_its_lane(
    monkeypatch: pytest.MonkeyPatch, doing: str
) -> None:
    race = race_of("annealing", "adam")
    cls, oops = type(race.lanes[0].optimizer), KINDS["division"][0]

    def broken(*_: Any, **__: Any) -> Any:
        raise oops()

    race.advance()
    if doing == "turn":
        monkeypatch.setattr(cls, "on_hyperparameter_change", broken)
        race.set_hyperparameter(0, "step_size", 2.0)
    elif doing == "weight":
        monkeypatch.setattr(cls, "set_weight", broken)
        race.put_weight(0, 0, 1.0)
    elif doing == "reheat":
        monkeypatch.setattr(cls, "reheat", broken)
        race.reheat(0, 10)
    else:
        monkeypatch.setattr(race.lanes[0].oracle, "set_dataset", broken)
        from engine.datasets.hand_drawn import encode_points

        data = race.dataset
        race.set_points(encode_points(data.x_train[:10], data.y_train[:10]))
    assert race.lanes[0].trouble is not None
    assert "it divided by zero" in race.lanes[0].trouble
    assert race.lanes[1].trouble is None
    assert list(race)[-1].metrics["lanes"][1]["progress"] == 1
    assert not race.reheat(0, 2.0), "a lane that failed has no temperature left"
    with pytest.raises(BadInput):
        race.set_hyperparameter(0, "step_size", 1.0)


def test_slow_motion_of_a_step_that_fails_tells_nothing_and_ends_the_lane(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing(monkeypatch, "annealing", 2, KINDS["factorisation"][0])
    race = race_of()
    race.frame(0)
    for _ in range(2):
        message = step_with_stages(race, race.lanes[0], 0)
    assert race.lanes[0].trouble is not None
    assert all(stage["points"] is None for stage in message["stages"])
    assert encode(message)
    assert step_with_stages(race, race.lanes[1], 0)["stages"][0]["points"] is not None


@pytest.mark.parametrize("at", [0, 3])
def test_a_race_with_a_failed_lane_is_kept_and_exported_like_any_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, at: int
) -> None:
    failing(monkeypatch, "annealing", at, KINDS["memory"][0])
    race = race_of()
    while race.lanes[0].step < at or race.lanes[1].step < 5:
        race.advance()
    race.frame(0)
    path = checkpoint.save(race, tmp_path / "race.snapshot")
    again = checkpoint.load(path)
    assert again.lanes[0].trouble == race.lanes[0].trouble is not None
    assert again.lanes[0].finished
    for one in (race, again):
        list(one)
    assert again.results()[0]["loss"] == race.results()[0]["loss"]
    assert torch.equal(again.lanes[1].state.estimate, race.lanes[1].state.estimate)
    kept = load(save(race, tmp_path / "weights.safetensors"))
    assert all(torch.isfinite(lane).all() for lane in kept.lanes)


def test_a_lane_for_which_there_is_no_memory_when_it_is_taken_up_again_keeps_what_it_had(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    race = race_of()
    for _ in range(8):
        race.advance()
    race.frame(0)
    path = checkpoint.save(race, tmp_path / "race.snapshot")
    failing(monkeypatch, "annealing", 0, KINDS["memory"][0])
    again = checkpoint.load(path)
    assert "while it was set up" in (again.lanes[0].trouble or "")
    assert torch.equal(again.lanes[0].state.estimate, race.lanes[0].state.estimate)
    assert list(again)[-1].metrics["lanes"][1]["progress"] == 1


def test_the_command_line_prints_all_results_and_exits_with_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    failing(monkeypatch, "annealing", 2, KINDS["memory"][0])
    arguments = [
        "run",
        "--dataset",
        "moons",
        "--set",
        "dataset.points=20",
        "--optimizer",
        "annealing",
        "--versus",
        "adam",
        "--evaluations",
        "2000",
    ]
    status, out, err = run(capsys, *arguments)
    assert status == 3
    assert "Traceback" not in out + err
    assert (
        "Simulated annealing ended at step 2: it needs more memory than this machine has left."
        in out
    )
    assert any(line.startswith("adam") for line in out.splitlines())
    failing(monkeypatch, "annealing", 0, KINDS["defect"][0])
    status, out, err = run(
        capsys,
        *arguments,
        "--json",
        "--record",
        str(tmp_path),
        "--weights",
        str(tmp_path / "w.safetensors"),
    )
    assert status == 3
    result = json.loads(out)
    assert result["lanes"][0]["trouble"].startswith(
        "Simulated annealing ended at step 0, while it was set up: an error inside Kelvin "
        "(KeyError)"
    )
    assert result["lanes"][1]["trouble"] is None
    assert Path(result["recording"]).exists()


def test_a_comparison_goes_on_with_the_next_method(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, "adam", 0, KINDS["division"][0])
    monkeypatch.setattr(
        OPTIMIZERS.get("sgd"), "step", lambda *_: (_ for _ in ()).throw(KINDS["memory"][0]())
    )
    experiment = Experiment.parse(
        {
            "dataset": {"name": "moons", "points": 20},
            "lanes": ["adam"],
            "budget": {"currency": "evaluations", "amount": 2000},
            "seed": 3,
        }
    )
    found = {row["optimizer"]: row for row in rows(experiment, ["adam", "sgd", "random-search"])}
    assert "it divided by zero" in found["adam"]["trouble"]
    assert "more memory" in found["sgd"]["trouble"]
    assert found["random-search"]["trouble"] is None
    status, out, _ = run(
        capsys,
        *[
            "compare",
            "--dataset",
            "moons",
            "--methods",
            "adam,random-search",
            "--evaluations",
            "2000",
        ],
    )
    assert status == 3
    assert "it divided by zero" in out
    assert "random-search" in out


def test_exceptions_are_told_apart() -> None:
    for error, words in KINDS.values():
        assert words in cause_of(error(), ADAM).words
    assert cause_of(RuntimeError("shape '[3]' is invalid for input of size 4"), ADAM).defect
    assert not cause_of(NothingLeft("x", "y"), ADAM).defect
    assert cause_of(NothingLeft("x", "y"), ADAM).advice == "y"


def test_a_lane_whose_oracle_answers_nothing_any_more_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    race = race_of("openai-es", "adam", amount=2e5)
    oracle: Oracle = race.lanes[0].oracle
    losses = oracle.losses

    def lost(population: Any) -> torch.Tensor:
        answer = torch.full_like(losses(population), math.nan)
        oracle.answers = [answer]
        return answer

    oracle.losses = lost  # type: ignore[method-assign]
    race.marks = 50
    last = list(race)[-1].metrics["lanes"]
    assert "none of the losses it evaluated was finite" in last[0]["trouble"]
    assert last[1]["progress"] == 1


@pytest.mark.parametrize("at", [0, 2])
def test_a_worker_tells_of_the_lane_that_failed_and_takes_the_other_to_its_end(
    monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    failing(monkeypatch, "annealing", at, KINDS["defect"][0])
    wire = Wire()
    wire.drive(RaceRunner(race_of().began, wire.send))
    rows = [message["lanes"] for message in wire.messages if message["type"] == "metrics"]
    assert rows[-1][0]["trouble"].startswith(f"Simulated annealing ended at step {at}")
    assert (rows[0][0]["trouble"] is not None) == (at == 0), (
        "a lane that failed while it was set up is told of in the first frame"
    )
    assert rows[-1][1]["trouble"] is None
    assert rows[-1][1]["progress"] == 1
    assert all(message["type"] != "problem" for message in wire.messages)


def sentences_of(optimizer: Any) -> list[str]:
    """All that a lane of that method may be advised."""
    return [cause_of(error(), optimizer).advice for error, _ in KINDS.values()]


def advised(sentence: str) -> list[str]:
    """What a sentence says should be smaller, larger or fewer: "step size", "batch"."""
    return re.findall(r"(?:smaller|larger|fewer|Fewer) (.+?)(?:,| or | usually| will)", sentence)


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_advice_names_only_what_the_method_has(name: str) -> None:
    labels = {entry["label"].lower() for entry in fields(OPTIMIZERS.get(name))}
    sentences = sentences_of(OPTIMIZERS.build(name))
    assert any(sentences)
    for sentence in filter(None, sentences):
        assert advised(sentence), sentence
        for thing in advised(sentence):
            assert thing.lower() in labels | {"network"}, sentence


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("levenberg-marquardt", "A larger damping usually helps."),
        ("eki", "A smaller step size or a smaller spread usually helps."),
        ("enkf", "A larger observation noise or a smaller spread usually helps."),
        ("cma-es", "A smaller first σ usually helps."),
        ("adam", "A smaller step size usually helps."),
        ({"name": "lbfgs", "batch": 8}, "A larger batch usually helps."),
        ("lbfgs", ""),
    ],
)
def test_what_usually_helps_is_the_methods_own(name: Any, words: str) -> None:
    assert gentler(OPTIMIZERS.build(name)) == words


def test_what_ended_a_lane_is_told_with_advice_of_its_method(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing(monkeypatch, "levenberg-marquardt", 2, KINDS["factorisation"][0])
    race = race_of("levenberg-marquardt")
    list(race)
    assert (race.lanes[0].trouble or "").endswith("is kept. A larger damping usually helps.")
