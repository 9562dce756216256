"""`run`: one race, and its results."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from tqdm import tqdm

from ..errors import BadInput
from ..system import ranks
from ..system.input_checks import from_json
from ..system.output_files import apart
from .options import (
    EXIT_SIGNAL,
    Once,
    exit_if_failed,
    exit_if_unwritten,
    file_to_write,
    folder_to_write,
    json_option,
    machine_options,
    noting_unwritten,
    problem_options,
    reject_empty,
)
from .results_text import results_text
from .settings import settings_given

if TYPE_CHECKING:
    from ..experiment.model import Experiment
    from ..messages.recorder import Recorder
    from ..race.interrupt import Interrupt
    from ..race.interventions import Event
    from ..race.lane import Lane
    from ..race.race import Race
    from ..race.results import LaneResult
    from ..race.seed_races import SeedRaces
    from ..system.ranks import Ranks

    AnyRace = Race | SeedRaces

CHECKPOINT_SECONDS = 20
ECHO_SECONDS = 5.0
"""torchrun passes Ctrl-C on to processes that the terminal has told already."""
WHOLE = (
    "annealing",
    "enkf",
    "hybrid",
    "levenberg-marquardt",
    "mezo",
    "parallel-tempering",
    "population-annealing",
)
"""Methods that ask for losses or outputs, and of whose work processes share nothing, or little:
they evaluate one network at a time, or chains that change one layer, or need all outputs."""
LONG_STEP_SECONDS = 1.0
"""Seconds without a frame after which the progress bar shows the step in progress."""
STOPS = {"target": "stop.target", "patience": "stop.patience"}


@click.command(cls=Once)
@click.argument("file", required=False)
@problem_options
@click.option("--optimizer", help="Name of the first lane's optimizer.")
@click.option(
    "--versus",
    multiple=True,
    help="Name of another lane's optimizer; may be given up to three times.",
)
@click.option("--seconds", help="Budget: seconds of its own time for each lane.")
@click.option("--evaluations", help="Budget: evaluations for each lane, such as 1e6.")
@click.option(
    "--flops",
    help=(
        "Budget: FLOPs for each lane, such as 1e12: matrix products in its networks and of its own."
    ),
)
@click.option("--target", help="Stop rule: a lane ends when its training loss reaches this value.")
@click.option(
    "--patience",
    help=(
        "Stop rule: a lane ends when its loss has not improved by 0.1 % for this share of its "
        "budget, such as 0.2."
    ),
)
@click.option("--seed", help="Seed of all random numbers.")
@click.option(
    "--seeds",
    help="Race this many seeds at once, 1 to 16, from --seed upwards; results are medians.",
)
@machine_options
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting, such as annealing.population_size=64 or dataset.noise=0.1.",
)
@click.option("--record", metavar="DIR", help="Write a recording of the race into this folder.")
@click.option(
    "--events",
    metavar="FILE",
    help="Repeat interventions: a list of events as JSON, or a recording.",
)
@click.option(
    "--weights",
    metavar="FILE",
    help="Write every lane's final weights to this file, as safetensors.",
)
@click.option(
    "--checkpoint",
    metavar="FILE",
    help=(
        "Save the race to this file while it runs; the same command then continues where it "
        "was stopped."
    ),
)
@json_option
def run(
    file: str | None,
    settings: tuple[str, ...],
    record: str | None,
    events: str | None,
    weights: str | None,
    checkpoint: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Run a race, from FILE.json or from options (options win), and print its results.

    A recording given as FILE is run again, with all interventions in it.

    Started by torchrun, all processes share one race (its populations, and the batches of ensemble
    Kalman inversion), with the same results as one process; the first one prints and writes them.

    Exit status: 0; 2 for bad input; 3 if a lane failed and 4 if a file could not be written, after
    printing all results; 5 if one of the processes that share the race has ended; 130 after Ctrl-C
    and 143 after SIGTERM. A checkpoint is written every 20 seconds and when the race is
    interrupted.
    """
    from ..messages.recorder import Recorder
    from ..messages.recording import SUFFIX
    from ..race.interrupt import Interrupt
    from ..race.interventions import of_seed

    reject_empty(
        {
            **options,
            "record": record,
            "events": events,
            "weights": weights,
            "checkpoint": checkpoint,
        }
    )
    base, by_hand = _given(file, events)
    experiment = _experiment(file, base, settings, options)
    if events is not None and not events.endswith(SUFFIX):
        _check_events(experiment, by_hand)
    together = ranks.join()
    if together is not None:
        _check_shared(experiment)
    leads = together is None or together.number == 0
    if experiment.seeds == 1:
        by_hand = of_seed(by_hand, 0)
    for note in [*experiment.dataset.notes(), *experiment.unused()] if leads else ():
        click.echo(note, err=True)
    apart({"FILE": file, "--events": events}, {"--weights": weights, "--checkpoint": checkpoint})
    folder = folder_to_write("--record", record) if leads else None
    weights_file = file_to_write("--weights", weights) if leads else None
    kept = file_to_write("--checkpoint", checkpoint) if leads else None
    saved = None if checkpoint is None else Path(checkpoint)
    race, messages = _race(experiment, saved, record is not None, by_hand)
    if together is not None:
        _meet(together, race)
    recorder = Recorder(race, messages) if folder is not None else None
    unwritten: list[str] = []
    with Interrupt(race.interrupt, echo=ECHO_SECONDS if together is not None else 0) as interrupt:
        stopped = _run_or_stop(race, kept, recorder, interrupt, unwritten)
        rows, result = _results(race, experiment, together)
        if leads:
            _remark(race, experiment, result.get("unrepeated", []))
        if weights_file is not None:
            _write_weights(race, weights_file, result, unwritten)
        if recorder is not None and folder is not None:
            with noting_unwritten("--record", folder, unwritten):
                path = recorder.recording().write_new(
                    folder, _recording_name(experiment), resumed=messages is not None
                )
                result["recording"] = str(path)
            for sentence in recorder.left_out:
                click.echo(sentence, err=True)
        if stopped:
            result["stopped"] = True
        if leads:
            click.echo(json.dumps(result, ensure_ascii=False) if as_json else results_text(result))
        # Only now: everything it was kept for has been written.
        if kept and not stopped and not unwritten:
            kept.unlink(missing_ok=True)
    if together is not None and stopped:
        for one in interrupt.signals:  # that torchrun may yet pass on
            signal.signal(one, signal.SIG_IGN)
    ranks.leave()
    exit_if_unwritten(unwritten)
    if stopped:
        sys.exit(EXIT_SIGNAL + (interrupt.signal or signal.SIGINT))
    exit_if_failed(rows)


