"""Run the runs of a study in worker processes, and keep their rows.

Every finished run is a file ``rows/KEY.json``, written whole or not at all. A run whose file is
there is not run again, so a study that was stopped, or killed, goes on where it was, and no row is
written twice. Each worker computes with one thread.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict
from functools import lru_cache
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..system.output_files import appearing
from .plan import (
    INSTANCE,
    TUNING_SEED,
    Run,
    Variant,
    case_name,
    cases_of,
    runs_of,
    scale_of,
    trials_of,
)
from .study import Size, Study

if TYPE_CHECKING:
    from ..combinatorial.trajectory import CombinatorialTrajectory
    from ..race.trajectory import Trajectory

ROWS, WEIGHTS = "rows", "weights"
WHOLE: dict[str, Any] = {
    "key": str,
    "seed": int,
    "outcome": str,
    "experiment": dict,
    "rows": list,
    "hits": list,
    "wall_seconds": int | float,
    "machine": dict,
}
"""What a file of rows has at least, and of which kind."""
GIVE_UP = 3
"""Failures of workers in a row, such as being killed for memory, after which a study ends."""


def row_file(out: Path, key: str) -> Path:
    """Return the file of a run's rows."""
    return out / ROWS / f"{key}.json"


def weights_file(out: Path, key: str) -> Path:
    """Return the file of a run's final weights."""
    return out / WEIGHTS / f"{key}.safetensors"


def result(out: Path, run: Run) -> dict[str, Any] | None:
    """Return the rows of a run, labelled as this run; None if it has not been run, or its file is
    damaged.
    """
    found = _kept(row_file(out, run.key))
    return None if found is None or found["key"] != run.key else {**found, **_labels(run)}


