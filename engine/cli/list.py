"""`list`: what can be picked."""

from __future__ import annotations

import json

import click

from .options import Once


@click.command("list", cls=Once)
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
