"""The command line: `python -m engine list | run | compare | study`.

Results go to stdout, as one JSON object with ``--json``; progress and errors go to stderr. Bad
input is reported in one line with the field, the value and what is allowed, and exit status 2. If a
lane failed, the results of all lanes are printed with a line that gives the reason, and the exit
status is 3; if a file could not be written after that, it is 4.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT
from typing import TYPE_CHECKING, Any, NoReturn

import click
from tqdm import tqdm

from ..errors import BadInput, one_line
from ..system import settings
from ..system.input_checks import check, from_json
from ..system.output_files import apart, file_target, folder_target
from .study import study

if TYPE_CHECKING:
    from ..experiment.model import Experiment
    from ..messages.recorder import Recorder
    from ..race.interrupt import Interrupt
    from ..race.interventions import Event
    from ..race.lane import Lane
    from ..race.race import Race
    from ..race.seed_races import SeedRaces

    AnyRace = Race | SeedRaces

EXIT_BAD_INPUT = 2
TOLD = 0.01
"""A lane may miss its budget by this share without a warning."""
EXIT_TROUBLE = 3
EXIT_UNWRITTEN = 4
"""All results are printed, but a requested file could not be written."""
EXIT_SIGNAL = 128
"""Added to the number of the signal that stopped the program, as shells do: 130 after Ctrl-C."""
CHECKPOINT_SECONDS = 20
LONG_STEP_SECONDS = 1.0
"""Seconds without a frame after which the progress bar shows the step in progress."""
STOPS = {"target": "stop.target", "patience": "stop.patience"}


class Once(click.Command):
    """A command that accepts each option only once, except lists."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments. An option given twice is an error, because one value would
        be lost.
        """
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        for option in order:
            if isinstance(option, click.Option) and not option.multiple and order.count(option) > 1:
                count = order.count(option)
                raise click.UsageError(
                    f"{option.opts[-1]}: given {count} times; expected once only"
                )
        return super().parse_args(ctx, args)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Kelvin: learning without gradients, raced against backprop."""


cli.add_command(study)


@cli.command("list", cls=Once)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the whole catalogue as JSON, with fields, ranges and papers.",
)
def list_command(as_json: bool) -> None:
    """List the datasets, networks, losses, optimizers and schedules."""
    from ..catalogue import catalogue

    everything = catalogue()
    if as_json:
        click.echo(json.dumps(everything, ensure_ascii=False))
        return
    for heading, entries in everything.items():
        click.echo(heading)
        for entry in entries:
            note = (
                f"sees {entry['sees']} · {entry['sentence']}"
                if "sees" in entry
                else entry.get("about", "")
            )
            click.echo(f"  {entry['name']:<20} {entry.get('label', ''):<28} {note}".rstrip())


