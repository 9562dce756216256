"""`route`: one race of methods on a combinatorial problem, and its results."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from signal import SIGINT
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

from ..errors import BadInput
from ..system.input_checks import from_json
from ..system.output_files import apart, file_stem
from .options import (
    EXIT_SIGNAL,
    Once,
    exit_if_failed,
    exit_if_unwritten,
    folder_to_write,
    json_option,
    noting_unwritten,
    reject_empty,
)
from .settings import settings_given

if TYPE_CHECKING:
    from ..combinatorial.interventions import Event
    from ..combinatorial.race import CombinatorialRace, LaneResult
    from ..messages.recorder import Recorder

SUFFIXES = (".tsp", ".atsp", ".vrp", ".csv", ".tsv", ".txt")
"""Files of cities; any other existing file is tried too."""
KEYS = {
    "gap": "stop.gap",
    "length": "stop.length",
    "vehicles": "instance.vehicles",
    "runways": "instance.runways",
}


@click.command(cls=Once)
@click.argument("file", required=False)
@click.option("--method", help="Name of the first lane's method.")
@click.option("--versus", multiple=True, help="Name of another lane's method; up to three times.")
@click.option("--seconds", help="Budget: seconds of processor time for each lane.")
@click.option("--evaluations", help="Budget: distances that each lane may look at, such as 1e8.")
@click.option("--gap", help="A lane ends at this gap to the best known length, such as 0.01.")
@click.option("--length", help="A lane ends when its tour is at most this long.")
@click.option("--vehicles", help="The most vehicles there may be, where customers have demands.")
@click.option("--start", help="The first tour of all lanes: auto, random or greedy.")
@click.option("--runways", help="How many runways planes land on.")
@click.option("--seed", help="Seed of all random numbers.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting, such as annealing.schedule=cosine or instance.cities=500.",
)
@click.option("--record", metavar="DIR", help="Write a recording of the race into this folder.")
@click.option(
    "--write",
    metavar="DIR",
    help="Write every lane's best solution into this folder: tours as .tour, routes as .sol, "
    "rosters and landings as .csv.",
)
@click.option(
    "--events",
    metavar="FILE",
    help="Repeat interventions: a list of events as JSON, or a recording.",
)
@json_option
def route(
    file: str | None,
    settings: tuple[str, ...],
    record: str | None,
    write: str | None,
    events: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Search the best solution of FILE, such as the shortest round trip, and print what each
    method found.

    FILE is a file of TSPLIB (.tsp, .atsp) or CVRPLIB (.vrp), a table of cities (.csv), a problem of
    the OR-Library, an experiment (.json), a recording (.kelvin), or the name of an instance that
    needs no file
    (`route list` shows them).

    Exit status: 0; 2 for bad input; 3 if a lane failed and 4 if a file could not be written, after
    printing all results; 130 after Ctrl-C and 143 after SIGTERM.
    """
    if file == "list":
        click.echo(listed(as_json))
        return
    from ..combinatorial.query_string import from_flat
    from ..combinatorial.race import CombinatorialRace
    from ..messages.recorder import Recorder
    from ..race.interrupt import Interrupt

    reject_empty({**options, "record": record, "write": write, "events": events})
    base, by_hand = _base(file)
    if events is not None:
        by_hand = _events(events)
    flat = {
        KEYS.get(name, name): value
        for name, value in options.items()
        if name not in ("method", "versus") and value is not None
    }
    given = {key: f"--{key.rpartition('.')[2]} {value}" for key, value in flat.items()}
    if options["method"] or options["versus"]:
        first = options["method"] or _first_lane(base)
        flat["lanes"] = ",".join([first, *options["versus"]])
        given["lanes"] = f"--method {first}"
    flat |= settings_given(settings, given)
    experiment = from_flat(flat, base, local_files=True)
    for note in experiment.instance.notes():
        click.echo(note, err=True)
    apart({"FILE": file, "--events": events}, {})
    recordings = folder_to_write("--record", record)
    tours = folder_to_write("--write", write)
    race = CombinatorialRace(experiment, pictures=record is not None, events=by_hand)
    recorder = Recorder(race) if recordings is not None else None
    try:
        with Interrupt(race.interrupt) as interrupt:
            _run(race, recorder)
            stopped = not race.finished
            rows = race.results()
            result: dict[str, Any] = {
                "lanes": rows,
                "experiment": experiment.to_json(),
                "size": race.instance.size,
            }
            if race.done:
                result["events"] = race.done
            unwritten: list[str] = []
            if recorder is not None and recordings is not None:
                name = f"{race.instance.name}-{'-'.join(one.name for one in experiment.lanes)}"
                with noting_unwritten("--record", recordings, unwritten):
                    result["recording"] = str(
                        recorder.recording().write_new(recordings, f"{name}-seed{experiment.seed}")
                    )
            if tours is not None:
                with noting_unwritten("--write", tours, unwritten):
                    result["tours"] = _write(race, rows, tours)
            if stopped:
                result["stopped"] = True
            text = json.dumps(result, ensure_ascii=False) if as_json else route_text(result, race)
            click.echo(text)
    finally:
        race.close()
    exit_if_unwritten(unwritten)
    if stopped:
        sys.exit(EXIT_SIGNAL + (interrupt.signal or SIGINT))
    exit_if_failed(rows)