def _kept(path: Path) -> dict[str, Any] | None:
    """Return what a file of rows holds; None if it is not there, or not a whole one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = isinstance(found, dict) and all(
        isinstance(found.get(name), kind) for name, kind in WHOLE.items()
    )
    return found if whole else None


def damaged(out: Path, runs: Iterable[Run]) -> list[Path]:
    """Return the files of these runs that hold no rows, and so will be written again."""
    paths = {row_file(out, run.key): run for run in runs}
    return [path for path, run in paths.items() if path.exists() and result(out, run) is None]


def seeds_in(out: Path) -> int:
    """Return how many seeds, from 0, it takes to have all the rows in a folder, tuning apart."""
    found = [_kept(path) for path in (out / ROWS).glob("*.json")]
    seeds = [int(one["seed"]) for one in found if one is not None]
    return max((seed + 1 for seed in seeds if seed < TUNING_SEED), default=0)


def _labels(run: Run) -> dict[str, Any]:
    named = asdict(run)
    return {
        name: named[name]
        for name in ("study", "size", "case", "lane", "variant", "trial", "seed", "along")
    }


def execute(out: Path, run: Run, keep_weights: bool = False) -> dict[str, Any]:
    """Run one run and write its rows. Errors of the run are its outcome, not exceptions."""
    import torch

    from ..system import arithmetic

    began = time.perf_counter()
    with arithmetic.settled(1, torch.device("cpu")):
        try:
            found = _measure(run) if run.probe else _race(out, run, keep_weights)
        except BadInput as error:
            found = {"outcome": "refused", "trouble": str(error), "rows": [], "hits": []}
        except Exception as error:
            trouble = f"{type(error).__name__}: {error}"
            found = {"outcome": "failed", "trouble": trouble, "rows": [], "hits": []}
    value = {
        **asdict(run),
        "key": run.key,
        **found,
        "wall_seconds": time.perf_counter() - began,
        "machine": machine(),
    }
    path = row_file(out, run.key)
    path.parent.mkdir(parents=True, exist_ok=True)
    with appearing(path) as part:
        part.write_text(json.dumps(_finite(value)), encoding="utf-8")
    return value


def _measure(run: Run) -> dict[str, Any]:
    from ..experiment.model import Experiment
    from .measure import PROBES

    busy = time.process_time()
    row = PROBES[str(run.probe)](Experiment.parse(run.experiment), run.options)
    spent = time.process_time() - busy
    first = {"checkpoint": 0, "step": 0, "evaluations": 0, "core_seconds": spent}
    return {"outcome": "budget", "rows": [{**first, **row}], "hits": [], "trouble": None}


def _race(out: Path, run: Run, keep_weights: bool) -> dict[str, Any]:
    from ..experiment.model import Experiment
    from ..observation.weights_file import save
    from ..race.race import Race
    from ..race.trajectory import Target, Trajectory

    if INSTANCE in run.experiment:
        return _combinatorial(run)
    value = dict(run.experiment)
    if run.needs is not None:
        given = weights_file(out, run.needs)
        value["start"] = {"law": "file", "file": str(given)}
    race = Race(Experiment.parse(value, local_files=True), pictures=False)
    other = None
    if run.other:
        data = Experiment.parse(run.other).load()
        other = (data.x_test.to(race.device), data.y_test.to(race.device))
    targets = [Target.model_validate(one) for one in run.targets]
    course = Trajectory(
        race,
        targets,
        average=run.average,
        stop=run.stop,
        core_seconds=run.core_seconds,
        other=other,
    )
    for _ in course.run():
        pass
    if keep_weights:
        path = weights_file(out, run.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        save(race, path)
    return _found(course, race.lanes[0].trouble)


def _combinatorial(run: Run) -> dict[str, Any]:
    from ..combinatorial.experiment import CombinatorialExperiment
    from ..combinatorial.race import CombinatorialRace
    from ..combinatorial.trajectory import CombinatorialTrajectory
    from ..race.trajectory import Target

    race = CombinatorialRace(CombinatorialExperiment.parse(run.experiment), pictures=False)
    course = CombinatorialTrajectory(
        race,
        [Target.model_validate(one) for one in run.targets],
        best_known=run.options.get("best_known"),
        stop=run.stop,
    )
    for _ in course.run():
        pass
    return _found(course, race.lanes[0].trouble)


def _found(course: Trajectory | CombinatorialTrajectory, trouble: str | None) -> dict[str, Any]:
    """Return a course as JSON values."""
    rows, first = course.rows, course.rows[0]
    return {
        "outcome": course.outcome,
        "trouble": trouble,
        "rows": rows,
        "hits": [
            {
                "on": target.on,
                "goal": target.at(first[target.on] or 0.0),
                "reached": hit is not None,
                **{
                    name: (hit or rows[-1])[name]
                    for name in ("evaluations", "core_seconds", "rounds", "flops", "step")
                },
            }
            for target, hit in zip(course.targets, course.hits, strict=True)
        ],
    }


def _finite(value: Any) -> Any:
    """Replace NaN and infinities, which JSON does not have, by None."""
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@lru_cache(maxsize=1)
def machine() -> dict[str, Any]:
    """Return what this process runs on, with its rates, so that seconds measured elsewhere can be
    compared: float32 products of 1024³, and steps of Adam on the digits network.
    """
    import numpy
    import torch

    from .. import __version__

    a = torch.randn(1024, 1024, generator=torch.Generator().manual_seed(0))
    best = math.inf
    for _ in range(5):
        since = time.process_time()
        a @ a
        best = min(best, time.process_time() - since)
    return {
        "processor": _processor(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "gflops": 2 * 1024**3 / best / 1e9,
        "kelvin": __version__,
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "python": platform.python_version(),
    }


def _processor() -> str:
    """Return the processor's name where the system states it, else its architecture."""
    command = ["sysctl", "-n", "machdep.cpu.brand_string"]
    if platform.system() == "Linux":
        command = ["lscpu"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2] for line in told.splitlines() if line.startswith("Model name")]
    return (named[0] if named else told).strip() or platform.machine()


def _work(out: str, run: Run, keep_weights: bool) -> tuple[str, float]:
    value = execute(Path(out), run, keep_weights)
    return str(value["outcome"]), float(value["wall_seconds"])


def _end_with_parent() -> None:
    """End this worker once the process that started it is gone, also in the middle of a run, which
    has no row then and is run again.
    """
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


Progress = tuple[Run, str, float, int, int]
"""A run, its outcome, its seconds, how many are done and how many there are."""