def _given(file: str | None, events: str | None) -> tuple[dict[str, Any] | None, list[Event]]:
    """Return the JSON values of the experiment in FILE, if there is one, and the interventions to
    be repeated.
    """
    from ..messages.recording import SUFFIX, Recording
    from ..race.interventions import read_events

    recorded = file is not None and file.endswith(SUFFIX)
    base = (
        None if file is None else Recording.read(Path(file)).experiment if recorded else _read(file)
    )
    if events is not None:
        return base, read_events(events)
    return base, read_events(str(file)) if recorded else []


def _experiment(
    file: str | None,
    base: dict[str, Any] | None,
    settings: tuple[str, ...],
    options: dict[str, Any],
) -> Experiment:
    """Return the experiment in FILE, changed by options and by ``--set``."""
    from ..experiment.model import Experiment
    from ..experiment.query_string import from_flat
    from ..messages.recording import SUFFIX

    flat = {
        STOPS.get(name, name): value
        for name, value in options.items()
        if name not in ("optimizer", "versus") and value is not None
    }
    named = bool(options["optimizer"] or options["versus"])
    if named:
        first = options["optimizer"] or (_first_lane(base) if base else "annealing")
        flat["lanes"] = ",".join([first, *options["versus"]])
    elif base is None:
        flat["lanes"] = "annealing,adam"
    told = {key: _as_option(key, options) for key in flat if key != "lanes" or named}
    flat |= settings_given(settings, told)
    if base is None:
        return from_flat(flat, None, local_files=True)
    # a recording comes from anywhere: it may name no path on this machine
    local_files = file is None or not file.endswith(SUFFIX)
    before = Experiment.parse(base, local_files=local_files).to_json()
    return from_flat(flat, before, local_files=True)