def _base(file: str | None) -> tuple[dict[str, Any], list[Event]]:
    """Return the JSON values that FILE stands for, and the interventions in it."""
    from ..combinatorial.instances import INSTANCES

    if file is None:
        return {}, []
    path = Path(file)
    if path.suffix == ".json":
        try:
            value = from_json(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not UTF-8 text"
            raise BadInput("FILE", file, f"a readable JSON file ({why})") from None
        except (ValueError, RecursionError) as error:
            raise BadInput("FILE", file, f"valid JSON ({error})") from None
        if not isinstance(value, dict):
            raise BadInput("FILE", value, "a JSON object describing an experiment")
        if "experiment" not in value:
            return value, []
        from ..combinatorial.interventions import parse_events

        # a result of `--json`: its experiment, and the interventions of that race
        return _object(value["experiment"], "experiment"), parse_events(value.get("events") or [])
    if path.suffix == ".kelvin":
        return _recorded(path)
    if file in INSTANCES and not path.exists():
        return {"instance": {"name": file}}, []
    if not path.exists():
        names = ", ".join(cls.name for cls in INSTANCES if not cls.needs_file)
        raise BadInput(
            "FILE", file, f"an existing file ({', '.join(SUFFIXES[:4])}), or one of {names}"
        )
    return {"instance": {"name": "file", "file": file}}, []


def _recorded(path: Path) -> tuple[dict[str, Any], list[Event]]:
    from ..combinatorial.interventions import parse_events
    from ..messages.recording import Recording

    recording = Recording.read(path)
    experiment = _object(recording.stage.get("experiment"), "FILE.experiment")
    if "instance" not in experiment:
        raise BadInput("FILE", str(path), "a recording of a route; `run` repeats other races")
    events = [
        event
        for message in recording
        if message["type"] == "metrics"
        for event in message.get("events", [])
    ]
    return experiment, parse_events(events)


def _object(value: Any, field: str) -> dict[str, Any]:
    """Return an experiment's JSON values.

    Raises:
        BadInput: they are none.
    """
    if not isinstance(value, dict):
        raise BadInput(field, value, "a JSON object describing an experiment")
    return dict(value)


def _events(file: str) -> list[Event]:
    from ..combinatorial.interventions import parse_events

    path = Path(file)
    if path.suffix == ".kelvin":
        return _recorded(path)[1]
    try:
        value = from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput("--events", file, f"a readable file ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise BadInput("--events", file, f"valid JSON ({error})") from None
    return parse_events(value)


def _first_lane(base: dict[str, Any]) -> str:
    from ..combinatorial.query_string import lanes_of

    first = next(iter(lanes_of(base)), {"name": "annealing"})
    return str(first.get("name"))


def _run(race: CombinatorialRace, recorder: Recorder | None) -> None:
    """Run a race to its end, or until it is interrupted between two steps."""
    form = "{l_bar}{bar}| {elapsed}<{remaining} {postfix}"
    with tqdm(total=1.0, unit="", file=sys.stderr, bar_format=form, dynamic_ncols=True) as bar:
        for frame in race:
            bar.n = race.progress
            rows = zip(race.lanes, frame.metrics["lanes"], strict=True)
            bar.set_postfix_str(
                "  ".join(
                    f"{lane.method.name} {'–' if row['loss'] is None else format(row['loss'], ',')}"
                    for lane, row in rows
                )
            )
            if recorder is not None:
                recorder.add(frame)


def _write(race: CombinatorialRace, rows: list[LaneResult], folder: Path) -> list[str | None]:
    """Write the checked best solutions, and return their paths."""
    from ..combinatorial.answers import written

    folder.mkdir(parents=True, exist_ok=True)
    paths: list[str | None] = []
    for lane, row in zip(race.lanes, rows, strict=True):
        found = race.best(lane)
        if found is None or row["best"] is None or not row["feasible"]:
            paths.append(None)
            continue
        name = f"{race.instance.name}.{lane.index + 1}-{lane.method.name}"
        suffix, text = written(race.instance, found[0], name, row["best"])
        path = folder / f"{file_stem(name)}{suffix}"
        path.write_text(text, encoding="utf-8")
        paths.append(str(path))
    return paths


def listed(as_json: bool) -> str:
    """Return the instances and methods to choose from."""
    from ..combinatorial.instances import INSTANCES
    from ..combinatorial.methods import METHODS

    everything = {
        "instances": [
            {**entry, "about": cls.about}
            for entry, cls in zip(INSTANCES.describe(), INSTANCES, strict=True)
        ],
        "methods": [
            {
                **entry,
                "family": cls.family,
                "sees": cls.sees,
                "sentence": cls.sentence,
                "paper": cls.paper,
            }
            for entry, cls in zip(METHODS.describe(), METHODS, strict=True)
        ],
    }
    if as_json:
        return json.dumps(everything, ensure_ascii=False)
    lines = []
    for heading, entries in everything.items():
        lines.append(heading)
        for entry in entries:
            note = entry.get("about") or f"sees {entry['sees']} · {entry['sentence']}"
            lines.append(f"  {entry['name']:<16} {entry['label']:<28} {note}".rstrip())
    return "\n".join(lines)


def route_text(result: dict[str, Any], race: CombinatorialRace) -> str:
    """Return the results as a table for people."""
    scale, unit = race.instance.scale, race.instance.unit
    known = race.best_known
    head = f"{race.instance.label}: {race.instance.size:,} {race.instance.things}"
    if known is not None:
        kind = "optimum" if known.proven else "best known"
        head += f", {kind} {known.value * scale:,.10g}{unit and ' ' + unit} ({known.by})"
    tour = race.instance.kind == "tour"
    travelled = race.instance.kind in ("tour", "routes")
    bound = race.observer.bound()
    if bound is not None and not (known is not None and known.proven):
        less = "shorter" if travelled else "cheaper"
        head += f", none is {less} than {bound * scale:,.10g}{unit and ' ' + unit}"
    price, reads = ("length", "distances") if travelled else ("price", "reads")
    wide = max(16, *(len(row["label"]) + 2 for row in result["lanes"]))
    titles = f"{price:>14}{'gap':>10}{'moves':>12}{reads:>12}{'seconds':>9}"
    lines = [head, f"{'':<{wide}}{titles}"]

    def counted(value: int | None) -> str:
        return "—" if value is None else f"{value:.3g}"

    for row in result["lanes"]:
        length = "—" if row["best"] is None else f"{row['best'] * scale:,.10g}"
        gap = "—" if row["gap"] is None else f"{row['gap']:.3%}"
        if row["gap"] is None and row["proved_gap"] is not None:
            gap = f"≤ {row['proved_gap']:.2%}"
        lines.append(
            f"{row['label']:<{wide}}{length:>14}{gap:>10}{counted(row['moves']):>12}"
            f"{counted(row['evaluations']):>12}{row['seconds']:>9.2f}"
        )
    for row in result["lanes"]:
        lines += [text for text in (row["trouble"], row["stopped"], row["note"]) if text]
    if result.get("stopped"):
        lines.append("stopped before the end")
    lines += [f"recording: {result['recording']}"] if "recording" in result else []
    lines += [f"{'tour' if tour else 'file'}: {path}" for path in result.get("tours", []) if path]
    return "\n".join(lines)