def run_all(
    out: Path,
    runs: Iterable[Run],
    jobs: int = 1,
    kept: frozenset[str] = frozenset(),
    until: float = math.inf,
) -> Iterator[Progress]:
    """Run those runs that have no rows yet, and yield each when it is finished.

    Args:
        out: the folder of the study's results.
        runs: in the order to start them; one that needs another's weights comes after it.
        jobs: processes at work at once.
        kept: keys of runs whose final weights are needed.
        until: time (`time.monotonic`) after which no run is started.

    Raises:
        RuntimeError: workers die again and again.
    """
    everything = list({run.key: run for run in runs}.values())
    waiting = [run for run in everything if not _done(out, run, kept)]
    done, died = len(everything) - len(waiting), 0
    while waiting and time.monotonic() < until:
        pool = ProcessPoolExecutor(
            jobs, mp_context=get_context("spawn"), initializer=_end_with_parent
        )
        pending: dict[Future[tuple[str, float]], Run] = {}
        try:
            while (waiting or pending) and (pending or time.monotonic() < until):
                ready = [
                    run
                    for run in waiting
                    if run.needs is None or weights_file(out, run.needs).exists()
                ]
                while ready and len(pending) < jobs and time.monotonic() < until:
                    run = ready.pop(0)
                    pending[pool.submit(_work, str(out), run, run.key in kept)] = run
                    waiting.remove(run)  # after it: a pool that broke takes no run
                if not pending:
                    break
                finished, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in finished:
                    run = pending[future]
                    outcome, seconds = future.result()  # raises if the worker died
                    del pending[future]
                    done, died = done + 1, 0
                    yield run, outcome, seconds, done, len(everything)
            blocked = [run for run in waiting if run.needs is not None]
            if waiting and len(blocked) == len(waiting) and time.monotonic() < until:
                raise BadInput(
                    "study", blocked[0].study, "runs whose start is the end of another of its runs"
                )
        except (OSError, RuntimeError) as error:  # BrokenProcessPool is one
            died += 1
            waiting = [*pending.values(), *waiting]
            if died >= GIVE_UP:
                raise RuntimeError(f"workers died {died} times in a row: {error}") from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _done(out: Path, run: Run, kept: frozenset[str]) -> bool:
    return result(out, run) is not None and (
        run.key not in kept or weights_file(out, run.key).exists()
    )


def first_runs(study: Study, size: Size, seeds: int | None, only: dict[str, str]) -> list[Run]:
    """Return the runs of the default settings and of the tuning, those first that others need."""
    runs = list(runs_of(study, size, seeds, only=only))
    return sorted(runs, key=lambda run: run.needs is not None)


def chosen_settings(
    study: Study, size: Size, out: Path, only: dict[str, str] | None = None
) -> dict[tuple[str, str], Variant]:
    """Return the setting that tuning chose for each case and lane: the best of its trials on the
    tuning seeds, the study file's own where several are equally good.

    One setting, or one rule for it, is chosen for all values that a case varies: settings chosen
    one by one would be a draw for each, and costs could not be compared along the values. Lanes
    whose trials are not all finished are left out.
    """
    scale, found = scale_of(study, size), {}
    groups: dict[tuple[str, str], list[dict[str, Any] | None]] = {}
    for run in runs_of(study, size, 0, only=only):
        if run.variant.startswith("trial"):
            groups.setdefault((run.case.split("/")[0], run.lane), []).append(result(out, run))
    for case in study.case:
        for lane in study.lanes_of(case):
            results = groups.get((case.id, lane.id))
            tried = trials_of(study, case, lane, scale)  # none of a lane that others start from
            if not tried or not results or any(one is None for one in results):
                continue
            known = [one for one in results if one is not None]
            trial = min(
                tried,
                key=lambda trial: (
                    *_merit([one for one in known if one["trial"] == trial.trial], study.tune_by),
                    trial.trial,
                ),
            )
            for other, varied in cases_of(study, size):
                if other is case:
                    name = case_name(case, varied)
                    found[name, lane.id] = Variant("tuned", trial.trial, trial.setting)
    return found


def _merit(results: list[dict[str, Any]], tune_by: str) -> list[float]:
    """Return how good a trial is, as numbers of which the first that differ decide, lower is
    better: if it is the cost that counts, how often the hardest target was missed and the mean
    logarithm of its expected running time, then the same of the easier ones; and last the score at
    the end, on the validation samples where there are some, else the training loss.
    """
    cases: dict[str, list[dict[str, Any]]] = {}
    for one in results:
        cases.setdefault(one["case"], []).append(one)
    merit: list[float] = []
    targets = min(len(one["hits"]) for one in results) if tune_by == "cost" else 0
    for target in reversed(range(targets)):
        missed, logs = 0, []
        for members in cases.values():
            hits = [one["hits"][target] for one in members]
            reached = sum(bool(hit["reached"]) for hit in hits)
            missed += len(hits) - reached
            if reached:
                spent = sum(float(hit["evaluations"]) for hit in hits)
                logs.append(math.log(max(spent, 1.0) / reached))
        merit += [missed, sum(logs) / len(logs) if logs else math.inf]
    scores = [_score(one["rows"][-1] if one["rows"] else {}) for one in results]
    return [*merit, sum(scores) / len(scores)]


def _score(last: Mapping[str, Any]) -> float:
    """Return the score of a run's last measurement, the lower the better."""
    accuracy = last.get("valid_accuracy")
    if accuracy is not None:
        return -float(accuracy)
    loss = last.get("valid_loss")
    loss = last.get("loss") if loss is None else loss
    return math.inf if loss is None else float(loss)
