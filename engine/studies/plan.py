"""The runs of a study: every case × lane × setting × seed as one experiment of a single lane."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any

from scipy.stats import qmc

from ..combinatorial.experiment import CombinatorialExperiment
from ..errors import BadInput, CannotRun, NotFetched
from ..experiment.model import Experiment, problem_of
from ..random.hashed_seed import hashed_seed
from .formula import evaluate
from .study import Case, Lane, Scale, Size, Study, Tune

TUNING_SEED = 100
"""First of the seeds that settings are chosen on; they are never reported."""
INSTANCE = "instance"
"""What an experiment on a combinatorial problem has instead of a dataset."""
FORMULA = "="
"""First character of a text that is computed from D, N and K."""
LANE = "lanes[0]"
"""Where the one lane of a run stands in its experiment."""
VERSION = 1
"""Of what a run measures: part of its key, so that older rows are not mistaken for new ones."""


@dataclass(frozen=True)
class Variant:
    """A setting of a lane.

    Attributes:
        name: "default", "tuned", "trial 3" or a rung of a ladder, "× 4".
        trial: 0 for the setting of the study file, else the number of the trial.
        setting: fields that differ from the study file's.
        factor: of the budget.
    """

    name: str = "default"
    trial: int = 0
    setting: Mapping[str, Any] = field(default_factory=dict)
    factor: float = 1.0


@dataclass(frozen=True)
class Run:
    """One run: all that decides its result, and where it belongs.

    Attributes:
        study, size, case, lane, variant, trial, seed: where it belongs.
        along: the value that the case varies, or its number of weights.
        dimension: D; of a combinatorial problem, its size.
        samples: N, the training samples; of a combinatorial problem, its size.
        experiment: JSON values of a race with one lane.
        probe, options: a measurement instead of a race.
        targets: JSON values of `Target`.
        average: decay of averaged weights.
        stop: whether it ends at the last target.
        core_seconds: processor time that ends it.
        other: JSON values of an experiment whose samples are scored besides.
        needs: the key of the run whose final weights are its start.
    """

    study: str
    size: str
    case: str
    lane: str
    variant: str
    trial: int
    seed: int
    along: float
    dimension: int
    samples: int
    experiment: dict[str, Any]
    probe: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    targets: list[dict[str, Any]] = field(default_factory=list)
    average: float = 0.0
    stop: bool = True
    core_seconds: float = 20.0
    other: dict[str, Any] = field(default_factory=dict)
    needs: str | None = None

    @property
    def key(self) -> str:
        """Return a hash of everything that decides the result; where it belongs does not."""
        decides = {
            name: value
            for name, value in asdict(self).items()
            if name not in ("study", "size", "case", "lane", "variant", "trial", "along")
        }
        text = json.dumps({**decides, "version": VERSION}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:20]


def runs_of(
    study: Study,
    size: Size,
    seeds: int | None = None,
    chosen: Mapping[tuple[str, str], Variant] | None = None,
    only: Mapping[str, str] | None = None,
) -> Iterator[Run]:
    """Yield the runs of a study.

    Args:
        study: what to run.
        size: "small" or "full".
        seeds: how many; the study file's number if None.
        chosen: (case, lane) → the setting that tuning chose. None yields the tuning runs and those
            of the default settings; otherwise only the runs of the chosen settings.
        only: parts to run, such as ``{"lane": "spsa", "case": "bowl"}``.
    """
    scale = scale_of(study, size)
    for case, varied in cases_of(study, size):
        for lane in study.lanes_of(case):
            if only and (
                only.get("lane", lane.id) != lane.id or only.get("case", case.id) != case.id
            ):
                continue
            name = case_name(case, varied)
            numbers = range(seeds_of(study, size, case, lane) if seeds is None else seeds)
            if chosen is not None:
                variant = chosen.get((name, lane.id))
                if variant is not None:
                    for seed in numbers:
                        yield run_of(study, size, case, varied, lane, variant, seed)
                continue
            for variant in defaults_of(lane):
                for seed in numbers:
                    yield run_of(study, size, case, varied, lane, variant, seed)
            for variant in trials_of(study, case, lane, scale):
                for seed in range(TUNING_SEED, TUNING_SEED + scale.tuning_seeds):
                    if lane.start_from is not None:
                        earlier = _earlier(study, size, lane.start_from, seed)
                        yield replace(earlier, variant=variant.name)
                    yield run_of(study, size, case, varied, lane, variant, seed)


def seeds_of(study: Study, size: Size, case: Case, lane: Lane) -> int:
    """Return how many seeds a lane has on a case. The two that the primary comparison is between
    have more, for with five a paired sign test tells nothing apart; and so has what they start
    from.
    """
    scale, primary = scale_of(study, size), study.primary
    compared = [one for one in study.lane if one.id in (primary.lane, primary.against)]
    starts = [one.start_from for one in compared]
    if f"{case.id}/{lane.id}" in starts or (case.id == primary.case and lane in compared):
        return max(scale.seeds, scale.primary_seeds)
    return scale.seeds


def scale_of(study: Study, size: Size) -> Scale:
    """Return how large a study is made.

    Raises:
        BadInput: it has no such size.
    """
    if size not in study.size:
        raise BadInput("size", size, f"one of {', '.join(study.size)} for the study {study.id}")
    return study.size[size]


def cases_of(study: Study, size: Size) -> Iterator[tuple[Case, dict[str, Any]]]:
    """Yield each case with the values that it varies, which are changed in step."""
    for case in study.case:
        columns = {name: values.get(size, ()) for name, values in case.vary.items()}
        length = max((len(values) for values in columns.values()), default=0)
        if not columns:
            yield case, {}
        for i in range(length):
            yield case, {name: values[min(i, len(values) - 1)] for name, values in columns.items()}


def case_name(case: Case, varied: Mapping[str, Any]) -> str:
    """Return the name of a case with the values that it varies: ``bowl/100``."""
    return "/".join([case.id, *(_short(value) for value in varied.values())])


def _short(value: Any) -> str:
    return "-".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def defaults_of(lane: Lane) -> list[Variant]:
    """Return the setting of the study file, or one for each rung of its ladder of budgets."""
    if not lane.ladder:
        return [Variant()]
    return [Variant(f"× {factor:g}", 0, {}, factor) for factor in lane.ladder]


def search_space(case: Case, lane: Lane) -> dict[str, Tune]:
    """Return what tuning may change of a lane on a case. The methods of combinatorial problems have
    names of their own, so there it is only what the lane states.
    """
    if not case.tuned:
        return {}
    return lane.tune or {} if INSTANCE in case.experiment else lane.search_space()


def trials_of(study: Study, case: Case, lane: Lane, scale: Scale) -> list[Variant]:
    """Return the settings that are tried to choose one: the study file's own, then Sobol points of
    the search space, the same for all values that a case varies. Every lane has the same number of
    trials.
    """
    space = search_space(case, lane)
    if not space or scale.trials < 2:
        return []
    points = qmc.Sobol(
        len(space), scramble=True, rng=hashed_seed(0, f"{study.id} {case.id} {lane.id}")
    ).random_base2(math.ceil(math.log2(scale.trials)))[: scale.trials - 1]
    tried = [Variant("trial 0", 0)]
    for number, point in enumerate(points, 1):
        setting = {
            knob: _tuned(range_, float(share))
            for (knob, range_), share in zip(space.items(), point, strict=True)
        }
        tried.append(Variant(f"trial {number}", number, setting))
    return tried


def _tuned(tune: Tune, share: float) -> Any:
    value = tune.at(share)
    return value if tune.times == "1" else f"{FORMULA} {value} * ({tune.times})"


def run_of(
    study: Study,
    size: Size,
    case: Case,
    varied: Mapping[str, Any],
    lane: Lane,
    variant: Variant,
    seed: int,
) -> Run:
    """Return one run, with every formula computed.

    Raises:
        BadInput: the case and the lane do not fit together.
    """
    scale, place = scale_of(study, size), case_name(case, varied)
    value = merged(case.experiment, lane.experiment)
    for name, given in varied.items():
        _assign(value, name, given)
    with _named(place, lane):
        dimension, samples, outputs = sizes_of(json.dumps(value, sort_keys=True))
    known: dict[str, Any] = {"D": dimension, "N": samples, "K": outputs}
    known |= {name.rpartition(".")[2]: given for name, given in varied.items() if _is_number(given)}
    setting = merged(lane.setting, dict(variant.setting)) or {"name": "random-search"}
    for name, given in setting.items():  # in their order: a formula may use the ones before it
        field = f"lane {lane.id}: setting.{name}"
        setting[name] = _computed(given, {**known, **_numbers(setting)}, field)
    known |= _numbers(setting)
    amount = _amount(case, place, lane, known)
    core_seconds = case.core_seconds * scale.budget * max(1.0, variant.factor)
    value |= {"lanes": [setting], "seed": seed}
    if INSTANCE in value:  # compared after equal processor time; outside solvers know no other
        value["budget"] = {"currency": "seconds", "amount": core_seconds}
    else:
        value |= {
            "budget": {
                "currency": "evaluations",
                "amount": max(1.0, round(amount * variant.factor * scale.budget)),
            },
            "device": scale.device,
            "threads": 1,
        }
    needs = None
    if lane.start_from is not None:
        needs = _earlier(study, size, lane.start_from, seed).key
    with _named(place, lane):
        experiment = (
            (CombinatorialExperiment if INSTANCE in value else Experiment).parse(value).to_json()
        )
    return Run(
        study.id,
        size,
        place,
        lane.id,
        variant.name,
        variant.trial,
        seed,
        _along(case, varied, known),
        dimension,
        samples,
        experiment,
        lane.probe,
        {
            name: _computed(given, known, f"lane {lane.id}: options.{name}")
            for name, given in lane.options.items()
        }
        | ({} if case.best_known is None else {"best_known": case.best_known}),
        [target.model_dump(exclude_defaults=True) for target in case.targets],
        lane.average,
        case.stop,
        core_seconds,
        merged(value, case.other) | {"lanes": [setting]} if case.other else {},
        needs,
    )


def _earlier(study: Study, size: Size, name: str, seed: int) -> Run:
    case_id, _, lane_id = name.partition("/")
    for case, varied in cases_of(study, size):
        for lane in study.lanes_of(case):
            if case.id == case_id and lane.id == lane_id:
                return run_of(study, size, case, varied, lane, Variant(), seed)
    raise BadInput("start_from", name, "case/lane of this study")


@lru_cache(maxsize=512)
def sizes_of(text: str) -> tuple[int, int, int]:
    """Return (weights, training samples, outputs) of a problem, given as JSON."""
    value = {**json.loads(text), "lanes": ["random-search"]}
    if INSTANCE in value:
        size = CombinatorialExperiment.parse(value).instance.size()
        return size, size, 1
    experiment = Experiment.parse(value)
    network = experiment.network.build_for(experiment.dataset)
    problem = problem_of(experiment.dataset, network, experiment.loss, experiment.training)
    return problem.dimension, problem.samples, problem.outputs


def _along(case: Case, varied: Mapping[str, Any], known: Mapping[str, Any]) -> float:
    if case.along in varied:
        given = varied[case.along]
        return float(given[0] if isinstance(given, list | tuple) else given)
    return float(evaluate(case.along, known, "along"))


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``first`` with the entries of ``second``, mapping by mapping. A mapping with another
    ``name`` replaces the whole of it.
    """
    result = dict(first)
    for name, value in second.items():
        known: Any = result.get(name)
        if isinstance(known, str) and isinstance(value, Mapping):
            known = {"name": known}
        same = isinstance(known, Mapping) and isinstance(value, Mapping)
        if same and value.get("name", known.get("name")) == known.get("name"):
            result[name] = merged(known, value)
        else:
            result[name] = dict(value) if isinstance(value, Mapping) else value
    return result