def _run_or_stop(
    race: AnyRace,
    kept: Path | None,
    recorder: Recorder | None,
    interrupt: Interrupt,
    unwritten: list[str],
) -> bool:
    """Run a race until it ends or is interrupted, save one that is, and return whether it is."""
    from ..race import checkpoint as snapshot

    try:
        _run(race, kept, recorder, interrupt)
    except KeyboardInterrupt:
        if interrupt.signal is not None or race.torn:
            raise  # the second signal: exit at once
    if kept and not race.finished:
        with noting_unwritten("--checkpoint", kept, unwritten):
            snapshot.save(race, kept, None if recorder is None else recorder.messages)
    return not race.finished


def _results(
    race: AnyRace, experiment: Experiment, together: Ranks | None
) -> tuple[list[LaneResult], dict[str, Any]]:
    """Return the results of every lane, of all seeds in a row, and what is printed as JSON."""
    from ..race.seed_races import SeedRaces, summary_of

    if isinstance(race, SeedRaces):
        seeds = race.seed_results()
        rows = [row for one in seeds for row in one["lanes"]]
        result: dict[str, Any] = {"summary": summary_of(seeds), "seeds": seeds}
    else:
        rows = race.results()
        result = {"lanes": rows}
    if together is not None:
        result["ranks"] = together.count
    result |= {
        "experiment": experiment.to_json(),
        "device": race.device.type,
        "dimension": race.network.dimension,
    }
    if race.done:
        result["events"] = race.done
    if missed := race.unrepeated():
        result["unrepeated"] = missed
    return rows, result


def _remark(race: AnyRace, experiment: Experiment, missed: list[str]) -> None:
    """Say on stderr what was not done as it was asked for."""
    for sentence in missed:
        click.echo(f"not repeated: {sentence}", err=True)
    if experiment.precision == "tf32" and race.device.type != "cuda":
        click.echo("tf32 is for GPUs: products were computed in float32", err=True)


def _write_weights(race: AnyRace, file: Path, result: dict[str, Any], unwritten: list[str]) -> None:
    """Write every lane's final weights, and note the file in the results."""
    from ..observation.weights_file import save

    with noting_unwritten("--weights", file, unwritten):
        result["weights"] = str(save(race, file))


def _recording_name(experiment: Experiment) -> str:
    """Return the name of a race's recording: its data, lanes and seeds."""
    lanes = "-".join(lane.name for lane in experiment.lanes)
    last = experiment.seed + experiment.seeds - 1
    seed = f"seed{experiment.seed}" if experiment.seeds == 1 else f"seeds{experiment.seed}-{last}"
    return f"{experiment.dataset.name}-{lanes}-{seed}"


def _run(race: AnyRace, kept: Path | None, recorder: Recorder | None, interrupt: Interrupt) -> None:
    """Run a race to its end, or until it is interrupted between two steps."""
    from ..race import checkpoint as snapshot

    saved_at = time.monotonic()
    together = ranks.joined()
    leads = together is None or together.number == 0
    with tqdm(
        total=1.0,
        unit="",
        file=sys.stderr,
        bar_format="{l_bar}{bar}| {elapsed}<{remaining} {postfix}",
        dynamic_ncols=True,
        disable=not leads,
    ) as bar:
        race.before_evaluation = _long_steps(race, bar, interrupt)
        for frame in race:
            if together is not None:
                together.agree("weights", *(lane.state.estimate for lane in race.lanes))
            bar.n = race.progress
            rows = zip(race.lanes, frame.metrics["lanes"], strict=True)
            bar.set_postfix_str(
                "  ".join(f"{lane.optimizer.name} {row['loss']:.4g}" for lane, row in rows)
            )
            if recorder is not None:
                recorder.add(frame)
            if kept and time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                failed: list[str] = []
                with noting_unwritten("--checkpoint", kept, failed):
                    snapshot.save(race, kept, None if recorder is None else recorder.messages)
                # The race continues: the next write may succeed, and the results do not need it.
                for line in failed:
                    bar.write(line, file=sys.stderr)
                saved_at = time.monotonic()


def _check_shared(experiment: Experiment) -> None:
    """Make sure that several processes can share a race.

    Raises:
        BadInput: they cannot.
    """
    import torch

    from ..experiment.model import pick_device

    if experiment.seeds > 1:
        raise BadInput("seeds", experiment.seeds, "1 where several processes share a race")
    here, gpus = int(os.environ["LOCAL_WORLD_SIZE"]), torch.cuda.device_count()
    if pick_device(experiment.device).type == "cuda" and here > gpus:
        raise BadInput(
            "device", experiment.device, f"cpu, or at most one process for each of the {gpus} GPUs"
        )


