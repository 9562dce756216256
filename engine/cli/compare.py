"""`compare`: every method on one problem."""

from __future__ import annotations

import json
import sys
from signal import SIGINT
from typing import Any

import click
from tqdm import tqdm

from .options import (
    EXIT_SIGNAL,
    Once,
    exit_if_failed,
    exit_if_unwritten,
    file_to_write,
    json_option,
    machine_options,
    problem_options,
    reject_empty,
)
from .results_text import comparison_table


@click.command(cls=Once)
@problem_options
@click.option(
    "--methods", help="Names of optimizers, with commas; by default all in the catalogue."
)
@click.option("--seconds", help="Budget: seconds for each method.")
@click.option("--evaluations", help="Budget: evaluations for each method.")
@click.option(
    "--flops", help="Budget: FLOPs for each method: matrix products in its networks and of its own."
)
@click.option("--seed", help="Seed of all random numbers.")
@machine_options
@click.option(
    "--keep",
    metavar="FILE",
    help="Save finished rows to this file; the same command then continues where it stopped.",
)
@json_option
def compare(methods: str | None, keep: str | None, as_json: bool, **options: Any) -> None:
    """Run every method from its defaults on one problem, with equal budgets, one after the other.

    Exit status: 0; 2 for bad input; 3 if a method failed, as its row says; 4 if rows could not be
    saved; 130 after Ctrl-C and 143 after SIGTERM.
    """
    from ..experiment.query_string import from_flat
    from ..optimizers import OPTIMIZERS
    from ..race.comparison import ranked, rows

    reject_empty({**options, "methods": methods, "keep": keep})
    kept = file_to_write("--keep", keep)
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
    click.echo(json.dumps(result, ensure_ascii=False) if as_json else comparison_table(ordered))
    exit_if_unwritten(lost)
    if stopped:
        sys.exit(EXIT_SIGNAL + SIGINT)
    exit_if_failed(ordered)
