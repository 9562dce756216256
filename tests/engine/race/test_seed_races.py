"""A race of several seeds: every seed is exactly the race of its own, all keep the same pace, and
what is done to it reaches every one.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.datasets.hand_drawn import encode_points
from engine.errors import BadInput, CannotRun
from engine.experiment.lanes import MAX_SEED
from engine.experiment.model import Experiment, one_seed
from engine.experiment.query_string import from_flat, to_flat
from engine.messages.encoding import decode, encode
from engine.messages.recorder import Recorder
from engine.messages.recording import Recording
from engine.observation import weights_file
from engine.race import checkpoint
from engine.race.interventions import events_of
from engine.race.race import Race
from engine.race.seed_races import FAILED, FIELDS, SeedRaces, race_of, summary_of

CLOCKS = ("clock", "seconds", "core_seconds")
EXACT = [i for i, name in enumerate(FIELDS) if name not in ("seconds", "state")]


def experiment(*lanes: Any, seeds: int = 3, seed: int = 0, amount: float = 2e4, **rest: Any) -> Any:
    return Experiment.parse(
        {
            "dataset": {"name": "moons", "points": 60},
            "network": {"name": "mlp", "hidden": [4]},
            "lanes": lanes or ("annealing", "adam"),
            "budget": {"currency": "evaluations", "amount": amount},
            "seed": seed,
            "seeds": seeds,
            "device": "cpu",
            **rest,
        }
    )


def without_clocks(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_clocks(one) for key, one in value.items() if key not in CLOCKS}
    if isinstance(value, list | tuple):
        return [without_clocks(one) for one in value]
    return value


def alone(given: Experiment, place: int, marks: int) -> list[Any]:
    return list(Race(one_seed(given, place), marks=marks))


def numbers(rows: list[Any]) -> np.ndarray[Any, Any]:
    return np.array(
        [[math.nan if row[FIELDS[i]] is None else row[FIELDS[i]] for i in EXACT] for row in rows]
    )


def test_every_seed_has_the_frames_of_its_own_race() -> None:
    seed = int(np.random.default_rng().integers(2**30))
    given = experiment("annealing", "adam", "eki", seed=seed, amount=3e4)
    together = list(SeedRaces(given, marks=40))
    for place in range(3):
        own = alone(given, place, 40)
        assert [frame.k for frame in own] == [frame.k for frame in together]
        for one, frame in zip(own, together, strict=True):
            told = frame.metrics["seeds"]["values"][place][:, EXACT]
            np.testing.assert_array_equal(told, numbers(one.metrics["lanes"]))
    for one, frame in zip(alone(given, 0, 40), together, strict=True):
        picture, ours = dict(one.picture or {}), dict(frame.picture or {})
        assert ours.pop("seed") == 0
        assert encode(picture) == encode(ours)
        assert encode({"type": "", "rows": without_clocks(one.metrics["lanes"])}) == encode(
            {"type": "", "rows": without_clocks(frame.metrics["lanes"])}
        )


def test_all_have_spent_the_same_to_within_a_step() -> None:
    race = SeedRaces(experiment("annealing", "levenberg-marquardt", seeds=4), pictures=False)
    cost = [max(one.lanes[i].oracle.evaluations for one in race.races) for i in range(2)]
    while not race.finished:
        before = [[lane.oracle.evaluations for lane in one.lanes] for one in race.races]
        place = race.advance()
        for i, lane in enumerate(race.races[place].lanes):
            cost[i] = max(cost[i], lane.oracle.evaluations - before[place][i])
        spent = [lane.oracle.evaluations for one in race.races for lane in one.running]
        assert not spent or max(spent) - min(spent) <= max(cost)


def test_following_another_seed_shows_its_race() -> None:
    given = experiment(seeds=3, seed=5)
    race = SeedRaces(given)
    for _ in range(30):
        race.advance()
    race.follow(2)
    frame = race.frame(0)
    data = one_seed(given, 2).dataset.load(7)
    assert frame.metrics["seeds"]["followed"] == 2
    assert frame.picture is not None
    assert frame.picture["seed"] == 2
    assert torch.equal(race.seed_message(2, 0)["data"]["points"]["x"], data.x_train)
    lanes = race.races[2].lanes
    assert [row["step"] for row in frame.metrics["lanes"]] == [lane.step for lane in lanes]
    wrongs: list[Any] = [3, -1, True, "1"]
    for wrong in wrongs:
        with pytest.raises(BadInput, match=r"^seed: .*from 0 to 2"):
            race.follow(wrong)


def test_an_intervention_reaches_every_seed_and_is_repeated_exactly(tmp_path: Path) -> None:
    given = experiment("annealing", "sgd", amount=2e4)
    race = SeedRaces(given, marks=20)
    recorder = Recorder(race)
    blocks = []
    for frame in race:
        recorder.add(frame)
        blocks.append(frame.metrics["seeds"]["values"][:, :, EXACT])
        if frame.k == 5:
            assert race.reheat(0, 4.0)
            race.set_hyperparameter(1, "learning_rate", 0.7)
        if frame.k == 9:
            race.put_weight(1, 3, 0.25)
            race.set_points(encode_points(torch.randn(40, 2), torch.arange(40) % 2))
    for one in race.races:
        assert [event["kind"] for event in one.done] == ["reheat", "turn", "weight", "points"]
        assert one.lanes[1].optimizer.learning_rate == 0.7  # type: ignore[attr-defined]
    path = recorder.recording().write(tmp_path / "race.kelvin")
    events = events_of(Recording.read(path))
    assert len(events) == 12
    again = SeedRaces(given, marks=20, events=events)
    for frame, before in zip(again, blocks, strict=True):
        np.testing.assert_array_equal(frame.metrics["seeds"]["values"][:, :, EXACT], before)
    # The events of one seed make its own race the same, too.
    last = list(race_of(one_seed(given, 0), marks=20, events=events))[-1]
    np.testing.assert_array_equal(numbers(last.metrics["lanes"]), blocks[-1][0])


def test_a_lane_that_has_ended_in_one_seed_is_changed_in_the_others() -> None:
    race = SeedRaces(experiment("sgd", "adam"))
    race.races[0].lanes[0].finished = True
    race.set_hyperparameter(0, "learning_rate", 0.7)
    assert [one.lanes[0].optimizer.learning_rate == 0.7 for one in race.races] == [  # type: ignore[attr-defined]
        False,
        True,
        True,
    ]
    for one in race.races:
        one.lanes[0].finished = True
    with pytest.raises(BadInput, match="lane that still runs"):
        race.set_hyperparameter(0, "learning_rate", 0.5)


def test_a_lane_that_fails_in_one_seed_fails_only_there() -> None:
    race = SeedRaces(experiment("adam", "annealing", seed=4), marks=20)
    frames = iter(race)
    next(frames)
    race.races[1].fail(race.races[1].lanes[0], RuntimeError("broken"))
    last = list(frames)[-1].metrics["seeds"]
    state = last["values"][:, 0, FIELDS.index("state")]
    assert (state == FAILED).tolist() == [False, True, False]
    assert last["troubles"][0].startswith("Seed 5: Adam ended at step")
    assert last["troubles"][1] is None
    summary = summary_of(race.seed_results())
    assert [row["failed"] for row in summary] == [1, 0]


def test_a_stop_rule_ends_seeds_one_by_one_and_frames_go_on() -> None:
    given = experiment("adam", seeds=4, amount=6e4, stop={"target": 0.25})
    frames = list(SeedRaces(given, marks=50, pictures=False))
    ks = [frame.k for frame in frames]
    assert ks == sorted(set(ks))
    for place in range(4):
        own = alone(given, place, 50)[-1].metrics["lanes"]
        told = frames[-1].metrics["seeds"]["values"][place][:, EXACT]
        np.testing.assert_array_equal(told, numbers(own))


def test_a_checkpoint_continues_every_seed(tmp_path: Path) -> None:
    given = experiment("annealing", "adam", amount=2e4)
    whole = [frame.metrics["seeds"]["values"] for frame in SeedRaces(given, marks=30)]
    race = SeedRaces(given, marks=30)
    first = []
    for frame in race:
        first.append(frame.metrics["seeds"]["values"])
        if frame.k == 11:
            break
    race.follow(1)
    path = checkpoint.save(race, tmp_path / "race.snapshot")
    again = checkpoint.load_any(path)[0]
    assert isinstance(again, SeedRaces)
    assert (again.place, again.began) == (1, given)
    rest = [frame.metrics["seeds"]["values"] for frame in again]
    assert len(first) + len(rest) == len(whole)
    for one, other in zip([*first, *rest], whole, strict=True):
        np.testing.assert_array_equal(one[:, :, EXACT], other[:, :, EXACT])
    content = checkpoint.take_seeds(race)
    content["races"] = content["races"][:2]
    torch.save(content, tmp_path / "less.snapshot")
    with pytest.raises(BadInput, match="snapshot"):
        checkpoint.load_any(tmp_path / "less.snapshot")
    with pytest.raises(BadInput, match="of one seed"):
        checkpoint.load(path)


def test_a_recording_has_the_block_and_the_last_moment_of_every_seed(tmp_path: Path) -> None:
    race = SeedRaces(experiment(amount=5e3), marks=10)
    recorder = Recorder(race)
    for frame in race:
        recorder.add(frame)
    read = list(Recording.read(recorder.recording().write(tmp_path / "race.kelvin")))
    blocks = [message["seeds"] for message in read if message["type"] == "metrics"]
    assert all(block["values"].shape == (3, 2, len(FIELDS)) for block in blocks)
    last = [message for message in read if message["type"] == "seed"]
    assert [message["seed"] for message in last] == [0, 1, 2]
    for message in last:
        own = message["last"]["lanes"]
        told = blocks[-1]["values"][message["seed"], :, FIELDS.index("loss")]
        np.testing.assert_allclose(told, [row["loss"] for row in own], rtol=1e-6)
        assert message["last"]["picture"]["lanes"][0]["path"].shape[0] > 1
        assert len(message["last"]["weights"]["lanes"]) == 2
    assert read[0]["experiment"]["seeds"] == 3


def test_the_number_of_seeds_is_part_of_json_and_link() -> None:
    given = experiment(seeds=8)
    assert Experiment.parse(given.to_json()) == given
    assert to_flat(given)["seeds"] == "8"
    assert from_flat(to_flat(given)).seeds == 8
    one = experiment(seeds=1)
    assert "seeds" not in one.to_json()
    assert "seeds" not in to_flat(one)
    assert Experiment.parse({**one.to_json(), "seeds": "4"}).seeds == 4
    for wrong in (0, 17, -1, 1.5, "many", True):
        with pytest.raises(BadInput, match=r"^seeds: "):
            Experiment.parse({**one.to_json(), "seeds": wrong})
    with pytest.raises(BadInput, match=r"^seeds: 3 .*at most 2 from seed"):
        Experiment.parse({**one.to_json(), "seed": MAX_SEED - 1, "seeds": 3})
    with pytest.raises(BadInput, match=r"^seeds: 8 .*SeedRaces"):
        Race(given)


def test_too_many_seeds_for_the_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    one = experiment("pso", seeds=1)
    from engine.experiment.model import problem_of

    network = one.network.build_for(one.dataset)
    need = one.lanes[0].footprint(problem_of(one.dataset, network, one.loss))
    monkeypatch.setattr("engine.experiment.model.memory_limit", lambda device: need * 5)
    assert Experiment.parse({**one.to_json(), "seeds": 5}).seeds == 5
    with pytest.raises(CannotRun, match=r"^seeds: .*at most 5 seeds"):
        Experiment.parse({**one.to_json(), "seeds": 6})


def run(*arguments: str) -> tuple[int, str]:
    from click.testing import CliRunner

    from engine.cli.main import cli

    done = CliRunner().invoke(
        cli,
        [
            "run",
            *("--dataset", "moons", "--set", "dataset.points=60", "--optimizer", "annealing"),
            *("--versus", "adam", "--evaluations", "5e3", "--device", "cpu", *arguments),
        ],
    )
    return done.exit_code, done.stdout


def test_the_command_line_tells_seeds_and_their_summary(tmp_path: Path) -> None:
    weights = str(tmp_path / "weights.safetensors")
    code, out = run(
        *("--seeds", "3", "--seed", "5", "--json", "--record", str(tmp_path)),
        *("--weights", weights),
    )
    assert code == 0
    told = json.loads(out)
    assert [one["seed"] for one in told["seeds"]] == [5, 6, 7]
    assert told["experiment"]["seeds"] == 3
    losses = np.array([[row["loss"] for row in one["lanes"]] for one in told["seeds"]])
    for lane, row in enumerate(told["summary"]):
        assert row["loss"]["median"] == pytest.approx(np.median(losses[:, lane]))
        assert row["wins"] == int((losses.argmin(1) == lane).sum())
    assert told["recording"].endswith("moons-annealing-adam-seeds5-7.kelvin")
    assert len(weights_file.load(Path(weights)).lanes) == 6
    code, text = run("--seeds", "2")
    assert code == 0
    assert "median of 2 seeds" in text
    assert " of 2" in text
    assert "\nseed 1\n" in text
    # A seed's result does not depend on its place among the seeds.
    code, out = run("--json", "--seeds", "3", "--seed", "6")
    assert json.loads(out)["seeds"][0]["lanes"][0]["loss"] == losses[1, 0]


def test_a_block_survives_its_message() -> None:
    frame = next(iter(SeedRaces(experiment(seeds=2), pictures=False)))
    block = decode(encode(frame.metrics))["seeds"]
    assert block["fields"] == list(FIELDS)
    assert block["values"].dtype == np.float32
    assert np.isnan(block["values"][:, 1, FIELDS.index("temperature")]).all()
