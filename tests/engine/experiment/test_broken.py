"""Two hundred broken experiments, by file, by --set and by link: never a traceback, always one
line.
"""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from app.link import read_link
from engine.errors import BadInput
from engine.experiment.model import Experiment
from engine.experiment.query_string import from_flat, to_flat

JUNK: list[Any] = [
    None, True, -1, 0, 1e400, float("nan"), -float("inf"), 10**30, 2**63, "", "x", "🌡️", "'; DROP TABLE", "\x00", "../../etc/passwd", [], [[]], {}, {"name": None}, {"name": []},
    {"name": "adam"}, [None], ["adam", 3], "9" * 5000, {"a": {"b": {"c": 1}}}, 0.1, "NaN", "1e999", "none", "__import__('os')",
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    yield path
    entries = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, entry in entries:
        yield from places(entry, (*path, key))


def put(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    if not path:
        return junk
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(copy[path[0]], path[1:], junk)
    return copy


def mutants(n: int) -> list[Any]:
    rng = random.Random(0)
    whole = Experiment.parse(
        {"lanes": ["annealing", "eki", "pso", "adam"], "dataset": "moons"}
    ).to_json()
    every = list(places(whole))
    out = []
    for _ in range(n):
        value = whole
        for path in rng.sample(every, rng.choice([1, 1, 1, 2])):
            try:
                value = put(value, path, rng.choice(JUNK))
            except (KeyError, IndexError, TypeError, AttributeError):
                continue  # the place went with an earlier mutation
        if rng.random() < 0.2 and isinstance(value, dict):
            value = {**value, rng.choice(["x", "", "lanes ", "__class__"]): rng.choice(JUNK)}
        out.append(value)
    return out


def judge(sentence: str, most: int = 700) -> None:
    assert "\n" not in sentence
    assert len(sentence) < most
    assert "expected" in sentence
    assert "Traceback" not in sentence


@pytest.mark.parametrize("mutant", mutants(200), ids=range(200))
def test_a_mutated_experiment_runs_or_is_refused_in_one_line(mutant: Any) -> None:
    try:
        Experiment.parse(mutant)
    except BadInput as error:
        judge(str(error))


def test_most_mutants_are_indeed_refused() -> None:
    refused = 0
    for mutant in mutants(200):
        try:
            Experiment.parse(mutant)
        except BadInput:
            refused += 1
    assert refused > 120


@pytest.mark.parametrize("number", range(200))
def test_a_mutated_link_opens_with_a_sentence_or_an_experiment(number: int) -> None:
    rng = random.Random(number)
    flat = to_flat(
        Experiment.parse(
            {
                "lanes": [{"name": "annealing", "population_size": 9}, "adam"],
                "dataset": {"name": "moons", "noise": 0.3},
            }
        )
    )
    whole, texts = from_flat(flat), [str(junk) for junk in JUNK]
    changed = rng.sample(list(flat), rng.choice([1, 1, 2]))
    for key in changed:
        flat[key] = rng.choice(texts)
    if rng.random() < 0.3:
        added = ["annealing.x", "x", ".", "a.b.c", "lane9.chains", "", "dataset.", "flops"]
        changed.append(rng.choice(added))
        flat[changed[-1]] = rng.choice(texts)
    experiment, complaint = read_link(flat)
    assert from_flat(to_flat(experiment)) == experiment
    if complaint is not None:
        told, _, parameters = complaint.partition("\n\n- ")  # a line, and one for each parameter
        assert "\n" not in told
        for sentence in parameters.split("\n- ") if parameters else [told]:
            judge(sentence)
    if not any(key.startswith("dataset") for key in changed):
        assert experiment.dataset == whole.dataset, "what is right in a link is kept"


def test_mutants_as_files_end_with_exit_2_and_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    from engine.cli.main import main

    for number, mutant in enumerate(mutants(200)):
        try:
            Experiment.parse(mutant)
            continue  # it would run
        except BadInput:
            pass
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(mutant))
        with pytest.raises(SystemExit) as stop:
            main(["run", str(file), "--json"])
        out, err = capsys.readouterr()
        assert stop.value.code == 2
        assert out == ""
        assert len(err.strip().splitlines()) == 1
