"""Plans: equal help for every lane, keys of what decides a result, formulas."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import BadInput
from engine.optimizers import OPTIMIZERS
from engine.studies import study as studies
from engine.studies.formula import evaluate
from engine.studies.plan import TUNING_SEED, merged, runs_of
from engine.studies.study import Lane, Study, Tune, read
from tests.engine.studies.conftest import TEXT


def test_every_case_lane_and_seed_is_run_once(study: Study) -> None:
    runs = list(runs_of(study, "small"))
    default = [run for run in runs if not run.variant.startswith("trial")]
    assert {(run.case, run.lane, run.variant, run.seed) for run in default} == {
        (case, lane, variant, seed)
        for case in ("bowl/4", "bowl/16")
        for lane, variant in (
            ("adam", "default"),
            ("spsa", "default"),
            ("annealing", "× 0.5"),
            ("annealing", "× 1"),
        )
        for seed in range(3)
    }
    assert len({run.key for run in default}) == len(default)


def test_the_primary_comparison_has_more_seeds_and_so_has_what_it_starts_from(study: Study) -> None:
    scale = study.size["small"].model_copy(update={"primary_seeds": 6})
    lanes = [
        one.model_copy(update={"start_from": "bowl/annealing"}) if one.id == "spsa" else one
        for one in study.lane
    ]
    asked = study.model_copy(update={"size": {"small": scale}, "lane": tuple(lanes)})
    seeds: dict[str, set[int]] = {}
    for run in runs_of(asked, "small"):
        if not run.variant.startswith("trial"):
            seeds.setdefault(run.lane, set()).add(run.seed)
    assert (study.primary.lane, study.primary.against) == ("spsa", "adam")
    assert seeds == {lane: set(range(6)) for lane in ("spsa", "adam", "annealing")}
    for run in runs_of(asked, "small", seeds=2):
        assert run.seed < 2 or run.seed >= TUNING_SEED, "as many as were asked for"
    assert {run.seed for run in runs_of(study, "small") if run.seed < TUNING_SEED} == {0, 1, 2}


def test_tuning_has_as_many_trials_as_stated_on_seeds_that_are_never_reported(
    study: Study,
) -> None:
    trials = [run for run in runs_of(study, "small") if run.variant.startswith("trial")]
    assert {run.seed for run in trials} == {TUNING_SEED}
    assert {run.lane for run in trials} == {"adam"}  # the only lane with a search space
    rates = [
        [run.experiment["lanes"][0]["learning_rate"] for run in trials if run.case == case]
        for case in ("bowl/4", "bowl/16")
    ]
    for tried in rates:
        assert len(tried) == 3
        assert tried[0] == 0.1  # trial 0 is the study file's own setting
        assert all(0.01 <= rate <= 1 for rate in tried)
        assert len(set(tried)) == 3
    again = [run.key for run in runs_of(study, "small") if run.variant.startswith("trial")]
    assert again == [run.key for run in trials]


def test_a_lane_is_tuned_over_the_space_of_its_method_without_what_it_sets() -> None:
    given = {"id": "one", "title": "One", "setting": {"name": "eki", "step_size": 1.0}}
    assert set(Lane(**given).search_space()) == {"population_size", "init_std"}
    assert set(Lane(**given, tune={}).search_space()) == set()
    own = {"observation_noise": {"log": (0.1, 1.0)}}
    assert set(Lane(**given, tune=own).search_space()) == {"observation_noise"}
    assert set(Lane(**given, ladder=(1.0, 4.0)).search_space()) == set()
    assert set(Lane(**given, probe="span-residual").search_space()) == set()


def test_every_method_has_a_search_space_of_at_most_three_of_its_hyperparameters() -> None:
    for name in OPTIMIZERS.names():
        space = Lane(id="one", title="One", setting={"name": name}).search_space()
        assert 1 <= len(space) <= 3, name
        assert set(space) <= set(OPTIMIZERS.get(name).model_fields), name


def test_formulas_know_the_weights_the_samples_and_the_settings_before(study: Study) -> None:
    run = next(
        run for run in runs_of(study, "small") if (run.case, run.lane) == ("bowl/16", "spsa")
    )
    setting = run.experiment["lanes"][0]
    assert (run.dimension, run.samples, run.along) == (16, 16, 16.0)
    assert setting["directions"] == 4
    assert setting["learning_rate"] == 16 / 20
    assert run.experiment["budget"]["amount"] == 60 * 16 * 16 + 300 * 16


def test_a_key_is_of_what_decides_the_result_and_of_nothing_else(study: Study) -> None:
    run = next(iter(runs_of(study, "small")))
    assert replace(run, study="other", variant="tuned", trial=3).key == run.key
    changes: tuple[dict[str, Any], ...] = (
        {"seed": 7},
        {"average": 0.9},
        {"core_seconds": 1.0},
        {"targets": []},
        {"experiment": {**run.experiment, "seed": 8}},
        {"needs": "x"},
    )
    for change in changes:
        assert replace(run, **change).key != run.key


def test_experiments_are_merged_entry_by_entry() -> None:
    first = {"dataset": "digits", "network": {"name": "mlp", "hidden": [4]}}
    assert merged(first, {"network": {"activation": "relu"}}) == {
        "dataset": "digits",
        "network": {"name": "mlp", "hidden": [4], "activation": "relu"},
    }
    assert merged(first, {"network": {"name": "cnn"}})["network"] == {"name": "cnn"}
    assert merged(first, {"dataset": {"noise": 1}})["dataset"] == {"name": "digits", "noise": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("max(1, D // 32)", 3),
        ("D ** 0.5 - 10", 0),
        ("1 < D < 200 and not (N > 10)", True),
        ("sqrt(D) / 2", 5),
    ],
)
def test_formulas_compute(text: str, value: float) -> None:
    assert evaluate(text, {"D": 100, "N": 7}) == value


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "().__class__",
        "D.__class__",
        "[x for x in D]",
        "lambda: 1",
        "unknown",
        "D ** 1000",
        "1 / 0",
        "D +",
        "open('x')",
        "'a' * 3 + D",
        "1" * 3000,
    ],
)
def test_nothing_else_is_a_formula(text: str) -> None:
    with pytest.raises(BadInput, match="formula"):
        evaluate(text, {"D": 100})


def test_ranges_are_passed_through_from_end_to_end() -> None:
    log = Tune(log=(0.01, 1.0))
    assert (log.at(0), log.at(0.5)) == (0.01, 0.1)
    assert [Tune(values=("a", "b")).at(share) for share in (0, 0.49, 0.5, 0.99)] == list("aabb")
    whole = {Tune(integer=(1, 20)).at(share / 1000) for share in range(1000)}
    assert (min(whole), max(whole)) == (1, 20)
    assert Tune(linear=(0, 2)).at(0.5) == 1


def changed(folder: Path, before: str, after: str) -> Path:
    """Write the study file with one place of it changed."""
    assert before in TEXT
    path = folder / "wrong.toml"
    path.write_text(TEXT.replace(before, after, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ('case = "bowl"', 'case = "bowel"', "primary"),
        ('lane = "spsa"', 'lane = "spas"', "primary"),
        ('sees = "gradient"', 'sees = "everything"', "lane[0].sees"),
        ("seeds = 3", "seeds = 0", "seeds"),
        ('id = "spsa"', 'id = "adam"', "lane"),
        ('title = "Adam"', 'title = "Adam"\ncases = ["nowhere"]', "cases"),
        ("trials = 3", "trials == 3", "study"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_in_a_line(
    tmp_path: Path, before: str, after: str, field: str
) -> None:
    path = changed(tmp_path, before, after)
    with pytest.raises(BadInput) as error:
        read(path)
    assert "\n" not in str(error.value)
    assert field in str(error.value)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"60 * D * N + 300 * N"', '"D - 4"', "case bowl/4: evaluations: 'D - 4' "),
        ('"60 * D * N + 300 * N"', '"-1"', "a formula that gives at least 1, not -1"),
        ('"60 * D * N + 300 * N"', '"1e999"', "case bowl/4: evaluations: '1e999' "),
        ('"60 * D * N + 300 * N"', "\"'many'\"", "case bowl/4: evaluations: "),
        ('"60 * D * N + 300 * N"', '"D * M"', "case bowl/4: evaluations: 'D * M' "),
        ('title = "SPSA"', 'title = "SPSA"\nevaluations = "0"', "lane spsa, case bowl/4: evalua"),
        ('name = "adam"', 'name = "adamm"', "lane adam: setting.name: 'adamm' "),
        ("learning_rate = 0.1", "learning_rate = -1", "lane adam: setting.learning_rate: -1 "),
        ("D // 4", "D // M", "lane spsa: setting.directions: "),
        ('name = "bowl"', 'name = "bowel"', "case bowl/4, lane adam: dataset.name: 'bowel' "),
    ],
)
def test_what_cannot_run_is_refused_when_planned_with_its_place_in_the_file(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    path = changed(tmp_path, before, after)
    with pytest.raises(BadInput) as error:
        list(runs_of(read(path), "small"))
    assert said in str(error.value)
    assert "lanes[0]" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", studies.names())
@pytest.mark.parametrize("size", ["small", "full"])
def test_every_study_that_ships_can_be_planned(
    name: str, size: studies.Size, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what is free on the machine that runs the tests is another matter
    monkeypatch.setenv("KELVIN_MEMORY", "64")
    study = studies.shipped(name)
    assert study.id == name
    if size not in study.size:
        return
    runs = list(runs_of(study, size, 1, only={}))
    assert runs
    for run in runs:
        if run.needs is not None:
            assert run.needs in {one.key for one in runs}