@cli.command(cls=Once)
@click.argument("file", required=False)
@click.option("--dataset", help="Name of a dataset.")
@click.option("--network", help="Name of a network.")
@click.option("--loss", help="Name of a loss.")
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
@click.option("--device", help="auto, cpu, cuda or mps.")
@click.option(
    "--precision", help="Of the products that evaluate populations: float32, tf32 or bf16."
)
@click.option(
    "--threads",
    help=(
        "Processor threads that work on each step, 1 to 256; results differ in their last digits "
        "with another number."
    ),
)
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
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with the results.")
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

    Exit status: 0; 2 for bad input; 3 if a lane failed and 4 if a file could not be written, after
    printing all results; 130 after Ctrl-C and 143 after SIGTERM. A checkpoint is written every 20
    seconds and when the race is interrupted.
    """
    from ..experiment.model import Experiment
    from ..experiment.query_string import from_flat
    from ..messages.recorder import Recorder
    from ..messages.recording import SUFFIX, Recording
    from ..race import checkpoint as snapshot
    from ..race.interrupt import Interrupt
    from ..race.interventions import of_seed, read_events
    from ..race.seed_races import SeedRaces, summary_of

    _none_empty(
        {
            **options,
            "record": record,
            "events": events,
            "weights": weights,
            "checkpoint": checkpoint,
        }
    )
    flat = {
        STOPS.get(name, name): value
        for name, value in options.items()
        if name not in ("optimizer", "versus") and value is not None
    }
    recorded = file is not None and file.endswith(SUFFIX)
    base = (
        None if file is None else Recording.read(Path(file)).experiment if recorded else _read(file)
    )
    by_hand = (
        read_events(events) if events is not None else read_events(str(file)) if recorded else []
    )
    if options["optimizer"] or options["versus"]:
        first = options["optimizer"] or (_first_lane(base) if base else "annealing")
        flat["lanes"] = ",".join([first, *options["versus"]])
    elif base is None:
        flat["lanes"] = "annealing,adam"
    flat |= _set(
        settings,
        {
            key: _as_option(key, options)
            for key in flat
            if key != "lanes" or options["optimizer"] or options["versus"]
        },
    )
    experiment = from_flat(
        flat,
        Experiment.parse(base, local_files=not recorded).to_json() if base is not None else None,
        local_files=True,
    )
    if experiment.seeds == 1:
        by_hand = of_seed(by_hand, 0)
    for note in experiment.dataset.notes():
        click.echo(note, err=True)
    apart({"FILE": file, "--events": events}, {"--weights": weights, "--checkpoint": checkpoint})
    folder = None if record is None else folder_target("--record", record)
    written = None if weights is None else file_target("--weights", weights)
    kept = None if checkpoint is None else file_target("--checkpoint", checkpoint)
    race, messages = _race(experiment, kept, record is not None, by_hand)
    recorder = Recorder(race, messages) if folder is not None else None
    with Interrupt(race.interrupt) as interrupt:
        try:
            _run(race, kept, recorder, interrupt)
        except KeyboardInterrupt:
            if interrupt.signal is not None or race.torn:
                raise  # the second signal: exit at once
        stopped = not race.finished
        unwritten: list[str] = []
        if kept and stopped:
            with _writing("--checkpoint", kept, unwritten):
                snapshot.save(race, kept, None if recorder is None else recorder.messages)
        if isinstance(race, SeedRaces):
            seeds = race.seed_results()
            rows = [row for one in seeds for row in one["lanes"]]
            result: dict[str, Any] = {"summary": summary_of(seeds), "seeds": seeds}
        else:
            rows = race.results()
            result = {"lanes": rows}
        result |= {
            "experiment": experiment.to_json(),
            "device": race.device.type,
            "dimension": race.network.dimension,
        }
        if race.done:
            result["events"] = race.done
        if written:
            from ..observation.weights_file import save

            with _writing("--weights", written, unwritten):
                result["weights"] = str(save(race, written))
        if recorder is not None and folder is not None:
            lanes = "-".join(lane.name for lane in experiment.lanes)
            last = experiment.seed + experiment.seeds - 1
            seed = f"seed{experiment.seed}" if experiment.seeds == 1 else ""
            seed = seed or f"seeds{experiment.seed}-{last}"
            name = f"{experiment.dataset.name}-{lanes}-{seed}"
            with _writing("--record", folder, unwritten):
                result["recording"] = str(
                    recorder.recording().write_new(folder, name, resumed=messages is not None)
                )
        if stopped:
            result["stopped"] = True
        click.echo(json.dumps(result, ensure_ascii=False) if as_json else _shown(result))
        if (
            kept and not stopped and not unwritten
        ):  # only now: everything it was kept for has been written
            kept.unlink(missing_ok=True)
    _told_unwritten(unwritten)
    if stopped:
        sys.exit(EXIT_SIGNAL + (interrupt.signal or SIGINT))
    _exit_by(rows)


def _run(race: AnyRace, kept: Path | None, recorder: Recorder | None, interrupt: Interrupt) -> None:
    """Run a race to its end, or until it is interrupted between two steps."""
    from ..race import checkpoint as snapshot

    saved_at = time.monotonic()
    with tqdm(
        total=1.0,
        unit="",
        file=sys.stderr,
        bar_format="{l_bar}{bar}| {elapsed}<{remaining} {postfix}",
        dynamic_ncols=True,
    ) as bar:
        race.heard = _long_steps(race, bar, interrupt)
        for frame in race:
            bar.n = race.progress
            rows = zip(race.lanes, frame.metrics["lanes"], strict=True)
            bar.set_postfix_str(
                "  ".join(f"{lane.optimizer.name} {row['loss']:.4g}" for lane, row in rows)
            )
            if recorder is not None:
                recorder.add(frame)
            if kept and time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                failed: list[str] = []
                with _writing("--checkpoint", kept, failed):
                    snapshot.save(race, kept, None if recorder is None else recorder.messages)
                for line in (
                    failed
                ):  # the race continues: the next write may succeed, and the results do not need it
                    bar.write(line, file=sys.stderr)
                saved_at = time.monotonic()


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


@cli.command(cls=Once)
@click.option("--dataset", help="Name of a dataset.")
@click.option("--network", help="Name of a network.")
@click.option("--loss", help="Name of a loss.")
@click.option(
    "--methods", help="Names of optimizers, with commas; by default all in the catalogue."
)
@click.option("--seconds", help="Budget: seconds for each method.")
@click.option("--evaluations", help="Budget: evaluations for each method.")
@click.option(
    "--flops", help="Budget: FLOPs for each method: matrix products in its networks and of its own."
)
@click.option("--seed", help="Seed of all random numbers.")
@click.option("--device", help="auto, cpu, cuda or mps.")
@click.option(
    "--precision", help="Of the products that evaluate populations: float32, tf32 or bf16."
)
@click.option(
    "--threads",
    help=(
        "Processor threads that work on each step, 1 to 256; results differ in their last digits "
        "with another number."
    ),
)
@click.option(
    "--keep",
    metavar="FILE",
    help="Save finished rows to this file; the same command then continues where it stopped.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with the results.")
def compare(methods: str | None, keep: str | None, as_json: bool, **options: Any) -> None:
    """Run every method from its defaults on one problem, with equal budgets, one after the other.

    Exit status: 0; 2 for bad input; 3 if a method failed, as its row says; 4 if rows could not be
    saved; 130 after Ctrl-C and 143 after SIGTERM.
    """
    from ..experiment.query_string import from_flat
    from ..optimizers import OPTIMIZERS
    from ..race.comparison import ranked, rows

    _none_empty({**options, "methods": methods, "keep": keep})
    kept = None if keep is None else file_target("--keep", keep)
    names = (
        [OPTIMIZERS.get(name.strip(), "--methods").name for name in methods.split(",")]
        if methods
        else OPTIMIZERS.names()
    )
    experiment = from_flat(
        {**{name: value for name, value in options.items() if value is not None}, "lanes": names[0]}
    )
    lost: list[str] = []
    found = rows(
        experiment, names, kept, lambda sentence: click.echo(sentence, err=True), lost.append
    )
    table, stopped = [], False
    with tqdm(total=len(names), unit="method", file=sys.stderr, dynamic_ncols=True) as bar:
        try:
            bar.set_postfix_str(names[0])
            for done, row in enumerate(found, 1):
                table.append(row)
                bar.update()
                bar.set_postfix_str(names[done] if done < len(names) else "")
        except KeyboardInterrupt:
            stopped = True
    about = {key: value for key, value in experiment.to_json().items() if key != "lanes"}
    ordered = ranked(table)
    result = {"experiment": about, "rows": ordered, "stopped": stopped}
    click.echo(json.dumps(result, ensure_ascii=False) if as_json else _comparison(ordered))
    _told_unwritten(lost)
    if stopped:
        sys.exit(EXIT_SIGNAL + SIGINT)
    _exit_by(ordered)


def _none_empty(options: dict[str, Any]) -> None:
    """Reject options without a value."""
    for name, value in options.items():
        for text in value if isinstance(value, tuple) else (value,):
            if text is not None and not text.strip():
                raise BadInput(f"--{name}", text, "a value, or the option left out")


def _as_option(key: str, options: dict[str, Any]) -> str:
    """Return the option that set a key, as it was written."""
    if key == "lanes":
        key = "optimizer" if options["optimizer"] else "versus"
    name = key.removeprefix("stop.")
    value = options[name]
    return f"--{name} {value[0] if isinstance(value, tuple) else value}"


def _set(settings: tuple[str, ...], given: dict[str, str]) -> dict[str, str]:
    """Return the values of ``--set`` by key; each key may be set only once.

    Args:
        settings: as they were written.
        given: keys already set by other options, with those options.
    """
    found: dict[str, str] = {}
    for text in settings:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not key:
            raise BadInput("--set", text, "KEY=VALUE, such as annealing.population_size=64")
        if key in given or key in found:
            raise BadInput(
                "--set",
                text,
                (
                    f"{key} once only "
                    f"({given[key] if key in given else f'--set {key}={found[key]}'} is given "
                    f"too)"
                ),
            )
        found[key] = value.strip()
    return found


@contextmanager
def _writing(option: str, path: Path, unwritten: list[str]) -> Iterator[None]:
    """Note what cannot be written, and report it after the results are printed."""
    try:
        yield
    except (OSError, BadInput) as error:
        why = error.allowed if isinstance(error, BadInput) else error.strerror or error
        unwritten.append(one_line(f"{option}: {str(path)!r} could not be written ({why})"))


def _told_unwritten(unwritten: list[str]) -> None:
    """Report in one line what could not be written, and exit with another status than 0."""
    if unwritten:
        click.echo("; ".join(unwritten), err=True)
        sys.exit(EXIT_UNWRITTEN)


def _exit_by(rows: list[dict[str, Any]]) -> None:
    """Exit with another status than 0 if a lane failed, after printing everything."""
    if any(row.get("trouble") for row in rows):
        sys.exit(EXIT_TROUBLE)


def _comparison(table: list[dict[str, Any]]) -> str:
    """Return the table of a comparison as text."""
    ran = [row for row in table if "refused" not in row]
    below = [
        f"{row['optimizer']} is not better than random search: {row['sentence']}"
        for row in ran
        if row["beats_random_search"] is False
    ]
    refused = [
        f"{row['optimizer']} cannot run this: it takes {row['refused']}"
        for row in table
        if "refused" in row
    ]
    return "\n".join([_table({"lanes": ran}), *below, *refused])


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

    return Experiment.parse(base).lanes[0].name


def _names(result: dict[str, Any]) -> list[str]:
    """Return the names of table rows: "sgd learning_rate=0.7" if several rows are of one method, as
    written in ``--set``; "sgd 2" if they do not differ.
    """
    from ..experiment.lane_names import told_apart

    lanes = result.get("experiment", {}).get("lanes") or [{} for _ in result["lanes"]]
    settings = [
        {field: value for field, value in lane.items() if field != "name"} for lane in lanes
    ]
    return told_apart(
        [row["optimizer"] for row in result["lanes"]],
        settings,
        lambda _, field, value: f" {field}={'none' if value is None else value}",
    )


def _shown(result: dict[str, Any]) -> str:
    """Return the results of a run as text: a table, or with several seeds their summary and one
    table for each.
    """
    if "seeds" not in result:
        return _table(result)
    parts = [_summary(result)]
    for one in result["seeds"]:
        about: dict[str, Any] = {
            name: result[name] for name in ("experiment", "stopped") if name in result
        }
        parts.append(f"seed {one['seed']}\n{_table({**about, 'lanes': one['lanes']})}")
    parts += [f"{what}: {result[what]}" for what in ("recording", "weights") if what in result]
    return "\n\n".join(parts)


def _summary(result: dict[str, Any]) -> str:
    """Return the medians over the seeds as a table, with quartiles in brackets."""
    count = len(result["seeds"])
    names = _names({**result, "lanes": result["summary"]})
    wide = max([20, *(len(name) + 2 for name in names)])
    head = f"{'median of ' + str(count) + ' seeds':<{wide}}"
    for title in ("loss", "accuracy", "test loss", "test acc."):
        head += f"{title + ' [quartiles]':>30}"
    lines = [f"{head}{'wins':>10}"]

    def number(value: float | None, form: str) -> str:
        return "—" if value is None else format(value, form)

    for name, row in zip(names, result["summary"], strict=True):
        line = f"{name:<{wide}}"
        for key, form in (
            ("loss", ".4g"),
            ("accuracy", ".1%"),
            ("test_loss", ".4g"),
            ("test_accuracy", ".1%"),
        ):
            told = row[key]
            text = "—"
            if told is not None:
                low, high = (number(value, form) for value in told["quartiles"])
                text = f"{number(told['median'], form)} [{low}, {high}]"
            line += f"{text:>30}"
        won = f"{row['wins']} of {count}"
        lines.append(f"{line}{won:>10}")
        if row["failed"]:
            lines.append(f"  ended early in {row['failed']} of {count} seeds")
    lines.append("wins: seeds in which the lane has the lowest training loss; ties count for none")
    return "\n".join(lines)


def _table(result: dict[str, Any]) -> str:
    names = _names(result)
    wide = max([20, *(len(name) + 2 for name in names)])
    lines = [
        f"{'optimizer':<{wide}}{'loss':>10}{'accuracy':>10}{'test loss':>11}{'test acc.':>11}"
        f"{'evaluations':>14}{'FLOPs':>11}{'seconds':>9}{'steps':>10}"
    ]
    for name, row in zip(names, result["lanes"], strict=True):
        loss, test_loss = (
            f"{row[key]:.4g}" if row[key] is not None else "—" for key in ("loss", "test_loss")
        )
        accuracy, test_accuracy = (
            f"{row[key]:.1%}" if row[key] is not None else "—"
            for key in ("accuracy", "test_accuracy")
        )
        lines.append(
            f"{name:<{wide}}{loss:>10}{accuracy:>10}{test_loss:>11}{test_accuracy:>11}"
            f"{row['evaluations']:>14,}{row['flops']:>11.3g}{row['seconds']:>9.1f}{row['steps']:>10,}"
        )
        budget = result.get("experiment", {}).get("budget")
        if (
            budget
            and abs(row.get("spent", 1.0) - 1) > TOLD
            and not (row.get("trouble") or row.get("stopped") or result.get("stopped"))
        ):
            lines.append(
                f"  spent {row['spent'] * budget['amount']:.3g} of {budget['amount']:.3g} "
                f"{budget['currency']}, as near as its steps allow"
            )
        lines += [f"  {row[why]}" for why in ("trouble", "stopped", "note") if row.get(why)]
    lines += [f"{what}: {result[what]}" for what in ("recording", "weights") if what in result]
    return "\n".join(lines)


def complain(text: str) -> NoReturn:
    """Print one line on stderr and exit with status 2."""
    click.echo(" ".join(text.split()), err=True)
    sys.exit(EXIT_BAD_INPUT)


def _program() -> str:
    """Return the name of the command: the package's own name if it is installed."""
    package = str(__package__).partition(".")[0]
    return "python -m engine" if package == "engine" else package


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. Every user error is one line and exit status 2, never a traceback."""
    try:
        check(sys.argv[1:] if arguments is None else arguments, "argument")
        settings.check()
        cli.main(args=arguments, prog_name=_program(), standalone_mode=False)
    except BadInput as error:
        complain(str(error))
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(EXIT_BAD_INPUT)
    except click.ClickException as error:
        complain(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped at once; a checkpoint is as it was last written", err=True)
        sys.exit(EXIT_SIGNAL + SIGINT)
    except MemoryError:
        complain(
            "experiment: it does not fit in this machine's memory; expected a smaller "
            "population, batch or network"
        )