def _assign(value: dict[str, Any], name: str, given: Any) -> None:
    """Set ``network.hidden`` and the like."""
    group, _, field_name = name.partition(".")
    known = value.get(group)
    value[group] = {
        **({"name": known} if isinstance(known, str) else known or {}),
        field_name: given,
    }


def _computed(given: Any, known: Mapping[str, Any], field: str) -> Any:
    if isinstance(given, str) and given.startswith(FORMULA):
        return evaluate(given[len(FORMULA) :], known, field)
    return given


def _amount(case: Case, place: str, lane: Lane, known: Mapping[str, Any]) -> float:
    """Return the budget that the formula of a lane, else of its case, gives."""
    formula, field = case.evaluations, f"case {place}: evaluations"
    if lane.evaluations is not None:
        formula, field = lane.evaluations, f"lane {lane.id}, case {place}: evaluations"
    amount = evaluate(formula, known, field)
    if not _is_number(amount) or not 1 <= amount < math.inf:
        raise BadInput(field, formula, f"a formula that gives at least 1, not {amount}")
    return float(amount)


@contextmanager
def _named(place: str, lane: Lane) -> Iterator[None]:
    """Name the lane or the case of the study file in what is wrong with its experiment."""
    try:
        yield
    except NotFetched:
        raise
    except BadInput as error:
        field = f"case {place}, lane {lane.id}: {error.field}"
        if error.field.startswith(LANE):
            field = f"lane {lane.id}: setting{error.field.removeprefix(LANE)}"
        kind = CannotRun if isinstance(error, CannotRun) else BadInput
        raise kind(field, error.value, error.allowed) from None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _numbers(setting: Mapping[str, Any]) -> dict[str, Any]:
    return {name: given for name, given in setting.items() if _is_number(given)}