def _meet(together: Ranks, race: AnyRace) -> None:
    """Make sure that all processes begin the same race, and tell which lanes they do not share."""
    state = [lane.state.estimate for lane in race.lanes]
    steps = [lane.step for lane in race.lanes]
    together.agree("race", race.began.to_json(), race.given, steps, *state)
    whole = [
        race.names[lane.index]
        for lane in race.lanes
        if lane.optimizer.name in WHOLE
        or lane.optimizer.required_oracle() not in ("loss", "outputs")
    ]
    if whole and together.number == 0:
        click.echo(
            f"{', '.join(whole)}: computed whole by each of the {together.count} processes",
            err=True,
        )


def _long_steps(race: AnyRace, bar: tqdm[NoReturn], interrupt: Interrupt) -> Callable[[Lane], None]:
    """Update the progress bar within a long step, with the number of the step."""
    frame, since = race.k, time.monotonic()

    def tell(lane: Lane) -> None:
        nonlocal frame, since
        now = time.monotonic()
        if race.k != frame:
            frame, since = race.k, now
        if now - since < LONG_STEP_SECONDS:
            return
        since, bar.n = now, race.progress
        ends = "; ends after it, Ctrl-C again ends at once" if interrupt.signal else ""
        evaluations = f"{lane.oracle.evaluations:.3g} evaluations"
        bar.set_postfix_str(f"{lane.optimizer.name} in step {lane.step:,}, {evaluations}{ends}")

    return tell


def _as_option(key: str, options: dict[str, Any]) -> str:
    """Return the option that set a key, as it was written."""
    if key == "lanes":
        key = "optimizer" if options["optimizer"] else "versus"
    name = key.removeprefix("stop.")
    value = options[name]
    return f"--{name} {value[0] if isinstance(value, tuple) else value}"


def _read(file: str) -> dict[str, Any]:
    """Return the JSON object in a file; "-" reads stdin."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            "FILE",
            file,
            f"a readable JSON file ({getattr(error, 'strerror', None) or 'not UTF-8 text'})",
        ) from None
    try:
        value = from_json(text)
    except (ValueError, RecursionError) as error:
        raise BadInput("FILE", file, f"valid JSON ({error})") from None
    if not isinstance(value, dict):
        raise BadInput("FILE", value, "a JSON object describing an experiment")
    return value


def _check_events(experiment: Experiment, events: list[Event]) -> None:
    """Check hyperparameters in a file of events before the race; those of a recording, which an
    earlier version may have written, are left out where they do not fit.

    Raises:
        BadInput: a lane has no such hyperparameter, or it may not have that value.
    """
    from ..race.interventions import SetHyperparameter

    for event in events:
        if isinstance(event, SetHyperparameter) and event.lane < len(experiment.lanes):
            optimizer = experiment.lanes[event.lane]
            optimizer.with_hyperparameter(type(optimizer).current(event.field), event.value)


def _race(
    experiment: Experiment, kept: Path | None, record: bool, events: list[Event]
) -> tuple[AnyRace, list[bytes] | None]:
    """Return the race, new or from its checkpoint, and its recording so far."""
    from ..race import checkpoint as snapshot
    from ..race.seed_races import race_of

    if kept is None or not kept.exists():
        return race_of(experiment, pictures=record, events=events), None
    try:
        race, messages = snapshot.load_any(kept)
    except BadInput as error:
        what = str(kept) if error.field == "snapshot" else error.value
        raise BadInput("--checkpoint", what, error.allowed) from None
    if race.began != experiment or race.given != events:
        raise BadInput(
            "--checkpoint", str(kept), "a race of this same experiment and events, or a new file"
        )
    if record and messages is None:
        raise BadInput(
            "--checkpoint",
            str(kept),
            "a race that was recorded from its start; leave --record out, or name a new file",
        )
    if messages is not None and not record:
        raise BadInput(
            "--checkpoint",
            str(kept),
            (
                "the option --record as well, for the first part of a recording is in it; or "
                "name a new file"
            ),
        )
    race.with_pictures = record
    return race, messages


def _first_lane(base: dict[str, Any]) -> str:
    from ..experiment.model import Experiment

    return Experiment.parse(base, local_files=True).lanes[0].name
