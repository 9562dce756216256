"""What the commands share: options, exit statuses, files that cannot be written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from safetensors import SafetensorError

from ..errors import BadInput, one_line
from ..system.output_files import file_target, folder_target

EXIT_BAD_INPUT = 2
EXIT_TROUBLE = 3
EXIT_UNWRITTEN = 4
"""All results are printed, but a requested file could not be written."""
EXIT_RANK = 5
"""One of the processes that share a race has ended, or differs from the others."""
EXIT_SIGNAL = 128
"""Added to the number of the signal that stopped the program, as shells do: 130 after Ctrl-C."""

Command = TypeVar("Command")


def _options(*options: Any) -> Any:
    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def file_to_write(option: str, name: str | None) -> Path | None:
    """Return a file that can be written, None for none; say so if its folder is made for it.

    Raises:
        BadInput: it is something else, or cannot be written.
    """
    if name is None:
        return None
    with _telling_of_new(option, Path(name).parent):
        return file_target(option, name)


def folder_to_write(option: str, name: str | None) -> Path | None:
    """Return a folder that can be written to, None for none; say so if it is made.

    Raises:
        BadInput: it is something else, or cannot be written.
    """
    if name is None:
        return None
    with _telling_of_new(option, Path(name)):
        return folder_target(option, name)


@contextmanager
def _telling_of_new(option: str, folder: Path) -> Iterator[None]:
    """Say so if the folder is there afterwards and was not before: a slip of the pen makes one."""
    new = not os.path.lexists(folder)
    yield
    if new:
        click.echo(f"{option}: made the folder {folder}", err=True)


problem_options = _options(
    click.option("--dataset", help="Name of a dataset."),
    click.option("--network", help="Name of a network."),
    click.option("--loss", help="Name of a loss."),
)
machine_options = _options(
    click.option("--device", help="auto, cpu, cuda or mps."),
    click.option(
        "--precision", help="Of the products that evaluate populations: float32, tf32 or bf16."
    ),
    click.option(
        "--threads",
        help=(
            "Processor threads that work on each step, 1 to 256; results differ in their last "
            "digits with another number."
        ),
    ),
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object with the results."
)


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


def reject_empty(options: dict[str, Any]) -> None:
    """Reject options without a value."""
    for name, value in options.items():
        for text in value if isinstance(value, tuple) else (value,):
            if text is not None and not text.strip():
                raise BadInput(f"--{name}", text, "a value, or the option left out")


@contextmanager
def noting_unwritten(option: str, path: Path, unwritten: list[str]) -> Iterator[None]:
    """Note what cannot be written, and report it after the results are printed."""
    try:
        yield
    except (OSError, BadInput, MemoryError, SafetensorError) as error:
        why = error.allowed if isinstance(error, BadInput) else getattr(error, "strerror", None)
        why = why or str(error) or "not enough memory"
        unwritten.append(one_line(f"{option}: {str(path)!r} could not be written ({why})"))


def exit_if_unwritten(unwritten: list[str]) -> None:
    """Report in one line what could not be written, and exit with another status than 0."""
    if unwritten:
        click.echo("; ".join(unwritten), err=True)
        sys.exit(EXIT_UNWRITTEN)


def exit_if_failed(rows: Sequence[Mapping[str, Any]]) -> None:
    """Exit with another status than 0 if a lane failed, after printing everything."""
    if any(row.get("trouble") for row in rows):
        sys.exit(EXIT_TROUBLE)
